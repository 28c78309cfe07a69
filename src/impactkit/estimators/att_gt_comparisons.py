"""Which comparison stands behind each group-time effect, and the effects themselves.

For cohort g (first treated in g) and period t, with anticipation of a periods:

    base        the last period p with p + a < g; before treatment (t < g - a) and with a varying
                base, the period before t
    comparison  never treated, and with ``notyettreated`` also units first treated after
                max(t, base) + a, other than g
    ATT(g, t)   = E[Y_t - Y_base | G = g] - E[Y_t - Y_base | comparison], given covariates

Periods are those found in the data: where a year is missing, "the period before" is the last one
there is. In a balanced panel covariates and weights are those of the earlier of the two periods,
as in R `did`, and with ``gaps="pairs"`` in any panel.

Source: Callaway & Sant'Anna (2021), section 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import attrs

from impactkit.errors import EstimationError
from impactkit.estimators.blocks import Units
from impactkit.estimators.two_by_two import Floats

Control = Literal["notyettreated", "nevertreated"]
BasePeriod = Literal["varying", "universal"]


@attrs.frozen(kw_only=True)
class Comparison:
    """Cohort and period of an effect, the base period, and the comparison cohorts, by index.

    `groups` are the runs of comparison cohorts, first and stop (excluded).
    """

    cohort: int
    time: int
    base: int
    groups: tuple[tuple[int, int], ...]
    before: bool

    def compares_with(self, cohort: int) -> bool:
        """Say whether a cohort is among the comparison units."""
        return any(first <= cohort < stop for first, stop in self.groups)

    @property
    def own(self) -> tuple[tuple[int, int], ...]:
        """Return the treated cohort as a run, like `groups`."""
        return ((self.cohort, self.cohort + 1),)

    @property
    def periods(self) -> tuple[int, int]:
        """Return the two periods compared, by index."""
        return self.time, self.base

    @property
    def is_base(self) -> bool:
        """Say whether this is the base period itself, whose effect is zero by construction."""
        return self.time == self.base


@attrs.frozen(kw_only=True, eq=False)
class Cell:
    """One group-time effect: its value, or why there is none."""

    comparison: Comparison
    value: float | None
    reason: str = ""


def comparisons(
    periods: tuple[int, ...],
    cohorts: tuple[int, ...],
    *,
    control: Control,
    base_period: BasePeriod,
    anticipation: int,
) -> Iterator[Comparison]:
    """List the effects there are, cohort by cohort.

    Examples
    --------
    >>> for c in comparisons((1, 2, 3), (3,), control="nevertreated", base_period="varying",
    ...                      anticipation=0):
    ...     print(c.time, c.base, c.groups)
    1 0 ((1, 2),)
    2 1 ((1, 2),)
    """
    never = len(cohorts)
    for g, cohort in enumerate(cohorts):
        last_before = max(i for i, p in enumerate(periods) if p + anticipation < cohort)
        for t in range(0 if base_period == "universal" else 1, len(periods)):
            before = periods[t] < cohort - anticipation
            base = t - 1 if before and base_period == "varying" else last_before
            groups: tuple[tuple[int, int], ...] = ((never, never + 1),)
            if control == "notyettreated":
                latest = periods[max(t, base)] + anticipation
                first = sum(c <= latest for c in cohorts)
                groups = ((first, g), (g + 1, never + 1)) if first <= g else ((first, never + 1),)
            groups = tuple(run for run in groups if run[0] < run[1])
            yield Comparison(cohort=g, time=t, base=base, groups=groups, before=before)


def require_units(units: Units, comparison: Comparison) -> None:
    """Raise, with counts and the remedy, when one of the four groups has nobody in it."""
    g, (t, base) = comparison.cohort, (comparison.time, comparison.base)
    cohort = units.cohorts[g]
    members = int(units.start[g + 1] - units.start[g])
    others = sum(int(units.start[b] - units.start[a]) for a, b in comparison.groups)
    if not units.occupied[t]:
        raise EstimationError(
            f"no comparison: of {units.n:,} units none is still untreated in "
            f"{units.periods[t]}, and {members:,} are of cohort {cohort}; add units that are "
            "treated later or never"
        )
    remedies = (
        (t, "the period", "give their outcomes of that period"),
        (base, "the base period", "leave that period out, and the base is the one before it"),
    )
    for p, place, remedy in remedies:
        for who, n, groups in (
            (f"units of cohort {cohort}", members, ((g, g + 1),)),
            ("comparison units", others, comparison.groups),
        ):
            if not sum(units.mass[p, slice(*run)].sum() for run in groups) > 0:
                raise EstimationError(
                    f"none of the {n:,} {who} has an outcome with a positive weight in "
                    f"{units.periods[p]}, {place}; {remedy}"
                )


def require_pairs(units: Units, comparison: Comparison, own: Floats, others: Floats) -> None:
    """Raise, with counts and the remedy, unless both sides have a unit seen in both periods.

    `own` and `others` are the weights of those seen in both.
    """
    g = comparison.cohort
    members = int(units.start[g + 1] - units.start[g])
    compared = sum(int(units.start[b] - units.start[a]) for a, b in comparison.groups)
    for who, n, there in (
        (f"units of cohort {units.cohorts[g]}", members, own),
        ("comparison units", compared, others),
    ):
        if not there.sum() > 0:
            earlier, later = (units.periods[p] for p in sorted(comparison.periods))
            raise EstimationError(
                f"none of the {n:,} {who} has an outcome with a positive weight in both {earlier} "
                f"and {later}; give more of their outcomes, or use gaps='means'"
            )
