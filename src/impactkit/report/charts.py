"""Draw a picture as SVG, twice: for a page, and for a phone, where letters would be too small.

The vega-lite specification is a plain dictionary given straight to vl-convert: no browser, no
network, the same bytes each time. (Building it with altair would cost 0.2 s of import for the same
result; the tests check it against altair's schema.)
"""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import attrs

from impactkit.report import theme
from impactkit.report.chart_flow import flow
from impactkit.report.chart_frame import (
    LETTER,
    LONGEST,
    NARROW,
    SHORT,
    WIDE,
    one_plot,
    paint,
    reach,
)
from impactkit.report.chart_heatmap import heatmap
from impactkit.report.chart_scatter import scatter
from impactkit.report.chart_stacked import stacked
from impactkit.report.chart_waterfall import waterfall
from impactkit.report.phrases import clean
from impactkit.report.pictures import Picture

_MARGIN = 50
"""Pixels of what stands left of the drawing, roughly."""
_MOST_TICKED = 40


def draw(picture: Picture, width: int) -> str:
    """Return the picture as one inline SVG, `width` pixels wide at its natural size."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(spec(picture, width), allowed_base_urls=[])
    # The figure around it has the text alternative, so the drawing itself is one silent image.
    return re.sub(
        r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)" viewBox="([^"]+)">',
        r'<svg viewBox="\3" width="\1" height="\2" aria-hidden="true" focusable="false">',
        svg,
        count=1,
    )


def spec(picture: Picture, width: int) -> dict[str, Any]:
    """Return the vega-lite specification of a picture."""
    small = width < 400
    values = [{k: v for k, v in attrs.asdict(p).items() if v is not None} for p in picture.points]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": values},
        "config": theme.config(width, 12 if small else 13),
        **_KINDS[picture.chart.kind](picture, width, small),
    }


def _axis_x(picture: Picture, small: bool) -> dict[str, Any]:
    xs = sorted({p.x for p in picture.points if isinstance(p.x, float)})
    default = "Years since joining" if picture.chart.kind == "event_study" else ""
    title = clean(picture.chart.x_title) or default or None
    if not picture.numeric:
        names = dict.fromkeys(str(p.x) for p in picture.points)
        needed = sum(min(len(name), LONGEST) + 1 for name in names) * LETTER
        tilted = {"labelAngle": -45, "labelAlign": "right"}
        return {
            "field": "x",
            "type": "nominal",
            "sort": None,
            "axis": {
                "title": title,
                "labelExpr": SHORT,
                **(tilted if needed > (NARROW if small else WIDE) - _MARGIN else {}),
            },
        }
    step = math.ceil(len(xs) / (6 if small else 14))
    axis: dict[str, Any] = {"title": title, "format": "d"}
    # Ticks stand at the years there are; days of a curve are too many and lie too unevenly for it.
    if len(xs) <= _MOST_TICKED and all(x.is_integer() for x in xs):
        axis["values"] = [x for i, x in enumerate(xs) if (i - _zero(xs)) % step == 0]
    return {
        "field": "x",
        "type": "quantitative",
        "axis": axis,
        "scale": {"zero": False, "nice": False, "padding": 16},
    }


def _zero(xs: list[float]) -> int:
    return xs.index(0.0) if 0.0 in xs else 0


def _axis_y(picture: Picture, field: str = "y") -> dict[str, Any]:
    low, high = _range(picture)
    return {
        "field": field,
        "type": "quantitative",
        "title": None,
        "axis": {"tickCount": 5, "title": None},
        "scale": {"domain": [low, high], "nice": False, "zero": False},
    }


def _range(picture: Picture) -> tuple[float, float]:
    values: list[tuple[float | None, ...]] = [
        (p.y, p.low, p.high, picture.chart.reference) for p in picture.points
    ]
    if picture.chart.kind == "event_study":  # the only one that draws bands, and no difference
        values += [(p.band_low, p.band_high, 0.0) for p in picture.points]
    return reach([v for each in values for v in each if v is not None])


def _at_right(
    label: dict[str, Any], values: list[dict[str, Any]], y: dict[str, Any], room: int
) -> dict[str, Any]:
    """Write a label beside the plot, at the height of what it names: no legend to look up."""
    return {
        "data": {"values": values},
        "mark": {"type": "text", "align": "left", "dx": 8, "lineBreak": "|", "limit": room - 8},
        "encoding": {"x": {"value": "width"}, "y": y, "text": {"field": "label"}, **label},
    }


def _event_study(picture: Picture, width: int, small: bool) -> dict[str, Any]:
    x, y = _axis_x(picture, small), _axis_y(picture)
    none = [{"y": picture.chart.reference or 0.0, "label": "no|difference"}]
    quiet = {"color": {"value": theme.QUIET}}
    dot = {"type": "point", "filled": True, "size": 70, "opacity": 1}
    xs = [p.x for p in picture.points if isinstance(p.x, float)]
    # Joining parts years before from years since; counted from anything else, it parts nothing.
    joining = [{"x": -0.5}] if xs and min(xs) < 0 <= max(xs) else []
    layers = [
        {"data": {"values": none}, "mark": "rule", "encoding": {"y": y, **quiet}},
        *([] if small else [_at_right(quiet, none, y, 72)]),
        {
            "mark": {"type": "rule", "strokeDash": [3, 3], "color": theme.QUIET},
            "data": {"values": joining},
            "encoding": {"x": {"field": "x", "type": "quantitative"}},
        },
        {
            "transform": [{"filter": "isValid(datum.band_low)"}],
            "mark": {"type": "rule", "color": theme.DARK_BLUE},
            "encoding": {"x": x, "y": {**y, "field": "band_low"}, "y2": {"field": "band_high"}},
        },
        *(
            {
                "transform": [{"filter": "isValid(datum.band_low)"}],
                "mark": {
                    "type": "tick",
                    "orient": "horizontal",
                    "width": 9,
                    "thickness": 1,
                    "color": theme.DARK_BLUE,
                    "opacity": 1,
                },
                "encoding": {"x": x, "y": {**y, "field": end}},
            }
            for end in ("band_low", "band_high")
        ),
        {
            "transform": [{"filter": "isValid(datum.low)"}],
            "mark": {"type": "rule", "strokeWidth": 5, "color": theme.MID_BLUE},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "transform": [{"filter": "isValid(datum.low)"}],
            "mark": {**dot, "fill": theme.DARK_BLUE, "stroke": "white", "strokeWidth": 1},
            "encoding": {"x": x, "y": y},
        },
        {
            "transform": [{"filter": "!isValid(datum.low)"}],
            "mark": {**dot, "fill": "white", "stroke": theme.DARK_BLUE, "strokeWidth": 2},
            "encoding": {"x": x, "y": y},
        },
    ]
    return one_plot(layers, width, small, right=16 if small else 72)


def _break_lines(picture: Picture) -> list[dict[str, Any]]:
    """Draw a dashed line before each year from which something else is measured, with its letter.

    Years are marked in the middle, so that the line stands between two of them.
    """
    if not picture.breaks:
        return []
    values = [{"x": b.year - 0.5, "letter": b.letter} for b in picture.breaks]
    x = {"field": "x", "type": "quantitative"}
    return [
        {
            "data": {"values": values},
            "mark": {"type": "rule", "strokeDash": [5, 4], "color": theme.QUIET},
            "encoding": {"x": x},
        },
        {
            "data": {"values": values},
            "mark": {"type": "text", "dx": 8, "dy": 6, "baseline": "top", "fontWeight": "bold"},
            "encoding": {"x": x, "y": {"value": 0}, "text": {"field": "letter"}},
        },
    ]


def _lines(picture: Picture, width: int, small: bool) -> dict[str, Any]:
    names = picture.series
    x, y, colour = _axis_x(picture, small), _axis_y(picture), paint(picture)
    bend = "step-after" if picture.chart.kind == "step" else "linear"
    each = {"x": x, "color": colour, "detail": {"field": "series", "type": "nominal"}}
    layers: list[dict[str, Any]] = []
    if picture.chart.reference is not None:
        at = [{"y": picture.chart.reference}]
        layers.append(
            {
                "data": {"values": at},
                "mark": "rule",
                "encoding": {"y": y, "color": {"value": theme.QUIET}},
            }
        )
    if any(p.low is not None for p in picture.points):
        layers.append(
            {
                "transform": [{"filter": "isValid(datum.low)"}],
                "mark": {"type": "area", "opacity": 0.18, "interpolate": bend},
                "encoding": {**each, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            }
        )
    layers += _break_lines(picture)
    layers.append(
        {
            "mark": {"type": "line", "interpolate": bend, "strokeWidth": 2.5},
            "encoding": {**each, "y": y},
        }
    )
    layers.append(
        {
            "mark": {"type": "point", "filled": True, "size": 36, "opacity": 1},
            "encoding": {**each, "y": y},
        }
    )
    if len(names) > theme.MAX_SERIES:  # more than four colours cannot be told apart
        columns = 1 if small else 2
        return {
            "facet": {
                "field": "series",
                "type": "nominal",
                "sort": list(names),
                "header": {"labelExpr": SHORT},
            },
            "columns": columns,
            "spec": {"layer": layers, "width": (width - 80) // columns - 30, "height": 140},
        }
    if len(names) == 1:
        return one_plot(layers, width, small, right=16)
    room = 84 if small else 130
    ends = list({p.series: p for p in picture.points}.values())
    low, high = _range(picture)
    spread = _apart([p.y for p in ends], (high - low) * 18 / (220 if small else 280))
    labels = [
        {"y": at, "label": p.series[:LONGEST], "series": p.series}
        for p, at in zip(ends, spread, strict=True)
    ]
    layers.append(_at_right({"color": colour}, labels, y, room))
    return one_plot(layers, width, small, right=room)


def _apart(values: list[float], gap: float) -> list[float]:
    """Move labels so that none is nearer to the next than `gap`, in their order."""
    order = sorted(range(len(values)), key=values.__getitem__)
    moved = list(values)
    for below, above in itertools.pairwise(order):
        moved[above] = max(moved[above], moved[below] + gap)
    shift = sum(m - v for m, v in zip(moved, values, strict=True)) / len(values)
    return [m - shift for m in moved]


def _rows(picture: Picture, width: int, small: bool) -> dict[str, Any]:
    """Lay categories down the page; with series, each category is a band with a row a series."""
    grouped, bar = len(picture.series) > 1, picture.chart.kind == "bar"
    names = picture.series if grouped else tuple(dict.fromkeys(str(p.x) for p in picture.points))
    room = min(110 if small else 200, 9 + 7 * max(len(name) for name in names))
    rows = {
        "field": "series" if grouped else "x",
        "type": "nominal",
        "sort": None,
        "axis": {
            "title": None,
            "labelExpr": SHORT,
            "labelLimit": room,
            "minExtent": room,
            "maxExtent": room,
        },
    }
    low, high = _range(picture)
    size: dict[str, Any] = {
        "field": "y",
        "type": "quantitative",
        "axis": {
            "title": None,
            "tickCount": 4 if small else 6,
            "grid": True,
        },
        "scale": {"zero": True, "nice": True}
        if bar
        else {"domain": [low, high], "nice": False, "zero": False},
    }
    each = {"y": rows, "color": paint(picture)}
    layers: list[dict[str, Any]] = []
    if bar:
        layers.append(
            {"mark": {"type": "bar", "height": {"band": 0.75}}, "encoding": {**each, "x": size}}
        )
    if picture.chart.reference is not None:
        layers.append(
            {
                "mark": {"type": "rule", "color": theme.QUIET},
                "encoding": {"x": {"datum": picture.chart.reference, "type": "quantitative"}},
            }
        )
    if any(p.low is not None for p in picture.points):
        ends = {"x": {**size, "field": "low"}, "x2": {"field": "high"}}
        layers.append(
            {
                "transform": [{"filter": "isValid(datum.low)"}],
                "mark": {"type": "rule", "strokeWidth": 1.5 if bar else 3},
                "encoding": {**each, **ends, **({"color": {"value": theme.INK}} if bar else {})},
            }
        )
    if not bar:
        layers.append(
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {**each, "x": size},
            }
        )
    plot = {"layer": layers, "width": width - room - 30, "height": {"step": 28}}
    if not grouped:
        return plot
    bands = list(dict.fromkeys(p.x for p in picture.points))
    head = {
        "labelOrient": "top",
        "labelExpr": SHORT,
        "labelAnchor": "start",
        "labelFontWeight": "bold",
        "labelLimit": width - 20,
        "labelPadding": 4,
        "title": None,
    }
    return {
        "facet": {"row": {"field": "x", "type": "nominal", "sort": bands, "header": head}},
        "spacing": 8,
        "spec": plot,
    }


_KINDS: dict[str, Any] = {
    "event_study": _event_study,
    "line": _lines,
    "step": _lines,
    "bar": _rows,
    "interval": _rows,
    "scatter": scatter,
    "waterfall": waterfall,
    "stacked": stacked,
    "heatmap": heatmap,
    "flow": flow,
}
