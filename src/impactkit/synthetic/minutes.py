"""Minutes of governors' meetings in a full county, read and coded by two people.

Of each meeting it is counted how many questions challenged and how many supported on what the
partnership does. There are more questions that challenge once a board is in a partnership. The
second reader sees the same questions but for some.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from impactkit.synthetic.further import World
from impactkit.synthetic.partnerships import urn_at

RUBRIC = "minutes"
BEFORE, AFTER = 1.5, 2.5
"""Questions that challenge, in a meeting, before and since the partnership."""
SUPPORT = 2.0
SLIP = 0.12
"""Share of meetings that the second reader counts otherwise, by one."""
BOTH = 0.4
"""Share of meetings that two people read."""


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return rows of `observations`, and what was planted."""
    last = dt.date(world.settings.years[1], 8, 31)
    rows: list[dict[str, Any]] = []
    for group in world.groups:
        for i in group.members:
            spread = rng.gamma(8.0, 1 / 8.0)
            for day in _days(group.start, last):
                rate = AFTER if day >= group.start else BEFORE
                counts = {
                    "challenge": int(rng.poisson(rate * spread)),
                    "support": int(rng.poisson(SUPPORT)),
                }
                about = {
                    "lesson_id": f"MT{len(rows) + 1:06d}",
                    "school_key": world.schools.key[i],
                    "urn": urn_at(world.schools, i, group.cohort),
                    "rubric": RUBRIC,
                    "observed_on": day,
                }
                readers = ["m1", "m2"] if rng.random() < BOTH else ["m1"]
                for reader in readers:
                    for domain, count in counts.items():
                        slipped = reader == "m2" and rng.random() < SLIP
                        score = max(0, count + (int(rng.choice([-1, 1])) if slipped else 0))
                        rows.append(
                            {
                                **about,
                                "domain": domain,
                                "rater_key": reader,
                                "rater_urn": None,
                                "score": float(score),
                            }
                        )
    frame = pl.DataFrame(rows, schema_overrides={"rater_urn": pl.Int64})
    return {"observations": frame}, {"challenge_before": BEFORE, "challenge_after": AFTER}


def _days(start: dt.date, last: dt.date) -> list[dt.date]:
    """Return two meetings before the partnership and up to four since."""
    days = [start + dt.timedelta(days=90 * k + 30) for k in (-3, -2, 0, 1, 3, 5)]
    return [day for day in days if day <= last]
