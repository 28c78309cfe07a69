"""From a study to an evaluation: plan, read, link, estimate, protect."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from impactkit import __version__
from impactkit.doctor import examine
from impactkit.errors import InputError, MetricError, Problem
from impactkit.pipeline.annexes import annexes
from impactkit.pipeline.checks import run_checks
from impactkit.pipeline.comparability import comparability
from impactkit.pipeline.core import FIRST_PARTY, registry_for
from impactkit.pipeline.effects import chart_id, chart_title
from impactkit.pipeline.examined import case_of, cautions, findings_table
from impactkit.pipeline.family import adjust
from impactkit.pipeline.grading import graded
from impactkit.pipeline.ground import Ground, ground_of, missing_outcomes
from impactkit.pipeline.metric import run_metric
from impactkit.pipeline.planning import (
    labelled,
    mark_read,
    plan_table,
    plan_warnings,
    standing_of,
)
from impactkit.pipeline.portraits import portraits
from impactkit.pipeline.read import Progress, Tables, read_tables
from impactkit.pipeline.resolve import Plan, plan as plan_of
from impactkit.pipeline.returned import checked_section
from impactkit.pipeline.strength import strength_table
from impactkit.plugins import spare, words_of
from impactkit.results import (
    Evaluation,
    Exclusion,
    MetricResult,
    Provenance,
    RenderedSection,
    Table,
)
from impactkit.study import Study
from impactkit.types import SUBGROUPS

if TYPE_CHECKING:
    import polars as pl

    from impactkit.planning import Standing
    from impactkit.plugins import Registry

PACKAGES = ("attrs", "numpy", "pandera", "polars", "scikit-learn", "scipy")


@attrs.frozen(kw_only=True, eq=False)
class Run:
    """An evaluation, and what stays private: rows set aside, problems with values, panels."""

    evaluation: Evaluation
    problems: tuple[Problem, ...] = ()
    rejected: pl.DataFrame | None = None
    panels: Mapping[str, pl.DataFrame] = attrs.field(factory=dict)


def no_progress(stage: str, done: int, total: int) -> None:
    """Say nothing."""


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
    planned = plan_of(study, tables=tables, registry=registry, data=data, problems=problems)
    return run(planned, progress=progress).evaluation


def run(plan: Plan, *, progress: Progress = no_progress) -> Run:
    """Carry out a plan.

    Raises
    ------
    InputError
        With every problem of the plan, or of the data, that is an error.
    DisclosureError
        When the audit of the finished evaluation fails; nothing is returned then.
    """
    tables, ground, found = prepare(plan, progress=progress)
    results = []
    total = len(plan.metrics)
    for done, planned in enumerate(plan.metrics):
        progress(f"Working out {planned.metric.id}", done, total)
        results.append(run_metric(planned, ground))
    progress("Weighing the evidence", 0, 1)
    standing = standing_of(plan)
    adjusted, notes = adjust(
        tuple(results),
        how=plan.study.design.multiplicity,
        influences=ground.influences,
        seed=plan.study.seed,
    )
    weighed, rules = graded(ground, labelled(adjusted, standing))
    progress("Protecting people", 0, 1)
    return _finish(plan, tables, ground, (*found, *notes), weighed, rules, standing)


def prepare(
    plan: Plan, *, progress: Progress = no_progress
) -> tuple[Tables, Ground, tuple[Problem, ...]]:
    """Read and link what a plan names: all that comes before the first metric.

    Raises
    ------
    InputError
        With every problem of the plan, or of the data, that is an error.
    """
    tables = read_tables(plan, progress)
    errors = [*plan.errors, *(p for p in tables.problems if p.severity == "error")]
    errors += missing_outcomes(plan, tables)
    if errors:
        raise InputError(errors)
    mark_read(plan, tables)
    progress("Linking schools", 0, 1)
    ground = ground_of(plan, tables)
    found = (*plan.problems, *tables.problems, *ground.lineage.findings, *run_checks(ground))
    found = (*found, *comparability(ground))
    errors = [p for p in found if p.severity == "error"]
    if errors:
        raise InputError(errors)
    return tables, ground, found


def _finish(
    plan: Plan,
    tables: Tables,
    ground: Ground,
    found: tuple[Problem, ...],
    results: tuple[MetricResult, ...],
    rules: tuple[Table, ...],
    standing: Standing | None,
) -> Run:
    from impactkit.disclosure import protect
    from impactkit.panel.exposure import exposure_words

    study, registry = plan.study, plan.registry
    exclusions: dict[str, dict[str, int]] = {}
    excluded: list[Exclusion] = list(ground.lineage.exclusions)
    warnings: list[str] = []
    extra: list[Table] = []
    panels: dict[str, pl.DataFrame] = {}
    measured = [m for m in study.design.outcome if "outcomes" in ground.tables]
    measures = {m: attrs.asdict(ground.measures[m]) for m in measured if m in ground.measures}
    for measure in measured if "memberships" in ground.tables else ():
        panel = ground.panel(measure)
        panels[measure] = panel.frame
        if measure in measures:
            measures[measure] |= {
                "exposed_by": panel.exposed_by,
                "exposure": exposure_words(panel.exposed_by),
                "scale": panel.scale,
                "crossed": [item.year for item in panel.breaks],
            }
        for name, count in panel.counts.items():
            exclusions.setdefault(name, {})[measure] = count
        excluded.extend(panel.exclusions)
        known = ground.measures.get(measure)
        warnings += [f"{known.label if known else measure}: {w}" for w in panel.warnings]
        extra.extend(_balance(ground, measure))
    extra.extend(annexes(ground, panels))
    case, _ = case_of(ground, tables)
    findings = examine(case).findings
    # What bears on the result comes before what is odd about a school's numbers.
    warnings = [*cautions(case, findings), *warnings]
    extra += [findings_table(case, findings)] if findings else []
    strength = strength_table(ground, results)
    extra = [*([strength] if strength else []), *extra, *rules]
    if standing is not None:
        extra.append(plan_table(standing))
        warnings += plan_warnings(standing)
    evaluation = Evaluation(
        title=study.title,
        study=study.to_plain(),
        results=results,
        exclusions=exclusions,
        excluded=tuple(excluded),
        measures=tuple(measures.values()),
        tables=tuple(extra),
        problems=tuple(p.without_value() for p in found),
        # What bears on the result first: a fault of one column says less to most readers.
        warnings=(
            *warnings,
            *(str(p.without_value()) for p in found if p.severity == "warning"),
        ),
        provenance=Provenance(
            impactkit=__version__,
            python=platform.python_version(),
            packages=_versions(),
            plugins=tuple(info.identity() for info in registry.plugins),
            sources=tables.sources,
            study_sha256=study.sha256,
            seed=study.seed,
            created=_created(),
        ),
    )
    evaluation = attrs.evolve(evaluation, sections=tuple(portraits(ground, panels)))
    sections = (*evaluation.sections, *_sections(plan, evaluation))
    evaluation = attrs.evolve(evaluation, sections=sections)
    evaluation = attrs.evolve(
        evaluation, plugins=tuple(info.to_plain() for info in registry.plugins)
    )
    assert plan.profile is not None
    return Run(
        evaluation=protect(
            evaluation,
            plan.profile,
            first_party=FIRST_PARTY,
            declared=_declared(plan),
            designed=_designed(plan),
            own_estimator=_own_estimator(plan),
        ),
        problems=found,
        rejected=tables.set_aside,
        panels=panels,
    )


def _declared(plan: Plan) -> tuple[str, ...]:
    """Return what was written before any data was read, and so cannot give any of it away."""
    texts = [plan.study.title, *plan.registry.measures, *SUBGROUPS]
    named = [(m.id, m.title) for m in plan.registry.metrics.values()]
    named += [(m.id, m.label) for m in plan.registry.measures.values()]
    for name, label in named:
        texts += [name, label, chart_id(name), chart_title(label)]
    for metric in plan.registry.metrics.values():
        card = metric.card
        texts += [metric.question, metric.unit]
        texts += [card.definition, card.formula, card.source, *card.caveats] if card else []
    return tuple(texts)


def _designed(plan: Plan) -> tuple[str, ...]:
    """Return the metrics that core's own estimators are applied to, words and all."""
    if not _own_estimator(plan):
        return ()
    return tuple(m.metric.id for m in plan.metrics if m.metric.shape == "outcome")


