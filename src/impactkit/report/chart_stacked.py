"""Stacked bars down the page: what each bar is made of, with the amounts written in the parts."""

from __future__ import annotations

from typing import Any

from impactkit.report import theme
from impactkit.report.chart_frame import LETTER, LONGEST, one_plot, pixels
from impactkit.report.phrases import number
from impactkit.report.pictures import Picture, digits_drawn

_ROW, _BAR, _NAME = 46, 22, 18
"""Pixels of a row: its name stands above its bar, so that it is never cut to a column's width."""


def stacked(picture: Picture, width: int, small: bool) -> dict[str, Any]:
    """Return the plot: a bar for each category, in parts in the order of the table."""
    names = picture.series
    fills = dict(zip(names, theme.parts(len(names)), strict=True))
    bars = list(dict.fromkeys(str(p.x) for p in picture.points))
    segments = _segments(picture, bars)
    low = min(0.0, *(min(s["from"], s["to"]) for s in segments))
    high = max(0.0, *(max(s["from"], s["to"]) for s in segments))
    per_unit = (width - 40) / (high - low or 1.0)
    written = [
        {**s, "ink": theme.ink_on(fills[s["series"]])}
        for s in segments
        if abs(s["to"] - s["from"]) * per_unit > LETTER * len(s["label"]) + 6
    ]
    size = {
        "field": "from",
        "type": "quantitative",
        "title": None,
        "axis": {"grid": True, "tickCount": 4 if small else 6},
        "scale": {"domain": [low, high], "nice": True},
    }
    colour = {
        "field": "series",
        "type": "nominal",
        "scale": {"domain": list(names), "range": list(fills.values())},
        "legend": {
            "orient": "top",
            "title": None,
            "columns": 1 if small else 2,
            "labelFontSize": 12 if small else 13,
            "labelLimit": width - 60 if small else width // 2 - 50,
            "symbolType": "square",
        },
    }
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": segments},
            "mark": {"type": "rect", "stroke": "white", "strokeWidth": 1.5},
            "encoding": {
                "x": size,
                "x2": {"field": "to"},
                "y": pixels("top"),
                "y2": {"field": "bottom"},
                **({"color": colour} if len(names) > 1 else {"color": {"value": theme.DARK_BLUE}}),
            },
        },
        {
            "data": {"values": written},
            "mark": {"type": "text", "baseline": "middle"},
            "encoding": {
                "x": {**size, "field": "middle"},
                "y": pixels("centre"),
                "text": {"field": "label"},
                "color": {"field": "ink", "type": "nominal", "scale": None},
            },
        },
        {
            "data": {"values": [{"y": i * _ROW + 4, "name": _cut(b)} for i, b in enumerate(bars)]},
            "mark": {"type": "text", "align": "left", "baseline": "top", "limit": width - 30},
            "encoding": {"x": {"value": 0}, "y": pixels("y"), "text": {"field": "name"}},
        },
    ]
    return {
        **one_plot(layers, width, small, right=16),
        "height": _ROW * len(bars),
        "resolve": {"scale": {"color": "independent"}},
    }


def _segments(picture: Picture, bars: list[str]) -> list[dict[str, Any]]:
    """Return the parts with where they begin and end: what is negative goes the other way."""
    digits = digits_drawn(picture)
    reached: dict[tuple[str, bool], float] = {}
    found = []
    for p in picture.points:
        bar = str(p.x)
        side = (bar, p.y < 0)
        start = reached.get(side, 0.0)
        reached[side] = start + p.y
        top = bars.index(bar) * _ROW + _NAME
        found.append(
            {
                "series": p.series,
                "label": number(p.y, digits),
                "from": start,
                "to": start + p.y,
                "middle": start + p.y / 2,
                "top": top,
                "bottom": top + _BAR,
                "centre": top + _BAR / 2,
            }
        )
    return found


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[:LONGEST]}…"
