"""The interaction-weighted event study of Sun and Abraham.

Estimand: the average effect on the treated of cohort g in period t, ATT(g, t), under parallel
trends and no anticipation, and its averages over cohorts by event time e = t - g with the cohorts'
shares among the rows seen at e.

    y_it = a_i + l_t + x_it'c + sum_{g treated} sum_{e != r} d_ge 1{G_i = g} 1{t - g = e} + u_it
    b_e  = sum_g d_ge n_ge / sum_g n_ge

The comparison are units that are never treated or, where there are none, the last cohort before
its start. Unlike the two-way event study (`event_study`), no effect of one cohort or event time
leaks into the coefficient of another. The shares n are taken as fixed, as fixest takes them.

Source: Sun & Abraham (2021), "Estimating dynamic treatment effects in event studies with
heterogeneous treatment effects", Journal of Econometrics 225(2), section 4 (the
interaction-weighted estimator); as `sunab` in R fixest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from impactkit.estimators.cohort_effects import (
    CohortEffects,
    cell_columns,
    cohort_effects,
    comparable,
    name_of,
    split_cells,
    without_reference,
)
from impactkit.estimators.event_study import require_treatment
from impactkit.estimators.fixed_effects import Vcov, least_squares
from impactkit.estimators.options import check_options
from impactkit.estimators.rectangle import Rectangle, rectangle
from impactkit.estimators.regression import common_warnings, inference_options
from impactkit.inference.cluster_variance import SmallSample

if TYPE_CHECKING:
    import polars as pl


def sun_abraham(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    time: str,
    cohort: str,
    outcome: str,
    covariates: Sequence[str] = (),
    fixed_effects: Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
    reference: int = -1,
    vcov: Vcov = "CRV1",
    small_sample: SmallSample = "fixest",
    level: float = 0.95,
) -> CohortEffects:
    """Estimate effects by cohort and event time, to be averaged by event time.

    Parameters
    ----------
    frame, unit, time, cohort, outcome, covariates, fixed_effects, weights, cluster
        As in `event_study`.
    reference
        Event time that effects are relative to. A cohort never seen there is set aside.
    vcov, small_sample, level
        As in `event_study`.

    Returns
    -------
    CohortEffects
        A cell a cohort and period; ``.aggregate("dynamic")`` is the event study.

    Raises
    ------
    DataError
        With every fault of the frame.
    UsageError
        When arguments make no sense.
    EstimationError
        When there is nobody to compare, or a covariate follows treatment exactly.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "urn": [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4],
    ...     "year": [2021, 2022, 2023] * 4,
    ...     "first_year": [2023] * 6 + [None] * 6,
    ...     "score": [1.0, 2.0, 6.0, 3.0, 5.0, 8.0, 2.0, 3.0, 3.0, 4.0, 5.0, 7.0],
    ... })
    >>> found = sun_abraham(frame, unit="urn", time="year", cohort="first_year", outcome="score")
    >>> found.aggregate("dynamic").to_frame().select("term", pl.col("value").round(9)).rows()
    [('-2', -0.5), ('0', 2.5)]
    """
    check_options(inference_options(vcov, small_sample, level))
    panel = rectangle(
        frame,
        unit=unit,
        time=time,
        cohort=cohort,
        outcome=outcome,
        covariates=covariates,
        effects=fixed_effects,
        weights=weights,
        cluster=cluster,
    )
    require_treatment(panel)
    panel = comparable(panel)
    panel = without_reference(
        panel, {g: [t for t in panel.periods if t - g == reference] for g in panel.cohorts}
    )
    wanted = [(g, t) for g in panel.cohorts for t in panel.periods if t - g != reference]
    cells = split_cells(panel, wanted)
    reasons = cells.reasons | {
        (g, g + reference): "the reference period, zero by construction" for g in panel.cohorts
    }
    table, alone = cell_columns(panel, cells.told), cell_columns(panel, cells.alone)
    fit = least_squares(
        panel,
        lambda units: table[panel.cohort[units]],
        [name_of(*cell) for cell in cells.told],
        key=panel.cohort,
        controls=(lambda units: alone[panel.cohort[units]], [f"{cell}" for cell in cells.alone]),
        vcov=vcov,
        small_sample=small_sample,
    )
    return cohort_effects(
        fit,
        panel,
        reasons,
        title="Sun and Abraham's effects by cohort and period",
        method=(
            f"Sun & Abraham (2021), reference event time {reference}, comparison: "
            f"{comparison_of(panel)}; cohort shares taken as fixed"
        ),
        level=level,
        warnings=common_warnings(fit, panel, vcov),
    )


def comparison_of(panel: Rectangle) -> str:
    """Say who is compared with."""
    n = int((panel.cohort == len(panel.cohorts)).sum())
    replaced = any(e.reason == "no_comparison" for e in panel.exclusions)
    return f"the last cohort, {n:,} units" if replaced else f"{n:,} units untreated throughout"
