"""The grade follows the table of rules cell by cell, and says which rule decided."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, strategies as st

from impactkit.evidence import Facts, Link, Theory, grade

BEST = Facts(
    kind="randomised",
    pre_years=4,
    same_trigger=True,
    matched=True,
    leads_small=True,
    half_width=0.05,
    lost=0.0,
    imbalance=0.01,
    adjusted=True,
    series="single",
    treated_clusters=60,
    schools=120,
    selected_on_outcome=False,
    planned=True,
    lead=0.0,
    lead_significant=False,
    contaminated=0.0,
    overlapping=0.0,
    flips=False,
)
DID = {"kind": "difference_in_differences"}

# The table of the scheme, a row for each cell: rule, facts, grade.
CELLS = [
    ("design", {"kind": "randomised"}, 5),
    ("design", {"kind": "threshold"}, 4),
    ("design", {**DID, "pre_years": 3}, 4),
    ("design", {**DID, "pre_years": 3, "same_trigger": False}, 3),
    ("design", {**DID, "pre_years": 3, "leads_small": None}, 3),
    ("design", {**DID, "pre_years": 2}, 3),
    ("design", {**DID, "pre_years": 1}, 3),
    ("design", {**DID, "pre_years": 1, "matched": False}, 2),
    ("design", {"kind": "adjusted"}, 2),
    ("design", {"kind": "before_after"}, 1),
    ("design", {"kind": "none"}, 0),
    *(("precision", {"half_width": w}, g) for w, g in [(0.10, 5), (0.15, 4), (0.2, 3)]),
    *(("precision", {"half_width": w}, g) for w, g in [(0.3, 2), (0.45, 1), (0.46, 0)]),
    *(("completeness", {"lost": s}, g) for s, g in [(0.05, 5), (0.1, 4), (0.2, 3)]),
    *(("completeness", {"lost": s}, g) for s, g in [(0.35, 2), (0.5, 1), (0.51, 0)]),
    *(("balance", {"imbalance": b}, g) for b, g in [(0.05, 5), (0.1, 4), (0.25, 3)]),
    *(("balance", {"imbalance": b}, g) for b, g in [(-0.4, 2), (0.41, 1)]),
    ("balance", {"imbalance": 0.2, "adjusted": False}, 2),
    ("comparability", {"series": "standardised"}, 4),
    ("comparability", {"series": "across_break"}, 3),
    ("comparability", {"series": "mixed"}, 2),
    ("comparability", {"series": "unregistered_break"}, 1),
    *(("treated clusters", {"treated_clusters": n}, g) for n, g in [(40, 5), (39, 4), (20, 4)]),
    *(("treated clusters", {"treated_clusters": n}, g) for n, g in [(10, 3), (5, 2), (2, 1)]),
    ("treated clusters", {"treated_clusters": 1}, 0),
    ("survey only", {"survey_only": True}, 1),
    ("one school", {"schools": 1}, 1),
]


@pytest.mark.parametrize(("rule", "facts", "expected"), CELLS)
def test_one_fact_caps_the_grade_as_the_table_says(rule, facts, expected):
    """Everything else is at its best, so that this rule alone decides."""
    found = grade(attrs.evolve(BEST, **facts))
    assert found.value == expected
    caps = {r.name: r.cap for r in found.rules if r.cap is not None}
    assert caps[rule] == expected


@pytest.mark.parametrize(
    "flaw",
    [
        {"selected_on_outcome": True},
        {"planned": False},
        {"planned": None},
        {"uncorrected": True},
        {"lead_significant": True},
        {"lead": -0.11},
        {"contaminated": 0.11},
        {"overlapping": 0.26},
        {"flips": True},
        {"response": 0.59},
    ],
)
def test_a_flaw_takes_one_off_and_is_named(flaw):
    """And what is just within the limit takes nothing."""
    found = grade(attrs.evolve(BEST, **flaw))
    assert found.value == 4
    assert sum(rule.penalty for rule in found.rules) == 1
    within = {"lead": 0.1, "contaminated": 0.1, "overlapping": 0.25, "response": 0.6}
    assert grade(attrs.evolve(BEST, **within)).value == 5


def test_flaws_take_three_off_at_most_and_nothing_falls_below_zero():
    """Five flaws on a perfect design leave two."""
    flaws = {"selected_on_outcome": True, "planned": False, "uncorrected": True, "flips": True}
    assert grade(attrs.evolve(BEST, **flaws, response=0.1)).value == 2
    assert grade(attrs.evolve(BEST, kind="before_after", **flaws)).value == 0


@pytest.mark.parametrize("fact", ["half_width", "lost", "imbalance", "treated_clusters"])
def test_what_is_not_known_caps_at_three_and_says_so(fact):
    """Silence is no evidence of quality."""
    found = grade(attrs.evolve(BEST, **{fact: None}))
    assert found.value == 3
    assert "not known" in str(found)


@given(
    st.builds(
        Facts,
        kind=st.sampled_from(["randomised", "difference_in_differences", "adjusted"]),
        pre_years=st.none() | st.integers(0, 6),
        half_width=st.none() | st.floats(0, 2),
        lost=st.none() | st.floats(0, 1),
        imbalance=st.none() | st.floats(-2, 2),
        treated_clusters=st.none() | st.integers(0, 200),
        planned=st.none() | st.booleans(),
        flips=st.none() | st.booleans(),
    )
)
def test_the_grade_is_from_zero_to_five_and_the_table_has_every_rule(facts):
    """Never more than any of its caps."""
    found = grade(facts)
    assert 0 <= found.value <= min(rule.cap for rule in found.rules if rule.cap is not None) <= 5
    assert len(found.to_table().rows) == len(found.rules)
    assert found.decisive


def test_a_better_fact_never_lowers_the_grade():
    """Each step along a rule's own scale goes one way."""
    for name, better_first in (
        ("half_width", [0.01, 0.12, 0.18, 0.25, 0.4, 1.0]),
        ("lost", [0.0, 0.07, 0.15, 0.3, 0.45, 0.9]),
        ("imbalance", [0.0, 0.07, 0.2, 0.3, 0.9]),
        ("treated_clusters", [50, 30, 15, 7, 3, 1]),
    ):
        grades = [grade(attrs.evolve(BEST, **{name: value})).value for value in better_first]
        assert grades == sorted(grades, reverse=True)


