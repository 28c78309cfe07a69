"""What must hold of intervals, effect sizes and the wild bootstrap for any numbers."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from impactkit import clopper_pearson, garwood, newcombe, rate_ratio, wilson
from impactkit.estimators import months_of_progress
from impactkit.inference.wild import Scores, wild_draws, wild_interval, wild_p_value

SHARES = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
LEVELS = st.floats(0.5, 0.995)


@settings(deadline=None)
@given(SHARES, LEVELS)
def test_a_share_is_in_its_intervals_and_they_mirror(share: tuple[int, int], level: float) -> None:
    """Failures have the interval of successes, turned over; a higher level is never narrower."""
    x, n = share
    for interval in (wilson, clopper_pearson):
        low, high = interval(x / n, n, level)
        assert 0 <= low <= x / n + 1e-12
        assert x / n - 1e-12 <= high <= 1
        mirrored = interval((n - x) / n, n, level)
        assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)
        wider = interval(x / n, n, level + 0.004)
        assert wider[0] <= low + 1e-9
        assert high <= wider[1] + 1e-9


@settings(deadline=None)
@given(SHARES, SHARES)
def test_a_difference_turned_round_has_the_interval_turned_round(
    one: tuple[int, int], two: tuple[int, int]
) -> None:
    """And it lies between minus one and one, around the difference."""
    (x, n), (y, m) = one, two
    low, high = newcombe(x / n, n, y / m, m)
    assert -1 - 1e-12 <= low <= x / n - y / m <= high <= 1 + 1e-12
    assert newcombe(y / m, m, x / n, n) == pytest.approx((-high, -low))


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.1, 50), st.floats(0.1, 50))
def test_rates_scale_with_exposure(a: int, b: int, s: float, t: float) -> None:
    """The ratio is in its interval, and both scale with the time watched."""
    low, high = rate_ratio(a, s, b, t)
    assert low <= (a / s) / (b / t) * (1 + 1e-9)
    assert (a / s) / (b / t) <= high * (1 + 1e-9)
    assert rate_ratio(a, 2 * s, b, t) == pytest.approx((low / 2, high / 2))
    assert garwood(b, 2 * t) == pytest.approx([x / 2 for x in garwood(b, t)])


@settings(deadline=None)
@given(st.floats(-1, 1), st.floats(-1, 1))
def test_more_effect_is_never_fewer_months(g: float, h: float) -> None:
    """Within the table, and the Toolkit's months are never fewer than a trial's in size."""
    few, many = sorted((g, h))
    for table in ("eef_trial", "eef_toolkit_legacy"):
        first, second = (months_of_progress(x, table=table).months for x in (few, many))
        assert first is not None
        assert second is not None
        assert first <= second
    trial = months_of_progress(g).months or 0
    toolkit = months_of_progress(g, table="eef_toolkit_legacy").months or 0
    assert abs(trial) <= abs(toolkit)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(6, 9))
def test_the_bootstrap_keeps_the_estimate_and_moves_with_the_outcome(seed: int, G: int) -> None:
    """The p-value of the estimate itself is one; adding treatment to the outcome moves all nulls.

    Scores of clusters with one covariate, any numbers: with y + 2 d for y, b grows by 2 D and Y by
    2 A.
    """
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(G, 1))
    A -= A.mean(axis=0)
    Y = rng.normal(size=(G, 1))
    Y -= Y.mean(axis=0)
    D, b, K = rng.uniform(0.5, 2, G), rng.normal(size=G), np.array([[1 / G]])
    one = Scores(D=D, b=b, A=A, Y=Y, K=K, factor=G / (G - 1))
    two = Scores(D=D, b=b + 2 * D, A=A, Y=Y + 2 * A, K=K, factor=G / (G - 1))
    draws = [wild_draws(s, distribution="rademacher", draws=999, seed=0) for s in (one, two)]
    assert wild_p_value(one, draws[0], one.value) == pytest.approx(1)
    for null in (-0.3, 0.4):
        assert wild_p_value(two, draws[1], null + 2) == pytest.approx(
            wild_p_value(one, draws[0], null)
        )
    bounds = [wild_interval(s, d, 0.8) for s, d in zip((one, two), draws, strict=True)]
    for low, moved in zip(*bounds, strict=True):
        assert (low is None) == (moved is None)
        if low is not None and moved is not None:
            assert moved == pytest.approx(low + 2, abs=1e-6)
