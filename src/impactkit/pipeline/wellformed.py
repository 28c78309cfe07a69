"""Whether a part of a result holds what its fields say: what comes after relies upon it.

Disclosure control, the report and the workbook take a title for text and a p-value for a share of
one. A part that holds something else would end everybody's run there; here it costs its metric.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from impactkit.results import Chart, Column, Estimate, Note, Table

LARGEST = 2**53
"""The largest whole number that every file of the release can hold."""

MOST_TEXT = 20_000
MOST: Mapping[str, int] = {
    "estimates": 10_000,
    "tables": 1_000,
    "charts": 200,
    "notes": 1_000,
    "diagnostics": 10_000,
    "exclusions": 10_000,
}
"""What one metric may give: a report is for people, and each part costs time and room in it."""

MOST_ROWS, MOST_COLUMNS, MOST_DRAWN, MOST_DIGITS = 50_000, 500, 10_000, 15

_RANGES: Mapping[str, tuple[float, float]] = {
    "p_value": (0.0, 1.0),
    "p_adjusted": (0.0, 1.0),
    "level": (0.0, 1.0),
    "std_error": (0.0, float("inf")),
    "n_schools": (0, LARGEST),
    "n_partnerships": (0, LARGEST),
    "n_comparison": (0, LARGEST),
    "n_people": (0, LARGEST),
    "n_clusters": (0, LARGEST),
    "n_treated_clusters": (0, LARGEST),
    "n_rows": (0, LARGEST),
    "digits": (0, MOST_DIGITS),
}
_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    NoneType: "None",
}


def field_faults(part: Any, where: str) -> Iterator[str]:
    """Yield where a field holds what its type, or its sense, does not allow.

    Examples
    --------
    >>> list(field_faults(Estimate(value=1.0, p_value=7.0), "estimate 1"))
    ['estimate 1: p_value is 7; it must be a share, from 0 to 100%']
    >>> list(field_faults(Note("x", of="heads"), "note 1"))
    ["note 1: of is 'heads'; write '', 'people', 'schools', 'partnerships' or 'events'"]
    """
    cls: Any = type(part)
    sound = set()
    for name, hint in _hints(cls).items():
        value = getattr(part, name)
        if not _fits(value, hint):
            yield f"{where}: {_unfit(name, value, hint)}"
        elif _longest(value) > MOST_TEXT:
            yield f"{where}: {name} is longer than {MOST_TEXT:,} letters; make it shorter"
        else:
            sound.add(name)
    for name in sound & _RANGES.keys():
        low, high = _RANGES[name]
        value = getattr(part, name)
        if value is not None and not low <= value <= high:
            yield f"{where}: {name} is {value:g}; it must be {_between(low, high)}"
    if isinstance(part, Estimate):
        yield from _interval_faults(part, where, sound)


def table_faults(table: Table) -> Iterator[str]:
    """Yield what of a table cannot be shown: its size, a column's fields, a column it lacks.

    A column that is named and not there is more than a slip: the people whom a share rests on are
    protected by the name of the column that counts them.
    """
    where = f"table {table.id}"
    for size, most, what in (
        (len(table.rows), MOST_ROWS, "rows"),
        (len(table.columns), MOST_COLUMNS, "columns"),
    ):
        if size > most:
            yield (
                f"{where} has {size:,} {what}, and {most:,} is the most: a report is for people; "
                "sum it up"
            )
    for number, column in enumerate(table.columns, 1):
        if isinstance(column, Column):
            yield from field_faults(column, f"{where}, column {number}")
    names = {column.name for column in table.columns}
    for what, named in _columns_named(table):
        for name in named:
            if name and name not in names:
                yield f"{where}: its {what} names the column {name!r}, which it does not have"


def _columns_named(table: Table) -> Iterator[tuple[str, Iterable[Any]]]:
    """Yield where a table names columns of its own, and which."""
    yield "numerator", (column.numerator for column in table.columns)
    yield "denominator", (column.denominator for column in table.columns)
    if isinstance(table.totals, Mapping):
        yield "totals", table.totals
    yield "sums", (name for total, parts in table.sums for name in (total, *parts))


def chart_faults(chart: Chart, table: Table) -> Iterator[str]:
    """Yield why a chart cannot be drawn from its table."""
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, row, strict=True)) for row in table.rows]
    if len(rows) > MOST_DRAWN:
        yield f"chart {chart.id} has {len(rows):,} rows to draw, and {MOST_DRAWN:,} is the most"
    fields = ("y", "low", "high", *(("x",) if chart.kind in ("event_study", "scatter") else ()))
    for field in fields:
        column = getattr(chart, field)
        if column in names and any(_no_number(row[column], text=field == "x") for row in rows):
            yield f"chart {chart.id}: its {field} is {column!r}, which holds text, not numbers"


def note_fault(note: Note) -> str:
    """Return what is wrong with the fields in a note's text, or nothing.

    A field is the name of a value and perhaps how it is shown: ``{n}``, ``{share:.1f}``.

    Examples
    --------
    >>> note_fault(Note("{n.__class__} heads", values={"n": 14}))
    "the field 'n.__class__' is no plain name"
    """
    try:
        fields = [field for field in string.Formatter().parse(note.text) if field[1] is not None]
        if not note.values:
            return ""
        for _, name, shown, _ in fields:
            if not str(name).isidentifier():
                return f"the field {name!r} is no plain name"
            if len(shown or "") > len("+,.10f"):
                return f"the field {name!r} is to be shown as {shown!r}; write '.1f' or the like"
        str(note)
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError) as error:
        return str(error)
    return ""


def _interval_faults(estimate: Estimate, where: str, sound: set[str]) -> Iterator[str]:
    for low, high in (("ci_low", "ci_high"), ("band_low", "band_high")):
        ends = (getattr(estimate, low), getattr(estimate, high))
        if {low, high} <= sound and None not in ends and ends[0] > ends[1]:
            yield f"{where}: {low} is above {high}; which is which?"


def _no_number(cell: Any, *, text: bool) -> bool:
    """Tell whether a cell is no number; event times may be written as text, as terms are."""
    if isinstance(cell, str) and text:
        return not cell.strip().lstrip("+-−").replace(".", "", 1).isdigit()
    return isinstance(cell, str)


@cache
def _hints(cls: Any) -> Mapping[str, Any]:
    known = get_type_hints(cls)
    # The cells of a table are looked at one by one, with their place: that is told better.
    return {f.name: known[f.name] for f in attrs.fields(cls) if f.name != "rows"}


def _fits(value: Any, hint: Any) -> bool:
    """Tell whether a value is of a type, as deep as the types of our results go."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return isinstance(value, str) and value in parts
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if parts[-1] is Ellipsis:
            return all(_fits(item, parts[0]) for item in value)
        return len(value) == len(parts) and all(map(_fits, value, parts))
    if _mapping(hint):
        return isinstance(value, Mapping) and all(
            _fits(key, parts[0]) and _fits(item, parts[1]) for key, item in value.items()
        )
    if hint is float:  # a whole number is one, too; NaN is none
        return type(value) in (int, float) and abs(value) <= 1.7e308
    if hint is int:
        return type(value) is int and abs(value) <= LARGEST
    return isinstance(value, hint)


