"""What the report says first: the answers in a few sentences, and what was compared with what.

No word here is stronger than the design. A study without random assignment can find that schools in
partnerships fared differently; it can't rule out every other reason, and the summary says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from impactkit.report.answers import Answer, answer, is_effect
from impactkit.report.phrases import check_name, clean, count, humanise, listed, word, year_words
from impactkit.report.strength import gated, plainly
from impactkit.report.tables import what
from impactkit.results import Diagnostic, Estimate, Evaluation, MetricResult

FEW = 3
"""Up to this many answers are given one by one; beyond that they are counted by kind."""
MOST_NAMED = 5
"""So many of the clear ones are named; a longer list is not read."""

COMPARISONS = {
    "not_yet_or_never": "schools that had not yet joined a partnership, or never joined one",
    "never": "schools that never joined a partnership",
}
ESTIMATORS = {
    "att_gt": "difference-in-differences for schools that join in different years "
    "(Callaway & Sant'Anna 2021)",
    "did_2x2": "difference-in-differences with two groups and two periods",
    "event_study": "two-way fixed effects event study",
    "sun_abraham": "interaction-weighted event study (Sun & Abraham 2021)",
    "imputation": "imputation (Borusyak, Jaravel & Spiess 2024)",
    "two_stage": "two-stage difference-in-differences (Gardner 2022)",
}


def labels_of(evaluation: Evaluation) -> dict[str, str]:
    """Return the names of measures by id; what a metric measures itself has the metric's title."""
    own = {r.metric: clean(r.title) for r in evaluation.results if r.title}
    return own | {
        str(m["id"]): clean(m.get("label") or humanise(m["id"])) for m in evaluation.measures
    }


def label_of(estimate: Estimate, result: MetricResult, labels: Mapping[str, str]) -> str:
    """Return what an estimate is about, for the start of a sentence."""
    group = "" if estimate.subgroup in ("", "all") else humanise(estimate.subgroup).lower()
    if not is_effect(estimate) and (estimate.estimand or estimate.term):
        return f"{what(estimate)} ({group})" if group else what(estimate)
    if estimate.measure and estimate.measure != result.metric:
        name = labels.get(estimate.measure, humanise(estimate.measure))
    else:
        name = clean(result.title) or humanise(result.metric)
    parts = [p for p in (estimate.subgroup, estimate.term) if p and p != "all"]
    return f"{name} ({', '.join(humanise(p).lower() for p in parts)})" if parts else name


def headlines(result: MetricResult) -> list[Estimate]:
    """Choose the estimates that answer a metric's question.

    The first that stands for the whole (it has no term) of each measure and subgroup; where a
    metric has none, each of its estimates if they are few, else the first: the one it leads with.
    """
    first: dict[tuple[str, str], Estimate] = {}
    for estimate in result.estimates:
        if not estimate.term:
            first.setdefault((estimate.measure, estimate.subgroup), estimate)
    if first:
        return list(first.values())
    return list(result.estimates if len(result.estimates) <= 2 * FEW else result.estimates[:1])


def answers(
    result: MetricResult, directions: Mapping[str, str], labels: Mapping[str, str]
) -> list[tuple[Estimate, Answer]]:
    """Return the answers of one metric with their estimates, in its order."""
    return [
        (e, answer(e, label_of(e, result, labels), directions.get(e.measure, result.direction)))
        for e in headlines(result)
    ]


def directions_of(evaluation: Evaluation) -> dict[str, str]:
    """Return which way is better, by measure id."""
    return {str(m["id"]): str(m.get("direction", "none")) for m in evaluation.measures}


def design_of(evaluation: Evaluation) -> Mapping[str, Any]:
    """Return the study's design as it was recorded; empty when there was none."""
    design = evaluation.study.get("design")
    return design if isinstance(design, Mapping) else {}


