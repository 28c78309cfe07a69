"""The list of schools that goes with performance tables: ``england_school_information.csv``.

One row a school of the year's tables, under the Department's short headers. It has the day of
opening only for schools that opened lately, no link between numbers and no place on the map: the
register has all of these, so take `gias.establishments` where it is at hand.

Headers: the Department's metadata of 2022, and the files of 2025.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from impactkit.declarations import Head, Reader, ReadResult, Recognised
from impactkit.engine.files import TextTable
from impactkit.readers.forms import Form, headers, set_aside
from impactkit.readers.registers import (
    AreaOptions,
    Parts,
    blank_unknown_words,
    chosen,
    padded,
    read_register,
    recognise_register,
)
from impactkit.tables.specs_schools import schools

COLUMNS = tuple(column.name for column in schools.columns)

FORM = Form(
    title="schools, as listed beside performance tables (england_school_information.csv)",
    identity={
        "urn": headers("URN"),
        "name": headers("SCHNAME"),
        "la_code": headers("LA"),
        "laestab": headers("LAESTAB"),
        "status": headers("SCHSTATUS"),
        "open_date": headers("OPENDATE"),
        "close_date": headers("CLOSEDATE"),
        "type_group": headers("MINORGROUP"),
        "type": headers("SCHOOLTYPE"),
        "primary": headers("ISPRIMARY"),
        "secondary": headers("ISSECONDARY"),
        "post_16": headers("ISPOST16"),
        "low_age": headers("AGELOW"),
        "high_age": headers("AGEHIGH"),
        "religious_character": headers("RELCHAR"),
    },
    required=("urn", "name", "la_code", "status", "primary", "secondary", "post_16"),
)


def recognise(path: Path, head: Head) -> Recognised | None:
    """Tell whether a file is such a list."""
    return recognise_register(head, FORM)


def read(
    path: str | Path, options: AreaOptions | None = None, spec: Any = None, *, shown: str = ""
) -> ReadResult:
    """Read the list into schools, with the phase that its flags and ages tell."""
    las = (options or AreaOptions()).la

    def make(frame: pl.DataFrame, text: TextTable) -> Parts:
        frame = padded(frame, {"la_code": 3}).with_columns(phase=_phase(frame))
        elsewhere = ~pl.col("la_code").is_in(list(las)) if las else pl.lit(False)
        aside = [set_aside(frame.filter(elsewhere), "in another local authority")]
        frame, problems = blank_unknown_words(frame.filter(~elsewhere), schools, text.file)
        return chosen(frame, COLUMNS), aside, problems

    return read_register(path, FORM, "schools", make, shown=shown)


def _phase(frame: pl.DataFrame) -> pl.Expr:
    """Return the phase of each school; blank for a middle school, of which no flag tells the kind.

    Examples
    --------
    >>> rows = [("1", "0", "0", "3", "11"), ("0", "1", "1", "11", "18"), ("1", "1", "0", "9", "13")]
    >>> names = ["primary", "secondary", "post_16", "low_age", "high_age"]
    >>> frame = pl.DataFrame(rows, schema=names, orient="row")
    >>> frame.select(_phase(frame)).to_series().to_list()
    ['Primary', 'Secondary', '']
    """
    primary, secondary, post_16 = (pl.col(f) == "1" for f in ("primary", "secondary", "post_16"))
    special, through = pl.lit(False), pl.lit(False)
    if "type" in frame.columns:
        special = pl.col("type").str.contains("(?i)special")
    if {"low_age", "high_age"} <= set(frame.columns):
        low, high = (pl.col(f).cast(pl.Int64, strict=False) for f in ("low_age", "high_age"))
        through = ((low <= 7) & (high >= 16)).fill_null(False)
    return (
        pl.when(special)
        .then(pl.lit("Special"))
        .when(primary & secondary)
        .then(pl.when(through).then(pl.lit("All-through")).otherwise(pl.lit("")))
        .when(primary)
        .then(pl.lit("Primary"))
        .when(secondary)
        .then(pl.lit("Secondary"))
        .when(post_16)
        .then(pl.lit("16 to 19"))
        .otherwise(pl.lit(""))
    )


READER = Reader(
    id="dfe.school_information",
    title="Schools, as listed beside performance tables",
    table="schools",
    recognise=recognise,
    read=read,
    options=AreaOptions,
    years=tuple(range(2019, 2026)),
    source="Department for Education, school performance tables",
    notes=(
        "Columns were compared with the published file of 2025. It has the day of opening only for "
        "schools that opened lately; the register (gias.establishments) has it for all."
    ),
)
