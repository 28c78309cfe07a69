"""Whatever text comes: no crash, no number out of nothing, no row lost."""

from __future__ import annotations

import datetime as dt
import re

import polars as pl
from hypothesis import given, settings, strategies as st

from impactkit.declarations import ColumnSpec
from impactkit.engine.delimited import parse
from impactkit.errors import Problem
from impactkit.tables import core_tables, validate
from impactkit.tables.coerce import coerce
from impactkit.tables.symbols import STATUS_OF, split_symbols

NUMBER = re.compile(r"[+-]?£?(\d{1,3}(,\d{3})+|\d+|)(\.\d+)?([eE][+-]?\d{1,3})?\s?%?")
WORDS = st.text(max_size=12) | st.sampled_from(
    ["SUPP", "c", "", "100001", "10000", "peer", "01/09/2019", "2019-13-01", "2023/24", "1e9", "£5"]
)
SPECS = core_tables()


@given(st.lists(st.text(max_size=8) | st.sampled_from([*STATUS_OF, "12.5", "1,000"]), max_size=20))
def test_a_random_symbol_never_becomes_a_number(texts: list[str]) -> None:
    """A value comes from digits only, and a reason only from a declared symbol."""
    value, status = split_symbols(pl.col("text"))
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    rows = frame.select("text", value.alias("value"), status.alias("status")).rows()
    for text, number, why in rows:
        stripped = text.strip()
        if number is not None:
            assert why == "ok"
            assert NUMBER.fullmatch(stripped), text
            assert any(c.isascii() and c.isdigit() for c in stripped)
        elif why is not None:
            assert stripped.casefold() in STATUS_OF


@given(st.lists(st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31)), min_size=1, max_size=20))
def test_dates_come_back_from_every_form_in_which_they_are_written(days: list[dt.date]) -> None:
    """ISO, day first with slash or dash, and compact."""
    column = ColumnSpec(name="joined", dtype="date")
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%Y%m%d"):
        values, bad = coerce(pl.Series([day.strftime(form) for day in days]), column)
        assert values.to_list() == days
        assert not bad.any()


@given(st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=20))
def test_whole_numbers_come_back_with_and_without_separators(numbers: list[int]) -> None:
    """1,000 is 1000."""
    column = ColumnSpec(name="pupils", dtype="int")
    for form in ("{}", "{:,}", "{}.0"):
        values, bad = coerce(pl.Series([form.format(n) for n in numbers]), column)
        assert values.to_list() == numbers
        assert not bad.any()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_come_back_exactly(numbers: list[float]) -> None:
    """As Python writes them, exponent and all."""
    values, bad = coerce(pl.Series([repr(n) for n in numbers]), ColumnSpec(name="x", dtype="float"))
    assert values.to_list() == numbers
    assert not bad.any()


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_validate_never_raises_and_loses_no_row(data: st.DataObject) -> None:
    """On any frame of text: problems, and in an official extract every row is kept or set aside."""
    spec = data.draw(st.sampled_from(SPECS), label="table")
    names = [column.name for column in spec.columns]
    chosen = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=len(names)))
    required = [column.name for column in spec.columns if column.required]
    columns = list(dict.fromkeys([*required, *chosen])) if data.draw(st.booleans()) else chosen
    words = WORDS | st.sampled_from([v for c in spec.columns for v in c.values] or ["x"])
    rows = data.draw(st.lists(st.tuples(*[words] * len(columns)), max_size=6))
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    for register in (True, False):
        result = validate(frame, spec, file="random.csv", register=register)
        assert all(isinstance(problem, Problem) and str(problem) for problem in result.problems)
        if not result.errors and columns:
            assert result.frame.height + result.rejected.height == frame.height
            again = validate(result.frame, spec, file="random.csv", register=register)
            assert again.frame.equals(result.frame)
            assert again.errors == ()


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff\r"), max_size=6)


@settings(deadline=None)
@given(
    st.integers(2, 4).flatmap(lambda n: st.lists(st.tuples(*[CELL] * n), min_size=2, max_size=8))
)
def test_a_delimited_file_comes_back_cell_by_cell(rows: list[tuple[str, ...]]) -> None:
    """Whatever stands between the quotation marks, newlines and separators included."""
    header = tuple(f"column {i}" for i in range(len(rows[0])))
    quoted = [",".join('"' + c.replace('"', '""') + '"' for c in row) for row in (header, *rows)]
    parsed = parse("\n".join(quoted).encode(), ",", "random.csv")
    kept = [row for row in rows if any(cell.strip() for cell in row)]
    found = [
        tuple(row) for row in parsed.frame.drop("source_row").rows() if any(map(str.strip, row))
    ]
    assert found == kept
    assert parsed.row_problems == ()
