"""What pupils say of lessons: a few of each school every June, before joining and after.

Asked are schools that joined, but no more than forty, and as many others. Answers rise by the same
in all schools that joined, from their first year on. One item is turned: there a high answer means
less.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from impactkit.synthetic.further import World

INSTRUMENT = "pupil_attitude"
ITEMS = ("p1", "p2", "p3", "p4")
TURNED = ("p3",)
LOW, HIGH = 1, 5
GAIN = 0.3
"""Points of the scale."""
SCHOOLS, ASKED, RESPONSE = 40, 6, 0.85
SCHOOL_SD, PUPIL_SD, ITEM_SD = 0.15, 0.5, 0.6


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return rows of `instruments` and `survey_responses`, and what was planted."""
    cohort, span = world.cohort(), world.settings.span
    active = world.schools.active(np.array(span))
    rows: list[dict[str, object]] = []
    for i in asked(world, rng):
        level = 3.2 + rng.normal(0, SCHOOL_SD)
        for k, year in enumerate(span):
            if not active[i, k]:
                continue
            more = GAIN if 0 < cohort[i] <= year else 0.0
            for pupil in np.flatnonzero(rng.random(ASKED) < RESPONSE).tolist():
                mood = level + more + rng.normal(0, PUPIL_SD)
                for item in ITEMS:
                    value = float(np.clip(round(mood + rng.normal(0, ITEM_SD)), LOW, HIGH))
                    rows.append(
                        {
                            "instrument_id": INSTRUMENT,
                            "item": item,
                            "wave": k + 1,
                            "answered_on": dt.date(year, 6, 15),
                            "respondent_key": f"q{world.schools.key[i]}-{year}-{pupil}",
                            "school_key": world.schools.key[i],
                            "urn": int(world.schools.urn_in(np.array([year]))[i, 0]),
                            "level": "pupil",
                            "value": LOW + HIGH - value if item in TURNED else value,
                            "retro_pre": False,
                            "invited": ASKED,
                        }
                    )
    instrument = pl.DataFrame(
        {
            "instrument_id": [INSTRUMENT] * len(ITEMS),
            "item": list(ITEMS),
            "wording": [
                "I look forward to lessons",
                "I know what to do when I am stuck",
                "Lessons are a waste of my time",
                "I think that I can do well",
            ],
            "reverse": [item in TURNED for item in ITEMS],
            "scale_low": [float(LOW)] * len(ITEMS),
            "scale_high": [float(HIGH)] * len(ITEMS),
        }
    )
    return {"instruments": instrument, "survey_responses": pl.DataFrame(rows)}, {"gain": GAIN}


def asked(world: World, rng: np.random.Generator) -> list[int]:
    """Return some of the schools that joined, and as many that never did."""
    cohort = world.cohort()
    joined = [i for group in world.groups for i in group.treated][:SCHOOLS]
    others = rng.permutation(np.flatnonzero(cohort == 0))[: len(joined)]
    return [*joined, *sorted(others.tolist())]
