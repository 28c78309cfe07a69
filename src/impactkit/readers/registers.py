"""Extracts of registers: one row a school, group, link or person, under the form's own headers.

What the readers of Get Information about Schools and of the Welsh register have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import polars as pl

from impactkit.declarations import Head, ReadResult, Recognised, TableSpec
from impactkit.engine.files import ROW, TextTable, read_text
from impactkit.errors import DataError, Problem
from impactkit.readers.forms import (
    NOTHING,
    Form,
    listed,
    match,
    ragged,
    recognised,
    rejected,
    rename,
    taken,
    unread,
)
from impactkit.readers.options import la_codes
from impactkit.readers.performance import SHOWN
from impactkit.tables.coerce import coerce

Parts = tuple[pl.DataFrame, list[pl.DataFrame], list[Problem]]
"""The rows of the table, the rows set aside, and what is wrong."""


@attrs.frozen(kw_only=True)
class AreaOptions:
    """What a study may say beside `path`: `la` keeps some local authorities, by number."""

    la: Any = attrs.field(default=(), converter=la_codes)


def recognise_register(head: Head, form: Form) -> Recognised | None:
    """Return what an extract is, if it has this form."""
    confidence = recognised(form, head)
    if not confidence:
        return None
    rest = unread(form, head.columns)
    return Recognised(
        confidence=confidence,
        what=form.title,
        notes=[f"It has {', '.join(match(form.identity, head.columns))}.", *not_read(rest)],
        columns_read=taken(form, head.columns),
        unread=rest,
    )


def not_read(columns: Sequence[str]) -> list[str]:
    """Return the sentence that names columns which are not read, if there are any.

    Examples
    --------
    >>> not_read(["NOR", ""]), not_read([])
    (['It has columns that are not read: NOR, (unnamed).'], [])
    """
    more = f" and {len(columns) - SHOWN:,} more" if len(columns) > SHOWN else ""
    told = f"It has columns that are not read: {listed(columns[:SHOWN])}{more}."
    return [told] if columns else []


def read_register(
    path: str | Path,
    form: Form,
    table: str,
    make: Callable[[pl.DataFrame, TextTable], Parts],
    *,
    shown: str = "",
) -> ReadResult:
    """Read an extract into a table: rename its columns, then let `make` see to the rows."""
    file = shown or Path(path).name
    try:
        text = read_text(path, shown=file, fill_short=form.fill_short)
    except DataError as error:
        return ReadResult(frame=NOTHING, table=table, problems=error.problems)
    frame, problems = rename(form, text)
    if problems:
        made: Parts = (NOTHING, [], [])
    else:
        made = make(frame, text)
    frame, aside, told = made
    return ReadResult(
        frame=frame,
        table=table,
        set_aside=pl.concat([ragged(text), *aside]),
        problems=(*text.notes, *problems, *told),
        n_rows=text.n_rows,
        n_rejected=rejected(text, *aside),
    )


def blank_unknown_words(
    frame: pl.DataFrame, spec: TableSpec, file: str
) -> tuple[pl.DataFrame, list[Problem]]:
    """Blank words that an optional column of the table does not know, and say which they were.

    The register adds words now and then. A school is not lost for the reason why it closed.
    """
    problems = []
    for column in spec.columns:
        if not column.values or column.required or column.name not in frame.columns:
            continue
        _, unknown = coerce(frame[column.name], column)
        if not unknown.any():
            continue
        words = frame.filter(unknown)[column.name].value_counts(sort=True).rows()
        told = ", ".join(f"{word!r} ({n:,})" for word, n in words[:SHOWN])
        problems.append(
            Problem(
                code=f"{column.name}.unknown_word",
                file=file,
                column=column.name,
                rule=f"words that are not known were taken as blank: {told}",
                remedy="If one of them matters, please report it.",
                severity="warning",
                count=int(unknown.sum()),
            )
        )
        kept = pl.when(~pl.lit(unknown)).then(pl.col(column.name)).otherwise(pl.lit(""))
        frame = frame.with_columns(kept.alias(column.name))
    return frame, problems


def padded(frame: pl.DataFrame, widths: Mapping[str, int]) -> pl.DataFrame:
    """Give codes back the zeros that a spreadsheet took from them.

    Examples
    --------
    >>> padded(pl.DataFrame({"estab": ["12", ""]}), {"estab": 4})["estab"].to_list()
    ['0012', '']
    """
    return frame.with_columns(
        pl.when(pl.col(name) != "")
        .then(pl.col(name).str.zfill(width))
        .otherwise(pl.lit(""))
        .alias(name)
        for name, width in widths.items()
        if name in frame.columns
    )


def chosen(frame: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    """Return the columns of these names that are there, and the row."""
    return frame.select(*[name for name in names if name in frame.columns], ROW)
