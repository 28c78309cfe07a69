"""Governors and trustees, as in the extract of GIAS: ``governancealldata``.

Names are in the extract and are not read: a person is the register's number of the appointment
(GID), so one who holds two posts counts as two.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from impactkit.declarations import Head, Reader, ReadResult, Recognised
from impactkit.engine.files import TextTable
from impactkit.errors import Problem
from impactkit.readers.forms import Form, headers, set_aside
from impactkit.readers.registers import Parts, chosen, read_register, recognise_register
from impactkit.tables.coerce import coerce
from impactkit.tables.specs_people import governor_spells

FORM = Form(
    title="governors and trustees (GIAS governancealldata)",
    identity={
        "person_key": headers("GID"),
        "urn": headers("URN"),
        "group": headers("UID"),
        "role": headers("Role"),
        "appointing_body": headers("Appointing body"),
        "appointed": headers("Date of appointment"),
        "term_end": headers("Date term of office ends/ended"),
    },
    required=("person_key", "role", "appointed"),
)
_SUPPORTS = "Governance professional for a "
ROLES = {
    f"{_SUPPORTS}federation": ["governance professional - federation"],
    f"{_SUPPORTS}local authority maintained school": [
        "governance professional - local authority maintained school"
    ],
    f"{_SUPPORTS}multi-academy trust (MAT)": [
        "governance professional - multi-academy trust (mat)"
    ],
    f"{_SUPPORTS}single-academy trust (SAT)": [
        "governance professional - single-academy trust (sat)",
        "governance professional - secure single-academy trust (ssat)",
    ],
    "Local governance professional for an individual academy or free school": [
        "local governance professional - individual academy or free school"
    ],
    "Member": ["member - individual", "member - organisation"],
    **{
        f"{post} - {whose}": [f"{post} ({whose})".lower()]
        for post in (
            "Shared chair of local governing body",
            "Shared local governor",
            "Shared governance professional",
        )
        for whose in ("establishment", "group")
    },
}
"""Roles of the table, and how the extract spells them where it does otherwise."""

COLUMNS = (
    "board_id",
    "urn",
    "role",
    "appointing_body",
    "appointed",
    "term_end",
    "shared_board",
    "person_key",
)


def recognise(path: Path, head: Head) -> Recognised | None:
    """Tell whether a file is the extract of governors."""
    return recognise_register(head, FORM)


def read(
    path: str | Path, options: None = None, spec: Any = None, *, shown: str = ""
) -> ReadResult:
    """Read the extract into governor_spells; a board is that of the group, or else of the school.

    A role that is not one of the register's known ones is set aside and told.
    """
    return read_register(path, FORM, "governor_spells", _make, shown=shown)


def _make(frame: pl.DataFrame, text: TextTable) -> Parts:
    urn, group = (
        pl.col(name) if name in frame.columns else pl.lit("") for name in ("urn", "group")
    )
    known = {spelt: role for role, spellings in ROLES.items() for spelt in spellings}
    role = pl.col("role").str.to_lowercase().replace_strict(known, default=None)
    frame = frame.with_columns(role=pl.coalesce(role, pl.col("role"))).with_columns(
        board_id=pl.when(group != "").then("group " + group).otherwise("school " + urn),
        shared_board=pl.when(pl.col("role").str.starts_with("Shared"))
        .then(pl.lit("yes"))
        .otherwise(pl.lit("no")),
    )
    nobody = (urn == "") & (group == "")
    aside = [set_aside(frame.filter(nobody), "neither a school nor a group is named")]
    frame = frame.filter(~nobody)
    _, unknown = coerce(frame["role"], governor_spells.column("role"))
    aside.append(
        set_aside(frame.filter(unknown), "a role that is not known", detail=pl.col("role"))
    )
    problems = []
    if unknown.any():
        words = frame.filter(unknown)["role"].value_counts(sort=True).rows()
        told = ", ".join(f"{word!r} ({n:,})" for word, n in words[:12])
        problems.append(
            Problem(
                code="role.unknown_word",
                file=text.file,
                column="role",
                rule=f"roles that are not known were set aside: {told}",
                remedy="If one of them matters, please report it.",
                severity="warning",
                count=int(unknown.sum()),
            )
        )
    return chosen(frame.filter(~unknown), COLUMNS), aside, problems


READER = Reader(
    id="gias.governance",
    title="Governors and trustees, from GIAS",
    table="governor_spells",
    recognise=recognise,
    read=read,
    source="Get Information about Schools, governancealldata",
    met_real_file=False,
    notes=(
        "It has not met a real file, only its headers (to 2026) and the roles as the Department's "
        "own software has them."
    ),
)
