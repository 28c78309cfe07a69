"""Which schools are the same school: links used, series that begin or stop at the wrong moment."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from impactkit.doctor.case import Case
from impactkit.doctor.finding import Fact, Finding, Kind, found
from impactkit.doctor.words import count
from impactkit.lineage import vanished

BEGINS = Kind(
    code="E4.begins_when_joining",
    mistake="E4",
    title="Figures begin when the school joined",
    section="Identity",
    severity="warning",
    detector="More than {begins:.0%} of the schools that join in the years of the study, and two "
    "or more, have no figure before, although comparison schools have.",
    consequence="Usually the school was there before, under another number: an academy gets a new "
    "URN. Without its years before it cannot be evaluated.",
    remedy="Give the study the links of URNs (`school_links`, reader gias.links) of a date after "
    "the last year.",
)
VANISHED = Kind(
    code="E4.vanished",
    mistake="E4",
    title="Schools left the series after joining",
    section="Identity",
    severity="warning",
    detector="More than {vanished:.0%} of treated schools have no figure in the last year.",
    consequence="Only survivors are compared: if those that closed did worse, the effect looks "
    "better than it was.",
    remedy="Look each of them up; link those that changed their number, and report the others.",
)
LASTED = Kind(
    code="E4.only_lasting_partnerships",
    mistake="E4",
    title="Only partnerships that lasted are in the register",
    section="Identity",
    severity="note",
    detector="No membership of {few_schools} or more has a date of leaving.",
    consequence="Registers drop partnerships that end: those that failed are missing, and the "
    "effect of those that are left looks better than that of all.",
    remedy="Ask for partnerships that ended, or use registers of several years.",
)
KINDS = (BEGINS, VANISHED, LASTED)


def of_measure(case: Case, measure: str) -> Iterator[Fact | Finding]:
    """Look for series that begin or stop at the wrong moment."""
    yield from _begins(case, measure)
    yield from _vanished(case, measure)


def of_study(case: Case) -> Iterator[Fact | Finding]:
    """Say how URNs were linked, and whether partnerships that ended are there."""
    yield _links(case)
    members = case.tables.get("memberships")
    if members is None or members.height < case.limits.few_schools:
        return
    if "left" not in members.columns or members["left"].is_null().all():
        evidence = f"None of {count(members.height, 'membership')} has a date of leaving."
        yield found(LASTED, evidence, memberships=members.height)


def _links(case: Case) -> Fact:
    if "school_links" not in case.tables:
        text = "no links between URNs were given: each URN is taken for a school of its own"
        return Fact(section="Identity", text=text)
    links = {name: case.links.get(name, 0) for name in ("link_rows", "chained_pairs", "chains")}
    return Fact(
        section="Identity",
        text=f"{links['link_rows']:,} rows of links: {count(links['chained_pairs'], 'succession')} "
        f"in {count(links['chains'], 'chain')} join URNs to one school",
        numbers=links,
    )


def _begins(case: Case, measure: str) -> Iterator[Fact | Finding]:
    frame = case.panels[measure].frame
    counts = case.panels[measure].counts
    if frame.is_empty():
        return
    first, last = frame["year"].min(), frame["year"].max()
    each = frame.group_by("school_key").agg(pl.col("cohort").first(), began=pl.col("year").min())
    joins = each.filter((pl.col("cohort") > first) & (pl.col("cohort") <= last))
    late = joins.filter(pl.col("began") >= pl.col("cohort")).height
    urns, schools = counts.get("urns"), counts.get("schools", 0)
    text = f"{count(schools, 'school')}" + (f" under {count(urns, 'URN')}" if urns else "")
    text += f"; {late:,} of {count(joins.height, 'school')} that joined have no year before"
    yield Fact(
        section="Identity",
        measure=measure,
        text=text,
        numbers={"schools": schools, "joined": joins.height, "begin_when_joining": late},
    )
    if late >= 2 and late > case.limits.begins * joins.height:
        yield found(
            BEGINS,
            f"{late:,} of {count(joins.height, 'school')} that joined in the years of the study "
            "have no figure before.",
            measure=measure,
            joined=joins.height,
            begin_when_joining=late,
        )


def _vanished(case: Case, measure: str) -> Iterator[Fact | Finding]:
    seen = vanished(case.panels[measure].frame, measure=measure, seen=case.rows(measure))
    text = seen.diagnostic().text
    yield Fact(section="Identity", measure=measure, text=text.rstrip("."))
    if seen.treated_share is not None and seen.treated_share > case.limits.vanished:
        yield found(
            VANISHED,
            text,
            measure=measure,
            gone=seen.treated_gone,
            treated=seen.n_treated,
            share=seen.treated_share,
        )
