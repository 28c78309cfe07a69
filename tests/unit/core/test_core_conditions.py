"""`treated = "..."` is a closed grammar: it selects rows, and runs nothing."""

from __future__ import annotations

import datetime as dt
import re

import polars as pl
import pytest

from impactkit.conditions import parse_condition

ROWS = pl.DataFrame(
    {
        "n": [1, 2, 3, 4],
        "role": ["client", "peer", None, "hub"],
        "joined": [dt.date(2012, 9, 1), dt.date(2013, 9, 1), None, dt.date(2014, 9, 1)],
        "days": [1.5, None, -2.0, 0.0],
        "shared": [True, False, None, True],
    }
)


def kept(text: str) -> list[int]:
    """Return which rows a condition keeps."""
    return ROWS.filter(parse_condition(text).expr())["n"].to_list()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("role == 'client'", [1]),
        ("role != 'client'", [2, 4]),
        ("role in ['client', 'hub']", [1, 4]),
        ("role in ('client', 'hub')", [1, 4]),
        ("role not in ['client', 'hub']", [2]),
        ("joined >= '2013-09-01'", [2, 4]),
        ("joined < '2013-09-01'", [1]),
        ("days > 0", [1]),
        ("days >= 0.0", [1, 4]),
        ("days <= -2", [3]),
        ("shared == true", [1, 4]),
        ("shared == false", [2]),
        ("role == 'client' and days > 0", [1]),
        ("role == 'peer' or days < 0", [2, 3]),
        ("not role == 'client'", [2, 3, 4]),
        ("not (role == 'client' or role == 'peer')", [3, 4]),
        ("role == 'hub' or role == 'peer' and joined > '2020-01-01'", [4]),
        ("  role == 'client'  ", [1]),
    ],
)
def test_conditions_keep_the_rows_that_they_say(text, rows):
    """A comparison with a missing value is false, and its denial is true; `and` binds first."""
    assert kept(text) == rows


@pytest.mark.parametrize(
    "text",
    [
        "role == 'client'",
        "role not in ['hub']",
        "days < 1",
        "not shared == true",
        "days > 0 or days < 0",
    ],
)
def test_the_expression_is_never_null(text):
    """A school without a role is not treated, rather than unknown."""
    told = ROWS.select(parse_condition(text).expr()).to_series()
    assert told.null_count() == 0


def test_columns_are_named_once_in_order():
    """So that a wrong one can be told before any data is read."""
    text = "joined > '2012-09-01' and role == 'a' and not joined in ['2013-09-01']"
    condition = parse_condition(text)
    assert condition.columns == ("joined", "role")
    assert condition.comparisons == (
        ("joined", (dt.date(2012, 9, 1),)),
        ("role", ("a",)),
        ("joined", (dt.date(2013, 9, 1),)),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("__import__('os').system('ls')", "a function call"),
        ("role == open('x')", "as a value"),
        ("role.upper == 'A'", "does not begin with a column"),
        ("'a' == role", "does not begin with a column"),
        ("(lambda: 1)() == 1", "does not begin with a column"),
        ("role", "'role' is not part"),
        ("1 < days < 3", "a chained comparison"),
        ("role is None", "'is'"),
        ("role == None", "'None' as a value"),
        ("role in 'client'", "without a list"),
        ("role in []", "without a list"),
        ("role in [x for x in y]", "without a list"),
        ("role == other", "'other' as a value"),
        ("days + 1 > 2", "does not begin with a column"),
        ("days == -'a'", "as a value"),
        ("days == -true", "as a value"),
        ("role == b'a'", "as a value"),
        ("role == f'{role}'", "as a value"),
        ("[role == 'a']", "is not part"),
        ("role = 'client'", "cannot be read"),
        ("", "cannot be read"),
        ("role == 'client", "cannot be read"),
        ("role ==", "cannot be read"),
        ("joined > '2012-13-01'", "'2012-13-01' is a day that no calendar has"),
    ],
)
def test_all_else_is_refused_in_words(text, told):
    """What was met and what may be written; never an error of Python's own."""
    with pytest.raises(ValueError, match=re.escape(told)):
        parse_condition(text)


@pytest.mark.parametrize(
    "text",
    [
        "not " * 5_000 + "role == 'a'",
        "(" * 1_000 + "role == 'a'" + ")" * 1_000,
        "role == 'a'" * 9_999,
    ],
)
def test_a_hostile_condition_ends_in_words_too(text):
    """Depth and length are bounded."""
    with pytest.raises(ValueError, match=r"longer than|cannot be read"):
        parse_condition(text)


def test_equal_texts_are_equal_conditions():
    """A study can be compared with another."""
    assert parse_condition("role == 'a'") == parse_condition("role == 'a'")
    assert parse_condition("role == 'a'") != parse_condition("role == 'b'")