def _mapping(hint: Any) -> bool:
    return get_origin(hint) is Mapping


def _unfit(name: str, value: Any, hint: Any) -> str:
    """Say that a field does not hold what it should; the value itself may be long, or personal."""
    parts = [part for part in (get_args(hint) or (hint,)) if part is not NoneType]
    given = f"{name} is a {type(value).__name__}"
    if get_origin(hint) is Literal:
        *most, last = map(repr, parts)
        given = f"{name} is {value[:40]!r}" if isinstance(value, str) else given
        return f"{given}; write {', '.join(most)} or {last}"
    if isinstance(value, tuple | Mapping):
        return f"{name} has something in it that does not belong there; see its type"
    if type(value) in (int, float) and {int, float} & set(parts):
        return f"{name} is a number that no file can hold, or that is not there; use None"
    wanted = " or ".join(_WORDS[part] for part in parts if part in _WORDS)
    return f"{given}, not {'a mapping' if _mapping(hint) else wanted}"


def _longest(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    inside: Sequence[Any] = ()
    if isinstance(value, Mapping):
        inside = [*value.keys(), *value.values()]
    elif isinstance(value, tuple):
        inside = value
    return max((len(item) for item in inside if isinstance(item, str)), default=0)


def _between(low: float, high: float) -> str:
    # In per cent, as the figures of a message that may be a few people's are masked.
    if high == 1:
        return "a share, from 0 to 100%"
    return f"between {low:g} and {high:g}" if high < LARGEST else f"{low:g} or more"
