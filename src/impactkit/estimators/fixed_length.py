"""The shortest interval of fixed length when trends may bend, but not by more than M a period.

With delta the difference in trends by position (0 at the reference):

    |(delta_{t+1} - delta_t) - (delta_t - delta_{t-1})| <= M     for all t

Intervals are l'beta_post + v'beta_pre +- h. A bias that stays bounded needs weights v that take out
any linear trend; what is left of it is at most M sum_s |c_s|, c_s linear in v for bends s before
the reference, and fixed by l from there on. With sd the estimator's standard deviation,

    h = min_v sd cv(bias / sd),    cv(b): P(|N(b, 1)| <= cv) = level

For every trade-off of bias against variance the best v is a lasso in c, of which there are fewer
than periods before treatment; h is the best over trade-offs.

Sources: Rambachan & Roth (2023), Review of Economic Studies 90(5), section 2.4 (restriction) and
section 4 (fixed-length intervals); Armstrong & Kolesár (2020), "Simple and honest confidence
intervals in nonparametric regression", Quantitative Economics 11(1).
"""

from __future__ import annotations

import numpy as np

from impactkit.estimators.event_coefficients import EventCoefficients
from impactkit.estimators.rectangle import Floats

_TRADE_OFFS = 200


def folded_critical_value(bias: float, level: float) -> float:
    """Return the `level` quantile of |N(bias, 1)|.

    Examples
    --------
    >>> [round(folded_critical_value(b, 0.95), 4) for b in (0.0, 0.5, 10.0)]
    [1.96, 2.1815, 11.6449]
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr, ndtri

    top = bias + float(ndtri(0.5 + level / 2)) + 1e-9
    return float(brentq(lambda q: ndtr(q - bias) - ndtr(-q - bias) - level, 0.0, top, xtol=1e-13))


def interval(
    study: EventCoefficients, l_post: Floats, m: float, level: float
) -> tuple[float, float]:
    """Return the interval for bends up to `m`, in the outcome's unit a period squared."""
    from scipy.optimize import lsq_linear, minimize_scalar

    pre, post = study.pre, study.post
    K = len(pre)
    bends = np.arange(-(K - 1), 0)
    # Weights v from (slope, c): one row takes out the linear trend, the others define c.
    define = np.vstack([pre, np.maximum(bends[:, None] - pre[None, :], 0)])
    back = np.linalg.inv(define)
    start = np.concatenate([back[:, 0] * -(l_post @ post), l_post])
    turn = np.vstack([back[:, 1:], np.zeros((len(post), K - 1))])
    later = np.arange(len(post))
    fixed = float(np.abs(np.maximum(post[None, :] - later[:, None], 0) @ l_post).sum())

    quadratic = turn.T @ study.covariance @ turn
    linear = turn.T @ study.covariance @ start
    root = np.linalg.cholesky(quadratic)
    half = np.linalg.inv(root)

    def weights(penalty: float) -> Floats:
        if not K - 1 or penalty >= np.abs(linear).max():
            return start
        # The lasso by its dual, least squares in a box: a few variables, solved exactly.
        if penalty > 0:
            w = lsq_linear(half, -half @ linear, (-penalty, penalty), method="bvls", tol=1e-14).x
        else:
            w = np.zeros(K - 1)
        return np.asarray(start - turn @ (half.T @ (half @ (linear + w))))

    def half_length(u: Floats) -> float:
        sd = float(np.sqrt(u @ study.covariance @ u))
        bias = m * (fixed + float(np.abs(define[1:] @ u[:K]).sum()))
        return sd * folded_critical_value(bias / sd, level)

    best = weights(0.0)
    if m > 0 and K > 1:
        most = float(np.abs(linear).max())
        grid = most * np.linspace(0, 1, _TRADE_OFFS) ** 2
        lengths = [half_length(weights(p)) for p in grid]
        k = int(np.argmin(lengths))
        low, high = grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)]
        refined = minimize_scalar(
            lambda p: half_length(weights(p)),
            bounds=(low, high),
            method="bounded",
            options={"xatol": 1e-12 * most},
        )
        best = weights(float(refined.x if refined.fun < lengths[k] else grid[k]))
    centre, length = float(best @ study.values), half_length(best)
    return centre - length, centre + length
