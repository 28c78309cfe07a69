"""A table in our own column names: CSV, XLSX or Parquet, as a local authority keeps it."""

from __future__ import annotations

from pathlib import Path

from impactkit.declarations import Head, Reader, ReadResult, Recognised, TableSpec
from impactkit.engine.files import read_text
from impactkit.errors import DataError
from impactkit.readers.forms import NOTHING
from impactkit.tables import core_tables
from impactkit.tables.structure import plain_name


def recognise(path: Path, head: Head) -> Recognised | None:
    """Tell which of core's tables a header would do for, if any."""
    present = {plain_name(column) for column in head.columns}
    fits = []
    for spec in core_tables():
        required = {column.name for column in spec.columns if column.required}
        ours = present & {column.name for column in spec.columns}
        if required <= present and 2 * len(ours) > len(present):
            fits.append((len(ours) / len(present), spec.name))
    if not fits:
        return None
    share, name = max(fits)
    return Recognised(confidence=0.9 * share, what=f"a table of {name}, in our column names")


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
