"""Growth as a picture: CPU seconds by number of units, both on logarithmic scales, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 400, 60, 30, 170, 45
COLOURS = ("#666666", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
GAP = 15


def growth_picture(costs: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Return one line a job, labelled at its end; a dashed line grows with the number of units."""
    points = [point for line in costs.values() for point in line]
    x_low, x_high = (math.log10(f(n for n, _ in points)) for f in (min, max))
    y_low = math.floor(math.log10(min(cpu for _, cpu in points)))
    y_high = math.ceil(math.log10(max(cpu for _, cpu in points)))
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(units: float) -> float:
        return LEFT + wide * (math.log10(units) - x_low) / (x_high - x_low)

    def y(cpu: float) -> float:
        return TOP + high * (y_high - math.log10(cpu)) / (y_high - y_low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="12">',
        "<title>CPU seconds by number of units, logarithmic scales</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="18">CPU seconds</text>',
        f'<text x="{LEFT + wide / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">units, ten years '
        "each</text>",
    ]
    for power in range(y_low, y_high + 1):
        at = y(10**power)
        parts.append(f'<path d="M{LEFT} {at:.1f}h{wide}" stroke="#dddddd"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
        )
    parts += [
        f'<text x="{x(units):.1f}" y="{HEIGHT - 26}" text-anchor="middle">{units:,}</text>'
        for units in sorted({n for n, _ in points})
    ]
    # Linear growth: from the upper right corner, down as far as the picture goes.
    decades = min(x_high - x_low, y_high - y_low)
    parts.append(
        f'<path d="M{x(10 ** (x_high - decades)):.1f} {y(10 ** (y_high - decades)):.1f}'
        f'L{x(10**x_high):.1f} {y(10**y_high):.1f}" stroke="#999999" stroke-dasharray="4 4"/>'
    )
    taken = -math.inf
    for (job, line), colour in sorted(
        zip(costs.items(), COLOURS, strict=False), key=lambda pair: -pair[0][1][-1][1]
    ):
        where = " ".join(f"{x(n):.1f},{y(cpu):.1f}" for n, cpu in line)
        parts.append(f'<polyline points="{where}" fill="none" stroke="{colour}" stroke-width="2"/>')
        taken = max(y(line[-1][1]) + 4, taken + GAP)
        parts.append(f'<text x="{LEFT + wide + 8}" y="{taken:.1f}" fill="{colour}">{job}</text>')
    return "\n".join([*parts, "</svg>\n"])
