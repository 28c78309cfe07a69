"""Reliability of scales and paired changes, against formulas written out and exact covariances."""

from __future__ import annotations

import math
from statistics import mean, stdev, variance

import numpy as np
import pytest

from impactkit import EstimationError
from impactkit.estimators import cronbach_alpha, mcdonald_omega, paired_change, response_bounds


def exactly(covariance, n=60, seed=1):
    """Return answers whose sample covariance is the one given, to rounding."""
    x = np.random.default_rng(seed).normal(size=(n, len(covariance)))
    x -= x.mean(axis=0)
    x @= np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False)).T)
    return x @ np.linalg.cholesky(np.asarray(covariance)).T


def test_alpha_is_its_formula():
    """Variances of items over that of their sum, item by item."""
    rows = np.random.default_rng(2).integers(1, 6, size=(25, 5)).tolist()
    items = sum(variance([row[j] for row in rows]) for j in range(5))
    total = variance([sum(row) for row in rows])
    assert cronbach_alpha(rows) == pytest.approx(5 / 4 * (1 - items / total))


@pytest.mark.parametrize("loadings", [(0.8, 0.7, 0.6), (0.9, 0.5, 0.4, 0.3, 0.8)])
def test_omega_of_a_known_factor(loadings):
    """With loadings and unique variances known, omega is known."""
    load = np.array(loadings)
    unique = 1 - load**2
    x = exactly(np.outer(load, load) + np.diag(unique))
    assert mcdonald_omega(x) == pytest.approx(load.sum() ** 2 / (load.sum() ** 2 + unique.sum()))


def test_alpha_and_omega_agree_when_items_are_alike_and_omega_is_larger_when_not():
    """Alpha is a lower bound of one factor's omega, reached by equal loadings (McDonald 1999)."""
    same = np.full(4, 0.7)
    x = exactly(np.outer(same, same) + np.diag(1 - same**2))
    assert cronbach_alpha(x) == pytest.approx(mcdonald_omega(x))
    load = np.array([0.95, 0.3, 0.6, 0.4])
    x = exactly(np.outer(load, load) + np.diag(1 - load**2))
    assert cronbach_alpha(x) < mcdonald_omega(x) - 0.01


@pytest.mark.parametrize(
    "answers",
    [[[1, 2, 3]], [[1], [2], [3]], [[3, 3, 3]] * 9, [[1, 2]] * 9],
    ids=["one person", "one item", "no spread", "two items"],
)
def test_what_has_no_reliability_has_none(answers):
    """None, never a number that is not one."""
    assert mcdonald_omega(answers) is None
    assert cronbach_alpha(answers) is None


def test_an_item_that_runs_the_other_way_lowers_alpha():
    """It shows an item that was not reversed."""
    load = np.full(5, 0.8)
    x = exactly(np.outer(load, load) + np.diag(1 - load**2))
    turned = x.copy()
    turned[:, 0] *= -1
    assert cronbach_alpha(turned) < cronbach_alpha(x) - 0.3


def test_the_change_is_that_of_a_paired_t_test():
    """With everybody a cluster of their own the standard error is s / sqrt(n)."""
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(3)
    one = rng.normal(3, 1, 30)
    two = one + rng.normal(0.3, 0.5, 30)
    found = paired_change(one, two)
    test = ttest_rel(two, one)
    assert found.change_std_error == pytest.approx(stdev(two - one) / math.sqrt(30))
    assert found.interval() == pytest.approx(tuple(test.confidence_interval()))


def test_g_by_a_loop_over_clusters():
    """The value, and leaving out one school at a time."""
    rng = np.random.default_rng(4)
    school = np.repeat(np.arange(8), 5)
    one = rng.normal(3, 1, 40)
    two = one + rng.normal(0.4, 0.5, 40) + rng.normal(0, 0.5, 8)[school]

    def g(keep):
        a, b = one[keep], two[keep]
        j = 1 - 3 / (8 * len(a) - 9)
        return j * mean((b - a).tolist()) / ((stdev(a) + stdev(b)) / 2)

    left = [g(school != s) for s in range(8)]
    found = paired_change(one, two, school.tolist())
    assert found.g == pytest.approx(g(school >= 0))
    error = math.sqrt(7 / 8 * sum((v - mean(left)) ** 2 for v in left))
    assert found.g_std_error == pytest.approx(error)
    assert found.df == 7


def test_intervals_of_g_cover_what_they_should():
    """Nine of ten or more of 300 at 95 %, with ten schools of eight people each."""
    rng = np.random.default_rng(5)
    school = np.repeat(np.arange(10), 8)
    # Variances of each time: person 0.75 + school 0.25 = 1, change 0.4 on average.
    covered = 0
    for _ in range(300):
        level = rng.normal(0, 0.5, 10)[school]
        person = rng.normal(0, 0.6, 80)
        one = level + person + rng.normal(0, math.sqrt(0.39), 80)
        two = level + person + rng.normal(0, math.sqrt(0.39), 80) + 0.4
        low, high = paired_change(one, two, school.tolist()).interval("g")
        covered += low <= 0.4 <= high
    assert covered >= 270


@pytest.mark.parametrize(
    ("one", "two", "clusters"),
    [([1, 2], [2, 3], None), ([1, 2, 3], [2, 3, 3], ["a"] * 3), ([2] * 5, [2] * 5, None)],
    ids=["two people", "one school", "no spread"],
)
def test_too_little_is_refused_with_words(one, two, clusters):
    """The reason has the counts or says that nothing varies."""
    with pytest.raises(EstimationError, match=r"people|vary"):
        paired_change(one, two, clusters)


def test_bounds_close_as_more_answer():
    """With everybody's answer the mean is known; with nobody's it is anywhere on the scale."""
    assert response_bounds(3.0, 1.0, 1, 5) == (3.0, 3.0)
    assert response_bounds(3.0, 0.0, 1, 5) == (1.0, 5.0)
    with pytest.raises(ValueError, match="0 to 1"):
        response_bounds(3.0, 60, 1, 5)
