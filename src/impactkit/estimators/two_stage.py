"""Two-stage difference-in-differences: take out what untreated rows say, then average the rest.

Estimand: the average effect on the treated, over all treated rows and by event time e = t - G,
under parallel trends (given covariates) and no anticipation.

    first stage    y_it = a_i + l_t + x_it'b + e_it                       untreated rows
    second stage   y_it - a_i - l_t - x_it'b = sum_e beta_e 1{t - G_i = e} + u_it    all rows

Point estimates are those of `imputation`. The variance is that of both stages as one system of
moments (GMM): with Z and D the regressors of the two stages, and c a cluster,

    V = (D'D)^-1 sum_c s_c s_c' (D'D)^-1,   s_c = D_c'u_c - D'Z (Z0'Z0)^-1 Z0_c'e_c

without a small-sample factor. Where `imputation` measures an effect from the mean of its cohort and
period, u measures it from the mean of its event time, so that differences between cohorts add to
the variance.

Sources: Gardner (2022), "Two-stage differences in differences", arXiv:2207.05943, sections 3 and
4; Butts & Gardner (2022), "did2s: two-stage difference-in-differences", R Journal 14(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.cohort_effects import rows_by_cell
from impactkit.estimators.event_study import (
    NO_EVENT,
    event_times,
    name_of,
    require_treatment,
)
from impactkit.estimators.fixed_effects import Fit
from impactkit.estimators.imputed import (
    asked,
    cell_means,
    check_staggered_options,
    stage_warnings,
)
from impactkit.estimators.rectangle import Floats, Ints, rectangle
from impactkit.estimators.regression import Combination, Regression, to_estimates
from impactkit.estimators.untreated import Untreated, covariance, fit_untreated, rounding
from impactkit.results import Estimate

if TYPE_CHECKING:
    import polars as pl


def two_stage(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    time: str,
    cohort: str,
    outcome: str,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
    anticipation: int = 0,
    level: float = 0.95,
) -> Regression:
    """Estimate effects by event time, and one for all, in two stages.

    Parameters
    ----------
    frame, unit, time, cohort, outcome, covariates, weights, cluster, anticipation, level
        As in `imputation`; weights count in both stages.

    Returns
    -------
    Regression
        A term an event time, and `overall`, the mean over all rows from the start of treatment.
        Terms before treatment are average residuals of the first stage: they are no test of
        parallel trends (``imputation(...).pretest()`` is).

    Raises
    ------
    DataError
        With every fault of the frame.
    UsageError
        When arguments make no sense.
    EstimationError
        When nobody is treated, nothing can be imputed, or a covariate changes after treatment only.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "urn": [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4],
    ...     "year": [2021, 2022, 2023] * 4,
    ...     "first_year": [2023] * 6 + [None] * 6,
    ...     "score": [1.0, 2.0, 6.0, 3.0, 5.0, 8.0, 2.0, 3.0, 3.0, 4.0, 5.0, 7.0],
    ... })
    >>> study = two_stage(frame, unit="urn", time="year", cohort="first_year", outcome="score")
    >>> study.to_frame().select("term", pl.col("value").round(9)).rows()
    [('-2', -0.125), ('-1', 0.125), ('0', 2.75)]
    """
    check_staggered_options(anticipation, level)
    panel = rectangle(
        frame,
        unit=unit,
        time=time,
        cohort=cohort,
        outcome=outcome,
        covariates=covariates,
        weights=weights,
        cluster=cluster,
    )
    require_treatment(panel)
    first = fit_untreated(panel, anticipation)
    _, unable = asked(panel, first)
    event = event_times(first.panel)
    event[np.array([*first.panel.cohorts, 0]) > first.panel.periods[-1]] = NO_EVENT
    rows = rows_by_cell(first.panel)
    terms = [int(e) for e in np.unique(event[rows > 0]) if e != NO_EVENT]
    if not any(e >= 0 for e in terms):
        raise EstimationError("no treated row is left at or after the start of its treatment")
    by_event = _second(first, rows, [event == e for e in terms], [name_of(e) for e in terms])
    together = _second(first, rows, [(event >= 0) & (event != NO_EVENT)], ["ATT"])
    method = (
        "two-stage difference-in-differences (Gardner 2022), unit and period effects"
        + (f", anticipation {anticipation}" if anticipation else "")
        + (f", given {', '.join(covariates)}" if covariates else "")
    )
    found = to_estimates(
        by_event,
        first.panel,
        [
            Combination(
                estimand="ATT(e)" if e >= -anticipation else "mean residual before treatment",
                term=str(e),
                names=[name_of(e)],
                weights=np.ones(1),
                treated=first.panel.units_in(event == e),
            )
            for e in terms
        ],
        level=level,
        method=method,
    )
    overall = _overall(first, together, event, level, method)
    lost = tuple(f"{name} could not be imputed: {why}" for name, why in _gone(unable).items())
    return Regression(
        title="Two-stage difference-in-differences",
        terms=found,
        overall=overall,
        values=by_event.beta,
        covariance=by_event.covariance,
        event_times=tuple(terms),
        exclusions=first.panel.exclusions,
        warnings=(*stage_warnings(first, ()), *lost),
    )


def _second(
    first: Untreated, rows: Floats, members: Sequence[np.ndarray], names: Sequence[str]
) -> Fit:
    """Average deviations over disjoint sets of cells: least squares on their indicators."""
    means = cell_means(first, rows)
    averages = np.stack([np.where(m, 1.0, 0.0) / rows[m].sum() for m in members], axis=2)
    beta = np.einsum("gtk,gt->k", averages, rows * means)
    centre = np.einsum("gtk,k->gt", averages > 0, beta)
    one = first.n_clusters < 2
    return Fit(
        names=tuple(names),
        beta=beta,
        covariance=None if one else covariance(first, averages, centre),
        reason="there is one cluster only, and its variance cannot be told; give more clusters"
        if one
        else "",
        dropped=first.dropped,
        n_rows=first.panel.n_rows,
        n_clusters=first.n_clusters,
        df=first.n_clusters - 1,
        variance="both stages together (GMM), by cluster, no small-sample factor",
        rounding=rounding(first),
    )


def _overall(first: Untreated, fit: Fit, event: Ints, level: float, method: str) -> Estimate:
    treated = first.panel.units_in((event >= 0) & (event != NO_EVENT))
    (found,) = to_estimates(
        fit,
        first.panel,
        [Combination(estimand="ATT", names=["ATT"], weights=np.ones(1), treated=treated)],
        level=level,
        method=method,
    )
    return attrs.evolve(found, term="")


def _gone(unable: dict[tuple[int, int], str]) -> dict[str, str]:
    return {f"cohort {g} in {t}": why for (g, t), why in unable.items()}
