"""One comparison of two groups over two periods, with every unit's influence on it.

Estimand: the average effect of treatment on the treated, ATT, under parallel trends given X.

With D = 1 for the treated, weights w, dY the change of the outcome, X with a constant, p(X) the
propensity score (a logit) and m(X) the comparison group's expected change (least squares):

    reg   mean_T [dY - m(X)]
    ipw   mean_T [dY]        - sum_C v dY / sum_C v                 v = w p / (1 - p)
    dr    mean_T [dY - m(X)] - sum_C v (dY - m(X)) / sum_C v

Without covariates the three are the same difference of means. For repeated cross-sections the
change is replaced by separate means and regressions of each period, and dr is the locally
efficient estimator.

Source: Sant'Anna & Zhao (2020), "Doubly robust difference-in-differences estimators", Journal of
Econometrics 219(1): equations 2.6 and 3.1 (panel), 3.4 (cross-sections); influence functions from
their appendix, with traditional (logit, least squares) nuisance estimates as in R `DRDID`.
Comparison units whose propensity is 0.995 or more are trimmed, and a cell with a propensity of
0.999 or more is refused for want of overlap, as there.

Each function returns the estimate and the contributions phi, one a row: phi sums to zero and the
variance of the estimate is the sum of phi^2 when rows are independent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from impactkit.errors import EstimationError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Method = Literal["dr", "reg", "ipw"]

TRIM = 0.995
OVERLAP = 0.999
_RANK_TOLERANCE = 1e-12
_MOST_STEPS = 60
_AWAY = 1e100
_LITTLE = 1e-13  # left to gain, before a Newton step: next to nothing of that is left after it


@attrs.frozen(kw_only=True, eq=False)
class Propensity:
    """A fitted logit: the score of each row, and its coefficients.

    `influence` gives the rows' contributions to c'coefficients, given c.
    """

    score: Floats
    influence: Callable[[Floats], Floats]
    coefficients: Floats


@attrs.frozen(kw_only=True, eq=False)
class _Mean:
    """A weighted mean over rows, and the rows' contributions to it."""

    value: float
    influence: Floats


def listing(names: Sequence[str], most: int = 5) -> str:
    """Return names for a message, no more than `most` of them.

    Examples
    --------
    >>> listing(["fsm", "eal", "sen"], most=2)
    'fsm, eal and 1 more'
    """
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def dependent_columns(gram: Floats, names: Sequence[str]) -> list[str]:
    """Name the columns of X that the columns before them determine, given X'X.

    Examples
    --------
    >>> X = np.array([[1.0, 2.0, 4.0], [1.0, 3.0, 6.0], [1.0, 5.0, 10.0]])
    >>> dependent_columns(X.T @ X, ["the constant", "pupils", "twice the pupils"])
    ['twice the pupils']
    """
    size = np.sqrt(np.diag(gram))
    size = np.where(size > 0, size, 1.0)
    left = gram / np.outer(size, size)
    found = []
    for j, name in enumerate(names):
        pivot = left[j, j]  # the share of the column that those before it leave unexplained
        if pivot <= _RANK_TOLERANCE:
            found.append(name)
        else:
            left = left - np.outer(left[:, j], left[j]) / pivot
    return found


def require_rank(gram: Floats, names: Sequence[str], who: str) -> None:
    """Raise when columns of X are collinear, given X'X; names them, and `who` they are of."""
    found = dependent_columns(gram, names)
    if found:
        raise EstimationError(
            f"among the {who}, {listing(found)} {'is' if len(found) == 1 else 'are'} constant or "
            "determined by the other covariates; leave it out, or merge its categories"
        )


def no_overlap(names: Sequence[str]) -> str:
    """Say that covariates (after the constant) tell the groups apart, and what to do."""
    return (
        f"too little overlap: the covariates ({listing(names[1:])}) tell treated from "
        f"comparison units almost for certain (a propensity of {OVERLAP} or more); leave out "
        "or coarsen a covariate, or adjust by outcome regression only"
    )


def nobody_left() -> str:
    """Say that trimming left no comparison unit, and what to do."""
    return (
        f"every comparison unit was trimmed (propensity of {TRIM} or more); leave out or "
        "coarsen a covariate, or adjust by outcome regression only"
    )


