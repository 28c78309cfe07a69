"""How meetings come about, what administration there is, and data that schools look at together.

Most of leaders' activity was asked for some time before. Data are due three times a year; most
drops are looked at by two schools or more within 20 days, others late, by one school or by nobody.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from impactkit.synthetic.further import World

ASKED_FOR = 0.6
"""Share of activities of which it is known when they were asked for."""
WAIT = 21.0
"""Days from asking to the day, median."""
ADMIN = 0.6
"""Full-time posts of administration for ten schools, on average."""
DUE = ((11, 28), (3, 14), (6, 20))
JOINTLY = {"in time": 0.7, "late": 0.15, "alone": 0.05, "never": 0.1}


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return `data_drops`, more columns of `activity` and `partnerships`, and what was planted."""
    return {
        "activity": _asked(world.tables["activity"], rng),
        "partnerships": _administration(world, rng),
        "data_drops": _drops(world, rng),
    }, {
        "median_wait": WAIT,
        "admin_fte_per_10": ADMIN,
        "analysed_in_time": JOINTLY["in time"],
    }


def _asked(activity: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    n = activity.height
    days = pl.lit(pl.Series(np.rint(WAIT * np.exp(rng.normal(0, 0.6, n))).astype(np.int64)))
    known = pl.Series(rng.random(n) < ASKED_FOR)
    day = pl.when(known).then(pl.col("date") - pl.duration(days=days))
    return activity.select("activity_id", day.alias("requested_on"))


def _administration(world: World, rng: np.random.Generator) -> pl.DataFrame:
    sizes = np.array([len(group.members) for group in world.groups])
    fte = ADMIN * sizes / 10 * rng.uniform(0.7, 1.3, len(sizes))
    return pl.DataFrame(
        {"partnership_id": [group.id for group in world.groups], "admin_fte": fte.round(2)}
    )


def _drops(world: World, rng: np.random.Generator) -> pl.DataFrame:
    last = dt.date(world.settings.years[1], 8, 31)
    rows: list[dict[str, object]] = []
    for group in world.groups:
        days = [
            dt.date(year, month, day)
            for year in range(group.start.year, last.year + 1)
            for month, day in DUE
        ]
        for due in sorted(days):
            if not group.start < due <= (group.end or last):
                continue
            how = str(rng.choice(list(JOINTLY), p=list(JOINTLY.values())))
            wait = int(rng.integers(21, 60) if how == "late" else rng.integers(0, 21))
            who = world.schools.key[list(group.members)].tolist()
            rows.append(
                {
                    "drop_id": f"D{len(rows) + 1:05d}",
                    "partnership_id": group.id,
                    "scheduled_on": due,
                    "analysed_on": None if how == "never" else due + dt.timedelta(days=wait),
                    "schools": None if how == "never" else who[:1] if how == "alone" else who,
                }
            )
    types: dict[str, pl.DataType | type[pl.DataType]] = {
        **dict.fromkeys(("drop_id", "partnership_id"), pl.String),
        **dict.fromkeys(("scheduled_on", "analysed_on"), pl.Date),
        "schools": pl.List(pl.String),
    }
    return pl.DataFrame(rows, schema=types)
