"""Reviews that were never held, and a second judge of the agreements.

For every nine reviews that took place about one more was planned and not held. In every third
partnership a second coder judged the agreement, and saw each item differently with a small chance.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from impactkit.synthetic.further import World
from impactkit.synthetic.registers import DECIDED, NEAR

HELD = 0.9
"""Share of planned reviews that took place."""
DOUBLE_CODED = 3
DIFFERENT = 0.1
"""Chance that the second coder judges an item otherwise than the first."""
SETTLED_BY = 60
"""Days from the start by which evidence of an agreement counts."""


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return more rows of `evaluation_activity` and `agreements`, and what was planted."""
    agreements = world.tables["agreements"]
    twice = [group.id for group in world.groups[::DOUBLE_CODED]]
    # Items are settled on a day from 0 to 119 after the start, by systematic ones more often.
    systematic = len(world.systematic) / len(world.groups)
    settled = 0.9 * systematic + 0.5 * (1 - systematic)
    return {
        "evaluation_activity": _missed(world, rng),
        "agreements": _second_coder(agreements, twice, rng),
    }, {
        "held_in_time": HELD * NEAR,
        "decided": HELD * DECIDED,
        "clarity": settled * (SETTLED_BY + 1) / 120,
        "coders_agree": 1 - DIFFERENT,
    }


def _missed(world: World, rng: np.random.Generator) -> pl.DataFrame:
    held = world.tables["evaluation_activity"].filter(pl.col("criterion") == "reviews")
    last = world.tables["evaluation_activity"]["evidenced_on"].max()
    assert isinstance(last, dt.date)
    skipped = pl.Series(rng.random(held.height) < (1 - HELD) / HELD)
    later = pl.lit(pl.Series(rng.integers(40, 130, held.height)))
    # Early enough that a review 30 days later would still have been written down.
    day = (pl.col("planned_on") + pl.duration(days=later)).clip(
        upper_bound=last - dt.timedelta(days=31)
    )
    return (
        held.with_columns(planned_on=day)
        .filter(skipped)
        .select("partnership_id", "criterion", "planned_on")
    )


def _second_coder(
    agreements: pl.DataFrame, twice: list[str], rng: np.random.Generator
) -> pl.DataFrame:
    rows = agreements.filter(pl.col("partnership_id").is_in(twice)).sort("partnership_id", "item")
    other = pl.Series(rng.random(rows.height) < DIFFERENT)
    starts = agreements.group_by("partnership_id").agg(pl.col("evidenced_on").min().alias("day"))
    return (
        rows.join(starts, on="partnership_id", how="left", maintain_order="left")
        .with_columns(present=pl.col("present") ^ other, coder=pl.lit("coder_2"))
        .with_columns(
            pl.when("present").then(pl.coalesce("evidenced_on", "day")).alias("evidenced_on"),
            pl.when("present")
            .then(pl.format("agreements/{}/{}", "partnership_id", "item"))
            .alias("doc_ref"),
        )
        .drop("day")
    )
