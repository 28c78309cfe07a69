"""How strong the evidence is: the line at the top, the theory drawn, and every rule of a grade.

The word "impact" says more than weak evidence can bear. At a grade of 1 or below, or with nothing
graded, it is taken out of the summary, unless the study says why it may stay; that is shown too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from impactkit.report.parts import Arrow, Part
from impactkit.report.phrases import clean, listed, sentence
from impactkit.report.tables import without_empty_columns
from impactkit.results import Estimate, Evaluation, Table

STRENGTH, RULES, RECOVERY = "strength", "grade_", "recovery_"
"""Id of the table of the three axes; how ids of rules, and of what would have come anyway, begin.
"""
ENOUGH = 2
"""The lowest grade at which the summary may say "impact"."""

PLAIN = ("very weak", "weak", "limited", "moderate", "strong", "very strong")
"""What a grade from 0 to 5 is in a word."""
MOST_HELD = 3
HELD = {
    "design": "the kind of comparison",
    "precision": "a wide interval",
    "completeness": "schools that could not be followed to the end",
    "balance": "schools that differed to begin with",
    "comparability": "changes in what was measured",
    "treated clusters": "few partnerships",
    "survey only": "an outcome that is what people say",
    "one school": "a single school",
    "no comparison": "nobody to compare with",
    "selection": "the choice of schools with poor results",
    "plan": "the lack of a plan made beforehand",
    "several outcomes": "several main outcomes at once",
    "years before": "differences before joining",
    "contamination": "comparison schools that were in partnerships too",
    "other programmes": "other programmes at the same time",
    "influence": "one partnership that decides the direction",
    "response": "few who answered",
}
"""What a rule of the grade is about, for people who never read the rules."""

_IMPACT = re.compile(r"\b(impact)(s?)\b", re.IGNORECASE)


def is_of_strength(table: Table) -> bool:
    """Tell whether a table of the evaluation is shown here, and not among the further ones."""
    return table.id == STRENGTH or table.id.startswith((RULES, RECOVERY))


def line(evaluation: Evaluation) -> str:
    """Return the line over the report; empty where nothing was judged."""
    return next((clean(t.title) for t in evaluation.tables if t.id == STRENGTH), "")


def plainly(evaluation: Evaluation, main: Estimate | None) -> list[str]:
    """Return a sentence on how strong the evidence for the main result is, and what weakens it."""
    if main is None or main.grade is None:
        return []
    judged = f"The evidence for this is {PLAIN[main.grade]} ({main.grade} of 5)"
    held = [HELD.get(rule, rule) for rule in _decisive(evaluation, main)[:MOST_HELD]]
    if not held:
        return [f"{judged}."]
    return [f"{judged}; what weakens it most: {listed(held)}."]


def _decisive(evaluation: Evaluation, main: Estimate) -> list[str]:
    """Return the flaws, and the caps that nothing undercuts, from the table of the grade."""
    own = main.measure if main.measure == main.metric else f"{main.metric}_{main.measure}"
    table = next((t for t in evaluation.tables if t.id == f"{RULES}{own.replace('.', '_')}"), None)
    if table is None:
        return []
    at = {column.name: j for j, column in enumerate(table.columns)}
    rows = [tuple(row[at[name]] for name in ("rule", "allows", "takes")) for row in table.rows]
    caps = [allows for _, allows, _ in rows if isinstance(allows, int)]
    low = min(caps, default=None)
    flaws = [str(rule) for rule, _, takes in rows if takes]
    return flaws + [str(rule) for rule, allows, _ in rows if allows == low and low not in (None, 5)]


def strength_part(evaluation: Evaluation) -> Part:
    """Return the part on the strength of the evidence, with the theory and all the rules."""
    tables = [without_empty_columns(t) for t in evaluation.tables if is_of_strength(t)]
    whole = [attrs.evolve(t, title="Three axes") for t in tables if t.id == STRENGTH]
    rules = [t for t in tables if t.id.startswith(RULES)]
    anyway = [t for t in tables if t.id.startswith(RECOVERY)]
    return Part(
        id="strength",
        title="How strong the evidence is",
        lead=(
            "The grade is the lowest of what each rule allows, less what flaws take off. It judges "
            "the evidence, and not the partnerships.",
        )
        if rules
        else (),
        tables=[*whole, *anyway],
        parts=[
            part
            for part in (
                _theory(evaluation.study.get("theory")),
                Part(id="rules", title="Every rule of the grade", tables=rules, folded=True),
            )
            if not part.empty
        ],
    )


def _theory(theory: Any) -> Part:
    """Return the theory of change as it stands in the study: its arrows, its story."""
    title = "Why it should work"
    if not isinstance(theory, Mapping):
        return Part(id="theory", title=title)
    story = [clean(theory.get("story") or "")]
    against = [clean(text) for text in theory.get("disconfirming") or () if text]
    return Part(
        id="theory",
        title=title,
        lead=[sentence(text) for text in story if text],
        chains=chains(theory.get("links") or ()),
        points=[
            f"Looked for, as it would speak against this: {sentence(text)}" for text in against
        ],
    )


def chains(links: Iterable[Mapping[str, Any]]) -> tuple[tuple[Arrow, ...], ...]:
    """Return arrows as chains: one that starts where the last has ended goes on with it.

    Examples
    --------
    >>> links = [{"cause": "a", "effect": "b", "grade": 2}, {"cause": "b", "effect": "c"}]
    >>> [[(x.cause, x.effect, x.grade) for x in chain] for chain in chains(links)]
    [[('a', 'b', 2), ('b', 'c', 0)]]
    """
    found: list[list[Arrow]] = []
    for link in links:
        arrow = Arrow(
            cause=clean(link.get("cause") or ""),
            effect=clean(link.get("effect") or ""),
            grade=int(link.get("grade") or 0),
            evidence=clean(link.get("evidence") or ""),
        )
        if found and found[-1][-1].effect == arrow.cause:
            found[-1].append(arrow)
        else:
            found.append([arrow])
    return tuple(tuple(chain) for chain in found)


def gated(evaluation: Evaluation, sentences: Sequence[str], grade: int | None) -> list[str]:
    """Return the summary without the word "impact", where the evidence does not bear it.

    Examples
    --------
    >>> gated(Evaluation(title="T"), ["The impact was large."], 1)[0]
    'The change was large.'
    """
    if grade is not None and grade >= ENOUGH:
        return list(sentences)
    reason = clean(evaluation.study.get("report_allow_impact") or "")
    if reason:
        allowed = f"The study allows the word impact here, and gives as its reason: {reason}"
        return [*sentences, sentence(allowed)]
    return [_IMPACT.sub(_change, text) for text in sentences]


def _change(match: re.Match[str]) -> str:
    word = "change" + match[2].lower()
    return word.capitalize() if match[1][0].isupper() else word
