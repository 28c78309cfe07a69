"""Entropy balancing: comparison weights that make means equal, as even as they can be.

Estimand of the weights: the average effect on the treated, if treatment depends on nothing but the
balanced covariates. Among weights w > 0 of comparison schools that add up to the number of treated
schools and give every covariate z the treated mean, those nearest to equal:

    minimise sum w log w    subject to  sum w z / sum w = mean of z over the treated

The dual is smooth and convex in one multiplier l a covariate, with w proportional to exp(-z'l):

    minimise log sum exp(-(z - target)'l)        by Newton's method with step halving

Source: Hainmueller (2012), "Entropy balancing for causal effects", Political Analysis 20(1),
equations 5 to 9.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from impactkit.comparison.group import ComparisonGroup
from impactkit.comparison.schools import Floats, Schools, schools
from impactkit.errors import EstimationError
from impactkit.estimators.options import check_options
from impactkit.estimators.two_by_two import dependent_columns, listing

_TOLERANCE = 1e-10
_MOST_STEPS = 200


def entropy_balance(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    treated: str,
    covariates: Sequence[str],
    moments: int = 1,
) -> ComparisonGroup:
    """Weight comparison schools so that covariates have the means of the treated.

    Parameters
    ----------
    frame
        One row a school.
    unit, treated
        Columns: the school, and whether it is treated.
    covariates
        Columns of numbers or categories, from before treatment.
    moments
        1: means. 2: means and variances (of numbers that take more than two values).

    Returns
    -------
    ComparisonGroup
        Treated schools weigh 1. Means agree to 1e-10 standard deviations.

    Raises
    ------
    DataError, UsageError
        With every fault of the frame, or of the arguments.
    EstimationError
        When covariates determine one another, or no weights can balance them; the message names
        the covariates out of reach.

    Examples
    --------
    >>> frame = pl.DataFrame({"urn": range(6), "treated": [True, True] + [False] * 4,
    ...                       "fsm": [30.0, 40.0, 10.0, 20.0, 30.0, 50.0]})
    >>> found = entropy_balance(frame, unit="urn", treated="treated", covariates=["fsm"])
    >>> comparison = found.frame.filter(~pl.col("treated"))
    >>> round(comparison["fsm"].dot(comparison["weight"]) / comparison["weight"].sum(), 9)
    35.0
    """
    check_options(
        [
            (not covariates, "covariates", covariates, "one covariate or more"),
            (moments not in (1, 2), "moments", moments, "1 (means) or 2 (means and variances)"),
        ]
    )
    checked = schools(frame, unit=unit, treated=treated, covariates=covariates)
    Z, names = _moments(checked, moments)
    spread = Z.std(axis=0)
    Z = (Z - Z[checked.treated].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    weight = np.ones(len(Z))
    weight[~checked.treated] = checked.treated.sum() * _balanced(Z[~checked.treated], names)
    return ComparisonGroup(
        method=f"entropy balancing of {'means' if moments == 1 else 'means and variances'} of "
        + ", ".join(covariates),
        frame=checked.rows.with_columns(weight=pl.Series(weight)),
        unit=unit,
        treated=treated,
        exclusions=checked.exclusions,
    )


def _moments(checked: Schools, moments: int) -> tuple[Floats, list[str]]:
    """Return what is to be balanced: the covariates, and squares about the treated mean."""
    X, names = checked.X, list(checked.names)
    if moments == 1:
        return X, names
    wide = [k for k in range(X.shape[1]) if len(np.unique(X[:, k])) > 2]
    squares = (X[:, wide] - X[checked.treated][:, wide].mean(axis=0)) ** 2
    return np.column_stack([X, squares]), [*names, *(f"the variance of {names[k]}" for k in wide)]


def _balanced(Z: Floats, names: Sequence[str]) -> Floats:
    """Return weights that add up to one and give every column of `Z` a mean of zero."""
    # A covariate that doesn't vary among comparison schools is fine when it is where it should be.
    flat = (Z[0] == Z).all(axis=0)
    off = [name for k, name in enumerate(names) if flat[k] and abs(Z[0, k]) > _TOLERANCE]
    if not off:
        kept = [k for k in range(Z.shape[1]) if not flat[k]]
        whole = np.column_stack([np.ones(len(Z)), Z[:, kept]])
        found = dependent_columns(whole.T @ whole, ["the constant", *(names[k] for k in kept)])
        if found:
            raise EstimationError(
                f"among {len(Z):,} comparison schools, {listing(found)} "
                f"{'is' if len(found) == 1 else 'are'} determined by the other covariates; leave "
                "it out, or merge its categories"
            )
        weight = _newton(Z[:, kept])
        if weight is not None:
            return weight
        off = [n for k, n in enumerate(names) if not Z[:, k].min() < 0 < Z[:, k].max()]
    which = (
        f"the treated mean of {listing(off)} is beyond every comparison school"
        if off
        else "no combination of them has the treated means of all covariates together"
    )
    raise EstimationError(
        f"no weights of {len(Z):,} comparison schools balance {listing(names)}: {which}; leave out "
        "a covariate, coarsen it, or trim treated schools without a counterpart first"
    )


def _newton(Z: Floats) -> Floats | None:
    """Solve the dual; None when it has no minimum."""
    multiplier = np.zeros(Z.shape[1])
    value, weight = _dual(Z, multiplier)
    for _ in range(_MOST_STEPS):
        gradient = -(weight @ Z)
        if np.abs(gradient).max(initial=0.0) < _TOLERANCE:
            return weight
        centred = Z + gradient
        hessian = centred.T @ (weight[:, None] * centred)
        if not np.linalg.cond(hessian) < 1e14:
            return None
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-12:
            value_there, weight_there = _dual(Z, multiplier - size * step)
            # Near the minimum the value is flat to rounding, and only the gradient can tell.
            better = value_there <= value - 1e-4 * size * float(gradient @ step)
            if better or np.abs(weight_there @ Z).max() < 0.5 * np.abs(gradient).max():
                break
            size /= 2
        else:
            return None
        multiplier, value, weight = multiplier - size * step, value_there, weight_there
    return None


def _dual(Z: Floats, multiplier: Floats) -> tuple[float, Floats]:
    exponent = -(Z @ multiplier)
    top = exponent.max()
    mass = np.exp(exponent - top)
    total = float(mass.sum())
    return float(top + np.log(total)), mass / total
