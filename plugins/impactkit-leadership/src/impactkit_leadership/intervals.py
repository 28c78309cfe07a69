"""Intervals for shares of people, differences of shares, and medians.

Leaders of one school or partnership are not independent of each other. So a share is first given
its *effective* number of people: the number divided by the design effect, and shrunk once more for
having few clusters (Korn & Graubard 1998). Any interval is then worked out on that number.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from statistics import NormalDist, median

import attrs


def _z(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)


def wilson(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share (0 to 1) of `n`, which need not be whole.

    Source: Wilson (1927); method 3 of Newcombe (1998), Statistics in Medicine 17, 857-872.

    Examples
    --------
    >>> low, high = wilson(81 / 263, 263)
    >>> f"{low:.4f} to {high:.4f}"
    '0.2553 to 0.3662'
    """
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

    Examples
    --------
    >>> low, high = clopper_pearson(15 / 148, 148)
    >>> f"{low:.4f} to {high:.4f}"
    '0.0578 to 0.1617'
    """
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    successes = share * n
    low = 0.0 if share == 0 else float(betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if share == 1 else float(betaincinv(successes + 1, n - successes, 1 - tail))
    return low, high


@attrs.frozen(kw_only=True)
class Effective:
    """How many independent people a share is worth.

    `share` is 0 to 1; `n` the people counted, `n_effective` what they are worth, `std_error` that
    of the share (None at 0 and 1, where it would be zero and mislead). `clustered` tells whether
    there were enough clusters to allow for.
    """

    share: float
    n: int
    n_effective: float
    std_error: float | None
    design_effect: float
    n_clusters: int
    clustered: bool


def effective(
    successes: Sequence[int], sizes: Sequence[int], *, min_clusters: int = 10, level: float = 0.95
) -> Effective:
    """Work out the effective number of people from successes and people by cluster.

    The design effect is the cluster-robust variance of the share over its binomial variance, never
    below 1; ``n / design effect`` is multiplied by ``(z / t)^2`` with one degree of freedom fewer
    than clusters. With fewer than `min_clusters` the variance between clusters cannot be estimated
    well enough, so that nothing is done and `clustered` is false.

    Source: Korn & Graubard (1998), Survey Methodology 24, 193-201; Franco, Little, Louis & Slud
    (2019), Journal of Survey Statistics and Methodology 7, 334-364, on the Wilson interval with it.

    Raises
    ------
    ValueError
        When there is nobody to count.

    Examples
    --------
    >>> effective([1, 1], [1, 1]).clustered
    False
    """
    n = sum(sizes)
    if n <= 0:
        raise ValueError("a share of nobody has no value")
    share = sum(successes) / n
    groups = len(sizes)
    binomial = share * (1 - share) / n
    clustered = groups >= max(2, min_clusters)
    design = 1.0
    shrink = 1.0
    if clustered:
        from scipy.special import stdtrit

        residuals = (x - share * size for x, size in zip(successes, sizes, strict=True))
        robust = groups / (groups - 1) * math.fsum(r * r for r in residuals) / n**2
        design = max(1.0, robust / binomial) if binomial > 0 else 1.0
        shrink = (_z(level) / float(stdtrit(groups - 1, 0.5 + level / 2))) ** 2
    return Effective(
        share=share,
        n=n,
        n_effective=n / design * shrink,
        std_error=math.sqrt(binomial * design) if binomial > 0 else None,
        design_effect=design,
        n_clusters=groups,
        clustered=clustered,
    )


def median_interval(
    values: Sequence[float], level: float = 0.95
) -> tuple[float, tuple[float, float] | None]:
    """Return the median and its distribution-free interval; None where there are too few values.

    The interval runs between two of the ordered values, so chosen that it covers at least `level`
    whatever the distribution; at 95 % that takes six values. Source: Conover (1999), Practical
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

    ordered = sorted(values)
    n = len(ordered)
    # The highest rank that the median falls short of no more often than a tail allows.
    rank = bisect_right(range(n), (1 - level) / 2, key=lambda k: float(bdtr(k, n, 0.5))) - 1
    bounds = (ordered[rank], ordered[n - 1 - rank]) if rank >= 0 else None
    return median(ordered), bounds
