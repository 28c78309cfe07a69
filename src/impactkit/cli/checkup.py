"""The page of `impactkit check STUDY`: what was seen, then what was found, for a terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from impactkit.doctor import Examination, Fact, Finding

COLOURS = {"error": "red", "warning": "yellow", "note": None}
HEAD = (
    "A look before anything is estimated. Outcomes of treated schools from joining on were not "
    "read, but to see whether they are possible values."
)
GUTTER = 16
"""Columns of the names of parts."""

Line = tuple[str, str | None]


def page(
    title: str, seen: Examination, labels: Mapping[str, str], *, width: int | None
) -> Iterable[Line]:
    """Yield the lines of the page, each with its colour or None.

    Parameters
    ----------
    labels
        Measures in words.
    width
        Columns to wrap at; None where nobody watches a terminal, so that a search finds whole
        sentences.
    """
    yield title, None
    yield from wrapped(HEAD, "", "", width)
    yield "", None
    for section, facts in groupby(seen.facts, key=lambda fact: fact.section):
        lines = list(_told(facts, labels, width and width - GUTTER))
        for i, line in enumerate(lines):
            yield f"{section if i == 0 else '':<{GUTTER}}{line}", None
    if seen.facts:
        yield "", None
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in seen.findings:
        alike.setdefault((finding.severity, finding.code), []).append(finding)
    for findings in alike.values():
        yield from _finding(findings, labels, width)


def total(severities: Iterable[str]) -> str:
    """Return the last line: how many there are of each severity, and what that means.

    Examples
    --------
    >>> total(["note", "warning", "note"])
    '0 errors, 1 warning, 2 notes. Each warning wants an answer, in the design or in the report.'
    """
    counts = dict.fromkeys(COLOURS, 0) | Counter(severities)
    told = ", ".join(f"{n} {name}{'' if n == 1 else 's'}" for name, n in counts.items())
    if counts["error"]:
        return f"{told}. Errors have to be mended before anything is estimated."
    if counts["warning"]:
        return f"{told}. Each warning wants an answer, in the design or in the report."
    return f"{told}."


def _told(facts: Iterable[Fact], labels: Mapping[str, str], width: int | None) -> Iterable[str]:
    """Yield the lines of one part of the page; several of one outcome stand under its name."""
    for measure, group in groupby(facts, key=lambda fact: fact.measure):
        told = [fact.text for fact in group]
        label = labels.get(measure, measure)
        inline = f"{label}: " if measure and len(told) == 1 else ""
        if measure and not inline:
            yield f"{label}:"
        indent = "  " if measure and not inline else ""
        for text in told:
            for line, _ in wrapped(inline + text, indent, indent + "  ", width):
                yield line


def _finding(
    findings: list[Finding], labels: Mapping[str, str], width: int | None
) -> Iterable[Line]:
    """Yield one finding, or the same one of several outcomes: only what was seen differs."""
    one = findings[0]
    for line, _ in wrapped(f"{one.severity} {one.code}: {one.title}", "", "    ", width):
        yield line, COLOURS[one.severity]
    for finding in findings:
        about = f"{labels.get(finding.measure, finding.measure)}: " if finding.measure else ""
        example = f" One: {finding.example}." if finding.example else ""
        yield from wrapped(about + finding.evidence + example, "  seen  ", " " * 8, width)
    if one.severity != "note":
        yield from wrapped(one.consequence, "    so  ", " " * 8, width)
    yield from wrapped(one.remedy, "    do  ", " " * 8, width)


def wrapped(text: str, first: str, later: str, width: int | None) -> Iterable[Line]:
    """Yield a text in lines of `width` columns, each after its indent."""
    if width is None:
        yield first + text, None
        return
    lines = textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=later, break_on_hyphens=False
    )
    yield from ((line, None) for line in lines)
