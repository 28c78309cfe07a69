"""A table in our own column names: CSV, XLSX or Parquet, as a local authority keeps it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from impactkit.declarations import Head, Reader, ReadResult, Recognised, TableSpec
from impactkit.engine.files import read_text
from impactkit.errors import DataError
from impactkit.readers.forms import NOTHING
from impactkit.tables import core_tables
from impactkit.tables.columns import DEFAULTS
from impactkit.tables.structure import plain_name


def nearest_table(columns: Iterable[str], specs: Iterable[TableSpec]) -> TableSpec | None:
    """Return the table that most of the columns belong to, if there is one.

    Examples
    --------
    >>> nearest_table(["Partnership ID", "URN", "joined"], core_tables()).name
    'memberships'
    """
    fits = [(fit, spec) for spec in specs if (fit := _fit(columns, spec))]
    return max(fits, key=lambda pair: pair[0])[1] if fits else None


def _fit(columns: Iterable[str], spec: TableSpec) -> tuple[bool, float] | None:
    """Return whether all columns that are needed are there, and the share that belongs."""
    present = {plain_name(column) for column in columns}
    ours = present & {column.name for column in spec.columns}
    if len(ours) < 2 or 2 * len(ours) <= len(present):
        return None
    needed = {c.name for c in spec.columns if c.required and (spec.name, c.name) not in DEFAULTS}
    return needed <= present, len(ours) / len(present)


def recognise(path: Path, head: Head) -> Recognised | None:
    """Tell which of core's tables a header would do for, if any."""
    spec = nearest_table(head.columns, core_tables())
    fit = _fit(head.columns, spec) if spec else None
    if spec is None or fit is None:
        return None
    complete, share = fit
    what = "a table" if complete else "nearly a table"
    return Recognised(
        confidence=(0.9 if complete else 0.4) * share,
        what=f"{what} of {spec.name}, in our column names",
    )


def read(
    path: str | Path, options: None = None, spec: TableSpec | None = None, *, shown: str = ""
) -> ReadResult:
    """Read a table as text, for `impactkit.tables.validate` to check against its spec."""
    name = spec.name if spec else ""
    try:
        table = read_text(path, shown=shown)
    except DataError as error:
        return ReadResult(frame=NOTHING, table=name, problems=error.problems)
    return ReadResult(
        frame=table.frame,
        table=name,
        problems=(*table.row_problems, *table.notes),
        n_rows=table.n_rows,
    )


READER = Reader(
    id="plain.table",
    title="A table of your own, in our column names",
    table="",
    recognise=recognise,
    read=read,
    source="your own register: CSV, XLSX or Parquet",
)
