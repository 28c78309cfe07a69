"""Intervals of `att_gt` and `imputation` with few treated partnerships, where nobody is affected.

The full tables are those of ``python -m benchmarks.montecarlo few``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import binom

from impactkit.estimators import att_gt, imputation

SIMULATIONS = 200
SCHOOLS, YEARS = 3, 6


def panel(seed: int, treated: int, others: int) -> pl.DataFrame:
    """Return partnerships of three schools that share half of what happens to them in a year."""
    rng = np.random.default_rng((treated, seed))
    clusters = treated + others
    cluster = np.repeat(np.arange(clusters), SCHOOLS)
    n = len(cluster)
    y = rng.normal(size=(n, 1)) + 0.2 * np.arange(YEARS) + rng.normal(size=(n, YEARS))
    y += rng.normal(size=(clusters, YEARS))[cluster]
    start = np.where(cluster < treated, np.where(cluster % 2 == 0, 3, 4), 0)
    return pl.DataFrame(
        {
            "unit": np.repeat(np.arange(n), YEARS),
            "time": np.tile(np.arange(YEARS), n),
            "cohort": np.repeat(start, YEARS),
            "cluster": np.repeat(cluster, YEARS),
            "y": y.ravel(),
        }
    ).with_columns(cohort=pl.when(pl.col("cohort") > 0).then("cohort"))


@cache
def covered(treated: int, small_sample: str, estimator: Callable[..., Any] = att_gt) -> int:
    """Return how many intervals at 95 % hold zero, which is the truth."""
    names = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}
    found = [
        estimator(
            panel(k, treated, 9 * treated), **names, cluster="cluster", small_sample=small_sample
        )
        .aggregate("simple")
        .overall
        for k in range(SIMULATIONS)
    ]
    return sum(e.ci_low <= 0 <= e.ci_high for e in found)


def test_with_eight_treated_partnerships_corrected_intervals_keep_their_promise() -> None:
    """Coverage is within what a true 95 % gives 998 times of 1,000."""
    low, high = binom.ppf([0.001, 0.999], SIMULATIONS, 0.95)
    assert low <= covered(8, "cr2") <= high


def test_with_four_uncorrected_intervals_are_too_short_and_corrected_ones_mend_most_of_it() -> None:
    """Without the correction so few hold the truth as a true 95 % never gives; with it more do."""
    assert covered(4, "none") < binom.ppf(1e-4, SIMULATIONS, 0.95)
    assert covered(4, "cr2") > covered(4, "none") + 0.04 * SIMULATIONS


def test_imputation_is_corrected_for_four_and_for_eight() -> None:
    """Corrected, coverage is what a true 95 % gives; with four and uncorrected it never is."""
    low, high = binom.ppf([0.001, 0.999], SIMULATIONS, 0.95)
    for treated in (4, 8):
        assert low <= covered(treated, "cr2", imputation) <= high
    assert covered(4, "none", imputation) < binom.ppf(1e-4, SIMULATIONS, 0.95)
