"""Groups themselves, as in the extract of Get Information about Schools: ``allgroupsdata``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import polars as pl

from impactkit.declarations import Head, Reader, ReadResult, Recognised
from impactkit.engine.files import TextTable
from impactkit.readers.forms import Form, headers, set_aside
from impactkit.readers.gias_groups import STRUCTURE_OF, USUAL, unknown_types
from impactkit.readers.options import texts
from impactkit.readers.registers import Parts, chosen, read_register, recognise_register

FORM = Form(
    title="groups of schools (GIAS allgroupsdata)",
    identity={
        "partnership_id": headers("Group UID"),
        "name": headers("Group Name"),
        "group_type": headers("Group Type"),
        "status": headers("Group Status"),
        "opened": headers("Open date"),
        "incorporated": headers("Incorporated on (open date)"),
        "end_date": headers("Closed Date"),
    },
    required=("partnership_id", "name", "group_type"),
    foreign=("URN", "Joined date"),
)
COLUMNS = ("partnership_id", "name", "structure", "start_date", "end_date")


@attrs.frozen(kw_only=True)
class RegisterOptions:
    """What a study may say beside `path`: `group_type`, one or several of the register's words."""

    group_type: Any = attrs.field(default=USUAL, converter=texts)


def recognise(path: Path, head: Head) -> Recognised | None:
    """Tell whether a file is the extract of groups."""
    return recognise_register(head, FORM)


def read(
    path: str | Path, options: RegisterOptions | None = None, spec: Any = None, *, shown: str = ""
) -> ReadResult:
    """Read the extract into partnerships; one starts when it opened or was incorporated."""
    options = options or RegisterOptions()
    asked = [name.casefold() for name in options.group_type]

    def make(frame: pl.DataFrame, text: TextTable) -> Parts:
        kind = pl.col("group_type").str.to_lowercase()
        aside = set_aside(
            frame.filter(~kind.is_in(asked)),
            "a type of group that was not asked for",
            pl.col("group_type"),
        )
        dates = [pl.col(n) for n in ("opened", "incorporated") if n in frame.columns]
        started = pl.coalesce(*[pl.when(d != "").then(d) for d in dates], pl.lit(""))
        words = {name.casefold(): word for name, word in STRUCTURE_OF.items()}
        frame = frame.filter(kind.is_in(asked)).with_columns(
            structure=kind.replace_strict(words, default="other"), start_date=started
        )
        return chosen(frame, COLUMNS), [aside], unknown_types(options.group_type, text.file)

    return read_register(path, FORM, "partnerships", make, shown=shown)


READER = Reader(
    id="gias.groups",
    title="Groups of schools, from GIAS",
    table="partnerships",
    recognise=recognise,
    read=read,
    options=RegisterOptions,
    source="Get Information about Schools, allgroupsdata",
    met_real_file=False,
    notes=(
        "It has not met a real file, only its headers. Federations open and trusts are "
        "incorporated; which schools were in them is in the extracts of members."
    ),
)
