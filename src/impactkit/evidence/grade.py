r"""How strong the evidence is for one estimate: a grade from 0 to 5, with every rule shown.

.. math:: \text{grade} = \max(0, \min(\text{caps}) - \min(3, \text{penalties}))

Each fact caps the grade: a design can carry no more than its kind, an interval no more than its
width. Each flaw takes one off, three at most. The scheme is this project's own proposal, made
beside the Maryland scale, Nesta's standards and those of the What Works Clearinghouse; it has no
reviewers and is none of them. What is not known caps the grade at `UNKNOWN`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import attrs

from impactkit.results import Column, Table

Kind = Literal[
    "randomised", "threshold", "difference_in_differences", "adjusted", "before_after", "none"
]
"""`threshold`: regression discontinuity or an instrument; `adjusted`: a cross-section adjusted for
what schools were like, or before and after with the national trend; `before_after`: without it."""

Series = Literal[
    "single", "cautioned", "standardised", "across_break", "mixed", "unregistered_break"
]

UNKNOWN = 3
"""The highest grade that evidence can have of which something that matters is not known."""

WIDTHS = ((0.10, 5), (0.15, 4), (0.20, 3), (0.30, 2), (0.45, 1))
"""Half the 95% interval, in standard deviations of schools, and the grade it allows."""
LOST = ((0.05, 5), (0.10, 4), (0.20, 3), (0.35, 2), (0.50, 1))
"""Share of treated schools lost, closures included."""
IMBALANCES = ((0.05, 5), (0.10, 4), (0.25, 3), (0.40, 2))
"""Largest standardised difference at baseline, on the schools analysed."""
CLUSTERS = ((40, 5), (20, 4), (10, 3), (5, 2), (2, 1))
SERIES: dict[str, tuple[int, str]] = {
    "single": (5, "one series, one definition"),
    "cautioned": (4, "one series, across a registered change that calls for caution"),
    "standardised": (4, "standardised within each year"),
    "across_break": (3, "standardised, across a registered break"),
    "mixed": (2, "several measures put on one scale"),
    "unregistered_break": (1, "across a break that no registry allows for"),
}
CONTAMINATED = 0.10
OVERLAPPING = 0.25
LEAD = 0.10
RESPONSE = 0.60
MOST_PENALTIES = 3

SCALES = {
    0: "no counterpart",
    1: "Maryland 1; Nesta 2",
    2: "Maryland 2",
    3: "Maryland 3; Nesta 3; What Works Clearinghouse with reservations",
    4: "Maryland 3 to 4",
    5: "Maryland 5",
}
"""What a grade is near to in other schemes. Near, not equal: theirs ask for other things too."""


@attrs.frozen(kw_only=True)
class Facts:
    """What the grade is worked out from; None is "not known".

    Attributes
    ----------
    kind
        The design.
    pre_years
        Years before treatment that the comparison rests on.
    same_trigger
        Are comparison schools such as could have been helped for the same reason?
    matched
        Were they matched or weighted to be alike?
    leads_small
        Are differences before treatment jointly small?
    half_width
        Half of the 95% interval, in standard deviations of schools (never of pupils, when schools
        are what was treated).
    lost
        Share of treated schools that cannot be followed to the end.
    imbalance
        Largest absolute standardised difference at baseline; `adjusted`: was it allowed for?
    series
        How comparable the outcome is from year to year.
    treated_clusters, schools
        Partnerships, or schools in none, and schools, that were treated.
    survey_only
        Does the outcome rest on what people say of it?
    selected_on_outcome
        Were schools chosen for a poor outcome, with no adjustment for their recovering anyway?
    planned
        Was the outcome written down, with a date, before it was read?
    uncorrected
        Are there several primary outcomes without a correction?
    lead
        Largest lead, in standard deviations; `lead_significant`: is it different from zero?
    contaminated, overlapping
        Shares of comparison schools in partnerships themselves, and of treated schools in another
        programme that is not allowed for.
    flips
        Does the sign change when one partnership is left out?
    response
        Share of those asked who answered, in a survey.
    """

    kind: Kind
    pre_years: int | None = None
    same_trigger: bool = False
    matched: bool = False
    leads_small: bool | None = None
    half_width: float | None = None
    lost: float | None = None
    imbalance: float | None = None
    adjusted: bool = False
    series: Series = "single"
    treated_clusters: int | None = None
    schools: int | None = None
    survey_only: bool = False
    selected_on_outcome: bool | None = None
    planned: bool | None = None
    uncorrected: bool = False
    lead: float | None = None
    lead_significant: bool | None = None
    contaminated: float | None = None
    overlapping: float | None = None
    flips: bool | None = None
    response: float | None = None


@attrs.frozen(kw_only=True)
class Rule:
    """One rule, what it found, and what it allows (`cap`) or takes off (`penalty`)."""

    name: str
    found: str
    cap: int | None = None
    penalty: int = 0


@attrs.frozen(kw_only=True)
class Grade:
    """A grade, and every rule that made it."""

    value: int
    rules: tuple[Rule, ...] = attrs.field(converter=tuple[Rule, ...])

    @property
    def decisive(self) -> tuple[Rule, ...]:
        """The caps that nothing undercuts, and the penalties: what to mend for a higher grade."""
        low = min(rule.cap for rule in self.rules if rule.cap is not None)
        return tuple(r for r in self.rules if r.cap == low or r.penalty)

    def __str__(self) -> str:
        why = "; ".join(f"{rule.name}: {rule.found}" for rule in self.decisive)
        return f"{self.value} of 5 ({why})"

    def to_table(self, id: str = "grade", title: str = "Strength of the evidence") -> Table:  # noqa: A002
        """Return the rules as a table for people to read."""
        return Table(
            id=id,
            title=f"{title} ({self.value} of 5)",
            columns=(
                Column(name="rule", label="Rule", kind="dimension"),
                Column(name="found", label="What was found", kind="text"),
                Column(name="allows", label="Allows at most", digits=0),
                Column(name="takes", label="Takes off", digits=0),
            ),
            rows=[(r.name, r.found, r.cap, r.penalty or None) for r in self.rules],
            marks={
                (i, name): "z"  # a rule caps the grade, or takes off; none does both
                for i, r in enumerate(self.rules)
                for name, value in (("allows", r.cap), ("takes", r.penalty or None))
                if value is None
            },
            note=f"Nearest elsewhere: {SCALES[self.value]}. The scheme is this project's own.",
        )


def grade(facts: Facts) -> Grade:
    """Grade one estimate.

    Examples
    --------
    >>> found = grade(
    ...     Facts(
    ...         kind="difference_in_differences", pre_years=2, half_width=0.18, lost=0.03,
    ...         imbalance=0.2, adjusted=True, treated_clusters=12, schools=40, planned=True,
    ...         selected_on_outcome=False, contaminated=0.0, overlapping=0.0, flips=False,
    ...         lead=0.02, lead_significant=False,
    ...     )
    ... )
    >>> found.value
    3
    """
    rules = (*_caps(facts), *_hard_caps(facts), *_penalties(facts))
    cap = min(rule.cap for rule in rules if rule.cap is not None)
    taken = min(MOST_PENALTIES, sum(rule.penalty for rule in rules))
    return Grade(value=max(0, cap - taken), rules=rules)


def _caps(facts: Facts) -> Iterator[Rule]:
    yield _design(facts)
    half = facts.half_width
    yield Rule(
        name="precision",
        found=_known(half, "half of the 95% interval is {:.3f} standard deviations of schools"),
        cap=_within(half, WIDTHS, 0),
    )
    yield Rule(
        name="completeness",
        found=_known(facts.lost, "{:.0%} of treated schools cannot be followed to the end"),
        cap=_within(facts.lost, LOST, 0),
    )
    yield _balance(facts)
    cap, found = SERIES[facts.series]
    yield Rule(name="comparability", found=found, cap=cap)
    n = facts.treated_clusters
    yield Rule(
        name="treated clusters",
        found=_known(n, "{:,} partnerships or lone schools were treated"),
        cap=UNKNOWN if n is None else next((g for low, g in CLUSTERS if n >= low), 0),
    )


def _design(facts: Facts) -> Rule:
    years = facts.pre_years
    if facts.kind == "randomised":
        return Rule(name="design", found="chosen at random", cap=5)
    if facts.kind == "threshold":
        return Rule(name="design", found="a threshold or an instrument decided", cap=4)
    if facts.kind == "difference_in_differences":
        found = f"difference in differences, {_known(years, '{} years before')}"
        if years == 1 and facts.matched:
            return Rule(name="design", found=f"{found}, matched", cap=3)
        if years is None or years < 2:
            return Rule(name="design", found=found, cap=2)
        wanting = [
            text
            for there, text in (
                (years >= 3, "fewer than three years before"),
                (facts.same_trigger, "comparison schools do not share the trigger"),
                (
                    facts.leads_small is True,
                    "differences before treatment are not shown to be small",
                ),
            )
            if not there
        ]
        if not wanting:
            return Rule(name="design", found=f"{found}, same trigger, small leads", cap=4)
        return Rule(name="design", found=f"{found}; {'; '.join(wanting)}", cap=3)
    if facts.kind == "adjusted":
        found = "adjusted cross-section, or before and after with the national trend"
        return Rule(name="design", found=found, cap=2)
    if facts.kind == "before_after":
        return Rule(name="design", found="before and after only", cap=1)
    return Rule(name="design", found="no outcome data", cap=0)


def _balance(facts: Facts) -> Rule:
    worst = facts.imbalance
    cap = _within(worst, IMBALANCES, 1)
    found = _known(worst, "largest standardised difference at baseline {:.3f}")
    if worst is not None and 0.10 < worst <= 0.25 and not facts.adjusted:
        cap, found = 2, f"{found}, not adjusted for"
    return Rule(name="balance", found=found, cap=cap)


def _hard_caps(facts: Facts) -> Iterator[Rule]:
    if facts.survey_only:
        yield Rule(name="survey only", found="the outcome is what people say", cap=1)
    if facts.schools == 1:
        yield Rule(name="one school", found="one treated school", cap=1)
    if facts.kind in ("before_after", "none"):
        yield Rule(name="no comparison", found="nobody to compare with", cap=1)


def _penalties(facts: Facts) -> Iterator[Rule]:
    """Yield every flaw that was looked for, those that were not found as well."""
    lead = _known(facts.lead, "a difference of {:+.3f} standard deviations before treatment")
    if facts.lead_significant:
        lead += ", more than chance"
    elif facts.lead is not None and abs(facts.lead) > LEAD:
        # The rule is on the size: an imprecise study has not shown that its leads are small.
        chance = "; the joint test does not tell it from chance"
        lead += f", over {LEAD:g}{chance if facts.lead_significant is False else ''}"
    looked = (
        (
            "selection",
            facts.selected_on_outcome,
            "chosen for poor results, recovery not allowed for",
            "not chosen for poor results, or recovery is allowed for",
        ),
        (
            "plan",
            not facts.planned,
            "no plan with a date says that this outcome was chosen beforehand",
            "chosen beforehand, in a plan with a date",
        ),
        (
            "several outcomes",
            facts.uncorrected,
            "several primary outcomes without a correction",
            "one primary outcome, or corrected for their number",
        ),
        (
            "years before",
            None
            if facts.lead is None and facts.lead_significant is None
            else facts.lead_significant or abs(facts.lead or 0.0) > LEAD,
            lead,
            lead,
        ),
        _share(
            "contamination",
            facts.contaminated,
            CONTAMINATED,
            "{:.0%} of comparison schools were in partnerships, or in a treated school's trust",
        ),
        _share(
            "other programmes",
            facts.overlapping,
            OVERLAPPING,
            "{:.0%} of treated schools were in another too",
        ),
        (
            "influence",
            facts.flips,
            "leaving out one partnership changes the sign",
            "no partnership left out changes the sign",
        ),
    )
    for name, flawed, bad, good in looked:
        if flawed is None:
            yield Rule(name=name, found="not known")
        else:
            yield Rule(name=name, found=bad if flawed else good, penalty=int(flawed))
    if facts.response is not None:
        found = f"{facts.response:.0%} of those asked answered"
        yield Rule(name="response", found=found, penalty=int(facts.response < RESPONSE))


def _share(
    name: str, share: float | None, most: float, text: str
) -> tuple[str, bool | None, str, str]:
    found = _known(share, text)
    return name, None if share is None else share > most, found, found


def _within(value: float | None, steps: tuple[tuple[float, int], ...], beyond: int) -> int:
    if value is None:
        return UNKNOWN
    return next((cap for limit, cap in steps if abs(value) <= limit), beyond)


def _known(value: float | None, text: str) -> str:
    return "not known" if value is None else text.format(value)
