"""What the doctor is given of a run."""

from __future__ import annotations

from impactkit.doctor import Case
from impactkit.errors import EstimationError, InputError, Problem
from impactkit.metrics import Panel
from impactkit.pipeline.ground import Ground
from impactkit.pipeline.read import Tables


def case_of(ground: Ground, tables: Tables) -> tuple[Case, tuple[Problem, ...]]:
    """Return what the doctor may look at, and why some outcome has no panel."""
    plan = ground.plan
    panels: dict[str, Panel] = {}
    refused: list[Problem] = []
    if {"outcomes", "memberships"} <= set(ground.tables):
        for measure in plan.study.design.outcome:
            try:
                panels[measure] = ground.panel(measure)
            except InputError as error:
                refused += error.problems
            except EstimationError as error:
                problem = Problem(
                    code="study.panel", file=plan.study.file, column=measure, rule=str(error)
                )
                refused.append(plan.study.placed(problem))
    case = Case(
        design=plan.study.design,
        tables=ground.tables,
        measures=ground.measures,
        panels=panels,
        links=ground.lineage.counts,
        sources=tables.sources,
        metrics={planned.metric.id: planned.missing for planned in plan.metrics},
        asked=tuple(planned.metric.id for planned in plan.metrics if planned.asked),
    )
    return case, tuple(refused)