def primary(evaluation: Evaluation) -> Estimate | None:
    """Return the estimate for the study's first outcome, or else the first that there is.

    Of several, the one that the study's own design made, which is the one with a grade.
    """
    outcome = next(iter(design_of(evaluation).get("outcome") or ()), None)
    found = [e for r in evaluation.results for e in headlines(r)]
    of_outcome = [e for e in found if e.measure == outcome] or found[:1]
    return next((e for e in of_outcome if e.grade is not None), next(iter(of_outcome), None))


def compared(evaluation: Evaluation) -> list[str]:
    """Say what was compared with what: who, with whom, over which years, and by what method."""
    design, first = design_of(evaluation), primary(evaluation)
    against = COMPARISONS.get(str(design.get("comparison")), "")
    sentences = []
    if first is not None and first.n_schools is not None:
        who = count(first.n_schools, "school")
        if first.n_partnerships is not None:
            who += f" in {count(first.n_partnerships, 'partnership')}"
        whom = against or "other schools"
        if first.n_comparison is not None:
            whom = count(first.n_comparison, "school")
            whom += against.removeprefix("schools") or " outside those partnerships"
        sentences.append(f"The main result compares {who} with {whom}.")
    elif against:
        sentences.append(f"Schools in partnerships are compared with {against}.")
    years = design.get("years")
    if years:
        sentences.append(f"The years are {year_words(years[0])} to {year_words(years[1])}.")
    if design.get("treated"):
        sentences.append(f"A membership counts when its {_condition(str(design['treated']))}.")
    if design.get("estimator"):
        name = str(design["estimator"])
        sentences.append(f"Method: {ESTIMATORS.get(name, humanise(name))}.")
        sentences.append(
            "It asks whether results moved differently in schools after they joined than they did "
            "over the same years in the comparison schools."
        )
    return sentences


def _condition(text: str) -> str:
    """Read a study's condition aloud: ``role in ['client', 'peer']`` -> role is client or peer."""
    text = re.sub(
        r"\b(not )?in\s*\[([^\]]*)\]",
        lambda m: (
            ("is neither " if m[1] else "is ")
            + (" nor " if m[1] else " or ").join(part.strip() for part in m[2].split(","))
        ),
        clean(text),
    )
    for symbol, words in (("==", "is"), ("!=", "is not"), ("'", ""), ('"', "")):
        text = text.replace(symbol, words)
    return " ".join(text.split())


def summarise(evaluation: Evaluation, found: Sequence[tuple[Estimate, Answer]]) -> list[str]:
    """Return the summary: three to six sentences that a governor can read aloud."""
    sentences = compared(evaluation)[:1]
    if not found:
        sentences.append("No estimate could be made from these data.")
    main = primary(evaluation)
    few = len(found) <= FEW
    found = _told(evaluation, found)
    for e, a in found:
        if few or e is main:
            sentences.append(a.headline)
        if e is main:
            sentences += [*_anyway(evaluation), *plainly(evaluation, main)]
    if not few:
        sentences += _the_others([a for e, a in found if e is not main])
    unplanned = sum(e.planned is False for e, _ in found)
    if unplanned == len(found) > 0:
        sentences.append("None of this was planned beforehand as it was done: it is exploratory.")
    elif unplanned:
        sentences.append(
            f"{word(unplanned).capitalize()} of {count(len(found), 'answer')} "
            f"{'was' if unplanned == 1 else 'were'} not planned beforehand: exploratory."
        )
    outcomes = [
        f"{count(n, 'metric')} {verb}"
        for n, verb in (
            (sum(r.status == "skipped" for r in evaluation.results), "could not run on these data"),
            (sum(r.status == "failed" for r in evaluation.results), "failed"),
        )
        if n
    ]
    if outcomes:
        sentences.append(f"{' and '.join(outcomes).capitalize()}; the report says why.")
    if any(a.verdict in ("higher", "lower", "unclear") for _, a in found):
        failed = _failed_checks(evaluation)
        but = f", and the main result did not pass a check ({failed})" if failed else ""
        sentences.append(
            f"Schools were not put into partnerships by chance{but}, so other reasons for a "
            "difference cannot be ruled out."
        )
    return gated(evaluation, sentences, main.grade if main is not None else None)


