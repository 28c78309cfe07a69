"""The tables and charts of ``governance.joint_activity``: counts of events, which are public."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from impactkit import Chart, Column, Period, Table
from impactkit_governance.exposure import TERMS, year_span
from impactkit_governance.rates import rate_interval
from impactkit_governance.summary import UNITS, Side, Sides, terms_exposed


def _events(name: str, label: str) -> Column:
    return Column(name=name, label=label, kind="count", of="events")


def _number(name: str, label: str, unit: str = "", digits: int = 2) -> Column:
    return Column(name=name, label=label, unit=unit, digits=digits)


def tables(sides: Sides) -> Iterator[Table]:
    """Yield the rates, and the events by partnership, year, term and type."""
    yield _rates(sides)
    yield _by_partnership(sides)
    yield _by_year(sides)
    yield _by_term(sides)
    yield _by_type(sides)


def charts() -> Iterator[Chart]:
    """Yield the pictures: boards beside leaders, and boards over the years and terms."""
    yield Chart(
        id="joint_rates",
        kind="interval",
        title="Joint events a year: boards and leaders",
        data="joint_rates",
        x="who",
        y="rate",
        low="low",
        high="high",
        x_title="Who",
        y_title="Events a year",
    )
    yield Chart(
        id="joint_by_year",
        kind="line",
        title="Joint events a board takes part in",
        data="joint_by_year",
        x="year",
        y="rate",
        x_title="Academic year",
        y_title="Events per board",
    )
    yield Chart(
        id="joint_by_term",
        kind="bar",
        title="Boards that met jointly, by term",
        data="joint_by_term",
        x="term",
        y="share",
        x_title="Term",
        y_title="Percent of boards",
    )


def _rates(sides: Sides) -> Table:
    rows = []
    for term, side in sides.named():
        counted = side.counted()
        if counted is None:
            continue
        low, high = rate_interval(counted, least=2)
        rows.append(
            (
                term,
                len(side.exposure.spans),
                counted.exposure,
                len(counted.weights),
                counted.total,
                counted.rate,
                low,
                high,
                UNITS[term],
            )
        )
    return Table(
        id="joint_rates",
        title="Joint activity of boards and of leaders",
        columns=(
            Column(name="who", label="Who", kind="dimension"),
            Column(name="number", label="Boards or schools", kind="number", digits=0),
            _number("years", "Years of exposure", digits=1),
            _events("events", "Joint events"),
            _events("taken_part", "Times taken part"),
            _number("rate", "Rate a year"),
            _number("low", "Interval from"),
            _number("high", "Interval to"),
            Column(name="unit", label="Unit", kind="text"),
        ),
        rows=rows,
        note="Times taken part counts each event once for every board or school in it.",
    )


def _by_partnership(sides: Sides) -> Table:
    boards = _members(sides.boards)
    of_boards = _joint_events(sides.boards, boards)
    leaders = sides.schools
    of_leaders = None if leaders is None else _joint_events(leaders, _members(leaders))
    rows = [
        (
            partnership,
            len(members),
            of_boards[partnership],
            None if of_leaders is None else of_leaders[partnership],
        )
        for partnership, members in boards.items()
    ]
    return Table(
        id="joint_by_partnership",
        title="Joint events by partnership",
        columns=(
            Column(name="partnership", label="Partnership", kind="dimension"),
            Column(name="boards", label="Boards", kind="number", digits=0),
            _events("governors", "Joint events of boards"),
            _events("leaders", "Joint events of leaders"),
        ),
        rows=rows,
        note="An event of boards that share two partnerships stands in both. Leaders' events are "
        "blank where no log of them was given.",
    )


def _members(side: Side) -> dict[str, frozenset[str]]:
    """Return all who were in each partnership at any time."""
    return {
        partnership: frozenset().union(*(segment.actors for segment in segments))
        for partnership, segments in side.exposure.segments.items()
    }


def _joint_events(side: Side, members: Mapping[str, frozenset[str]]) -> Counter[str]:
    """Count the events at which two members of a partnership or more took part."""
    of: dict[str, list[str]] = {}
    for partnership, actors in members.items():
        for actor in actors:
            of.setdefault(actor, []).append(partnership)
    met: Counter[str] = Counter()
    for event in side.events:
        there = Counter(name for actor in event.actors for name in of.get(actor, ()))
        met.update(name for name, n in there.items() if n > 1)
    return met


def _by_year(sides: Sides) -> Table:
    rows = []
    exposure = sides.boards.exposure
    for year in sides.years:
        span = year_span(year)
        events = [e for e in sides.boards.events if span[0] <= e.day.toordinal() < span[1]]
        years = sum(exposure.years_of(board, span) for board in exposure.spans)
        taken_part = sum(len(event.actors) for event in events)
        rate = taken_part / years if years else None
        rows.append((Period(year).label, years, len(events), taken_part, rate))
    return Table(
        id="joint_by_year",
        title="Joint events of boards by academic year",
        columns=(
            Column(name="year", label="Academic year", kind="dimension"),
            _number("board_years", "Board-years", digits=1),
            _events("events", "Joint events"),
            _events("taken_part", "Times taken part"),
            _number("rate", "Rate per board"),
        ),
        rows=rows,
        note="There is no rate in a year in which no two boards shared a partnership.",
    )


def _by_term(sides: Sides) -> Table:
    exposed: Counter[str] = Counter()
    met: Counter[str] = Counter()
    for _, name, any_event in terms_exposed(sides):
        exposed[name] += 1
        met[name] += any_event
    return Table(
        id="joint_by_term",
        title="Boards with a joint event, by term",
        columns=(
            Column(name="term", label="Term", kind="dimension"),
            Column(name="board_terms", label="Boards times terms", kind="number", digits=0),
            Column(name="met", label="With a joint event", kind="number", digits=0),
            _number("share", "Share, %", "percent", digits=1),
        ),
        rows=[
            (
                name,
                exposed[name],
                met[name],
                100 * met[name] / exposed[name] if exposed[name] else None,
            )
            for name in TERMS
        ],
        note="Only whole terms of membership count.",
    )


def _by_type(sides: Sides) -> Table:
    events: Counter[str] = Counter()
    stated: Counter[str] = Counter()
    attendances: Counter[str] = Counter()
    for event in sides.boards.events:
        events[event.kind] += 1
        if event.attendees is not None:
            stated[event.kind] += 1
            attendances[event.kind] += event.attendees
    return Table(
        id="joint_by_type",
        title="Joint events of boards by type",
        columns=(
            Column(name="type", label="Type", kind="dimension"),
            _events("events", "Joint events"),
            _events("stated", "With attendance stated"),
            Column(name="attendances", label="Attendances", kind="count", of="people"),
        ),
        rows=[
            (kind, events[kind], stated[kind], attendances[kind] if stated[kind] else None)
            for kind in sorted(events)
        ],
        note="Attendances count a person once for each event attended; blank where none is stated.",
    )
