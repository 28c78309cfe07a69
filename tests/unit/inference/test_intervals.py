"""Intervals of shares, rates, ratios and medians, against published tables and other code."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binomtest, poisson, t

from impactkit import (
    clopper_pearson,
    effective_sample,
    fieller,
    garwood,
    median_interval,
    newcombe,
    rate_ratio,
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

# Exact 95 % limits of a Poisson count, as printed since Garwood (1936) and Pearson & Hartley.
GARWOOD = [
    (0, 0, 3.689),
    (1, 0.0253, 5.572),
    (2, 0.242, 7.225),
    (5, 1.623, 11.668),
    (10, 4.795, 18.390),
    (25, 16.179, 36.905),
    (100, 81.364, 121.627),
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
    found = effective_sample(successes, [4] * 12)
    assert found.clustered
    assert found.design_effect == pytest.approx(between / (p * (1 - p) / 48))
    assert found.std_error == pytest.approx(between**0.5)
    # t(11 d.f., 0.975) = 2.2010, z = 1.9600, from printed tables
    assert found.n_effective == pytest.approx(
        48 / found.design_effect * (1.9600 / 2.2010) ** 2, rel=1e-3
    )


def test_clusters_never_make_an_interval_narrower():
    """Clusters that happen to be all alike (design effect below 1) are not rewarded."""
    found = effective_sample([1] * 20, [2] * 20)
    assert found.design_effect == 1
    assert found.n_effective < 40


def test_too_few_clusters_change_nothing_and_say_so():
    """Nine clusters, one fewer than needed."""
    found = effective_sample([3] * 8 + [0], [3] * 9)
    assert not found.clustered
    assert found.n_effective == 27


def test_share_of_nobody_or_everybody_has_no_standard_error():
    """It would be zero, and zero would say that we are certain."""
    assert effective_sample([0, 0], [3, 4]).std_error is None
    assert effective_sample([3, 4], [3, 4]).std_error is None


def test_share_of_no_people_is_refused():
    """There is nothing to divide by."""
    with pytest.raises(ValueError, match="nobody"):
        effective_sample([], [])


@pytest.mark.parametrize(("n", "low", "high"), MEDIAN_RANKS)
def test_median_interval_has_the_tabulated_ranks(n, low, high):
    """Values 1 to n, so that each value is its rank."""
    middle, bounds = median_interval(list(range(n, 0, -1)))
    assert middle == (n + 1) / 2
    assert bounds == (low, high)


def test_five_values_are_too_few_for_a_median_interval():
    """Even all five cover the median with only 93.75 %."""
    assert median_interval([1, 2, 3, 4, 5]) == (3, None)


@pytest.mark.parametrize(("n", "low", "high"), GARWOOD)
def test_poisson_counts_have_the_printed_interval(n, low, high):
    """Printed to three or four digits."""
    assert garwood(n) == pytest.approx((low, high), abs=6e-4)


def test_rate_agrees_with_poisson_test_of_r():
    """Welsh nickel workers in the help of ``poisson.test``: 137 deaths, 24.19893 expected."""
    assert garwood(137, 24.19893) == pytest.approx((4.753125, 6.692709), rel=1e-6)


@pytest.mark.parametrize("n", [1, 3, 17])
def test_bounds_of_a_rate_leave_half_the_doubt_in_each_tail(n):
    """Garwood's definition, by the Poisson distribution of scipy."""
    low, high = garwood(n, level=0.9)
    assert poisson.sf(n - 1, low) == pytest.approx(0.05)
    assert poisson.cdf(n, high) == pytest.approx(0.05)


@pytest.mark.parametrize(("a", "b"), [(4, 9), (1, 1), (0, 5), (12, 3)])
def test_ratio_comes_from_the_exact_interval_of_a_share(a, b):
    """Given all events, those of the first are binomial: the bounds of scipy, turned to odds."""
    share = binomtest(a, a + b).proportion_ci(method="exact")
    expected = [p / (1 - p) * 7.0 / 2.0 for p in (share.low, share.high)]
    assert rate_ratio(a, 2.0, b, 7.0) == pytest.approx(expected)


@pytest.mark.parametrize("df", [None, 7])
@pytest.mark.parametrize(("numerator", "covariance"), [(6.0, 0.0), (-3.0, 0.15), (0.2, -0.1)])
def test_fieller_bounds_are_where_the_test_turns(numerator, covariance, df):
    """The bounds solve (n - r d)^2 = c^2 var(n - r d), found by bracketing, not by algebra."""
    critical = statistics.NormalDist().inv_cdf(0.975) if df is None else t.ppf(0.975, df)

    def over(r):
        spread = 1.0 - 2 * r * covariance + r**2 * 0.04
        return (numerator - 2.0 * r) ** 2 - critical**2 * spread

    ratio = numerator / 2.0
    expected = (brentq(over, ratio - 50, ratio), brentq(over, ratio, ratio + 50))
    assert fieller(numerator, 2.0, 1.0, 0.04, covariance, df=df) == pytest.approx(expected)


def test_fieller_covers_the_ratio():
    """20,000 draws of two correlated normals, ratio 3: 95 % give or take four standard errors."""
    draws = np.random.default_rng(3).multivariate_normal(
        [6.0, 2.0], [[1.0, 0.1], [0.1, 0.09]], size=20_000
    )
    bounds = [fieller(n, d, 1.0, 0.09, 0.1) for n, d in draws]
    hits = [b[0] <= 3 <= b[1] for b in bounds if b is not None]
    assert len(hits) > 19_900
    assert np.mean(hits) == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 20_000))


def test_ratio_to_something_that_may_be_zero_has_no_bounds():
    """The denominator is 1.9 standard errors from zero; at 2.0 there are bounds."""
    assert fieller(6.0, 1.9, 1.0, 1.0) is None
    assert fieller(6.0, 2.0, 1.0, 1.0) is not None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: wilson(55, 100), "percentages"),
        (lambda: wilson(0.5, 0), "somebody"),
        (lambda: clopper_pearson(0.5, 10, 95), "such as 0.95"),
        (lambda: garwood(-1), "zero or more"),
        (lambda: garwood(3, 0), "above zero"),
        (lambda: rate_ratio(3, 1.0, 0, 1.0), "no upper bound"),
        (lambda: fieller(1.0, 1.0, 1.0, 1.0, 2.0), "no two estimates"),
        (lambda: median_interval([]), "no median"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(call, words):
    """Each message says what was wrong."""
    with pytest.raises(ValueError, match=words):
        call()
