"""Romano and Wolf's step-down p-values: several tests read together, their dependence used.

Holm's adjustment is right whatever the dependence between tests, and pays for it. Where draws of
all statistics under the null are at hand, the largest of those not rejected yet gives the critical
value directly. With t_(1) >= t_(2) >= ... the absolute statistics in order and t*_b the draws,

    p_(j) = max(p_(j-1), share of draws with  max_{k >= j} |t*_b(k)| >= t_(j))

which controls the chance of any false rejection, in large samples.

Source: Romano & Wolf (2005), "Stepwise multiple testing as formalized data snooping", Econometrica
73(4); Romano & Wolf (2016), "Efficient computation of adjusted p-values for resampling-based
stepdown multiple testing", Statistics and Probability Letters 113.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from impactkit.inference.influence import Floats


def romano_wolf(statistics: Sequence[float | None], draws: Floats) -> list[float | None]:
    """Return adjusted p-values, two-sided.

    Parameters
    ----------
    statistics
        One a test, each divided by its standard error. A None, for a test that could not be made,
        stays None and is not counted.
    draws
        Statistics under the null, centred at zero and on the same scale, shape (draws, tests). From
        influence contributions they are ``multiplier_draws(influence, ...) /
        std_errors(influence)``; drawn together, so that tests keep their dependence.

    Raises
    ------
    ValueError
        When shapes differ, or a statistic or draw is not a number.

    Examples
    --------
    >>> draws = np.array([[0.5, 0.5], [1.0, -1.0], [-2.1, 1.9], [0.1, 0.2]])
    >>> romano_wolf([2.0, None], draws), romano_wolf([2.0, -1.5], draws)
    ([0.4, None], [0.4, 0.4])
    """
    draws = np.abs(np.asarray(draws, dtype=float))
    if draws.ndim != 2 or draws.shape[1] != len(statistics) or not len(draws):
        raise ValueError(
            f"draws have shape {draws.shape}; expected a row a draw and {len(statistics)} columns, "
            "one a test"
        )
    tested = [(abs(t), i) for i, t in enumerate(statistics) if t is not None]
    if (
        not all(math.isfinite(t) for t, _ in tested)
        or np.isnan(draws[:, [i for _, i in tested]]).any()
    ):
        raise ValueError("a statistic or a draw is not a number; give None for a test not made")
    ordered = [i for _, i in sorted(tested, key=lambda pair: (-pair[0], pair[1]))]
    # The largest draw among the j-th test in order and all after it.
    largest = np.maximum.accumulate(draws[:, ordered[::-1]], axis=1)[:, ::-1]
    adjusted: list[float | None] = [None] * len(statistics)
    highest = 0.0
    for rank, i in enumerate(ordered):
        hits = int((largest[:, rank] >= abs(statistics[i] or 0.0)).sum())
        highest = max(highest, (hits + 1) / (len(draws) + 1))
        adjusted[i] = highest
    return adjusted
