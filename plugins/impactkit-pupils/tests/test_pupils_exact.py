"""The exact interval of a difference of shares: it covers what it says, and agrees with others."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import barnard_exact, binom

from impactkit_pupils.exact import exact_difference, p_value


@pytest.mark.parametrize(("n_1", "n_2"), [(6, 9), (10, 10)])
def test_it_covers_at_least_the_level_whatever_the_shares(n_1, n_2):
    """Summed over every table, for shares on a grid: the property that makes it exact."""
    bounds = {
        (x, y): exact_difference(x, n_1, y, n_2, 0.9)
        for x in range(n_1 + 1)
        for y in range(n_2 + 1)
    }
    for p_1 in np.linspace(0.02, 0.98, 13):
        for p_2 in np.linspace(0.02, 0.98, 13):
            covered = sum(
                binom.pmf(x, n_1, p_1) * binom.pmf(y, n_2, p_2)
                for (x, y), (low, high) in bounds.items()
                if low <= p_1 - p_2 <= high
            )
            # The unknown share is searched on a grid, which costs a little.
            assert covered >= 0.9 - 0.002


@pytest.mark.parametrize("table", [(8, 10, 3, 10), (5, 12, 2, 9), (7, 12, 8, 17), (0, 8, 0, 11)])
def test_at_no_difference_it_is_barnards_test(table):
    """`scipy` has that test of equal shares, with the score statistic (pooled)."""
    x, n, y, m = table
    theirs = barnard_exact([[x, y], [n - x, m - y]], alternative="greater", n=512).pvalue
    assert p_value(*table, 0.0) == pytest.approx(theirs, abs=5e-4)


def test_the_test_at_a_difference_is_that_of_plain_loops():
    """The likeliest shares that differ by so much are looked for by trying; the worst case too."""
    n_1, n_2, d = 7, 9, 0.2

    def score(x, y):
        tried = np.linspace(max(0, -d) + 1e-7, min(1, 1 - d) - 1e-7, 20_001)
        likelihood = binom.logpmf(x, n_1, tried + d) + binom.logpmf(y, n_2, tried)
        p_2 = tried[int(np.argmax(likelihood))]
        p_1 = p_2 + d
        variance = p_1 * (1 - p_1) / n_1 + p_2 * (1 - p_2) / n_2
        return (x / n_1 - y / n_2 - d) / math.sqrt(variance)

    scores = {(x, y): score(x, y) for x in range(n_1 + 1) for y in range(n_2 + 1)}
    for observed in [(6, 2), (5, 4), (3, 1)]:
        worst = max(
            sum(
                binom.pmf(x, n_1, p + d) * binom.pmf(y, n_2, p)
                for (x, y), s in scores.items()
                if s >= scores[observed] - 1e-5
            )
            for p in np.linspace(0, 1 - d, 201)
        )
        assert p_value(observed[0], n_1, observed[1], n_2, d) == pytest.approx(worst, abs=2e-3)


def test_turning_the_shares_round_turns_the_interval_round():
    """And it lies within -1 and 1, also where all or nobody succeed."""
    low, high = exact_difference(9, 12, 4, 15)
    assert exact_difference(4, 15, 9, 12) == pytest.approx((-high, -low))
    low, high = exact_difference(10, 10, 0, 10)
    assert 0 < low < 1
    assert high == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("bad", [(3, 0, 1, 2), (5, 4, 1, 2), (-1, 4, 1, 2)])
def test_what_is_no_share_is_refused(bad):
    """With a word on which."""
    with pytest.raises(ValueError, match="are no share"):
        exact_difference(*bad)
