"""Who could have worked together, and for how long: boards or schools in partnerships, day by day.

An actor (a governing board, or a school's leaders) is exposed on the days on which it is in a
partnership with at least one other actor; alone it has nobody to work with. A board that serves
several schools is one actor, and an actor in two partnerships is exposed once. Days are ordinals,
spans half open.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

import attrs

Span = tuple[int, int]
DAYS_A_YEAR = 365.25

TERMS = {"autumn": ((9, 1), (1, 1)), "spring": ((1, 1), (4, 1)), "summer": ((4, 1), (9, 1))}
"""First day of each term, and of the next: our division, since Easter moves."""


@attrs.frozen(kw_only=True)
class Member:
    """One school's time in one partnership; None is open at that end, backwards is no time."""

    partnership: str
    school: str
    joined: dt.date | None
    left: dt.date | None


@attrs.frozen(kw_only=True)
class Segment:
    """A span of days over which a partnership had the same actors, two or more."""

    span: Span
    actors: frozenset[str]


@attrs.frozen(kw_only=True)
class Exposure:
    """The segments of each partnership; of each actor, the merged spans and the partnerships."""

    segments: Mapping[str, tuple[Segment, ...]]
    spans: Mapping[str, tuple[Span, ...]]
    partnerships: Mapping[str, frozenset[str]]

    @property
    def years(self) -> float:
        """Years of exposure of all actors together."""
        return sum(self.years_of(actor) for actor in self.spans)

    def years_of(self, actor: str, within: Span | None = None) -> float:
        """Years of exposure of one actor, all told or within a span."""
        low, high = within or (0, dt.date.max.toordinal())
        days = sum(
            max(0, min(end, high) - max(start, low)) for start, end in self.spans.get(actor, ())
        )
        return days / DAYS_A_YEAR

    def together(self, actors: Iterable[str], day: dt.date) -> frozenset[str]:
        """Return those of `actors` who shared a partnership with another of them on `day`."""
        named, ordinal = frozenset(actors), day.toordinal()
        found: set[str] = set()
        nobody: frozenset[str] = frozenset()
        theirs = nobody.union(*(self.partnerships.get(actor, nobody) for actor in named))
        for partnership in theirs:
            for segment in self.segments[partnership]:
                if segment.span[0] <= ordinal < segment.span[1]:
                    common = named & segment.actors
                    if len(common) > 1:
                        found |= common
        return frozenset(found)

    def covers(self, actor: str, span: Span) -> bool:
        """Tell whether an actor was exposed on every day of a span."""
        return any(start <= span[0] and span[1] <= end for start, end in self.spans.get(actor, ()))


def year_span(year: int) -> Span:
    """Return the days of an academic year, 1 September to 31 August.

    Examples
    --------
    >>> start, end = year_span(2024)
    >>> end - start
    366
    """
    return dt.date(year - 1, 9, 1).toordinal(), dt.date(year, 9, 1).toordinal()


def terms_of(year: int) -> dict[str, Span]:
    """Return the days of the three terms of an academic year.

    Examples
    --------
    >>> [end - start for start, end in terms_of(2023).values()]
    [122, 90, 153]
    """

    def day(month: int, of_month: int, *, ends: bool) -> int:
        first = month < 9 or (ends and month == 9)
        return dt.date(year if first else year - 1, month, of_month).toordinal()

    return {
        name: (day(*begins, ends=False), day(*ends, ends=True))
        for name, (begins, ends) in TERMS.items()
    }


def expose(
    members: Iterable[Member], actors: Mapping[str, tuple[str, ...]], window: Span
) -> Exposure:
    """Return who was exposed when, within `window`; `actors` gives those of each school.

    Examples
    --------
    Two schools in one partnership for the whole year; a third has a board of its own but joins
    nobody:

    >>> members = [
    ...     Member(partnership="P", school=school, joined=None, left=None) for school in "ab"
    ... ] + [Member(partnership="Q", school="c", joined=None, left=None)]
    >>> found = expose(members, {"a": ("A",), "b": ("B",), "c": ("C",)}, year_span(2023))
    >>> sorted(found.spans), round(found.years, 2)
    (['A', 'B'], 2.0)
    """
    times: dict[str, list[tuple[Span, str]]] = defaultdict(list)
    for member in members:
        start = window[0] if member.joined is None else max(window[0], member.joined.toordinal())
        end = window[1] if member.left is None else min(window[1], member.left.toordinal() + 1)
        if start < end:
            times[member.partnership].extend(
                ((start, end), actor) for actor in actors.get(member.school, ())
            )
    segments = {partnership: tuple(_segments(times[partnership])) for partnership in sorted(times)}
    spans: dict[str, list[Span]] = defaultdict(list)
    partnerships: dict[str, set[str]] = defaultdict(set)
    for partnership, parts in segments.items():
        for segment in parts:
            for actor in segment.actors:
                spans[actor].append(segment.span)
                partnerships[actor].add(partnership)
    return Exposure(
        segments={name: parts for name, parts in segments.items() if parts},
        spans={actor: tuple(_merge(spans[actor])) for actor in sorted(spans)},
        partnerships={actor: frozenset(of) for actor, of in partnerships.items()},
    )


def _segments(times: list[tuple[Span, str]]) -> Iterable[Segment]:
    cuts = sorted({cut for span, _ in times for cut in span})
    for start, end in pairwise(cuts):
        there = frozenset(
            actor for (begins, ends), actor in times if begins <= start and end <= ends
        )
        if len(there) > 1:
            yield Segment(span=(start, end), actors=there)


def _merge(spans: Iterable[Span]) -> Iterable[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def clusters(exposure: Exposure) -> dict[str, str]:
    """Return the cluster of each actor: partnerships that share an actor hang together.

    Examples
    --------
    >>> members = [
    ...     Member(partnership=p, school=s, joined=None, left=None)
    ...     for p, s in [("P", "a"), ("P", "b"), ("Q", "b"), ("Q", "c"), ("R", "d"), ("R", "e")]
    ... ]
    >>> clusters(expose(members, {s: (s,) for s in "abcde"}, year_span(2023)))
    {'a': 'P', 'b': 'P', 'c': 'P', 'd': 'R', 'e': 'R'}
    """
    root: dict[str, str] = {}

    def find(name: str) -> str:
        while root.setdefault(name, name) != name:
            name = root[name]
        return name

    first: dict[str, str] = {}
    for actor in sorted(exposure.partnerships):
        for partnership in sorted(exposure.partnerships[actor]):
            one, other = find(first.setdefault(actor, partnership)), find(partnership)
            root[max(one, other)] = min(one, other)
    return {actor: find(partnership) for actor, partnership in sorted(first.items())}
