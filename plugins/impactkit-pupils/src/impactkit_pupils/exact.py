r"""The exact interval of a difference of two shares, for few pupils.

It holds every difference d that a test of :math:`p_1 - p_2 = d` does not reject, where the test
orders the tables by the score statistic and takes the worst case over the share that is not known:

.. math:: \sup_{p_2} P\left(T_d(X) \ge T_d(x) \mid p_2 + d, p_2\right) > \alpha / 2

and likewise on the other side. So it covers at least the level, whatever the shares.

Sources: Chan & Zhang (1999), Biometrics 55(4), 1202-1209; the statistic of Farrington & Manning
(1990), Statistics in Medicine 9(12), 1447-1454.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

GRID, STEPS = 201, 24
"""Values of the unknown share that are tried; halvings of the interval in which a bound lies."""


def exact_difference(
    successes_1: int, n_1: int, successes_2: int, n_2: int, level: float = 0.95
) -> tuple[float, float]:
    """Return the exact interval of ``successes_1 / n_1 - successes_2 / n_2``.

    Raises
    ------
    ValueError
        When a number of successes is not between 0 and its number of people, or that is 0.

    Examples
    --------
    >>> low, high = exact_difference(8, 10, 3, 10)
    >>> f"{low:.2f} to {high:.2f}"
    '0.02 to 0.83'
    """
    for successes, n in ((successes_1, n_1), (successes_2, n_2)):
        if not (n > 0 and 0 <= successes <= n):
            raise ValueError(f"{successes} of {n} are no share")
    tail = (1 - level) / 2
    return (
        _lowest(successes_1, n_1, successes_2, n_2, tail),
        -_lowest(successes_2, n_2, successes_1, n_1, tail),
    )


def _lowest(x_1: int, n_1: int, x_2: int, n_2: int, tail: float) -> float:
    """Return the smallest difference that is not rejected in favour of a greater one."""
    low, high = -1.0, x_1 / n_1 - x_2 / n_2
    for _ in range(STEPS):
        middle = (low + high) / 2
        if p_value(x_1, n_1, x_2, n_2, middle) > tail:
            high = middle
        else:
            low = middle
    return low


def p_value(x_1: int, n_1: int, x_2: int, n_2: int, difference: float) -> float:
    """Return the one-sided p-value of ``p_1 - p_2 = difference`` against a greater difference."""
    import numpy as np
    from scipy.stats import binom

    statistic = _score(n_1, n_2, difference)
    # Ties are ties, whatever the last digits say.
    beyond = statistic >= statistic[x_1, x_2] - 1e-9
    p_2 = np.linspace(max(0.0, -difference), min(1.0, 1.0 - difference), GRID)
    first = binom.pmf(np.arange(n_1 + 1), n_1, np.clip(p_2 + difference, 0, 1)[:, None])
    second = binom.pmf(np.arange(n_2 + 1), n_2, p_2[:, None])
    return float(((first @ beyond) * second).sum(axis=1).max())


def _score(n_1: int, n_2: int, difference: float) -> np.ndarray:
    """Return the score statistic of every table, rows by the first number of successes."""
    import numpy as np

    p_1 = np.arange(n_1 + 1)[:, None] / n_1
    p_2 = np.arange(n_2 + 1)[None, :] / n_2
    # The most likely shares that differ by `difference`: a root of a cubic, in closed form.
    d, ratio = difference, n_2 / n_1
    a = 1 + ratio
    b = -(1 + ratio + p_1 + ratio * p_2 + d * (ratio + 2))
    c = d * d + d * (2 * p_1 + ratio + 1) + p_1 + ratio * p_2
    e = -p_1 * d * (1 + d)
    v = b**3 / (3 * a) ** 3 - b * c / (6 * a * a) + e / (2 * a)
    u = np.sqrt(np.maximum(0, b * b / (3 * a) ** 2 - c / (3 * a)))
    u = np.where(v < 0, -u, u)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio_of = np.where(u == 0, 0.0, np.clip(v / u**3, -1, 1))
    angle = (math.pi + np.arccos(ratio_of)) / 3
    under_1 = np.clip(2 * u * np.cos(angle) - b / (3 * a), max(0.0, d), min(1.0, 1.0 + d))
    under_2 = under_1 - d
    variance = under_1 * (1 - under_1) / n_1 + under_2 * (1 - under_2) / n_2
    gap = p_1 - p_2 - d
    with np.errstate(divide="ignore", invalid="ignore"):
        found: np.ndarray = np.where(
            np.abs(gap) < 1e-12, 0.0, gap / np.sqrt(np.maximum(variance, 0))
        )
    return found
