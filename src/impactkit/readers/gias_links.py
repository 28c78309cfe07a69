"""Links between URNs, as in the extract of Get Information about Schools: ``links_edubase…``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from impactkit.declarations import Head, Reader, ReadResult, Recognised
from impactkit.engine.files import read_text
from impactkit.errors import DataError
from impactkit.readers.forms import NOTHING, Form, Header, ragged, recognised, rename

FORM = Form(
    title="links between URNs (GIAS)",
    identity={
        "urn": (Header("URN"),),
        "link_urn": (Header("LinkURN"), Header("Link URN")),
        "link_type": (Header("LinkType"), Header("Link Type")),
        "link_date": (Header("LinkEstablishedDate"), Header("Link Established Date")),
    },
    required=("urn", "link_urn", "link_type"),
)


def recognise(path: Path, head: Head) -> Recognised | None:
    """Tell whether a file is the extract of links."""
    confidence = recognised(FORM, head)
    return Recognised(confidence=confidence, what=FORM.title) if confidence else None


def read(
    path: str | Path, options: None = None, spec: Any = None, *, shown: str = ""
) -> ReadResult:
    """Read the extract of links into school_links, as text under its names."""
    file = shown or Path(path).name
    try:
        table = read_text(path, shown=file, fill_short=FORM.fill_short)
    except DataError as error:
        return ReadResult(frame=NOTHING, table="school_links", problems=error.problems)
    frame, problems = rename(FORM, table)
    if problems:
        frame = NOTHING
    return ReadResult(
        frame=frame,
        table="school_links",
        set_aside=ragged(table),
        problems=(*table.notes, *problems),
        n_rows=table.n_rows,
    )


READER = Reader(
    id="gias.links",
    title="Links between URNs, from GIAS",
    table="school_links",
    recognise=recognise,
    read=read,
    source="Get Information about Schools, links_edubasealldata",
)
