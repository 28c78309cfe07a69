"""What the metrics share: their needs, a turn for each measure, and estimates of school changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from impactkit import Estimate, EstimationError, Exclusion, MetricContext

if TYPE_CHECKING:
    import polars as pl

    from impactkit import Improvement, Panel

OUTCOMES = ("school_key", "year", "measure", "value")
MEMBERSHIPS = ("school_key", "partnership_id", "joined")

PARALLEL = (
    "It is an effect only if both groups would have changed alike without the partnership; the "
    "years before joining can cast doubt on that, but cannot prove it."
)


def named(context: MetricContext, panel: Panel) -> dict[str, Any]:
    """Return the fields that every estimate of a panel has."""
    return {"metric": context.metric, "measure": panel.measure, "unit": panel.effect_unit}


def mean_of(
    found: Improvement, estimand: str, *, of: Any = "excess", level: float = 0.95, **names: Any
) -> Estimate:
    """Return the mean over joining schools, with its t interval; `names` are further fields.

    One that rests on a single partnership is not estimable, and says so.
    """
    return _coefficient(found, None, [1.0], estimand, found.schools, of=of, level=level, **names)


def contrast_of(
    found: Improvement, first: pl.Series, estimand: str, *, level: float = 0.95, **names: Any
) -> Estimate:
    """Return the mean excess of the schools in `first` (true or false) less that of the others."""
    import numpy as np

    one = first.to_numpy()
    if one.all() or not one.any():
        side = "in the other group" if one.all() else "in the first group"
        reason = f"there is no joining school {side} to compare with"
        return Estimate(**names, estimand=estimand, status="not_estimable", reason=reason)
    design = np.stack([one, ~one], axis=1).astype(float)
    return _coefficient(found, design, [1.0, -1.0], estimand, found.schools, level=level, **names)


def _coefficient(
    found: Improvement,
    design: Any,
    weights: list[float],
    estimand: str,
    schools: pl.DataFrame,
    *,
    level: float,
    of: Any = "excess",
    **names: Any,
) -> Estimate:
    counts: dict[str, Any] = {
        "n_schools": schools.height,
        "n_partnerships": schools["cluster"].n_unique(),
        "n_comparison": found.n_comparison,
    }
    try:
        fit = found.regress(design, of)
    except EstimationError as reason:
        return Estimate(
            **{**counts, **names}, estimand=estimand, status="not_estimable", reason=str(reason)
        )
    return found.estimate(estimand, fit=fit, weights=weights, schools=schools, level=level, **names)


def outsiders(
    context: MetricContext, panel: Panel, words: str
) -> tuple[Panel, tuple[Exclusion, ...]]:
    """Leave comparison schools out that are in some partnership themselves, and count them."""
    import polars as pl

    members = context.table("memberships")["school_key"].cast(pl.String).drop_nulls().unique()
    inside = pl.col("cohort").is_null() & pl.col("school_key").is_in(members.implode())
    n = panel.frame.filter(inside)["school_key"].n_unique()
    kept = attrs.evolve(panel, frame=panel.frame.filter(~inside))
    told = Exclusion(
        reason="did.in_partnership", text=words, n_schools=n, measure=panel.measure, treated=0
    )
    return kept, (told,) if n else ()


def left_out(name: str, text: str, n: int, measure: str) -> tuple[Exclusion, ...]:
    """Count joining schools that are set aside; nothing where there are none."""
    told = Exclusion(
        reason=f"did.{name}", text=text, n_schools=n, treated=n, measure=measure, stage="estimation"
    )
    return (told,) if n else ()


def lower_is_better(context: MetricContext, measure: str) -> bool:
    """Tell whether a fall of the measure is a gain."""
    return getattr(context.measures.get(measure), "direction", "higher") == "lower"
