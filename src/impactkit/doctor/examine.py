"""The whole examination: every detector on every outcome; the catalogue of what it can find."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import ModuleType

import attrs

from impactkit.doctor import (
    anticipation,
    balance,
    before,
    comparability,
    decisions,
    files,
    identity,
    neighbours,
    noise,
    power,
    values,
)
from impactkit.doctor.case import Case
from impactkit.doctor.finding import SECTIONS, SEVERITIES, Fact, Finding, Kind
from impactkit.doctor.thresholds import Thresholds
from impactkit.errors import EstimationError, InputError

__all__ = ["Examination", "catalogue", "examine"]

_ROOMS: tuple[ModuleType, ...] = (
    files,
    identity,
    comparability,
    values,
    noise,
    before,
    anticipation,
    balance,
    neighbours,
    power,
    decisions,
)
"""In the order of the page. Each has `KINDS`, and `of_study(case)`, `of_measure(case, measure)` or
both, which yield facts and findings."""


@attrs.frozen(kw_only=True)
class Examination:
    """What was seen: facts in the order of the page, and findings, the worst first."""

    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()

    def of(self, severity: str) -> tuple[Finding, ...]:
        """Return the findings of one severity."""
        return tuple(f for f in self.findings if f.severity == severity)


def examine(case: Case) -> Examination:
    """Examine a study before anything is estimated.

    Every detector sees outcomes of untreated school-years only (see `case`); one that cannot answer
    says so in a fact.
    """
    seen = [part for room in _ROOMS for part in _seen(room, case)]
    facts = [part for part in seen if isinstance(part, Fact)]
    findings = [part for part in seen if isinstance(part, Finding)]
    return Examination(
        facts=tuple(sorted(facts, key=lambda fact: SECTIONS.index(fact.section))),
        findings=tuple(sorted(findings, key=lambda f: SEVERITIES.index(f.severity))),
    )


def catalogue(limits: Thresholds | None = None) -> tuple[Kind, ...]:
    """Return every kind of finding, with the thresholds put in.

    Examples
    --------
    >>> len({kind.mistake for kind in catalogue()} - {""})
    10
    """
    words = attrs.asdict(limits or Thresholds())
    return tuple(
        attrs.evolve(kind, detector=kind.detector.format(**words))
        for room in _ROOMS
        for kind in room.KINDS
    )


def _seen(room: ModuleType, case: Case) -> Iterator[Fact | Finding]:
    if hasattr(room, "of_study"):
        yield from _safely(room, room.of_study(case))
    for measure in case.panels:
        if hasattr(room, "of_measure"):
            yield from _safely(room, room.of_measure(case, measure), measure)


def _safely(
    room: ModuleType, parts: Iterable[Fact | Finding], measure: str = ""
) -> Iterator[Fact | Finding]:
    """Yield what a detector says; where data cannot answer it, say that."""
    try:
        yield from parts
    except (EstimationError, InputError) as error:
        section = room.KINDS[0].section
        why = " ".join(str(error).split())
        yield Fact(section=section, measure=measure, text=f"could not be told: {why}")
