"""Links between schools, and what they would be if chance had chosen who came and who called.

By chance who came: each joint activity keeps its partnership, its day and its number of schools,
which are drawn anew among the members of that day. By chance who called: each activity keeps its
schools, and one of them is drawn as the caller.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from itertools import combinations
from typing import Any

import attrs
import numpy as np
import polars as pl

from impactkit import Exclusion, Period, typed_columns

Pair = tuple[str, str]
Span = tuple[dt.date, dt.date]


@attrs.frozen(kw_only=True)
class Joint:
    """A joint activity: who came, who could have come, and who called it, if a school did."""

    day: dt.date
    who: tuple[str, ...]
    there: tuple[str, ...]
    caller: str | None


@attrs.frozen(kw_only=True, eq=False)
class Ties:
    """What links the schools of one partnership.

    `possible` are pairs that were members at the same time, with the days on which they were;
    `linked` those that came together; `one_way` pairs of which one called the other or both did.
    """

    schools: tuple[str, ...]
    events: tuple[Joint, ...]
    possible: dict[Pair, tuple[Span, ...]]

    @property
    def linked(self) -> set[Pair]:
        """Pairs that came together at least once."""
        return {pair for event in self.events for pair in combinations(event.who, 2)}

    @property
    def linked_in(self) -> dict[int, set[Pair]]:
        """Pairs that came together, by academic year."""
        found: dict[int, set[Pair]] = defaultdict(set)
        for event in self.events:
            found[Period.of(event.day).year] |= set(combinations(event.who, 2))
        return found

    def possible_in(self, year: int) -> set[Pair]:
        """Pairs that were members on some day of an academic year."""
        period = Period(year)
        return {
            pair
            for pair, spans in self.possible.items()
            if any(first <= period.end and period.start <= last for first, last in spans)
        }

    @property
    def calls(self) -> set[tuple[str, str]]:
        """Who called whom."""
        return {
            (e.caller, other)
            for e in self.events
            if e.caller
            for other in e.who
            if other != e.caller
        }

    @property
    def one_way(self) -> set[Pair]:
        """Pairs in which one called the other, or both."""
        return {(min(pair), max(pair)) for pair in self.calls}

    @property
    def both_ways(self) -> set[Pair]:
        """Pairs in which both called the other."""
        calls = self.calls
        return {(a, b) for a, b in self.one_way if (a, b) in calls and (b, a) in calls}


def ties_of(
    log: pl.DataFrame, memberships: pl.DataFrame, *, stage: str
) -> tuple[dict[str, Ties], list[Exclusion]]:
    """Return the ties of each partnership, and the activities that are none of its members'."""
    columns = {
        "partnership_id": pl.String,
        "school_key": pl.String,
        "joined": pl.Date,
        "left": pl.Date,
    }
    spans: dict[str, dict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
    rows = typed_columns(memberships, columns).drop_nulls(["partnership_id", "school_key"])
    for partnership, school, joined, left in sorted(rows.iter_rows(), key=str):
        span = (joined or dt.date.min, left or dt.date.max)
        if span[0] <= span[1]:
            spans[partnership][school].append(span)
    events: dict[str, list[Joint]] = defaultdict(list)
    apart = 0
    entries = log.select("partnership_id", "date", "schools", "initiated_by").iter_rows()
    for partnership, day, schools, caller in entries:
        members = spans.get(partnership, {})
        there = tuple(sorted(s for s, of in members.items() if any(a <= day <= b for a, b in of)))
        who = tuple(school for school in schools if school in there)
        if len(who) < 2:
            apart += 1
            continue
        events[partnership].append(
            Joint(day=day, who=who, there=there, caller=caller if caller in who else None)
        )
    ties = {
        partnership: Ties(
            schools=tuple(sorted(members)),
            events=tuple(sorted(events[partnership], key=lambda e: (e.day, e.who, e.caller or ""))),
            possible=_possible(members),
        )
        for partnership, members in sorted(spans.items())
    }
    if not apart:
        return ties, []
    words = "Joint activities of fewer than a pair of schools that were members on the day"
    return ties, [
        Exclusion(reason="partnership.not_members", text=words, n_rows=apart, stage=stage)
    ]


def _possible(members: dict[str, list[Span]]) -> dict[Pair, tuple[Span, ...]]:
    found = {}
    for one, other in combinations(sorted(members), 2):
        both = tuple(
            (max(a, x), min(b, y))
            for a, b in members[one]
            for x, y in members[other]
            if max(a, x) <= min(b, y)
        )
        if both:
            found[one, other] = both
    return found


@attrs.frozen(kw_only=True, eq=False)
class Chance:
    """A share in each draw, and how it was drawn."""

    values: np.ndarray
    how: str


@attrs.frozen(kw_only=True)
class ByChance:
    """Density and reciprocity in each draw."""

    density: Chance
    reciprocity: Chance


def by_chance(ties: dict[str, Ties], draws: int, rng: np.random.Generator) -> ByChance:
    """Draw who came, and who called, so many times."""
    linked = np.zeros(draws)
    one, both = np.zeros(draws), np.zeros(draws)
    possible = sum(len(t.possible) for t in ties.values())
    named = False
    for t in ties.values():
        place = {school: i for i, school in enumerate(t.schools)}
        linked += _linked(t, place, draws, rng)
        calls = _called(t, place, draws, rng)
        if calls is not None:
            named = True
            there_and_back = calls & calls.transpose(0, 2, 1)
            either = calls | calls.transpose(0, 2, 1)
            one += either.sum(axis=(1, 2)) / 2
            both += there_and_back.sum(axis=(1, 2)) / 2
    return ByChance(
        density=Chance(
            values=linked / possible if possible and linked.any() else np.array([]),
            how="the same activities, with those who came drawn among the members of the day",
        ),
        reciprocity=Chance(
            values=both / one if named else np.array([]),
            how="the same activities, with the caller drawn among those who came",
        ),
    )


def _linked(
    t: Ties, place: dict[str, int], draws: int, rng: np.random.Generator
) -> np.ndarray | int:
    """Return in each draw how many pairs are linked."""
    n = len(t.schools)
    seen = np.zeros((draws, n, n), dtype=bool)
    for event in t.events:
        there = np.array([place[school] for school in event.there])
        chosen: Any = np.zeros((draws, n), dtype=bool)
        order = rng.random((draws, len(there))).argsort(axis=1)[:, : len(event.who)]
        np.put_along_axis(chosen, there[order], values=True, axis=1)
        seen |= chosen[:, :, None] & chosen[:, None, :]
    found: np.ndarray = (seen.sum(axis=(1, 2)) - seen.trace(axis1=1, axis2=2)) / 2
    return found


def _called(
    t: Ties, place: dict[str, int], draws: int, rng: np.random.Generator
) -> np.ndarray | None:
    """Return in each draw who called whom; None where no activity names a caller."""
    called = [event for event in t.events if event.caller]
    if not called:
        return None
    n = len(t.schools)
    calls = np.zeros((draws, n, n), dtype=bool)
    each = np.arange(draws)
    for event in called:
        who = np.array([place[school] for school in event.who])
        callers = who[rng.integers(0, len(who), draws)]
        for other in who:
            calls[each, callers, other] = True
    calls[:, np.arange(n), np.arange(n)] = False
    return calls
