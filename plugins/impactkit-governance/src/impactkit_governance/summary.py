"""The estimates, notes and diagnostics of ``governance.joint_activity``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import Any

import attrs

from impactkit import Diagnostic, Estimate, Note, Period
from impactkit_governance.events import METRIC, Joint
from impactkit_governance.exposure import Exposure, clusters, terms_of
from impactkit_governance.rates import (
    Bunching,
    Counted,
    bunching,
    rate_interval,
    ratio_interval,
)

RATE = "Joint events taken part in, per year"
ONCE = "Joint events per board per year, each event counted once"
RATIO = "Governors' joint activity over leaders'"
GAP = "Days between a board's joint events, median"
TERMLY = "Boards with a joint event in every term"
BOARDS, LEADERS = "governing boards", "leaders of schools"
BOTH = "governors over leaders"
UNITS = {BOARDS: "events per board per year", LEADERS: "events per school per year"}
POISSON = "Poisson; events taken as independent"
BUNCHED = (
    "Events come in bunches: some partnerships are more active than chance explains, so the "
    "interval is likely too narrow.",
)


@attrs.frozen(kw_only=True, eq=False)
class Side:
    """The joint events of boards, or of schools' leaders, and the time in which they could be."""

    events: list[Joint]
    exposure: Exposure

    def counted(self, *, once: bool = False) -> Counted | None:
        """Return the events over the exposure; None when nobody was exposed."""
        if not self.exposure.spans:
            return None
        weights = [1 if once else len(event.actors) for event in self.events]
        return Counted(weights=weights, exposure=self.exposure.years)

    def bunched(self) -> Bunching | None:
        """Test whether some partnerships (or groups that share a member) are more active."""
        labels = clusters(self.exposure)
        years: dict[str, float] = defaultdict(float)
        for actor, label in labels.items():
            years[label] += self.exposure.years_of(actor)
        events = Counter(labels[min(event.actors)] for event in self.events)
        return bunching([events[label] for label in years], list(years.values()))


@attrs.frozen(kw_only=True, eq=False)
class Sides:
    """Boards and, where there is a log of them, leaders; `years` are those counted."""

    boards: Side
    schools: Side | None
    years: tuple[int, ...]
    n_schools: int

    def named(self) -> Iterator[tuple[str, Side]]:
        """Yield each side with its name."""
        yield BOARDS, self.boards
        if self.schools is not None:
            yield LEADERS, self.schools


def _nobody(term: str) -> str:
    return (
        f"there are no {term} that shared a partnership in the years counted; memberships and "
        "governor spells must name the same schools"
    )


def estimates(sides: Sides) -> Iterator[Estimate]:
    """Yield the rates, their ratio, the gap between events and the share with one every term."""
    for term, side in sides.named():
        yield _rate(sides, side, term, RATE, once=False)
    yield _rate(sides, sides.boards, BOARDS, ONCE, once=True)
    yield _ratio(sides)
    yield _gap(sides)
    yield _termly(sides)


def _common(sides: Sides, side: Side) -> dict[str, Any]:
    return {
        "n_schools": sides.n_schools,
        "n_partnerships": len(side.exposure.segments),
        "n_clusters": len(set(clusters(side.exposure).values())),
    }


def _warnings(*tests: Bunching | None) -> tuple[str, ...]:
    return BUNCHED if any(test and test.p_value < 0.05 for test in tests) else ()


def _rate(sides: Sides, side: Side, term: str, estimand: str, *, once: bool) -> Estimate:
    # What boards do is the answer to the question; an answer for the whole has no term.
    headline = term == BOARDS and not once
    named: dict[str, Any] = {
        "metric": METRIC,
        "estimand": estimand,
        "term": "" if headline else term,
        "unit": UNITS[term],
    }
    counted = side.counted(once=once)
    if counted is None:
        return Estimate(**named, status="not_estimable", reason=_nobody(term))
    low, high = rate_interval(counted, least=1 if once else 2)
    alike = len(set(counted.weights)) < 2
    return Estimate(
        **named,
        **_common(sides, side),
        value=counted.rate,
        std_error=counted.std_error,
        ci_low=low,
        ci_high=high,
        method="events over years of exposure; "
        + ("exact Poisson interval (Garwood)" if alike else "gamma interval (Fay & Feuer)"),
        variance=POISSON,
        warnings=_warnings(side.bunched()),
    )


