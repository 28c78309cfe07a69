"""The result that synthetic control and synthetic difference-in-differences share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np

from impactkit.estimators.options import a_level, check_options
from impactkit.estimators.printing import notes, set_aside, table
from impactkit.estimators.rectangle import Floats
from impactkit.estimators.synthetic_units import (
    Design,
    Recipe,
    Weighed,
    complete_panel,
    path,
    weigh,
)
from impactkit.estimators.synthetic_variance import Variance, replicate
from impactkit.inference.influence import critical_value, p_value
from impactkit.results import Estimate, Exclusion, estimates_to_frame

if TYPE_CHECKING:
    import polars as pl


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Synthetic:
    """An effect against a weighted mean of units never treated.

    Attributes
    ----------
    title
        What was estimated.
    overall
        The average effect over treated units and periods from the start on.
    terms
        By event time, from 0 on.
    unit_weights, time_weights
        Frames: `cohort`, `unit` or `time`, `weight`; weights add up to one in each cohort.
    pre_rmse
        Root mean squared gap between treated mean and synthetic mean before treatment (after
        taking out its mean where levels may differ), by cohort, in the unit of the outcome.
    exclusions, warnings
        Rows and units left out, counted, with reasons; what a reader must know, in sentences.
    """

    title: str
    overall: Estimate
    terms: tuple[Estimate, ...]
    unit_weights: pl.DataFrame
    time_weights: pl.DataFrame
    pre_rmse: dict[int, float]
    exclusions: tuple[Exclusion, ...]
    warnings: tuple[str, ...]

    def to_frame(self) -> pl.DataFrame:
        """Return one row an event time, columns as the fields of `Estimate`."""
        return estimates_to_frame(self.terms)

    def estimates(
        self, metric: str = "", measure: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Return the overall estimate and the terms, labelled for a report."""
        return tuple(
            attrs.evolve(e, metric=metric, measure=measure, unit=unit)
            for e in (self.overall, *self.terms)
        )

    def __str__(self) -> str:
        e = self.overall
        lines = [table(f"{self.title}: {e}", self.terms, "event time")]
        lines += [f"Method: {e.method}.", f"Variance: {e.variance}."]
        lines += [f"Units: {e.n_schools:,} treated, {e.n_comparison:,} never treated."]
        lines += set_aside(self.exclusions)
        return "\n".join([*lines, *notes(self.warnings)])

    __repr__ = __str__


def estimate_synthetic(
    frame: pl.DataFrame | pl.LazyFrame,
    recipe: Recipe,
    *,
    unit: str,
    time: str,
    cohort: str,
    outcome: str,
    variance: Variance,
    replications: int,
    seed: int,
    level: float,
    title: str,
    method: str,
) -> Synthetic:
    """Estimate, with a variance; see `synthetic_did` and `synthetic_control`."""
    import polars as pl

    check_options(
        [
            (
                variance not in ("placebo", "jackknife", "bootstrap", "none"),
                "variance",
                variance,
                "'placebo', 'jackknife', 'bootstrap' or 'none'",
            ),
            (
                recipe.solver not in ("frank_wolfe", "exact"),
                "solver",
                recipe.solver,
                "'frank_wolfe' or 'exact'",
            ),
            (replications < 2, "replications", replications, "a number of draws, 2 or more"),
            a_level(level),
        ]
    )
    units = complete_panel(frame, unit=unit, time=time, cohort=cohort, outcome=outcome)
    T = len(units.periods)
    starts = units.cohorts()
    other = units.y[units.start == T]
    groups = [units.y[units.start == s] for s in starts]
    design = Design(starts=tuple(starts), sizes=tuple(len(g) for g in groups), T=T)
    panels = [(other, g, s) for g, s in zip(groups, starts, strict=True)]
    found = weigh(panels, recipe)
    paths = [path(*panel, w) for panel, w in zip(panels, found, strict=True)]
    values = design.averages(paths)
    variances, reason = replicate(units, design, found, recipe, variance, replications, seed)
    words = {
        "placebo": (
            f"placebo, {replications:,} draws, factor (B-1)/B; treated units are taken to vary as "
            "the others do"
        ),
        "bootstrap": f"bootstrap of units, {replications:,} draws, factor (B-1)/B",
        "jackknife": "jackknife with weights kept, factor (N-1)/N",
        "none": "none",
    }[variance]
    counts = {
        e: sum(n for s, n in zip(starts, design.sizes, strict=True) if s + e < T)
        for e in design.events
    }

    def to_estimate(k: int) -> Estimate:
        e = k - 1
        n = sum(design.sizes) if k == 0 else counts[e]
        found = Estimate(
            estimand="ATT" if k == 0 else f"ATT, event time {e}",
            term="" if k == 0 else str(e),
            value=float(values[k]),
            level=level,
            n_schools=n,
            n_comparison=len(other),
            n_clusters=n + len(other),
            n_treated_clusters=n,
            method=method,
            variance=words,
            reason=reason,
        )
        if variances is None:
            return found
        value, error = float(values[k]), float(np.sqrt(variances[k]))
        if error <= 1e-12 * float(np.abs(units.y).max()):
            return attrs.evolve(
                found, reason="the replications do not vary, so there is no standard error"
            )
        half = critical_value(level) * error
        return attrs.evolve(
            found,
            std_error=error,
            ci_low=value - half,
            ci_high=value + half,
            p_value=p_value(value, error),
        )

    names = [units.labels[i] for i in np.flatnonzero(units.start == T)]
    years = [units.periods[s] for s in starts]
    return Synthetic(
        title=title,
        overall=to_estimate(0),
        terms=tuple(to_estimate(k) for k in range(1, len(values))),
        unit_weights=pl.DataFrame(
            {
                "cohort": [g for g in years for _ in names],
                "unit": names * len(years),
                "weight": np.concatenate([w.unit for w in found]),
            }
        ),
        time_weights=pl.DataFrame(
            {
                "cohort": [g for g, s in zip(years, starts, strict=True) for _ in range(s)],
                "time": [p for s in starts for p in units.periods[:s]],
                "weight": np.concatenate([w.time for w in found]),
            }
        ),
        pre_rmse={
            g: _rmse(p[:s], recipe.intercept) for g, p, s in zip(years, paths, starts, strict=True)
        },
        exclusions=units.exclusions,
        warnings=_warnings(found, years),
    )


def _rmse(gap: Floats, intercept: bool) -> float:
    left = gap - gap.mean() if intercept else gap
    return float(np.sqrt((left**2).mean()))


def _warnings(found: Sequence[Weighed], years: Sequence[int]) -> tuple[str, ...]:
    alone = [str(g) for g, w in zip(years, found, strict=True) if w.unit.max() > 0.5]
    if not alone:
        return ()
    return (
        f"one unit carries more than half of the weight for cohort {', '.join(alone)}, so the "
        "answer hangs on it; see leave_one_out",
    )
