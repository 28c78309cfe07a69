"""The look of a chart: Analysis Function colours, horizontal text, no legend, few lines.

Source: Government Analysis Function, *Data visualisation: colours in charts*. Two series are dark
blue and orange, because neighbours must differ by 3:1 in contrast; four is the most.
"""

from __future__ import annotations

from typing import Any

DARK_BLUE = "#12436D"
MID_BLUE = "#2073BC"
CATEGORICAL = (DARK_BLUE, "#28A197", "#801650", "#F46A25")
TWO = (DARK_BLUE, "#F46A25")
GREY = "#BFBFBF"
INK = "#0B0C0C"
QUIET = "#505A5F"
FONT = "Arial, Helvetica, sans-serif"

MAX_SERIES = len(CATEGORICAL)


def colours(n: int) -> tuple[str, ...]:
    """Return `n` colours that can be told apart, for up to four series.

    Examples
    --------
    >>> colours(2)
    ('#12436D', '#F46A25')
    """
    return TWO[:n] if n <= len(TWO) else CATEGORICAL[:n]


def config(width: int, font_size: int) -> dict[str, Any]:
    """Return the vega-lite configuration that every chart of this width shares."""
    return {
        "font": FONT,
        "background": "transparent",
        "aria": False,  # the figure carries one description; a second voice would repeat it
        "view": {"stroke": None},
        "axis": {
            "labelFontSize": font_size,
            "titleFontSize": font_size,
            "titleFontWeight": "normal",
            "labelColor": INK,
            "titleColor": INK,
            "gridColor": "#E5E6E7",
            "domainColor": QUIET,
            "tickColor": QUIET,
            "labelLimit": 180,
            "titleLimit": width - 40,
            "labelAngle": 0,
        },
        "axisY": {"domain": False, "ticks": False, "title": None, "labelPadding": 6},
        "axisX": {"grid": False, "titlePadding": 10},
        "header": {"labelFontSize": font_size, "labelColor": INK, "title": None},
        "text": {"fontSize": font_size, "fill": INK},
    }
