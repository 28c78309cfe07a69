"""Points in a plane: two numbers each, with lines where either is nothing."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import Any

from impactkit.report import theme
from impactkit.report.chart_frame import LETTER, LONGEST, one_plot, paint, reach
from impactkit.report.phrases import clean
from impactkit.report.pictures import Picture

SHAPES = ("circle", "diamond", "square", "triangle-up")
"""One a series, so that they are told apart without their colours."""
_MANY = 40
"""Points of a series beyond which smaller and paler ones let one see where they are dense."""


def scatter(picture: Picture, width: int, small: bool) -> dict[str, Any]:
    """Return the vega-lite layers of a scatter.

    The level line is the chart's reference; an upright one stands at 0 where points lie either
    side of it. Points of a series have its colour and its shape, and a key names them.
    """
    points, chart = picture.points, picture.chart
    along = [float(p.x) for p in points]
    heights = [v for p in points for v in (p.y, p.low, p.high, chart.reference) if v is not None]
    upright = [{"x": 0.0}] if min(along) < 0 < max(along) else []
    level = [] if chart.reference is None else [{"y": chart.reference}]
    x: dict[str, Any] = {
        "field": "x",
        "type": "quantitative",
        "axis": {
            "title": textwrap.wrap(clean(chart.x_title), width // LETTER) or None,
            "tickCount": 4 if small else 7,
        },
        "scale": {"domain": list(reach(along)), "nice": False, "zero": False},
    }
    y: dict[str, Any] = {
        "field": "y",
        "type": "quantitative",
        "axis": {"title": None, "tickCount": 5},
        "scale": {"domain": list(reach(heights)), "nice": False, "zero": False},
    }
    sizes = Counter(p.series for p in points)
    crowds = [name for name, n in sizes.items() if n > _MANY]
    # What there is little of is drawn last, and stands out from a cloud also in greyscale.
    kinds: list[tuple[list[str], dict[str, Any]]] = [
        (crowds, {"size": 24, "opacity": 0.5, "stroke": "white", "strokeWidth": 0.5}),
        (
            [name for name in sizes if name not in crowds],
            {"size": 160, "opacity": 1, "stroke": theme.INK, "strokeWidth": 1.5}
            if crowds
            else {"size": 70, "opacity": 0.9, "stroke": "white", "strokeWidth": 0.5},
        ),
    ]
    marked = {"x": x, "y": y, **_told_apart(picture, small)}
    dots: list[dict[str, Any]] = [
        {
            "transform": [{"filter": {"field": "series", "oneOf": names}}],
            "mark": {"type": "point", "filled": True, **look},
            "encoding": marked,
        }
        for names, look in kinds
    ]
    quiet = {"mark": {"type": "rule", "color": theme.QUIET}}
    layers: list[dict[str, Any]] = [
        {**quiet, "data": {"values": level}, "encoding": {"y": y}},
        {**quiet, "data": {"values": upright}, "encoding": {"x": x}},
        {
            "transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}],
            "mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.7},
            "encoding": {
                "x": x,
                "y": {**y, "field": "low"},
                "y2": {"field": "high"},
                "color": marked["color"],
            },
        },
        *dots,
    ]
    return one_plot(layers, width, small, right=16)


def _told_apart(picture: Picture, small: bool) -> dict[str, Any]:
    """Return colour and shape of series, with a key: points have no end at which to be named."""
    colour = paint(picture)
    if "field" not in colour:
        return {"color": colour}
    names = list(picture.series)
    legend = {
        "title": None,
        "orient": "top",
        "direction": "vertical",
        "labelLimit": LETTER * LONGEST,
        "symbolOpacity": 1,
        "symbolSize": 80,
        "labelFontSize": 12 if small else 13,
    }
    scale = {"domain": names, "range": list(SHAPES[: len(names)])}
    return {
        # One key of both: vega-lite joins legends that have the same field and title.
        "color": {**colour, "legend": legend},
        "shape": {"field": "series", "type": "nominal", "scale": scale, "legend": legend},
    }
