"""What the kinds of chart share: sizes, names cut short, colours, reach and the frame around."""

from __future__ import annotations

from typing import Any

from impactkit.report import theme
from impactkit.report.pictures import Picture

WIDE, NARROW = 620, 300
LONGEST = 60
LETTER = 7
"""Pixels of a letter of a label, roughly."""
# vega measures a label again and again to cut it to its room: seconds, for a name of thousands
SHORT = f"length(datum.label) > {LONGEST} ? slice(datum.label, 0, {LONGEST}) + '…' : datum.label"


def reach(values: list[float], margin: float = 0.08) -> tuple[float, float]:
    """Return where an axis begins and ends, so that no mark touches its edge.

    Examples
    --------
    >>> reach([0.0, 10.0], margin=0.1)
    (-1.0, 11.0)
    """
    low, high = min(values), max(values)
    beyond = (high - low or abs(high) or 1.0) * margin
    return low - beyond, high + beyond


def paint(picture: Picture) -> dict[str, Any]:
    """Return the colour of marks: by series where the colours can be told apart."""
    names = picture.series
    if len(names) < 2 or len(names) > theme.MAX_SERIES:
        return {"value": theme.DARK_BLUE}
    return {
        "field": "series",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(names), "range": list(theme.colours(len(names)))},
    }


def one_plot(layers: list[dict[str, Any]], width: int, small: bool, right: int) -> dict[str, Any]:
    """Return the layers as one plot that fits the page, with `right` pixels kept beside it."""
    return {
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": {"left": 4, "right": right, "top": 8, "bottom": 4},
        "width": width,
        "height": 220 if small else 280,
        "layer": layers,
    }


def pixels(field: str) -> dict[str, Any]:
    """Return the encoding of a place that was worked out beforehand, in pixels of the plot."""
    return {"field": field, "type": "quantitative", "scale": None, "axis": None}
