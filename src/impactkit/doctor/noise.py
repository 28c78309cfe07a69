"""How much of a school's yearly figure is which pupils happened to be in the year group.

A share p among n pupils has Wilson's interval; two independent year groups of n differ by chance by
up to z sqrt(2 p (1 - p) / n); one pupil is worth 100 / n percentage points.

Source of the interval: Wilson (1927), Journal of the American Statistical Association 22.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
import polars as pl

from impactkit.doctor.case import Case
from impactkit.doctor.finding import Fact, Finding, Kind, found
from impactkit.doctor.words import count
from impactkit.inference.intervals import wilson

SMALL_COHORTS = Kind(
    code="E2.small_cohorts",
    mistake="E2",
    title="Few pupils behind each figure",
    section="Cohort noise",
    severity="warning",
    detector="Half or more of the treated schools' yearly figures rest on fewer than "
    "{small_cohort} pupils (column `denominator` of the outcomes).",
    consequence="A school's figure then moves by many points from year to year with nobody having "
    "done anything; rankings and arrows would show chance.",
    remedy="Judge no school alone: pool years, show intervals, and give changes in pupils as well.",
)
KINDS = (SMALL_COHORTS,)
_NORMAL = 1.959963984540054


@attrs.frozen(kw_only=True)
class CohortNoise:
    """Chance in a percentage of few pupils; all but `n` in percentage points.

    `low` and `high` bound the 95% interval of one year's figure, `year_on_year` is the change
    between two years that chance alone exceeds one time in twenty, `one_pupil` what one is worth.
    """

    n: float
    low: float
    high: float
    year_on_year: float
    one_pupil: float


def cohort_noise(share: float, n: float) -> CohortNoise:
    """Return what chance does to a share of `n` pupils.

    Examples
    --------
    >>> noise = cohort_noise(0.7, 30)
    >>> round(noise.low), round(noise.high), round(noise.year_on_year), round(noise.one_pupil, 1)
    (52, 83, 23, 3.3)
    """
    low, high = wilson(share, n)
    return CohortNoise(
        n=n,
        low=100 * low,
        high=100 * high,
        year_on_year=100 * _NORMAL * math.sqrt(2 * share * (1 - share) / n),
        one_pupil=100 / n,
    )


def of_measure(case: Case, measure: str) -> Iterator[Fact | Finding]:
    """Say how noisy an outcome is in a typical treated school."""
    rows = case.rows(measure)
    sized = (
        rows.filter(pl.col("denominator") > 0) if "denominator" in rows.columns else rows.clear()
    )
    schools = case.schools(measure)
    keys = schools.filter("treated")["school_key"]
    mine = sized.filter(pl.col("school_key").is_in(keys.implode()))
    who = "treated"
    if mine.is_empty():
        mine, who = sized, "typical"
    if mine.is_empty():
        yield Fact(
            section="Cohort noise",
            measure=measure,
            text="the files do not say how many pupils each figure rests on",
        )
        return
    typical = float(mine["denominator"].median())  # type: ignore[arg-type]
    text = f"a {who} school's yearly figure rests on {typical:,.0f} pupils (median)"
    seen = case.untreated[measure].select("school_key", "year")
    values = rows.join(seen, on=["school_key", "year"], how="semi")["value"].drop_nulls()
    known = case.measures.get(measure)
    numbers = {"pupils": typical}
    if known is not None and known.unit == "percent" and len(values):
        share = min(max(float(values.median()) / 100, 0.0), 1.0)  # type: ignore[arg-type]
        noise = cohort_noise(share, typical)
        text += (
            f": at {100 * share:.0f}% chance alone gives {noise.low:.0f} to {noise.high:.0f}% in "
            f"one year, and ±{noise.year_on_year:.0f} percentage points between two; one pupil is "
            f"worth {noise.one_pupil:.1f} points"
        )
        numbers |= {f: getattr(noise, f) for f in ("low", "high", "year_on_year", "one_pupil")}
    yield Fact(section="Cohort noise", measure=measure, text=text, numbers=numbers)
    small = mine.filter(pl.col("denominator") < case.limits.small_cohort)
    if 2 * small.height >= mine.height:
        yield found(
            SMALL_COHORTS,
            f"{small.height:,} of {count(mine.height, 'yearly figure')} of {who} schools rest on "
            f"fewer than {case.limits.small_cohort} pupils; the median is {typical:,.0f}.",
            measure=measure,
            figures=mine.height,
            small=small.height,
            median_pupils=typical,
        )
