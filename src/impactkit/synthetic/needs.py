"""What schools need and what they are good at, and help that answers a need.

Every school of a partnership is judged in eight domains, before it joins: strengths are 0 to 4 at
random. Where a school supports others, a client's need in a domain is with probability `LEANING` as
great as the supporter's strength in it, and else at random: so partnerships are matched better than
chance. The expected match of a pair, sum of need times strength (over 4) by sum of need, is then
close to 0.5 + LEANING / 4. Help carries the tag of a domain in which the school has a need (a score
of 2 or more) with probability `TAGGED`, and of one in which it has none with probability `ASTRAY`.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from impactkit.synthetic.further import World
from impactkit.synthetic.partnerships import urn_at

DOMAINS = (
    "reading",
    "writing",
    "mathematics",
    "early years",
    "behaviour",
    "inclusion",
    "curriculum",
    "leadership",
)
LEANING = 0.6
NEED_FROM = 2
TAGGED = 0.7
ASTRAY = 0.15


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return `needs`, the tags of `interventions`, and what was planted."""
    size = (world.schools.n, len(DOMAINS))
    strength = rng.integers(0, 5, size)
    need = rng.integers(0, 5, size)
    for group in world.groups:
        if group.supporter is not None:
            leaning = rng.random((len(group.treated), len(DOMAINS))) < LEANING
            chosen = np.where(leaning, strength[group.supporter], need[list(group.treated)])
            need[list(group.treated)] = chosen
    return {
        "needs": _profiles(world, {"need": need, "strength": strength}, rng),
        "interventions": _tags(world, need, rng),
    }, {"match_quality": 0.5 + LEANING / 4, "tagged": TAGGED}


def _profiles(
    world: World, scores: dict[str, np.ndarray], rng: np.random.Generator
) -> pl.DataFrame:
    rows: list[dict[str, object]] = []
    for group in world.groups:
        for i in group.members:
            day = group.start - dt.timedelta(days=int(rng.integers(5, 60)))
            rows += (
                {
                    "school_key": world.schools.key[i],
                    "urn": urn_at(world.schools, i, group.cohort),
                    "domain": domain,
                    "kind": kind,
                    "score": float(of_all[i, d]),
                    "assessed_on": day,
                    "assessor": f"A{int(rng.integers(1, 13)):02d}",
                }
                for kind, of_all in scores.items()
                for d, domain in enumerate(DOMAINS)
            )
    return pl.DataFrame(rows)


def _tags(world: World, need: np.ndarray, rng: np.random.Generator) -> pl.DataFrame:
    row = {key: i for i, key in enumerate(world.schools.key.tolist())}
    tags: list[str | None] = []
    for key in world.tables["interventions"]["school_key"]:
        needed = need[row[key]] >= NEED_FROM
        luck = rng.random()
        among = needed if luck < TAGGED else ~needed
        pool = np.flatnonzero(among) if luck < TAGGED + ASTRAY else np.array([], dtype=int)
        tags.append(DOMAINS[int(rng.choice(pool))] if len(pool) else None)
    ids = world.tables["interventions"]["intervention_id"]
    return pl.DataFrame({"intervention_id": ids, "need_tag": pl.Series(tags, dtype=pl.String)})
