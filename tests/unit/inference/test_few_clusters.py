"""The rule on the number of treated clusters, and the coverage that it rests on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from impactkit.inference import Thresholds, choose_inference
from impactkit.inference.few_clusters import coverage_with_few_treated


@pytest.mark.parametrize("n", [4, 8, 12])
def test_coverage_by_formula_is_that_of_simulated_clusters(n: int) -> None:
    """20,000 draws of n treated cluster means against a known comparison: both standard errors."""
    x = np.random.default_rng(n).normal(size=(20_000, n))
    mean, squares = x.mean(axis=1), ((x - x.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    for method, error in (("analytic", squares**0.5 / n), ("crv3", squares**0.5 / (n - 1))):
        covered = np.mean(np.abs(mean) < 1.959964 * error)
        expected = coverage_with_few_treated(n, method)
        assert covered == pytest.approx(expected, abs=4 * math.sqrt(0.1 * 0.9 / 20_000))


def test_thresholds_are_where_coverage_reaches_93_per_cent() -> None:
    """At the threshold it does, one cluster below it does not."""
    limits = Thresholds()
    for method, n in (("analytic", limits.analytic), ("crv3", limits.crv3)):
        assert (
            coverage_with_few_treated(n, method) >= 0.93 > coverage_with_few_treated(n - 1, method)
        )


@pytest.mark.parametrize(
    ("treated", "total", "regression", "group_time", "other"),
    [
        (22, 400, "analytic", "analytic", "analytic"),
        (21, 400, "crv3", "cr2", "randomisation"),
        (10, 400, "crv3", "cr2", "randomisation"),
        (9, 400, "wild", "cr2", "randomisation"),
        (8, 400, "wild", "cr2", "randomisation"),
        (7, 400, "wild", "randomisation", "randomisation"),
        (6, 400, "wild", "randomisation", "randomisation"),
        (5, 400, "randomisation", "randomisation", "randomisation"),
        (1, 400, "randomisation", "randomisation", "randomisation"),
        (396, 400, "randomisation", "randomisation", "randomisation"),
        (1, 19, "none", "none", "none"),
        (2, 7, "randomisation", "randomisation", "randomisation"),
    ],
)
def test_method_follows_the_smaller_side(
    treated: int, total: int, regression: str, group_time: str, other: str
) -> None:
    """Many comparison schools don't make up for few treated clusters, nor the other way round."""
    assert choose_inference(treated, total, estimator="regression").method == regression
    assert choose_inference(treated, total, estimator="att_gt").method == group_time
    assert choose_inference(treated, total).method == other


def test_reason_gives_the_numbers_and_the_side_that_limits() -> None:
    """A sentence that could stand in a report."""
    assert str(choose_inference(8, 240, estimator="regression")) == (
        "8 of 240 clusters are treated: the restricted wild cluster bootstrap, which needs 6; the "
        "jackknife needs 10."
    )
    assert str(choose_inference(8, 240, estimator="att_gt")) == (
        "8 of 240 clusters are treated: clustered standard errors corrected for few clusters, CR2, "
        "which need 8; without correction 22."
    )
    assert "only 4 are untreated" in choose_inference(36, 40).reason


def test_thresholds_can_be_set() -> None:
    """As a Monte Carlo study of one's own design may show."""
    assert choose_inference(12, 240, thresholds=Thresholds(analytic=12)).method == "analytic"


@pytest.mark.parametrize(("treated", "total"), [(0, 5), (5, 5), (6, 5)])
def test_numbers_that_make_no_sense_are_refused(treated: int, total: int) -> None:
    """Somebody must be treated and somebody not."""
    with pytest.raises(ValueError, match="some treated and some not"):
        choose_inference(treated, total)
