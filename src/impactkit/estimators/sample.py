"""Who takes part in a staggered design, and who is left out and why.

The steps are those of R `did`: a cohort after the last period counts as never treated; units
without a period before treatment are left out; where nobody is never treated, the last cohort
serves as comparison, up to its own treatment. Two choices differ. Nothing is recoded so that
``control="nevertreated"`` works when nobody is never treated: that is an error that names the
remedy. And every row left out is counted.
"""

from __future__ import annotations

import attrs
import numpy as np
import polars as pl

from impactkit.errors import EstimationError
from impactkit.estimators.checks import Tidy, drop, reasons_of
from impactkit.results import Exclusion

_GAPS = {
    "means": "each effect compares the means of those observed in either period, and a change in "
    "who is observed can pass for an effect; to see whether it does, estimate with gaps='pairs'",
    "pairs": "each effect rests on those observed in both of its periods, and effects may differ "
    "because they rest on different units",
}


@attrs.frozen(kw_only=True, eq=False)
class Sample:
    """Rows that take part, every period in which some effect is asked for, and what was left out.

    `periods` may end after the last row: where no comparison is left the effect is asked for, and
    reported as not estimable.
    """

    rows: pl.DataFrame
    periods: tuple[int, ...]
    exclusions: tuple[Exclusion, ...]
    warnings: tuple[str, ...]


def staggered_sample(
    data: Tidy,
    *,
    control: str,
    anticipation: int,
    panel: bool,
    allow_unbalanced_panel: bool,
    gaps: str = "means",
) -> Sample:
    """Choose the rows for a staggered design.

    Raises
    ------
    EstimationError
        When no treated or no comparison unit is left, with counts and the remedy.
    """
    rows, exclusions = data.rows, list(data.exclusions)
    warnings: list[str] = []
    if rows.is_empty():
        raise EstimationError(_nothing_left(exclusions))

    last = _period(rows["time"].max())
    later = pl.col("cohort") > last + anticipation
    if rows.select(later.any()).item():
        n_later = rows.filter(later)["unit"].n_unique()
        warnings.append(
            f"{n_later:,} units first treated after {last + anticipation} count as never treated"
        )
        rows = rows.with_columns(cohort=pl.when(later).then(None).otherwise("cohort"))

    rows, lost = _without_early(rows, anticipation)
    exclusions += lost
    if not rows["cohort"].count():
        treated = sum(e.treated or 0 for e in exclusions)
        raise EstimationError(
            "no treated unit is left to follow from before its treatment: "
            f"{treated:,} treated units were left out ({reasons_of(exclusions)}), and "
            f"{rows['unit'].n_unique():,} units are not treated by {last}; add earlier years, or "
            "units treated later"
        )
    asked = periods = _periods(rows)
    rows, lost = _with_comparison(rows, control, anticipation)
    exclusions += lost
    if lost:
        periods = _periods(rows)
    if panel and not allow_unbalanced_panel:
        incomplete = _incomplete(rows, len(periods))
        if incomplete is not None:
            text = f"not observed in all {len(periods)} periods"
            rows, lost = drop(rows, pl.lit(incomplete), "incomplete", text)
            exclusions += lost
            if not rows["cohort"].count():
                raise EstimationError(_nothing_left(exclusions))
            rows, lost = _with_comparison(rows, control, anticipation)
            exclusions += lost
            periods = _periods(rows)
    if len(periods) < 2:
        raise EstimationError(
            f"only {len(periods)} period is left in which treated and comparison units can be "
            f"compared ({reasons_of(exclusions)}); add units that are never treated, or years"
        )
    incomplete = _incomplete(rows, len(periods)) if panel else None
    if incomplete is not None:
        lacking = rows.filter(incomplete)["unit"].n_unique()
        warnings.append(
            f"{lacking:,} of {rows['unit'].n_unique():,} units lack some of the {len(periods)} "
            f"periods, so {_GAPS[gaps]}"
        )
    # Late periods stay in the list of effects only while the early ones are there to start from.
    first = _period(rows["time"].min())
    periods_asked = tuple(p for p in asked if p >= first)
    return Sample(
        rows=rows,
        periods=periods_asked,
        exclusions=tuple(exclusions),
        warnings=tuple(warnings),
    )


def _periods(rows: pl.DataFrame) -> list[int]:
    """Return the periods there are, in order."""
    time = rows["time"].to_numpy()
    low, high = int(time.min()), int(time.max())
    if high - low > len(time):
        return [int(p) for p in np.unique(time)]
    return [low + int(p) for p in np.flatnonzero(np.bincount(time - low))]


def _incomplete(rows: pl.DataFrame, periods: int) -> pl.Series | None:
    """Mark the rows of units that lack a period, or return None when none does."""
    unit = rows["unit"].to_numpy()
    seen = np.bincount(unit)
    if rows.height == periods * np.count_nonzero(seen):
        return None
    return pl.Series(seen[unit] < periods)


def _without_early(
    rows: pl.DataFrame, anticipation: int
) -> tuple[pl.DataFrame, tuple[Exclusion, ...]]:
    """Leave out units without a period before treatment; that may end the first period itself."""
    exclusions: tuple[Exclusion, ...] = ()
    while rows.height:
        first = _period(rows["time"].min())
        text = f"already treated in the first period, {first}"
        if anticipation:
            text += f", or within the {anticipation} after it that may anticipate treatment"
        early = (pl.col("cohort") <= first + anticipation).fill_null(False)
        rows, lost = drop(rows, early, "already_treated", text)
        if not lost:
            break
        exclusions += lost
    return rows, exclusions


def _with_comparison(
    rows: pl.DataFrame, control: str, anticipation: int
) -> tuple[pl.DataFrame, tuple[Exclusion, ...]]:
    """Where nobody is never treated, make the last cohort the comparison until its treatment."""
    if rows["cohort"].null_count():
        return rows, ()
    units = rows["unit"].n_unique()
    latest = _period(rows["cohort"].max())
    if control == "nevertreated":
        raise EstimationError(
            f"none of the {units:,} units is never treated; use control='notyettreated', in which "
            f"units first treated in {latest} serve as comparison until then, or add untreated "
            "units"
        )
    if rows["cohort"].n_unique() == 1:
        raise EstimationError(
            f"no comparison: all {units:,} units are first treated in {latest}; add units that are "
            "treated later or never"
        )
    until = latest - anticipation
    text = f"nobody is left to compare with from {until} on"
    rows, lost = drop(rows, pl.col("time") >= until, "no_comparison", text)
    last = pl.col("cohort") == latest
    n_last = rows.filter(last)["unit"].n_unique()
    role = Exclusion(
        reason="comparison_only",
        text=f"first treated in {latest}, last of all: comparison for the others until then",
        n_rows=0,
        n_schools=n_last,
        treated=n_last,
        stage="estimator",
    )
    return rows.with_columns(cohort=pl.when(last).then(None).otherwise("cohort")), (*lost, role)


def _period(value: object) -> int:
    return int(value)  # type: ignore[call-overload, no-any-return]


def _nothing_left(exclusions: list[Exclusion]) -> str:
    lost = sum(e.n_rows or 0 for e in exclusions)
    return (
        f"no treated unit with an outcome is left; {lost:,} rows were left out "
        f"({reasons_of(exclusions)}); give outcomes of treated and comparison units, before and "
        "after treatment"
    )
