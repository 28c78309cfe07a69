"""did.two_sided: either side against what was planted, and the picture of both."""

from __future__ import annotations

from functools import cache

import polars as pl
import pytest

from impactkit import Design, Study, evaluate

county = pytest.importorskip("impactkit.synthetic").county

HELPED, HELP = "schools that are helped", "schools that help"


@cache
def here(seed, effect=3.0, supporter=0.0):
    """Invent a county whose schools were drawn by lot, so that nobody recovers."""
    return county(
        seed=seed,
        n_schools=400,
        effect=effect,
        supporter_effect=supporter,
        selection="random",
        conversions=0.0,
        closures=0.0,
        merges=0,
    )


def run(tables, outcome="attainment", **params):
    """Evaluate did.two_sided on frames in memory."""
    study = Study(
        title="Sides",
        design=Design(outcome=outcome, bootstrap=0, randomisation=0),
        metrics={"did.two_sided": params},
    )
    return evaluate(study, tables=dict(tables))["did.two_sided"]


@pytest.mark.parametrize(("helped", "help_"), [(3.0, 2.0), (0.0, 0.0)])
def test_planted_effects_on_either_side_are_recovered(helped, help_):
    """Six authorities, two sides: ten of twelve or more within two standard errors.

    Fewer has a probability of 2 %.
    """
    near = 0
    for seed in range(6):
        for e in run(here(seed, helped, help_).tables).estimates:
            truth = {HELPED: helped, HELP: help_}[e.term]
            near += abs(e.value - truth) < 2 * e.std_error
    assert near >= 10


def test_both_gained_is_said_when_each_was_planted_and_not_when_one_was():
    """It takes both: the larger p-value decides."""
    (one,) = run(here(0, 6.0, 6.0).tables).diagnostics
    assert one.passed
    (other,) = run(here(0, 6.0, 0.0).tables).diagnostics
    assert other.passed is None
    assert other.p_value > one.p_value
    assert "does not show" in other.text


def test_partnerships_stand_in_the_quarters_that_their_sides_say():
    """The table of quarters counts the rows of the table beside it."""
    tables = {t.id: t for t in run(here(1, 3.0, 2.0).tables).tables}
    rows = tables["sides_attainment"].to_frame()
    quarters = dict(tables["quarters_attainment"].rows)
    assert (
        quarters["both gained"] == rows.filter((pl.col("helped") > 0) & (pl.col("help") > 0)).height
    )
    assert sum(quarters.values()) == rows.height > 10


def test_the_quarters_are_drawn_a_point_a_partnership():
    """Across: schools that are helped; up: those that help; no partnership has a name there."""
    found = run(here(1, 3.0, 2.0).tables)
    first = found.charts[0]
    assert (first.kind, first.data) == ("scatter", "sides_attainment")
    assert (first.x, first.y, first.series, first.reference) == ("helped", "help", "", 0.0)
    assert "for the better" not in first.x_title


def test_where_less_is_better_the_picture_says_which_corner_is_the_good_one():
    """Absence falls where schools gain: up and to the right would read as a gain."""
    first = run(here(1, 3.0, 2.0).tables, outcome="overall_absence").charts[0]
    assert first.kind == "scatter"
    assert "left and down: for the better" in first.x_title


def test_schools_of_the_other_side_are_no_comparison():
    """A comparison school is in no partnership at all."""
    made = here(2)
    inside = set(made.tables["memberships"]["school_key"])
    alone = set(made.tables["schools"]["school_key"]) - inside
    for e in run(made.tables).estimates:
        later = made.tables["memberships"].filter(pl.col("role") != "peer")
        not_yet = later["school_key"].n_unique()
        assert e.n_comparison <= len(alone) + not_yet
        assert e.n_schools <= not_yet


def test_without_supporters_one_side_is_told_as_missing():
    """The side that is there is estimated; the other says why it is not."""
    made = here(3)
    members = made.tables["memberships"].filter(pl.col("role") != "supporter")
    found = run({**made.tables, "memberships": members})
    by_side = {e.term: e for e in found.estimates}
    assert by_side[HELP].status == "not_estimable"
    assert by_side[HELP].reason
    (both,) = found.diagnostics
    assert both.passed is None
