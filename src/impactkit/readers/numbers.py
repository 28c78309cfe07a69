"""From the number of authority and establishment to the URN, for tables that have none.

The Department's tables of before 2011 know a school by its authority and establishment number only.
The register says which URN had that number in a year; a school that becomes an academy often keeps
it, so the dates of opening and closing decide.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from impactkit.declarations import ColumnSpec
from impactkit.errors import Problem
from impactkit.readers import gias_schools
from impactkit.tables.coerce import coerce

DAY = ColumnSpec(name="day", dtype="date")


def no_urn(file: str) -> Problem:
    """Return the problem of a file without URNs, for which no register was given."""
    return Problem(
        code="column.missing",
        file=file,
        row=1,
        column="URN",
        rule="the file knows schools by authority and establishment only, and not by URN",
        remedy=(
            "Give the extract of all schools beside it: register = 'gias/edubasealldata.csv' "
            "(a path from the file's folder, or one above it)."
        ),
    )


def add_urns(
    rows: pl.DataFrame, register: str, path: Path, year: int | None, file: str
) -> tuple[pl.DataFrame, list[Problem]]:
    """Return rows with the URN that their authority and establishment number had in a year.

    A number that no school had in that year, or several, gets a blank.
    """
    found = _find(register, path)
    if found is None or year is None:
        rule = "there is no such register beside the file, nor in a folder above it"
        problem = Problem(code="register.missing", file=file, value=register, rule=rule)
        return rows.with_columns(urn=pl.lit("")), [problem] if found is None else []
    result = gias_schools.read(found, shown=register)
    if not {"urn", "laestab"} <= set(result.frame.columns):
        return rows.with_columns(urn=pl.lit("")), list(result.problems)
    schools = result.frame.select(
        "urn",
        "laestab",
        **{
            name: coerce(result.frame[name], DAY)[0]
            if name in result.frame.columns
            else pl.lit(None, dtype=pl.Date)
            for name in ("open_date", "close_date")
        },
    ).filter(
        pl.col("open_date").is_null() | (pl.col("open_date") <= dt.date(year, 8, 31)),
        pl.col("close_date").is_null() | (pl.col("close_date") > dt.date(year, 5, 1)),
    )
    one = schools.filter(pl.col("laestab") != "").unique("laestab", keep="none")
    number = pl.col("la").str.zfill(3) + pl.col("estab").str.zfill(4)
    rows = rows.with_columns(laestab=number).join(
        one.select("laestab", "urn"), on="laestab", how="left", maintain_order="left"
    )
    rows = rows.with_columns(pl.col("urn").fill_null(""))
    schools_only = pl.col("estab").str.contains(r"^\d+$")
    lost = rows.filter(schools_only & (pl.col("urn") == "")).height
    if not lost:
        return rows, []
    have = "row has" if lost == 1 else "rows have"
    rule = f"{lost:,} {have} a number that no school, or more than one, had in {year}"
    return rows, [Problem(code="urn.unknown", file=file, severity="warning", rule=rule)]


def _find(register: str, path: Path) -> Path | None:
    places = (folder / register for folder in (Path(), *path.absolute().parents))
    return next((place for place in places if place.is_file()), None)
