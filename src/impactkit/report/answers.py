"""What an estimate says in plain words, and no more than it says.

An effect whose interval takes in zero is reported as a result ("no effect was found"), not as a
failure. Verbs follow the grade of the evidence; without a grade they are modest. The words
never call a result an "impact": that is a judgement about the design, made elsewhere.
"""

from __future__ import annotations

import re
from typing import Literal

import attrs

from impactkit.report.phrases import (
    MONEY,
    clean,
    count,
    digits_for,
    level_words,
    moved,
    number,
    quantity,
)
from impactkit.results import Estimate

Verdict = Literal["higher", "lower", "unclear", "level", "no_interval", "not_estimable", "withheld"]

_EFFECT = re.compile(r"^(ATT|ATE)\b|\beffect\b", re.IGNORECASE)
_OF_JOINING = re.compile(r"^(ATT|ATE)\b(?!.*\b(less|more)\b)", re.IGNORECASE)
_CONTRAST = re.compile(r"\b(difference|change|gap|less before)\b", re.IGNORECASE)
_RELATIVE = re.compile(r"\b((rate|odds|hazard|risk) ratio|ratio of)\b", re.IGNORECASE)
_VERBS = {
    2: "being in a partnership coincided with a value {change}",
    3: "the data are consistent with an effect of partnership: a value {change}",
    4: "the estimated effect of partnership is a value {change}",
    5: "the estimated effect of partnership is a value {change}",
}
_MODEST = "being in a partnership is associated with a value {change}"
_NOUN = {True: "effect", False: "clear difference"}
_BETTER = {"higher": "Higher is better here.", "lower": "Lower is better here."}


@attrs.frozen(kw_only=True)
class Answer:
    """What one estimate says: a verdict, a sentence for the summary, and the rest of the answer."""

    verdict: Verdict
    headline: str
    support: str = ""
    label: str = ""


def no_difference(estimate: Estimate) -> float | None:
    """Return the value that means no difference: 0, or 1 for a ratio; None when it is no contrast.

    A share or a mean is not a contrast: there is no value at which it says "nothing happened".
    """
    if _RELATIVE.search(f"{estimate.estimand} {estimate.unit}"):
        return 1.0
    contrast = _EFFECT.search(estimate.estimand) or _CONTRAST.search(estimate.estimand)
    if contrast or estimate.unit == "percentage points" or estimate.p_value is not None:
        return 0.0
    return None


def verdict(estimate: Estimate) -> Verdict:
    """Tell what an estimate can say: a direction only when its interval leaves out no difference.

    Where tests were adjusted for their number, the adjusted one decides as well.
    """
    if estimate.status != "ok":
        return estimate.status
    if estimate.value is None:
        return "not_estimable"
    null = no_difference(estimate)
    if null is None:
        return "level"
    if estimate.ci_low is None or estimate.ci_high is None:
        return "no_interval"
    adjusted_away = estimate.p_adjusted is not None and estimate.p_adjusted >= round(
        1 - estimate.level, 12
    )
    if estimate.ci_low <= null <= estimate.ci_high or adjusted_away:
        return "unclear"
    return "higher" if estimate.value > null else "lower"


def answer(estimate: Estimate, label: str, direction: str = "none") -> Answer:
    """Say in plain words what an estimate shows.

    Parameters
    ----------
    estimate
        The estimate; its `grade` sets the verb, and without one the verb is modest.
    label
        The measure's name, as a reader knows it.
    direction
        ``higher`` or ``lower``: which way is better; ``none`` says nothing about it.

    Examples
    --------
    >>> e = Estimate(estimand="ATT overall", value=-0.1, ci_low=-0.7, ci_high=0.5, unit="ratio")
    >>> print(answer(e, "Pupil-teacher ratio").headline)
    Pupil-teacher ratio: no effect was found (the estimate is 0.10 lower; 95% interval: 0.70
    lower to 0.50 higher).
    """
    label = clean(label)
    found = verdict(estimate)
    digits = digits_for([estimate])
    reason = clean(estimate.reason).rstrip(".") or "no reason was recorded"
    if found == "withheld":
        return Answer(verdict=found, label=label, headline=f"{label}: withheld ({reason}).")
    if found == "not_estimable" or estimate.value is None:
        return Answer(
            verdict="not_estimable",
            label=label,
            headline=f"{label}: this could not be estimated ({reason}).",
        )
    null = no_difference(estimate)
    support = " ".join(part for part in (_rests_on(estimate), _BETTER.get(direction, "")) if part)
    interval = _interval(estimate, digits, null)
    change = _change(estimate.value, estimate.unit, digits, null)
    if null is None:
        headline = f"{label}: {change} ({interval or f'no interval: {reason}'})."
    elif found == "no_interval":
        headline = (
            f"{label}: the estimate is {change}, without an interval ({reason}), so how much of "
            "it is chance is not known."
        )
    elif found == "unclear":
        headline = (
            f"{label}: no {_NOUN[_is_of_effect(estimate)]} was found{_among(estimate, null)} (the "
            f"estimate is {change}; {interval})."
        )
        support = f"{_why_unclear(estimate, null)} {support}".strip()
    elif is_effect(estimate):
        verb = _VERBS.get(estimate.grade or 0, _MODEST).format(change=change)
        headline = f"{label}: {verb} ({interval})."
    else:
        headline = f"{label}: the estimate is {change} ({interval})."
    return Answer(verdict=found, label=label, headline=headline, support=support)


