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

LIGHT, DARK = "#D3E2F0", DARK_BLUE
"""Ends of the scale of shades: also in greyscale the more is the darker."""

MAX_SERIES = len(CATEGORICAL)


def colours(n: int) -> tuple[str, ...]:
    """Return `n` colours that can be told apart, for up to four series.

    Examples
    --------
    >>> colours(2)
    ('#12436D', '#F46A25')
    """
    return TWO[:n] if n <= len(TWO) else CATEGORICAL[:n]


def shade(share: float) -> str:
    """Return the shade of a share between 0 (light) and 1 (dark).

    Examples
    --------
    >>> shade(0.0), shade(1.0)
    ('#D3E2F0', '#12436D')
    """
    mixed = (a + (b - a) * share for a, b in zip(_rgb(LIGHT), _rgb(DARK), strict=True))
    return "#" + "".join(f"{round(c):02X}" for c in mixed)


def parts(n: int) -> tuple[str, ...]:
    """Return the colours of `n` parts of a whole: from three on shades, the first the darkest.

    They stand apart from their names, so that each must be told from all others in greyscale too.

    Examples
    --------
    >>> parts(2), len(set(parts(7)))
    (('#12436D', '#F46A25'), 7)
    """
    return colours(n) if n <= len(TWO) else tuple(shade(1 - i / (n - 1)) for i in range(n))


def ink_on(fill: str) -> str:
    """Return black or white, whichever has the greater contrast on `fill` (WCAG 2.2).

    Examples
    --------
    >>> ink_on("#D3E2F0"), ink_on("#12436D")
    ('black', 'white')
    """
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (v / 255 for v in _rgb(fill))
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


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
