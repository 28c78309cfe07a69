"""From a `TableSpec` to a pandera schema, and from its failures to problems in plain words.

pandera checks what a typed value may be: blank or not, range, pattern, enumeration. It is given
eager frames only (on a lazy one it looks at no value), and its own messages are never shown.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from impactkit.declarations import ColumnSpec, TableSpec
from impactkit.errors import Problem
from impactkit.tables.coerce import DTYPES, Fault, kind_of


def schema_of(spec: TableSpec) -> Any:
    """Return a `pandera.polars.DataFrameSchema` for typed frames of this table.

    Examples
    --------
    >>> spec = TableSpec(name="sizes", columns=[ColumnSpec(name="pupils", dtype="int", low=0)])
    >>> schema_of(spec).validate(pl.DataFrame({"pupils": [210]})).height
    1
    """
    import pandera.polars as pa

    columns = {
        column.name: pa.Column(
            DTYPES[column.dtype],
            checks=[_check(column, name) for name in _limits(column)],
            nullable=column.nullable,
            required=column.required,
        )
        for column in spec.columns
    }
    return pa.DataFrameSchema(columns, strict=False)


def _limits(column: ColumnSpec) -> dict[str, Fault]:
    """Return the checks of a column in their order, by name, with the fault when one fails."""
    limits: dict[str, Fault] = {}
    if column.low is not None or column.high is not None:
        limits["range"] = _range_fault(column)
    if column.pattern:
        example = f"An example: {column.example}." if column.example else ""
        limits["pattern"] = Fault(f"{column.name}.format", "it has not the expected form", example)
    if column.values:
        limits["values"] = kind_of(column).fault("", column)
    return limits


def _range_fault(column: ColumnSpec) -> Fault:
    if column.unit == "URN":
        return kind_of(column).fault("", column)
    low = f"{column.low:g}" if column.low is not None else None
    high = f"{column.high:g}" if column.high is not None else None
    words = (
        f"from {low} to {high}" if low and high else f"{low} or more" if low else f"at most {high}"
    )
    return Fault(f"{column.name}.range", f"expected {words}", "Correct the figure.")


def _check(column: ColumnSpec, name: str) -> Any:
    import pandera.polars as pa

    if name == "pattern":
        return pa.Check.str_matches(column.pattern, name=name)
    if name == "values":
        return pa.Check.isin(list(column.values), name=name)
    low = float("-inf") if column.low is None else column.low
    high = float("inf") if column.high is None else column.high
    return pa.Check.in_range(low, high, name=name)


def value_problems(frame: pl.DataFrame, spec: TableSpec) -> list[Problem]:
    """Return a problem for every value that its column may not hold.

    `frame` is typed, with the columns of the spec that are present and `source_row`.
    """
    import pandera.polars as pa

    try:
        schema_of(spec).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases.select("column", "check_number", "index", "failure_case")
    else:
        return []
    rows = frame["source_row"]
    problems = []
    for name, check, index, value in cases.iter_rows():
        if index is None:
            raise RuntimeError(f"table {spec.name}: column {name} was not typed before the check")
        column = spec.column(name)
        fault = _fault(column, check, value)
        problems.append(
            Problem(
                code=fault.code,
                row=rows[index],
                column=name,
                value=None if check is None else value,
                rule=fault.rule,
                remedy=fault.remedy,
            )
        )
    return problems


def _fault(column: ColumnSpec, check: int | None, value: str) -> Fault:
    """Return the fault of a failed check, by its number; only a blank cell has none."""
    if check is None:
        example = f" An example: {column.example}." if column.example else ""
        remedy = f"It is needed in every row.{example}"
        return Fault(f"{column.name}.missing", "it is blank", remedy)
    name = list(_limits(column))[check]
    return kind_of(column).fault(value, column) if name == "values" else _limits(column)[name]
