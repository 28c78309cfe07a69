"""The two passes: first the columns, then the values. What comes out may be relied upon.

Nothing here raises for what is in the data. A user's own register must be without fault; of an
official extract, rows that cannot be used are set aside, each with its reason, and the rest is
kept.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import polars as pl

from impactkit.declarations import TableSpec, load_code
from impactkit.engine.header import ROW
from impactkit.errors import Problem
from impactkit.tables.coerce import DTYPES, UNKNOWN_SYMBOL, as_text, coerce, faults
from impactkit.tables.columns import DEFAULTS
from impactkit.tables.ranges import range_problems
from impactkit.tables.rules import unique_key
from impactkit.tables.schema import value_problems
from impactkit.tables.structure import SOURCE, structure
from impactkit.tables.summary import REJECTED, rejected_rows, summarise
from impactkit.tables.symbols import split_symbols
from impactkit.types import Measure

KEPT_ANYWAY = ("key.duplicate",)
"""Faults for which a row of an official extract is kept, with a warning: two rows for one school
and year are both published, and it is for the panel to say which of them counts."""


@attrs.frozen(kw_only=True, eq=False)
class Validated:
    """A table that may be relied upon.

    `frame` has the columns of the spec that were given, in its order and types, then `source` (the
    file) and `source_row`. `rejected` are rows set aside (`row`, `reason`, `detail`, and privately
    `values`); only official extracts have any. `n_rows` counts both.
    """

    frame: pl.DataFrame
    problems: tuple[Problem, ...] = ()
    rejected: pl.DataFrame
    n_rows: int = 0

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems for which the table cannot be used."""
        return tuple(p for p in self.problems if p.severity == "error")


def validate(
    frame: pl.DataFrame,
    spec: TableSpec,
    *,
    file: str = "",
    register: bool | None = None,
    measures: Iterable[Measure] = (),
) -> Validated:
    """Check a frame, as text or typed, against the spec of its table.

    Parameters
    ----------
    frame
        One row a record. `source_row` is the row of the file, and is counted from 2 if absent.
    spec
        The table.
    file
        What to call the frame in messages.
    register
        Whether any fault is an error (a user's own register) or faulty rows are set aside (an
        official extract). By default as the spec says.
    measures
        The measure registry: a figure outside the range of its measure is a fault.

    Examples
    --------
    >>> from impactkit.tables import core_tables
    >>> memberships = {spec.name: spec for spec in core_tables()}["memberships"]
    >>> rows = pl.DataFrame({"partnership_id": ["P1"], "URN": ["10000"], "joined": ["01/09/2019"]})
    >>> print(validate(rows, memberships, file="members.csv").problems[0])
    Row 2 of members.csv: `urn` is '10000'; expected six digits. Was a digit cut off, or is this
    a DfE number (LAESTAB)?
    """
    register = spec.register if register is None else register
    if frame.schema.get(ROW) != pl.Int64:
        frame = frame.drop(ROW, strict=False).with_row_index(ROW, offset=2)
        frame = frame.with_columns(pl.col(ROW).cast(pl.Int64))
    raw, problems = structure(frame, spec)
    if raw is None:
        return Validated(
            frame=_empty(spec),
            problems=tuple(_named(problems, file)),
            rejected=pl.DataFrame(schema=REJECTED),
            n_rows=frame.height,
        )
    typed, value_faults = _typed(raw, spec)
    value_faults += _checked(typed, spec, value_faults, measures)
    stops, others = _parted(value_faults, register)
    aside = [p for p in others if p.code not in KEPT_ANYWAY]
    good = typed.filter(~pl.col(ROW).is_in([p.row for p in aside]))
    warnings = [attrs.evolve(p, severity="warning") for p in others]
    problems = [*problems, *summarise([*stops, *warnings])]
    return Validated(
        frame=good.with_columns(pl.lit(file).alias(SOURCE)).select(
            *[c.name for c in spec.columns if c.name in good.columns], SOURCE, ROW
        ),
        problems=tuple(_named(problems, file)),
        rejected=rejected_rows(aside, raw),
        n_rows=frame.height,
    )


