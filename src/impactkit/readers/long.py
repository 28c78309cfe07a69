"""One row a figure: from a column a measure, as published, to values, and reasons for none."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import polars as pl

from impactkit.engine.files import ROW, TextTable
from impactkit.errors import Problem
from impactkit.readers.forms import IMPOSSIBLE, Figure, Form, match, set_aside
from impactkit.tables.coerce import faults
from impactkit.tables.columns import optional
from impactkit.tables.measures import core_measures
from impactkit.tables.ranges import outside
from impactkit.tables.summary import summarise
from impactkit.tables.symbols import split_symbols, to_float

VALUE = optional("value", "float", unit="measured")

KEPT = (
    ROW,
    "urn",
    "school_key",
    "partnership_id",
    "partnership_name",
    "la_code",
    "phase",
    "level",
    "year",
)
"""Columns about a row that go with each of its figures."""


def long_figures(
    frame: pl.DataFrame, text: TextTable, found: Iterable[Figure], form: Form
) -> tuple[pl.DataFrame, list[Problem]]:
    """Return one row a figure, as value or status; and every symbol that nobody knows."""
    index = [name for name in KEPT if name in frame.columns]
    cohorts = match(form.cohorts, text.columns)
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for figure in found:
        own = figure.name if figure.name in cohorts else figure.subgroup
        cohort = own if own in cohorts else ""
        groups.setdefault((figure.subgroup, cohort), {})[figure.name] = figure.measure
    cells = [
        pl.col(f.column).str.strip_chars().replace(form.words.get(f.measure, {})).alias(f.name)
        for f in found
    ]
    cells += [
        to_float(pl.col(cohorts[cohort][0]).str.strip_chars())
        .cast(pl.Int64, strict=False)
        .alias(f"cohort|{cohort}")
        for cohort in dict.fromkeys(cohort for _, cohort in groups if cohort)
    ]
    rows = frame.select(index).join(text.frame.select(ROW, *cells), on=ROW, how="left")
    parts = []
    for (subgroup, cohort), names in groups.items():
        pupils = [f"cohort|{cohort}"] if cohort else []
        long = rows.select(*index, *pupils, *names).rename(names)
        long = long.unpivot(index=[*index, *pupils], variable_name="measure", value_name="text")
        if pupils:
            long = long.rename({pupils[0]: "denominator"})
        parts.append(long.with_columns(subgroup=pl.lit(subgroup)))
    if not parts:
        empty = frame.select(index).clear()
        texts_of = ("measure", "text", "subgroup", "status", "source")
        blank = [pl.lit(None, dtype=pl.String).alias(name) for name in texts_of]
        return empty.with_columns(*blank, value=pl.lit(None, dtype=pl.Float64)), []
    value, status = split_symbols(pl.col("text").replace(form.symbols))
    long = pl.concat(parts, how="diagonal").with_columns(
        value=value, status=status, source=pl.lit(text.file)
    )
    unknown = []
    published = {(figure.measure, figure.subgroup): figure.column for figure in found}
    strange = long.filter(pl.col("status").is_null())
    for key, bad in strange.group_by("measure", "subgroup", maintain_order=True):
        told = faults(bad["text"], bad[ROW], bad["status"].is_null(), VALUE, text.file)
        column = published[str(key[0]), str(key[1])]
        unknown += summarise([attrs.evolve(problem, column=column) for problem in told])
    return long.filter(pl.col("status").is_not_null()), unknown


def within_range(figures: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part figures that can be true from those outside the range of their measure."""
    impossible = outside(core_measures())
    aside = set_aside(
        figures.filter(impossible),
        IMPOSSIBLE,
        detail=pl.col("measure"),
        values=pl.col("text"),
    )
    return figures.filter(~impossible), aside
