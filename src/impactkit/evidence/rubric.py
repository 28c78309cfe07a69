"""Rubric R1, by which a partnership evaluates itself systematically or does not.

Eight criteria, each met or not, by evidence that has a date and a reference:

1. written aims; 2. a baseline no later than 60 days after the start (gate); 3. an outcome for each
leadership level involved; 4. two kinds of evidence or more; 5. a comparator or an expected course;
6. reviews that took place twice a year (gate); 7. findings reported to governors; 8. a recorded
decision that changed because of it.

Six of eight with both gates are *systematic*, fewer than three *ad hoc*, the rest *partial*. Ofsted
(090232, 2010) found systematic evaluation in 11 of 20 partnerships and did not publish what it
counted as such: the rubric is this project's, and so are its numbers, which can be set.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from impactkit.tables.vocabulary import EVALUATION_CRITERIA

if TYPE_CHECKING:
    import polars as pl

GATES = ("baseline", "reviews")
OFSTED = (11, 20)
"""Partnerships with systematic evaluation, of those visited: Ofsted 090232 (2010)."""

RUNGS = {
    "aspiring": "aspiring",
    "middle": "middle",
    "senior_assistant": "senior",
    "senior_deputy": "senior",
    "head": "head",
    "executive_head": "head",
    "governor": "governor",
}
"""Leadership levels as the rubric counts them; business managers stand outside."""


def _at_least(low: int) -> Any:
    return attrs.validators.ge(low)


@attrs.frozen(kw_only=True)
class RubricR1:
    """The numbers of the rubric. `levels` are those that must be covered in any case.

    Without a reference to where it can be seen, evidence counts only if `references` is false.
    """

    baseline_days: int = attrs.field(default=60, validator=_at_least(0))
    reviews_a_year: int = attrs.field(default=2, validator=_at_least(1))
    evidence_types: int = attrs.field(default=2, validator=_at_least(1))
    systematic_from: int = attrs.field(default=6, validator=_at_least(1))
    partial_from: int = attrs.field(default=3, validator=_at_least(0))
    references: bool = True
    levels: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])


@attrs.frozen(kw_only=True)
class Working:
    """When a partnership worked: `until` is its last day, or the last that the register covers."""

    start: dt.date
    until: dt.date

    def whole_years(self) -> list[tuple[dt.date, dt.date]]:
        """Return the first and last day of each whole year from the start on.

        Examples
        --------
        >>> worked = Working(start=dt.date(2016, 2, 29), until=dt.date(2018, 6, 1))
        >>> [f"{first} to {last}" for first, last in worked.whole_years()]
        ['2016-02-29 to 2017-02-28', '2017-03-01 to 2018-02-28']
        """
        starts = [_years_on(self.start, k) for k in range(self.until.year - self.start.year + 2)]
        ends = [day - dt.timedelta(days=1) for day in starts[1:]]
        return [pair for pair in zip(starts, ends, strict=False) if pair[1] <= self.until]


def _years_on(day: dt.date, years: int) -> dt.date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return dt.date(day.year + years, 3, 1)


@attrs.frozen(kw_only=True)
class RubricScore:
    """What one partnership met: a truth value for each of the eight criteria, in their order."""

    partnership: str
    met: tuple[bool, ...]
    rubric: RubricR1

    @property
    def by_criterion(self) -> dict[str, bool]:
        """Whether each criterion is met, by its name."""
        return dict(zip(EVALUATION_CRITERIA, self.met, strict=True))

    @property
    def score(self) -> int:
        """How many of the eight criteria are met."""
        return sum(self.met)

    @property
    def systematic(self) -> bool:
        """Enough criteria, and both gates among them."""
        gates = all(self.by_criterion[gate] for gate in GATES)
        return gates and self.score >= self.rubric.systematic_from

    @property
    def level(self) -> str:
        """``systematic``, ``partial`` or ``ad hoc``."""
        if self.systematic:
            return "systematic"
        return "partial" if self.score >= self.rubric.partial_from else "ad hoc"


def score_r1(
    evidence: pl.DataFrame,
    working: Mapping[str, Working],
    *,
    involved: Mapping[str, Collection[str]] | None = None,
    rubric: RubricR1 | None = None,
) -> tuple[RubricScore, ...]:
    """Score each partnership by rubric R1.

    Parameters
    ----------
    evidence
        Rows of the table `evaluation_activity`. Rows without a date, or dated after the partnership
        ended, are evidence of nothing.
    working
        When each partnership worked. Each is scored, with or without evidence.
    involved
        Leadership levels that each partnership works with; an outcome is wanted for all of them.
        Without it one level named is enough.
    rubric
        The numbers of the rubric.

    Returns
    -------
    tuple of RubricScore
        In the order of the partnerships' ids. With less than a whole year behind it a partnership
        cannot have met the criterion on reviews; see `Working.whole_years`.

    Examples
    --------
    >>> import polars as pl
    >>> rows = [("aims", dt.date(2019, 9, 20)), ("baseline", dt.date(2019, 10, 1))]
    >>> evidence = pl.DataFrame(
    ...     [("P1", criterion, day, f"{criterion}.pdf") for criterion, day in rows],
    ...     schema=["partnership_id", "criterion", "evidenced_on", "evidence_ref"], orient="row",
    ... )
    >>> worked = {"P1": Working(start=dt.date(2019, 9, 1), until=dt.date(2021, 8, 31))}
    >>> (found,) = score_r1(evidence, worked)
    >>> found.score, found.level
    (2, 'ad hoc')
    """
    rubric = rubric or RubricR1()
    rows: dict[str, list[dict[str, Any]]] = {partnership: [] for partnership in working}
    for row in evidence.iter_rows(named=True):
        if row["partnership_id"] in rows and _counts(row, working[row["partnership_id"]], rubric):
            rows[row["partnership_id"]].append(row)
    return tuple(
        RubricScore(
            partnership=partnership,
            met=_met(
                rows[partnership],
                working[partnership],
                {*rubric.levels, *(involved or {}).get(partnership, ())},
                rubric,
            ),
            rubric=rubric,
        )
        for partnership in sorted(working)
    )


def _counts(row: Mapping[str, Any], worked: Working, rubric: RubricR1) -> bool:
    day = row["evidenced_on"]
    referenced = row.get("evidence_ref") or row.get("decision_ref") or not rubric.references
    return day is not None and day <= worked.until and bool(referenced)


def _met(
    rows: list[dict[str, Any]], worked: Working, involved: Iterable[str], rubric: RubricR1
) -> tuple[bool, ...]:
    by: dict[str, list[dict[str, Any]]] = {criterion: [] for criterion in EVALUATION_CRITERIA}
    for row in rows:
        by[row["criterion"]].append(row)
    latest_baseline = worked.start + dt.timedelta(days=rubric.baseline_days)
    covered = {
        RUNGS.get(name) for row in by["outcome_each_level"] for name in row.get("levels") or ()
    }
    wanted = {RUNGS[name] for name in involved if name in RUNGS}
    reviews = {row["evidenced_on"] for row in by["reviews"]}
    years = worked.whole_years()
    met = {
        "aims": bool(by["aims"]),
        "baseline": any(row["evidenced_on"] <= latest_baseline for row in by["baseline"]),
        "outcome_each_level": bool(covered - {None}) and wanted <= covered,
        "evidence_types": len({row.get("evidence_type") for row in by["evidence_types"]} - {None})
        >= rubric.evidence_types,
        "comparator": bool(by["comparator"]),
        "reviews": bool(years)
        and all(
            sum(first <= day <= last for day in reviews) >= rubric.reviews_a_year
            for first, last in years
        ),
        "reported_to_governors": any(
            row.get("reported_to_governors") is not False for row in by["reported_to_governors"]
        ),
        "decision_changed": bool(by["decision_changed"]),
    }
    return tuple(met[criterion] for criterion in EVALUATION_CRITERIA)
