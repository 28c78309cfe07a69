"""Leaders: who holds which post, who leaves, and where the next one comes from.

On 31 August of each year every leader leaves leadership with a known chance that depends on the
level and on whether the school is in a partnership. Each vacancy is then filled, highest level
first, from a source drawn with known chances; whoever moves leaves a vacancy behind, which is
filled in the same way. So the retention of any cohort and the shares of appointments are planted,
whatever chain of moves follows.

Moves join schools of the same phase and of the same kind (never in a partnership, in one now, in
one later), or a person's hazard would change on the way and the truth would blur. Schools that
close, open or merge are not in the staff register.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping

import attrs
import numpy as np
import polars as pl

from impactkit.synthetic.partnerships import Group, urn_at
from impactkit.synthetic.schools import Schools
from impactkit.synthetic.settings import LADDER, Settings

DESTINATIONS = ("retired", "left_state_sector", "trust_central", "unknown")
DESTINATION_SHARES = (0.4, 0.35, 0.1, 0.15)
LA_SHARE_OF_EXTERNAL = 0.7
MOVE_SHARE = 0.5
"""Of appointments from other schools of the authority, those that move a leader in the register;
the others promote somebody from a classroom there."""
VACANCY_DAYS = 35
TRIES = 8
_FILLED = pl.date(pl.col("year"), 4, 1) + pl.duration(days=pl.col("wait"))
LATER, MEMBER, FORMER, NEVER = "later", "member", "former", "never"


def exit_hazards(settings: Settings) -> dict[tuple[str, str], float]:
    """Return the planted yearly hazard by group and level."""
    base = settings.exit_hazard
    ratio = {"other": 1.0, "partnership": settings.partnership_exit_ratio}
    return {(group, level): base[level] * ratio[group] for group in ratio for level in LADDER}


def appointment_shares(settings: Settings) -> dict[str, dict[str, float]]:
    """Return the planted chance of each source of an appointment, by group."""
    return {
        "partnership": _shares(settings.partnership_internal_share, settings.partner_share),
        "other": _shares(settings.internal_share, 0.0),
    }


def _shares(internal: float, partner: float) -> dict[str, float]:
    external = 1 - internal - partner
    return {
        "internal_school": internal,
        "internal_partnership": partner,
        "external_la": external * LA_SHARE_OF_EXTERNAL,
        "external_other": external * (1 - LA_SHARE_OF_EXTERNAL),
    }


@attrs.frozen(kw_only=True, eq=False)
class _Staff:
    """The posts of the county and, growing as the years pass, every spell and appointment."""

    schools: Schools
    rng: np.random.Generator
    joined: Mapping[int, int]
    last: Mapping[int, int]
    partners: Mapping[int, tuple[int, ...]]
    school: list[int]
    level: list[int]
    by_school: Mapping[int, list[int]]
    holder: list[int] = attrs.field(factory=list)
    spells: list[list[object]] = attrs.field(factory=list)
    appointments: list[tuple[int, int, str]] = attrs.field(factory=list)
    people: list[int] = attrs.field(factory=lambda: [0])

    def kind(self, school: int, year: int) -> str:
        if school not in self.joined:
            return NEVER
        if year > self.last[school]:
            return FORMER
        return MEMBER if self.joined[school] <= year else LATER

    def newcomer(self) -> str:
        self.people[0] += 1
        return f"S{self.people[0]:06d}"

    def start(self, post: int, person: str, year: int, origin: str) -> None:
        """Put a person in a post from 1 September; `year` is the academic year that begins."""
        school = self.school[post]
        spell = [
            person,
            self.schools.key[school],
            urn_at(self.schools, school, year),
            LADDER[self.level[post]],
            1.0,
            dt.date(year - 1, 9, 1),
            None,
            origin,
            None,
            False,
            "Secondary" if self.schools.secondary[school] else "Primary",
        ]
        self.holder[post] = len(self.spells)
        self.spells.append(spell)

    def end(self, post: int, year: int, destination: str) -> str:
        """End the spell in a post on 31 August of `year`; return the person."""
        spell = self.spells[self.holder[post]]
        spell[6], spell[8] = dt.date(year, 8, 31), destination
        return str(spell[0])


def simulate_staff(
    schools: Schools, groups: tuple[Group, ...], settings: Settings, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the tables `leadership_spells` and `appointments`.

    The register opens on 1 September of the first year: whoever is in post then starts that day,
    with origin `unknown` and no appointment. It ends with those who start after the last year, so
    that the last turnover is whole. `end` is null for those still in post.
    """
    staff = _open_register(schools, groups, settings, rng)
    hazards, shares = exit_hazards(settings), appointment_shares(settings)
    for year in settings.span:
        _turn_over(staff, year, hazards, shares)
    return _spells_frame(staff), _appointments_frame(staff)


