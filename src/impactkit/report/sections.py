"""What the report holds and in which order: a list of parts, for the page and the workbook alike.

A part has sentences, figures, tables and further parts; nothing in it is markup. A head teacher or
governor reads from the top and stops where they like; methods come last, and in collapsed parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from impactkit.report import annex
from impactkit.report.figures import figures_of
from impactkit.report.findings import metric_part
from impactkit.report.flow import count_table, counts_by_measure, steps
from impactkit.report.parts import Part, Report, slug
from impactkit.report.phrases import (
    clean,
    humanise,
    note_text,
)
from impactkit.report.strength import is_of_strength, line, strength_part
from impactkit.report.summary import (
    answers,
    compared,
    directions_of,
    labels_of,
    primary,
    summarise,
)
from impactkit.report.tables import (
    exclusion_table,
    without_empty_columns,
)
from impactkit.results import (
    Column,
    Evaluation,
    MetricResult,
    Note,
    Table,
)

IN_PAGE = 40
"""Tables longer than this are collapsed on the page; the workbook shows all in full."""

CORE = "core"
"""The plugin whose sections are this package's own."""
PLAN = "plan"
"""The table that holds the locked plan against what was run."""


def build(evaluation: Evaluation) -> Report:
    """Return the report of an evaluation."""
    labels, directions = labels_of(evaluation), directions_of(evaluation)
    main = primary(evaluation)
    done = [r for r in evaluation.results if r.status == "ok"]
    # Results stand in the order in which they were run, but for what the summary calls the main
    # one.
    done.sort(key=lambda r: all(e is not main for e in r.estimates))
    found = [a for r in done for a in answers(r, directions, labels)]
    parts = [
        Part(id="comparison", title="What was compared with what", lead=compared(evaluation)),
        *(_planned(t) for t in evaluation.tables if t.id == PLAN),
        Part(
            id="results",
            title="Results",
            lead=() if done else ("No metric gave a result.",),
            parts=[metric_part(r, labels, directions, evaluation.measures) for r in done],
        ),
        strength_part(evaluation),
        _not_run(evaluation.results),
        *(_contributed(s.id, s, evaluation.measures) for s in evaluation.sections),
        _left_out(evaluation, labels),
        Part(
            id="further",
            title="Further tables",
            tables=[
                without_empty_columns(t)
                for t in evaluation.tables
                if t.id != PLAN and not is_of_strength(t)
            ],
        ),
        annex.sources(evaluation),
        annex.problems(evaluation),
        annex.plugins(evaluation),
        annex.disclosure(evaluation),
        annex.glossary(),
        annex.methods(evaluation),
    ]
    return Report(
        title=clean(evaluation.title) or "Evaluation",
        strength=line(evaluation),
        summary=tuple(summarise(evaluation, found)),
        cautions=tuple(dict.fromkeys(clean(w) for w in evaluation.warnings)),
        parts=tuple(part for part in parts if not part.empty),
    )


def _planned(table: Table) -> Part:
    every = Part(id="plan-all", title="Every decision", tables=[table], folded=True)
    kind = [column.name for column in table.columns].index("kind")
    others = [row for row in table.rows if row[kind] != "as planned"]
    told = attrs.evolve(table, id="plan-others", title="Not as planned", rows=others, note="")
    return Part(
        id="plan",
        title=table.title,
        lead=(table.note,),
        tables=[told] if others else [],
        parts=[every],
    )


def _not_run(results: Iterable[MetricResult]) -> Part:
    rows = [
        [
            clean(r.title) or humanise(r.metric),
            {"skipped": "Not run", "failed": "Failed"}[r.status],
            clean(r.reason) or "no reason was recorded",
            clean(r.metric),
        ]
        for r in results
        if r.status != "ok"
    ]
    columns = [
        Column(name="title", label="Metric", kind="dimension"),
        Column(name="status", label="What happened", kind="text"),
        Column(name="reason", label="What was missing or went wrong", kind="text"),
        Column(name="id", label="Id", kind="text"),
    ]
    table = Table(id="not-run", title="Metrics without a result", columns=columns, rows=rows)
    return Part(id="not-run", title="What could not be answered", tables=[table] if rows else [])


def _contributed(key: str, section: Any, measures: Sequence[Mapping[str, Any]]) -> Part:
    notes: Iterable[Note] = section.notes
    return Part(
        id=f"section-{slug(key)}",
        title=clean(section.title) or humanise(key),
        lead=() if section.plugin == CORE else (f"Contributed by {clean(section.plugin)}.",),
        points=[note_text(n) for n in notes],
        figures=figures_of(
            section.charts, (), section.tables, f"section-{slug(key)}", {}, measures
        ),
        tables=[without_empty_columns(t) for t in section.tables],
    )


def _left_out(evaluation: Evaluation, labels: Mapping[str, str]) -> Part:
    first = primary(evaluation)
    parts = []
    found = counts_by_measure(evaluation.exclusions)
    listed = [m for m in labels if m in found]
    for measure in [*listed, *sorted(found.keys() - set(listed))]:
        counts = found[measure]
        name = labels.get(measure, humanise(measure)) if measure else "The study as a whole"
        key = slug(measure) or "study"
        used = first if first is not None and first.measure == measure else None
        table = count_table(f"counts-{key}", f"{name}: counts", counts)
        every = Part(id=f"counts-{key}", title="All the counts", tables=[table], folded=True)
        parts.append(Part(id=f"flow-{key}", title=name, flow=steps(counts, used), parts=[every]))
    reasons = exclusion_table("left-out", "What was left out, and why", evaluation.excluded, labels)
    if reasons.rows:
        parts.append(Part(id="left-out-reasons", title="The reasons", tables=[reasons]))
    return Part(
        id="left-out",
        title="Who is in and who is left out",
        lead=(
            "Schools that were left out are counted here, with the reason. Rows of files that were "
            "set aside are counted under the data that were used.",
        )
        if parts
        else (),
        parts=parts,
    )
