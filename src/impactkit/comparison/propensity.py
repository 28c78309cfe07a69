"""The chance of being treated given covariates, and weights from it.

Estimand of the weights: the average effect on the treated, if treatment depends on nothing but the
covariates. With e(x) = P(treated | x), a logit fitted by maximum likelihood,

    weight = 1 for a treated school, e / (1 - e) for a comparison school

the latter scaled so that they add up to the number of treated schools.

Sources: Rosenbaum & Rubin (1983), Biometrika 70(1); Hirano, Imbens & Ridder (2003), Econometrica
71(4) (weights). Matching on a noisy score of one year can itself make regression to the mean: give
means of three years, and the trigger rather than the last result.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from impactkit.comparison.group import ComparisonGroup
from impactkit.comparison.schools import Bools, Floats, Schools, schools, standardised
from impactkit.errors import EstimationError, Problem, UsageError
from impactkit.estimators.two_by_two import OVERLAP, dependent_columns, listing

_EXTREME = 1e-6
_MOST_STEPS = 200


def propensity(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    treated: str,
    covariates: Sequence[str],
) -> ComparisonGroup:
    """Estimate propensity scores by a logit (scikit-learn, without penalty).

    Parameters
    ----------
    frame
        One row a school.
    unit, treated
        Columns: the school, and whether it is treated.
    covariates
        Columns of numbers or categories, from before treatment.

    Returns
    -------
    ComparisonGroup
        Its frame has `score` (0 to 1), `logit` (its log odds, to match on) and `weight`.

    Raises
    ------
    DataError, UsageError
        With every fault of the frame, or without a covariate.
    EstimationError
        When covariates determine one another, or tell treated from comparison schools for certain;
        the message names them.

    Examples
    --------
    >>> frame = pl.DataFrame({"urn": range(8), "treated": [True, False] * 4,
    ...                       "fsm": [30.0, 20.0, 40.0, 30.0, 30.0, 20.0, 20.0, 40.0]})
    >>> propensity(frame, unit="urn", treated="treated", covariates=["fsm"])
    Comparison group: propensity weights, logit on fsm
    4 treated schools, 4 comparison schools (worth 3.5 equally weighted)
    """
    if not covariates:
        raise UsageError(
            Problem(
                code="argument.covariates",
                column="covariates",
                rule="a propensity score needs a covariate",
                remedy="Name what decided about treatment, from before it.",
            )
        )
    checked = schools(frame, unit=unit, treated=treated, covariates=covariates)
    score = fit_scores(checked)
    odds = np.where(checked.treated, 1.0, score / (1 - score))
    comparison = ~checked.treated
    odds[comparison] *= checked.treated.sum() / odds[comparison].sum()
    kept = checked.rows.with_columns(
        score=pl.Series(score), logit=pl.Series(np.log(score / (1 - score))), weight=pl.Series(odds)
    )
    return ComparisonGroup(
        method=f"propensity weights, logit on {', '.join(covariates)}",
        frame=kept,
        unit=unit,
        treated=treated,
        exclusions=checked.exclusions,
        warnings=_overlap(checked, score),
    )


def fit_scores(checked: Schools) -> Floats:
    """Return the fitted chance of treatment of each school, strictly between 0 and 1."""
    import warnings

    from sklearn.linear_model import LogisticRegression

    X = standardised(checked.X)
    whole = np.column_stack([np.ones(len(X)), X])
    found = dependent_columns(whole.T @ whole, ["the constant", *checked.names])
    if found:
        raise EstimationError(
            f"among {len(X):,} schools, {listing(found)} {'is' if len(found) == 1 else 'are'} "
            "constant or determined by the other covariates; leave it out, or merge its categories"
        )
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=_MOST_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # separation is looked for below, and named
        model.fit(X, checked.treated)
    score: Floats = model.predict_proba(X)[:, 1]
    extreme = min(score.min(), 1 - score.max()) < _EXTREME
    if (extreme or model.n_iter_[0] >= _MOST_STEPS) and _separated(whole, checked.treated):
        raise EstimationError(
            f"the covariates ({listing(checked.names)}) tell some of {checked.treated.sum():,} "
            f"treated and {(~checked.treated).sum():,} comparison schools apart for certain, so "
            "there is no score; leave out or coarsen a covariate"
        )
    return score


def _separated(X: Floats, treated: Bools) -> bool:
    """Say whether some combination of covariates never points the wrong way, by linear programming.

    Then the likelihood has no maximum: Konis (2007), "Linear programming algorithms for detecting
    separated data in binary logistic regression models", section 4.
    """
    from scipy.optimize import linprog

    signed = np.where(treated, 1.0, -1.0)[:, None] * X
    found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(X)), bounds=(-1, 1))
    return bool(found.status == 0 and -found.fun > 1e-7)


def _overlap(checked: Schools, score: Floats) -> tuple[str, ...]:
    """Say how many schools have nobody like them on the other side."""
    low, high = score[checked.treated].min(), score[checked.treated].max()
    other = score[~checked.treated]
    alone = int((score[checked.treated] > other.max()).sum())
    unlike = int(((other < low) | (other > high)).sum())
    notes = []
    if alone:
        notes.append(f"{alone:,} treated schools score higher than every comparison school")
    if unlike:
        notes.append(f"{unlike:,} comparison schools score outside the range of the treated")
    if score.max() >= OVERLAP:
        notes.append(f"{int((score >= OVERLAP).sum()):,} schools score {OVERLAP} or more")
    return tuple(notes)
