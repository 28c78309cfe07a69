"""Leave out schools with too little overlap, where the data decides what is too little.

A school with a propensity score e near 0 or 1 has hardly a counterpart, and its effect is guessed
from few. With equal outcome variances, the set A of schools that makes the estimate's variance
bound smallest is, for the average effect (``ate``) and that on the treated (``att``):

    ate    A = {a <= e <= 1 - a}    minimises  sum_A 1/(e (1 - e)) / n_A^2
    att    A = {e <= 1 - a}         minimises  sum_A e/(1 - e) / (sum_A e)^2

Source: Crump, Hotz, Imbens & Mitnik (2009), "Dealing with limited overlap in estimation of average
treatment effects", Biometrika 96(1), theorem 1 and section 4. The estimand becomes the effect in
A: say so. Their rule of thumb, a = 0.1, is `alpha`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from impactkit.comparison.group import ComparisonGroup
from impactkit.comparison.schools import Floats, leave_out, require_both, schools
from impactkit.errors import DataError, Problem
from impactkit.estimators.options import check_options

Target = Literal["att", "ate"]


def trim_overlap(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    treated: str,
    score: str = "score",
    estimand: Target = "att",
    alpha: float | None = None,
) -> ComparisonGroup:
    """Leave out schools with extreme propensity scores.

    Parameters
    ----------
    frame
        One row a school, such as ``propensity(...).frame``.
    unit, treated, score
        Columns: the school, whether it is treated, and its propensity score (above 0, below 1).
    estimand
        Whether high scores go (``att``), or low ones as well (``ate``).
    alpha
        Trim at this distance from 1 (and 0) instead of at the optimum.

    Returns
    -------
    ComparisonGroup
        Every school kept has weight 1: estimate the scores again among them, or match.

    Raises
    ------
    DataError, UsageError
        With every fault of the frame, or of the arguments.
    EstimationError
        When no treated or no comparison school is left.

    Examples
    --------
    >>> frame = pl.DataFrame({"urn": range(6), "treated": [True, False] * 3,
    ...                       "score": [0.5, 0.4, 0.6, 0.5, 0.999, 0.45]})
    >>> print(trim_overlap(frame, unit="urn", treated="treated"))
    Comparison group: overlap trimmed for the effect on the treated, scores up to 0.6
    2 treated schools, 3 comparison schools (worth 3.0 equally weighted)
    Left out: 1 schools, 1 of them treated (a propensity score above 0.6)
    """
    check_options(
        [
            (estimand not in ("att", "ate"), "estimand", estimand, "'att' or 'ate'"),
            (alpha is not None and not 0 <= alpha < 0.5, "alpha", alpha, "from 0 to below 0.5"),
        ]
    )
    checked = schools(frame, unit=unit, treated=treated, covariates=[score])
    e = checked.rows[score].to_numpy().astype(float)
    if not ((e > 0) & (e < 1)).all():
        raise DataError(
            Problem(
                code="score.range",
                file="the frame of schools",
                column=score,
                rule=f"{int((~((e > 0) & (e < 1))).sum()):,} scores are not between 0 and 1",
                remedy="Give propensity scores, not their logits.",
            )
        )
    low, high = (alpha or 0.0, 1 - alpha) if alpha is not None else overlap_bounds(e, estimand)
    if estimand == "att":
        low = 0.0
    column = pl.col(score)
    rows, above = leave_out(
        checked.rows, column > high, treated, "overlap_high", f"a propensity score above {high:.3g}"
    )
    rows, below = leave_out(
        rows, column < low, treated, "overlap_low", f"a propensity score below {low:.3g}"
    )
    exclusions = (*checked.exclusions, *above, *below)
    require_both(rows[treated].cast(pl.Boolean).to_numpy(), exclusions)
    kept = f"from {low:.3g} to {high:.3g}" if estimand == "ate" else f"up to {high:.3g}"
    on = "the effect on the treated" if estimand == "att" else "the average effect"
    return ComparisonGroup(
        method=f"overlap trimmed for {on}, scores {kept}",
        frame=rows.with_columns(weight=pl.lit(1.0)),
        unit=unit,
        treated=treated,
        exclusions=exclusions,
    )


def overlap_bounds(e: Floats, estimand: Target) -> tuple[float, float]:
    """Return the lowest and the highest score kept when the variance bound is smallest.

    Examples
    --------
    >>> overlap_bounds(np.array([0.02, 0.3, 0.5, 0.6, 0.98]), "ate")
    (0.3, 0.6)
    """
    cost = 1 / (e * (1 - e)) if estimand == "ate" else e / (1 - e)
    gain = np.ones(len(e)) if estimand == "ate" else e
    # Schools enter in the order of their marginal cost; equal ones enter together.
    order = np.argsort(cost / gain, kind="stable")
    ratio = (cost / gain)[order]
    bound = np.cumsum(cost[order]) / np.cumsum(gain[order]) ** 2
    bound[:-1][ratio[1:] == ratio[:-1]] = np.inf
    inside = e[order[: int(bound.argmin()) + 1]]
    return float(inside.min()), float(inside.max())