def _own_estimator(plan: Plan) -> bool:
    return plan.registry.owner("estimators", plan.study.design.estimator).name in FIRST_PARTY


def _balance(ground: Ground, measure: str) -> Iterable[Table]:
    from impactkit.panel import balance_costs

    table = balance_costs(ground.panel(measure, balance="none"))
    known = ground.measures.get(measure)
    title = f"{table.title}: {known.label if known else measure}"
    yield attrs.evolve(table, title=title)


def _sections(plan: Plan, evaluation: Evaluation) -> Iterable[RenderedSection]:
    taken = {section.id: "core" for section in evaluation.sections}
    for info, given, fault in plan.registry.sections(evaluation):
        try:
            if fault:
                raise MetricError(fault)
            section = checked_section(given)
            if section.id in taken:
                both = f"{taken[section.id]} and {info.name}"
                raise MetricError(f"section {section.id!r} is declared twice, by {both}")
        except BaseException as error:  # a part may hold anything at all
            spare(error)
            words = str(error) if isinstance(error, MetricError) else words_of(error)
            plan.registry.blame(info.name, words)
            continue
        taken[section.id] = info.name
        yield RenderedSection(
            id=section.id,
            title=section.title,
            after=section.after,
            plugin=info.name,
            notes=section.notes,
            tables=section.tables,
            charts=section.charts,
        )


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in PACKAGES}


def _created() -> str | None:
    """Return the time to record: no clock is in the output unless SOURCE_DATE_EPOCH says so."""
    import datetime as dt
    import os

    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch.isdigit():
        return None
    return dt.datetime.fromtimestamp(int(epoch), tz=dt.UTC).isoformat()
