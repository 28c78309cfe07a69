"""Welsh schools: the register (address list), and figures of My Local School.

Wales has no URN: a school is known by its seven-digit number, local authority first (6812345),
which becomes the `school_key`. The two systems never share a number with England's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import polars as pl

from impactkit.declarations import Head, Reader, ReadResult, Recognised
from impactkit.engine.files import TextTable
from impactkit.readers.forms import Form, headers, set_aside
from impactkit.readers.performance import TableOptions, read_form, recognise_form
from impactkit.readers.published import with_published
from impactkit.readers.registers import (
    Parts,
    blank_unknown_words,
    chosen,
    read_register,
    recognise_register,
)
from impactkit.tables.specs_schools import schools

NUMBER = headers("School Number", "School No", "School No.", "School code", "LA/School Number")
NAME = headers("School Name", "School")

REGISTER = Form(
    title="the register of Welsh schools (address list)",
    identity={
        "school_key": NUMBER,
        "name": NAME,
        "la_code": headers("LA Code"),
        "la_name": headers("Local Authority", "LA Name"),
        "phase": headers("Sector"),
        "type": headers("School Type"),
        "type_group": headers("Governance - see notes", "Governance"),
        "religious_character": headers("Religious Character - see notes", "Religious Character"),
        "pupils": headers("Pupils - see notes", "Pupils"),
        "postcode": headers("Postcode"),
    },
    required=("school_key", "name", "phase", "postcode"),
    words={
        "phase": {"Middle": "All-through", "Independent": "", "PRU": ""},
        "religious_character": {"---": ""},
    },
)
FIGURES = Form(
    title="figures of Welsh schools (My Local School)",
    identity={
        "period": headers("Year", "Academic Year", "School Year"),
        "school_key": NUMBER,
        "name": NAME,
        "la_name": headers("Local Authority", "LA Name"),
        "la_code": headers("LA Code"),
    },
    required=("school_key",),
    foreign=("URN", "Postcode"),
    symbols={"*": "c", "..": "x", ".": "z", "-": "z"},
)
REGISTER_COLUMNS = tuple(column.name for column in schools.columns)
WELSH = r"^6[678]\d{5}$"
"""A Welsh school's number: the authority, 660 to 681, and four digits."""


def recognise_schools(path: Path, head: Head) -> Recognised | None:
    """Tell whether a file is the Welsh register."""
    return recognise_register(head, REGISTER)


def read_schools(
    path: str | Path, options: None = None, spec: Any = None, *, shown: str = ""
) -> ReadResult:
    """Read the Welsh register into schools."""
    return read_register(path, REGISTER, "schools", _schools, shown=shown)


def _schools(frame: pl.DataFrame, text: TextTable) -> Parts:
    welsh = pl.col("school_key").str.contains(WELSH)
    aside = set_aside(frame.filter(~welsh), "the row has no number of a Welsh school")
    frame, problems = blank_unknown_words(frame.filter(welsh), schools, text.file)
    frame = frame.with_columns(region=pl.lit("Wales"))
    return chosen(frame, REGISTER_COLUMNS), [aside], problems


def recognise_figures(path: Path, head: Head) -> Recognised | None:
    """Tell whether a file has figures of Welsh schools: a column of their numbers."""
    found = recognise_form(path, head, FIGURES, some_measure=False)
    if found is None:
        return None
    at = next(i for i, name in enumerate(head.columns) if head_is(name, NUMBER))
    numbers = pl.Series([row[at] for row in head.rows if len(row) > at], dtype=pl.String)
    if not numbers.str.strip_chars().str.contains(WELSH).any():
        return None
    return attrs.evolve(found, confidence=0.6)


def head_is(name: str, known: Any) -> bool:
    """Tell whether a header is one of those known for a column."""
    return name.strip().casefold() in {header.text.casefold() for header in known}


def read_figures(
    path: str | Path, options: TableOptions | None = None, spec: Any = None, *, shown: str = ""
) -> ReadResult:
    """Read figures of Welsh schools into outcomes, each column under its published name."""
    return read_form(path, options, FIGURES, shown=shown, extend=_extend, split=_split)


def _extend(text: TextTable, form: Form) -> Form:
    return with_published(form, text, prefix="wales_")


def _split(frame: pl.DataFrame, form: Form) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Part schools from rows about Wales or an authority."""
    welsh = pl.col("school_key").str.contains(WELSH)
    frame = frame.with_columns(la_code=pl.col("school_key").str.head(3))
    others = frame.filter(~welsh)
    label = pl.col("name") if "name" in frame.columns else pl.col("school_key")
    wales = label.str.contains(r"(?i)^(all )?wales")
    aggregates = others.filter(wales).with_columns(level=pl.lit("wales"), phase=pl.lit("All"))
    aside = set_aside(others.filter(~wales), "the row has no number of a Welsh school")
    return frame.filter(welsh), aggregates.drop("school_key"), aside


SCHOOLS_READER = Reader(
    id="wales.schools",
    title="Schools in Wales, from the address list",
    table="schools",
    recognise=recognise_schools,
    read=read_schools,
    source="Welsh Government, address list of schools",
    met_real_file=False,
    notes=(
        "It has not met a real file, only the headers and some rows of lists of 2018 to 2022. Save "
        "the sheet of maintained schools as .xlsx or CSV; .ods is not read."
    ),
)
FIGURES_READER = Reader(
    id="wales.my_local_school",
    title="Figures of schools in Wales, from My Local School",
    table="outcomes",
    recognise=recognise_figures,
    read=read_figures,
    options=TableOptions,
    source="Welsh Government, My Local School",
    met_real_file=False,
    notes=(
        "It has not met a real file, and the exports differ: every column of figures is read under "
        "its published name, as wales_ and the name. Say what it means in a table of measures."
    ),
)
