"""What the doctor says: facts about a study, and findings that ask for something to be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""Worst first. An error must be mended before an estimate can be believed; a warning has to be
answered in the report; a note is good to know."""

SECTIONS = (
    "Files",
    "Identity",
    "Comparability",
    "Values",
    "Cohort noise",
    "Before joining",
    "Balance",
    "Overlap",
    "Contamination",
    "Power",
    "Decisions",
    "Metrics",
)
"""The parts of the page, in the order in which an evaluator can do something about them."""


@attrs.frozen(kw_only=True)
class Kind:
    """A kind of finding: one entry of the reference page of findings.

    `mistake` is its number among the ten mistakes of evaluations (``E1`` to ``E10``), where it is
    one. `severity` is the worst that it can have. `detector` says what is looked at and when it is
    reported; words in braces are fields of `Thresholds`.
    """

    code: str
    title: str
    section: str
    severity: Severity
    detector: str
    consequence: str
    remedy: str
    mistake: str = ""


@attrs.frozen(kw_only=True)
class Finding:
    """Something that was found in a study, before any effect was estimated.

    `code` is stable and machine-readable, `evidence` says what was seen with its numbers (which are
    in `numbers` once more, for programs), `consequence` what it does to an evaluation and `remedy`
    what to do. `measure` is the outcome that it is about; empty: the whole study. `example` is one
    case with its value: for whoever has the data, never for a release.
    """

    code: str
    title: str
    severity: Severity
    evidence: str
    consequence: str
    remedy: str
    measure: str = ""
    mistake: str = ""
    example: str = ""
    numbers: Mapping[str, float] = attrs.field(factory=dict)

    def __str__(self) -> str:
        """Read as one paragraph: what, what was seen, what it does."""
        return f"{self.title}. {self.evidence} {self.consequence}"


@attrs.frozen(kw_only=True)
class Fact:
    """One line of the page that asks for nothing; `numbers` holds its figures."""

    section: str
    text: str
    measure: str = ""
    numbers: Mapping[str, float] = attrs.field(factory=dict)


def found(
    kind: Kind,
    evidence: str,
    *,
    measure: str = "",
    severity: Severity | None = None,
    example: str = "",
    **numbers: float,
) -> Finding:
    """Return a finding of a kind; `severity` where it is milder than the kind's.

    Examples
    --------
    >>> kind = Kind(code="E7.many_tests", title="Many tests", section="Decisions",
    ...     severity="note", detector="tests", consequence="Luck.", remedy="Adjust.", mistake="E7")
    >>> print(found(kind, "There are 8 tests.", tests=8))
    Many tests. There are 8 tests. Luck.
    """
    return Finding(
        code=kind.code,
        title=kind.title,
        severity=severity or kind.severity,
        evidence=evidence,
        consequence=kind.consequence,
        remedy=kind.remedy,
        measure=measure,
        mistake=kind.mistake,
        example=example,
        numbers=numbers,
    )