def _ratio(sides: Sides) -> Estimate:
    named: dict[str, Any] = {"metric": METRIC, "estimand": RATIO, "term": BOTH, "unit": "ratio"}
    boards = sides.boards.counted()
    leaders = sides.schools.counted() if sides.schools else None
    reason = ""
    if boards is None:
        reason = _nobody(BOARDS)
    elif sides.schools is None:
        reason = "there is no log of leaders' activity to compare with (table `activity`)"
    elif leaders is None:
        reason = _nobody(LEADERS)
    elif not leaders.total:
        reason = "no joint activity of leaders was logged in the same partnerships"
    if boards is None or leaders is None or sides.schools is None or reason:
        return Estimate(**named, status="not_estimable", reason=reason)
    low, high = ratio_interval(boards, leaders)
    return Estimate(
        **named,
        **_common(sides, sides.boards),
        value=boards.rate / leaders.rate,
        ci_low=low,
        ci_high=high,
        method="ratio of two rates in the same partnerships; exact interval given all events",
        variance=POISSON,
        warnings=_warnings(sides.boards.bunched(), sides.schools.bunched()),
    )


def _gap(sides: Sides) -> Estimate:
    named: dict[str, Any] = {"metric": METRIC, "estimand": GAP, "term": BOARDS, "unit": "days"}
    days: dict[str, set[int]] = defaultdict(set)
    for event in sides.boards.events:
        for board in event.actors:
            days[board].add(event.day.toordinal())
    gaps = [
        after - before for of_board in days.values() for before, after in pairwise(sorted(of_board))
    ]
    if not gaps:
        return Estimate(
            **named,
            status="not_estimable",
            reason="no board took part in joint events on two different days",
        )
    return Estimate(
        **named,
        **_common(sides, sides.boards),
        value=float(median(gaps)),
        reason="boards of one partnership share their events, so they are not independent",
        method="median of the gaps of all boards; boards with fewer than two events have none",
        variance="none",
    )


def terms_exposed(sides: Sides) -> Iterator[tuple[str, str, bool]]:
    """Yield board, name of term and whether it had a joint event, for each whole term exposed."""
    days: dict[str, list[int]] = defaultdict(list)
    for event in sides.boards.events:
        for board in event.actors:
            days[board].append(event.day.toordinal())
    for board in sides.boards.exposure.spans:
        for year in sides.years:
            for name, span in terms_of(year).items():
                if sides.boards.exposure.covers(board, span):
                    yield board, name, any(span[0] <= day < span[1] for day in days[board])


def _termly(sides: Sides) -> Estimate:
    named: dict[str, Any] = {
        "metric": METRIC,
        "estimand": TERMLY,
        "term": BOARDS,
        "unit": "percent",
    }
    always: dict[str, bool] = {}
    for board, _, met in terms_exposed(sides):
        always[board] = always.get(board, True) and met
    if not always:
        return Estimate(
            **named, status="not_estimable", reason="no board was in a partnership for a whole term"
        )
    return Estimate(
        **named,
        **_common(sides, sides.boards),
        value=100 * sum(always.values()) / len(always),
        reason="boards of one partnership share their events, so they are not independent",
        method="boards with a joint event in every whole term of their membership",
        variance="none",
    )


def notes(sides: Sides) -> Iterator[Note]:
    """Yield what a reader must know of the window and of boards."""
    yield Note(
        text="Counted are the academic years {first} to {last}, and in them the time in which a "
        "board shared a partnership with another.",
        values={"first": Period(sides.years[0]).label, "last": Period(sides.years[-1]).label},
    )
    if sides.schools is None:
        yield Note(text="There is no log of leaders' activity, so governors cannot be compared.")


def diagnostics(sides: Sides) -> Iterator[Diagnostic]:
    """Yield, for each side, whether events come in bunches."""
    for term, side in sides.named():
        test = side.bunched()
        if test is not None:
            yield Diagnostic(
                name=f"bunching of events, {term}",
                value=test.dispersion,
                p_value=test.p_value,
                passed=test.p_value >= 0.05,
                text="Chi-squared over its degrees of freedom, between partnerships: about 1 when "
                "events come at random.",
            )
