"""A look at a study before anything is estimated: what `impactkit check STUDY` says."""

from __future__ import annotations

import attrs

from impactkit.errors import Problem
from impactkit.metrics import Panel
from impactkit.pipeline.checks import run_checks
from impactkit.pipeline.execute import no_progress
from impactkit.pipeline.ground import ground_of, missing_outcomes
from impactkit.pipeline.read import Progress, read_tables
from impactkit.pipeline.resolve import Plan
from impactkit.results import SourceFile


@attrs.frozen(kw_only=True)
class StudySeen:
    """What a study would work with: files, panels by outcome, and every problem."""

    sources: tuple[SourceFile, ...] = ()
    panels: tuple[Panel, ...] = ()
    problems: tuple[Problem, ...] = ()


def inspect_study(plan: Plan, *, progress: Progress = no_progress) -> StudySeen:
    """Read and link what a plan names, as far as its problems allow; estimate nothing."""
    tables = read_tables(plan, progress)
    found = (*tables.problems, *missing_outcomes(plan, tables))
    panels: tuple[Panel, ...] = ()
    stopped = plan.errors or any(p.severity == "error" for p in found)
    if not stopped:
        ground = ground_of(plan, tables)
        found = (*found, *ground.lineage.findings, *run_checks(ground))
    if not stopped and {"outcomes", "memberships"} <= set(tables.frames):
        panels = tuple(ground.panel(measure) for measure in plan.study.design.outcome)
    return StudySeen(sources=tables.sources, panels=panels, problems=found)
