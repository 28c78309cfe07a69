"""What the doctor is given of a run, and what a run keeps of the findings."""

from __future__ import annotations

from collections.abc import Iterable

from impactkit.doctor import Case, Finding
from impactkit.errors import EstimationError, InputError, Problem
from impactkit.metrics import Panel
from impactkit.pipeline.ground import Ground
from impactkit.pipeline.planning import standing_of
from impactkit.pipeline.read import Tables
from impactkit.results import Column, Table

SAME = {
    "measure.break": "E3.break_crossed",
    "measure.break_crossed": "E3.break_crossed",
    "measure.soft_break": "E3.soft_break",
    "measure.gap_year": "E10.gap_filled",
    "measure.zeros": "E10.zeros_for_symbols",
}
"""Problems of `pipeline.comparability`, and the findings that say the same: each is told once."""


def case_of(ground: Ground, tables: Tables) -> tuple[Case, tuple[Problem, ...]]:
    """Return what the doctor may look at, and why some outcome has no panel."""
    plan = ground.plan
    panels: dict[str, Panel] = {}
    refused: list[Problem] = []
    if {"outcomes", "memberships"} <= set(ground.tables):
        for measure in plan.study.design.outcome:
            try:
                panels[measure] = _panel(ground, measure)
            except (InputError, EstimationError) as error:
                rule = " ".join(str(error).split())
                problem = Problem(
                    code="study.panel", file=plan.study.file, column=measure, rule=rule
                )
                refused.append(plan.study.placed(problem))
    standing = standing_of(plan)
    case = Case(
        design=plan.study.design,
        tables=ground.tables,
        measures=ground.measures,
        panels=panels,
        links=ground.lineage.counts,
        sources=tables.sources,
        metrics={planned.metric.id: planned.missing for planned in plan.metrics},
        asked=tuple(planned.metric.id for planned in plan.metrics if planned.asked),
        planned=standing is not None and not (standing.late or standing.tampered),
    )
    return case, tuple(refused)


def _panel(ground: Ground, measure: str) -> Panel:
    """Return the panel of an outcome; one refused for a break all the same, standardised."""
    try:
        return ground.panel(measure)
    except InputError:
        return ground.panel(measure, standardise="z")


def cautions(case: Case, findings: Iterable[Finding]) -> list[str]:
    """Return what readers of the results must know, from findings that nothing else tells them."""
    return [
        f"{case.label(finding.measure)}: {finding}" if finding.measure else str(finding)
        for finding in findings
        if finding.severity != "note" and finding.code not in SAME.values()
    ]


def findings_table(case: Case, findings: Iterable[Finding]) -> Table:
    """Return the findings for the report; examples stay behind, for they are values of a school."""
    names = ("severity", "finding", "outcome", "seen", "consequence", "remedy", "code")
    return Table(
        id="doctor",
        title="What was found before anything was estimated",
        columns=tuple(
            Column(name=name, label=name.capitalize(), kind="dimension" if i == 1 else "text")
            for i, name in enumerate(names)
        ),
        rows=[
            (
                f.severity,
                f.title,
                case.label(f.measure) if f.measure else "",
                f.evidence,
                f.consequence,
                f.remedy,
                f.code,
            )
            for f in findings
        ],
        note="Outcomes of treated schools from joining on were not used, but to see whether they "
        "are possible values.",
    )