def _open_register(
    schools: Schools, groups: tuple[Group, ...], settings: Settings, rng: np.random.Generator
) -> _Staff:
    first, last = settings.years
    lasting = np.flatnonzero((schools.opened == first) & (schools.last == last))
    n_deputies = 1 + (schools.roll[lasting] > 400)
    n_assistants = 1 + (schools.roll[lasting] > 250) + (schools.roll[lasting] > 700)
    n_middle = 3 + (schools.roll[lasting] > 150) + 4 * schools.secondary[lasting]
    counts = np.stack([n_middle, n_assistants, n_deputies, np.ones_like(n_middle)], axis=1)
    school = np.repeat(np.repeat(lasting, len(LADDER)), counts.ravel()).tolist()
    level = np.repeat(np.tile(np.arange(len(LADDER)), len(lasting)), counts.ravel()).tolist()
    by_school: dict[int, list[int]] = defaultdict(list)
    for post, where in enumerate(school):
        by_school[where].append(post)
    staff = _Staff(
        schools=schools,
        rng=rng,
        joined={i: group.cohort for group in groups for i in group.members},
        last={i: group.last_year(last + 1) for group in groups for i in group.members},
        partners={
            i: tuple(j for j in group.members if j != i and j in by_school)
            for group in groups
            for i in group.members
        },
        school=school,
        level=level,
        by_school=by_school,
        holder=[-1] * len(school),
    )
    for post in range(len(school)):
        staff.start(post, staff.newcomer(), first, "unknown")
    return staff


def _turn_over(
    staff: _Staff,
    year: int,
    hazards: Mapping[tuple[str, str], float],
    shares: Mapping[str, Mapping[str, float]],
) -> None:
    """Let people leave at the end of `year`, and fill every vacancy for the year after."""
    rng, n = staff.rng, len(staff.school)
    kind_now = {school: staff.kind(school, year) for school in staff.by_school}
    kind_next = {school: staff.kind(school, year + 1) for school in staff.by_school}
    hazard = [
        hazards["partnership" if kind_now[school] == MEMBER else "other", LADDER[level]]
        for school, level in zip(staff.school, staff.level, strict=True)
    ]
    leaving = np.flatnonzero(rng.random(n) < hazard).tolist()
    why = rng.choice(len(DESTINATIONS), len(leaving), p=DESTINATION_SHARES).tolist()
    for post, choice in zip(leaving, why, strict=True):
        staff.end(post, year, DESTINATIONS[choice])
    # A post is settled once its holder for next year is certain: gone, moved or newly appointed.
    settled = set(leaving)
    pools: dict[tuple[str, bool, int], list[int]] = defaultdict(list)
    for post, (school, level) in enumerate(zip(staff.school, staff.level, strict=True)):
        pools[kind_next[school], bool(staff.schools.secondary[school]), level].append(post)
    vacant = sorted(leaving, key=lambda post: staff.level[post])
    while vacant:
        post = vacant.pop()
        kind = kind_next[staff.school[post]]
        # Posts are advertised in the spring, when next year's partners are not yet partners.
        already = kind_now[staff.school[post]] == MEMBER
        source = _draw(shares["partnership" if already else "other"], rng.random())
        giver, destination = _candidate(staff, post, source, settled, pools, kind)
        if giver is None:
            person = staff.newcomer()
        else:
            person = staff.end(giver, year, destination)
            settled.add(giver)
            vacant.append(giver)
        settled.add(post)
        staff.start(post, person, year + 1, source)
        staff.appointments.append((post, year, source))


