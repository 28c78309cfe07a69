"""What the report holds and in which order: a list of parts, for the page and the workbook alike.

A part has sentences, figures, tables and further parts; nothing in it is markup. A head teacher or
governor reads from the top and stops where they like; methods come last, and in collapsed parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from impactkit.report import annex
from impactkit.report.flow import count_table, counts_by_measure, steps
from impactkit.report.parts import Figure, Part, Report, slug
from impactkit.report.phrases import (
    clean,
    count,
    digits_for,
    humanise,
    no_difference,
    note_text,
    unit_words,
    verdict,
)
from impactkit.report.pictures import Picture, describe, pictures
from impactkit.report.summary import (
    answers,
    compared,
    directions_of,
    headlines,
    labels_of,
    primary,
    summarise,
)
from impactkit.report.tables import (
    estimate_table,
    exclusion_table,
    heading,
    without_empty_columns,
)
from impactkit.results import (
    Chart,
    Column,
    Diagnostic,
    Estimate,
    Evaluation,
    MetricResult,
    Note,
    Table,
)

IN_PAGE = 40
"""Tables longer than this are collapsed on the page; the workbook shows all in full."""


def build(evaluation: Evaluation) -> Report:
    """Return the report of an evaluation."""
    labels, directions = labels_of(evaluation), directions_of(evaluation)
    done = [r for r in evaluation.results if r.status == "ok"]
    found = [a for r in done for a in answers(r, directions, labels)]
    parts = [
        Part(id="comparison", title="What was compared with what", lead=compared(evaluation)),
        Part(
            id="results",
            title="Results",
            lead=() if done else ("No metric gave a result.",),
            parts=[_metric(r, labels, directions) for r in done],
        ),
        _not_run(evaluation.results),
        *(_contributed(s.id, s) for s in evaluation.sections),
        _left_out(evaluation, labels),
        Part(
            id="further",
            title="Further tables",
            tables=[without_empty_columns(t) for t in evaluation.tables],
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
        summary=tuple(summarise(evaluation, found)),
        cautions=tuple(dict.fromkeys(clean(w) for w in evaluation.warnings)),
        parts=tuple(part for part in parts if not part.empty),
    )


def _metric(result: MetricResult, labels: Mapping[str, str], directions: Mapping[str, str]) -> Part:
    key = slug(result.metric)
    figures = _figures(result.charts, result.estimates, result.tables, key, labels)
    drawn = {id(e) for chart in result.charts for e in _drawn(chart, result.estimates)}
    first = {id(e) for e in headlines(result)}
    main = [e for e in result.estimates if id(e) in first or id(e) in drawn]
    rest = [e for e in result.estimates if id(e) not in first and id(e) not in drawn]
    if not main:
        main, rest = (rest, []) if len(rest) <= IN_PAGE else ([], rest)
    title = clean(result.title) or humanise(result.metric)
    local = (
        ("This metric is local: it was written for this study and is not part of the package.",)
        if result.local
        else ()
    )
    card = result.card
    return Part(
        id=f"metric-{key}",
        title=title,
        lead=(*((clean(result.question),) if result.question else ()), *local),
        answers=[a for _, a in answers(result, directions, labels)],
        figures=figures,
        tables=[
            *(
                [estimate_table(f"{key}-estimates", f"{title}: estimates", main, labels)]
                if main
                else []
            ),
            *(without_empty_columns(t) for t in result.tables),
        ],
        points=[*(note_text(n) for n in result.notes), *map(clean, card.get("caveats") or ())],
        parts=[
            part
            for part in (
                Part(
                    id=f"{key}-checks",
                    title="Checks that the method makes on itself",
                    points=[_check(d, labels) for d in result.diagnostics],
                    folded=True,
                ),
                Part(
                    id=f"{key}-card",
                    title="How it is defined and worked out",
                    lead=_card(result),
                    folded=True,
                ),
                Part(
                    id=f"{key}-rest",
                    title=f"{count(len(rest), 'further estimate').capitalize()}",
                    tables=[
                        estimate_table(
                            f"{key}-further", f"{title}: further estimates", rest, labels
                        )
                    ]
                    if rest
                    else [],
                    folded=True,
                ),
                Part(
                    id=f"{key}-left-out",
                    title="Left out of this metric",
                    tables=[
                        exclusion_table(
                            f"{key}-left-out", f"{title}: left out", result.exclusions, labels
                        )
                    ]
                    if result.exclusions
                    else [],
                    folded=True,
                ),
            )
            if not part.empty
        ],
    )


def _drawn(chart: Chart, estimates: Sequence[Estimate]) -> list[Estimate]:
    if chart.data != "estimates":
        return []
    return [
        e
        for e in estimates
        if e.term and all(str(getattr(e, k, "")) == v for k, v in chart.where.items())
    ]


def _figures(
    charts: Iterable[Chart],
    estimates: Sequence[Estimate],
    tables: Sequence[Table],
    key: str,
    labels: Mapping[str, str],
) -> list[Figure]:
    figures: list[Figure] = []
    for chart in charts:
        for picture in pictures(chart, estimates, tables):
            family = [e for e in estimates if e.measure == picture.measure]
            whole = next((e for e in family if not e.term), None)
            active = _active_title(picture, whole, labels)
            titles = [t for t in (active, clean(chart.title)) if t] or [humanise(chart.id)]
            scale = clean(chart.y_title) or _scale(chart, family, tables)
            subtitle = " – ".join([*titles[1:], *([scale] if scale else [])])
            drawn = [e for e in family if e.term] if chart.data == "estimates" else []
            figures.append(
                Figure(
                    id=f"figure-{key}-{len(figures) + 1}",
                    title=titles[0],
                    subtitle=subtitle,
                    key=_key(picture),
                    alt=describe(picture, digits_for(drawn)),
                    picture=picture,
                )
            )
    return figures


def _scale(chart: Chart, family: Sequence[Estimate], tables: Sequence[Table]) -> str:
    """Return what the picture measures, in what unit, for a chart that doesn't say so."""
    if chart.data == "estimates":
        return unit_words(family[0].unit, contrast=no_difference(family[0]) == 0.0)
    columns = next(t.columns for t in tables if t.id == chart.data)
    return next((heading(c) for c in columns if c.name == chart.y), "")


