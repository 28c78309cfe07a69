"""What must hold of step-down p-values for any statistics and draws."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from impactkit.inference import romano_wolf

CASES = st.tuples(
    st.lists(st.floats(-5, 5), min_size=1, max_size=5), st.integers(1, 40), st.integers(0, 999)
)


@settings(deadline=None)
@given(CASES)
def test_step_down_is_closed_testing_with_the_largest_statistic(
    case: tuple[list[float], int, int],
) -> None:
    """The adjusted p-value is the largest of all families with the test in it.

    A family's own p-value is the share of draws, the data among them, whose largest statistic in
    the family reaches the family's largest.
    """
    t, n, seed = case
    draws = np.random.default_rng(seed).normal(size=(n, len(t)))
    for i, adjusted in enumerate(romano_wolf(t, draws)):
        others = [j for j in range(len(t)) if j != i]
        families = (
            (i, *rest) for size in range(len(t)) for rest in itertools.combinations(others, size)
        )
        closed = max(
            (1 + sum(max(abs(d[j]) for j in f) >= max(abs(t[j]) for j in f) for d in draws))
            / (n + 1)
            for f in families
        )
        assert adjusted == pytest.approx(closed)


@settings(deadline=None)
@given(CASES, st.integers(0, 4))
def test_a_test_that_was_not_made_does_not_count(
    case: tuple[list[float], int, int], place: int
) -> None:
    """A None stays None and leaves the others as they would be without it."""
    t, n, seed = case
    place = min(place, len(t))
    draws = np.random.default_rng(seed).normal(size=(n, len(t)))
    found = romano_wolf([*t[:place], None, *t[place:]], np.insert(draws, place, np.nan, axis=1))
    assert found[place] is None
    assert [*found[:place], *found[place + 1 :]] == romano_wolf(t, draws)


def test_tests_that_are_one_pay_nothing() -> None:
    """Ten copies of one test have its own p-value; Holm would ask ten times it."""
    draw = np.random.default_rng(1).normal(size=(1999, 1))
    one = romano_wolf([2.2], draw)
    assert romano_wolf([2.2] * 10, np.repeat(draw, 10, axis=1)) == one * 10


def test_false_rejections_of_the_whole_family_stay_at_the_level() -> None:
    """800 families of six correlated tests without any effect: any rejection in 5 %."""
    rng = np.random.default_rng(5)
    mix = np.linalg.cholesky(0.5 * np.eye(6) + 0.5)
    draws = rng.normal(size=(999, 6)) @ mix.T
    any_rejected = [
        min(p for p in romano_wolf((mix @ rng.normal(size=6)).tolist(), draws) if p is not None)
        <= 0.05
        for _ in range(800)
    ]
    assert np.mean(any_rejected) == pytest.approx(0.05, abs=4 * (0.05 * 0.95 / 800) ** 0.5)


def test_shapes_that_differ_and_draws_that_are_no_numbers_are_refused() -> None:
    """In words."""
    with pytest.raises(ValueError, match="expected a row a draw and 2 columns"):
        romano_wolf([1.0, 2.0], np.zeros((5, 3)))
    with pytest.raises(ValueError, match="not a number"):
        romano_wolf([1.0], np.array([[np.nan]]))
    with pytest.raises(ValueError, match="not a number"):
        romano_wolf([float("nan")], np.zeros((5, 1)))
