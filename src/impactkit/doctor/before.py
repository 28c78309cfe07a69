"""The years before joining: were schools chosen when low (E1), and are there enough to tell.

Regression to the mean: the figure of a low year rises on its own. How far is a line fitted through
untreated schools' standard scores two years apart, applied to the treated schools' last year:

    recovery = mean of (a + b z - z) s          z the score, s the standard deviation in units

It is fitted twice, for neither pool is free of selection: schools that never joined lack those that
were low (the recovery comes out too large), and all schools before joining end in the low year of
those that joined (too small). Both are shown.

Sources: Galton (1886), Journal of the Anthropological Institute 15; Ashenfelter (1978), Review of
Economics and Statistics 60(1) (the dip before a programme).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import polars as pl

from impactkit.doctor.case import Case
from impactkit.doctor.finding import Fact, Finding, Kind, found
from impactkit.doctor.words import amount, count

REGRESSION = Kind(
    code="E1.regression_to_the_mean",
    mistake="E1",
    title="Chosen at a low point",
    section="Before joining",
    severity="warning",
    detector="Over the three years before joining treated schools stood more than {low_z} standard "
    "deviations on the worse side of schools of their year and phase (either side when neither is "
    "better), or their last year before joining was more than {dip} below their own earlier mean. "
    "At least {few_schools} schools.",
    consequence="Schools at a low point recover without help, and a before-and-after comparison "
    "counts the recovery as effect.",
    remedy="Compare with schools that had the same results at the same time, leave the last year "
    "out of the baseline, and report the recovery to be expected beside any rise.",
)
SHORT = Kind(
    code="pretrend.short",
    title="Too few years before joining",
    section="Before joining",
    severity="warning",
    detector="Fewer than half of treated schools have {years_before} years before joining (note), "
    "or two (warning).",
    consequence="Whether paths were parallel before cannot be seen, so it has to be believed.",
    remedy="Add earlier years of the outcomes to the study.",
)
NOBODY = Kind(
    code="panel.nobody_joins",
    title="No school joins in the years of the study",
    section="Before joining",
    severity="error",
    detector="No school of the panel is first exposed after the first year and by the last.",
    consequence="There is no before and after in these years, so no effect can be estimated.",
    remedy="Check dates of joining, the condition `treated`, and whether the URNs of memberships "
    "and outcomes are those of the same schools; or add years.",
)
KINDS = (REGRESSION, SHORT, NOBODY)

_PAIRS = 30
"""Pairs of years below which a line through them says nothing."""


def of_measure(case: Case, measure: str) -> Iterator[Fact | Finding]:
    """Look at an outcome in the years before joining."""
    yield from _length(case, measure)
    yield from _regression(case, measure)


def _length(case: Case, measure: str) -> Iterator[Fact | Finding]:
    years = (
        case.untreated[measure]
        .filter("treated")
        .group_by("school_key")
        .len()
        .join(case.schools(measure).filter("treated"), on="school_key", how="right")["len"]
        .fill_null(0)
    )
    if years.is_empty():
        counts = case.panels[measure].counts
        yield found(
            NOBODY,
            f"Of {count(counts.get('schools', 0), 'school')}, "
            f"{counts.get('already_treated', 0):,} had joined by the first year, and none joined "
            "later in the years of the study.",
            measure=measure,
            schools=counts.get("schools", 0),
            already_treated=counts.get("already_treated", 0),
        )
        return
    wanted = case.limits.years_before
    enough, two = int((years >= wanted).sum()), int((years >= 2).sum())
    yield Fact(
        section="Before joining",
        measure=measure,
        text=f"of {count(len(years), 'treated school')}, {enough:,} have {wanted} years before "
        f"joining or more, {two:,} have two",
        numbers={"treated": len(years), "with_enough": enough, "with_two": two},
    )
    if 2 * enough < len(years):
        yield found(
            SHORT,
            f"{enough:,} of {count(len(years), 'treated school')} have {wanted} years before "
            f"joining, {two:,} have two.",
            measure=measure,
            severity="warning" if 2 * two < len(years) else "note",
            treated=len(years),
            with_enough=enough,
            with_two=two,
        )


def _regression(case: Case, measure: str) -> Iterator[Fact | Finding]:
    rows = case.untreated[measure].filter(pl.col("z").is_not_null())
    before = pl.col("cohort") - pl.col("year")
    treated = rows.filter("treated")
    each = treated.group_by("school_key").agg(
        z=pl.col("z").filter(before <= 3).mean(),
        last=pl.col("z").filter(before == 1 + case.design.anticipation).first(),
        earlier=pl.col("z").filter(before > 1 + case.design.anticipation).mean(),
    )
    low = each["z"].drop_nulls()
    dips = each.select(dip=pl.col("earlier") - pl.col("last")).to_series().drop_nulls()
    if len(low) < case.limits.few_schools:
        yield Fact(
            section="Before joining",
            measure=measure,
            text=f"{count(len(low), 'treated school')} with a figure before joining: too few to "
            "say whether they were chosen at a low point",
        )
        return
    known = case.measures.get(measure)
    direction = known.direction if known else "none"
    level, dip = float(low.mean()), float(dips.mean()) if len(dips) else 0.0  # type: ignore[arg-type]
    worse = {"higher": -level, "lower": level}.get(direction, abs(level))
    fall = {"higher": dip, "lower": -dip}.get(direction, abs(dip))
    if len(dips) < case.limits.few_schools:
        fall = 0.0
    numbers = {"mean_z": level, "dip": dip, "treated": len(low)}
    text = (
        f"treated schools stood {level:+.2f} standard deviations from schools of their year and "
        f"phase; their last year before joining was {-dip:+.2f} from their earlier mean"
    )
    yield Fact(section="Before joining", measure=measure, text=text, numbers=numbers)
    if worse <= case.limits.low_z and fall <= case.limits.dip:
        return
    unit = case.panels[measure].unit
    expected = ""
    back = comes_back(rows, treated.filter(before == 1 + case.design.anticipation))
    if back is not None:
        expected = (
            " Going by how untreated schools move over two years, about "
            f"{amount(back[0], unit)} to {amount(back[1], unit)} would come back with no help."
        )
        numbers |= {"recovery_low": back[0], "recovery_high": back[1]}
    yield found(
        REGRESSION,
        f"The {count(len(low), 'treated school')} stood {level:+.2f} standard deviations from "
        "schools of their year and phase in the three years before joining, and the last of these "
        f"years was {-dip:+.2f} from their own earlier mean.{expected}",
        measure=measure,
        severity=None,
        example="",
        **numbers,
    )


def comes_back(rows: pl.DataFrame, last: pl.DataFrame) -> tuple[float, float] | None:
    """Return the recovery over two years to expect of treated schools, from two pools.

    Parameters
    ----------
    rows
        Untreated school-years: `school_key`, `year`, `treated`, `z`.
    last
        Treated schools in their last year before joining: `z`, `spread` (of one z, in units).
    """
    found = []
    for pool in (rows.filter(~pl.col("treated")), rows):
        z = pool.select("school_key", "year", "z")
        later = z.select("school_key", pl.col("year") - 2, later="z")
        pairs = z.join(later, on=["school_key", "year"])
        slope, at, to = pairs.select(
            slope=pl.cov("z", "later") / pl.col("z").var(),
            at=pl.col("z").mean(),
            to=pl.col("later").mean(),
        ).row(0)
        if pairs.height < _PAIRS or last.is_empty() or slope is None or not math.isfinite(slope):
            return None
        rise = to + slope * (pl.col("z") - at) - pl.col("z")
        found.append(float(last.select((rise * pl.col("spread")).mean()).item()))
    return min(found), max(found)
