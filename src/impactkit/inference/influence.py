"""Standard errors, intervals and joint tests from influence contributions.

An estimator hands over one row per estimate and one column per cluster. The entry is the cluster's
contribution phi to the estimate: the sum, over the units of the cluster, of the estimate's
influence function divided by the number of units. Then, with no small-sample correction,

    variance = sum over clusters of phi^2        covariance(a, b) = sum of phi_a phi_b

Source: Callaway & Sant'Anna (2021), "Difference-in-Differences with multiple time periods",
Journal of Econometrics 225(2), theorem 2 and remark 10 (clusters).
"""

from __future__ import annotations

import math
from statistics import NormalDist

import attrs
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@attrs.frozen(kw_only=True)
class Wald:
    """A joint test that several estimates are all zero: the statistic is chi-squared with `df`."""

    statistic: float
    df: int
    p_value: float


def std_errors(influence: Floats) -> Floats:
    """Return the standard error of each estimate, in the unit of the estimates.

    Parameters
    ----------
    influence
        Contributions, shape (estimates, clusters).

    Examples
    --------
    Three units whose values are 1, 2 and 6: the contributions to their mean are (y - 3) / 3.

    >>> std_errors(np.array([[-2.0, -1.0, 3.0]]) / 3).round(4).tolist()
    [1.2472]
    """
    result: Floats = np.sqrt(np.einsum("kc,kc->k", influence, influence))
    return result


def critical_value(level: float) -> float:
    """Return the two-sided normal critical value of a confidence level.

    Examples
    --------
    >>> round(critical_value(0.95), 4)
    1.96
    """
    return NormalDist().inv_cdf(0.5 + level / 2)


def p_value(value: float, std_error: float) -> float:
    """Return the two-sided normal p-value of `value` against zero.

    Examples
    --------
    >>> round(p_value(1.96, 1.0), 3)
    0.05
    """
    return math.erfc(abs(value / std_error) / math.sqrt(2))


def wald(values: Floats, influence: Floats) -> Wald | None:
    """Test that all `values` are zero, or return None when their covariance is singular.

    Parameters
    ----------
    values
        Estimates, shape (estimates,).
    influence
        Their contributions, shape (estimates, clusters). With fewer clusters than estimates the
        covariance is singular.

    Examples
    --------
    >>> test = wald(np.array([2.0]), np.array([[0.6, -0.8]]))
    >>> test.statistic, test.df, round(test.p_value, 4)
    (4.0, 1, 0.0455)
    """
    from scipy.special import gammaincc

    scale = std_errors(influence)
    if not len(values) or not np.all(scale > 0):
        return None
    # Correlations, so that the check for singularity doesn't depend on the unit of the outcome.
    rows = influence / scale[:, None]
    correlation = rows @ rows.T
    if np.linalg.cond(correlation) > 1e12:
        return None
    z = values / scale
    statistic = float(z @ np.linalg.solve(correlation, z))
    df = len(values)
    return Wald(statistic=statistic, df=df, p_value=float(gammaincc(df / 2, statistic / 2)))
