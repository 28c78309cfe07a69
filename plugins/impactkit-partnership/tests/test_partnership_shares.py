"""Shares of events in partnerships: by hand, against the core's own, and by repeated sampling."""

from __future__ import annotations

import numpy as np
import pytest

from impactkit import effective_sample, wilson
from impactkit_partnership.resampling import bootstrap, ratio
from impactkit_partnership.shares import Event, share, share_estimate


def test_few_partnerships_give_wilsons_interval_and_a_warning():
    """Eleven of 20 events in four partnerships: 34 to 74 per cent, as published of 11 of 20."""
    events = [Event(group=f"P{i % 4}", hit=i < 11) for i in range(20)]
    e = share_estimate(events, missing="")
    assert (round(e.ci_low), round(e.value), round(e.ci_high)) == (34, 55, 74)
    assert "too narrow" in e.warnings[0]


@pytest.mark.parametrize("seed", range(5))
def test_equal_weights_are_worth_what_core_says(seed):
    """The same as core's function for people in clusters, where its design effect exceeds one."""
    rng = np.random.default_rng(seed)
    rates = rng.beta(0.6, 0.4, 14)
    sizes = rng.integers(1, 9, 14)
    hits = rng.binomial(sizes, rates)
    events = [
        Event(group=f"P{g}", hit=i < hits[g]) for g in range(14) for i in range(int(sizes[g]))
    ]
    theirs = effective_sample(hits.tolist(), sizes.tolist())
    assert theirs.design_effect > 1
    ours = share(events)
    assert ours.n_effective == pytest.approx(theirs.n_effective)
    assert (ours.low, ours.high) == pytest.approx(wilson(theirs.share, theirs.n_effective))


def test_the_unit_of_weights_does_not_matter():
    """Hours or minutes: one share, one interval."""
    rng = np.random.default_rng(3)
    rows = [
        (f"P{g}", bool(rng.random() < 0.6), float(rng.uniform(1, 9)))
        for g in range(12)
        for _ in range(4)
    ]
    one = share(Event(group=g, hit=h, weight=w) for g, h, w in rows)
    other = share(Event(group=g, hit=h, weight=60 * w) for g, h, w in reversed(rows))
    assert one.value == pytest.approx(sum(w for _, h, w in rows if h) / sum(w for *_, w in rows))
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_intervals_cover_shares_that_differ_between_partnerships():
    """24 partnerships, each with a rate of its own (0.7 on average), 1,500 times: 93 to 97.5 %."""
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(1500):
        rates = rng.beta(3.5, 1.5, 24)
        events = [
            Event(group=f"P{g}", hit=bool(rng.random() < rates[g]))
            for g in range(24)
            for _ in range(6)
        ]
        found = share(events)
        covered += found.low <= 0.7 <= found.high
    assert 0.93 < covered / 1500 < 0.975


def test_bootstrap_agrees_with_the_standard_error_of_a_mean():
    """Of 40 values: s over root n, within 5 %."""
    values = np.random.default_rng(5).normal(10, 3, 40)
    spread = bootstrap(40, lambda at: float(values[at].mean()), np.random.default_rng(6))
    assert spread.std_error == pytest.approx(values.std() / np.sqrt(40), rel=0.05)
    assert spread.low < values.mean() < spread.high


def test_ratio_is_that_of_sums_and_has_no_interval_of_four():
    """Sums over partnerships, not the mean of their ratios."""
    value, spread = ratio([1.0, 0.0, 8.0, 1.0], [2.0, 2.0, 8.0, 8.0], np.random.default_rng(1))
    assert value == 0.5
    assert spread.low is None
    assert ratio([], [], np.random.default_rng(1)) is None


def test_partnerships_more_alike_than_chance_are_worth_no_more_than_their_events():
    """Four or six of ten in each: chance alone would spread them more. Kish's number holds."""
    events = [Event(group=f"P{g}", hit=i < (4, 6)[g % 2]) for g in range(20) for i in range(10)]
    found = share(events)
    assert 150 < found.n_effective < 200
    assert found.std_error == pytest.approx(np.sqrt(0.25 / 200))


def test_spread_of_a_ratio_is_that_of_a_plain_loop():
    """The same partnerships drawn, summed one by one."""
    rng = np.random.default_rng(7)
    parts, wholes = rng.uniform(0, 5, 12).tolist(), rng.uniform(5, 50, 12).tolist()
    _, spread = ratio(parts, wholes, np.random.default_rng(8))
    again = np.random.default_rng(8)
    drawn = []
    for _ in range(2000):
        at = again.integers(0, 12, 12)
        drawn.append(sum(parts[i] for i in at) / sum(wholes[i] for i in at))
    assert spread.std_error == pytest.approx(np.std(drawn, ddof=1))
    assert (spread.low, spread.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]))