def fit_propensity(
    D: Bools, X: Floats, w: Floats, names: Sequence[str], start: Floats | None = None
) -> Propensity:
    """Fit a weighted logit of treatment on `X` by Newton's method.

    Parameters
    ----------
    D, w
        Treated or not, and weights, shape (rows,).
    X
        Design with a constant, shape (rows, k), columns of similar scale.
    names
        Names of the columns, for messages.
    start
        Coefficients to start from, such as those of a similar sample; default zero.

    Raises
    ------
    EstimationError
        When `X` is singular, or the covariates (nearly) tell treated from comparison units.
    """
    used = w > 0
    require_rank(X.T @ (w[:, None] * X), names, f"{used.sum():,} units compared")

    def derivatives(gamma: Floats) -> tuple[Floats, Floats]:
        score = _logistic(X @ gamma)
        return X.T @ (w * (D - score)), X.T @ ((w * score * (1 - score))[:, None] * X)

    zero = np.zeros(X.shape[1])
    gamma = newton(derivatives, [zero] if start is None else [start, zero])
    score = _logistic(X @ (zero if gamma is None else gamma))
    if gamma is None or score[used].max() >= OVERLAP:
        raise EstimationError(no_overlap(names))
    hessian = X.T @ ((w * score * (1 - score))[:, None] * X)
    miss = w * (D - score)

    def influence(c: Floats) -> Floats:
        return np.asarray(miss * (X @ np.linalg.solve(hessian, c)))

    return Propensity(score=score, influence=influence, coefficients=gamma)


def newton(
    derivatives: Callable[[Floats], tuple[Floats, Floats]], starts: Iterable[Floats]
) -> Floats | None:
    """Maximise the likelihood of a logit by Newton's method, from the first start that leads there.

    It has arrived when next to nothing is left to gain: where no treated unit has some category its
    coefficient runs away for ever, and the scores have long settled (at nought, which is right).
    Steps from afar can run away altogether, and where the groups are separated there is no maximum:
    None when no start leads anywhere.

    Parameters
    ----------
    derivatives
        Gives the gradient, shape (k,), and minus the Hessian, shape (k, k); the first coefficient
        is the constant's.
    starts
        Where to begin, shape (k,) each.

    Examples
    --------
    One unit of four is treated, and the constant is log(1 / 3):

    >>> def derivatives(constant):
    ...     p = 1 / (1 + np.exp(-constant))
    ...     return 1 - 4 * p, 4 * np.diag(p * (1 - p))
    >>> newton(derivatives, [np.zeros(1)]).round(6).tolist()
    [-1.098612]
    """
    for gamma in starts:
        for _ in range(_MOST_STEPS):
            gradient, information = derivatives(gamma)
            if np.linalg.cond(information) > 1e14:
                break
            step = np.linalg.solve(information, gradient)
            gamma = gamma + step
            if not np.abs(gamma).max() < _AWAY:
                break
            if gradient @ step <= _LITTLE * information[0, 0]:
                return gamma
    return None


def _logistic(x: Floats) -> Floats:
    result: Floats = 1 / (1 + np.exp(-np.clip(x, -700, 700)))
    return result


def _mean(values: Floats, w: Floats) -> _Mean:
    total = w.sum()
    # Not w @ values: of long vectors that is a threads' affair, slower and in another order.
    value = float((w * values).sum() / total)
    return _Mean(value=value, influence=w * (values - value) / total)


def _regression(
    y: Floats, X: Floats, w: Floats, names: Sequence[str], who: str
) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Fit least squares; return predictions for all rows, and contributions to c'beta given c."""
    used = w > 0
    Z, v = X[used], w[used]
    gram = Z.T @ (v[:, None] * Z)
    require_rank(gram, names, f"{len(Z):,} {who}")
    beta = np.linalg.solve(gram, Z.T @ (v * y[used]))
    residual = v * (y[used] - Z @ beta)

    def influence(c: Floats) -> Floats:
        result = np.zeros(len(y))
        result[used] = residual * (Z @ np.linalg.solve(gram, c))
        return result

    return X @ beta, influence


def _odds(D: Bools, w: Floats, score: Floats) -> Floats:
    kept = ~D & (score < TRIM)
    odds: Floats = np.where(kept, w * score / (1 - score), 0.0)
    if not odds.sum() > 0:
        raise EstimationError(nobody_left())
    return odds


