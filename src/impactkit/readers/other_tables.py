"""Performance tables that no reader knows: one row a school, figures under their published names.

The Department publishes more tables than are declared here, and changes their columns. Whatever has
its record type, authority, establishment and URN is read, each column of figures as ``dfe_`` and
the published name. What such a column means is for the study to say, in its table of measures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import polars as pl

from impactkit.declarations import Head, Reader, ReadResult, Recognised
from impactkit.engine.files import ROW, TextTable
from impactkit.errors import Problem
from impactkit.readers.forms import Aggregate, Form, headers
from impactkit.readers.performance import (
    EARLY_SYMBOLS,
    TableOptions,
    read_form,
    recognise_form,
)
from impactkit.readers.published import with_published

FORM = Form(
    title="a performance table whose columns core does not know",
    identity={
        "rectype": headers("RECTYPE", "RECTYP"),
        "la": headers("LEA", "LA"),
        "estab": headers("ESTAB"),
        "urn": headers("URN"),
    },
    required=("rectype", "urn"),
    aggregates=(
        Aggregate("rectype", "LA", "la"),
        Aggregate("rectype", "NAT", "national"),
    ),
    symbols=EARLY_SYMBOLS,
)
NO_FIGURES = (
    "ALPHAIND",
    "REGION",
    "LASORTCODE",
    "TELNUM",
    "URN_AC",
    "ICLOSE",
    "FEEDER",
    "CONFEXAM",
    "TABKS2",
    "TAB15",
    "TAB1618",
    "AGERANGE",
    "LAESTAB",
)
"""Columns about the school, not its pupils, that are written in figures."""


def recognise(path: Path, head: Head) -> Recognised | None:
    """Tell whether a file is a performance table of any kind."""
    found = recognise_form(path, head, FORM, some_measure=False)
    return found and attrs.evolve(found, confidence=0.3)


def read(
    path: str | Path, options: TableOptions | None = None, spec: Any = None, *, shown: str = ""
) -> ReadResult:
    """Read any performance table into outcomes; rows about no single school are set aside.

    One that has several rows for a school, by subject or qualification, is refused: nobody said
    which of them to take.
    """
    result = read_form(path, options, FORM, shown=shown, extend=_extend)
    first = _second_row(result.frame)
    if first is None:
        return result
    row, urn = first
    problem = Problem(
        code="school.several",
        file=shown or Path(path).name,
        row=row,
        column="URN",
        value=urn,
        rule="the school has another row before: the table breaks its figures down further",
        remedy="Keep one row for each school: that of the total, or of one subject.",
    )
    return attrs.evolve(result, frame=result.frame.clear(), problems=(*result.problems, problem))


def _second_row(frame: pl.DataFrame) -> tuple[int, str] | None:
    """Return the first row of a school that has one already, and its URN."""
    if "urn" not in frame.columns:
        return None
    schools = frame.select(ROW, "urn").unique().sort(ROW).filter(~pl.col("urn").is_first_distinct())
    return schools.row(0) if schools.height else None


def _extend(text: TextTable, form: Form) -> Form:
    return with_published(form, text, prefix="dfe_", skip=NO_FIGURES)


READER = Reader(
    id="dfe.other",
    title="Any other performance table, under its published names",
    table="outcomes",
    recognise=recognise,
    read=read,
    options=TableOptions,
    source="Department for Education, school performance tables",
    met_real_file=False,
    notes=(
        "It takes what no other reader knows. Columns are not explained here, and the ranges of "
        "their figures are not checked."
    ),
)
