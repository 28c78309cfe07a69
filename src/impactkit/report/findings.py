"""The part of the report that one metric has: answers, figures, tables, and how it was worked out.

A check that was not passed and a warning of the main estimate stand right under the answer: whoever
reads the answer must meet them. Everything else about the method is folded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from impactkit.report.answers import no_difference
from impactkit.report.figures import figures_of
from impactkit.report.parts import Part, slug
from impactkit.report.phrases import (
    check_name,
    clean,
    count,
    humanise,
    note_text,
    p_words,
    sentence,
    unit_words,
)
from impactkit.report.pictures import chosen
from impactkit.report.summary import answers
from impactkit.report.tables import estimate_table, exclusion_table, without_empty_columns
from impactkit.results import Diagnostic, Estimate, MetricResult, Table

FEW = 24
"""Up to this many estimates stand open on the page when no chart picks among them."""

_VARIANCES = 3


def metric_part(
    result: MetricResult,
    labels: Mapping[str, str],
    directions: Mapping[str, str],
    known: Sequence[Mapping[str, Any]] = (),
) -> Part:
    """Return the part of one metric; with several measures, each has a part of its own within.

    `known` are the measures' entries in the registry.
    """
    key = slug(result.metric)
    title = clean(result.title) or humanise(result.metric)
    measures = list(dict.fromkeys(e.measure for e in result.estimates))
    each = [_measure(result, m, f"{key}-{slug(m)}", labels, directions, known) for m in measures]
    local = "This metric is local: it was written for this study and is not part of the package."
    whole = Part(
        id=f"metric-{key}",
        title=title,
        lead=[text for text in (clean(result.question), local if result.local else "") if text],
        figures=figures_of(
            [c for c in result.charts if c.data != "estimates"],
            (),
            result.tables,
            key,
            labels,
            known,
        ),
        tables=[without_empty_columns(t) for t in result.tables],
        parts=_kept(
            Part(
                id=f"{key}-caveats",
                title="What to bear in mind",
                points=[
                    *(note_text(n) for n in result.notes),
                    *map(clean, result.card.get("caveats") or ()),
                ],
            ),
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
                id=f"{key}-left-out",
                title="Left out of this metric",
                tables=_exclusions(f"{key}-left-out", title, result, labels),
                folded=True,
            ),
        ),
    )
    if len(each) == 1:
        return whole.joined(each[0])
    return whole.with_first(each)


def _kept(*parts: Part) -> list[Part]:
    return [part for part in parts if not part.empty]


def _measure(
    result: MetricResult,
    measure: str,
    key: str,
    labels: Mapping[str, str],
    directions: Mapping[str, str],
    known: Sequence[Mapping[str, Any]],
) -> Part:
    estimates = [e for e in result.estimates if e.measure == measure]
    charts = [c for c in result.charts if c.data == "estimates"]
    first = [(e, a) for e, a in answers(result, directions, labels) if e.measure == measure]
    shown = {id(e) for e, _ in first} | {id(e) for c in charts for e in chosen(c, estimates)}
    main = [e for e in estimates if id(e) in shown]
    rest = [e for e in estimates if id(e) not in shown]
    if not charts and len(estimates) <= FEW:
        main, rest = estimates, []
    title = labels.get(measure, humanise(measure)) if measure else ""
    title = title or clean(result.title) or humanise(result.metric)
    failed = [
        f"A check was not passed. {_check(d, labels)}"
        for d in result.diagnostics
        if d.passed is False and d.measure in ("", measure)
    ]
    warned = [sentence(w) for e, _ in first for w in e.warnings]
    if any(e.planned is False for e, _ in first):
        warned.append("Exploratory: no plan made beforehand has it as it was done.")
    return Part(
        id=f"measure-{key}",
        title=title,
        answers=[a for _, a in first],
        cautions=list(dict.fromkeys([*failed, *warned])),
        figures=figures_of(charts, estimates, (), key, labels, known),
        tables=_tables(f"{key}-estimates", f"{title}: estimates", main),
        parts=_kept(
            Part(
                id=f"{key}-rest",
                title=f"{count(len(rest), 'further estimate').capitalize()}",
                tables=_tables(f"{key}-further", f"{title}: further estimates", rest),
                folded=True,
            )
        ),
    )


def _tables(key: str, title: str, estimates: Sequence[Estimate]) -> list[Table]:
    """Return one table a unit: figures in different units don't belong in one column."""
    units: dict[str, list[Estimate]] = {}
    for e in estimates:
        units.setdefault(unit_words(e.unit, contrast=no_difference(e) == 0.0), []).append(e)
    return [
        estimate_table(
            f"{key}-{i}" if i else key,
            f"{title} ({unit})" if unit else title,
            members,
        )
        for i, (unit, members) in enumerate(units.items())
    ]


def _exclusions(
    key: str, title: str, result: MetricResult, labels: Mapping[str, str]
) -> list[Table]:
    if not result.exclusions:
        return []
    return [exclusion_table(key, f"{title}: left out", result.exclusions, labels)]


def _check(diagnostic: Diagnostic, labels: Mapping[str, str]) -> str:
    passed = {True: "passed", False: "not passed", None: ""}[diagnostic.passed]
    name = check_name(diagnostic.name)
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
    variances = list(dict.fromkeys(clean(e.variance) for e in result.estimates if e.variance))
    more = len(variances) - _VARIANCES
    if more > 0:
        variances[_VARIANCES:] = [f"and {count(more, 'other way', 'other ways')}, in estimates.csv"]
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
        return ", ".join(_plain(v) for v in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not set" if value in (None, "") else clean(value)
