"""Whether the years that a study uses can stand side by side: refused or flagged before estimates.

Crossing a hard break is refused with the published values, because what moves there is the
definition. Standardised within year and phase it is allowed and flagged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from impactkit.errors import Problem, did_you_mean
from impactkit.panel.breaks import (
    breaks_crossed,
    continued,
    gap_years_filled,
    suspicious_zeros,
    years_of,
)
from impactkit.types import Break, Measure, Period

if TYPE_CHECKING:
    from impactkit.pipeline.ground import Ground
    from impactkit.study import Study


def comparability(ground: Ground) -> tuple[Problem, ...]:
    """Return what is wrong with the years of the outcomes, and what a reader should know of them.

    Values of years that were never published are errors, and so are zeros that look like symbols,
    and a hard break that the study's outcomes cross with published values; soft breaks, and hard
    ones crossed with standardised values, are warnings.
    """
    outcomes = ground.tables.get("outcomes")
    if outcomes is None:
        return ()
    found = [*gap_years_filled(outcomes, ground.measures), *_unknown_exposures(ground)]
    design = ground.plan.study.design
    for name in design.outcome:
        found += crossings(ground, name)
    found += [
        Problem(
            code="measure.zeros",
            column="value",
            rule=f"{zeros.measure}, {Period(zeros.year).label}: {zeros.evidence}",
            remedy="Were symbols replaced by 0? Use the file as published; if it has the zeros "
            f"itself, leave the year out: leave_out = [{zeros.year}] under [design].",
            count=zeros.n_zeros,
        )
        for zeros in suspicious_zeros(outcomes, ground.measures)
        if zeros.measure in design.outcome and zeros.year in _years(ground, zeros.measure)
    ]
    return tuple(found)


def crossings(ground: Ground, name: str, standardise: str | None = None) -> Iterable[Problem]:
    """Yield a problem for each break that the study's years of a measure cross."""
    measure, study = ground.measures.get(name), ground.plan.study
    if measure is None:
        return
    how = standardise or study.design.standardise
    if how == "logit_z":
        yield from _no_shares(ground, measure)
    for item in breaks_crossed(measure, _years(ground, name)):
        if not item.hard:
            yield _soft(measure, item)
        elif how == "none":
            yield _refused(study, measure, item)
        else:
            yield _flagged(measure, item)


def breaks_of(ground: Ground, name: str) -> tuple[Break, ...]:
    """Return the breaks that the study's years of a measure cross."""
    measure = ground.measures.get(name)
    return breaks_crossed(measure, _years(ground, name)) if measure else ()


def _years(ground: Ground, name: str) -> tuple[int, ...]:
    design = ground.plan.study.design
    return years_of(
        ground.tables["outcomes"],
        name,
        ground.measures,
        years=design.years,
        leave_out=design.leave_out,
    )


def _told(item: Break) -> str:
    """Return what changed, and whether anybody has checked it."""
    known = item.source if item.checked else "not checked against a source"
    text = item.text[:1].lower() + item.text[1:].rstrip(".") if item.text else "its meaning changed"
    return f"{text} ({known})" if item.text else text


def _refused(study: Study, measure: Measure, item: Break) -> Problem:
    before = f" and, before it, {measure.continues}" if measure.continues else ""
    problem = Problem(
        code="measure.break",
        file=study.file,
        column="design.years",
        rule=f"the years of {measure.id}{before} lie on both sides of {Period(item.year).label} "
        f"({item.year}): {_told(item)}",
        remedy=f"Begin `years` with {item.year}, or end them before; or compare schools' places "
        'within each year: standardise = "z" under [design].',
    )
    return study.placed(problem)


def _flagged(measure: Measure, item: Break) -> Problem:
    return Problem(
        code="measure.break_crossed",
        rule=f"{measure.label}: the years cross {Period(item.year).label}: {_told(item)}. "
        "Values are standardised within each year, so the estimates rely on schools having kept "
        "their places across that change, had nobody joined",
        remedy="Look at the estimates of the years before and after, which are shown separately.",
        severity="warning",
    )


def _soft(measure: Measure, item: Break) -> Problem:
    return Problem(
        code="measure.soft_break",
        rule=f"{measure.label}: comparisons across {Period(item.year).label} need caution: "
        f"{_told(item)}",
        severity="warning",
    )


def _no_shares(ground: Ground, measure: Measure) -> Iterable[Problem]:
    outcomes = continued(ground.tables["outcomes"], measure.id, ground.measures)
    counted = "denominator" in outcomes.columns and outcomes["denominator"].count() > 0
    if measure.unit == "percent" and counted:
        return
    rule = (
        f"logit_z needs to know how many pupils a share is of, and no row of {measure.id} says it"
        if measure.unit == "percent"
        else f"logit_z is for shares, and {measure.id} is in {measure.unit}"
    )
    study = ground.plan.study
    yield study.placed(
        Problem(
            code="standardise.unit",
            file=study.file,
            column="design.standardise",
            rule=rule,
            remedy='Use standardise = "z".',
        )
    )


def _unknown_exposures(ground: Ground) -> Iterable[Problem]:
    study = ground.plan.study
    known = [*ground.measures, "default"]
    for name in study.design.exposure:
        if not any(f"{measure}_".startswith(f"{name}_") for measure in known):
            yield study.placed(
                Problem(
                    code="study.value",
                    file=study.file,
                    column=f"design.exposure.{name}",
                    rule="no measure has this name, or begins with it",
                    remedy=did_you_mean(name, known),
                )
            )
