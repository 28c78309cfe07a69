"""From text to types, by ourselves: strictly, all at once, and with words for what does not fit.

Nothing is guessed. ``1.9`` is no whole number, ``SUPP`` no number at all, and a date that can only
be month before day is an error, because its neighbours may be wrong without showing it.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import polars as pl

from impactkit.declarations import ColumnSpec
from impactkit.errors import Problem, did_you_mean
from impactkit.tables.symbols import STATUS_OF, SYMBOLS, split_symbols, to_float

DTYPES: dict[str, pl.DataType] = {
    "str": pl.String(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "date": pl.Date(),
    "bool": pl.Boolean(),
    "list": pl.List(pl.String()),
}
"""The polars type of each declared one."""

_WORDS = {"true": True, "yes": True, "y": True, "1": True}
_WORDS |= {"false": False, "no": False, "n": False, "0": False}
_MARKS = {"GBP": "£", "percent": "%"}
_YEAR = r"(?:1[89]|2[01])\d\d"
_MONTH_FIRST = rf"^(?:0?[1-9]|1[0-2])[/.-](?:1[3-9]|2\d|3[01])[/.-]{_YEAR}$"


@attrs.frozen
class Fault:
    """What is wrong with one value, in words: a stable code, what was expected, what to do."""

    code: str
    rule: str
    remedy: str = ""


@attrs.frozen
class Kind:
    """How one kind of column is read: text to value, and the fault of a value that is none."""

    convert: Callable[[pl.Expr, ColumnSpec], pl.Expr]
    fault: Callable[[str, ColumnSpec], Fault]


def _text(text: pl.Expr, column: ColumnSpec) -> pl.Expr:
    if not column.values:
        return text
    words = {_loosely(value): value for value in column.values}
    loose = text.str.to_lowercase().str.replace_all(r"[\s_–-]+", " ").str.strip_chars()
    return loose.replace_strict(words, default=None, return_dtype=pl.String)


def _loosely(text: str) -> str:
    import re

    return re.sub(r"[\s_–-]+", " ", text.lower()).strip()


def _text_fault(value: str, column: ColumnSpec) -> Fault:
    return Fault(
        f"{column.name}.unknown",
        f"there is no such {column.name.replace('_', ' ')}",
        did_you_mean(value, column.values),
    )


def _int(text: pl.Expr, column: ColumnSpec) -> pl.Expr:
    whole = pl.when(text.str.contains(r"^[+-]?(\d{1,3}(,\d{3})+|\d+)(\.0+)?$")).then(text)
    plain = whole.str.replace_all(",", "", literal=True).str.replace(r"\.0+$", "")
    return plain.cast(pl.Int64, strict=False)


def _number_fault(words: str) -> Callable[[str, ColumnSpec], Fault]:
    def fault(value: str, column: ColumnSpec) -> Fault:
        remedy = "Correct the number."
        if value.casefold() in STATUS_OF:
            remedy = (
                "It is a suppression symbol, and no figure: leave the cell blank. "
                "Only `value` of the table outcomes takes symbols."
            )
        elif value.casefold() in ("nan", "null", "none", "n/a", "-", "."):
            remedy = "Leave the cell blank if there is no figure."
        return Fault(f"{column.name}.number", f"expected {words}", remedy)

    return fault


def _float(text: pl.Expr, column: ColumnSpec) -> pl.Expr:
    return to_float(text, marks=_MARKS.get(column.unit, ""))


def _urn_fault(value: str, column: ColumnSpec) -> Fault:
    return Fault(
        f"{column.name}.format",
        "expected six digits",
        "Was a digit cut off, or is this a DfE number (LAESTAB)?",
    )


def _urn(text: pl.Expr, column: ColumnSpec) -> pl.Expr:
    return pl.when(text.str.contains(r"^[1-9]\d{5}(\.0+)?$")).then(text.str.head(6)).cast(pl.Int64)


def _year(text: pl.Expr, column: ColumnSpec) -> pl.Expr:
    plain = text.str.extract(rf"^({_YEAR})(?:\.0+)?$").cast(pl.Int64)
    first = text.str.extract(rf"^({_YEAR})\s*[/-]?\s*(?:\d\d)?\d\d$").cast(pl.Int64)
    second = text.str.extract(rf"^{_YEAR}\s*[/-]?\s*(?:\d\d)?(\d\d)$").cast(pl.Int64)
    whole = text.str.extract(rf"^{_YEAR}\s*[/-]?\s*((?:\d\d)?\d\d)$").cast(pl.Int64)
    follows = ((first + 1) % 100 == second) & ((whole < 100) | (whole == first + 1))
    return pl.coalesce(plain, pl.when(follows).then(first + 1))


def _year_fault(value: str, column: ColumnSpec) -> Fault:
    return Fault(
        f"{column.name}.format",
        "expected an academic year",
        "Write 2023/24, 202324, or the year in which it ends: 2024.",
    )


def _date(text: pl.Expr, column: ColumnSpec) -> pl.Expr:
    iso = rf"^({_YEAR}-\d\d-\d\d)(?:[ T]00:00(?::00(?:\.0+)?)?)?$"
    day_first = text.str.extract(rf"^(\d\d?[/.-]\d\d?[/.-]{_YEAR})(?: 00:00(?::00)?)?$")
    compact = text.str.extract(rf"^({_YEAR}\d{{4}})$")
    return pl.coalesce(
        text.str.extract(iso).str.to_date("%Y-%m-%d", strict=False),
        day_first.str.replace_all(r"[.-]", "/").str.to_date("%d/%m/%Y", strict=False),
        compact.str.to_date("%Y%m%d", strict=False),
    )


def _date_fault(value: str, column: ColumnSpec) -> Fault:
    import re

    if re.match(_MONTH_FIRST, value):
        return Fault(
            f"{column.name}.order",
            "the date is in the wrong order: expected the day before the month",
            "Other dates of this column may be swapped without showing it: check them all, "
            "and write 2019-09-30.",
        )
    return Fault(
        f"{column.name}.date", "expected a date", "Write 30/09/2019 or 2019-09-30, four-digit year."
    )


def _bool(text: pl.Expr, column: ColumnSpec) -> pl.Expr:
    return text.str.to_lowercase().replace_strict(_WORDS, default=None, return_dtype=pl.Boolean)


def _bool_fault(value: str, column: ColumnSpec) -> Fault:
    return Fault(f"{column.name}.bool", "expected yes or no", "Write yes, no, or leave it blank.")


def _list(text: pl.Expr, column: ColumnSpec) -> pl.Expr:
    parts = text.str.split(";").list.eval(pl.element().str.strip_chars())
    return parts.list.eval(pl.element().filter(pl.element() != ""))


def _never(value: str, column: ColumnSpec) -> Fault:
    return Fault(f"{column.name}.text", "expected text")


def _measured(text: pl.Expr, column: ColumnSpec) -> pl.Expr:
    return split_symbols(text)[0]


def _measured_fault(value: str, column: ColumnSpec) -> Fault:
    known = ", ".join(symbol.token for symbol in SYMBOLS if symbol.token)
    return Fault(
        UNKNOWN_SYMBOL,
        "expected a number or a suppression symbol",
        f"The symbols that are understood: {known}. If it is a new one, please report it.",
    )


UNKNOWN_SYMBOL = "symbol.unknown"
"""Code of the one fault that stops even the reading of an official extract: a symbol that nobody
explained may mean that the whole column is misread."""

KINDS = {
    "str": Kind(_text, _text_fault),
    "int": Kind(_int, _number_fault("a whole number")),
    "float": Kind(_float, _number_fault("a number")),
    "date": Kind(_date, _date_fault),
    "bool": Kind(_bool, _bool_fault),
    "list": Kind(_list, _never),
    "URN": Kind(_urn, _urn_fault),
    "academic year": Kind(_year, _year_fault),
    "measured": Kind(_measured, _measured_fault),
}
"""By `unit` where it is one of these, and else by `dtype`."""


def kind_of(column: ColumnSpec) -> Kind:
    """Return how a column is read."""
    return KINDS.get(column.unit, KINDS[column.dtype])


def coerce(values: pl.Series, column: ColumnSpec) -> tuple[pl.Series, pl.Series]:
    """Return a column in its type, and a mask of the values that have none.

    Blank is null. A value that does not fit is null too, and true in the mask. A column that has
    its type already is only looked at for NaN and for words that are not in its enumeration.

    Examples
    --------
    >>> joined = ColumnSpec(name="joined", dtype="date")
    >>> typed, bad = coerce(pl.Series(["01/09/2019", "20190901", "09/30/2019", " "]), joined)
    >>> [str(day) for day in typed], bad.to_list()
    (['2019-09-01', '2019-09-01', 'None', 'None'], [False, False, True, False])
    """
    wanted = DTYPES[column.dtype]
    if values.dtype == wanted and values.dtype == pl.Float64:
        finite = values.is_finite().fill_null(True)
        return values.set(~finite, None), ~finite
    if values.dtype == wanted and values.dtype != pl.String:
        return values, pl.repeat(False, len(values), dtype=pl.Boolean, eager=True)
    frame = pl.DataFrame({"text": as_text(values)})
    frame = frame.with_columns(pl.when(pl.col("text") != "").then(pl.col("text")))
    frame = frame.with_columns(value=kind_of(column).convert(pl.col("text"), column))
    given = frame["text"].is_not_null()
    if column.unit == "measured":
        given = given & ~frame["text"].str.to_lowercase().is_in(list(STATUS_OF))
    bad = given & frame["value"].is_null()
    return frame["value"].cast(wanted).rename(values.name), bad


def as_text(values: pl.Series) -> pl.Series:
    """Return values as trimmed text; null becomes blank."""
    if isinstance(values.dtype, pl.List):
        values = values.cast(pl.List(pl.String)).list.join("; ")
    return values.cast(pl.String).fill_null("").str.strip_chars()


def faults(
    values: pl.Series, rows: pl.Series, bad: pl.Series, column: ColumnSpec, file: str
) -> list[Problem]:
    """Return a `Problem` for every value that `coerce` could not give a type."""
    kind = kind_of(column)
    problems = []
    for row, value in zip(rows.filter(bad), as_text(values.filter(bad)), strict=True):
        fault = kind.fault(value, column)
        problems.append(
            Problem(
                code=fault.code,
                file=file,
                row=row,
                column=column.name,
                value=value,
                rule=fault.rule,
                remedy=fault.remedy,
            )
        )
    return problems
