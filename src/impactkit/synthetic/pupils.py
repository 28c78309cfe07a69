r"""Records of pupils: up to fifteen a year of schools that joined, and of as many others.

A pupil's score in mathematics is that of the school, the pupil's own luck and, with free meals, a
distance to the others that the effect planted on ``fsm6_gap`` changes:

.. math:: y_{pit} = \alpha_i + \lambda_t + \tau^{m}(e_{it}) - f_p (g + \tau^{g}(e_{it}))
    + \epsilon_p, \quad \epsilon_p \sim N(0, 15^2)

The effect on the gap is planted in percentage points at the expected standard; near the middle of
the distribution a point of score is two and a half of these.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from impactkit.synthetic.further import World
from impactkit.synthetic.subjects import GAP, specialists

PUPILS = 15
PUPIL_SD, SCHOOL_SD, TREND = 15.0, 5.0, 0.3
PER_POINT = 0.4
"""Points of score to a percentage point at the expected standard."""
PRETEST_SHARE = 0.6
"""How much of a score was there to be seen before."""


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return `pupils` and what was planted."""
    settings, schools = world.settings, world.schools
    years = np.array(settings.span)
    cohort = world.cohort()
    joined = np.flatnonzero(cohort)
    others = rng.permutation(np.flatnonzero(cohort == 0))[: len(joined)]
    chosen = np.sort(np.concatenate([joined, others]))
    there = schools.active(years)[chosen]
    n = np.where(there, np.minimum(world.cohorts[chosen], PUPILS), 0)
    at, column = (axis.repeat(n.ravel()) for axis in np.indices(n.shape).reshape(2, -1))
    i, year = chosen[at], years[column]
    level = rng.normal(100, SCHOOL_SD, len(schools.key))
    shares = {"fsm6": world.places.fsm6, "eal": world.places.eal, "sen": world.places.sen}
    flags = {name: rng.random(len(i)) < share[i] / 100 for name, share in shares.items()}
    event = year - cohort[i]
    on_subject = _by_event(settings.effect_on("mathematics"), event, np.isin(i, specialists(world)))
    on_gap = PER_POINT * _by_event(settings.effect_on("fsm6_gap"), event, cohort[i] > 0)
    luck = rng.normal(0, PUPIL_SD, len(i))
    score = (
        level[i] + TREND * column + on_subject - flags["fsm6"] * (PER_POINT * GAP + on_gap) + luck
    )
    noise = PUPIL_SD * np.sqrt(1 - PRETEST_SHARE**2)
    pretest = 100 + PRETEST_SHARE * luck + rng.normal(0, noise, len(i))
    urn = schools.urn_in(years)
    rows = pl.DataFrame(
        {
            "pupil_key": [f"p{k:06d}" for k in rng.permutation(len(i))],
            "school_key": schools.key[i],
            "urn": urn[i, column],
            "year": year,
            "measure": ["mathematics"] * len(i),
            "score": score.round(1),
            "pretest": pretest.round(1),
            **flags,
            "sex": np.where(rng.random(len(i)) < 0.5, "girls", "boys"),
            "stayed": rng.random(len(i)) < 0.9,
        }
    )
    return {"pupils": rows}, {
        "fsm6_gap": PER_POINT * GAP,
        "fsm6_gap_effect": PER_POINT * settings.effect_on("fsm6_gap")[0],
    }


def _by_event(sizes: dict[int, float], event: np.ndarray, affected: np.ndarray) -> np.ndarray:
    """Return the planted effect of each pupil's school and year; none where it is not affected."""
    found: np.ndarray = np.array(
        [sizes.get(e, 0.0) if on else 0.0 for e, on in zip(event.tolist(), affected, strict=True)]
    )
    return found
