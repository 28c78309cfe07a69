"""What a metric is given: its declared columns, its parameters, and the study's design to call."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from impactkit.declarations import Needs
from impactkit.metrics import MetricContext, Panel
from impactkit.pipeline import effects
from impactkit.pipeline.ground import Applied, Ground
from impactkit.pipeline.resolve import PlannedMetric

if TYPE_CHECKING:
    import polars as pl

    from impactkit.results import Estimate


def seed_of(study_seed: int, metric: str) -> int:
    """Mix the study's seed with the metric's id: adding a metric changes no other's draws."""
    digest = hashlib.sha256(f"{study_seed}:{metric}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def narrowed(needs: Needs, ground: Ground) -> dict[str, pl.DataFrame]:
    """Return the declared columns of the declared tables, and nothing else."""
    frames: dict[str, pl.DataFrame] = {}
    for source in (needs.tables, needs.optional):
        for table, columns in source.items():
            if table not in ground.tables:
                continue
            frame = ground.for_metrics(table)
            have = [*frames[table].columns] if table in frames else []
            have += [c for c in columns if c in frame.columns and c not in have]
            frames[table] = frame.select(have)
    return frames


def _standardise(frame: pl.DataFrame, how: str) -> pl.DataFrame:
    from impactkit.panel.standardise import standardise

    return standardise(frame, how)


def context_for(planned: PlannedMetric, ground: Ground) -> MetricContext:
    """Return the context of one metric: declared columns only."""
    metric, plan = planned.metric, ground.plan
    seed = seed_of(plan.study.seed, metric.id)

    def build(data: str | pl.DataFrame, **options: Any) -> Panel:
        return ground.panel(data, metric=metric.id, unit=metric.unit, **options)

    def panel_of(data: str | pl.DataFrame | Panel) -> Panel:
        return data if isinstance(data, Panel) else build(data)

    def run(data: str | pl.DataFrame | Panel, **options: Any) -> Any:
        assert plan.estimator is not None
        return effects.fit(panel_of(data), plan.study.design, plan.estimator, seed=seed, **options)

    def effect(data: str | pl.DataFrame | Panel, **options: Any) -> Any:
        assert plan.estimator is not None
        panel = panel_of(data)
        labels = {metric.id: metric.title, **{m.id: m.label for m in ground.measures.values()}}
        label = labels.get(panel.measure, "")

        def record(headline: Estimate, by_cluster: pl.DataFrame) -> None:
            if headline.value is not None:
                known = (metric.id, headline.measure, headline.value)
                ground.influences[known] = by_cluster

        found = effects.effect(
            panel,
            plan.study.design,
            plan.estimator,
            metric=metric.id,
            seed=seed,
            **{"label": label, "record": record, **options},
        )
        if not isinstance(data, Panel):
            shown = {k: v for k, v in options.items() if k not in ("label", "cells")}
            ground.applied.append(Applied(metric=metric.id, data=data, panel=panel, options=shown))
        # What the study's own outcomes leave out is told once, for the whole evaluation.
        shared = panel.measure in plan.study.design.outcome
        return (*found, *(() if shared else panel.exclusions))

    return MetricContext(
        metric=metric.id,
        tables=narrowed(metric.needs, ground),
        params=planned.params,
        design=plan.study.design,
        seed=seed,
        years=ground.years,
        measures=dict(ground.measures),
        build_panel=build,
        run_estimator=run,
        run_effect=effect,
        run_standardise=_standardise,
    )