def _draw(shares: Mapping[str, float], u: float) -> str:
    for source, share in shares.items():
        if u < share:
            return source
        u -= share
    return source


def _candidate(
    staff: _Staff,
    post: int,
    source: str,
    settled: set[int],
    pools: Mapping[tuple[str, bool, int], list[int]],
    kind: str,
) -> tuple[int | None, str]:
    """Return the post whose holder moves up or across, or None for somebody new to leadership."""
    rng, school, level = staff.rng, staff.school[post], staff.level[post]
    if source == "internal_school":
        below = [p for p in staff.by_school[school] if p not in settled and staff.level[p] < level]
        best = max((staff.level[p] for p in below), default=-1)
        return _any([p for p in below if staff.level[p] == best], rng), "promoted_same"
    if source == "internal_partnership":
        near = [
            p
            for partner in staff.partners[school]
            for p in staff.by_school[partner]
            if p not in settled and level - 1 <= staff.level[p] <= level
        ]
        giver = _any(near, rng)
        across = giver is not None and staff.level[giver] == level
        return giver, "lateral_partner" if across else "promoted_partner"
    if source == "external_la" and rng.random() < MOVE_SHARE:
        pool = pools[kind, bool(staff.schools.secondary[school]), level]
        partners = staff.partners.get(school, ())
        for draw in rng.integers(0, len(pool), TRIES).tolist():
            giver = pool[draw]
            elsewhere = staff.school[giver] != school and staff.school[giver] not in partners
            if giver not in settled and elsewhere:
                return giver, "other_school"
    return None, ""


def _any(posts: list[int], rng: np.random.Generator) -> int | None:
    return posts[rng.integers(len(posts))] if posts else None


def _spells_frame(staff: _Staff) -> pl.DataFrame:
    types = {
        "staff_key": pl.String,
        "school_key": pl.String,
        "urn": pl.Int64,
        "level": pl.String,
        "fte": pl.Float64,
        "start": pl.Date,
        "end": pl.Date,
        "origin": pl.String,
        "destination": pl.String,
        "interim": pl.Boolean,
        "phase": pl.String,
    }
    return pl.DataFrame(staff.spells, schema=types, orient="row")


def _appointments_frame(staff: _Staff) -> pl.DataFrame:
    """Return one row for each post filled: advertised and decided in the spring before."""
    rng, n = staff.rng, len(staff.appointments)
    post, year, source = (
        zip(*staff.appointments, strict=True) if staff.appointments else ((), (), ())
    )
    school = np.array(staff.school)[list(post)]
    converted = staff.schools.converted[school]
    as_academy = (converted > 0) & (np.array(year) >= converted)
    applicants = 1 + rng.poisson(4, n)
    inside = np.array(source) == "internal_school"
    return pl.DataFrame(
        {
            "appointment_id": [f"A{i + 1:06d}" for i in range(n)],
            "school_key": staff.schools.key[school],
            "urn": np.where(
                as_academy, staff.schools.successor_urn[school], staff.schools.urn[school]
            ),
            "level": np.array(LADDER)[np.array(staff.level)[list(post)]],
            "year": year,
            "wait": rng.integers(0, 100, n),
            "open_for": rng.poisson(VACANCY_DAYS, n),
            "applicants": applicants,
            "internal_shortlisted": inside + rng.binomial(np.minimum(applicants - inside, 2), 0.2),
            "appointed_source": source,
        }
    ).select(
        "appointment_id",
        "school_key",
        "urn",
        "level",
        (_FILLED - pl.duration(days=pl.col("open_for"))).alias("advertised"),
        _FILLED.alias("filled"),
        "applicants",
        "internal_shortlisted",
        "appointed_source",
    )
