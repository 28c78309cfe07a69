"""Rates, ratios and bunching, against published tables and independent code."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, chisquare, gamma

from impactkit_governance.rates import Counted, bunching, rate_interval, ratio_interval

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


@pytest.mark.parametrize(("n", "low", "high"), GARWOOD)
def test_rate_of_equal_events_has_garwoods_interval(n, low, high):
    """Printed to three or four digits."""
    found = rate_interval(Counted(weights=[1] * n, exposure=1.0))
    assert found == pytest.approx((low, high), abs=6e-4)


def test_rate_agrees_with_poisson_test_of_r():
    """Welsh nickel workers in the help of ``poisson.test``: 137 deaths, 24.19893 expected."""
    counted = Counted(weights=[1] * 137, exposure=24.19893)
    assert counted.rate == pytest.approx(5.661407, rel=1e-6)
    assert rate_interval(counted) == pytest.approx((4.753125, 6.692709), rel=1e-6)


def test_events_of_one_size_scale_the_exact_interval():
    """Ten events of three boards each: three times the interval of ten events."""
    single = rate_interval(Counted(weights=[1] * 10, exposure=4.0))
    triple = rate_interval(Counted(weights=[3] * 10, exposure=4.0))
    assert triple == pytest.approx((3 * single[0], 3 * single[1]))


def test_events_of_several_sizes_have_fay_and_feuers_interval():
    """Their equations, written with the gamma distribution instead of chi-squared."""
    weights, exposure = [2, 2, 3, 5], 6.0
    y, v, w = 12, 42, 5
    low = gamma.ppf(0.025, y * y / v, scale=v / y)
    high = gamma.ppf(0.975, (y + w) ** 2 / (v + w * w), scale=(v + w * w) / (y + w))
    found = rate_interval(Counted(weights=weights, exposure=exposure))
    assert found == pytest.approx((low / exposure, high / exposure))


def test_interval_of_unlike_events_covers_the_truth():
    """2,000 draws of Poisson events of two or five boards: 95 % or more (never under 94 %)."""
    rng = np.random.default_rng(7)
    truth = 2 * 3.0 + 5 * 1.5
    hits = 0
    for twos, fives in zip(rng.poisson(3.0, 2000), rng.poisson(1.5, 2000), strict=True):
        weights = [2] * twos + [5] * fives
        low, high = rate_interval(Counted(weights=weights, exposure=1.0), least=5)
        hits += low <= truth <= high
    assert hits / 2000 > 0.94


def test_no_events_still_have_an_upper_bound():
    """3.689 events of the least size that is joint."""
    low, high = rate_interval(Counted(weights=[], exposure=2.0), least=2)
    assert low == 0
    assert high == pytest.approx(2 * 3.6889 / 2.0, abs=1e-4)


@pytest.mark.parametrize(("a", "b"), [(4, 9), (1, 1), (0, 5), (12, 3)])
def test_ratio_comes_from_the_exact_interval_of_a_share(a, b):
    """Given all events, those of the first are binomial: the bounds of scipy, turned to odds."""
    share = binomtest(a, a + b).proportion_ci(method="exact")
    expected = [p / (1 - p) * 7.0 / 2.0 for p in (share.low, share.high)]
    first = Counted(weights=[1] * a, exposure=2.0)
    second = Counted(weights=[1] * b, exposure=7.0)
    assert ratio_interval(first, second) == pytest.approx(expected)


def test_ratio_of_events_of_one_size_does_not_depend_on_the_size():
    """Pairs against pairs is as events against events."""
    single = ratio_interval(
        Counted(weights=[1] * 4, exposure=2.0), Counted(weights=[1] * 9, exposure=3.0)
    )
    double = ratio_interval(
        Counted(weights=[2] * 4, exposure=2.0), Counted(weights=[2] * 9, exposure=3.0)
    )
    assert double == pytest.approx(single)


def test_ratio_to_no_events_is_refused():
    """It has no upper bound."""
    with pytest.raises(ValueError, match="upper bound"):
        ratio_interval(Counted(weights=[1], exposure=1.0), Counted(weights=[], exposure=1.0))


def test_bunching_is_pearsons_chi_squared():
    """Against scipy, with unlike exposures."""
    events, exposures = [14, 2, 5, 0, 9], [3.0, 2.0, 2.0, 1.0, 4.0]
    expected = [sum(events) * t / sum(exposures) for t in exposures]
    theirs = chisquare(events, expected)
    found = bunching(events, exposures)
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert found.dispersion == pytest.approx(theirs.statistic / 4)


@pytest.mark.parametrize(("events", "exposures"), [([5], [1.0]), ([], []), ([1, 0, 0], [1.0] * 3)])
def test_bunching_is_not_tested_on_next_to_nothing(events, exposures):
    """One partnership, none, or fewer events than partnerships."""
    assert bunching(events, exposures) is None


def test_order_of_events_does_not_matter():
    """Weights are kept in order, so equal counts are equal."""
    assert Counted(weights=[3, 2, 2], exposure=1.0) == Counted(weights=[2, 3, 2], exposure=1.0)
