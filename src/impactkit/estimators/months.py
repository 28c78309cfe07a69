"""Effect sizes in words of the staffroom: months of progress, and pupils.

Months of progress are a convention of the Education Endowment Foundation, not an estimate. Two
tables are in use, and which one is said with every number:

- ``eef_toolkit_legacy``: the Toolkit's, as published on its older pages;
- ``eef_trial``: that of reports on single trials, in which effects up to 0.04 are no months. It was
  taken from trial reports, and not verified against a published table.

Both stand for attainment of pupils. The conversion is refused for anything else: an attitude has no
months, and an effect over the spread of school means is larger than one over that of pupils.

Source: Higgins, Kokotsaki & Coe (2012), "The Teaching and Learning Toolkit: technical appendices".
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

import attrs

from impactkit.estimators.effect_sizes import EffectSize, People
from impactkit.estimators.options import check_options

MonthsTable = Literal["eef_trial", "eef_toolkit_legacy"]

_REST = (
    "0.09",
    "0.18",
    "0.26",
    "0.35",
    "0.44",
    "0.52",
    "0.61",
    "0.69",
    "0.78",
    "0.87",
    "0.95",
    "1.00",
)
_HIGHEST: dict[str, tuple[Decimal, ...]] = {
    "eef_trial": tuple(map(Decimal, ("0.04", *_REST))),
    "eef_toolkit_legacy": tuple(map(Decimal, ("0.01", *_REST))),
}
"""The highest effect size, to two digits, of 0, 1, ... 12 months."""


@attrs.frozen(kw_only=True)
class Months:
    """Months of progress, or why there are none.

    `low` and `high` are the months of the interval's ends, where the effect size had one; None
    also where an end is beyond the table.
    """

    months: int | None
    low: int | None = None
    high: int | None = None
    effect_size: float
    table: str
    reason: str = ""

    def __str__(self) -> str:
        if self.months is None:
            return f"no months of progress: {self.reason}"
        ends = ""
        if self.low is not None and self.high is not None:
            ends = f" (interval: {self.low:+d} to {self.high:+d})"
        return f"{self.months:+d} months of progress{ends}, by the table {self.table}"


def months_of_progress(
    g: float | EffectSize,
    *,
    table: MonthsTable = "eef_trial",
    outcome_kind: str = "attainment",
    level: People = "pupil",
) -> Months:
    """Convert an effect size to months of progress, or refuse with the reason.

    Parameters
    ----------
    g
        Hedges' g: the number, or what `hedges_g` returned, with its interval.
    table
        ``eef_trial`` or ``eef_toolkit_legacy``.
    outcome_kind
        What was measured; only ``attainment`` has months (not ``perception``, ``attendance`` ...).
    level
        Whether `g` divides by the spread of pupils or of schools; what `hedges_g` returned knows.

    Raises
    ------
    UsageError
        When an argument is not one of its choices, or `g` is not a number.

    Examples
    --------
    >>> print(months_of_progress(0.13))
    +2 months of progress, by the table eef_trial
    >>> print(months_of_progress(0.03))
    +0 months of progress, by the table eef_trial
    >>> print(months_of_progress(0.03, table="eef_toolkit_legacy"))
    +1 months of progress, by the table eef_toolkit_legacy
    >>> print(months_of_progress(0.4, outcome_kind="perception"))
    no months of progress: months stand for attainment, and this is perception
    """
    check_options(
        [
            (table not in _HIGHEST, "table", table, f"one of {tuple(_HIGHEST)}"),
            (level not in ("pupil", "school"), "level", level, "'pupil' or 'school'"),
        ]
    )
    unit = "sd"
    ends: tuple[float | None, float | None] = (None, None)
    if isinstance(g, EffectSize):
        e = g.estimate
        if e.value is None:
            return Months(months=None, effect_size=math.nan, table=table, reason=e.reason)
        value, unit, ends = e.value, e.unit, (e.ci_low, e.ci_high)
        level = "school" if "school" in (g.basis, level) else "pupil"
    else:
        value = float(g)
    check_options([(not math.isfinite(value), "g", value, "a finite number")])
    reason = ""
    if outcome_kind != "attainment":
        reason = f"months stand for attainment, and this is {outcome_kind}"
    elif level == "school":
        reason = "a school-level effect size divides by the spread of schools, not of pupils"
    elif unit != "sd":
        reason = f"months need an effect size in standard deviations, and this is in {unit}"
    elif _convert(value, table) is None:
        reason = f"the table ends at 1.00, and the effect size is {value:.2f}"
    if reason:
        return Months(months=None, effect_size=value, table=table, reason=reason)
    low, high = (None if x is None else _convert(x, table) for x in ends)
    return Months(months=_convert(value, table), low=low, high=high, effect_size=value, table=table)


def _convert(g: float, table: str) -> int | None:
    """Return the months, negative below zero; None beyond the table."""
    size = Decimal(repr(abs(g))).quantize(Decimal("0.01"), ROUND_HALF_UP)
    for months, highest in enumerate(_HIGHEST[table]):
        if size <= highest:
            return -months if g < 0 else months
    return None


def pupils_equivalent(percentage_points: float, n: float) -> float:
    """Return how many pupils of `n` a difference in percentage points stands for.

    Raises
    ------
    UsageError
        When `n` is not above zero, or the difference not between -100 and 100.

    Examples
    --------
    Eight points in a year group of fifty are four pupils:

    >>> pupils_equivalent(8, 50)
    4.0
    """
    check_options(
        [
            (not (0 < n < math.inf), "n", n, "a number of pupils above zero"),
            (
                not abs(percentage_points) <= 100,
                "percentage_points",
                percentage_points,
                "between -100 and 100",
            ),
        ]
    )
    return percentage_points * n / 100
