"""All schools, as in the extract of Get Information about Schools: ``edubasealldata``.

Open and closed, with when and why; children's centres, whose numbers have five digits, are none.
Names of heads are in the extract and are not read.
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

NO_REASON = {"Not applicable": "", "Not recorded": "", "Unknown": ""}
NOWHERE = {"0": ""}
"""A school without a place is no neighbour of the others that have none."""
COLUMNS = tuple(column.name for column in schools.columns)

FORM = Form(
    title="schools (GIAS edubasealldata)",
    identity={
        "urn": headers("URN"),
        "name": headers("EstablishmentName"),
        "la_code": headers("LA (code)"),
        "estab": headers("EstablishmentNumber"),
        "ukprn": headers("UKPRN"),
        "region": headers("GOR (name)"),
        "phase": headers("PhaseOfEducation (name)"),
        "type": headers("TypeOfEstablishment (name)"),
        "type_group": headers("EstablishmentTypeGroup (name)"),
        "status": headers("EstablishmentStatus (name)"),
        "open_date": headers("OpenDate"),
        "close_date": headers("CloseDate"),
        "open_reason": headers("ReasonEstablishmentOpened (name)"),
        "close_reason": headers("ReasonEstablishmentClosed (name)"),
        "trust_uid": headers("Trusts (code)"),
        "religious_character": headers("ReligiousCharacter (name)"),
        "easting": headers("Easting"),
        "northing": headers("Northing"),
        "urban_rural": headers("UrbanRural (name)"),
        "low_age": headers("StatutoryLowAge"),
        "high_age": headers("StatutoryHighAge"),
        "capacity": headers("SchoolCapacity"),
        "pupils": headers("NumberOfPupils"),
    },
    required=("urn", "name", "status"),
    foreign=("Group UID",),
    words={
        "phase": {"16 plus": "16 to 19"},
        "open_reason": NO_REASON,
        "easting": NOWHERE,
        "northing": NOWHERE,
        "close_reason": {
            **NO_REASON,
            "Created in Error - application rejected": "Created in Error",
        },
    },
)


def recognise(path: Path, head: Head) -> Recognised | None:
    """Tell whether a file is the extract of schools."""
    return recognise_register(head, FORM)


def read(
    path: str | Path, options: AreaOptions | None = None, spec: Any = None, *, shown: str = ""
) -> ReadResult:
    """Read the extract into schools, as text under its names."""
    las = (options or AreaOptions()).la

    def make(frame: pl.DataFrame, text: TextTable) -> Parts:
        frame = padded(frame, {"la_code": 3, "estab": 4})
        centre = pl.lit(False)
        if "type" in frame.columns:
            centre = pl.col("type").str.starts_with("Children's centre")
        elsewhere = pl.lit(False)
        if las and "la_code" in frame.columns:
            elsewhere = ~pl.col("la_code").is_in(list(las))
        aside = [
            set_aside(frame.filter(centre), "a children's centre, which is no school"),
            set_aside(frame.filter(~centre & elsewhere), "in another local authority"),
        ]
        frame = frame.filter(~centre & ~elsewhere)
        if {"la_code", "estab"} <= set(frame.columns):
            both = pl.col("la_code") + pl.col("estab")
            frame = frame.with_columns(
                laestab=pl.when(both.str.contains(r"^\d{7}$")).then(both).otherwise(pl.lit(""))
            )
        frame, problems = blank_unknown_words(frame, schools, text.file)
        return chosen(frame, COLUMNS), aside, problems

    return read_register(path, FORM, "schools", make, shown=shown)


READER = Reader(
    id="gias.establishments",
    title="Schools, from GIAS",
    table="schools",
    recognise=recognise,
    read=read,
    options=AreaOptions,
    source="Get Information about Schools, edubasealldata",
    met_real_file=False,
    notes=(
        "It has not met a real file, only some rows of one (2024) and the headers of a later one "
        "(2026)."
    ),
)
