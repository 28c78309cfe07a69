"""Find the data of a declared `Chart`, and say in words what the picture of them shows.

A chart draws released values only. Values that it cannot draw are counted, for its caption.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from impactkit.report.phrases import clean, count, event_time, figures_shown, humanise, number
from impactkit.results import Chart, Estimate, Table

SIDEWAYS = ("bar", "interval")
"""Kinds whose categories go down the page, so that their names stay horizontal."""

NAMED = ("stacked", "heatmap", "flow")
"""Kinds whose `x` and `series` are names and never places on a scale, be they years."""

TOTAL = "total"
"""The series of a waterfall's steps that stand on zero."""

_YEARS_SINCE = re.compile(r"[-+]?\d{1,2}")


@attrs.frozen(kw_only=True)
class Point:
    """One mark: where it stands, its interval and its simultaneous band, and its series."""

    x: str | float
    y: float
    low: float | None = None
    high: float | None = None
    band_low: float | None = None
    band_high: float | None = None
    series: str = ""


@attrs.frozen(kw_only=True)
class BreakLine:
    """A year from which a measure means something else, and the letter that it has in a picture."""

    year: int
    letter: str
    text: str


@attrs.frozen(kw_only=True)
class Picture:
    """A chart with its data: ready to draw, and described in words."""

    chart: Chart
    points: tuple[Point, ...]
    missing: int = 0
    measure: str = ""
    subgroup: str = ""
    breaks: tuple[BreakLine, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether the horizontal axis is a number (years, event times) and not a category."""
        return self.chart.kind not in (*SIDEWAYS, *NAMED) and all(
            isinstance(p.x, float) for p in self.points
        )

    @property
    def series(self) -> tuple[str, ...]:
        """The names of the series, in order of appearance."""
        return tuple(dict.fromkeys(p.series for p in self.points))


def pictures(chart: Chart, estimates: Sequence[Estimate], tables: Iterable[Table]) -> list[Picture]:
    """Find a chart's data: one picture a measure and subgroup, or one of a table.

    Parameters
    ----------
    chart
        What to draw. A chart whose data cannot be found, or are all withheld, gives no picture.
    estimates, tables
        Those of the same metric result or section.
    """
    if chart.data != "estimates":
        table = next((t for t in tables if t.id == chart.data), None)
        return _of_table(chart, table) if table else []
    x = chart.x or "term"
    own = {x, chart.series}
    groups: dict[tuple[str, ...], list[Estimate]] = {}
    for e in chosen(chart, estimates):
        apart = tuple("" if f in own else _field(e, f) for f in ("measure", "subgroup"))
        groups.setdefault(apart, []).append(e)
    found = []
    for (measure, subgroup), members in groups.items():
        points = [
            _point(
                attrs.asdict(e, recurse=False),
                chart,
                x,
                "value",
                "ci_low",
                "ci_high",
            )
            for e in members
        ]
        found.append(_picture(chart, points, measure, subgroup))
    return [p for p in found if p.points]


def with_breaks(picture: Picture, measures: Iterable[Mapping[str, Any]]) -> Picture:
    """Return a picture over calendar years with the changes of its measure that lie between them.

    Parameters
    ----------
    picture
        What to draw; anything but lines over years stays as it is.
    measures
        Entries of the measure registry, as an evaluation keeps them.
    """
    years = [p.x for p in picture.points if isinstance(p.x, float)]
    if picture.chart.kind not in ("line", "step") or not picture.numeric or min(years) < 1900:
        return picture
    found = sorted(
        (int(item["year"]), clean(item.get("text") or ""))
        for known in measures
        if known.get("id") == picture.measure
        for item in known.get("breaks") or ()
        if min(years) < item["year"] <= max(years)
    )
    lines = (
        BreakLine(year=year, letter=letter, text=text)
        for (year, text), letter in zip(found, string.ascii_uppercase, strict=False)
    )
    return attrs.evolve(picture, breaks=tuple(lines))


def chosen(chart: Chart, estimates: Iterable[Estimate]) -> list[Estimate]:
    """Return the estimates that a chart picks, drawn or not."""
    if chart.data != "estimates":
        return []
    x = chart.x or "term"
    return [
        e
        for e in estimates
        if all(_field(e, k) == v for k, v in chart.where.items())
        and _field(e, x)
        # Event times only: cohorts and calendar years are terms too, and have four digits.
        and (chart.kind != "event_study" or _YEARS_SINCE.fullmatch(_field(e, x)))
    ]


def _field(estimate: Estimate, name: str) -> str:
    value = getattr(estimate, name, "")
    return "" if value is None else str(value)


def _of_table(chart: Chart, table: Table) -> list[Picture]:
    names = [column.name for column in table.columns]
    x = chart.x or names[0]
    y = chart.y or next((c.name for c in table.columns if c.kind not in ("dimension", "text")), "")
    if x not in names or y not in names:
        return []
    rows = [dict(zip(names, row, strict=True)) for row in table.rows]
    rows = [row for row in rows if all(str(row.get(k, v)) == v for k, v in chart.where.items())]
    if chart.kind in NAMED and not (chart.series and (chart.x or chart.kind != "heatmap")):
        rows, x, chart = _unfolded(rows, x, y, chart, table)
    points = [_point(row, chart, x, y, chart.low, chart.high) for row in rows]
    picture = _picture(chart, points, chart.where.get("measure", ""))
    return [picture] if picture.points else []


def _unfolded(
    rows: list[dict[str, Any]], x: str, y: str, chart: Chart, table: Table
) -> tuple[list[dict[str, Any]], str, Chart]:
    """Turn columns into rows, under the name that the chart lacks: those that add up to its `y`.

    Without `y` they are all that hold numbers. Bars show the parts in per cent of their whole.
    """
    labels = {c.name: c.label or humanise(c.name) for c in table.columns}
    numbers = [c.name for c in table.columns if c.kind not in ("dimension", "text")]
    parts = dict(table.sums).get(chart.y, ()) if chart.y else numbers
    if not parts:
        return rows, x, chart
    key = "part of the sum"
    turned = [{**row, key: labels[part], y: row[part]} for row in rows for part in parts]
    if chart.kind == "stacked" and chart.y:  # wholes differ in size, and parts are to be compared
        wholes = [_finite(row[y]) for row in rows for _ in parts]
        for row, whole in zip(turned, wholes, strict=True):
            of = _finite(row[y])
            row[y] = 100 * of / whole if of is not None and whole else None
    if chart.series:
        return turned, key, chart
    return turned, x, attrs.evolve(chart, series=key)


def _picture(
    chart: Chart, points: list[Point | None], measure: str = "", subgroup: str = ""
) -> Picture:
    drawn = _founded(points) if chart.kind == "waterfall" else points
    kept = tuple(p for p in drawn if p is not None)
    return Picture(
        chart=chart,
        points=kept,
        missing=len(points) - len(kept),
        measure=measure,
        subgroup=subgroup,
    )


def _founded(points: list[Point | None]) -> list[Point | None]:
    """Leave out steps of a waterfall that stand on a step which is not there.

    After it nobody knows where a bar begins, until the next total stands on zero again.
    """
    found: list[Point | None] = []
    known = True
    for p in points:
        known = p is not None and (known or p.series == TOTAL)
        found.append(p if known else None)
    return found


def _point(
    row: Mapping[str, Any], chart: Chart, x: str, y: str, low: str, high: str
) -> Point | None:
    value = _finite(row.get(chart.y or y))
    if value is None or row.get(x) in (None, "") or (chart.kind == "flow" and value < 0):
        return None
    place = _finite(row[x]) if chart.kind not in NAMED else None
    if chart.kind == "scatter" and place is None:
        return None
    return Point(
        x=place if place is not None else clean(row[x]),
        y=value,
        low=_finite(row.get(chart.low or low)),
        high=_finite(row.get(chart.high or high)),
        band_low=_finite(row.get("band_low")),
        band_high=_finite(row.get("band_high")),
        series=clean(row.get(chart.series) or "") if chart.series else "",
    )


def empty_cells(picture: Picture) -> list[tuple[str, str]]:
    """Return the columns and rows of a grid at which there is no figure."""
    there = {(str(p.x), p.series) for p in picture.points}
    columns = dict.fromkeys(str(p.x) for p in picture.points)
    return [(x, row) for row in picture.series for x in columns if (x, row) not in there]


def digits_drawn(picture: Picture) -> int:
    """Return the decimals of numbers written into a picture: two figures of the largest."""
    values = [p.y for p in picture.points]
    return 0 if all(v.is_integer() for v in values) else max(0, figures_shown(values) - 1)


def _finite(value: object) -> float | None:
    try:
        number_ = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number_ if math.isfinite(number_) else None


def describe(picture: Picture, digits: int) -> str:
    """Say in words what the picture shows; the metric's own words come first when it has any."""
    chart, points = picture.chart, picture.points
    own = clean(chart.alt).strip()
    if own:
        return own
    if chart.kind == "event_study":
        reference = chart.reference or 0.0
        tested = [p for p in points if p.low is not None and p.high is not None]
        across = [p for p in tested if p.low <= reference <= p.high]  # type: ignore[operator]
        ordered = sorted(points, key=lambda p: float(p.x))
        first, last = (event_time(number(float(p.x), 0)) for p in (ordered[0], ordered[-1]))
        low, high = min(p.y for p in points), max(p.y for p in points)
        return (
            f"Estimates by year, from {first.lower()} to {last.lower()}. They run from "
            f"{number(low, digits)} to {number(high, digits)}; the interval takes in no "
            f"difference in {len(across)} of {len(tested)} years. The table has each one."
        )
    if chart.kind in NAMED:
        return _describe_named(picture)
    if chart.kind == "scatter":
        return _said_of_scatter(picture)
    if chart.kind == "waterfall":
        digits = figures_shown(p.y for p in points)
        said = "; ".join(
            f"{'in all, ' if p.series == TOTAL else ''}{_named(p)} {number(p.y, digits)}"
            for p in points
        )
        return f"Waterfall, step by step: {said}. The table has each value."
    least, most = min(points, key=lambda p: p.y), max(points, key=lambda p: p.y)
    names = [name for name in picture.series if name]
    by = f" for {', '.join(names)}" if names else ""
    shape = {"line": "Line chart", "step": "Step chart", "bar": "Bar chart"}.get(
        chart.kind, "Points with intervals"
    )
    return (
        f"{shape}{by}: lowest {number(least.y, digits)} at {_place(least)}, highest "
        f"{number(most.y, digits)} at {_place(most)}. The table has each value."
    )


def _describe_named(picture: Picture) -> str:
    """Say what bars of parts, a grid or ribbons show: how many there are, and the largest."""
    digits = digits_drawn(picture)
    least = min(picture.points, key=lambda p: p.y)
    most = max(picture.points, key=lambda p: p.y)
    high, low = number(most.y, digits), number(least.y, digits)
    across = len({p.x for p in picture.points})
    told = ", ".join(name for name in picture.series if name)
    if picture.chart.kind == "heatmap":
        empty = len(empty_cells(picture))
        return (
            f"Grid of {len(picture.series)} by {across}: lowest {low} at {_place(least)}, highest "
            f"{high} at {_place(most)}"
            + (f"; {count(empty, 'cell')} without a figure" if empty else "")
            + ". The table has each value."
        )
    if picture.chart.kind == "flow":
        return (
            f"Ribbons from {count(across, 'bar')} to {told}: the thickest, from {most.x} to "
            f"{most.series}, is {high}. The table has each value."
        )
    parts = f", in parts: {told}" if told else ""
    return (
        f"{count(across, 'bar').capitalize()}{parts}. The largest part is {high}, at "
        f"{_place(most)}. The table has each value."
    )


def _said_of_scatter(picture: Picture) -> str:
    """Say how far the points reach, and how many lie in each corner where lines part them."""
    points, level = picture.points, picture.chart.reference
    pairs = [(float(p.x), p.y) for p in points]
    spans = []
    for i, way in enumerate(("across", "up")):
        values = [pair[i] for pair in pairs]
        digits = figures_shown(values)
        spans.append(f"from {number(min(values), digits)} to {number(max(values), digits)} {way}")
    said = f"Points in a plane, {len(points):,}: {' and '.join(spans)}."
    names = [name for name in picture.series if name]
    if len(names) > 1:
        said += f" Kinds of point: {', '.join(names)}."
    if level is not None and min(x for x, _ in pairs) < 0 < max(x for x, _ in pairs):
        corners = Counter(
            f"{'above' if y > level else 'below'} on the {'right' if x > 0 else 'left'}"
            for x, y in pairs
            if x != 0 and y != level
        )
        lie = ", ".join(f"{n:,} {where}" for where, n in sorted(corners.items()))
        said += f" Of the corners between the lines: {lie}." if lie else ""
    return f"{said} The table has each."


def _place(point: Point) -> str:
    where = _named(point)
    return f"{where} ({point.series})" if point.series else where


def _named(point: Point) -> str:
    return f"{point.x:g}" if isinstance(point.x, float) else humanise(point.x)
