"""What the metrics share: their needs, a turn for each measure, and estimates of school changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import Estimate, MetricContext, Needs, Note

if TYPE_CHECKING:
    import polars as pl

    from impactkit import Improvement, Panel, Recovery

OUTCOMES = ("school_key", "year", "measure", "value")
MEMBERSHIPS = ("school_key", "partnership_id", "joined")
ABOUT_OUTCOMES = ("denominator", "phase")
FORECAST_NEEDS = Needs(
    tables={"outcomes": OUTCOMES, "memberships": MEMBERSHIPS},
    optional={"outcomes": ABOUT_OUTCOMES, "schools": ("school_key", "phase")},
    panel=True,
)
"""What a forecast of results is worked out from: results before, phase and size."""

FORECAST = (
    "forecast from the three years before joining, learnt from schools not in a partnership, year "
    "by year (g-formula)"
)
TREND_ONLY = (
    "Effects are beyond the trend only. Where schools were chosen for poor results they hold their "
    "recovery too: compare with schools that met the same trigger, and see claims.rtm_adjusted."
)


def changes(context: MetricContext, panel: Panel, **options: Any) -> Improvement:
    """Return what joining schools gained, compared as the study's design says."""
    from impactkit import improvement

    design = context.design
    return improvement(panel, control=design.control, anticipation=design.anticipation, **options)


@attrs.frozen(kw_only=True)
class Told:
    """What goes with every estimate of one measure: what it is of, and what it rests on."""

    metric: str
    measure: str
    label: str
    unit: str
    level: float
    found: Any

    def estimate(self, estimand: str, fit: Any, weights: Sequence[float], **more: Any) -> Estimate:
        """Return a combination of a fit's coefficients; `more` as in `Improvement.estimate`."""
        estimate: Estimate = self.found.estimate(
            estimand, fit=fit, weights=weights, **{**self._about, **more}
        )
        return estimate

    @property
    def _about(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "measure": self.measure,
            "unit": self.unit,
            "level": self.level,
        }

    def ratio(
        self, estimand: str, value: float, bounds: tuple[float | None, float | None], **more: Any
    ) -> Estimate:
        """Return a ratio, which has an interval but neither a standard error nor a test."""
        low, high = bounds
        shown = {"unit": "times", "value": value, "ci_low": low, "ci_high": high}
        none = {"std_error": None, "p_value": None, "df": None}
        return self.estimate(estimand, None, (1.0,), **{**shown, **none, **more})

    def forecast(
        self,
        estimand: str,
        value: float,
        parts: Recovery,
        part: Any,
        *,
        tested: bool = False,
        **more: Any,
    ) -> Estimate:
        """Return an estimate that rests on a forecast; `part` has its error, None: it has none.

        What a report leads with is `tested`: its p-value is adjusted with the study's other tests.
        """
        from scipy.special import stdtr

        from impactkit import warn_of_few

        df = parts.n_clusters - 1
        shown: dict[str, Any] = {"unit": self.unit, "method": FORECAST}
        shown["warnings"] = warn_of_few(parts.n_clusters)
        shown["variance"] = (
            f"two-stage bootstrap of schools, then partnerships, {parts.draws:,} draws"
        )
        if part is not None:
            shown |= {"std_error": part.std_error, "ci_low": part.ci_low, "ci_high": part.ci_high}
            shown["df"] = float(df)
            if tested and part.std_error:
                shown["p_value"] = 2 * float(stdtr(df, -abs(value) / part.std_error))
        return Estimate(
            metric=self.metric,
            measure=self.measure,
            estimand=estimand,
            value=value,
            level=self.level,
            n_schools=parts.n_schools,
            n_partnerships=parts.n_clusters,
            n_treated_clusters=parts.n_clusters,
            n_comparison=parts.n_comparison,
            **{**shown, **more},
        )

    def missing(self, estimand: str, reason: str, **more: Any) -> Estimate:
        """Return an estimate that could not be made, with the reason."""
        shown: dict[str, Any] = {"unit": self.unit, "status": "not_estimable", "reason": reason}
        return Estimate(
            metric=self.metric, measure=self.measure, estimand=estimand, **{**shown, **more}
        )


def told(context: MetricContext, panel: Panel, found: Any) -> Told:
    """Return what goes with the estimates of a panel."""
    return Told(
        metric=context.metric,
        measure=panel.measure,
        label=context.label(panel.measure),
        unit=panel.effect_unit,
        level=context.design.level,
        found=found,
    )


def spread(panel: Panel) -> float:
    """Return the standard deviation of schools within a year, pooled over the years."""
    import polars as pl

    place = pl.col("value") - pl.col("value").mean().over("year")
    rows = panel.frame.select(place=place, years=pl.col("year").n_unique())
    n = rows.height - int(rows["years"][0] if rows.height else 0)
    return float((rows["place"] ** 2).sum() / n) ** 0.5 if n > 0 else 0.0


def joined_with(context: MetricContext) -> pl.DataFrame:
    """Return the partnership that each school was in first, other than as a supporter.

    Columns `school_key`, `partnership_id`, `n_partnerships`. A school that only supports has the
    first partnership that it supports.
    """
    import polars as pl

    rows = context.table("memberships")
    role = pl.col("role") if "role" in rows.columns else pl.lit("")
    rows = rows.select(
        pl.col("school_key", "partnership_id").cast(pl.String),
        "joined",
        supports=(role == "supporter").fill_null(False),
    ).drop_nulls(["school_key", "partnership_id"])
    return (
        rows.sort("school_key", "supports", "joined", "partnership_id", nulls_last=True)
        .group_by("school_key", maintain_order=True)
        .agg(
            pl.col("partnership_id").first(),
            n_partnerships=pl.col("partnership_id").n_unique(),
        )
    )


def in_several(of: pl.DataFrame, found: Improvement) -> tuple[Note, ...]:
    """Say of how many joining schools only the first of several partnerships counts.

    `of` is what `joined_with` returns.
    """
    import polars as pl

    more = of.filter(pl.col("n_partnerships") > 1)
    n = found.schools.join(more, on="school_key", how="semi").height
    text = (
        "{n} of {m} schools that joined were in several partnerships; each counts with the first "
        "that it was in, other than to support others."
    )
    return (Note(text, values={"n": n, "m": found.schools.height}, of="schools"),) if n else ()
