"""What a metric or a section gave, held to its contract: every fault at once, in plain words.

NaN never goes further: a number that is not there is None, with the reason beside it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.declarations import Metric, Section, load_code
from impactkit.errors import MetricError
from impactkit.metrics import MetricContext
from impactkit.pipeline.wellformed import (
    LARGEST,
    MOST,
    chart_faults,
    field_faults,
    note_fault,
    table_faults,
)
from impactkit.plugins import words_of
from impactkit.results import (
    Cell,
    Chart,
    Diagnostic,
    Estimate,
    Exclusion,
    MetricResult,
    Note,
    Table,
)

if TYPE_CHECKING:
    import polars as pl

HOMES: Mapping[type, str] = {
    Estimate: "estimates",
    Table: "tables",
    Chart: "charts",
    Note: "notes",
    Diagnostic: "diagnostics",
    Exclusion: "exclusions",
}
"""What a metric may give, and where it goes."""

MOST_FAULTS = 5
"""Faults that are told at once; a metric that gives NaN gives it often."""

_FIELDS = {field.name: str(field.type) for field in attrs.fields(Estimate)}
_KEY = ("estimand", "measure", "subgroup", "term", "method")


def computed(metric: Metric, context: MetricContext) -> pl.DataFrame | MetricResult:
    """Run a metric's own code: a tidy frame of an outcome metric, or a bare `MetricResult`.

    Raises
    ------
    MetricError
        When it gives what its contract does not allow, with every fault; and whatever it raises.
    """
    import polars as pl

    code = load_code(metric.compute)
    given = code(context)
    if metric.shape != "outcome":
        return collected(metric, given)
    try:
        return tidy(given)
    except pl.exceptions.PolarsError as error:  # the plan of a lazy frame, which is its own code
        raise MetricError(words_of(error, code)) from error


def tidy(given: Any) -> pl.DataFrame:
    """Return an outcome metric's frame with `school_key`, `year`, `value` and perhaps `weight`.

    A lazy frame is collected. Rows without a value stay, for the panel to count them.

    Examples
    --------
    >>> import polars as pl
    >>> tidy(pl.DataFrame({"school_key": ["1"], "year": [2019], "value": ["many"]}))
    Traceback (most recent call last):
        ...
    impactkit.errors.MetricError: the column value is String; it must hold numbers
    """
    import polars as pl

    if isinstance(given, pl.LazyFrame):
        given = given.collect()
    if not isinstance(given, pl.DataFrame):
        raise MetricError(f"an outcome metric returns a polars frame, not a {type(given).__name__}")
    absent = [c for c in ("school_key", "year", "value") if c not in given.columns]
    if absent:
        raise MetricError(
            f"the frame has no column {', '.join(absent)}; it has {', '.join(given.columns)}"
        )
    casts = {"school_key": pl.String, "year": pl.Int64, "value": pl.Float64, "weight": pl.Float64}
    frame = given.select(name for name in casts if name in given.columns)
    _refuse(_type_faults(frame))
    frame = frame.select(pl.col(name).cast(casts[name]) for name in frame.columns)
    _refuse(_value_faults(frame))
    return frame


def _type_faults(frame: pl.DataFrame) -> Iterable[str]:
    import polars as pl

    for name, dtype in frame.schema.items():
        if name == "school_key":
            texts = (pl.String, pl.Categorical, pl.Enum)
            good = isinstance(dtype, texts) or dtype.is_integer()
            wanted = "hold keys of schools as text"
        elif name == "year":
            good, wanted = dtype.is_integer(), "hold whole numbers: 2024 for 2023/24"
        else:
            good, wanted = dtype.is_numeric() or dtype == pl.Boolean, "hold numbers"
        if not good and dtype != pl.Null:
            # The name of the type only: one of enumerated texts has each of them in it.
            yield f"the column {name} is {type(dtype).__name__}; it must {wanted}"


def _value_faults(frame: pl.DataFrame) -> Iterable[str]:
    import polars as pl

    for name in ("value", "weight"):
        if name in frame.columns:
            broken = frame.filter(~pl.col(name).is_finite()).height
            if broken:
                yield f"{_rows(broken)} have a {name} that is no number (NaN or infinite); use null"
    if "weight" in frame.columns and (below := frame.filter(pl.col("weight") < 0).height):
        yield f"{_rows(below)} have a weight below nought"
    keyless = frame.filter(pl.col("school_key").is_null() | pl.col("year").is_null()).height
    if keyless:
        yield f"{_rows(keyless)} have no school_key or no year"
    twice = frame.height - frame.select("school_key", "year").unique().height
    if twice:
        yield f"{_rows(twice)} are of school-years that appear more than once; keep a row for each"


def _rows(n: int) -> str:
    """Count rows in words that disclosure control need not mask, as it would a small number."""
    return f"{n:,} rows" if n >= 10 else "a few rows"


def collected(metric: Metric, given: Any) -> MetricResult:
    """Sort what an estimating metric gave into a bare `MetricResult`.

    Examples
    --------
    >>> metric = Metric(id="kent.size", title="Size", unit="percent", compute=len)
    >>> collected(metric, [Estimate(value=3.0)]).estimates[0].unit
    'percent'
    >>> collected(metric, [Estimate(value=float("nan"))])
    Traceback (most recent call last):
        ...
    impactkit.errors.MetricError: estimate 1: value is nan; a number that is not there is None, ...
    """
    if isinstance(given, MetricResult):
        parts = [part for name in HOMES.values() for part in getattr(given, name)]
    else:
        parts = [given] if type(given) in HOMES else list(_iterated(given))
    strangers = sorted({type(part).__name__ for part in parts if type(part) not in HOMES})
    if strangers:
        raise MetricError(
            f"it gave something of type {', '.join(strangers)}; a metric gives Estimate, Table, "
            "Chart, Note, Diagnostic or Exclusion"
        )
    parts = [
        attrs.evolve(part, metric=metric.id, unit=part.unit or metric.unit)
        if isinstance(part, Estimate)
        else part
        for part in parts
    ]
    return attrs.evolve(MetricResult(metric=metric.id), **checked(parts))


def _iterated(given: Any) -> Iterable[Any]:
    if given is None:
        return ()
    if isinstance(given, str | bytes | Mapping) or not hasattr(given, "__iter__"):
        return (given,)
    if hasattr(given, "columns"):  # a frame, whose iterator gives its columns
        return (given,)
    return given  # type: ignore[no-any-return]


def checked_section(section: Any) -> Section:
    """Return a report section whose parts are what they must be.

    Raises
    ------
    MetricError
        With every fault.
    """
    if not isinstance(section, Section):
        raise MetricError(f"a report section is a Section, not a {type(section).__name__}")
    about = f"section {section.id}"
    _refuse(field_faults(section, about))
    try:
        found = checked((*section.notes, *section.tables, *section.charts))
    except MetricError as error:
        raise MetricError(f"{about}: {error}") from None
    return attrs.evolve(section, **{k: found[k] for k in ("notes", "tables", "charts")})


def checked(parts: Iterable[Any]) -> dict[str, Any]:
    """Return parts by where they go, with plain numbers in them.

    Raises
    ------
    MetricError
        With every fault: a number that is none, two of one id, a chart of what is not there.
    """
    homes: dict[str, list[Any]] = {name: [] for name in HOMES.values()}
    for part in parts:
        homes[HOMES[type(part)]].append(part)
    _refuse(
        f"it gave {len(found):,} {name}, and {MOST[name]:,} is the most; sum them up in a table"
        for name, found in homes.items()
        if len(found) > MOST[name]
    )
    faults: list[str] = []
    for kind, name in HOMES.items():
        homes[name] = [
            _part(part, f"{kind.__name__.lower()} {number}", faults)
            for number, part in enumerate(homes[name], 1)
        ]
    _refuse(faults)  # what follows compares ids and columns, and takes them for text
    faults += _twice("estimate", [tuple(getattr(e, k) for k in _KEY) for e in homes["estimates"]])
    faults += _twice("table", [table.id for table in homes["tables"]])
    faults += _twice("chart", [chart.id for chart in homes["charts"]])
    tables = {table.id: table for table in homes["tables"]}
    for chart in homes["charts"]:
        faults += _chart_faults(chart, tables)
    _refuse(faults)
    return {name: tuple(found) for name, found in homes.items()}


def _part(part: Any, where: str, faults: list[str]) -> Any:
    """Return a part with plain numbers in it; note what of it is not as it must be."""
    seen = len(faults)
    plain = _PLAIN[type(part)](part, where, faults)
    faults += field_faults(plain, where)
    if isinstance(plain, Note) and len(faults) == seen and (why := note_fault(plain)):
        faults.append(f"{where}: its text and its values do not go together ({why})")
    return plain


def _refuse(faults: Iterable[str]) -> None:
    faults = list(faults)
    if faults:
        more = len(faults) - MOST_FAULTS
        shown = [*faults[:MOST_FAULTS], *([f"and {more:,} more"] if more > 0 else [])]
        raise MetricError("; ".join(shown))


def _twice(what: str, keys: list[Any]) -> list[str]:
    again = [key if isinstance(key, str) else " ".join(filter(None, key)) for key in _again(keys)]
    return [f"the {what} {key!r} is there again; give each a name of its own" for key in again]


def _again(keys: list[Any]) -> list[Any]:
    return sorted(key for key, count in Counter(keys).items() if count > 1)


def _number(value: Any, where: str, faults: list[str], kinds: tuple[type, ...]) -> Any:
    """Return a plain number, taking numpy's for what they are; note what is none."""
    if value is None:
        return None
    if hasattr(value, "item") and not isinstance(value, str) and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, bool) and bool not in kinds:
        faults.append(f"{where} is {value}, which is no number")
        return None
    if isinstance(value, int) and abs(value) > LARGEST:
        faults.append(f"{where} is a number of more digits than a file can hold")
        return None
    if isinstance(value, int) and float in kinds and int not in kinds:
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        faults.append(f"{where} is {value}; a number that is not there is None, with a reason")
        return None
    if not isinstance(value, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        faults.append(f"{where} is a {type(value).__name__}, not {wanted} or None")
        return None
    return value


def _estimate(estimate: Estimate, where: str, faults: list[str]) -> Estimate:
    new: dict[str, Any] = {}
    for name, kind in _FIELDS.items():
        value = getattr(estimate, name)
        if "float" in kind:
            new[name] = _number(value, f"{where}: {name}", faults, (float,))
        elif "int" in kind:
            new[name] = _number(value, f"{where}: {name}", faults, (int,))
    if estimate.status == "ok" and estimate.value is None:
        faults.append(f"{where} has no value; give it status='not_estimable' and a reason")
    return attrs.evolve(estimate, **new)


def _table(table: Table, where: str, faults: list[str]) -> Table:
    if found := list(table_faults(table)):  # too large to look at, perhaps
        faults += found
        return table
    names = [column.name for column in table.columns]
    kinds = (bool, int, float, str)
    rows: list[list[Cell]] = [
        [
            _number(cell, f"table {table.id}: row {i}, {name}", faults, kinds)
            for name, cell in zip(names, row, strict=True)
        ]
        for i, row in enumerate(table.rows, 1)
    ]
    return attrs.evolve(table, rows=rows)


def _chart(chart: Chart, where: str, faults: list[str]) -> Chart:
    reference = _number(chart.reference, f"{where}: reference", faults, (float,))
    return attrs.evolve(chart, reference=reference)


def _chart_faults(chart: Chart, tables: Mapping[str, Table]) -> Iterable[str]:
    if chart.data != "estimates" and chart.data not in tables:
        yield f"chart {chart.id} is of {chart.data!r}, which is no table here"
        return
    table = tables.get(chart.data)
    columns = [column.name for column in table.columns] if table else list(_FIELDS)
    for field in ("x", "y", "low", "high", "series"):
        name = getattr(chart, field)
        if name and name not in columns:
            yield f"chart {chart.id}: its {field} is {name!r}, which {chart.data} does not have"
    for name in chart.where:
        if name not in _FIELDS and name not in columns:
            yield (
                f"chart {chart.id}: `where` names {name!r}, which is no field of an estimate and "
                "no column of its table"
            )
    if table:
        yield from chart_faults(chart, table)


def _note(note: Note, where: str, faults: list[str]) -> Note:
    given: Any = note.values
    if not isinstance(given, Mapping):
        return note
    values = {
        name: _number(value, f"{where}: {name}", faults, (int, float, str))
        for name, value in given.items()
    }
    return attrs.evolve(note, values=values)


def _diagnostic(diagnostic: Diagnostic, where: str, faults: list[str]) -> Diagnostic:
    where = f"{where} ({diagnostic.name})"
    value = _number(diagnostic.value, f"{where}: value", faults, (int, float, str))
    p_value = _number(diagnostic.p_value, f"{where}: p_value", faults, (float,))
    passed = _number(diagnostic.passed, f"{where}: passed", faults, (bool,))
    return attrs.evolve(diagnostic, value=value, p_value=p_value, passed=passed)


def _exclusion(exclusion: Exclusion, where: str, faults: list[str]) -> Exclusion:
    counts = {
        name: _number(getattr(exclusion, name), f"{where}: {name}", faults, (int,))
        for name in ("n_schools", "n_rows", "treated")
    }
    return attrs.evolve(exclusion, **counts)


_PLAIN: Mapping[type, Any] = {
    Estimate: _estimate,
    Table: _table,
    Chart: _chart,
    Note: _note,
    Diagnostic: _diagnostic,
    Exclusion: _exclusion,
}
