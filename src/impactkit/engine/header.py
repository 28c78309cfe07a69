"""The header over its columns: names that are trimmed, unique, and as many as there are columns."""

from __future__ import annotations

from typing import NoReturn

import attrs
import polars as pl

from impactkit.engine.decode import refuse
from impactkit.errors import Problem

ROW = "source_row"
"""Column with the row as a spreadsheet shows it: the header is row 1."""


@attrs.frozen(kw_only=True, eq=False)
class Parsed:
    """A header, the rows that fit it (text, with `source_row`), and those that do not."""

    columns: tuple[str, ...]
    frame: pl.DataFrame
    row_problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


def has_text(dtype: pl.DataType) -> bool:
    """Tell whether values of a type can be written as text: not so bytes, objects and durations.

    Examples
    --------
    >>> has_text(pl.Int64()), has_text(pl.List(pl.String())), has_text(pl.Binary())
    (True, True, False)
    """
    if isinstance(dtype, pl.List):
        return has_text(dtype.inner) if isinstance(dtype.inner, pl.DataType) else False
    plain = (pl.String, pl.Boolean, pl.Date, pl.Datetime, pl.Time, pl.Categorical, pl.Enum, pl.Null)
    return dtype.is_numeric() or isinstance(dtype, plain)


def fit_header(header: list[str], frame: pl.DataFrame, file: str) -> Parsed:
    """Put a header over columns; one that it has more than the rows is dropped with a warning.

    The extract of group links of March 2024 has such a header: its last column has no values.
    """
    width = frame.width - 1
    names = [" ".join(name.split()) for name in header]
    notes: list[Problem] = []
    if len(names) == width + 1 > 2:
        notes.append(
            Problem(
                code="header.extra",
                file=file,
                row=1,
                column=names[-1],
                severity="warning",
                rule=f"the header has {len(names)} columns and every row {width}; "
                "the last column has no values and was left out",
            )
        )
        names = names[:width]
    elif len(names) == width - 1 and _is_blank(frame, width):
        frame = frame.drop(frame.columns[-1])
    elif len(names) != width:
        refuse_width(len(names), width, file)
    blank = [i for i, name in enumerate(names) if not name and _is_blank(frame, i + 1)]
    frame = frame.drop([frame.columns[i + 1] for i in blank])
    names = [name for i, name in enumerate(names) if i not in set(blank)]
    frame.columns = [ROW, *unique_names(names)]
    frame = frame.with_columns(pl.col(ROW).cast(pl.Int64))
    return Parsed(columns=tuple(names), frame=frame, notes=tuple(notes))


def refuse_width(header: int, rows: int, file: str) -> NoReturn:
    """Raise `DataError` for a header that does not belong to its rows."""
    refuse(
        "header.width",
        file,
        f"the header has {header} column{'s' * (header != 1)}, but the rows have {rows}",
        "Are there title rows above the header, or do header and rows use other separators?",
        row=1,
    )


def _is_blank(frame: pl.DataFrame, index: int) -> bool:
    return bool((frame.to_series(index).str.strip_chars() == "").all())


def unique_names(names: list[str]) -> list[str]:
    """Return a name of its own for every column.

    Examples
    --------
    >>> unique_names(["", "URN", "Name", "URN"])
    ['(unnamed)', 'URN', 'Name', 'URN (2)']
    """
    taken = {ROW}
    result = []
    for name in names:
        unique, n = name or "(unnamed)", 1
        while unique in taken:
            n += 1
            unique = f"{name or '(unnamed)'} ({n})"
        taken.add(unique)
        result.append(unique)
    return result
