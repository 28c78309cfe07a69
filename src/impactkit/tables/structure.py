"""The first pass over a frame: whether its columns are those of the table."""

from __future__ import annotations

import difflib
import re
from collections import Counter

import polars as pl

from impactkit.declarations import TableSpec
from impactkit.errors import Problem, did_you_mean
from impactkit.tables.columns import DEFAULTS

ROW, SOURCE = "source_row", "source"
"""Columns that every validated frame has beside its own: the row of the file, and the file."""


def plain_name(header: str) -> str:
    """Return a header as a column name: ``Partnership ID`` -> ``partnership_id``."""
    once = re.sub(r" \(\d+\)$", "", header.strip())  # a name's second use is read as "urn (2)"
    return "_".join(once.lower().replace("-", " ").split())


def structure(frame: pl.DataFrame, spec: TableSpec) -> tuple[pl.DataFrame | None, list[Problem]]:
    """Return the table's columns under their names, and what is missing, double or unknown.

    The frame is None where its values cannot be looked at.
    """
    if set(frame.columns) <= {ROW, SOURCE} and not frame.height:
        words = "there is nothing in it"
        return None, [Problem(code="table.empty", rule=words, severity="warning")]
    known = {column.name: column for column in spec.columns}
    found = {name: plain_name(name) for name in frame.columns if name not in (ROW, SOURCE)}
    problems = []
    for name, count in Counter(found.values()).items():
        if name in known and count > 1:
            problems.append(
                _column_problem("column.duplicate", name, f"{count} columns have this name", "")
            )
    unknown = [name for name, plain in found.items() if plain not in known]
    absent = [column for column in spec.columns if column.name not in found.values()]
    missing = [c for c in absent if c.required and (spec.name, c.name) not in DEFAULTS]
    for column in missing:
        remedy = f"There are: {', '.join(found)}." if found else "The file has no columns."
        near = difflib.get_close_matches(column.name, [plain_name(n) for n in unknown], 1, 0.6)
        if len(found) == 1 and len(known) > 1:
            remedy = "The file has one column only: is another sign than , ; | or tab between them?"
        elif near:
            remedy = f"Is it the column {near[0]!r}?"
        problems.append(
            _column_problem("column.missing", column.name, "the column is missing", remedy)
        )
    free = [column.name for column in absent if column not in missing]
    extra = []
    for name in unknown:
        near = difflib.get_close_matches(plain_name(name), free, 1, 0.8)
        if near:
            rule = "there is no column of this name"
            problems.append(
                _column_problem("column.unknown", name, rule, did_you_mean(plain_name(name), free))
            )
        else:
            extra.append(name)
    if extra:
        words = (
            f"columns that the table {spec.name} does not have were left out: {', '.join(extra)}"
        )
        problems.append(Problem(code="column.extra", rule=words, severity="note"))
    if not frame.height:
        words = "there is a header but no row"
        problems.append(Problem(code="table.empty", rule=words, severity="warning"))
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    chosen = {plain: name for name, plain in found.items() if plain in known}
    return frame.select(
        ROW, *(pl.col(name).alias(plain) for plain, name in chosen.items())
    ), problems


def _column_problem(code: str, column: str, rule: str, remedy: str) -> Problem:
    return Problem(code=code, row=1, column=column, rule=rule, remedy=remedy)
