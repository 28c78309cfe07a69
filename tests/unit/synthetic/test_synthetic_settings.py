"""What may be asked of the county, and what is said when it cannot be done."""

from __future__ import annotations

import pytest

from impactkit.errors import UsageError
from impactkit.synthetic import county


def test_every_fault_is_named_at_once():
    """Every fault is named at once."""
    with pytest.raises(UsageError) as caught:
        county(
            n_schools=10,
            years=(2019, 2012),
            selection="best",
            conversions=3,
            effect={"attendance": 1.0},
            exit_hazard={"headteacher": 0.1, "head": 1.5},
            governor_rate=0,
        )
    assert [problem.column for problem in caught.value.problems] == [
        "years",
        "n_schools",
        "merges",
        "selection",
        "conversions",
        "governor_rate",
        "exit_hazard.head",
        "exit_hazard",
        "effect",
    ]
    assert all(problem.rule and problem.remedy for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_schools", 20_001),
        ("n_partnerships", 0),
        ("n_partnerships", 49),
        ("years", (2012, 2014)),
        ("merges", 13),
        ("merges", -1),
        ("systematic", 25),
        ("partner_share", 0.6),
        ("governor_ratio", float("nan")),
        ("effect", float("nan")),
        ("effect", {0: float("inf")}),
        ("pretrend", {"height": 1.0}),
        ("closures", -0.1),
        ("exit_hazard", {"head": -0.1}),
        ("pretrend", float("nan")),
        ("seed", -1),
    ],
)
def test_a_setting_that_cannot_be_met_is_named_with_its_value(name, value):
    """A setting that cannot be met is named with its value."""
    with pytest.raises(UsageError) as caught:
        county(**{name: value})
    [problem] = caught.value.problems
    assert problem.column.startswith(name)
    assert problem.remedy


def test_too_many_partnerships_for_the_schools_that_remain_is_said_in_words():
    """Too many partnerships for the schools that remain is said in words."""
    with pytest.raises(UsageError, match="Use fewer partnerships or more schools"):
        county(n_schools=40, n_partnerships=8, closures=0.2, years=(2010, 2019), seed=1)


def test_the_smallest_and_the_shortest_county_can_be_drawn():
    """The smallest and the shortest county can be drawn."""
    here = county(n_schools=40, years=(2016, 2019), effect=1.0)
    assert here.truth.att() == 1.0
    assert set(here.truth.effects()["cohort"]) == {2018}


def test_a_factor_that_makes_everybody_leave_is_refused():
    """It is checked against every level, whether or not a hazard was given for it."""
    with pytest.raises(UsageError) as caught:
        county(partnership_exit_ratio=20)
    assert [problem.column for problem in caught.value.problems] == [
        *("exit_hazard.middle", "exit_hazard.senior_assistant"),
        *("exit_hazard.senior_deputy", "exit_hazard.head"),
    ]
