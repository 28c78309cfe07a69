"""Where an evaluation comes from, and what disclosure control did to it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen(kw_only=True)
class SourceFile:
    """A file that was read: what it was taken for, its hash and how many rows were used."""

    path: str
    table: str
    reader: str
    sha256: str
    bytes: int
    year: int | None = None
    n_rows: int = 0
    n_used: int = 0
    set_aside: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Provenance:
    """What made the evaluation: versions, inputs and seed; no clock, no user and no machine."""

    impactkit: str
    python: str
    packages: Mapping[str, str] = attrs.field(factory=dict)
    plugins: tuple[Mapping[str, str], ...] = attrs.field(
        default=(), converter=tuple[Mapping[str, str], ...]
    )
    sources: tuple[SourceFile, ...] = attrs.field(default=(), converter=tuple[SourceFile, ...])
    study_sha256: str = ""
    seed: int = 0
    created: str | None = None


@attrs.frozen(kw_only=True)
class Withheld:
    """One line of the disclosure log, itself safe to publish: where and why, never what."""

    metric: str
    table: str
    cells: int
    reason: str


@attrs.frozen(kw_only=True)
class Disclosure:
    """What disclosure control did, under which profile, and what the audit said."""

    profile: str
    version: str = "1"
    threshold: int | None = None
    withheld: tuple[Withheld, ...] = attrs.field(default=(), converter=tuple[Withheld, ...])
    audit: str = ""
    n_protected: int = 0
    n_checked: int = 0
