"""Columns and rows as a metric takes them: gaps are null, and what is set aside is counted."""

from __future__ import annotations

import polars as pl

from impactkit import set_aside, typed_columns

ROWS = pl.DataFrame({"day": [1, None, 3, 4], "n": [5, 6, None, -1]})
FAULTS = (
    ("undated", "without a day", pl.col("day").is_null()),
    ("negative", "below nought", pl.col("n") < 0),
    ("again", "said again", ~pl.col("day").is_first_distinct()),
)


def test_a_row_is_counted_once_under_the_first_of_its_faults():
    """What has two faults has the first; nothing is kept and counted, or neither."""
    both = pl.concat([ROWS, pl.DataFrame({"day": [None], "n": [-1]}, schema=ROWS.schema)])
    kept, lost = set_aside(both, FAULTS, "kent.metric")
    assert {e.reason: e.n_rows for e in lost} == {"kent.undated": 2, "kent.negative": 1}
    assert kept.height + sum(e.n_rows for e in lost) == both.height
    assert {e.stage for e in lost} == {"kent.metric"}


def test_what_cannot_be_told_is_no_fault():
    """A null of an expression keeps the row: filters of polars would drop it in silence."""
    kept, _ = set_aside(ROWS, FAULTS, "kent.metric")
    assert kept["n"].to_list() == [5, None]


def test_faults_are_looked_for_in_order_among_the_rows_that_are_left():
    """The second of two rows is not a repetition of one that was set aside before."""
    twice = pl.DataFrame({"day": [1, 1], "n": [-1, 5]})
    kept, lost = set_aside(twice, FAULTS, "kent.metric")
    assert kept.rows() == [(1, 5)]
    assert [e.reason for e in lost] == ["kent.negative"]


def test_a_table_that_is_not_there_has_no_rows_and_all_columns():
    """Optional tables and columns need no further thought."""
    found = typed_columns(None, {"day": pl.Date, "n": pl.Int64})
    assert (found.height, found.schema) == (0, {"day": pl.Date, "n": pl.Int64})
    assert typed_columns(ROWS, {"n": pl.Float64, "x": pl.String})["x"].null_count() == 4
