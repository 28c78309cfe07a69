"""Posts that overlap to more than a full-time post are named before anything is estimated."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from impactkit import MetricContext
from impactkit.declarations import load_code
from impactkit.plugins import Registry
from impactkit_leadership.overlaps import check, over


def spells(*rows):
    """Return a register of person, first day, last day and share of full time."""
    return pl.DataFrame(
        [(person, "s", start, end, fte) for person, start, end, fte in rows],
        schema={
            "staff_key": pl.String,
            "school_key": pl.String,
            "start": pl.Date,
            "end": pl.Date,
            "fte": pl.Float64,
        },
        orient="row",
    )


def found(*rows):
    """Run the check."""
    return list(check(MetricContext(tables={"leadership_spells": spells(*rows)})))


SEPT, MID, NEXT = dt.date(2018, 9, 1), dt.date(2019, 1, 1), dt.date(2019, 9, 1)


def test_overlapping_posts_are_named_with_person_day_and_remedy():
    """A head who never left the old post: 1.0 and 0.6 together."""
    (problem,) = found(("x", SEPT, None, 1.0), ("x", NEXT, None, 0.6), ("y", SEPT, None, 1.0))
    assert problem.severity == "warning"
    assert "x: 2 posts from 2019-09-01, 1.6" in problem.value
    assert "x" not in problem.rule.split()
    assert "`end`" in problem.remedy
    assert "leadership.breadth" in problem.remedy


@pytest.mark.parametrize(
    "second",
    [
        ("x", MID, None, 0.4),  # together one post
        ("x", NEXT, None, 1.0),  # the first ended before
        ("z", MID, None, 1.0),  # another person
    ],
)
def test_shares_moves_and_other_people_are_no_overlap(second):
    """0.6 and 0.4; a post that was left; somebody else."""
    first = (
        "x",
        SEPT,
        None if second[3] < 1 else dt.date(2019, 8, 31),
        0.6 if second[3] < 1 else 1,
    )
    assert found(first, second) == []


def test_a_post_left_on_the_day_on_which_the_next_begins_is_a_move():
    """Registers write the same day twice."""
    assert found(("x", SEPT, NEXT, 1.0), ("x", NEXT, None, 1.0)) == []


def test_a_blank_share_counts_as_a_full_post():
    """Two posts of which nobody says how much they are."""
    (problem,) = found(("x", SEPT, None, None), ("x", MID, None, None))
    assert "2 full-time posts" in problem.value


def test_the_limit_is_the_callers():
    """1.2 is over one, and not over 1.5."""
    rows = spells(("x", SEPT, None, 0.6), ("x", MID, None, 0.6))
    assert over(rows, 1.0)["fte"].to_list() == [pytest.approx(1.2)]
    assert over(rows, 1.5).is_empty()


def test_the_distribution_declares_the_check():
    """`check` and `evaluate` run what a registry holds."""
    registry = Registry()
    registry.load_installed()
    declared = registry.checks["leadership.more_than_full_time"]
    context = MetricContext(
        tables={"leadership_spells": spells(("x", SEPT, None, 1.0), ("x", MID, None, 1.0))}
    )
    assert len(list(load_code(declared.check)(context))) == 1