def is_effect(estimate: Estimate) -> bool:
    """Tell whether an estimate is of the effect of partnership, and not another comparison.

    The effect of ten days more, or of chains less that of pairs, is another.

    Examples
    --------
    >>> is_effect(Estimate(estimand="ATT, cohort 2015"))
    True
    >>> is_effect(Estimate(estimand="ATT in chains less ATT in pairs"))
    False
    """
    return bool(_OF_JOINING.search(estimate.estimand))


def _is_of_effect(estimate: Estimate) -> bool:
    return bool(_EFFECT.search(estimate.estimand))


def _change(value: float, unit: str, digits: int, null: float | None) -> str:
    if null is None:
        return quantity(value, unit, digits, contrast=False)
    if null == 1.0:
        return f"{number(value, digits)} times as high"
    return moved(value, unit, digits)


def _interval(estimate: Estimate, digits: int, null: float | None) -> str:
    low, high = estimate.ci_low, estimate.ci_high
    if low is None or high is None:
        return ""
    if null == 0.0:
        # The unit stands with the estimate, right before it, and is not said again.
        edges = [_side(edge, digits) for edge in (low, high)]
        if round(low, digits) * round(high, digits) > 0:
            # Both lie on one side, which need be said once; the nearer to no difference first.
            near, far = sorted((low, high), key=abs)
            edges = [number(abs(near), digits), _side(far, digits)]
    elif null is None and (estimate.unit in MONEY or estimate.unit == "percent"):
        edges = [_change(edge, estimate.unit, digits, null) for edge in (low, high)]
    else:
        edges = [number(low, digits), number(high, digits)]
    return f"{level_words(estimate.level)} interval: {edges[0]} to {edges[1]}"


def _among(estimate: Estimate, null: float) -> str:
    """Say why nothing was found though the interval on its own leaves out no difference."""
    low, high = estimate.ci_low, estimate.ci_high
    inside = low is None or high is None or low <= null <= high
    return "" if inside else " that stands out among this many tests"


def _side(edge: float, digits: int) -> str:
    return "0" if round(edge, digits) == 0 else moved(edge, "", digits)


def _why_unclear(estimate: Estimate, null: float) -> str:
    low, high = estimate.ci_low, estimate.ci_high
    if low is None or high is None or low <= null <= high:
        return "This does not show that nothing changed: the data fit every value in the interval."
    return (
        "The interval on its own leaves out no difference, but among this many outcomes one such "
        "result can be chance."
    )


def _rests_on(estimate: Estimate) -> str:
    parts = []
    if estimate.n_people is not None:
        parts.append(count(estimate.n_people, "person", "people"))
    if estimate.n_schools is not None:
        parts.append(count(estimate.n_schools, "school"))
    if estimate.n_partnerships is not None:
        parts.append(count(estimate.n_partnerships, "partnership"))
    graded = "" if estimate.grade is None else f" Strength of evidence: {estimate.grade} of 5."
    if not parts:
        return graded.strip()
    against = (
        f", compared with {count(estimate.n_comparison, 'school')}"
        if estimate.n_comparison is not None
        else ""
    )
    return f"It rests on {' in '.join(parts)}{against}.{graded}"
