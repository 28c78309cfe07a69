"""The one path from a study to an evaluation that the library and the command line share.

``evaluate`` is `plan`, then `run`; ``write`` puts the result on the disk in one step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from impactkit.pipeline.core import default_registry, registry_for
from impactkit.pipeline.execute import Run, no_progress, run
from impactkit.pipeline.file_seen import inspect_file
from impactkit.pipeline.inspect import inspect_study
from impactkit.pipeline.notebook import context, evaluate_metric
from impactkit.pipeline.output import check_out, write
from impactkit.pipeline.planning import diagnose_study, lock
from impactkit.pipeline.resolve import Plan, PlannedFile, PlannedMetric, not_in_use, plan
from impactkit.results import Evaluation
from impactkit.study import Study

if TYPE_CHECKING:
    import polars as pl

    from impactkit.errors import Problem
    from impactkit.plugins import Registry

__all__ = [
    "Plan",
    "PlannedFile",
    "PlannedMetric",
    "Run",
    "check_out",
    "context",
    "default_registry",
    "diagnose_study",
    "evaluate",
    "evaluate_metric",
    "inspect_file",
    "inspect_study",
    "lock",
    "not_in_use",
    "plan",
    "registry_for",
    "run",
    "write",
]


def evaluate(
    study: Study | str | Path,
    tables: Mapping[str, pl.DataFrame] | None = None,
    *,
    registry: Registry | None = None,
    data: str | Path | None = None,
    allow_local: bool = False,
    progress: Callable[[str, int, int], None] = no_progress,
) -> Evaluation:
    """Evaluate a study: from files, or from frames in memory, to results that may be published.

    Parameters
    ----------
    study
        A `Study`, or the path of a study file.
    tables
        Polars frames by table name, beside or instead of files. They are checked as files are; in
        what is said of them the first row is row 2, as in a sheet with a header.
    registry
        The plugins to use; by default the installed ones, filtered by the study.
    data
        The folder that the study's paths are relative to; by default the study's own.
    allow_local
        Run ``local_metrics/*.py`` beside the study. They are code: read them first.
    progress
        Called with (stage, done, total).

    Raises
    ------
    InputError
        With every problem in the study and the data at once.
    DisclosureError
        When the audit of the release fails.
    """
    problems: tuple[Problem, ...] = ()
    if not isinstance(study, Study):
        study, problems = Study.read(study)
    if registry is None:
        registry = registry_for(study, allow_local=allow_local)
    planned = plan(study, tables=tables, registry=registry, data=data, problems=problems)
    return run(planned, progress=progress).evaluation
