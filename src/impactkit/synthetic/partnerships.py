"""Who works with whom: the choice of schools, and the registers of it.

With ``selection="worst"`` each new partnership takes those primary or secondary schools with the
lowest attainment in the year before it starts, among schools not yet in one; its supporter is
drawn from the best. With ``"random"`` both are drawn blindly. Either way nobody looks at what the
partnership will do.
"""

from __future__ import annotations

import datetime as dt

import attrs
import numpy as np
import polars as pl

from impactkit.errors import Problem, UsageError
from impactkit.synthetic.schools import Schools
from impactkit.synthetic.settings import Settings

PURPOSES = ("category_support", "ri_support", "mutual_development")
SECONDARY_SHARE = 1 / 8
INTERVENTIONS = {
    "supported": ("executive_head", "head_mentoring", "targeted_subject", "governance_support"),
    "mutual": ("joint_cpd", "peer_review", "middle_leader_coaching"),
}


@attrs.frozen(kw_only=True)
class Group:
    """One partnership by school index: who is treated, and who supports them (None: nobody).

    `end` is the last day, None while it lasts.
    """

    id: str
    start: dt.date
    cohort: int
    purpose: str
    treated: tuple[int, ...]
    supporter: int | None
    structure: str = "federation"
    end: dt.date | None = None

    def last_year(self, otherwise: int) -> int:
        """Return the last academic year in which it works."""
        return self.end.year if self.end else otherwise

    @property
    def members(self) -> tuple[int, ...]:
        """Every school in it."""
        return self.treated if self.supporter is None else (*self.treated, self.supporter)


def draw_groups(
    schools: Schools, attainment: np.ndarray, settings: Settings, rng: np.random.Generator
) -> tuple[Group, ...]:
    """Choose the schools of every partnership; `attainment` is untreated, school by year.

    Raises
    ------
    UsageError
        When there are too few schools for so many partnerships.
    """
    count = settings.n_partnerships
    sizes = rng.integers(2, 5, count)
    sizes[: round(settings.pairs * count)] = 1
    cohorts = np.resize(settings.cohorts, count)
    days = rng.integers(0, 120, count)
    # Neither phase nor purpose may go with the year of starting, or one would stand for the other.
    secondary = rng.permutation(count) < int(SECONDARY_SHARE * count)
    purposes = rng.permutation(np.resize(PURPOSES, count)).tolist()
    if settings.layout:
        sizes = np.array([part.treated for part in settings.layout])
        cohorts = np.array([part.cohort for part in settings.layout])
        secondary[:] = False
        purposes = [part.purpose for part in settings.layout]
    # A school cannot be a partnership by itself: where nobody supports it, it has a peer.
    sizes[(sizes == 1) & np.equal(purposes, "mutual_development")] = 2
    supported = np.array([purpose != "mutual_development" for purpose in purposes])

    free = (schools.opened == settings.years[0]) & (schools.merged_into < 0)
    clients: dict[int, np.ndarray] = {}
    supporters: dict[int, int] = {}
    waves = [
        (np.flatnonzero((cohorts == year) & (secondary == phase)), year, phase)
        for year in (sorted({*cohorts.tolist()}) if settings.layout else settings.cohorts)
        for phase in (False, True)
    ]
    for which, year, phase in waves:
        chosen = _choose(schools, free, phase, year, sizes[which].sum(), attainment, settings, rng)
        free[chosen] = False
        parts = np.split(rng.permutation(chosen), np.cumsum(sizes[which])[:-1])
        clients.update(zip(which.tolist(), parts, strict=False))
    for which, year, phase in waves:
        which = which[supported[which]]
        chosen = _choose(schools, free, phase, year, len(which), -attainment, settings, rng)
        free[chosen] = False
        supporters.update(zip(which.tolist(), chosen.tolist(), strict=True))
    return tuple(
        Group(
            id=f"P{p + 1:04d}",
            start=dt.date(int(cohorts[p]) - 1, 9, 1) + dt.timedelta(days=int(days[p])),
            cohort=int(cohorts[p]),
            purpose=purposes[p],
            treated=tuple(sorted(clients[p].tolist())),
            supporter=supporters.get(p),
        )
        for p in range(count)
    )


