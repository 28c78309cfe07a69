"""Noisy figures are drawn to their mean as a plain loop draws them; intervals hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from impactkit.errors import EstimationError
from impactkit.evidence import shrink

# Rubin (1981), Journal of Educational Statistics 6(4): eight schools, effects and standard errors.
EIGHT = ([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18])


def test_the_eight_schools_differ_no_more_than_chance():
    """Gelman et al., Bayesian Data Analysis, section 5.5: pooled 7.7, and no variance between."""
    effects, errors = EIGHT
    found = shrink(effects, [e**2 for e in errors])
    assert found.between == 0
    assert found.mean == pytest.approx(7.7, abs=0.05)
    assert max(found.kept) == pytest.approx(1 - 5 / 7)


def test_a_plain_loop_gives_the_same():
    """The equation for the variance between holds, and each figure is drawn by its formula."""
    y, v = [9.0, 1.0, -4.0, 2.0, 6.5, -7.0], [1.0, 2.0, 0.5, 4.0, 1.5, 3.0]
    found, k = shrink(y, v), 6
    tau2 = found.between**2
    weights = [1 / (tau2 + x) for x in v]
    mean = sum(w * x for w, x in zip(weights, y, strict=True)) / sum(weights)
    assert found.mean == pytest.approx(mean)
    squares = sum(w * (x - mean) ** 2 for w, x in zip(weights, y, strict=True))
    assert squares == pytest.approx(k - 1)
    typical = sum(w * x for w, x in zip(weights, v, strict=True)) / sum(weights)
    for i in range(k):
        b = 3 / 5 * v[i] / (v[i] + tau2)
        assert found.values[i] == pytest.approx(b * mean + (1 - b) * y[i])
        unsure = 2 / 3 * b * b * (typical + tau2) / (v[i] + tau2) * (y[i] - mean) ** 2
        error = math.sqrt(v[i] * (1 - 5 / 6 * b) + unsure)
        assert found.std_errors[i] == pytest.approx(error)


@pytest.mark.parametrize("between", [0.0, 0.5, 2.0])
def test_intervals_hold_the_true_values_as_often_as_they_say(between):
    """Over 400 draws of 24 partnerships of one to four schools: 95 of 100, or more."""
    rng = np.random.default_rng(11)
    v = 1.0 / rng.integers(1, 5, 24)
    inside, nearer = [], []
    for _ in range(400):
        truth = 1.0 + between * rng.standard_normal(24)
        y = truth + np.sqrt(v) * rng.standard_normal(24)
        found = shrink(y, v)
        away = np.abs(np.array(found.values) - truth)
        inside.append((away <= 1.96 * np.array(found.std_errors)).mean())
        nearer.append((away**2).sum() < ((y - truth) ** 2).sum())
    assert np.mean(inside) >= 0.93
    # Where true values do not vary at all, not knowing that costs width.
    assert np.mean(inside) <= (0.98 if between else 1.0)
    assert np.mean(nearer) > 0.6  # drawn figures lie nearer to the truth than observed ones


@given(st.lists(st.floats(-50, 50), min_size=4, max_size=12), st.floats(0.01, 20))
def test_no_figure_is_drawn_beyond_the_mean_or_away_from_it(values, variance):
    """Each lies between what was observed and the mean, and the order stays."""
    found = shrink(values, [variance] * len(values))
    for y, drawn in zip(values, found.values, strict=True):
        assert min(y, found.mean) - 1e-9 <= drawn <= max(y, found.mean) + 1e-9
    ordered = [found.values[i] for i in np.argsort(values, kind="stable")]
    assert ordered == pytest.approx(sorted(ordered), abs=1e-9)


def test_three_figures_or_one_without_noise_are_refused():
    """With the count in the message."""
    with pytest.raises(EstimationError, match="3 figures"):
        shrink([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    with pytest.raises(EstimationError, match="variance above 0"):
        shrink([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 0.0, 1.0])
