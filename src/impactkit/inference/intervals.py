"""Intervals of shares, rates, ratios and medians, as flat functions of counts.

All take independent people or events. Where people hang together in schools and partnerships, give
the intervals of shares the *effective* number of people instead (`effective_sample`): none of them
needs a whole number.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from statistics import NormalDist, median


def _z(level: float) -> float:
    _check_level(level)
    return NormalDist().inv_cdf(0.5 + level / 2)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a share between 0 and 1, such as 0.95")


def _check_share(share: float, n: float) -> None:
    if not n > 0:
        raise ValueError(f"n is {n}; a share needs somebody to be a share of")
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; it lies between 0 and 1 (divide percentages by 100)")


def _check_count(name: str, count: float, exposure: float) -> None:
    if not 0 <= count < math.inf:
        raise ValueError(f"{name} is {count}; a count is zero or more")
    if not 0 < exposure < math.inf:
        raise ValueError(f"the exposure of {name} is {exposure}; it must be above zero")


def wilson(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share (0 to 1) of `n`, which need not be whole.

    Source: Wilson (1927); method 3 of Newcombe (1998), Statistics in Medicine 17, 857-872.

    Raises
    ------
    ValueError
        When the share is not between 0 and 1, or `n` not above 0.

    Examples
    --------
    >>> low, high = wilson(81 / 263, 263)
    >>> f"{low:.4f} to {high:.4f}"
    '0.2553 to 0.3662'
    """
    _check_share(share, n)
    z2 = _z(level) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * share * (1 - share) / n + z2**2 / (4 * n**2)) / (1 + z2 / n)
    # At 0 and 1 the bound is exact in algebra, but not in floating point.
    low = 0.0 if share == 0 else max(0.0, middle - half)
    high = 1.0 if share == 1 else min(1.0, middle + half)
    return low, high


def newcombe(
    share_1: float, n_1: float, share_2: float, n_2: float, level: float = 0.95
) -> tuple[float, float]:
    """Return the hybrid score interval of ``share_1 - share_2``.

    Source: method 10 of Newcombe (1998), Statistics in Medicine 17, 873-890.

    Raises
    ------
    ValueError
        As `wilson`.

    Examples
    --------
    >>> low, high = newcombe(56 / 70, 70, 48 / 80, 80)
    >>> f"{low:.4f} to {high:.4f}"
    '0.0524 to 0.3339'
    """
    low_1, high_1 = wilson(share_1, n_1, level)
    low_2, high_2 = wilson(share_2, n_2, level)
    difference = share_1 - share_2
    return (
        difference - math.hypot(share_1 - low_1, high_2 - share_2),
        difference + math.hypot(high_1 - share_1, share_2 - low_2),
    )