def _parted(faults: list[Problem], register: bool) -> tuple[list[Problem], list[Problem]]:
    """Part what makes the table unusable from what only costs its row."""
    stops: list[Problem] = []
    others: list[Problem] = []
    for fault in faults:
        stop = register or fault.code == UNKNOWN_SYMBOL or fault.row is None
        (stops if stop else others).append(fault)
    return stops, others


def _named(problems: Iterable[Problem], file: str) -> list[Problem]:
    return [attrs.evolve(problem, file=problem.file or file) for problem in problems]


def _empty(spec: TableSpec) -> pl.DataFrame:
    types = {column.name: DTYPES[column.dtype] for column in spec.columns if column.required}
    return pl.DataFrame(schema={**types, SOURCE: pl.String(), ROW: pl.Int64()})


def _typed(raw: pl.DataFrame, spec: TableSpec) -> tuple[pl.DataFrame, list[Problem]]:
    """Give every column its type; blank cells and absent columns their default."""
    raw = _with_status(raw, spec)
    columns, problems = [raw[ROW]], []
    for column in spec.columns:
        default = DEFAULTS.get((spec.name, column.name))
        if column.name not in raw.columns:
            if default is not None:
                columns.append(pl.repeat(default, raw.height, eager=True).alias(column.name))
            continue
        values, bad = coerce(raw[column.name], column)
        if bad.any():
            problems += faults(raw[column.name], raw[ROW], bad, column, "")
        if default is not None:
            blank = values.is_null() & ~bad
            values = values.set(blank, default)
            problems += _taken_as(default, column.name, blank, values, raw[ROW])
        columns.append(values)
    return pl.DataFrame(columns), problems


def _taken_as(
    default: str, name: str, blank: pl.Series, values: pl.Series, rows: pl.Series
) -> list[Problem]:
    """Say that blank cells got the default, where other rows of the column say something else."""
    if not blank.any() or (values == default).all():
        return []
    return [
        Problem(
            code=f"{name}.blank",
            severity="warning",
            column=name,
            rule=f"the cell is blank, which was taken as {default!r}; other rows say otherwise "
            f"(the first blank one is row {rows.filter(blank)[0]})",
            remedy="Fill it in, if that is not meant.",
            count=int(blank.sum()),
        )
    ]


def _with_status(raw: pl.DataFrame, spec: TableSpec) -> pl.DataFrame:
    """Add the statuses that symbols in a measured column stand for, where none is given."""
    measured = [c.name for c in spec.columns if c.unit == "measured" and c.name in raw.columns]
    if not measured:
        return raw
    values = raw[measured[0]]
    if values.dtype.is_float() and "status" in raw.columns and not raw["status"].has_nulls():
        return raw
    text = pl.DataFrame({"_text": as_text(values)})
    status = text.select(split_symbols(pl.col("_text"))[1].alias("status")).to_series()
    if "status" in raw.columns:
        given = as_text(raw["status"])
        status = pl.select(pl.when(given == "").then(status).otherwise(given)).to_series()
    return raw.with_columns(status.alias("status"))


def _checked(
    typed: pl.DataFrame, spec: TableSpec, so_far: list[Problem], measures: Iterable[Measure]
) -> list[Problem]:
    """Second pass: values, then rows, then the key. A value is faulted once only."""
    faulted = {(problem.row, problem.column) for problem in so_far}
    found = value_problems(typed, spec)
    for code in spec.checks:
        try:
            found += list(load_code(code)(typed, spec))
        except Exception as error:
            name = getattr(code, "__name__", str(code))
            words = f"the check {name} of table {spec.name} failed with {type(error).__name__}"
            found.append(Problem(code="check.failed", rule=words, remedy="Tell its author."))
    found += unique_key(typed, spec)
    found += range_problems(typed, measures)
    return [problem for problem in found if (problem.row, problem.column) not in faulted]
