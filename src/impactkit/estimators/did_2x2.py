"""The canonical difference-in-differences: two groups, before and after.

Estimand: the average effect on the treated over the periods after the start, ATT, under parallel
trends and no anticipation, for groups treated at one time or never.

    att = (mean y_T,post - mean y_T,pre) - (mean y_C,post - mean y_C,pre)

which is b in y = a + c D + d post + b D post + u. With residuals e about the four means, row i
contributes +-w_i e_i / (total weight of its cell), and the variance is CRV1: q times the sum over
clusters of squared contributions, K = 4 coefficients in q (see `inference.cluster_variance`).

Sources: Card & Krueger (1994), American Economic Review 84(4), table 3; Angrist & Pischke (2009),
"Mostly harmless econometrics", section 5.2; Bertrand, Duflo & Mullainathan (2004), Quarterly
Journal of Economics 119(1), for the clusters.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from impactkit.errors import DataError, EstimationError, Problem
from impactkit.estimators.checks import FILE, drop, reasons_of, tidy
from impactkit.estimators.options import check_options
from impactkit.estimators.regression import (
    Regression,
    few_treated,
    inference_options,
    with_interval,
)
from impactkit.inference.cluster_variance import SmallSample, cluster_sums, small_sample_factor
from impactkit.results import Estimate


def did_2x2(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str | None = None,
    time: str,
    cohort: str | None = None,
    treated: str | None = None,
    start: int | None = None,
    outcome: str,
    weights: str | None = None,
    cluster: str | None = None,
    small_sample: SmallSample = "fixest",
    level: float = 0.95,
) -> Regression:
    """Compare the change of the treated with that of the others.

    Parameters
    ----------
    frame
        One row a unit and period, or repeated cross-sections.
    unit
        Column of the unit; None when every row is a unit of its own (repeated cross-sections).
    time, outcome
        Columns of the period (whole numbers) and the outcome. Periods before the start are pooled,
        and so are those from it on.
    cohort
        Column of the first treated period, null for never treated; or give `treated` and `start`.
    treated, start
        Column that is true (or 1) for the treated, in all their rows; and their first period.
    weights, cluster
        Columns of non-negative weights, and of clusters; by default each unit is its own cluster.
    small_sample, level
        As in `event_study`.

    Returns
    -------
    Regression
        One term.

    Raises
    ------
    DataError, UsageError
        With every fault of the frame, or of the arguments.
    EstimationError
        When treatment starts at several times, or one of the four cells is empty.

    Examples
    --------
    >>> frame = pl.DataFrame({
    ...     "urn": [1, 1, 2, 2, 3, 3, 4, 4],
    ...     "year": [2022, 2023] * 4,
    ...     "partner": [True] * 4 + [False] * 4,
    ...     "score": [2.0, 6.0, 5.0, 8.0, 3.0, 3.0, 5.0, 7.0],
    ... })
    >>> found = did_2x2(frame, unit="urn", time="year", treated="partner", start=2023,
    ...                 outcome="score")
    >>> found.terms[0].value
    2.5
    """
    flagged = treated is not None and start is not None
    check_options(
        [
            *inference_options("CRV1", small_sample, level),
            (
                (cohort is None) != flagged,
                "cohort",
                cohort,
                "either a column of first treated periods, or `treated` and `start`",
            ),
        ]
    )
    if treated is not None and start is not None:
        frame, cohort = _with_cohort(frame, treated, start)
    assert cohort is not None
    checked = tidy(
        frame,
        unit=unit,
        time=time,
        cohort=cohort,
        outcome=outcome,
        weights=weights,
        cluster=cluster,
    )
    rows, lost = drop(checked.rows, pl.col("weight") <= 0, "weight", "a weight of zero")
    left_out = (*checked.exclusions, *lost)
    # Whatever the order of rows, sums are made in one order.
    rows = rows.sort("unit", "time")
    cohorts = rows["cohort"].drop_nulls().unique().sort()
    if len(cohorts) != 1:
        there = ", ".join(f"{int(g)}" for g in cohorts)
        raise EstimationError(
            f"treatment starts at {len(cohorts)} times ({there}), and a two-by-two comparison has "
            "one; use att_gt, or keep one cohort and the never treated"
            if len(cohorts)
            else f"none of {rows['unit'].n_unique():,} units is treated (rows left out: "
            f"{reasons_of(left_out)}); give the first treated period of those that are"
        )
    D = rows["cohort"].is_not_null().to_numpy()
    post = (rows["time"] >= cohorts[0]).to_numpy()
    y, w = rows["outcome"].to_numpy(), rows["weight"].to_numpy()
    label = rows["cluster" if cluster else "unit"].rank("dense").to_numpy().astype(np.int64) - 1
    value, contributions = _means(y, w, D, post, int(cohorts[0]))

    n_clusters = int(label.max()) + 1
    if n_clusters > 1 and len(y) > 4:
        sums = cluster_sums(contributions[:, None], label, n_clusters)
        factor = small_sample_factor(
            small_sample, n_rows=len(y), n_clusters=n_clusters, k=4, k_nested=0
        )
        variance, reason = factor * float((sums**2).sum()), ""
    else:
        variance, reason = None, f"{len(y)} rows in {n_clusters} clusters have no variance to tell"
    treated_clusters = len(np.unique(label[D]))
    counted = Estimate(
        estimand="ATT",
        term="treated x post",
        value=value,
        level=level,
        n_schools=rows["unit"].filter(D).n_unique(),
        n_comparison=rows["unit"].filter(~D).n_unique(),
        n_clusters=n_clusters,
        n_treated_clusters=treated_clusters,
        method="difference-in-differences, two groups before and after",
        variance=f"CRV1 by cluster, small-sample factor {small_sample}, K = 4",
        reason=reason,
    )
    estimate = with_interval(
        counted,
        variance,
        n_clusters - 1,
        1e-12 * float(np.abs(y).max()),
        len(np.unique(label[~D])),
    )
    return Regression(
        title="Difference-in-differences, two groups before and after",
        terms=(estimate,),
        values=np.array([value]),
        covariance=None if variance is None else np.array([[variance]]),
        exclusions=(*checked.exclusions, *lost),
        warnings=few_treated(treated_clusters),
    )


def _with_cohort(
    frame: pl.DataFrame | pl.LazyFrame, treated: str, start: int
) -> tuple[pl.LazyFrame, str]:
    """Turn a flag into a cohort column of a name that the frame doesn't have."""
    name = "first treated period"
    lazy = frame.lazy()
    if treated not in lazy.collect_schema():
        return lazy, treated  # tidy names the missing column
    flag = pl.col(treated).cast(pl.Float64, strict=False)
    odd = lazy.select(pl.col(treated).filter(~flag.is_in([0.0, 1.0]).fill_null(False))).collect()
    if odd.height:
        raise DataError(
            Problem(
                code="treated.flag",
                file=FILE,
                column=treated,
                value=f"{odd[treated][0]}",
                rule="expected true (or 1) for the treated, and false (or 0) for the others",
                count=odd.height,
            )
        )
    cohort = pl.when(flag == 1).then(pl.lit(start))
    return lazy.with_columns(cohort.alias(name)), name


def _means(
    y: np.ndarray, w: np.ndarray, D: np.ndarray, post: np.ndarray, start: int
) -> tuple[float, np.ndarray]:
    """Return the difference of differences, and each row's contribution to it."""
    value, contributions = 0.0, np.zeros(len(y))
    for group, who in ((D, "treated"), (~D, "comparison")):
        for when, place in ((post, f"from {start} on"), (~post, f"before {start}")):
            cell = group & when
            if not cell.any():
                raise EstimationError(
                    f"there is no {who} row {place} (of {int(group.sum()):,} {who} rows and "
                    f"{int(when.sum()):,} rows {place}), so one of the four means is missing; "
                    "give both groups' outcomes before and after the start"
                )
            sign = 1.0 if group is D else -1.0
            sign = sign if when is post else -sign
            total = w[cell].sum()
            mean = float(w[cell] @ y[cell] / total)
            value += sign * mean
            contributions[cell] = sign * w[cell] * (y[cell] - mean) / total
    return value, contributions