def clopper_pearson(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share of `n`: it covers at least `level`, however small `n`.

    With an effective `n` that is not whole, the beta quantiles carry it on smoothly, as Korn &
    Graubard (1998) do. Source: Clopper & Pearson (1934); method 5 of Newcombe (1998), 857-872.

    Raises
    ------
    ValueError
        As `wilson`.

    Examples
    --------
    >>> low, high = clopper_pearson(15 / 148, 148)
    >>> f"{low:.4f} to {high:.4f}"
    '0.0578 to 0.1617'
    """
    _check_share(share, n)
    _check_level(level)
    return _beta_bounds(share * n, n - share * n, level)


def _beta_bounds(successes: float, failures: float, level: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = 0.0 if successes <= 0 else float(betaincinv(successes, failures + 1, tail))
    high = 1.0 if failures <= 0 else float(betaincinv(successes + 1, failures, 1 - tail))
    return low, high


def garwood(count: float, exposure: float = 1.0, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of the rate ``count / exposure`` of Poisson events.

    The count need not be whole: for events of unlike weight the effective number of Fay & Feuer
    (1997), Statistics in Medicine 16, 791-801, can be given.

    Source: Garwood (1936), Biometrika 28, 437-442.

    Raises
    ------
    ValueError
        When the count is below zero or the exposure not above it.

    Examples
    --------
    >>> low, high = garwood(25)
    >>> f"{low:.2f} to {high:.2f}"
    '16.18 to 36.90'
    """
    from scipy.special import gammaincinv

    _check_count("count", count, exposure)
    _check_level(level)
    tail = (1 - level) / 2
    low = float(gammaincinv(count, tail)) if count > 0 else 0.0
    return low / exposure, float(gammaincinv(count + 1, 1 - tail)) / exposure


def rate_ratio(
    count_1: float, exposure_1: float, count_2: float, exposure_2: float, level: float = 0.95
) -> tuple[float, float]:
    """Return the interval of one rate over another, exact given the number of events.

    Given all events, those of the first are binomial, and the bounds of Clopper & Pearson on their
    share are bounds on the ratio.

    Source: Przyborowski & Wilenski (1940), Biometrika 31, 313-323; ``poisson.test`` of R.

    Raises
    ------
    ValueError
        When the second has no events, so that the ratio has no upper bound; or as `garwood`.

    Examples
    --------
    Cancer in Fredericia against three other towns, from the help of R's ``poisson.test``:

    >>> low, high = rate_ratio(11, 800, 21, 3011)
    >>> f"{11 / 800 / (21 / 3011):.3f}, {low:.3f} to {high:.3f}"
    '1.971, 0.858 to 4.277'
    """
    _check_count("count_1", count_1, exposure_1)
    _check_count("count_2", count_2, exposure_2)
    _check_level(level)
    if count_2 == 0:
        raise ValueError("a ratio to a rate without events has no upper bound")
    low, high = _beta_bounds(count_1, count_2, level)
    scale = exposure_2 / exposure_1
    return low / (1 - low) * scale, high / (1 - high) * scale


def fieller(
    numerator: float,
    denominator: float,
    var_numerator: float,
    var_denominator: float,
    covariance: float = 0.0,
    *,
    level: float = 0.95,
    df: float | None = None,
) -> tuple[float, float] | None:
    """Return Fieller's interval of the ratio of two estimates, or None when it has no bounds.

    It holds every ratio r for which ``numerator - r x denominator`` is not significantly different
    from zero. When the denominator itself is not, those ratios reach to infinity: then no interval
    can be given, and the ratio says nothing; give the difference instead.

    Parameters
    ----------
    numerator, denominator
        Estimates, in one unit.
    var_numerator, var_denominator, covariance
        Their variances and covariance, in that unit squared.
    level, df
        Coverage; degrees of freedom of Student's t, None for the normal distribution.

    Raises
    ------
    ValueError
        When the variances and covariance can be those of no two estimates.

    References
    ----------
    Fieller, E. C. (1954). Some problems in interval estimation. Journal of the Royal Statistical
    Society B 16, 175-185.

    Examples
    --------
    >>> low, high = fieller(6.0, 2.0, 1.0, 0.04)
    >>> f"{low:.3f} to {high:.3f}"
    '1.948 to 4.291'
    >>> print(fieller(6.0, 0.3, 1.0, 0.04))
    None
    """
    if var_numerator < 0 or var_denominator < 0 or covariance**2 > var_numerator * var_denominator:
        raise ValueError(
            f"variances {var_numerator} and {var_denominator} with covariance {covariance}: no "
            "two estimates have these"
        )
    if df is None:
        critical = _z(level)
    else:
        from scipy.special import stdtrit

        _check_level(level)
        critical = float(stdtrit(df, 0.5 + level / 2))
    c2 = critical**2
    # The bounds are the roots of a r^2 - 2 b r + c.
    a = denominator**2 - c2 * var_denominator
    b = numerator * denominator - c2 * covariance
    c = numerator**2 - c2 * var_numerator
    if a <= 0:
        return None
    # In algebra never negative when a is positive.
    root = math.sqrt(max(0.0, b**2 - a * c))
    return (b - root) / a, (b + root) / a


def median_interval(
    values: Sequence[float], level: float = 0.95
) -> tuple[float, tuple[float, float] | None]:
    """Return the median and its distribution-free interval; None where there are too few values.

    The interval runs between two of the ordered values, so chosen that it covers at least `level`
    whatever the distribution; at 95% that takes six values. Source: Conover (1999), Practical
    Nonparametric Statistics, 3rd ed., section 3.2.

    Raises
    ------
    ValueError
        When there are no values.

    Examples
    --------
    >>> median_interval([31, 12, 54, 40, 22, 60])
    (35.5, (12, 60))
    >>> median_interval([31, 12, 54])
    (31, None)
    """
    if not values:
        raise ValueError("no values have no median")
    from scipy.special import bdtr

    _check_level(level)
    ordered = sorted(values)
    n = len(ordered)
    # The highest rank that the median falls short of no more often than a tail allows.
    rank = bisect_right(range(n), (1 - level) / 2, key=lambda k: float(bdtr(k, n, 0.5))) - 1
    bounds = (ordered[rank], ordered[n - 1 - rank]) if rank >= 0 else None
    return median(ordered), bounds
