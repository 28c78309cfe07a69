"""One metric at a time, in a notebook: what it is given on real data, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.declarations import Metric
from impactkit.errors import InputError, Problem
from impactkit.metrics import MetricContext
from impactkit.pipeline.contexts import context_for
from impactkit.pipeline.core import registry_for
from impactkit.pipeline.execute import prepare, run
from impactkit.pipeline.resolve import Plan, missing, plan
from impactkit.results import MetricResult
from impactkit.study import Study

if TYPE_CHECKING:
    import polars as pl

    from impactkit.plugins import Registry


def context(
    study: Study | str | Path,
    metric: Metric | str,
    *,
    tables: Mapping[str, pl.DataFrame] | None = None,
    data: str | Path | None = None,
    params: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
    allow_local: bool = False,
) -> MetricContext:
    """Return what a metric would be given in a study: its tables, parameters, and the design.

    The files are read and validated, and schools are linked, as in an evaluation. Then
    ``context.table(...)`` has the declared columns, ``context.panel(frame)`` the panel, and
    ``context.effect(frame)`` what the study's design finds. None of it has passed disclosure
    control: it may show a handful of people, and is for the eyes of those who hold the data.

    Parameters
    ----------
    study
        A `Study`, or the path of a study file.
    metric
        An id, or a metric just written: what the decorator returned.
    tables
        Polars frames by table name, beside or instead of files.
    data
        The folder that the study's paths are relative to; by default the study's own.
    params
        The metric's parameters, as a study file would give them; by default the study's.
    registry
        The plugins to use; by default the installed ones, filtered by the study.
    allow_local
        Run ``local_metrics/*.py`` beside the study. They are code: read them first.

    Raises
    ------
    InputError
        With every problem in the study and the data at once; also when the study lacks what the
        metric needs.

    Examples
    --------
    >>> from impactkit import Design, Study
    >>> from impactkit.synthetic import county
    >>> made = county(seed=1, n_schools=60, effect=2.0, selection="random")
    >>> study = Study(title="Practice", design=Design(outcome="attainment", bootstrap=0))
    >>> found = context(study, "did.effect", tables=made.tables)
    >>> panel = found.panel("attainment")
    >>> panel.frame.columns[:3]
    ['school_key', 'year', 'value']
    >>> headline = found.estimate(panel)[0]
    >>> headline.ci_low < 2.0 < headline.ci_high
    True
    """
    planned = _plan(study, metric, tables, data, params, registry, allow_local)
    _, ground, _ = prepare(planned)
    (only,) = planned.metrics
    available = {name: set(frame.columns) for name, frame in ground.tables.items()}
    lacking = only.missing or missing(only.metric, available)
    if lacking:
        rule = f"metric {only.metric.id} cannot run: the study lacks {'; '.join(lacking)}"
        remedy = "Add it under [tables], or hand it over as a frame in tables={...}."
        file = planned.study.file
        raise InputError(Problem(code="metric.lacking", file=file, rule=rule, remedy=remedy))
    return context_for(only, ground)


def evaluate_metric(
    study: Study | str | Path,
    metric: Metric | str,
    *,
    tables: Mapping[str, pl.DataFrame] | None = None,
    data: str | Path | None = None,
    params: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
    allow_local: bool = False,
) -> MetricResult:
    """Evaluate one metric of a study by the path that every evaluation takes.

    The result has passed disclosure control, and says in `status` and `reason` whether the metric
    failed or was skipped. The parameters are those of `context`.

    Raises
    ------
    InputError
        With every problem in the study and the data at once.
    DisclosureError
        When the audit of what would be released fails.

    Examples
    --------
    >>> import polars as pl
    >>> from impactkit import Design, Study, outcome_metric
    >>> from impactkit.synthetic import county
    >>> @outcome_metric(
    ...     id="kent.absence", title="Absence", unit="percent",
    ...     needs={"outcomes": ["school_key", "year", "measure", "value"]},
    ... )
    ... def absence(context):
    ...     "Half-days missed, of a hundred."
    ...     rows = context.table("outcomes").filter(pl.col("measure") == "overall_absence")
    ...     return rows.select("school_key", "year", "value")
    >>> made = county(seed=1, n_schools=60)
    >>> study = Study(title="Practice", design=Design(bootstrap=0))
    >>> result = evaluate_metric(study, absence, tables=made.tables)
    >>> result.status, result.estimates[0].unit
    ('ok', 'percentage points')
    """
    planned = _plan(study, metric, tables, data, params, registry, allow_local)
    (result,) = run(planned).evaluation.results
    return result


def _plan(
    study: Study | str | Path,
    metric: Metric | str,
    tables: Mapping[str, pl.DataFrame] | None,
    data: str | Path | None,
    params: Mapping[str, Any] | None,
    registry: Registry | None,
    allow_local: bool,
) -> Plan:
    """Return the plan of the study for this one metric."""
    problems: tuple[Problem, ...] = ()
    if not isinstance(study, Study):
        study, problems = Study.read(study)
    registry = registry_for(study, allow_local=allow_local) if registry is None else registry
    name = metric.id if isinstance(metric, Metric) else metric
    if isinstance(metric, Metric):
        registry = registry.copy()
        registry.add(metric, plugin="notebook")
    given = (study.metrics or {}).get(name, {}) if params is None else params
    study = attrs.evolve(study, metrics={name: given})
    return plan(study, tables=tables, registry=registry, data=data, problems=problems)
