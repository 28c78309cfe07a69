"""Panels whose truth is known: schools in partnerships, over eight years, of no mean effect.

    y = school + year + school's own AR(1) + what a partnership's schools share in a year
      + (partnership's effect, once it has begun)

Effects of partnerships have mean zero. With `spread` 0 nobody was affected; with more, partnerships
did good and harm alike, and the treated vary more than others, which no exact test allows for.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

YEARS = 8
STARTS = (4, 6)
NAMES = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y", "cluster": "cluster"}


def partnerships(
    rng: np.random.Generator,
    *,
    treated: int,
    others: int,
    alone: bool = False,
    spread: float = 0.0,
    missing: float = 0.0,
    gaps: Literal["random", "level"] = "random",
) -> pl.DataFrame:
    """Return a panel of `treated` partnerships of two to four schools and `others` never treated.

    The others are partnerships, too, or with `alone` single schools, clusters of one. Half of the
    treated start in year 4, half in year 6. `w` is a weight, such as pupils, from 0.5 to 2;
    `missing` is the share of rows left out. With gaps by ``level`` partnerships that have begun
    lose rows of schools above the mean only, twice as many: trends stay parallel within schools,
    but means of those seen no longer compare like with like.
    """
    sizes = rng.integers(2, 5, treated + others)
    if alone:
        sizes[treated:] = 1
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    n = len(cluster)
    own = rng.normal(size=(n, YEARS))
    for t in range(1, YEARS):
        own[:, t] = 0.5 * own[:, t - 1] + np.sqrt(0.75) * own[:, t]
    shared = 0.5 * rng.normal(size=(len(sizes), YEARS))
    starts = np.where(np.arange(len(sizes)) < treated, np.resize(STARTS, len(sizes)), 0)
    effects = spread * rng.normal(size=len(sizes))
    begun = (starts[:, None] > 0) & (np.arange(YEARS) >= starts[:, None])
    level = rng.normal(size=(n, 1))
    y = level + 0.2 * np.arange(YEARS) + own
    y += (shared + effects[:, None] * begun)[cluster]
    frame = pl.DataFrame(
        {
            "unit": np.repeat(np.arange(n), YEARS),
            "time": np.tile(np.arange(YEARS), n),
            "cohort": np.repeat(starts[cluster], YEARS),
            "cluster": np.repeat(cluster, YEARS),
            "w": np.repeat(rng.uniform(0.5, 2, n), YEARS),
            "y": y.ravel(),
        }
    ).with_columns(cohort=pl.when(pl.col("cohort") > 0).then("cohort"))
    if not missing:
        return frame
    chance = np.full(y.shape, missing)
    if gaps == "level":
        chance = np.where(begun[cluster], 2 * missing * (level > 0), chance)
    return frame.filter(pl.Series(rng.random(frame.height) >= chance.ravel()))
