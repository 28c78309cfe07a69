"""Rows that stop early: the fast way and the thorough one agree on every file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import partial

from hypothesis import given, settings, strategies as st

from impactkit.engine.delimited import _parse_any, parse
from impactkit.engine.header import Parsed
from impactkit.errors import DataError

WIDTH = 5
cell = st.sampled_from(["1", "SUPP", "a b", "x,y", "", " ", "two\nlines", "Å"])
rest = st.lists(cell, min_size=1, max_size=WIDTH - 1)
full = st.lists(cell, min_size=WIDTH - 1, max_size=WIDTH - 1)


def _bytes(rows: list[list[str]], newline: bool) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[f"c{i}" for i in range(WIDTH)], *rows])
    return text.getvalue().encode() if newline else text.getvalue().encode().rstrip(b"\n")


def _said(read: Callable[[], Parsed]) -> tuple[object, ...]:
    try:
        parsed = read()
    except DataError as error:
        return tuple(str(problem) for problem in error.problems)
    return (
        parsed.columns,
        parsed.frame.rows(),
        [p.code for p in parsed.row_problems],
        sorted((p.code, p.rule) for p in parsed.notes),
    )


@settings(deadline=None)  # the first example starts polars
@given(full, st.lists(rest, min_size=1, max_size=8), st.booleans())
def test_both_ways_of_reading_say_the_same(
    one: list[str], others: list[list[str]], newline: bool
) -> None:
    """Where some rows stop early: the same cells and notes of how many did, or one refusal."""
    data = _bytes([["7", *row] for row in (one, *others)], newline)
    thorough = partial(_parse_any, data.decode(), ",", "x.csv", fill_short=True, first_row=1)
    assert _said(partial(parse, data, ",", "x.csv", fill_short=True)) == _said(thorough)
