"""What a metric is given: its declared columns, its parameters, and the study's design to call."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.metrics import MetricContext, Panel
from impactkit.pipeline import effects
from impactkit.pipeline.plan import Plan, PlannedMetric

if TYPE_CHECKING:
    import polars as pl

    from impactkit.lineage import Lineage
    from impactkit.types import Measure


@attrs.frozen(kw_only=True, eq=False)
class Ground:
    """What all metrics of a run stand on: tables with a `school_key`, lineage, panels."""

    plan: Plan
    tables: Mapping[str, pl.DataFrame]
    lineage: Lineage | None
    years: tuple[int, ...]
    _panels: dict[str, Panel] = attrs.field(factory=dict, repr=False)

    def panel(self, data: str | pl.DataFrame, *, metric: str = "", **options: Any) -> Panel:
        """Return the panel of a measure (made once), or of a metric's own tidy frame."""
        if isinstance(data, str):
            key = f"{data} {sorted(options.items())}"
            if key not in self._panels:
                self._panels[key] = self._build(self.tables["outcomes"], data, **options)
            return self._panels[key]
        import polars as pl

        frame = data.with_columns(
            measure=pl.lit(metric), subgroup=pl.lit("all"), status=pl.lit("ok")
        )
        return self._build(frame, metric, **options)

    def _build(self, outcomes: pl.DataFrame, measure: str, **options: Any) -> Panel:
        from impactkit.panel import build_panel

        design = self.plan.study.design
        condition = design.condition
        settings = {
            "years": design.years,
            "treated": condition.expr() if condition else None,
            "balance": design.balance,
            "min_before": design.min_before,
            "min_after": design.min_after,
            **options,
        }
        known = self.measure(measure)
        return build_panel(
            outcomes,
            self.tables["memberships"],
            self.lineage,
            measure=measure,
            unit=known.unit if known else "",
            **settings,
        )

    def measure(self, name: str) -> Measure | None:
        """Return the registry's entry of a measure; None for a metric's own frame."""
        return self.plan.registry.measures.get(name)


def seed_of(study_seed: int, metric: str) -> int:
    """Mix the study's seed with the metric's id: adding a metric changes no other's draws."""
    digest = hashlib.sha256(f"{study_seed}:{metric}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def context_for(planned: PlannedMetric, ground: Ground) -> MetricContext:
    """Return the context of one metric: declared columns only."""
    metric, plan = planned.metric, ground.plan
    seed = seed_of(plan.study.seed, metric.id)
    narrowed: dict[str, pl.DataFrame] = {}
    for source in (metric.needs.tables, metric.needs.optional):
        for table, columns in source.items():
            if table not in ground.tables:
                continue
            frame = ground.tables[table]
            have = [*narrowed[table].columns] if table in narrowed else []
            have += [c for c in columns if c in frame.columns and c not in have]
            narrowed[table] = frame.select(have)

    def build(data: str | pl.DataFrame, **options: Any) -> Panel:
        return ground.panel(data, metric=metric.id, **options)

    def panel_of(data: str | pl.DataFrame | Panel) -> Panel:
        return data if isinstance(data, Panel) else build(data)

    def run(data: str | pl.DataFrame | Panel, **options: Any) -> Any:
        assert plan.estimator is not None
        return effects.fit(panel_of(data), plan.study.design, plan.estimator, seed=seed, **options)

    def effect(data: str | pl.DataFrame | Panel, **options: Any) -> Any:
        assert plan.estimator is not None
        panel = panel_of(data)
        known = ground.measure(panel.measure)
        about = {"label": known.label, "direction": known.direction} if known else {}
        return tuple(
            effects.effect(
                panel,
                plan.study.design,
                plan.estimator,
                metric=metric.id,
                seed=seed,
                **{**about, **options},
            )
        )

    return MetricContext(
        metric=metric.id,
        tables=narrowed,
        params=planned.params,
        design=plan.study.design,
        seed=seed,
        years=ground.years,
        measures=dict(plan.registry.measures),
        build_panel=build,
        run_estimator=run,
        run_effect=effect,
    )
