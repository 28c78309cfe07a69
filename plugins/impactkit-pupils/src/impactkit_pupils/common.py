"""What the metrics share: several outcomes compared at once, and estimates made of them.

Outcomes of one school, and of schools that are compared with the same others, hang together. So
they are stacked, each compared within itself, and their covariance is worked out over the same
clusters (Zellner's seemingly unrelated regressions, with a clustered covariance).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import Estimate, EstimationError, Exclusion, MetricContext

if TYPE_CHECKING:
    import polars as pl

    from impactkit import Improvement

Window = tuple[int, int]
ALIKE = (
    "A change beyond that elsewhere is an effect only if schools that joined would otherwise have "
    "changed as those elsewhere did. Schools chosen for poor results recover anyway: see "
    "claims.rtm_adjusted."
)
PANEL_COLUMNS = ("school_key", "year", "value", "cohort", "cluster")


@attrs.frozen(kw_only=True, eq=False)
class Joint:
    """Mean effects on several outcomes, with one covariance: `fit` has one coefficient a name."""

    names: tuple[str, ...]
    each: Mapping[str, Improvement]
    fit: Any

    @property
    def exclusions(self) -> tuple[Exclusion, ...]:
        """Schools left out, by outcome."""
        return tuple(
            attrs.evolve(lost, measure=name)
            for name, found in self.each.items()
            for lost in found.exclusions
        )

    def weights(self, **by_name: float) -> list[float]:
        """Return the weights of a contrast, 0 for outcomes that are not named."""
        return [by_name.get(name, 0.0) for name in self.names]


def joint(
    frames: Mapping[str, pl.DataFrame], context: MetricContext, *, before: Window, after: Window
) -> Joint:
    """Compare the changes of joining schools with those elsewhere, for several outcomes at once.

    `frames` are panels by name: `school_key`, `year`, `value`, `cohort`, `cluster`.

    Raises
    ------
    EstimationError
        When an outcome has no school that can be compared, or one partnership only.
    """
    import numpy as np
    import polars as pl

    from impactkit import improvement

    options: dict[str, Any] = {
        "before": before,
        "after": after,
        "control": context.design.control,
        "anticipation": context.design.anticipation,
    }
    each = {}
    for name, frame in frames.items():
        try:
            each[name] = improvement(frame.select(PANEL_COLUMNS), **options)
        except EstimationError as error:
            raise EstimationError(f"{name.replace('_', ' ')}: {error}") from error
    stacked = pl.concat(
        frame.select(PANEL_COLUMNS).with_columns(
            school_key=pl.lit(f"{k}:") + pl.col("school_key"), stratum=pl.lit(str(k))
        )
        for k, frame in enumerate(frames.values())
    )
    years = stacked.select(year=(pl.col("cohort") - 1).unique()).drop_nulls()
    strata = stacked.select("school_key", "stratum").unique().join(years, how="cross")
    found = improvement(stacked.drop("stratum"), strata=strata, **options)
    of = found.schools["school_key"].str.extract(r"^(\d+):").cast(pl.Int64).to_numpy()
    design = (of[:, None] == np.arange(len(frames))).astype(float)
    return Joint(names=tuple(frames), each=each, fit=found.regress(design))


def estimate(
    context: MetricContext,
    estimand: str,
    of: Joint,
    weights: Sequence[float],
    **more: Any,
) -> Estimate:
    """Return a combination of the outcomes' effects, with its t interval and p-value.

    `more` are further fields of the estimate; warnings are added to that of few partnerships.
    """
    import polars as pl

    used = [of.each[name] for name, weight in zip(of.names, weights, strict=True) if weight]
    schools = pl.concat(found.schools.select("school_key", "cluster") for found in used).unique()
    about: dict[str, Any] = {
        "metric": context.metric,
        "level": context.design.level,
        "n_comparison": max(found.n_comparison for found in used),
    }
    told: Estimate = used[0].estimate(
        estimand, fit=of.fit, weights=weights, schools=schools, **{**about, **more}
    )
    return told


def missing(context: MetricContext, estimand: str, reason: str, **more: Any) -> Estimate:
    """Return an estimate that could not be made, with the reason."""
    return Estimate(
        metric=context.metric, estimand=estimand, status="not_estimable", reason=reason, **more
    )


def effect_unit(unit: str) -> str:
    """Return the unit of a change: percentage points for percentages."""
    from impactkit import EFFECT_UNITS

    return EFFECT_UNITS.get(unit, unit)
