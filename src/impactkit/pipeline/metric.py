"""One metric, run so that whatever it does costs itself only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.declarations import Metric, load_code
from impactkit.errors import EstimationError
from impactkit.metrics import MetricContext
from impactkit.pipeline.contexts import context_for
from impactkit.pipeline.ground import Ground
from impactkit.pipeline.resolve import PlannedMetric, missing
from impactkit.plugins import guarded, spare, words_of
from impactkit.results import Chart, Diagnostic, Estimate, Exclusion, MetricResult, Note, Table

if TYPE_CHECKING:
    from impactkit.plugins import PluginInfo


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
    for info, fault in registry.tell("impactkit_before_metric", metric=metric, context=context):
        _blame(ground, info, fault)
    begun = time.process_time()
    try:
        with guarded():
            result = _compute(metric, context, blank)
    except EstimationError as error:
        result = attrs.evolve(
            blank,
            estimates=(
                Estimate(
                    metric=metric.id, status="not_estimable", reason=str(error), unit=metric.unit
                ),
            ),
        )
    except BaseException as error:
        spare(error)
        result = attrs.evolve(blank, status="failed", reason=words_of(error))
    result = attrs.evolve(result, cpu_seconds=time.process_time() - begun)
    for info, fault in registry.tell("impactkit_after_metric", result=result, context=context):
        _blame(ground, info, fault)
    return result


def _blame(ground: Ground, info: PluginInfo, fault: str) -> None:
    ground.plan.registry.blame(info.name, fault)


def _compute(metric: Metric, context: MetricContext, blank: MetricResult) -> MetricResult:
    """Call the metric and sort what it gives into a `MetricResult`."""
    import polars as pl

    given = load_code(metric.compute)(context)
    if metric.shape == "outcome":
        if isinstance(given, pl.LazyFrame):
            given = given.collect()
        given = context.effect(_tidy(metric, given))
    if isinstance(given, MetricResult):
        return attrs.evolve(
            given,
            **{
                name: getattr(blank, name)
                for name in (
                    "metric",
                    "title",
                    "question",
                    "unit",
                    "direction",
                    "params",
                    "card",
                    "plugin",
                    "plugin_version",
                    "content_hash",
                    "local",
                )
            },
        )
    parts = [given] if isinstance(given, Estimate | Table) else list(given or ())
    homes: dict[type, tuple[str, list[Any]]] = {
        Estimate: ("estimates", []),
        Table: ("tables", []),
        Chart: ("charts", []),
        Note: ("notes", []),
        Diagnostic: ("diagnostics", []),
        Exclusion: ("exclusions", []),
    }
    for part in parts:
        if type(part) not in homes:
            raise TypeError(
                f"it gave a {type(part).__name__}; a metric gives Estimate, Table, Chart, Note, "
                "Diagnostic or Exclusion"
            )
        homes[type(part)][1].append(part)
    estimates = [
        attrs.evolve(e, metric=metric.id, unit=e.unit or metric.unit) for e in homes[Estimate][1]
    ]
    gathered: dict[str, Any] = {name: tuple(found) for name, found in homes.values()}
    return attrs.evolve(blank, **{**gathered, "estimates": tuple(estimates)})


def _tidy(metric: Metric, frame: Any) -> Any:
    """Check what an outcome metric returned, naming what is wrong in the author's terms."""
    import polars as pl

    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"an outcome metric returns a polars frame, not a {type(frame).__name__}")
    absent = [c for c in ("school_key", "year", "value") if c not in frame.columns]
    if absent:
        raise ValueError(
            f"the frame has no column {', '.join(absent)}; it has {', '.join(frame.columns)}"
        )
    kept = [c for c in ("school_key", "year", "value", "weight") if c in frame.columns]
    casts = {"school_key": pl.String, "year": pl.Int64, "value": pl.Float64, "weight": pl.Float64}
    frame = frame.select(pl.col(c).cast(casts[c]) for c in kept)
    broken = frame.filter(pl.col("value").is_nan() | pl.col("value").is_infinite()).height
    if broken:
        raise ValueError(f"{broken:,} values are not numbers (NaN or infinite); use null")
    twice = frame.height - frame.select("school_key", "year").unique().height
    if twice:
        raise ValueError(f"{twice:,} school-years appear more than once; return one row for each")
    return frame.drop_nulls("value")
