"""What a report is made of: parts with sentences, figures, tables and further parts; no markup."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from impactkit.report.answers import Answer
from impactkit.report.flow import Step
from impactkit.report.pictures import Picture
from impactkit.results import Table


@attrs.frozen(kw_only=True)
class Figure:
    """A picture with its active title, what it measures, its key and its words."""

    id: str
    title: str
    subtitle: str
    key: str
    alt: str
    picture: Picture


@attrs.frozen(kw_only=True)
class Arrow:
    """An arrow of a theory of change, and the grade of the evidence for it (0: none)."""

    cause: str
    effect: str
    grade: int
    evidence: str = ""


@attrs.frozen(kw_only=True)
class Part:
    """A part of the report. `folded` parts are collapsed on the page; `alert` ones stand out."""

    id: str
    title: str
    lead: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    answers: tuple[Answer, ...] = attrs.field(default=(), converter=tuple[Answer, ...])
    points: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    cautions: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    flow: tuple[Step, ...] = attrs.field(default=(), converter=tuple[Step, ...])
    chains: tuple[tuple[Arrow, ...], ...] = ()
    figures: tuple[Figure, ...] = attrs.field(default=(), converter=tuple[Figure, ...])
    tables: tuple[Table, ...] = attrs.field(default=(), converter=tuple[Table, ...])
    parts: tuple[Part, ...] = attrs.field(default=(), converter=tuple["Part", ...])
    folded: bool = False
    alert: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        held = (self.lead, self.answers, self.cautions, self.points, self.flow, self.chains)
        return not any((*held, self.figures, self.tables)) and all(
            part.empty for part in self.parts
        )

    def joined(self, other: Part) -> Part:
        """Return this part with the content of `other` before its own."""
        return attrs.evolve(
            self,
            answers=other.answers + self.answers,
            cautions=other.cautions + self.cautions,
            figures=other.figures + self.figures,
            tables=other.tables + self.tables,
            parts=other.parts + self.parts,
        )

    def with_first(self, parts: Iterable[Part]) -> Part:
        """Return this part with further parts in front of those it has."""
        return attrs.evolve(self, parts=(*parts, *self.parts))


@attrs.frozen(kw_only=True)
class Report:
    """The whole report as data."""

    title: str
    strength: str
    summary: tuple[str, ...]
    cautions: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def tables(self) -> list[Table]:
        """Every table, in the order of the report."""
        return list(_tables(self.parts))


def _tables(parts: Iterable[Part]) -> Iterable[Table]:
    for part in parts:
        yield from (table for table in part.tables if table.columns)
        yield from _tables(part.parts)


def slug(text: str) -> str:
    """Return `text` fit for an address within the page: plain letters, digits and hyphens."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in text.lower()).strip("-")[:60]
