"""A look at a study before anything is estimated: what `impactkit check STUDY` says."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from impactkit.doctor import Examination, examine
from impactkit.errors import Problem
from impactkit.metrics import Panel
from impactkit.pipeline.checks import run_checks
from impactkit.pipeline.comparability import comparability
from impactkit.pipeline.examined import SAME, case_of
from impactkit.pipeline.execute import no_progress
from impactkit.pipeline.ground import ground_of, missing_outcomes
from impactkit.pipeline.read import Progress, read_tables
from impactkit.pipeline.resolve import Plan
from impactkit.results import SourceFile
from impactkit.types import Measure


@attrs.frozen(kw_only=True)
class StudySeen:
    """What a study would work with: files, panels by outcome, every problem, and findings."""

    sources: tuple[SourceFile, ...] = ()
    measures: Mapping[str, Measure] = attrs.field(factory=dict)
    panels: tuple[Panel, ...] = ()
    problems: tuple[Problem, ...] = ()
    examination: Examination = attrs.field(factory=Examination)


def inspect_study(plan: Plan, *, progress: Progress = no_progress) -> StudySeen:
    """Read, link and examine what a plan names, as far as its problems allow; estimate nothing."""
    tables = read_tables(plan, progress)
    found = [*tables.problems, *missing_outcomes(plan, tables)]
    if plan.errors or any(p.severity == "error" for p in found):
        return StudySeen(sources=tables.sources, problems=tuple(found))
    ground = ground_of(plan, tables)
    found += [*ground.lineage.findings, *run_checks(ground)]
    progress("Examining", 0, 1)
    case, refused = case_of(ground, tables)
    examination = examine(case)
    told = {finding.code for finding in examination.findings}
    found += [p for p in comparability(ground) if SAME.get(p.code) not in told]
    return StudySeen(
        sources=tables.sources,
        measures=ground.measures,
        panels=tuple(case.panels.values()),
        problems=(*found, *refused),
        examination=examination,
    )