def _anyway(evaluation: Evaluation) -> list[str]:
    """Return what is left of the main result once recovery is allowed for, if that says else."""
    return [clean(d.text) for d in _failed(evaluation) if d.name == "recovery"]


def _failed_checks(evaluation: Evaluation) -> str:
    return ", ".join(
        check_name(d.name).lower() for d in _failed(evaluation) if d.name != "recovery"
    )


def _failed(evaluation: Evaluation) -> list[Diagnostic]:
    """Return the checks that the main result did not pass."""
    main = primary(evaluation)
    return [
        d
        for result in evaluation.results
        if any(e is main for e in result.estimates)
        for d in result.diagnostics
        if d.passed is False and main is not None and d.measure in ("", main.measure)
    ]


def _told(
    evaluation: Evaluation, found: Sequence[tuple[Estimate, Answer]]
) -> list[tuple[Estimate, Answer]]:
    """Return answers under names that tell them apart beside those of other metrics.

    Two metrics may ask different things of one measure. The one of the main result keeps the name
    of the measure; an effect of another goes by the metric's title.
    """
    of = {id(e): result for result in evaluation.results for e in result.estimates}
    main = primary(evaluation)
    leading = of.get(id(main))
    labels = labels_of(evaluation)
    told = []
    for e, a in found:
        result = of.get(id(e))
        if result is not None and result is not leading:
            name = _name(e, a, result, labels, main.measure if main is not None else "")
            a = attrs.evolve(a, label=name, headline=name + a.headline.removeprefix(a.label))
        told.append((e, a))
    return told


def _name(
    estimate: Estimate,
    answer: Answer,
    result: MetricResult,
    labels: Mapping[str, str],
    main: str,
) -> str:
    """Return the name of an answer; its measure is left unsaid where it is the main result's."""
    several = len({e.measure for e in headlines(result)}) > 1 and estimate.measure != main
    parts = [labels.get(estimate.measure, humanise(estimate.measure)) if several else ""]
    name = answer.label
    if is_effect(estimate):
        name = clean(result.title) or humanise(result.metric)
        group = "" if estimate.subgroup == "all" else humanise(estimate.subgroup)
        term = clean(estimate.term)
        parts += [group, f"year {term}" if term.isdigit() else term]
    words = ", ".join(part[:1].lower() + part[1:] for part in parts if part)
    return f"{name[:1].upper()}{name[1:]}" + (f" ({words})" if words else "")


def _the_others(found: Sequence[Answer]) -> list[str]:
    """Count the other answers by kind, and name the first of those that are clear."""
    clear = [f"{a.label}: {a.verdict}" for a in found if a.verdict in ("higher", "lower")]
    unclear = [a.label for a in found if a.verdict == "unclear"]
    named = "; ".join(clear[:MOST_NAMED])
    if len(clear) > MOST_NAMED:
        named += f"; and {word(len(clear) - MOST_NAMED)} more under Results"
    sentences = []
    if clear and unclear:
        sentences.append(
            f"Of {count(len(clear) + len(unclear), 'other comparison')}, {word(len(clear))} showed "
            f"a clear difference. {named}. The other {word(len(unclear))} showed none."
        )
    elif clear:
        sentences.append(
            f"{count(len(clear), 'other comparison').capitalize()} showed a clear difference. "
            f"{named}."
        )
    elif unclear:
        which = f": {'; '.join(unclear)}" if len(unclear) <= FEW else ""
        sentences.append(
            f"In {count(len(unclear), 'other comparison')} no clear difference was found{which}."
        )
    kinds = [
        f"{count(n, 'figure')} {words}"
        for n, words in (
            (sum(a.verdict == "level" for a in found), "without a comparison"),
            (sum(a.verdict == "no_interval" for a in found), "without an interval"),
            (sum(a.verdict == "not_estimable" for a in found), "that could not be estimated"),
            (sum(a.verdict == "withheld" for a in found), "withheld to protect people"),
        )
        if n
    ]
    return [*sentences, f"The report also has {listed(kinds)}."] if kinds else sentences
