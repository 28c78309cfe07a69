"""The multiplier bootstrap: standard errors and simultaneous bands from influence contributions.

Each draw gives every cluster a sign, +1 or -1 with equal chance (Rademacher, as in R `did`; the
paper's own example is Mammen's two-point distribution), and adds up the signed contributions. No
estimate is computed again. The standard error is the interquartile range of the draws divided by
that of a standard normal; the simultaneous critical value is the `level` quantile of the largest
absolute t-statistic of a draw.

Source: Callaway & Sant'Anna (2021), algorithm 1 and remark 10.
"""

from __future__ import annotations

from statistics import NormalDist

import attrs
import numpy as np

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
    block = max(1, _BLOCK_BYTES // (8 * n))
    for start in range(0, draws, block):
        stop = min(draws, start + block)
        packed = rng.integers(0, 256, size=(stop - start, width), dtype=np.uint8)
        bits = np.unpackbits(packed, axis=1, count=n).astype(np.float64)
        sums[start:stop] = 2 * (bits @ columns) - total
    return sums


def multiplier_bootstrap(
    influence: Floats, *, draws: int, seed: int, level: float, family: list[int]
) -> Bootstrap:
    """Return bootstrap standard errors, and the critical value of the band over a family.

    Parameters
    ----------
    influence
        Contributions, shape (estimates, clusters).
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
    >>> found = multiplier_bootstrap(influence, draws=4000, seed=1, level=0.95, family=[0, 1])
    >>> bool(np.all(abs(found.std_errors - 1) < 0.1)), 2.1 < found.critical < 2.4
    (True, True)
    """
    sums = multiplier_draws(influence, draws, seed)
    low, high = np.quantile(sums, (0.25, 0.75), axis=0, method="inverted_cdf")
    errors = (high - low) / (2 * NormalDist().inv_cdf(0.75))
    rows = [row for row in family if errors[row] > 0]
    if not rows:
        return Bootstrap(std_errors=errors, critical=None)
    largest = np.abs(sums[:, rows] / errors[rows]).max(axis=1)
    critical = float(np.quantile(largest, level, method="inverted_cdf"))
    return Bootstrap(std_errors=errors, critical=max(critical, critical_value(level)))
