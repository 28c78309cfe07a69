"""Barriers: exact intervals, a plain Kaplan-Meier, planted rates and delays, and none planted."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from impactkit_partnership.barrier_rates import CLEAR, PER_TEN, PER_YEAR, UNCLEAR
from impactkit_partnership.barriers import barriers
from impactkit_partnership.resolution import DAYS

RATIO = "Barriers a year after a clear start over those after an unclear one"
START = dt.date(2017, 9, 1)


def tables(spells, n=4):
    """Make a log from partnership, day raised and day resolved, after a common start."""

    def day(days):
        return None if days is None else START + dt.timedelta(days=days)

    return {
        "barriers": pl.DataFrame(
            [(p, day(raised), day(gone), "time") for p, raised, gone in spells],
            schema={
                "partnership_id": pl.String,
                "raised_on": pl.Date,
                "resolved_on": pl.Date,
                "kind": pl.String,
            },
            orient="row",
        ),
        "partnerships": pl.DataFrame(
            {"partnership_id": [f"P{i}" for i in range(n)], "start_date": [START] * n}
        ),
    }


SPELLS = [("P0", 0, 30), ("P0", 10, 20), ("P1", 5, None), ("P1", 50, 110), ("P2", 100, 140)]


def test_rate_and_its_exact_poisson_interval(run, find):
    """Five barriers of four partnerships: the bounds of the chi-squared quantiles."""
    e = find(run(barriers, tables(SPELLS)), PER_TEN)
    low, high = stats.chi2.ppf(0.025, 10) / 2, stats.chi2.ppf(0.975, 12) / 2
    assert (e.value, e.ci_low, e.ci_high) == pytest.approx((12.5, low / 0.4, high / 0.4))


def test_years_run_to_the_end_or_the_last_day_observed(run, find):
    """One partnership ended after half a year."""
    given = tables(SPELLS)
    ends = [START + dt.timedelta(days=183), None, None, None]
    given["partnerships"] = given["partnerships"].with_columns(end_date=pl.Series(ends))
    until = START + dt.timedelta(days=730)
    e = find(run(barriers, given, observed_until=until), PER_YEAR, "by year")
    assert e.value == pytest.approx(10 * 5 / ((183 + 3 * 730) / 365.25))


def test_none_logged_is_a_rate_of_nought_with_an_upper_bound(run, find):
    """The rule of three, more or less: 3.689 over the exposure."""
    given = tables([])
    e = find(run(barriers, given, observed_until=START + dt.timedelta(days=365)), PER_TEN)
    assert (e.value, e.ci_low) == (0, 0)
    assert e.ci_high == pytest.approx(3.6889 / 0.4, rel=1e-4)


def median_by_loop(spells, until):
    """Return the first time at which the product-limit curve is at or below a half."""
    times = [
        ((gone if gone is not None else until) - raised, gone is not None)
        for _, raised, gone in spells
    ]
    left = 1.0
    for t in sorted({time for time, ended in times if ended}):
        at_risk = sum(time >= t for time, _ in times)
        left *= 1 - sum(time == t and ended for time, ended in times) / at_risk
        if left <= 0.5 + 1e-12:
            return t
    return None


@pytest.mark.parametrize("seed", range(5))
def test_median_days_are_those_of_a_plain_kaplan_meier(run, find, seed):
    """Censored at the last day observed."""
    rng = np.random.default_rng(seed)
    spells = []
    for i in range(40):
        raised = int(rng.integers(0, 300))
        gone = raised + 1 + int(rng.exponential(120))
        spells.append((f"P{i % 8}", raised, gone if gone <= 400 else None))
    until = START + dt.timedelta(days=400)
    e = find(run(barriers, tables(spells, 8), observed_until=until), DAYS, "resolution")
    assert e.value == median_by_loop(spells, 400)


def test_nothing_resolved_has_no_median(run, find):
    """A reason, not a number."""
    e = find(run(barriers, tables([("P0", 0, None), ("P1", 3, None)])), DAYS, "resolution")
    assert e.status == "not_estimable"


def test_what_cannot_be_used_is_counted(run):
    """Of no partnership known, resolved before it was raised, raised after the last day."""
    given = tables([*SPELLS, ("P9", 1, 2), ("P0", 40, 30), ("P0", 900, None)])
    result = run(barriers, given, observed_until=START + dt.timedelta(days=400))
    assert {x.reason: x.n_rows for x in result.exclusions} == {
        "partnership.unknown_partnership": 1,
        "partnership.backward": 1,
        "partnership.outside": 1,
    }


def test_bunches_are_warned_of(run, find):
    """Thirty barriers of one partnership, one of each other."""
    spells = [("P0", i, i + 5) for i in range(30)] + [(f"P{i}", 3, 9) for i in range(1, 8)]
    result = run(barriers, tables(spells, 8), observed_until=START + dt.timedelta(days=400))
    assert "too narrow" in find(result, PER_TEN).warnings[0]


BIG = {"n_schools": 600, "n_partnerships": 90}


def test_planted_ratio_of_rates_is_recovered(recovered):
    """Ten counties of 90 partnerships: eight intervals or more hold it (fewer: 1.2 %)."""
    found = recovered(
        barriers, "barriers.rate_ratio", RATIO, "clear over unclear", seeds=range(10), **BIG
    )
    assert found >= 8


@pytest.mark.parametrize(("start", "name"), [(CLEAR, "clear"), (UNCLEAR, "unclear")])
def test_planted_delays_are_recovered(run, find, here, start, name):
    """Ten counties: eight intervals or more hold the planted median (fewer: 1.2 %)."""
    near = 0
    for seed in range(10):
        made = here(seed, **BIG)
        e = find(run(barriers, made.tables), DAYS, "resolution", start)
        truth = made.truth.planted[f"barriers.median_days_{name}"]
        # Days are counted whole, upwards, so the median is up to a day longer.
        near += e.ci_low - 1 <= truth <= e.ci_high
    assert near >= 8


def log_rank_p(result):
    """Return the p-value of clear against unclear starts."""
    return next(d.p_value for d in result.diagnostics if "log-rank" in d.name)


def test_planted_delays_show_in_the_log_rank_test(run, here):
    """Delays of 60 and 150 days on average: seen in nine of ten counties or more."""
    assert sum(log_rank_p(run(barriers, here(s, **BIG).tables)) < 0.05 for s in range(10)) >= 9


def test_where_starts_make_no_difference_none_is_found(run, find, monkeypatch):
    """Equal rates and delays, ten counties: two tests of a kind or fewer stand out (more: 1 %)."""
    from impactkit.synthetic import barriers as part, county

    monkeypatch.setattr(part, "A_YEAR", dict.fromkeys((True, False), 0.8))
    monkeypatch.setattr(part, "DAYS", dict.fromkeys((True, False), 100.0))
    delays = rates = 0
    for seed in range(10):
        result = run(barriers, county(seed=seed, full=True, selection="random", **BIG).tables)
        delays += log_rank_p(result) < 0.05
        e = find(result, RATIO, "clear over unclear")
        rates += not e.ci_low <= 1 <= e.ci_high
    assert delays <= 2
    assert rates <= 2


def test_medians_of_an_exponential_are_its_mean_times_log_two(here):
    """What is planted follows from the means in the county's module."""
    planted = here().truth.planted
    assert planted["barriers.median_days_clear"] == pytest.approx(60 * math.log(2))
