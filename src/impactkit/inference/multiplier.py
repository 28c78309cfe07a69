"""The multiplier bootstrap: standard errors and simultaneous bands from influence contributions.

Each draw gives every cluster a multiplier of mean zero and variance one, and adds up the multiplied
contributions. No estimate is computed again. The standard error is the interquartile range of the
draws divided by that of a standard normal; the simultaneous critical value is the `level` quantile
of the largest absolute t-statistic of a draw.

Multipliers are signs, +1 or -1 with equal chance (Rademacher, as in R `did`). In groups of more
than `contributions.MOST_CLUSTERS` clusters they are standard normal: the theory asks for the two
moments and a finite third only, so many signed contributions add up to a normal draw anyhow, and a
sum of normal multiples needs no more than the covariance, so that no cost grows with clusters.

Source: Callaway & Sant'Anna (2021), algorithm 1, theorem 3 and remark 10.
"""

from __future__ import annotations

from statistics import NormalDist

import attrs
import numpy as np

from impactkit.inference.contributions import Contributions
from impactkit.inference.influence import Floats, critical_value

_BLOCK_BYTES = 64_000_000


@attrs.frozen(kw_only=True, eq=False)
class Bootstrap:
    """What the draws say: one standard error an estimate, one critical value for all together."""

    std_errors: Floats
    critical: float | None


def multiplier_draws(influence: Floats, draws: int, seed: int) -> Floats:
    """Return the signed sums of the contributions, shape (draws, estimates).

    The signs of cluster c in draw d depend on `seed` only, so families of estimates that share
    clusters share their draws.

    Examples
    --------
    >>> sums = multiplier_draws(np.array([[3.0, 4.0]]), draws=200, seed=1)
    >>> sums.shape, sorted(set(sums.ravel().tolist()))
    ((200, 1), [-7.0, -1.0, 1.0, 7.0])
    """
    k, n = influence.shape
    rng = np.random.default_rng(seed)
    width = -(-n // 8)
    total = influence.sum(axis=1)
    columns = np.ascontiguousarray(influence.T)
    sums = np.empty((draws, k))
    block = max(1, _BLOCK_BYTES // (8 * max(n, 1)))
    for start in range(0, draws, block):
        stop = min(draws, start + block)
        packed = rng.integers(0, 256, size=(stop - start, width), dtype=np.uint8)
        bits = np.unpackbits(packed, axis=1, count=n).astype(np.float64)
        sums[start:stop] = 2 * (bits @ columns) - total
    return sums


def normal_draws(root: Floats, draws: int, seed: int) -> Floats:
    """Return sums of normal multiples of the columns, shape (draws, estimates).

    Examples
    --------
    >>> normal_draws(np.array([[1.0], [2.0]]), draws=3, seed=1).shape
    (3, 2)
    """
    normal = np.random.default_rng(seed).standard_normal((draws, root.shape[1]))
    sums: Floats = normal @ root.T
    return sums


def multiplier_bootstrap(
    contributions: Contributions, *, draws: int, seed: int, level: float, family: list[int]
) -> Bootstrap:
    """Return bootstrap standard errors, and the critical value of the band over a family.

    Parameters
    ----------
    contributions
        To the estimates, by cluster.
    draws, seed, level
        Number of draws, seed of the generator, simultaneous coverage of the band.
    family
        Which rows the band covers together; rows without variation are left out. The critical
        value is None when none is left, and never less than the pointwise one.

    Examples
    --------
    Two estimates from 400 clusters each: the standard errors are near 1, and the band of both is
    wider than 1.96 standard errors (for independent normals it is 2.24).

    >>> influence = np.zeros((2, 800))
    >>> influence[0, :400] = influence[1, 400:] = 0.05
    >>> both = Contributions(
    ...     columns=influence, group=np.zeros(800, dtype=np.int64), cluster=np.arange(800)
    ... )
    >>> found = multiplier_bootstrap(both, draws=4000, seed=1, level=0.95, family=[0, 1])
    >>> bool(np.all(abs(found.std_errors - 1) < 0.1)), 2.1 < found.critical < 2.4
    (True, True)
    """
    by_cluster = contributions.cluster >= 0
    sums = multiplier_draws(contributions.columns[:, by_cluster], draws, seed)
    if not by_cluster.all():
        sums += normal_draws(contributions.columns[:, ~by_cluster], draws, seed)
    low, high = np.quantile(sums, (0.25, 0.75), axis=0, method="inverted_cdf")
    errors = (high - low) / (2 * NormalDist().inv_cdf(0.75))
    rows = [row for row in family if errors[row] > 0]
    if not rows:
        return Bootstrap(std_errors=errors, critical=None)
    largest = np.abs(sums[:, rows] / errors[rows]).max(axis=1)
    critical = float(np.quantile(largest, level, method="inverted_cdf"))
    return Bootstrap(std_errors=errors, critical=max(critical, critical_value(level)))
