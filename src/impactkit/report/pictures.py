"""Find the data of a declared `Chart`, and say in words what the picture of them shows.

A chart draws released values only. Values that it cannot draw are counted, for its caption.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from impactkit.report.phrases import clean, event_time, humanise, number
from impactkit.results import Chart, Estimate, Table

SIDEWAYS = ("bar", "interval")
"""Kinds whose categories go down the page, so that their names stay horizontal."""

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
        return self.chart.kind not in SIDEWAYS and all(isinstance(p.x, float) for p in self.points)

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
    points = [_point(row, chart, x, y, chart.low, chart.high) for row in rows]
    picture = _picture(chart, points, chart.where.get("measure", ""))
    return [picture] if picture.points else []


def _picture(
    chart: Chart, points: list[Point | None], measure: str = "", subgroup: str = ""
) -> Picture:
    kept = tuple(p for p in points if p is not None)
    return Picture(
        chart=chart,
        points=kept,
        missing=len(points) - len(kept),
        measure=measure,
        subgroup=subgroup,
    )


def _point(
    row: Mapping[str, Any], chart: Chart, x: str, y: str, low: str, high: str
) -> Point | None:
    value = _finite(row.get(chart.y or y))
    if value is None or row.get(x) in (None, ""):
        return None
    place = _finite(row[x])
    return Point(
        x=place if place is not None else clean(row[x]),
        y=value,
        low=_finite(row.get(chart.low or low)),
        high=_finite(row.get(chart.high or high)),
        band_low=_finite(row.get("band_low")),
        band_high=_finite(row.get("band_high")),
        series=clean(row.get(chart.series) or "") if chart.series else "",
    )


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


def _place(point: Point) -> str:
    where = f"{point.x:g}" if isinstance(point.x, float) else humanise(point.x)
    return f"{where} ({point.series})" if point.series else where
