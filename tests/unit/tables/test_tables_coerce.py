"""Text becomes a type strictly, and what does not fit is named with a remedy."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from impactkit.declarations import ColumnSpec
from impactkit.tables.coerce import coerce, faults


def read(texts: list[Any], column: ColumnSpec) -> tuple[list[Any], list[str]]:
    """Return the typed values, and the messages for those that have no type."""
    series = texts if isinstance(texts, pl.Series) else pl.Series(column.name, texts)
    values, bad = coerce(series, column)
    rows = pl.Series("source_row", range(2, 2 + len(series)))
    return values.to_list(), [str(p) for p in faults(series, rows, bad, column, "f.csv")]


SEPTEMBER = dt.date(2019, 9, 30)


@pytest.mark.parametrize(
    "text",
    ["2019-09-30", "30/09/2019", "30-09-2019", "30.9.2019", "20190930", "2019-09-30 00:00:00"],
)
def test_dates_are_read_in_every_published_form(text: str) -> None:
    """ISO, day first, and compact."""
    assert read([text], ColumnSpec(name="joined", dtype="date")) == ([SEPTEMBER], [])


def test_a_month_before_the_day_is_called_the_wrong_order_and_casts_doubt_on_the_column() -> None:
    """01/02/2019 cannot be told from 02/01/2019, so its neighbours have to be looked at."""
    values, messages = read(["01/02/2019", "09/30/2019"], ColumnSpec(name="joined", dtype="date"))
    assert values == [dt.date(2019, 2, 1), None]
    (message,) = messages
    assert message.startswith("Row 3 of f.csv: `joined` is '09/30/2019'; the date is in the wrong")
    assert "check them all" in message


@pytest.mark.parametrize(
    "text", ["31/02/2019", "30/09/19", "2019-13-01", "September", "SUPP", "43738", "0019-01-01"]
)
def test_what_is_no_date_is_no_date(text: str) -> None:
    """Two-digit years and spreadsheet serial numbers are not guessed at."""
    values, messages = read([text], ColumnSpec(name="joined", dtype="date"))
    assert values == [None]
    assert repr(text) in messages[0]


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2024", 2024),
        ("2024.0", 2024),
        ("2023/24", 2024),
        ("2023-24", 2024),
        ("202324", 2024),
        ("2023/2024", 2024),
        ("1999/00", 2000),
        ("1999/2000", 2000),
    ],
)
def test_academic_years_are_kept_by_their_end(text: str, year: int) -> None:
    """2023/24 is 2024."""
    column = ColumnSpec(name="year", dtype="int", unit="academic year")
    assert read([text], column) == ([year], [])


@pytest.mark.parametrize("text", ["2023/25", "2024/23", "23/24", "24", "202325", "2023/2124"])
def test_years_that_do_not_follow_one_another_are_refused(text: str) -> None:
    """A slip in one of two years would move the school a year."""
    column = ColumnSpec(name="year", dtype="int", unit="academic year")
    values, messages = read([text], column)
    assert values == [None]
    assert "expected an academic year" in messages[0]


@pytest.mark.parametrize("text", ["10000", "1234567", "9362313", "A00001", "012345", "10000x"])
def test_a_urn_cut_short_is_asked_about(text: str) -> None:
    """The wording is part of the contract."""
    column = ColumnSpec(name="urn", dtype="int", unit="URN")
    values, messages = read([text], column)
    assert values == [None]
    assert messages == [
        f"Row 2 of f.csv: `urn` is {text!r}; expected six digits. "
        "Was a digit cut off, or is this a DfE number (LAESTAB)?"
    ]


def test_whole_numbers_are_not_rounded() -> None:
    """A spreadsheet's 12.0 is 12, but 1.9 is not 1."""
    column = ColumnSpec(name="applicants", dtype="int")
    values, messages = read(["12", "12.0", "1,200", "1.9", "SUPP", "nan", ""], column)
    assert values == [12, 12, 1200, None, None, None, None]
    assert [message.split("'")[1] for message in messages] == ["1.9", "SUPP", "nan"]
    assert "suppression symbol" in messages[1]


def test_words_are_forgiven_case_and_spaces_and_a_near_miss_is_named() -> None:
    """`Senior Deputy` is `senior_deputy`."""
    column = ColumnSpec(name="level", values=("head", "senior_deputy"))
    values, messages = read(["HEAD ", "Senior Deputy", "senior-deputy", "heed"], column)
    assert values == ["head", "senior_deputy", "senior_deputy", None]
    assert "Did you mean 'head'?" in messages[0]


def test_yes_no_and_lists() -> None:
    """Lists are written with a semicolon between."""
    flags, messages = read(
        ["Yes", "n", "TRUE", "0", "", "maybe"], ColumnSpec(name="b", dtype="bool")
    )
    assert flags == [True, False, True, False, None, None]
    assert "expected yes or no" in messages[0]
    lists, messages = read(["B1; B2", "B1;", " ", ";"], ColumnSpec(name="l", dtype="list"))
    assert (lists, messages) == ([["B1", "B2"], ["B1"], None, []], [])


def test_typed_columns_are_taken_as_they_are_save_for_nan() -> None:
    """NaN is no value: it has to be null."""
    number = ColumnSpec(name="fte", dtype="float")
    assert read(pl.Series("fte", [0.5, None]), number) == ([0.5, None], [])
    values, messages = read(pl.Series("fte", [0.5, float("nan"), float("inf")]), number)
    assert values == [0.5, None, None]
    assert len(messages) == 2
    whole = ColumnSpec(name="urn", dtype="int", unit="URN")
    assert read(pl.Series("urn", [100001.0, None]), whole) == ([100001, None], [])
    day = ColumnSpec(name="joined", dtype="date")
    assert read(pl.Series("joined", [dt.datetime(2019, 9, 30)]), day) == ([SEPTEMBER], [])