def _choose(
    schools: Schools,
    free: np.ndarray,
    phase: bool,
    year: int,
    wanted: int,
    low_first: np.ndarray,
    settings: Settings,
    rng: np.random.Generator,
) -> np.ndarray:
    pool = np.flatnonzero(free & (schools.secondary == phase) & (schools.last > year))
    if len(pool) < wanted:
        raise UsageError(
            Problem(
                code="synthetic.setting",
                column="n_partnerships",
                value=str(settings.n_partnerships),
                rule=f"only {len(pool)} schools are left for partnerships that start in {year}",
                remedy="Use fewer partnerships or more schools.",
            )
        )
    if settings.selection == "random":
        return rng.permutation(pool)[:wanted]
    before = low_first[pool, settings.span.index(year) - 1]
    return pool[np.argsort(before, kind="stable")][:wanted]


def cohort_of(groups: tuple[Group, ...], n_schools: int) -> np.ndarray:
    """Return the first exposed year of each school, 0 for never; supporters are not exposed."""
    cohort = np.zeros(n_schools, dtype=np.int64)
    for group in groups:
        cohort[list(group.treated)] = group.cohort
    return cohort


def partnerships_table(groups: tuple[Group, ...], schools: Schools) -> pl.DataFrame:
    """Return the table `partnerships`."""
    places = schools.places
    leads = [group.members[-1] for group in groups]
    return pl.DataFrame(
        {
            "partnership_id": [group.id for group in groups],
            "name": [f"The {places[lead]} Federation" for lead in leads],
            "structure": [group.structure for group in groups],
            "purpose": [group.purpose for group in groups],
            "lead_urn": [
                urn_at(schools, lead, group.cohort)
                for lead, group in zip(leads, groups, strict=True)
            ],
            "start_date": [group.start for group in groups],
            "end_date": pl.Series([group.end for group in groups], dtype=pl.Date),
        }
    )


def memberships_table(
    groups: tuple[Group, ...], schools: Schools, settings: Settings
) -> pl.DataFrame:
    """Return the table `memberships`; a school that closes leaves on the day it closes."""
    rows = []
    for group in groups:
        role = "peer" if group.purpose == "mutual_development" else "client"
        roles = [role] * len(group.treated) + ["supporter"]
        for i, part in zip(group.members, roles, strict=False):
            closing = int(schools.last[i])
            left = dt.date(closing, 8, 31) if closing < settings.years[1] else None
            left = min(filter(None, (left, group.end)), default=None)
            urn = urn_at(schools, i, group.cohort)
            rows.append((group.id, schools.key[i], urn, part, group.start, left))
    types = [pl.String, pl.String, pl.Int64, pl.String, pl.Date, pl.Date]
    names = ["partnership_id", "school_key", "urn", "role", "joined", "left"]
    return pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")


def interventions_table(
    groups: tuple[Group, ...], schools: Schools, settings: Settings, rng: np.random.Generator
) -> pl.DataFrame:
    """Return the table `interventions`: one or two kinds of help to each treated school."""
    rows: list[dict[str, object]] = []
    for group in groups:
        kinds = INTERVENTIONS["mutual" if group.supporter is None else "supported"]
        for i in group.treated:
            for kind in rng.permutation(kinds)[: rng.integers(1, 3)]:
                planned = float(rng.integers(5, 41))
                rows.append(
                    {
                        "intervention_id": f"I{len(rows) + 1:05d}",
                        "partnership_id": group.id,
                        "school_key": schools.key[i],
                        "urn": urn_at(schools, i, group.cohort),
                        "type": str(kind),
                        "start": group.start,
                        "end": dt.date(min(group.cohort + 1, settings.years[1]), 7, 20),
                        "dose_planned": planned,
                        "dose_delivered": float(rng.binomial(int(planned), 0.85)),
                        "dose_unit": "days",
                        "cost_gbp": 450.0 * planned,
                    }
                )
    return pl.DataFrame(rows)


def urn_at(schools: Schools, i: int, year: int) -> int:
    """Return the URN of school `i` in `year`."""
    after = 0 < schools.converted[i] <= year
    return int(schools.successor_urn[i] if after else schools.urn[i])
