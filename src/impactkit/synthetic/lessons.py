"""Observed lessons: two a school and year, each seen by two raters, some of whom are lenient.

After joining, schools see the more lenient raters more often. So scores rise by more than lessons
got better, and only what is adjusted for raters has the planted gain.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from impactkit.synthetic.attitudes import asked
from impactkit.synthetic.further import World
from impactkit.synthetic.partnerships import urn_at

RUBRIC = "lesson"
DOMAINS = ("explaining", "questioning", "pupils' work")
LOW, HIGH = 1, 7
GAIN = 0.5
"""Points of the rubric by which lessons got better."""
RATERS, LESSONS, SEEN_BY = 30, 2, 2
SEVERITY, SCHOOL_SD, LESSON_SD, NOISE = 0.5, 0.3, 0.4, 0.4
LENIENT = 0.75
"""Chance that a rater of a school that has joined is from the lenient half."""


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return rows of `observations` and what was planted."""
    cohort, span = world.cohort(), world.settings.span
    active = world.schools.active(np.array(span))
    chosen = asked(world, rng)
    severity = np.sort(rng.normal(0, SEVERITY, RATERS))
    home = rng.choice(chosen, RATERS)
    rows: list[dict[str, object]] = []
    for i in chosen:
        level = 4 + rng.normal(0, SCHOOL_SD)
        for k, year in enumerate(span):
            if not active[i, k]:
                continue
            inside = bool(0 < cohort[i] <= year)
            for lesson in range(LESSONS):
                quality = level + GAIN * inside + rng.normal(0, LESSON_SD)
                day = dt.date(year - 1, 10, 1) + dt.timedelta(days=int(rng.integers(0, 240)))
                for r in _raters(inside, rng):
                    for domain in DOMAINS:
                        score = quality + severity[r] + rng.normal(0, NOISE)
                        rows.append(
                            {
                                "lesson_id": f"L{world.schools.key[i]}-{year}-{lesson}",
                                "school_key": world.schools.key[i],
                                "urn": int(world.schools.urn_in(np.array([year]))[i, 0]),
                                "rubric": RUBRIC,
                                "domain": domain,
                                "rater_key": f"t{r:02}",
                                "rater_urn": urn_at(world.schools, int(home[r]), year),
                                "score": float(np.clip(round(score), LOW, HIGH)),
                                "observed_on": day,
                            }
                        )
    return {"observations": pl.DataFrame(rows)}, {"gain": GAIN}


def _raters(inside: bool, rng: np.random.Generator) -> list[int]:
    """Return the raters of a lesson; the second half of all are the lenient ones."""
    half = RATERS // 2
    lenient = LENIENT if inside else 0.5
    weights = np.repeat([(1 - lenient) / half, lenient / half], half)
    return [int(r) for r in rng.choice(RATERS, SEEN_BY, replace=False, p=weights)]
