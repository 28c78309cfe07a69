"""Members of federations and trusts, as in the extract of Get Information about Schools.

Two forms: of all groups (2022, here a re-saved copy with an index column), and of academies and
free schools (2024, with the URN of the group as `Linked UID` and a last column without values). A
join date of 1900-01-01 is a placeholder; it is kept as it is, for the panel to judge. The date of
a trust is that of the school's current trust. A sponsor's row repeats the school.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import polars as pl

from impactkit.declarations import Head, Reader, ReadResult, Recognised
from impactkit.engine.files import TextTable
from impactkit.errors import Problem, did_you_mean
from impactkit.readers.forms import Form, Header, set_aside
from impactkit.readers.options import la_codes, texts
from impactkit.readers.registers import Parts, chosen, read_register, recognise_register

STRUCTURE_OF = {
    "Federation": "federation",
    "Multi-academy trust": "mat",
    "Single-academy trust": "sat",
    "Secure single-academy trust": "sat",
    "Trust": "other",
    "School sponsor": "sponsor",
    "Children's Centres Group": "other",
    "Children's Centres Collaboration": "other",
}
"""Group types of GIAS, and our word for each. The register does not say hard or soft federation."""

USUAL = (
    "Federation",
    "Multi-academy trust",
    "Single-academy trust",
    "Secure single-academy trust",
    "Trust",
)
"""Group types that are read unless others are asked for: sponsors repeat the schools of trusts, and
children's centres are no schools (and have URNs of five digits)."""

FORM = Form(
    title="members of groups (GIAS group links)",
    identity={
        "urn": (Header("URN"),),
        "partnership_id": (Header("Group UID"), Header("Linked UID")),
        "partnership_name": (Header("Group Name"),),
        "group_type": (Header("Group Type"),),
        "group_status": (Header("Group Status"),),
        "joined": (Header("Joined date"),),
        "left": (Header("Closed Date"),),
        "la": (Header("LA (code)"),),
    },
    required=("urn", "partnership_id", "group_type", "joined"),
)
COLUMNS = ("urn", "partnership_id", "partnership_name", "group_type", "structure", "joined", "left")


@attrs.frozen(kw_only=True)
class GroupOptions:
    """What a study may say beside `path`.

    `group_type` is one or several of the register's words; `la` keeps the schools of some local
    authorities, by number.
    """

    group_type: Any = attrs.field(default=USUAL, converter=texts)
    la: Any = attrs.field(default=(), converter=la_codes)


def recognise(path: Path, head: Head) -> Recognised | None:
    """Tell whether a file is an extract of group links."""
    return recognise_register(head, FORM)


def read(
    path: str | Path, options: GroupOptions | None = None, spec: Any = None, *, shown: str = ""
) -> ReadResult:
    """Read an extract of group links into memberships, as text under their names.

    A group that is closed ended for its members on the day that it closed.
    """
    asked = options or GroupOptions()

    def make(frame: pl.DataFrame, text: TextTable) -> Parts:
        return _members(frame, asked, text.file)

    return read_register(path, FORM, "memberships", make, shown=shown)


def _members(frame: pl.DataFrame, options: GroupOptions, file: str) -> Parts:
    types = {word.casefold(): word for word in STRUCTURE_OF}
    asked = [name.casefold() for name in options.group_type]
    kind = pl.col("group_type").str.to_lowercase()
    other_type = frame.filter(~kind.is_in(asked))
    frame = frame.filter(kind.is_in(asked))
    other_la = frame.clear()
    if options.la and "la" in frame.columns:
        here = pl.col("la").str.zfill(3).is_in(list(options.la))
        frame, other_la = frame.filter(here), frame.filter(~here)
    aside = [
        set_aside(other_type, "a type of group that was not asked for", pl.col("group_type")),
        set_aside(other_la, "in another local authority"),
    ]
    structure = kind.replace_strict(
        {word: STRUCTURE_OF[name] for word, name in types.items()}, default="other"
    )
    frame = frame.with_columns(structure=structure, group_type=kind.replace(types))
    if "left" not in frame.columns:
        frame = frame.with_columns(left=pl.lit(""))
    return chosen(frame, COLUMNS), aside, unknown_types(options.group_type, file)


def unknown_types(asked: tuple[str, ...], file: str) -> list[Problem]:
    """Return a problem for each type of group that the register does not have."""
    known = {name.casefold() for name in STRUCTURE_OF}
    return [
        Problem(
            code="group_type.unknown",
            file=file,
            column="group_type",
            value=name,
            rule="there is no such type of group",
            remedy=did_you_mean(name, STRUCTURE_OF),
        )
        for name in asked
        if name.casefold() not in known
    ]


READER = Reader(
    id="gias.group_links",
    title="Members of federations and trusts, from GIAS",
    table="memberships",
    recognise=recognise,
    read=read,
    options=GroupOptions,
    source="Get Information about Schools, group links",
    notes=(
        "Groups that have closed are mostly missing, so those that are there have survived. "
        "The extract of 2024 has no federations."
    ),
)
