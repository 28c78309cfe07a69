"""People of a full county seen as future leaders, who fills in, and how many teachers stay.

Somebody in the pool is promoted or leaves with chances that are the same in every year, larger for
promotion in partnerships; the two compete. Of a school's teachers a known share stays to the next
census, more of them in partnerships from the first year on; of the others some retire.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from impactkit.synthetic.further import World
from impactkit.synthetic.partnerships import urn_at

PROMOTED = {"partnership": 0.24, "other": 0.14}
LEFT = 0.08
"""Chances in a year, as rates: of promotion, and of leaving."""
A_YEAR = 0.35
"""People of a school who are seen as future leaders in a year, on average."""
READY = ("ready_now", "ready_in_2_years", "later")
NEXT = ("senior_assistant", "senior_deputy", "head")
STAY = 0.84
BETTER = 0.05
"""Added to the share that stays, in schools that are in a partnership."""
RETIRE = 0.3
"""Share of teachers who do not stay that retire."""
BETWEEN = 0.03
INTERIM = 0.03
"""Posts a school that are filled for a while, in a year."""


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return `talent_pool`, rows of `leadership_spells`, columns of `school_years`; the truth."""
    three = {group: _incidence(rate, 3.0) for group, rate in PROMOTED.items()}
    return {
        "talent_pool": _pool(world, rng),
        "leadership_spells": _interims(world, rng),
        "school_years": _stayers(world, rng),
    }, {
        **{f"promoted_in_3_{group}": share for group, share in three.items()},
        "stay_better": 100 * BETTER,
        "stay": 100 * STAY,
    }


def _incidence(rate: float, years: float) -> float:
    """Return the chance of promotion within some years where leaving competes."""
    both = rate + LEFT
    return float(rate / both * (1 - np.exp(-both * years)))


def _pool(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Return people with the day they were seen, and what became of them by the last day."""
    first, last = dt.date(world.settings.years[0], 9, 1), dt.date(world.settings.years[1], 8, 31)
    span = (last - first).days
    terms = {i: (g.start, g.end or last) for g in world.groups for i in g.members}
    rows: list[dict[str, Any]] = []
    known = world.tables["leadership_spells"]["school_key"].unique().to_list()
    staffed = np.flatnonzero(np.isin(world.schools.key, known)).tolist()
    for i in staffed:
        for _ in range(rng.poisson(A_YEAR * span / 365.25)):
            day = first + dt.timedelta(days=int(rng.integers(0, span)))
            inside = i in terms and terms[i][0] <= day <= terms[i][1]
            promoted = PROMOTED["partnership" if inside else "other"]
            waits = rng.exponential(1 / (promoted + LEFT))
            ended = day + dt.timedelta(days=max(1, round(waits * 365.25)))
            rises = rng.random() < promoted / (promoted + LEFT)
            over = ended <= last
            begun = day + dt.timedelta(days=int(rng.integers(20, 400)))
            joins = rng.random() < 0.7 and begun <= min(ended, last)
            rows.append(
                {
                    "staff_key": f"T{len(rows) + 1:05d}",
                    "school_key": world.schools.key[i],
                    "urn": urn_at(world.schools, i, day.year),
                    "identified_on": day,
                    "for_level": str(rng.choice(NEXT)),
                    "readiness": str(rng.choice(READY, p=(0.3, 0.45, 0.25))),
                    "programme": "future leaders" if joins else None,
                    "started_on": begun if joins else None,
                    "promoted_on": ended if over and rises else None,
                    "left_on": ended if over and not rises else None,
                    "observed_until": last,
                }
            )
    types = {
        **dict.fromkeys(("programme",), pl.String),
        **dict.fromkeys(("started_on", "promoted_on", "left_on"), pl.Date),
    }
    return pl.DataFrame(rows, schema_overrides=types)


def _interims(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Return posts that somebody from elsewhere fills for a while."""
    spells = world.tables["leadership_spells"]
    schools = spells.select("school_key", "urn", "phase").unique(
        "school_key", keep="first", maintain_order=True
    )
    rows: list[dict[str, Any]] = []
    for year in world.settings.span[1:]:
        for school, urn, phase in schools.rows():
            if rng.random() >= INTERIM:
                continue
            start = dt.date(year - 1, 9, 1) + dt.timedelta(days=int(rng.integers(0, 200)))
            rows.append(
                {
                    "staff_key": f"I{len(rows) + 1:05d}",
                    "school_key": school,
                    "urn": urn,
                    "level": str(rng.choice(NEXT)),
                    "fte": 1.0,
                    "start": start,
                    "end": start + dt.timedelta(days=int(rng.integers(20, 160))),
                    "origin": "external_la",
                    "destination": "unknown",
                    "interim": True,
                    "phase": phase,
                }
            )
    return pl.DataFrame(rows)


def _stayers(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Return teachers at each census who are there at the next, and who retired; last year none."""
    years = world.tables["school_years"].select("school_key", "urn", "year", "teachers")
    # From the year in which a school joins: its teachers of that census can see what it is.
    cohort = dict(zip(world.schools.key.tolist(), world.cohort().tolist(), strict=True))
    usual = dict(
        zip(world.schools.key.tolist(), rng.normal(0, BETWEEN, world.schools.n), strict=True)
    )
    inside = np.array([0 < cohort[k] <= y for k, y in years.select("school_key", "year").rows()])
    share = STAY + BETTER * inside + np.array([usual[k] for k in years["school_key"]])
    teachers = years["teachers"].to_numpy()
    stayed = rng.binomial(teachers, share.clip(0.4, 0.99))
    retired = rng.binomial(teachers - stayed, RETIRE)
    moved = rng.binomial(teachers - stayed - retired, 0.1 * inside)
    over = pl.col("year") == world.settings.years[1]
    return years.with_columns(
        pl.when(~over).then(pl.Series(values)).alias(name)
        for name, values in (
            ("teachers_stayed", stayed),
            ("teachers_retired", retired),
            ("teachers_moved_partner", moved),
        )
    ).drop("teachers")