def _active_title(picture: Picture, whole: Estimate | None, labels: Mapping[str, str]) -> str:
    """Say the finding in ten words or fewer, where the picture is of an effect over time."""
    if picture.chart.kind != "event_study" or whole is None:
        return ""
    name = labels.get(picture.measure, humanise(picture.measure))
    said = {
        "unclear": ("No clear change after joining", f"{name}: no clear change after joining"),
        "higher": ("Estimated higher after joining", f"{name}: estimated higher after joining"),
        "lower": ("Estimated lower after joining", f"{name}: estimated lower after joining"),
    }.get(verdict(whole))
    if said is None:
        return ""
    short, full = said
    return full if len(full.split()) <= 10 and picture.measure else short


def _key(picture: Picture) -> str:
    parts = []
    points = picture.points
    if picture.chart.kind == "event_study":
        parts.append(
            "Points are estimates; thick lines are intervals for that year alone; the level line "
            "is no difference."
        )
        if any(p.band_low is not None for p in points):
            parts.append("Thin lines with end marks hold for all years together.")
        if any(p.low is None for p in points):
            parts.append("The open point is the year that the others are compared with.")
    elif any(p.low is not None for p in points):
        shape = "Shaded areas" if picture.chart.kind in ("line", "step") else "Lines"
        parts.append(f"{shape} are intervals.")
    if picture.missing:
        parts.append(f"{count(picture.missing, 'value')} not drawn: see the table.".capitalize())
    return " ".join(parts)


def _check(diagnostic: Diagnostic, labels: Mapping[str, str]) -> str:
    passed = {True: "passed", False: "not passed", None: ""}[diagnostic.passed]
    name = humanise(diagnostic.name)
    if diagnostic.measure:
        name += f" ({labels.get(diagnostic.measure, humanise(diagnostic.measure))})"
    value = diagnostic.value
    facts = [
        passed,
        "" if value is None else f"{value:.4g}" if isinstance(value, float) else clean(value),
        "" if diagnostic.p_value is None else p_words(diagnostic.p_value),
    ]
    said = ", ".join(fact for fact in facts if fact)
    return " ".join(
        p for p in (f"{name}: {said}." if said else f"{name}.", clean(diagnostic.text)) if p
    )


def p_words(p: float) -> str:
    """Return a p-value as papers write it."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _card(result: MetricResult) -> list[str]:
    card = result.card
    lines = [
        f"{words}: {clean(card[name])}"
        for name, words in (
            ("definition", "Definition"),
            ("formula", "Formula"),
            ("source", "Source"),
        )
        if card.get(name)
    ]
    if card.get("ours"):
        lines.append("This definition is this project's own proposal, not an official one.")
    methods = dict.fromkeys(clean(e.method) for e in result.estimates if e.method)
    variances = dict.fromkeys(clean(e.variance) for e in result.estimates if e.variance)
    clusters = next((e for e in result.estimates if e.n_clusters is not None), None)
    lines += [f"Method: {'; '.join(methods)}"] if methods else []
    lines += [f"Intervals: {'; '.join(variances)}"] if variances else []
    if clusters is not None and clusters.n_clusters is not None:
        treated = clusters.n_treated_clusters
        among = f", {count(treated, 'treated cluster')} among them" if treated is not None else ""
        lines.append(f"Clusters: {count(clusters.n_clusters, 'cluster')}{among}")
    if result.params:
        settings = (f"{k} = {_plain(v)}" for k, v in sorted(result.params.items()))
        lines.append(f"Settings: {'; '.join(settings)}")
    made = " ".join(p for p in (clean(result.plugin), clean(result.plugin_version)) if p)
    if made:
        lines.append(f"Metric {clean(result.metric)} of {made}")
    return [line.rstrip(".") + "." for line in lines]


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_plain(v) for v in value) or "empty"
    return "not set" if value is None else clean(value)


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


def _contributed(key: str, section: Any) -> Part:
    notes: Iterable[Note] = section.notes
    return Part(
        id=f"section-{slug(key)}",
        title=clean(section.title) or humanise(key),
        lead=(f"Contributed by {clean(section.plugin)}.",),
        points=[note_text(n) for n in notes],
        figures=_figures(section.charts, (), section.tables, f"section-{slug(key)}", {}),
        tables=[without_empty_columns(t) for t in section.tables],
    )


def _left_out(evaluation: Evaluation, labels: Mapping[str, str]) -> Part:
    first = primary(evaluation)
    parts = []
    for measure, counts in counts_by_measure(evaluation.exclusions).items():
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
        lead=("Nothing is dropped without being counted here.",) if parts else (),
        parts=parts,
    )
