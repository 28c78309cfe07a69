"""A grid of cells: colour for the eye, and the number written in each for whoever wants to know."""

from __future__ import annotations

from typing import Any

from impactkit.report import theme
from impactkit.report.chart_frame import LETTER, SHORT
from impactkit.report.phrases import number
from impactkit.report.pictures import Picture, digits_drawn, empty_cells

_CELL = 26
_MOST_LABEL = 190


def heatmap(picture: Picture, width: int, small: bool) -> dict[str, Any]:
    """Return the grid; a cell without a figure is grey and has no number."""
    digits = digits_drawn(picture)
    columns = list(dict.fromkeys(str(p.x) for p in picture.points))
    rows = list(picture.series)
    low, high = min(p.y for p in picture.points), max(p.y for p in picture.points)
    cells = []
    for p in picture.points:
        fill = theme.shade((p.y - low) / (high - low) if high > low else 0.5)
        cells.append(
            {
                "x": str(p.x),
                "row": p.series,
                "label": number(p.y, digits),
                "fill": fill,
                "ink": theme.ink_on(fill),
            }
        )
    cells += [
        {"x": x, "row": row, "label": "", "fill": theme.GREY} for x, row in empty_cells(picture)
    ]
    room = min(110 if small else 220, 12 + LETTER * max(len(row) for row in rows))
    wide = (width - room - 16) / len(columns)
    tilted = max(len(name) for name in columns) * LETTER > wide
    x = {
        "field": "x",
        "type": "nominal",
        "sort": columns,
        "axis": {
            "title": None,
            "orient": "top",
            "domain": False,
            "ticks": False,
            "labelExpr": SHORT,
            "labelLimit": _MOST_LABEL if tilted else wide,
            **(
                {"labelAngle": -90, "labelAlign": "left", "labelBaseline": "middle"}
                if tilted
                else {}
            ),
        },
    }
    y = {
        "field": "row",
        "type": "nominal",
        "sort": rows,
        "axis": {"title": None, "labelExpr": SHORT, "labelLimit": room},
    }
    return {
        "data": {"values": cells},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": {"left": 4, "right": 8, "top": 8, "bottom": 4},
        "width": width,
        "height": _CELL * len(rows),
        "layer": [
            {
                "mark": {"type": "rect", "stroke": "white", "strokeWidth": 1.5},
                "encoding": {"x": x, "y": y, "color": _own("fill")},
            },
            {
                "mark": {"type": "text", "baseline": "middle"},
                "encoding": {"x": x, "y": y, "text": {"field": "label"}, "color": _own("ink")},
            },
        ],
        "resolve": {"scale": {"color": "independent"}},
    }


def _own(field: str) -> dict[str, Any]:
    return {"field": field, "type": "nominal", "scale": None}
