"""Members of federations and trusts, as in the extract of Get Information about Schools.

Three forms. Two show who is in a group on the day of the extract: of all groups (``alllinksdata``;
2022 as a re-saved copy with an index column), and of academies and free schools
(``grouplinks_edubaseallacademiesandfree``; 2024, with the URN of the group as `Linked UID` and a
last column without values). In both, the date of a trust is that of the school's current trust, and
a sponsor's row repeats the school. The third (``academiesmatmembership``) is the history of trusts:
a row for each trust that an academy has been in, with the day it joined and the day it left. Its
rows overlap now and then; those that say the same school was in the same trust at the same time are
made one. A join date of 1900-01-01 is a placeholder; it is kept as it is, for the panel to judge.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import attrs
import polars as pl

from impactkit.declarations import ColumnSpec, Head, Reader, ReadResult, Recognised
from impactkit.engine.files import ROW, TextTable
from impactkit.errors import Problem, did_you_mean
from impactkit.readers.forms import Form, Header, headers, set_aside
from impactkit.readers.options import la_codes, texts
from impactkit.readers.registers import Parts, chosen, read_register, recognise_register
from impactkit.tables.coerce import coerce

STRUCTURE_OF = {
    "Federation": "federation",
    "Multi-academy trust": "mat",
    "Single-academy trust": "sat",
    "Secure single-academy trust": "sat",
    "Trust": "other",
    "Umbrella trust": "other",
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
        "joined": headers("Joined date", "Date Joined Group"),
        "left": (Header("Date Left Group"),),
        "closed": headers("Closed Date", "Group Closed Date"),
        "la": (Header("LA (code)"),),
    },
    required=("urn", "partnership_id", "group_type", "joined"),
)
DAY = ColumnSpec(name="day", dtype="date")
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

    A school left on the day that the extract tells, or else on the day that its group closed.
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
    told = [pl.when(pl.col(n) != "").then(n) for n in ("left", "closed") if n in frame.columns]
    frame = frame.with_columns(
        structure=structure,
        group_type=kind.replace(types),
        left=pl.coalesce(*told, pl.lit("")),
    )
    frame, again = _spells(frame)
    aside.append(set_aside(again, "another row has the school in this group at the same time"))
    return chosen(frame, COLUMNS), aside, unknown_types(options.group_type, file)


def _spells(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make one of the rows that have a school in one group at the same time; return the others too.

    A row whose dates cannot be read, or run backwards, is left for the checks of the table.
    """
    begin, _ = coerce(frame["joined"], DAY)
    end, unread = coerce(frame["left"], DAY)
    dated = frame.with_columns(_begin=begin, _end=end.fill_null(dt.date.max))
    good = ~unread & (dated["_end"] >= begin).fill_null(False)
    school = ("urn", "partnership_id")
    so_far = pl.col("_end").cum_max().shift(1).over(school)
    rows = (
        dated.filter(good)
        .sort(*school, "_begin", ROW)
        .with_columns(_new=(pl.col("_begin") >= so_far).fill_null(True))
        .with_columns(_spell=pl.col("_new").cum_sum())
        .with_columns(left=pl.col("left").sort_by("_end").last().over("_spell"))
    )
    kept = rows.filter("_new").select(frame.columns)
    return pl.concat([kept, frame.filter(~good)]).sort(ROW), rows.filter(~pl.col("_new"))


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
        "The extract of academies and free schools has no federations. Of the history of "
        "trusts (academiesmatmembership) only the names of its columns are known, no rows."
    ),
)
