"""The analysis plan in the way of the data: locked from headers, then held against every run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import __version__
from impactkit.errors import EstimationError, InputError, Problem, StudyError
from impactkit.results import Column, MetricResult, Table

if TYPE_CHECKING:
    from impactkit.pipeline.read import Progress, Tables
    from impactkit.pipeline.resolve import Plan
    from impactkit.planning import Diagnosis, LockedPlan, Standing

PLAN_TABLE = "plan"
"""Id of the table of an evaluation that holds the plan against what was run."""

KEPT = ("changed", "added", "dropped", "carried on", "as planned")


def lock(plan: Plan, *, replace: bool = False) -> LockedPlan:
    """Lock the analysis plan of a study beside its file; no outcome is read.

    Files of outcomes need not be there yet: then the plan says so, and no plan can be better.

    Parameters
    ----------
    plan
        Of a study that has a folder.
    replace
        Lock it in place of one that is there, whose hash is kept.

    Raises
    ------
    InputError
        With every fault of the study, or when a plan is there already.
    """
    from impactkit.planning import (
        LockedPlan,
        now,
        plan_name,
        read_plan,
        readings,
        write_plan,
    )

    folder = plan.study.folder
    if folder is None:
        raise StudyError(Problem(code="plan.folder", rule="a plan is locked beside a study file"))
    faults = [*(p for p in plan.errors if not _not_there_yet(p)), *_undecided(plan)]
    name = plan_name(plan.study.file)
    before = read_plan(folder, name)
    if before is not None and not replace:
        faults.append(
            Problem(
                code="plan.locked",
                file=name,
                rule=f"a plan was locked already, on {before.created}",
                remedy="Keep to it: evaluate says what was changed. Or lock another in its place "
                "with --replace; that it did so is kept.",
            )
        )
    if faults:
        raise InputError(faults)
    read = readings(folder)
    return write_plan(
        LockedPlan(
            created=now(),
            content=_decided(plan),
            outcomes_there=_outcomes_there(plan),
            read_before=read[0] if read else None,
            replaces=(*before.replaces, before.sha256) if before is not None else (),
            impactkit=__version__,
        ),
        folder,
        name,
    )


def _not_there_yet(problem: Problem) -> bool:
    return problem.code == "file.missing" and problem.column == "tables.outcomes.path"


def _outcomes_there(plan: Plan) -> bool:
    return "outcomes" in plan.frames or any(file.table == "outcomes" for file in plan.files)


def _undecided(plan: Plan) -> Iterable[Problem]:
    """Yield what a plan has to say and this study does not."""
    study = plan.study
    if not study.design.outcome and not study.metrics:
        yield Problem(
            code="plan.outcome",
            file=study.file,
            column="design.outcome",
            rule="a plan has to say which outcome is the primary one",
            remedy='Add outcome = ["…"] under [design]; the first is the primary one.',
        )
    if study.metrics is None and not _outcomes_there(plan):
        yield Problem(
            code="plan.metrics",
            file=study.file,
            column="metrics",
            rule="without files of outcomes it cannot be told which metrics will run",
            remedy='List them, as in [metrics."did.effect"].',
        )


def _decided(plan: Plan) -> dict[str, Any]:
    from impactkit.planning import decided

    metrics = {
        m.metric.id: attrs.asdict(m.params) if m.params is not None else {}
        for m in plan.metrics
        if m.asked or not m.missing
    }
    return decided(plan.study, metrics)


def mark_read(plan: Plan, tables: Tables) -> None:
    """Record beside the study that its outcomes were read, and under which plan."""
    from impactkit.planning import record_reading

    folder = plan.study.folder
    if folder is None or "outcomes" not in tables.frames:
        return
    through = tables.frames["outcomes"]["year"].max()
    record_reading(folder, int(through) if isinstance(through, int) else None)


def standing_of(plan: Plan) -> Standing | None:
    """Return how a run stands to the plan beside its study; None without a plan."""
    from impactkit.planning import plan_name, read_plan, readings, standing

    folder = plan.study.folder
    locked = read_plan(folder, plan_name(plan.study.file)) if folder is not None else None
    if folder is None or locked is None:
        return None
    read = readings(folder)
    return standing(locked, _decided(plan), read[0] if read else None)


def labelled(
    results: Iterable[MetricResult], standing: Standing | None
) -> tuple[MetricResult, ...]:
    """Return results whose estimates say whether they were planned; None where there is no plan."""
    if standing is None:
        return tuple(results)
    return tuple(
        attrs.evolve(
            result,
            estimates=[
                attrs.evolve(e, planned=standing.planned(result.metric, e.measure))
                for e in result.estimates
            ],
        )
        for result in results
    )


def plan_table(standing: Standing) -> Table:
    """Return the plan beside what was done, deviations first."""
    order = {kind: i for i, kind in enumerate(KEPT)}
    rows = sorted(standing.deviations, key=lambda d: order[d.kind])
    return Table(
        id=PLAN_TABLE,
        title="What was planned, and what was done",
        columns=(
            Column(name="key", label="Decision", kind="dimension"),
            Column(name="kind", label="Held against the plan", kind="text"),
            Column(name="planned", label="Planned", kind="text"),
            Column(name="done", label="Done", kind="text"),
        ),
        rows=[(d.key, d.kind, d.planned, d.done) for d in rows],
        note=" ".join(standing.sentences()),
    )


def plan_warnings(standing: Standing) -> list[str]:
    """Return what readers of the results must know, where the plan was not kept as it was."""
    kept = all(d.kind in ("as planned", "carried on") or not d.material
               for d in standing.deviations)  # fmt: skip
    return [] if kept and not (standing.late or standing.tampered) else list(
        standing.sentences()[1:]
    )  # fmt: skip


def diagnose_study(plan: Plan, *, progress: Progress, simulations: int = 500) -> Diagnosis:
    """Simulate a study's own design for its primary outcome: what it could detect.

    Outcomes of treated schools from joining on are blanked before anything is worked out.

    Raises
    ------
    InputError
        With every fault of the study or its data.
    EstimationError
        When there is no panel of the primary outcome, or nothing to simulate.
    """
    from impactkit.pipeline.inspect import inspect_study
    from impactkit.planning import diagnose, estimate_variances, panel_design

    seen = inspect_study(plan, progress=progress)
    errors = [*plan.errors, *(p for p in seen.problems if p.severity == "error")]
    if errors:
        raise InputError(errors)
    design = plan.study.design
    panel = next((p for p in seen.panels if p.measure in design.outcome[:1]), None)
    if panel is None:
        raise EstimationError(
            "there is no panel of the primary outcome; a diagnosis needs outcomes, memberships and "
            "a first `outcome` under [design]"
        )
    columns = {"unit": "school_key", "time": "year", "cohort": "cohort"}
    if design.cluster == "partnership":
        columns["cluster"] = "cluster"
    progress("Simulating", 0, 1)
    control = ":nevertreated" if design.control == "nevertreated" else ""
    return diagnose(
        panel_design(panel.frame, **columns),
        variance_from=estimate_variances(
            panel.frame, **columns, outcome="value", anticipation=design.anticipation
        ),
        estimators=(f"att_gt:simple{control}", f"att_gt:simple{control}:cr2", "twfe"),
        simulations=simulations,
        seed=plan.study.seed,
        level=design.level,
        unit=panel.effect_unit,
    )
