"""What stood in partnerships' way, more often and for longer where the start was unclear.

Barriers come as a Poisson process while a partnership lasts and are out of the way after a time
that is exponential. A start is clear where half the items of the agreement or more had been settled
60 days after it. Barriers still there when the county's records end have no date of resolution.
"""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import polars as pl

from impactkit.synthetic.further import World
from impactkit.synthetic.reviews import SETTLED_BY
from impactkit.tables.vocabulary import AGREEMENT_ITEMS, BARRIERS

A_YEAR = {True: 0.5, False: 1.2}
"""Barriers a year of a partnership, by whether its start was clear."""
DAYS = {True: 60.0, False: 150.0}
"""Mean days until one is out of the way."""
CLEAR_FROM = 0.5


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return `barriers` and what was planted."""
    end = dt.date(world.settings.years[1], 8, 31)
    settled = _settled(world)
    rows: list[dict[str, object]] = []
    for group in world.groups:
        clear = settled.get(group.id, 0) >= CLEAR_FROM * len(AGREEMENT_ITEMS)
        length = ((group.end or end) - group.start).days
        days = np.sort(rng.integers(0, length + 1, rng.poisson(A_YEAR[clear] * length / 365.25)))
        for day in days.tolist():
            raised = group.start + dt.timedelta(days=day)
            resolved = raised + dt.timedelta(days=math.ceil(rng.exponential(DAYS[clear])))
            rows.append(
                {
                    "barrier_id": f"B{len(rows) + 1:04d}",
                    "partnership_id": group.id,
                    "kind": str(rng.choice(BARRIERS)),
                    "raised_on": raised,
                    "resolved_on": resolved if resolved <= end else None,
                    "evidence_ref": f"minutes/{group.id}/{raised}",
                }
            )
    types = {
        **dict.fromkeys(("barrier_id", "partnership_id", "kind"), pl.String),
        **dict.fromkeys(("raised_on", "resolved_on"), pl.Date),
        "evidence_ref": pl.String,
    }
    return {"barriers": pl.DataFrame(rows, schema=types)}, {
        "a_year_clear": A_YEAR[True],
        "a_year_unclear": A_YEAR[False],
        "rate_ratio": A_YEAR[True] / A_YEAR[False],
        "median_days_clear": DAYS[True] * math.log(2),
        "median_days_unclear": DAYS[False] * math.log(2),
    }


def _settled(world: World) -> dict[str, int]:
    """Return by partnership how many items its first coder found settled in time."""
    starts = world.tables["partnerships"].select("partnership_id", "start_date")
    agreements = world.tables["agreements"].filter(pl.col("coder") == "coder_1")
    in_time = pl.col("evidenced_on") <= pl.col("start_date") + pl.duration(days=SETTLED_BY)
    counted = (
        agreements.join(starts, on="partnership_id")
        .filter(in_time)
        .group_by("partnership_id")
        .len()
    )
    return dict(counted.iter_rows())
