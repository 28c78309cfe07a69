"""The first pass over a frame: whether its columns are those of the table."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping

import polars as pl

from impactkit.declarations import TableSpec
from impactkit.engine.header import ROW, has_text
from impactkit.errors import Problem
from impactkit.tables.columns import DEFAULTS

SOURCE = "source"
"""Column that every validated frame has beside `source_row`: the file that a row is from."""


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
    known = {column.name for column in spec.columns}
    found = {name: plain_name(name) for name in frame.columns if name not in (ROW, SOURCE)}
    unknown = [name for name, plain in found.items() if plain not in known]
    absent = [column for column in spec.columns if column.name not in found.values()]
    missing = [c.name for c in absent if c.required and (spec.name, c.name) not in DEFAULTS]
    free = [column.name for column in absent if column.name not in missing]
    typos = {name: near for name in unknown if (near := _nearest(plain_name(name), free, 0.8))}
    problems = [
        *(_strange(name, dtype) for name, dtype in frame.schema.items() if not has_text(dtype)),
        *_double(known, found),
        *(_missing(name, unknown, found) for name in missing),
        *(_typo(name, near) for name, near in typos.items()),
        *_left_out(spec, [name for name in unknown if name not in typos]),
    ]
    if not frame.height:
        words = "there is a header but no row"
        problems.append(Problem(code="table.empty", rule=words, severity="warning"))
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    chosen = [pl.col(name).alias(plain) for name, plain in found.items() if plain in known]
    return frame.select(ROW, *chosen), problems


def _nearest(name: str, among: Iterable[str], cutoff: float) -> str:
    near = difflib.get_close_matches(name, list(among), n=1, cutoff=cutoff)
    return near[0] if near else ""


def _double(known: set[str], found: Mapping[str, str]) -> Iterable[Problem]:
    for name, count in Counter(found.values()).items():
        if name in known and count > 1:
            yield Problem(
                code="column.duplicate",
                row=1,
                column=name,
                rule=f"{count} columns have this name",
                remedy="Remove or rename all but one.",
            )


def _missing(name: str, unknown: Iterable[str], found: Mapping[str, str]) -> Problem:
    near = _nearest(name, [plain_name(other) for other in unknown], 0.6)
    if len(found) == 1:
        remedy = "The file has one column only: is another sign than , ; | or tab between them?"
    elif near:
        remedy = f"Is it the column {near!r}?"
    else:
        remedy = f"There are: {', '.join(found)}."
    rule = "the column is missing"
    return Problem(code="column.missing", row=1, column=name, rule=rule, remedy=remedy)


def _strange(name: str, dtype: pl.DataType) -> Problem:
    rule = f"the column has the type {dtype}, which is neither text nor number nor date"
    remedy = "Leave it out, or make it text."
    return Problem(code="column.type", row=1, column=name, rule=rule, remedy=remedy)


def _typo(name: str, near: str) -> Problem:
    rule, remedy = "there is no column of this name", f"Did you mean {near!r}?"
    return Problem(code="column.unknown", row=1, column=name, rule=rule, remedy=remedy)


def _left_out(spec: TableSpec, names: list[str]) -> Iterable[Problem]:
    if names:
        shown = ", ".join(names)
        words = f"columns that the table {spec.name} does not have were left out: {shown}"
        yield Problem(code="column.extra", rule=words, severity="note")
