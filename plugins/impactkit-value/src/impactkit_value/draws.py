"""Drawing partnerships again, with replacement: the percentile bootstrap of ratios of sums.

What is drawn is whole partnerships, since what happens in one hangs together. With few of them the
interval is too narrow: there is none below `LEAST`, and a warning below `FEW`. Source: Davison &
Hinkley (1997), "Bootstrap methods and their application", sections 2.4 and 3.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from impactkit import Estimate

LEAST, FEW = 5, 15
TOO_FEW = "there are too few partnerships for an interval by drawing them again"
NARROW = ("An interval from so few partnerships is likely too narrow.",)


def ratio(
    parts: Sequence[float],
    wholes: Sequence[float],
    rng: Any,
    *,
    draws: int,
    level: float,
    scale: float = 1.0,
    **about: Any,
) -> Estimate:
    """Return a ratio of sums over partnerships as an estimate, with its bootstrap interval.

    The sum of `wholes` has to be above zero.
    """
    import numpy as np

    part, whole = np.asarray(parts, dtype=float), np.asarray(wholes, dtype=float)
    n = len(part)
    found = Estimate(
        value=scale * float(part.sum() / whole.sum()),
        level=level,
        n_partnerships=n,
        n_clusters=n,
        variance="none",
        reason=TOO_FEW,
        **about,
    )
    if n < LEAST:
        return found
    at = rng.integers(0, n, (draws, n))
    below = whole[at].sum(axis=1)
    some = below > 0
    drawn = scale * part[at].sum(axis=1)[some] / below[some]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return attrs.evolve(
        found,
        std_error=float(drawn.std(ddof=1)),
        ci_low=float(low),
        ci_high=float(high),
        reason="",
        variance="percentile bootstrap of partnerships",
        warnings=(*found.warnings, *(NARROW if n < FEW else ())),
    )
