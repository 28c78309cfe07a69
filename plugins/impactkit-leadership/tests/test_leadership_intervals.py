"""Intervals of shares, differences and medians, against published tables and independent code."""

from __future__ import annotations

import statistics

import pytest
from scipy.stats import binomtest

from impactkit_leadership.intervals import (
    clopper_pearson,
    effective,
    median_interval,
    newcombe,
    wilson,
)

# Newcombe (1998), Statistics in Medicine 17, 857-872, table I: Wilson (method 3), exact (method 5).
SINGLE = [
    (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
    (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
    (0, 20, (0.0000, 0.1611), (0.0000, 0.1684)),
    (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
]

# Newcombe (1998), Statistics in Medicine 17, 873-890, table II: method 10.
DIFFERENCES = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
    (0, 10, 0, 20, -0.1611, 0.2775),
    (0, 10, 0, 10, -0.2775, 0.2775),
    (10, 10, 0, 20, 0.6791, 1.0000),
    (10, 10, 0, 10, 0.6075, 1.0000),
]

# Ranks of the 95 % interval of a median, as tabulated since Thompson (1936).
MEDIAN_RANKS = [(6, 1, 6), (10, 2, 9), (20, 6, 15), (30, 10, 21), (50, 18, 33), (100, 40, 61)]


@pytest.mark.parametrize(("x", "n", "score", "exact"), SINGLE)
def test_single_shares_have_the_published_intervals(x, n, score, exact):
    """Four published examples, a zero among them."""
    assert wilson(x / n, n) == pytest.approx(score, abs=5e-5)
    assert clopper_pearson(x / n, n) == pytest.approx(exact, abs=5e-5)


@pytest.mark.parametrize(("x1", "n1", "x2", "n2", "low", "high"), DIFFERENCES)
def test_differences_have_the_published_intervals(x1, n1, x2, n2, low, high):
    """Eight published examples, zeroes and ones among them."""
    assert newcombe(x1 / n1, n1, x2 / n2, n2) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_every_small_share_agrees_with_scipy(n, level):
    """Wilson and Clopper-Pearson, all successes from none to all, at two levels."""
    for x in range(n + 1):
        test = binomtest(x, n)
        for ours, name in ((wilson, "wilson"), (clopper_pearson, "exact")):
            theirs = test.proportion_ci(confidence_level=level, method=name)
            assert ours(x / n, n, level) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_design_effect_is_the_variance_between_clusters_over_the_binomial_one():
    """Clusters of one size: the robust variance of the share is var(cluster shares) / clusters."""
    successes = [4, 4, 3, 0, 0, 1, 4, 2, 0, 4, 4, 1]
    shares = [x / 4 for x in successes]
    p = sum(successes) / 48
    between = statistics.variance(shares) / 12
    found = effective(successes, [4] * 12)
    assert found.clustered
    assert found.design_effect == pytest.approx(between / (p * (1 - p) / 48))
    assert found.std_error == pytest.approx(between**0.5)
    # t(11 d.f., 0.975) = 2.2010, z = 1.9600, from printed tables
    assert found.n_effective == pytest.approx(
        48 / found.design_effect * (1.9600 / 2.2010) ** 2, rel=1e-3
    )


def test_clusters_never_make_an_interval_narrower():
    """Clusters that happen to be all alike (design effect below 1) are not rewarded."""
    found = effective([1] * 20, [2] * 20)
    assert found.design_effect == 1
    assert found.n_effective < 40


def test_too_few_clusters_change_nothing_and_say_so():
    """Nine clusters, one fewer than needed."""
    found = effective([3] * 8 + [0], [3] * 9)
    assert not found.clustered
    assert found.n_effective == 27


def test_share_of_nobody_or_everybody_has_no_standard_error():
    """It would be zero, and zero would say that we are certain."""
    assert effective([0, 0], [3, 4]).std_error is None
    assert effective([3, 4], [3, 4]).std_error is None


def test_share_of_no_people_is_refused():
    """There is nothing to divide by."""
    with pytest.raises(ValueError, match="nobody"):
        effective([], [])


@pytest.mark.parametrize(("n", "low", "high"), MEDIAN_RANKS)
def test_median_interval_has_the_tabulated_ranks(n, low, high):
    """Values 1 to n, so that each value is its rank."""
    middle, bounds = median_interval(list(range(n, 0, -1)))
    assert middle == (n + 1) / 2
    assert bounds == (low, high)


def test_five_values_are_too_few_for_a_median_interval():
    """Even all five cover the median with only 93.75 %."""
    assert median_interval([1, 2, 3, 4, 5]) == (3, None)
