"""The synthetic authority as oracle: what was planted is found again."""

from __future__ import annotations

import datetime as dt
from functools import cache

import pytest

from impactkit import MetricContext
from impactkit_leadership.appointments import internal_appointments
from impactkit_leadership.retention import RetentionParams, retention
from impactkit_leadership.year_on_year import YEAR_ON_YEAR

synthetic = pytest.importorskip("impactkit.synthetic")

POSTS = {"head": "head", "deputy head": "senior_deputy", "assistant head": "senior_assistant"}
LAST = 2019


SEEDS = range(8)


@cache
def authority(seed=0):
    """Invent a county in which leaders in a partnership leave half as often."""
    return synthetic.county(
        seed=seed,
        years=(2012, LAST),
        n_schools=500,
        n_partnerships=60,
        partnership_exit_ratio=0.5,
        internal_share=0.4,
        partnership_internal_share=0.5,
        partner_share=0.2,
    )


def retained(seed, *, partnership):
    """Estimate retention in partnerships, or in schools that never are in one.

    Those who work in a school that joins later change their hazard on the way, and are left out of
    the second.
    """
    tables = dict(authority(seed).tables)
    if not partnership:
        spells = tables["leadership_spells"]
        ever = tables["memberships"]["school_key"].unique()
        joiners = spells.filter(spells["school_key"].is_in(ever.implode()))["staff_key"].unique()
        tables["leadership_spells"] = spells.filter(~spells["staff_key"].is_in(joiners.implode()))
    params = RetentionParams(observed_until=dt.date(LAST, 12, 31), horizons=(1, 3))
    result = retention(MetricContext(tables=tables, params=params))
    subgroup = "in a partnership" if partnership else "in no partnership"
    return [
        e
        for e in result.estimates
        if e.subgroup == subgroup and e.term in POSTS and "less others" not in e.estimand
    ]


@pytest.mark.parametrize("partnership", [True, False])
def test_planted_retention_is_recovered(partnership):
    """Eight authorities, three levels, two horizons: 41 of 48 intervals or more cover the truth.

    At 95 % each, fewer have a probability of 0.3 %.
    """
    covered = []
    for seed in SEEDS:
        for e in retained(seed, partnership=partnership):
            if e.estimand == YEAR_ON_YEAR:
                continue
            years = 1 if "1 year on" in e.estimand else 3
            truth = authority(seed).truth.retention(POSTS[e.term], years, partnership=partnership)
            covered.append(e.ci_low <= 100 * truth <= e.ci_high)
    assert len(covered) == 48
    assert sum(covered) >= 41


@pytest.mark.parametrize("partnership", [True, False])
def test_planted_retention_of_everybody_in_post_is_recovered(partnership):
    """Eight authorities and three levels: 20 of 24 intervals or more cover the truth.

    At 95 % each, fewer have a probability of 0.6 %.
    """
    covered = []
    for seed in SEEDS:
        for e in retained(seed, partnership=partnership):
            if e.estimand == YEAR_ON_YEAR:
                truth = authority(seed).truth.retention(POSTS[e.term], 1, partnership=partnership)
                covered.append(e.ci_low <= 100 * truth <= e.ci_high)
    assert len(covered) == 24
    assert sum(covered) >= 20


def test_planted_sources_of_appointments_are_recovered():
    """Eight authorities, in and out of partnerships: 13 of 16 or more within two standard errors.

    The truth is the share from the school itself; fewer have a probability of 0.5 %.
    """
    near = 0
    for seed in SEEDS:
        result = internal_appointments(MetricContext(tables=authority(seed).tables))
        planted = authority(seed).truth.appointment_shares
        for subgroup, group in (
            ("in a partnership", "partnership"),
            ("in no partnership", "other"),
        ):
            (found,) = (
                e
                for e in result.estimates
                if e.estimand == "Appointed from the school itself" and e.subgroup == subgroup
            )
            truth = 100 * planted[group]["internal_school"]
            near += abs(found.value - truth) < 2 * found.std_error
    assert near >= 13


def test_no_difference_is_found_where_none_was_planted():
    """Same hazard in and out of partnerships: about one interval in twenty misses zero, not more.

    Sixteen authorities, deputies and assistant heads one year on: at most 32 differences. At a true
    rate of 5 % more than five misses have a probability of about 0.5 %.
    """
    misses = 0
    counted = 0
    for seed in range(16):
        county = synthetic.county(seed=seed, n_schools=240, partnership_exit_ratio=1.0)
        params = RetentionParams(levels=("senior_deputy", "senior_assistant"), horizons=(1,))
        result = retention(MetricContext(tables=county.tables, params=params))
        for e in result.estimates:
            if "less others" in e.estimand and e.status == "ok":
                counted += 1
                misses += not e.ci_low <= 0 <= e.ci_high
    assert counted > 24
    assert misses <= 5
