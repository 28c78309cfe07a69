"""One metric, run so that whatever it does costs itself only."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.errors import EstimationError, MetricError
from impactkit.metrics import MetricContext
from impactkit.pipeline.contexts import context_for
from impactkit.pipeline.ground import Ground
from impactkit.pipeline.resolve import PlannedMetric, missing
from impactkit.pipeline.returned import HOMES, collected, computed
from impactkit.plugins import guarded, spare, words_of
from impactkit.results import Estimate, MetricResult

if TYPE_CHECKING:
    import polars as pl

    from impactkit.plugins import PluginInfo

KEY = "school_key"

TOLD_ROWS = 100
"""Fewer rows than these are not counted in messages: they may be a few people's."""


def run_metric(planned: PlannedMetric, ground: Ground) -> MetricResult:
    """Run one metric; whatever it does costs itself only."""
    metric, registry = planned.metric, ground.plan.registry
    owner = registry.owner("metrics", metric.id)
    blank = MetricResult(
        metric=metric.id,
        title=metric.title,
        question=metric.question,
        unit=metric.unit,
        direction=metric.direction,
        params=attrs.asdict(planned.params) if planned.params is not None else {},
        card=attrs.asdict(metric.card) if metric.card else {},
        plugin=owner.name,
        plugin_version=owner.version,
        content_hash=owner.content_hash,
        local=owner.local,
    )
    available = {name: set(frame.columns) for name, frame in ground.tables.items()}
    lacking = planned.missing or missing(metric, available)
    if lacking:
        return attrs.evolve(blank, status="skipped", reason=f"the study lacks {'; '.join(lacking)}")
    context = context_for(planned, ground)
    _tell(ground, planned, "impactkit_before_metric", metric=metric)
    try:
        parts, seconds = _worked_out(planned, ground, owner, context)
        result = attrs.evolve(
            blank, cpu_seconds=seconds, **{name: getattr(parts, name) for name in HOMES.values()}
        )
    except EstimationError as error:
        no_estimate = Estimate(
            metric=metric.id, status="not_estimable", reason=str(error), unit=metric.unit
        )
        result = attrs.evolve(blank, estimates=(no_estimate,))
    except BaseException as error:
        spare(error)
        words = str(error) if isinstance(error, MetricError) else words_of(error)
        reason = "; ".join(part for part in (words, _shape(context.tables)) if part)
        result = attrs.evolve(blank, status="failed", reason=reason)
    _tell(ground, planned, "impactkit_after_metric", result=result)
    return result


def _worked_out(
    planned: PlannedMetric, ground: Ground, owner: PluginInfo, context: MetricContext
) -> tuple[MetricResult, float]:
    """Return what a metric found, and the CPU seconds of its own code and its design.

    Metrics of plugins that were not made with core run in a worker process.
    """
    metric, study = planned.metric, ground.plan.study
    begun, apart = time.process_time(), 0.0
    with guarded() as seen:
        if owner.origin is not None and not owner.first_party:
            from impactkit.pipeline.apart import computed_apart
            from impactkit.pipeline.worker import can_limit_memory

            memory = study.plugins_memory_mb
            if memory and not can_limit_memory():
                memory = 0
                unkept = f"metric {metric.id}: `memory_mb` cannot be kept on this system"
                ground.plan.registry.blame(owner.name, unkept)
            given, apart = computed_apart(
                metric, owner, context, seconds=study.plugins_timeout, memory_mb=memory
            )
        else:
            given = computed(metric, context)
        parts = given if isinstance(given, MetricResult) else _designed(planned, context, given)
    for fault in (*seen.faults, *(f"it replaced {name}" for name in seen.patched)):
        ground.plan.registry.blame(owner.name, f"metric {metric.id}: {fault}")
    return parts, time.process_time() - begun + apart


def _designed(planned: PlannedMetric, context: MetricContext, frame: pl.DataFrame) -> MetricResult:
    """Apply the study's design to an outcome metric's frame."""
    if frame["value"].drop_nulls().is_empty():
        raise EstimationError(
            f"it gave {'rows without any value' if frame.height else 'no rows'}; does it look for "
            "a measure, or a kind of school, that these data do not have?"
        )
    if "weight" in frame.columns and not (frame["weight"].fill_null(0) > 0).any():
        raise EstimationError("none of its rows has a weight above nought, so none would count")
    schools = {key for table in context.tables.values() if KEY in table for key in table[KEY]}
    if schools and schools.isdisjoint(frame[KEY]):
        raise EstimationError(
            "none of its schools is in the study; take `school_key` from the tables as it is"
        )
    return collected(planned.metric, context.effect(frame))


def _shape(tables: Mapping[str, Any]) -> str:
    """Say what a metric was given, for whoever is to find out why it failed."""
    told = [
        f"{name} ({f'{frame.height:,}' if frame.height >= TOLD_ROWS else 'few'} rows of "
        f"{', '.join(frame.columns)})"
        for name, frame in tables.items()
    ]
    return f"given {' and '.join(told)}" if told else ""


def _tell(ground: Ground, planned: PlannedMetric, hook: str, **what: Any) -> None:
    """Tell the plugins that watch; each hears of copies, so that none can change anything."""
    registry = ground.plan.registry
    if registry.listens(hook):
        context = context_for(planned, ground)
        context = attrs.evolve(context, params=copy.deepcopy(context.params))
        for info, fault in registry.tell(hook, **copy.deepcopy(what), context=context):
            registry.blame(info.name, fault)
