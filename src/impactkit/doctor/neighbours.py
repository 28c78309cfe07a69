"""Comparison schools that may have been treated after all, and treated schools treated twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from impactkit.comparison import ComparisonGroup, donut, outside_partnerships, outside_trusts
from impactkit.doctor.case import Case
from impactkit.doctor.finding import Fact, Finding, Kind, found
from impactkit.doctor.words import count
from impactkit.errors import EstimationError

CONTAMINATED = Kind(
    code="E5.comparison_in_partnerships",
    mistake="E5",
    title="Comparison schools were in partnerships too",
    section="Contamination",
    severity="warning",
    detector="Comparison schools in any partnership within {around_years} years of the study, or "
    "in the trust of a treated school: more than {contaminated:.0%} of them (up to it, a note).",
    consequence="They have had some of what is evaluated, so the effect looks smaller than it is.",
    remedy="Leave them out (`design.exclude`), and report the result with and without them.",
)
SPILLOVER = Kind(
    code="E9.neighbours",
    mistake="E9",
    title="Comparison schools next door to treated ones",
    section="Contamination",
    severity="warning",
    detector="Comparison schools within {near_km} km of a treated school: more than "
    "{contaminated:.0%} of them (up to it, a note). Needs easting and northing in `schools`.",
    consequence="They may gain from the partnership (staff, ideas) or lose to it (pupils), which "
    "moves the difference either way.",
    remedy="Report the result without these schools beside it (`design.exclude`).",
)
UNREAD = Kind(
    code="E5.memberships_not_read",
    mistake="E5",
    title="Other memberships were not read",
    section="Contamination",
    severity="note",
    detector="Rows of the files of memberships were set aside.",
    consequence="Comparison schools may be in these partnerships, and nobody would see it.",
    remedy="Read them as memberships too, and say in `treated` which are evaluated.",
)
OVERLAPPING = Kind(
    code="programmes.overlapping",
    title="Treated schools in two programmes at once",
    section="Contamination",
    severity="warning",
    detector="Treated schools in more than one partnership at the same time: more than "
    "{overlapping:.0%} of them (up to it, a note).",
    consequence="The effect of one programme cannot be told from that of the other.",
    remedy="Say which programme is meant, and report schools in that one only beside the result.",
)
KINDS = (CONTAMINATED, UNREAD, SPILLOVER, OVERLAPPING)


def of_study(case: Case) -> Iterator[Fact | Finding]:
    """Look for partners, trusts and neighbours of the schools of the primary outcome."""
    yield from _unread(case)
    for measure in list(case.panels)[:1]:
        schools = case.schools(measure)
        if schools["treated"].any() and not schools["treated"].all():
            yield from _contaminated(case, measure, schools)
            yield from _near(case, schools)
            yield from _overlapping(case, schools)


def _unread(case: Case) -> Iterator[Finding]:
    aside: dict[str, int] = {}
    for source in case.sources:
        for why, n in source.set_aside.items() if source.table == "memberships" else ():
            aside[why] = aside.get(why, 0) + n
    if aside:
        told = "; ".join(f"{n:,} rows: {why}" for why, n in aside.items())
        yield found(UNREAD, f"Set aside: {told}.", rows=sum(aside.values()))


def lost(screen: Callable[[], ComparisonGroup], n: int, *reasons: str) -> int:
    """Return how many comparison schools a screen leaves out for these reasons, of `n`."""
    try:
        group = screen()
    except EstimationError:  # nobody is left to compare with
        return n
    return sum(e.n_schools or 0 for e in group.exclusions if e.reason in reasons)


def _contaminated(case: Case, measure: str, schools: pl.DataFrame) -> Iterator[Fact | Finding]:
    names = {"unit": "school_key", "treated": "treated"}
    comparison = int((~schools["treated"]).sum())
    years = case.panels[measure].years
    around = case.limits.around_years
    members = case.tables["memberships"]
    if "left" not in members.columns:
        members = members.with_columns(left=pl.lit(None, pl.Date))
    # Later starters are compared until they join: their own joining is no contamination.
    never = schools.filter(pl.col("treated") | pl.col("cohort").is_null())
    partners = lost(
        lambda: outside_partnerships(
            never,
            members,
            window=(years[0], years[-1]),
            years=around,
            min_schools=case.design.min_schools,
            **names,
        ),
        never.height - int(never["treated"].sum()),
        "membership",
        "membership_undated",
    )
    trusts = 0
    known = "trust_uid" in case.register.columns
    if known:
        placed = schools.join(
            case.register.select("school_key", "trust_uid"), on="school_key", how="left"
        )
        trusts = lost(lambda: outside_trusts(placed, **names), comparison, "same_trust")
    text = (
        f"of {count(comparison, 'comparison school')}, {partners:,} were in a partnership within "
        f"{around} years of the study"
    )
    text += f"; {trusts:,} are in a treated school's trust" if known else "; trusts are not known"
    yield Fact(
        section="Contamination",
        text=text,
        numbers={"comparison": comparison, "partners": partners, "same_trust": trusts},
    )
    if partners or trusts:
        share = max(partners, trusts) / comparison
        yield found(
            CONTAMINATED,
            f"{text[0].upper()}{text[1:]}.",
            severity="warning" if share > case.limits.contaminated else "note",
            comparison=comparison,
            partners=partners,
            same_trust=trusts,
        )


def _near(case: Case, schools: pl.DataFrame) -> Iterator[Fact | Finding]:
    if not {"easting", "northing"} <= set(case.register.columns):
        text = "how near comparison schools are is not known: the study has no easting and northing"
        yield Fact(section="Contamination", text=text)
        return
    km = case.limits.near_km
    placed = schools.join(
        case.register.select("school_key", "easting", "northing"), on="school_key", how="left"
    )
    comparison = int((~schools["treated"]).sum())
    near = lost(
        lambda: donut(placed, unit="school_key", treated="treated", km=km), comparison, "near"
    )
    text = (
        f"{near:,} of {count(comparison, 'comparison school')} are within {km:g} km of a treated "
    )
    text += "school"
    yield Fact(section="Contamination", text=text, numbers={"near": near, "comparison": comparison})
    if near:
        yield found(
            SPILLOVER,
            f"{text}.",
            severity="warning" if near > case.limits.contaminated * comparison else "note",
            near=near,
            comparison=comparison,
        )


def _overlapping(case: Case, schools: pl.DataFrame) -> Iterator[Fact | Finding]:
    members = case.tables["memberships"].filter(pl.col("joined").is_not_null())
    if "left" not in members.columns:
        members = members.with_columns(left=pl.lit(None, pl.Date))
    treated = schools.filter("treated")
    mine = members.join(treated.select("school_key"), on="school_key", how="semi").select(
        "school_key", "partnership_id", "joined", "left"
    )
    pairs = mine.join(mine, on="school_key", suffix="_2").filter(
        (pl.col("partnership_id") != pl.col("partnership_id_2"))
        & (pl.col("joined_2") >= pl.col("joined"))
        & (pl.col("left").is_null() | (pl.col("joined_2") <= pl.col("left")))
    )
    twice = pairs["school_key"].n_unique()
    if twice:
        share = twice / treated.height
        yield found(
            OVERLAPPING,
            f"{twice:,} of {count(treated.height, 'treated school')} were in more than one "
            "partnership at the same time.",
            severity="warning" if share > case.limits.overlapping else "note",
            schools=twice,
            treated=treated.height,
        )
