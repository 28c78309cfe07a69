"""The metrics that are made with impactkit keep the contract that others are held to."""

from __future__ import annotations

from functools import cache

import pytest

from impactkit.pipeline import default_registry
from impactkit.testing import assert_metric_contract

OURS = (
    "claims.chains_vs_pairs",
    "claims.distance_dissimilarity",
    "claims.improvement_ratio",
    "claims.intensity",
    "claims.purpose",
    "claims.rtm_adjusted",
    "claims.supporter_non_inferiority",
    "did.effect",
    "did.fade_out",
    "did.subject_effect",
    "did.time_to_benefit",
    "did.two_sided",
    "governance.joint_activity",
    "governance.minutes_challenge",
    "governance.strength",
    "leadership.breadth",
    "leadership.coaching_dose",
    "leadership.confidence",
    "leadership.internal_appointments",
    "leadership.pipeline",
    "leadership.retention",
    "leadership.stay_rate",
    "leadership.succession",
    "leadership.teaching_time",
    "leadership.time_released",
    "partnership.accountability",
    "partnership.agreement_clarity",
    "partnership.barriers",
    "partnership.enquiries",
    "partnership.evaluation_coverage",
    "partnership.landscape",
    "partnership.match_quality",
    "partnership.monitoring",
    "partnership.need_provision",
    "partnership.network",
    "partnership.practice_focus",
    "partnership.reach",
    "partnership.school_led",
    "pupils.attitude",
    "pupils.observation",
    "pupils.ripple",
    "pupils.subgroup_gap",
    "pupils.threshold_change",
    "value.cost_effectiveness",
    "value.verified_savings",
)


@cache
def registry():
    """Return what is installed, looked for once."""
    return default_registry()


@pytest.mark.parametrize("name", OURS)
def test_our_own_metrics_keep_the_contract(name):
    """On nothing, on little, on blanks and on strange names; quick to import, and repeatable.

    What should be found is known of the effect only; plugins' own tests have the others.
    """
    if name not in registry().metrics:
        pytest.skip(f"the distribution impactkit-{name.partition('.')[0]} is not installed")
    effect_of = "attainment" if name == "did.effect" else ""
    untried = assert_metric_contract(registry().metrics[name], effect_of=effect_of)
    assert all("only you know" in why for why in untried)  # nothing else is left out


def test_no_metric_of_ours_is_left_out():
    """A new one joins the list above."""
    found = {name for name in registry().metrics if registry().owner("metrics", name).first_party}
    assert found <= set(OURS)
