"""Links between URNs, as in the extract of Get Information about Schools: ``links_edubase…``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from impactkit.declarations import Head, Reader, ReadResult, Recognised
from impactkit.readers.forms import Form, Header
from impactkit.readers.registers import read_register, recognise_register

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
    return recognise_register(head, FORM)


def read(
    path: str | Path, options: None = None, spec: Any = None, *, shown: str = ""
) -> ReadResult:
    """Read the extract of links into school_links, as text under its names."""
    return read_register(path, FORM, "school_links", lambda frame, _: (frame, [], []), shown=shown)


READER = Reader(
    id="gias.links",
    title="Links between URNs, from GIAS",
    table="school_links",
    recognise=recognise,
    read=read,
    source="Get Information about Schools, links_edubasealldata",
)
