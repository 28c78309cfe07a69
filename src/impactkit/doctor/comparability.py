"""What can be compared with what: breaks in a measure's meaning, and years without publication."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from impactkit.doctor.case import Case
from impactkit.doctor.finding import Fact, Finding, Kind, found
from impactkit.doctor.words import count, years_words
from impactkit.panel.breaks import breaks_crossed, gap_years_filled, suspicious_zeros
from impactkit.types import Break

BREAK = Kind(
    code="E3.break_crossed",
    mistake="E3",
    title="The measure changed its meaning",
    section="Comparability",
    severity="error",
    detector="The years of the panel lie on both sides of a hard break of the measure registry; a "
    "warning when the study standardises the outcome.",
    consequence="What moves in that year is the definition, not the schools; standardised, an "
    "effect rests on the belief that schools keep their ranks.",
    remedy="Keep the years to one side of the break (`years`), or set `standardise` in [design] "
    "and show the years before and after it apart.",
)
SOFT_BREAK = Kind(
    code="E3.soft_break",
    mistake="E3",
    title="The measure changed a little",
    section="Comparability",
    severity="warning",
    detector="The years of the panel lie on both sides of a soft break of the measure registry.",
    consequence="Part of a change in that year may be the definition. Where it touched treated and "
    "comparison schools alike, their difference is spared.",
    remedy="Show the break in the chart, and look whether the result hangs on that year.",
)
GAP_FILLED = Kind(
    code="E10.gap_filled",
    mistake="E10",
    title="Values for years that were never published",
    section="Comparability",
    severity="error",
    detector="A value of a year that the measure registry has as a gap (no tests in 2019/20 and "
    "2020/21, no key stage 2 results by school for 2021/22), or of a year before the measure began "
    "or after it ended.",
    consequence="They were estimated, carried forward or given another year's name; they are no "
    "observations.",
    remedy="Take these rows out: a panel needs none for such a year, and event time runs on.",
)
ZEROS = Kind(
    code="E10.zeros_for_symbols",
    mistake="E10",
    title="Zeros where the source has a symbol",
    section="Values",
    severity="error",
    detector="Five zeros or more in a year of a measure that cannot be negative, where other "
    "years have symbols in their place, or no other value lies between 0 and half the median.",
    consequence="A suppressed figure is not 0; every mean is pulled down, most for small schools.",
    remedy="Read the published file as it is, or write the symbol (SUPP, c, x) in place of 0; or "
    "leave the year out (`design.leave_out`).",
)
KINDS = (BREAK, SOFT_BREAK, GAP_FILLED, ZEROS)


def of_measure(case: Case, measure: str) -> Iterator[Fact | Finding]:
    """Hold the years of an outcome against what the registry knows of its measure."""
    known = case.measures.get(measure)
    years = case.panels[measure].years
    if not years:
        return
    breaks = breaks_crossed(known, years) if known else ()
    gaps = [year for year in range(years[0], years[-1]) if year not in years]
    text = f"{years_words([years[0]])} to {years_words([years[-1]])}"
    text += f", no value in {years_words(gaps)}" if gaps else ", every year"
    text += f"; breaks: {'; '.join(map(_told, breaks))}" if breaks else "; no known break"
    yield Fact(
        section="Comparability",
        measure=measure,
        text=text,
        numbers={"years": len(years), "gaps": len(gaps), "breaks": len(breaks)},
    )
    for warning in case.panels[measure].warnings:
        yield Fact(section="Comparability", measure=measure, text=warning.rstrip("."))
    standardised = case.design.standardise != "none"
    for change in breaks:
        kind = BREAK if change.hard else SOFT_BREAK
        yield found(
            kind,
            f"{_told(change)}.",
            measure=measure,
            severity="warning" if change.hard and standardised else None,
            year=change.year,
        )


def _told(change: Break) -> str:
    text = (
        f"{years_words([change.year])}: {change.text}"
        if change.text
        else years_words([change.year])
    )
    return text.rstrip(".")


def of_study(case: Case) -> Iterator[Finding]:
    """Report values of years without publication, and outcomes with zeros in place of symbols."""
    outcomes = case.tables.get("outcomes")
    if outcomes is None:
        return
    for problem in gap_years_filled(outcomes, case.measures):
        evidence = str(attrs.evolve(problem, remedy="", row=None))
        yield found(GAP_FILLED, evidence, values=problem.count)
    designed = {m: case.measures[m] for m in case.design.outcome if m in case.measures}
    for zeros in suspicious_zeros(outcomes, designed):
        panel = case.panels.get(zeros.measure)
        if panel is not None and zeros.year not in panel.years:  # the design leaves it out
            continue
        yield found(
            ZEROS,
            f"{zeros.n_zeros:,} of {count(zeros.n_values, 'value')} of {years_words([zeros.year])} "
            f"are 0: {zeros.evidence}.",
            measure=zeros.measure,
            year=zeros.year,
            zeros=zeros.n_zeros,
            values=zeros.n_values,
        )
