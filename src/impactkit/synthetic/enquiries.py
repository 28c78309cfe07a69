"""Questions that schools tried to answer together: how well put, and what came of them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from impactkit.synthetic.further import World

MORE = 2.0
"""Enquiries of a partnership, on average, beyond its first."""
WELL_FORMED = 0.6
RESULTS = {"supported": 0.4, "not_supported": 0.3, "unclear": 0.2, "stopped": 0.1}
CAPTURED = 0.75
"""Share of those that ended of which somebody wrote down what was learnt."""
PARTS_OF_ONE = ("hypothesis", "measure", "stop_rule")


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return `enquiries` and what was planted."""
    end = dt.date(world.settings.years[1], 8, 31)
    rows: list[dict[str, object]] = []
    for group in world.groups:
        for _ in range(1 + rng.poisson(MORE)):
            name = f"Q{len(rows) + 1:04d}"
            room = ((group.end or end) - group.start).days
            started = group.start + dt.timedelta(days=int(rng.integers(0, room + 1)))
            ended = started + dt.timedelta(days=int(rng.integers(90, 300)))
            over = ended <= end
            missing = "" if rng.random() < WELL_FORMED else str(rng.choice(PARTS_OF_ONE))
            result = str(rng.choice(list(RESULTS), p=list(RESULTS.values())))
            learnt = rng.random() < CAPTURED
            rows.append(
                {
                    "enquiry_id": name,
                    "partnership_id": group.id,
                    **{
                        part: None if part == missing else f"{part} of {name}"
                        for part in PARTS_OF_ONE
                    },
                    "started": started,
                    "ended": ended if over else None,
                    "result": result if over else None,
                    "learning_ref": f"enquiries/{name}" if over and learnt else None,
                }
            )
    types = {
        **dict.fromkeys(("enquiry_id", "partnership_id", *PARTS_OF_ONE), pl.String),
        **dict.fromkeys(("started", "ended"), pl.Date),
        **dict.fromkeys(("result", "learning_ref"), pl.String),
    }
    return {"enquiries": pl.DataFrame(rows, schema=types)}, {
        "well_formed": WELL_FORMED,
        "hits": RESULTS["supported"] / (RESULTS["supported"] + RESULTS["not_supported"]),
        "captured": CAPTURED,
    }