def test_theory_is_graded_by_its_links_and_its_story():
    """T0 without one, T3 only with what speaks against it."""
    bare = [Link(cause="a", effect="b"), Link(cause="b", effect="c")]
    half = [Link(cause="a", effect="b", grade=1), bare[1]]
    assert Theory().strength == 0
    assert Theory(links=bare).strength == 1
    assert Theory(links=half).strength == 2
    assert Theory(links=half, story="It did.").strength == 2
    assert Theory(links=half, story="It did.", disconfirming="We looked.").strength == 3
    assert Theory(links=bare, story="It did.", disconfirming="We looked.").strength == 1


def test_a_lead_that_may_be_chance_is_said_to_be_over_the_limit_and_perhaps_chance() -> None:
    """The rule is on its size, as the scheme has it; the log says what the joint test says."""
    facts = Facts(kind="difference_in_differences", lead=-0.11, lead_significant=False)
    (rule,) = [r for r in grade(facts).rules if r.name == "years before"]
    assert rule.penalty == 1
    assert rule.found == (
        "a difference of -0.110 standard deviations before treatment, over 0.1; the joint test "
        "does not tell it from chance"
    )
    (rule,) = [r for r in grade(attrs.evolve(facts, lead=0.09)).rules if r.name == "years before"]
    assert (rule.penalty, rule.found.endswith("before treatment")) == (0, True)
