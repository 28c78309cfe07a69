"""Ribbons from what is on the left to what is on the right, as thick as the amount that goes there.

After Sankey's diagrams, of two stages. All positions are worked out here, in pixels.
"""

from __future__ import annotations

import textwrap
from typing import Any

from impactkit.report import theme
from impactkit.report.chart_frame import LETTER, pixels
from impactkit.report.phrases import number
from impactkit.report.pictures import Picture, digits_drawn

_TALL, _BAR, _GAP, _LINE, _STEPS = 240, 12, 10, 15, 24
"""Pixels of all bars of a side together, of a bar's width, between bars and of a line of text."""


def flow(picture: Picture, width: int, small: bool) -> dict[str, Any]:
    """Return both columns of bars with names and amounts, and the ribbons between them."""
    amounts: dict[tuple[str, str], float] = {}
    for p in picture.points:
        if p.y > 0:
            amounts[str(p.x), p.series] = amounts.get((str(p.x), p.series), 0.0) + p.y
    room = 96 if small else 180
    digits, letters = digits_drawn(picture), (room - 10) // LETTER
    left, right = (
        _column([(key[side], y) for key, y in amounts.items()], digits, letters) for side in (0, 1)
    )
    height = max(column[-1]["end"] if column else 0.0 for column in (left, right))
    for column in (left, right):
        _centre(column, height)
    # Ribbons have the colour of the side whose bars are few enough to be told apart.
    side, few = ("to", right) if len(right) <= theme.MAX_SERIES else ("from", left)
    fills = theme.colours(len(few)) if len(few) <= theme.MAX_SERIES else [theme.MID_BLUE] * len(few)
    colour = {bar["name"]: fill for bar, fill in zip(few, fills, strict=True)}
    start, end = room + _BAR, width - room - _BAR
    ribbons = _ribbons(amounts, left, right, (start, end))
    for ribbon in ribbons:
        ribbon["fill"] = colour[ribbon[side]]
    for bar in (*left, *right):
        bar["fill"] = colour[bar["name"]] if bar in few else theme.QUIET
    return {
        "padding": {"left": 0, "right": 0, "top": 4, "bottom": 4},
        "width": width,
        "height": height,
        "layer": [
            {
                "data": {"values": ribbons},
                "mark": {"type": "area", "opacity": 0.45},
                "encoding": {
                    "x": pixels("x"),
                    "y": pixels("top"),
                    "y2": {"field": "bottom"},
                    "detail": {"field": "ribbon", "type": "nominal"},
                    "color": {"field": "fill", "type": "nominal", "scale": None},
                },
            },
            *_bars(left, room, room - 6, "right"),
            *_bars(right, end, width - room + 6, "left"),
        ],
    }


def _column(pairs: list[tuple[str, float]], digits: int, letters: int) -> list[dict[str, Any]]:
    """Return the bars of a side from the top down, far enough apart for their names."""
    sums: dict[str, float] = {}
    for name, amount in pairs:
        sums[name] = sums.get(name, 0.0) + amount
    whole = sum(sums.values())
    bars: list[dict[str, Any]] = []
    at = 0.0
    for name, amount in sums.items():
        lines = textwrap.wrap(name, letters, max_lines=3, placeholder="…") or [""]
        label = "\n".join((*lines, number(amount, digits)))
        tall = _TALL * amount / whole
        slot = max(tall, _LINE * (len(lines) + 1))
        top = at + (slot - tall) / 2
        bars.append({"name": name, "label": label, "top": top, "bottom": top + tall})
        at += slot + _GAP
        bars[-1]["end"] = at - _GAP
    return bars


def _centre(column: list[dict[str, Any]], height: float) -> None:
    """Move a side down so that both have one middle."""
    shift = (height - column[-1]["end"]) / 2 if column else 0.0
    for bar in column:
        bar["top"] += shift
        bar["bottom"] += shift
        bar["middle"] = (bar["top"] + bar["bottom"]) / 2


def _ribbons(
    amounts: dict[tuple[str, str], float],
    left: list[dict[str, Any]],
    right: list[dict[str, Any]],
    ends: tuple[float, float],
) -> list[dict[str, Any]]:
    """Return the edges of every ribbon at steps across; it leaves and arrives level."""
    whole = sum(amounts.values())
    here = {bar["name"]: bar["top"] for bar in left}
    there = {bar["name"]: bar["top"] for bar in right}
    found = []
    # By what is on the right, so that ribbons leave a bar in the order in which they arrive.
    for target in there:
        for source in here:
            thick = _TALL * amounts.get((source, target), 0.0) / whole
            if not thick:
                continue
            for i in range(_STEPS + 1):
                t = i / _STEPS
                top = here[source] + (there[target] - here[source]) * t * t * (3 - 2 * t)
                found.append(
                    {
                        "ribbon": f"{source} → {target}",
                        "from": source,
                        "to": target,
                        "x": ends[0] + (ends[1] - ends[0]) * t,
                        "top": top,
                        "bottom": top + thick,
                    }
                )
            here[source] += thick
            there[target] += thick
    return found


def _bars(
    bars: list[dict[str, Any]], at: float, label_at: float, align: str
) -> list[dict[str, Any]]:
    return [
        {
            "data": {"values": [{**bar, "x": at, "x2": at + _BAR} for bar in bars]},
            "mark": "rect",
            "encoding": {
                "x": pixels("x"),
                "x2": {"field": "x2"},
                "y": pixels("top"),
                "y2": {"field": "bottom"},
                "color": {"field": "fill", "type": "nominal", "scale": None},
            },
        },
        *(
            {
                # A text of several lines hangs from its first: each is lifted by half its lines.
                "data": {"values": [bar]},
                "mark": {
                    "type": "text",
                    "align": align,
                    "baseline": "middle",
                    "lineBreak": "\n",
                    "lineHeight": _LINE,
                    "dy": -_LINE * bar["label"].count("\n") / 2,
                },
                "encoding": {
                    "x": {"value": label_at},
                    "y": pixels("middle"),
                    "text": {"field": "label"},
                },
            }
            for bar in bars
        ),
    ]
