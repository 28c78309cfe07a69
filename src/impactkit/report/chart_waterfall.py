"""Amounts that add up, step by step: each bar begins where the one before it ended."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import attrs

from impactkit.report import theme
from impactkit.report.chart_frame import LETTER, reach
from impactkit.report.phrases import figures_shown, number
from impactkit.report.pictures import TOTAL, Picture, Point

_LINES = 2
"""Lines of a step's name, before the rest of it is cut off."""
UP, DOWN = theme.MID_BLUE, theme.TWO[1]


@attrs.frozen(kw_only=True)
class Step:
    """A bar from `start` to `end`; `total` if it stands on zero. `low` and `high` are at `end`."""

    name: str
    start: float
    end: float
    total: bool
    low: float | None = None
    high: float | None = None


def steps(points: Sequence[Point]) -> list[Step]:
    """Return where each bar begins and ends.

    A total stands on zero, and what follows goes on from it. The interval of a step is moved to
    where its bar ends.

    Examples
    --------
    >>> amounts = ((3.0, ""), (-1.0, ""), (2.0, "total"))
    >>> [(s.start, s.end) for s in steps([Point(x="", y=y, series=s) for y, s in amounts])]
    [(0.0, 3.0), (3.0, 2.0), (0.0, 2.0)]
    """
    found: list[Step] = []
    level = 0.0
    for p in points:
        total = p.series == TOTAL
        start = 0.0 if total else level
        level = start + p.y
        low, high = (None if end is None else start + end for end in (p.low, p.high))
        name = f"{p.x:g}" if isinstance(p.x, float) else p.x
        found.append(Step(name=name, start=start, end=level, total=total, low=low, high=high))
    return found


def _wrapped(name: str, letters: int) -> str:
    return "\n".join(textwrap.wrap(name, letters, max_lines=_LINES, placeholder=" …"))


def waterfall(picture: Picture, width: int, small: bool) -> dict[str, Any]:
    """Return the vega-lite layers of a waterfall, its steps down the page with their amounts."""
    room = 110 if small else 200
    letters = room // LETTER
    bars = [attrs.evolve(bar, name=_wrapped(bar.name, letters)) for bar in steps(picture.points)]
    digits = figures_shown(p.y for p in picture.points)
    rows = []
    for bar, after in zip(bars, [*bars[1:], None], strict=True):
        ends = [v for v in (bar.start, bar.end, bar.low, bar.high) if v is not None]
        amount = number(bar.end - bar.start, digits)
        rows.append(
            {
                **{k: v for k, v in attrs.asdict(bar).items() if v is not None},
                "right": max(ends),
                "next": after.name if after else bar.name,
                "colour": theme.DARK_BLUE if bar.total else UP if bar.end >= bar.start else DOWN,
                # A total is a level; a step says with its sign which way it goes.
                "amount": amount if bar.total or bar.end <= bar.start else f"+{amount}",
            }
        )
    widest = max(len(line) for bar in bars for line in bar.name.split("\n"))
    room = min(room, 9 + LETTER * widest)
    plot = width - room - 30
    reached = [v for bar in bars for v in (bar.start, bar.end, bar.low, bar.high) if v is not None]
    low, high = reach([0.0, *reached], margin=0.04)
    written = (LETTER + 1) * max(len(str(row["amount"])) for row in rows)
    high += (high - low) * written / max(plot - written, 60)
    y = {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "axis": {
            "title": None,
            "labelExpr": "split(datum.label, '\\n')",
            "labelLimit": room,
            "minExtent": room,
            "maxExtent": room,
        },
    }
    x = {
        "type": "quantitative",
        "axis": {"title": None, "tickCount": 3 if small else 5, "grid": True},
        "scale": {"domain": [low, high], "nice": False, "zero": False},
    }
    colour = {"field": "colour", "type": "nominal", "scale": None}
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "rule", "color": theme.QUIET},
            "encoding": {"x": {**x, "datum": 0.0}},
        },
        {
            "mark": {"type": "bar", "height": {"band": 0.65}},
            "encoding": {
                "y": y,
                "x": {**x, "field": "start"},
                "x2": {"field": "end"},
                "color": colour,
            },
        },
        {
            "mark": {"type": "rule", "color": theme.QUIET, "strokeDash": [2, 2]},
            "encoding": {"x": {**x, "field": "end"}, "y": y, "y2": {"field": "next"}},
        },
        *(
            {
                "transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}],
                "mark": {"type": "rule", "color": ink, "strokeWidth": thick},
                "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
            }
            # White around it, as about the amounts, so that it is seen on bars and lines.
            for ink, thick in (("white", 4), (theme.INK, 1.5))
        ),
        *(
            {
                "mark": {"type": "text", "align": "left", "dx": 5, **halo},
                "encoding": {"y": y, "x": {**x, "field": "right"}, "text": {"field": "amount"}},
            }
            for halo in ({"stroke": "white", "strokeWidth": 4}, {})
        ),
    ]
    return {
        "data": {"values": rows},
        "layer": layers,
        "width": plot,
        "height": {"step": 36},
    }
