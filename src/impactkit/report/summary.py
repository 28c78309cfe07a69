"""What the report says first: the answers in a few sentences, and what was compared with what.

No word here is stronger than the design. A study without random assignment can find that schools in
partnerships fared differently; it can't rule out every other reason, and the summary says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from impactkit.report.phrases import Answer, answer, clean, count, humanise, year_words
from impactkit.results import Estimate, Evaluation, MetricResult

FEW = 3
"""Up to this many answers are given one by one; beyond that they are counted by kind."""

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
    """Return the names of measures by id."""
    return {str(m["id"]): clean(m.get("label") or humanise(m["id"])) for m in evaluation.measures}


def label_of(estimate: Estimate, result: MetricResult, labels: Mapping[str, str]) -> str:
    """Return what an estimate is about, for the start of a sentence."""
    if estimate.measure and estimate.measure != result.metric:
        name = labels.get(estimate.measure, humanise(estimate.measure))
    else:
        name = clean(result.title) or humanise(result.metric)
    parts = [p for p in (estimate.subgroup, estimate.term) if p and p != "all"]
    return f"{name} ({', '.join(humanise(p).lower() for p in parts)})" if parts else name


def headlines(result: MetricResult) -> list[Estimate]:
    """Choose the estimates that answer a metric's question.

    The first that stands for the whole (it has no term) of each measure and subgroup; where a
    metric has none, each of its estimates, if they are few.
    """
    first: dict[tuple[str, str], Estimate] = {}
    for estimate in result.estimates:
        if not estimate.term:
            first.setdefault((estimate.measure, estimate.subgroup), estimate)
    if first:
        return list(first.values())
    return list(result.estimates) if len(result.estimates) <= 2 * FEW else []


def answers(
    result: MetricResult, directions: Mapping[str, str], labels: Mapping[str, str]
) -> list[Answer]:
    """Return the answers of one metric, in its order."""
    return [
        answer(e, label_of(e, result, labels), directions.get(e.measure, result.direction))
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
    """Return the estimate for the study's first outcome, or else the first that there is."""
    outcome = next(iter(design_of(evaluation).get("outcome") or ()), None)
    found = [e for r in evaluation.results for e in headlines(r)]
    return next((e for e in found if e.measure == outcome), found[0] if found else None)


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
            whom = f"{count(first.n_comparison, 'school')}" + (
                f": {against}" if against else " outside those partnerships"
            )
        sentences.append(f"The main result compares {who} with {whom}.")
    elif against:
        sentences.append(f"Schools in partnerships are compared with {against}.")
    years = design.get("years")
    if years:
        sentences.append(f"The years are {year_words(years[0])} to {year_words(years[1])}.")
    if design.get("treated"):
        sentences.append(
            f"A membership counts as a partnership here when: {clean(design['treated'])}."
        )
    if design.get("estimator"):
        name = str(design["estimator"])
        sentences.append(f"Method: {ESTIMATORS.get(name, humanise(name))}.")
        sentences.append(
            "It asks whether results moved differently in schools after they joined than they did "
            "over the same years in the comparison schools."
        )
    return sentences


def summarise(evaluation: Evaluation, found: Sequence[Answer]) -> list[str]:
    """Return the summary: three to six sentences that a governor can read aloud."""
    sentences = compared(evaluation)[:1]
    if not found:
        sentences.append("No estimate could be made from these data.")
    elif len(found) <= FEW:
        sentences += [a.headline for a in found]
    else:
        sentences += _by_kind(found)
    failed = sum(r.status == "failed" for r in evaluation.results)
    skipped = sum(r.status == "skipped" for r in evaluation.results)
    if failed or skipped:
        parts = [
            f"{count(n, 'metric')} {verb}"
            for n, verb in ((skipped, "could not run on these data"), (failed, "failed"))
            if n
        ]
        sentences.append(f"{' and '.join(parts).capitalize()}; the report says why.")
    if any(a.verdict in ("higher", "lower", "unclear") for a in found):
        sentences.append(
            "Schools were not put into partnerships by chance, so other reasons for a difference "
            "cannot be ruled out."
        )
    return sentences


def _by_kind(found: Sequence[Answer]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for a in found:
        groups.setdefault(a.verdict, []).append(a.label)
    clear = [label for kind in ("higher", "lower") for label in groups.get(kind, [])]
    sentences = []
    if clear or "unclear" in groups:
        tested = len(clear) + len(groups.get("unclear", []))
        lead = f"Of {count(tested, 'comparison')}, "
        if not clear:
            sentences.append(f"{lead}none showed a clear change.")
        else:
            moved = [
                f"{', '.join(groups[kind])} ({kind})"
                for kind in ("higher", "lower")
                if kind in groups
            ]
            sentences.append(
                f"{lead}{count(len(clear), 'change')} stood out from chance: {'; '.join(moved)}."
            )
            if "unclear" in groups:
                sentences.append(f"No clear change was found in: {', '.join(groups['unclear'])}.")
    for kind, words in (
        ("level", "Figures without a comparison are given for"),
        ("no_interval", "Without an interval, so with chance left open"),
        ("not_estimable", "These could not be estimated"),
        ("withheld", "Withheld to protect people"),
    ):
        if kind in groups:
            colon = "" if kind == "level" else ":"
            sentences.append(f"{words}{colon} {', '.join(groups[kind])}.")
    return sentences
