"""Intervals by drawing partnerships again, with replacement: the percentile bootstrap.

What is drawn is whole partnerships, since what happens in one hangs together. With few of them the
interval is too narrow: there is none below `LEAST`, and a warning below `FEW`.

Source: Efron & Tibshirani (1993), "An introduction to the bootstrap", chapter 13; Davison & Hinkley
(1997), "Bootstrap methods and their application", section 3.8 (clusters).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np

from impactkit import Estimate

LEAST, FEW = 5, 15
DRAWS = 2000
TOO_FEW = "there are too few partnerships for an interval by drawing them again"
NARROW = ("An interval from so few partnerships is likely too narrow.",)

Statistic = Callable[[np.ndarray], float | None]


@attrs.frozen(kw_only=True)
class Drawn:
    """The spread of a statistic over draws; nothing where there were too few partnerships."""

    std_error: float | None = None
    low: float | None = None
    high: float | None = None


def bootstrap(
    n: int, statistic: Statistic, rng: np.random.Generator, *, level: float = 0.95
) -> Drawn:
    """Return the spread of ``statistic(positions)`` over draws of `n` partnerships.

    Draws in which the statistic does not exist (None) are drawn again in effect: they do not count.

    Examples
    --------
    >>> values = np.arange(30.0)
    >>> found = bootstrap(30, lambda at: float(values[at].mean()), np.random.default_rng(1))
    >>> f"{found.low:.0f} to {found.high:.0f}"
    '11 to 18'
    """
    if n < LEAST:
        return Drawn()
    found = [statistic(rng.integers(0, n, n)) for _ in range(DRAWS)]
    values = np.array([value for value in found if value is not None])
    if len(values) < DRAWS / 2:
        return Drawn()
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Drawn(std_error=float(values.std(ddof=1)), low=float(low), high=float(high))


def ratio(
    parts: Sequence[float], wholes: Sequence[float], rng: np.random.Generator
) -> tuple[float, Drawn] | None:
    """Return a ratio of sums over partnerships, and its spread; None where the whole is nought.

    With wholes of 1 it is a mean.
    """
    total = math.fsum(wholes)
    if not total > 0:
        return None
    part, whole = np.asarray(parts, dtype=float), np.asarray(wholes, dtype=float)

    def drawn(at: np.ndarray) -> float | None:
        below = float(whole[at].sum())
        return float(part[at].sum()) / below if below > 0 else None

    return math.fsum(parts) / total, bootstrap(len(part), drawn, rng)


def drawn_estimate(
    value: float, spread: Drawn, n: int, *, scale: float = 1.0, **names: Any
) -> Estimate:
    """Return a value with its bootstrap interval as an `Estimate`; `n` counts partnerships."""

    def scaled(number: float | None) -> float | None:
        return None if number is None else scale * number

    given = names.pop("warnings", ())
    bounded = spread.low is not None
    return Estimate(
        **{"n_partnerships": n, "n_clusters": n, **names},
        value=scale * value,
        std_error=scaled(spread.std_error),
        ci_low=scaled(spread.low),
        ci_high=scaled(spread.high),
        variance="percentile bootstrap of partnerships" if bounded else "none",
        reason="" if bounded else TOO_FEW,
        warnings=(*given, *(NARROW if bounded and n < FEW else ())),
    )
