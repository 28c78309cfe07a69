"""The data checks that plugins declare, run before any estimate; one that fails costs itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from impactkit.declarations import DataCheck, load_code
from impactkit.errors import Problem
from impactkit.metrics import MetricContext
from impactkit.pipeline.contexts import narrowed
from impactkit.pipeline.ground import Ground
from impactkit.pipeline.resolve import lacking

SEVERITIES = ("error", "warning", "note")


def run_checks(ground: Ground) -> tuple[Problem, ...]:
    """Return what every check found.

    A check of a table that the study does not have has nothing to look at, and is not mentioned;
    one of columns that a table lacks, or of a table that nobody declares, is noted.

    A problem of severity ``error`` stops the run, as any other does. Each says which check found
    it, and names only files and columns that there are.
    """
    found: list[Problem] = []
    available = {name: set(frame.columns) for name, frame in ground.tables.items()}
    for name, check in sorted(ground.plan.registry.checks.items()):
        owner = ground.plan.registry.owner("checks", name)
        absent = check.needs.tables.keys() - available.keys()
        if absent and absent <= ground.plan.registry.tables.keys():
            continue
        faults = lacking(check.needs, available)
        if faults:
            rule = f"check {name} of plugin {owner.name} was not run: the study lacks "
            found.append(
                Problem(code="check.skipped", rule=rule + "; ".join(faults), severity="note")
            )
            continue
        context = MetricContext(
            metric=name,
            tables=narrowed(check.needs, ground),
            design=ground.plan.study.design,
            years=ground.years,
            measures=dict(ground.measures),
        )
        found += _sorted_out(check, owner.name, load_code(check.check)(context), ground)
    return tuple(found)


def _sorted_out(check: DataCheck, plugin: str, given: Any, ground: Ground) -> Iterable[Problem]:
    files = {file.shown for file in ground.plan.files}
    columns = {column for frame in ground.tables.values() for column in frame.columns}
    for problem in given or ():
        if not isinstance(problem, Problem):
            words = f"check {check.id} gave a {type(problem).__name__}, not a Problem"
            ground.plan.registry.blame(plugin, words)
            continue
        yield attrs.evolve(
            problem,
            code=f"{plugin}.{problem.code}",
            rule=f"{problem.rule} (check {check.id} of plugin {plugin})",
            file=problem.file if problem.file in files else "",
            column=problem.column if problem.column in columns else "",
            severity=problem.severity if problem.severity in SEVERITIES else "warning",
        )
