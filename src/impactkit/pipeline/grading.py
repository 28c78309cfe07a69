"""How strong the evidence is for each effect that the study's design was applied to.

What the run knows of an effect (its panel, the years before, who vanished, what the doctor says) is
put into `Facts`, graded by `impactkit.evidence`, and shown rule by rule: one table an effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from impactkit.evidence import Grade, grade
from impactkit.pipeline.facts import MOST, facts_of
from impactkit.pipeline.ground import Applied, Ground
from impactkit.report.answers import is_effect
from impactkit.results import MetricResult, Table


def graded(
    ground: Ground, results: Iterable[MetricResult]
) -> tuple[tuple[MetricResult, ...], tuple[Table, ...]]:
    """Return the results with a grade on each headline effect, and the tables of the rules.

    An effect is graded where the study's design made it (`MetricContext.effect`): there the run
    knows what it rests on. Parts of it (event times, cohorts) have no grade of their own.
    """
    results = tuple(results)
    done: list[MetricResult] = []
    tables: dict[str, Table] = {}
    for result in results:
        estimates, checks = list(result.estimates), list(result.diagnostics)
        for applied in ground.applied:
            place = _headline(result, applied)
            if place is None or estimates[place].grade is not None:
                continue
            facts, others = facts_of(ground, applied, result, estimates[place])
            found = grade(facts)
            label = _label(ground, applied)
            rules = _table(result, applied, label, found)
            tables[rules.id] = rules
            estimates[place] = attrs.evolve(estimates[place], grade=found.value)
            if others is not None:
                checks.append(others.diagnostic(estimates[place]))
                if not _shown(results, applied.panel.measure):
                    anyway = others.table(label)
                    tables.setdefault(anyway.id, anyway)
        done.append(attrs.evolve(result, estimates=estimates, diagnostics=checks))
    return tuple(done), tuple(tables.values())


def _headline(result: MetricResult, applied: Applied) -> int | None:
    """Return where the estimate stands that leads what the design gave for a measure."""
    if result.metric != applied.metric:
        return None
    whole = (
        j
        for j, e in enumerate(result.estimates)
        if e.measure == applied.panel.measure and not e.term and e.subgroup == "all"
    )
    place = next(whole, None)
    if place is None:
        return None
    first = result.estimates[place]
    return place if first.status == "ok" and first.value is not None and is_effect(first) else None


def _label(ground: Ground, applied: Applied) -> str:
    names: Mapping[str, Any] = {p.metric.id: p.metric.title for p in ground.plan.metrics}
    known = ground.measures.get(applied.panel.measure)
    return known.label if known else str(names.get(applied.panel.measure, applied.panel.measure))


def _table(result: MetricResult, applied: Applied, label: str, found: Grade) -> Table:
    measure = applied.panel.measure
    of = measure if measure == applied.metric else f"{applied.metric}_{measure}"
    about = label if measure == applied.metric else f"{result.title}, {label}"
    table = found.to_table(f"grade_{of.replace('.', '_')}", f"Strength of the evidence: {about}")
    left = (
        f"Partnerships left out one at a time: up to {MOST}, those that pull the result its way "
        "most."
    )
    return attrs.evolve(table, note=f"{table.note}\n{left}")


def _shown(results: Iterable[MetricResult], measure: str) -> bool:
    """Tell whether a metric of recovery (M22) has answered for a measure already."""
    return any(
        e.measure == measure and e.status == "ok"
        for result in results
        if result.card.get("founding") == "M22"
        for e in result.estimates
    )