def changes(
    dy: Floats,
    D: Bools,
    w: Floats,
    X: Floats | None,
    names: Sequence[str],
    method: Method,
    propensity: Callable[[Floats], Propensity],
) -> tuple[float, Floats]:
    """Compare the changes of units seen in both periods.

    Parameters
    ----------
    dy
        Change of the outcome, shape (units,).
    D, w
        Treated or not, and weights, shape (units,).
    X
        Covariates with a constant, shape (units, k), of similar scale; None without.
    names
        Of the columns of `X`, for messages.
    method
        ``dr``, ``reg`` or ``ipw``, as at the top.
    propensity
        Fits the score given `X`; not called without covariates, or for ``reg``.

    Returns
    -------
    tuple
        The estimate and the contributions, shape (units,).

    Raises
    ------
    EstimationError
        When covariates are collinear or separate the groups.

    Examples
    --------
    >>> changes(np.array([3.0, 1.0, 0.0]), np.array([True, False, False]), np.ones(3), None, [],
    ...         "dr", lambda X: None)[0]
    2.5
    """
    treated, others = np.where(D, w, 0.0), np.where(D, 0.0, w)
    if X is None:
        return _signed((_mean(dy, treated), 1), (_mean(dy, others), -1))
    r, everyone = dy, treated @ X / treated.sum()
    if method != "ipw":
        fitted, influence = _regression(dy, X, others, names, "comparison units")
        r = dy - fitted
    if method == "reg":
        att, phi = _signed((_mean(r, treated), 1))
        return att, phi - influence(everyone)
    logit = propensity(X)
    v = _odds(D, w, logit.score)
    compared = _mean(r, v)
    att, phi = _signed((_mean(r, treated), 1), (compared, -1))
    phi = phi - logit.influence(compared.influence @ X)
    if method == "dr":
        phi = phi - influence(everyone - v @ X / v.sum())
    return att, phi


def cross_sections(
    y: Floats,
    post: Bools,
    D: Bools,
    w: Floats,
    X: Floats | None,
    names: Sequence[str],
    method: Method,
    propensity: Callable[[Floats], Propensity],
) -> tuple[float, Floats]:
    """Compare the two periods' levels of units that need not be the same.

    Parameters
    ----------
    y
        Outcome, shape (rows,), both periods together.
    post
        Whether a row is of the later of the two roles (the period estimated, not the base).
    D, w, X, names, method, propensity
        As in `changes`, by row.

    Returns
    -------
    tuple
        The estimate and the contributions, shape (rows,).

    Raises
    ------
    EstimationError
        When covariates are collinear or separate the groups.

    Examples
    --------
    >>> y, post = np.array([1.0, 4.0, 1.0, 2.0]), np.array([False, True, False, True])
    >>> cross_sections(y, post, np.array([True, True, False, False]), np.ones(4), None, [], "dr",
    ...                lambda X: None)[0]
    2.0
    """
    t1, t0 = np.where(D & post, w, 0.0), np.where(D & ~post, w, 0.0)
    c1, c0 = np.where(~D & post, w, 0.0), np.where(~D & ~post, w, 0.0)
    if X is None:
        return _signed((_mean(y, t1), 1), (_mean(y, t0), -1), (_mean(y, c1), -1), (_mean(y, c0), 1))
    if method != "ipw":
        mu1, influence1 = _regression(y, X, c1, names, "comparison units of the period")
        mu0, influence0 = _regression(y, X, c0, names, "comparison units of the base period")
        treated = np.where(D, w, 0.0)
        everyone = treated @ X / treated.sum()
    if method == "reg":
        att, phi = _signed((_mean(y, t1), 1), (_mean(y, t0), -1), (_mean(mu1 - mu0, treated), -1))
        return att, phi - influence1(everyone) + influence0(everyone)

    logit = propensity(X)
    v = _odds(D, w, logit.score)
    v1, v0 = np.where(post, v, 0.0), np.where(post, 0.0, v)
    if not (v1.sum() > 0 and v0.sum() > 0):
        raise EstimationError(
            "every comparison unit of one of the two periods was trimmed for want of overlap; "
            "leave out or coarsen a covariate, or use method='reg'"
        )
    own = y if method == "ipw" else y - np.where(post, mu1, mu0)
    later, earlier = _mean(own, v1), _mean(own, v0)
    att, phi = _signed((_mean(own, t1), 1), (_mean(own, t0), -1), (later, -1), (earlier, 1))
    phi = phi - logit.influence((later.influence - earlier.influence) @ X)
    if method == "ipw":
        return att, phi

    nu1, treated1 = _regression(y, X, t1, names, "treated units of the period")
    nu0, treated0 = _regression(y, X, t0, names, "treated units of the base period")
    gain, more = _signed(
        (_mean(nu1 - mu1, treated), 1),
        (_mean(nu1 - mu1, t1), -1),
        (_mean(nu0 - mu0, treated), -1),
        (_mean(nu0 - mu0, t0), 1),
    )
    more = (
        more
        + influence1(v1 @ X / v1.sum() - everyone)
        - influence0(v0 @ X / v0.sum() - everyone)
        + treated1(everyone - t1 @ X / t1.sum())
        - treated0(everyone - t0 @ X / t0.sum())
    )
    return att + gain, phi + more


def _signed(*parts: tuple[_Mean, int]) -> tuple[float, Floats]:
    value, influence = 0.0, np.zeros_like(parts[0][0].influence)
    for mean, sign in parts:
        value += sign * mean.value
        influence += sign * mean.influence
    return value, influence
