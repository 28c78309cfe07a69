"""Invented rows of any table, from nothing but its spec: valid, and the same for the same seed."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from impactkit.declarations import ColumnSpec, TableSpec

if TYPE_CHECKING:
    import polars as pl

YEARS = (2016, 2017, 2018)
MEASURES = ("overall_absence", "pupil_teacher_ratio")
FIRST_URN = 100_001
STRANGE = "Ysgol Tŷ Ffôn – №7 “O’Brien” 学校"
"""Letters that schools' names have, and that careless code does not expect."""


def rows(
    spec: TableSpec,
    *,
    seed: int = 0,
    schools: int = 3,
    years: Sequence[int] = YEARS,
    measures: Sequence[str] = MEASURES,
    unicode: bool = False,
) -> list[dict[str, Any]]:
    """Return invented rows that pass the table's own checks.

    A table by school and year has a row for each of both (and for each measure); another has two
    rows a school, the second after the first, or one where its key is the school. Cells that may
    be blank sometimes are. `unicode` makes keys and free text of letters beyond English.

    Examples
    --------
    >>> from impactkit.tables import core_tables
    >>> outcomes = next(spec for spec in core_tables() if spec.name == "outcomes")
    >>> found = rows(outcomes, schools=1, years=[2019], measures=["overall_absence"])
    >>> [(row["school_key"], row["year"], row["measure"]) for row in found]
    [('100001', 2019, 'overall_absence')]
    """
    rng = random.Random(seed)
    names = {column.name for column in spec.columns}
    turns = 1 if spec.key and set(spec.key) <= {"urn", "school_key"} else 2
    found = []
    for number, about in enumerate(_units(names, schools, turns, years, measures)):
        row = {c.name: _cell(c, number, about, rng, unicode) for c in spec.columns}
        if {"value", "status"} <= names:
            row["status"] = "ok" if row["value"] is not None else "supp"
        found.append(row)
    return found


def frame(spec: TableSpec, found: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Return rows as a frame with the types of the spec, which an empty one has too."""
    import polars as pl

    from impactkit.tables.coerce import DTYPES

    schema = {column.name: DTYPES[column.dtype] for column in spec.columns}
    return pl.DataFrame(list(found), schema=schema, orient="row")


def _units(
    names: set[str], schools: int, turns: int, years: Sequence[int], measures: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield what each row is about: a school (by number), and a year and measure, or a turn."""
    for school in range(schools):
        if "year" not in names:
            yield from ({"school": school, "turn": turn} for turn in range(turns))
            continue
        for year in years:
            for measure in measures if "measure" in names else ("",):
                yield {"school": school, "turn": 0, "year": year, "measure": measure}


def _cell(
    column: ColumnSpec, number: int, about: dict[str, Any], rng: random.Random, unicode: bool
) -> Any:
    """Return one cell. Dates grow from column to column, so that no end is before its start."""
    name, school = column.name, about["school"]
    strange = STRANGE if unicode else ""
    if name == "school_key":
        return f"{strange}{FIRST_URN + school}"
    if name == "urn":
        return FIRST_URN + school
    if name in about:
        return about[name]
    last_turn = about["turn"] == 1 or "year" in about
    if column.nullable and rng.random() < 0.25 and (column.dtype != "date" or last_turn):
        return None
    if name == "subgroup":
        return "all"
    if column.values:
        return rng.choice(column.values)
    if column.dtype == "date":
        about["day"] = about.get("day", dt.date(2014 + 4 * about["turn"], 9, 1))
        about["day"] += dt.timedelta(days=rng.randint(1, 90))
        return about["day"]
    if column.unit == "academic year":
        return about.setdefault("academic_year", rng.choice(YEARS))
    if column.dtype == "float" and column.low is None and column.high is None:
        # Equal within a row for the same reason: a scale's ends, a measure's range and years.
        return about.setdefault("number", round(rng.uniform(0, 50), 1))
    if column.dtype == "int" and column.high is None:
        # Counts of one kind are equal within a row: no part is more than its whole.
        count = about.setdefault(f"counts of {column.unit}", rng.randint(0, 40))
        return max(count, int(column.low or 0))
    low = 0.0 if column.low is None else column.low
    high = low + 50 if column.high is None else column.high
    if column.dtype == "int":
        return rng.randint(int(low), int(high))
    if column.dtype == "float":
        return round(rng.uniform(low, high), 1)
    if column.dtype == "bool":
        return rng.random() < 0.5
    if column.dtype == "list":
        return [part.strip() for part in (column.example or "one; two").split(";")]
    if name == "measure":
        return f"measure_{number}"
    if column.pattern:
        return column.example
    return f"{strange}{column.example or name}-{number}"
