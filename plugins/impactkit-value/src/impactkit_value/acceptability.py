"""Cost and effect drawn together: how surely a change is worth what it cost.

Whole partnerships are drawn again, each with its cost and its schools' changes, so that what they
have in common stays. Source: Fenwick, O'Brien & Briggs (2004), Health Economics 13(5), 405-415.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import Chart, Column, MetricContext, Table
from impactkit_value.ratios import LEAST

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from impactkit import Improvement

TENTH = 0.1
"""Of a standard deviation: what costs are told of."""
SHOWN = 60
"""Draws that are drawn: a reader sees the cloud, and can still read its table."""


@attrs.frozen(kw_only=True, eq=False)
class Drawn:
    """Net cost a pupil and year, and effect (in SD), in each draw."""

    cost: np.ndarray
    effect: np.ndarray


def draws(
    context: MetricContext, n: int, found: Improvement, costs: pl.DataFrame, scale: float
) -> Drawn | None:
    """Draw partnerships again, each with its cost and its schools' changes.

    How far chance moved the schools that they are compared with is added from its standard error.
    None where there are too few partnerships.
    """
    import polars as pl

    gains = found.schools.group_by("cluster").agg(pl.col("excess").sum(), n=pl.len())
    both = costs.join(gains, on="cluster", how="left", maintain_order="left").fill_null(0)
    k = both.height
    if k < LEAST:
        return None
    rng = context.rng()
    at = rng.integers(0, k, (n, k))
    elsewhere = found.regress(of="expected").contrast([1.0])[1] if k > 1 else 0.0
    shift = rng.normal(0.0, elsewhere, n)

    def total(name: str) -> np.ndarray:
        sums: np.ndarray = both[name].cast(pl.Float64).to_numpy()[at].sum(axis=1)
        return sums

    followed = total("n") > 0
    pupils, cost = total("pupils")[followed], total("cost")[followed]
    return Drawn(
        cost=(cost - total("saving")[followed]) / pupils,
        effect=scale * (total("excess")[followed] / total("n")[followed] + shift[followed]),
    )


def acceptability(drawn: Drawn, willing: tuple[float, ...]) -> list[float]:
    """Return the share of draws, in per cent, in which the effect is worth its cost.

    A tenth of a standard deviation is worth each of `willing` pounds a pupil and year.
    """
    return [
        100 * float((worth * drawn.effect / TENTH - drawn.cost > 0).mean()) for worth in willing
    ]


def plane(drawn: Drawn, effect: float | None, cost: float | None, unit: str) -> Iterator[Any]:
    """Yield the cost-effectiveness plane: where the first draws lie, and the estimate itself."""
    some = zip(drawn.effect[:SHOWN].tolist(), drawn.cost[:SHOWN].tolist(), strict=True)
    points = [(f"{i}", *at, "draw") for i, at in enumerate(some, start=1)]
    yield Table(
        id="plane_draws",
        title="The cost-effectiveness plane, draw by draw",
        columns=(
            Column(name="draw", label="Draw", kind="dimension"),
            Column(name="effect", label="Effect", unit=unit, digits=2),
            Column(name="cost", label="Net cost a pupil and year", unit="gbp", digits=0),
            Column(name="what", label="What", kind="text"),
        ),
        rows=[*points, ("all", effect, cost, "the estimate")],
        note=f"The first {len(points)} of {len(drawn.cost):,} bootstrap draws, and the estimate.",
    )
    yield Chart(
        id="plane",
        kind="scatter",
        title="The cost-effectiveness plane",
        data="plane_draws",
        x="effect",
        y="cost",
        series="what",
        x_title=f"Effect, {unit}; to the right is better",
        y_title="Net cost, pounds a pupil and year; up is dearer",
        reference=0.0,
    )


def pictures(drawn: Drawn, willing: tuple[float, ...], unit: str) -> Iterator[Any]:
    """Yield the acceptability curve, and the corners of the cost-effectiveness plane."""
    worth = tuple(sorted(set(willing)))
    yield Table(
        id="acceptability",
        title=f"How surely a tenth of a standard deviation is worth its cost ({unit})",
        columns=(
            Column(name="willing", label="Worth, pounds a pupil and year", unit="gbp", digits=0),
            Column(name="probability", label="Draws in which it is, %", unit="percent", digits=0),
        ),
        rows=list(zip(worth, acceptability(drawn, worth), strict=True)),
        note="Shares of bootstrap draws; what a change is worth is for whoever pays to say.",
    )
    yield Chart(
        id="acceptability",
        kind="line",
        title="Acceptability: how surely the change is worth its cost",
        data="acceptability",
        x="willing",
        y="probability",
        x_title="What a tenth of a standard deviation is worth, pounds a pupil and year",
        y_title="Percent of draws",
    )
    dearer, better = drawn.cost > 0, drawn.effect > 0
    corners = (
        ("better results, at a cost", better & dearer),
        ("better results, money saved", better & ~dearer),
        ("no better, at a cost", ~better & dearer),
        ("no better, money saved", ~better & ~dearer),
    )
    yield Table(
        id="plane",
        title="The cost-effectiveness plane, corner by corner",
        columns=(
            Column(name="corner", label="Where a draw lies", kind="dimension"),
            Column(name="share", label="Draws, %", unit="percent", digits=0),
        ),
        rows=[(words, 100 * float(which.mean())) for words, which in corners],
    )
