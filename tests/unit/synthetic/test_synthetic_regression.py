"""Regression to the mean without any effect, against the figures of the domain's own simulation.

The domain gives the ratios but not the mean results that it assumed. Ours are 75 % for primary and
55 % for secondary schools, and the ratios are matched to within a tenth.
"""

from __future__ import annotations

import pytest

from impactkit.errors import UsageError
from impactkit.synthetic import regression_to_the_mean

PRIMARY = {"between_sd": 11, "shock_sd": 4, "trend": 2}
SECONDARY = {"between_sd": 15, "shock_sd": 4, "trend": 3, "mean": 55}


@pytest.mark.parametrize(
    ("cohort", "share", "about", "ratio"),
    [
        (30, 0.2, PRIMARY, 5.3),
        (60, 0.2, PRIMARY, 3.9),
        (15, 0.1, PRIMARY, 9.7),
        (180, 0.1, SECONDARY, 2.0),
    ],
)
def test_the_ratio_of_improvement_is_that_of_the_domain(cohort, share, about, ratio):
    """Schools chosen for one bad year seem to improve two to ten times as fast as the rest."""
    found = regression_to_the_mean(cohort=cohort, share=share, **about)
    assert found.ratio == pytest.approx(ratio, rel=0.1)


def test_the_worst_fifth_of_primaries_gain_ten_points_and_the_rest_two():
    """The domain has +10.6 against +2.0 percentage points."""
    found = regression_to_the_mean(cohort=30, share=0.2, **PRIMARY)
    assert found.chosen == pytest.approx(10.6, abs=0.4)
    assert found.everyone == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    ("cohort", "share", "about"),
    [(30, 0.2, PRIMARY), (60, 0.2, PRIMARY), (15, 0.1, PRIMARY), (180, 0.1, SECONDARY)],
)
def test_choosing_on_three_years_cuts_it(cohort, share, about):
    """The domain has ratios of roughly 1.1 to 3.2 then."""
    one = regression_to_the_mean(cohort=cohort, share=share, **about)
    three = regression_to_the_mean(cohort=cohort, share=share, years=3, **about)
    assert 1.1 <= three.ratio <= 3.2
    assert three.ratio < 0.7 * one.ratio


def test_without_noise_nothing_regresses():
    """Schools that differ for good stay as they are, but for the trend."""
    found = regression_to_the_mean(
        cohort=1_000_000, between_sd=5, shock_sd=0, trend=2, share=0.2, mean=50
    )
    assert found.chosen == pytest.approx(2.0, abs=0.01)
    assert found.ratio == pytest.approx(1.0, abs=0.01)


def test_a_ratio_to_no_change_is_not_given():
    """Without a trend there is nothing to divide by."""
    found = regression_to_the_mean(cohort=30, between_sd=11, shock_sd=4, trend=0, share=0.2)
    assert found.ratio is None
    assert found.chosen > 5


def test_what_cannot_be_is_refused_all_at_once():
    """Each fault is named."""
    with pytest.raises(UsageError) as caught:
        regression_to_the_mean(
            cohort=0, between_sd=1, shock_sd=1, trend=1, share=2, years=0, mean=120, n=10
        )
    assert [problem.column for problem in caught.value.problems] == [
        *("cohort", "share", "years", "mean", "n")
    ]
