"""The synthetic authority as oracle: planted rates and their ratio are found again."""

from __future__ import annotations

from functools import cache

import pytest

from impactkit import MetricContext
from impactkit_governance.joint_activity import joint_activity
from impactkit_governance.summary import BOARDS, BOTH, LEADERS, RATE, RATIO

synthetic = pytest.importorskip("impactkit.synthetic")

SEEDS = range(1, 13)


@cache
def found(seed):
    """Return a county with a governors' rate of 1.2 and 0.5 of the leaders', and its estimates."""
    county = synthetic.county(seed=seed, governor_rate=1.2, governor_ratio=0.5)
    result = joint_activity(MetricContext(tables=county.tables))
    return county, {(e.estimand, e.term): e for e in result.estimates}


def test_planted_rates_are_recovered():
    """Twelve authorities, boards and leaders: 20 of 24 or more within two standard errors."""
    near = 0
    for seed in SEEDS:
        county, estimates = found(seed)
        for term, truth in (
            ("", county.truth.governor_rate),
            (LEADERS, county.truth.leader_rate),
        ):
            e = estimates[RATE, term]
            near += abs(e.value - truth) < 2 * e.std_error
    assert near >= 20


def test_intervals_cover_the_planted_ratio():
    """Nine of twelve or more; fewer have a probability of 0.2 % when each is at 95 %."""
    covered = 0
    for seed in SEEDS:
        county, estimates = found(seed)
        e = estimates[RATIO, BOTH]
        covered += e.ci_low <= county.truth.governor_ratio <= e.ci_high
    assert covered >= 9


def test_exposure_is_that_of_the_simulation():
    """Board-years and school-years behind the rates, to a day."""
    county, estimates = found(1)
    result = joint_activity(MetricContext(tables=county.tables))
    (rates,) = (t for t in result.tables if t.id == "joint_rates")
    years = dict(zip(rates.to_frame()["who"], rates.to_frame()["years"], strict=True))
    assert years[BOARDS] == pytest.approx(county.truth.board_years, abs=1 / 365)
    assert years[LEADERS] == pytest.approx(county.truth.school_years, abs=1 / 365)
    assert estimates[RATE, ""].status == "ok"
