"""What leaders of partnerships say and do: a survey of confidence, coaching, heads' diaries.

Leaders in post when a partnership starts, and still there two years on, answer a survey both times.
Their confidence rises by the same for all, and by more where there was more coaching; asked
afterwards how it had been before, they mark themselves lower than they did then. In every other
partnership the schools share a business manager, and heads' diaries before and after show more
hours for strategy and a larger share for teaching and learning.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from impactkit.synthetic.further import World
from impactkit.synthetic.partnerships import Group, urn_at

CONFIDENCE = "leadership_confidence"
ITEMS = tuple(f"c{k}" for k in range(1, 7))
TURNED = ("c4",)
GAIN = 0.35
"""Points by which confidence rises, on a scale from 1 to 5."""
SHIFT = 0.3
"""Points by which leaders mark their earlier selves lower afterwards."""
SLOPE = 0.08
"""Points more for each hour of coaching a leader had in a term."""
RESPONSE = 0.85
COACHING = ("head_mentoring", "middle_leader_coaching")
HOURS = 6.0
DIARY = "head_diary"
USES = ("teaching_and_learning", "strategy", "finance_and_premises", "staffing", "other")
SHARES = (0.28, 0.12, 0.25, 0.2, 0.15)
WEEK = 52.0
RELEASED = 3.0
"""Hours of strategy a week that a shared business manager sets free."""
TAUGHT = 4.0
"""Percentage points by which the share for teaching and learning rises."""


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return rows of `instruments`, `survey_responses`, `interventions`, and what was planted."""
    answers = _survey(world, rng)
    diaries, managers = _diaries(world, rng)
    return {
        "instruments": _instruments(),
        "survey_responses": pl.concat([answers, diaries], how="diagonal"),
        "interventions": managers,
    }, {
        "confidence_gain": GAIN,
        "coaching_slope": SLOPE,
        "hours_released": RELEASED,
        "teaching_share_gain": TAUGHT,
    }


def coached(world: World) -> dict[str, float]:
    """Return the hours of coaching that a leader of each school had in a term."""
    found: dict[str, float] = {}
    rows = world.tables["interventions"].filter(pl.col("type").is_in(COACHING))
    for school, days, start, end in rows.select(
        "school_key", "dose_delivered", "start", "end"
    ).rows():
        leaders = _in_post(world, school, start)
        if leaders.height:
            terms = (end - start).days / 365.25 * 3
            found[school] = found.get(school, 0.0) + HOURS * days / terms / leaders.height
    return found


def _in_post(world: World, school: str, day: dt.date) -> pl.DataFrame:
    """Return `staff_key` and `level` of those in post on a day, one row a person."""
    spells = world.tables["leadership_spells"]
    return (
        spells.filter(
            (pl.col("school_key") == school)
            & (pl.col("start") <= day)
            & (pl.col("end").is_null() | (pl.col("end") >= day))
        )
        .sort("staff_key", "start")
        .unique("staff_key", keep="last", maintain_order=True)
    )


def _waves(world: World, group: Group) -> tuple[dt.date, dt.date]:
    last = dt.date(world.settings.years[1], 7, 1)
    return group.start, min(group.start + dt.timedelta(days=700), last)


def _survey(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Return answers of leaders in partnerships, at the start and two years on."""
    doses = coached(world)
    # Centred where it can vary, so that the rise planted is that of the average leader.
    known = [doses.get(world.schools.key[i], 0.0) for g in world.groups for i in g.members]
    usual = float(np.mean(known))
    rows: list[dict[str, Any]] = []
    first_asked: dict[str, str] = {}
    for group in world.groups:
        days = _waves(world, group)
        both = float(rng.normal(0, 0.05))
        for i in group.members:
            school = str(world.schools.key[i])
            extra = SLOPE * (doses.get(school, 0.0) - usual)
            school_level, school_rise = rng.normal(0, 0.2), rng.normal(0, 0.1)
            for wave, day in enumerate(days, start=1):
                staff = _in_post(world, school, day)
                asked = dict(staff["level"].value_counts().rows())
                for person, level in staff.select("staff_key", "level").rows():
                    own = np.random.default_rng([world.settings.seed, *person.encode()])
                    trait = 3.2 + school_level + own.normal(0, 0.5)
                    rise = GAIN + extra + both + school_rise + own.normal(0, 0.25)
                    # Who has moved to another of the schools is asked by the first one only.
                    if rng.random() >= RESPONSE or first_asked.setdefault(person, school) != school:
                        continue
                    about = {
                        "wave": wave,
                        "answered_on": day,
                        "respondent_key": person,
                        "school_key": school,
                        "urn": urn_at(world.schools, i, group.cohort),
                        "level": level,
                        "invited": asked[level],
                    }
                    level_now = trait + (wave - 1) * rise
                    rows += _answers(level_now, about, rng, retro=False)
                    if wave == 2:
                        rows += _answers(trait - SHIFT, about, rng, retro=True)
    return pl.DataFrame(rows)


def _answers(
    level: float, about: dict[str, Any], rng: np.random.Generator, *, retro: bool
) -> list[dict[str, Any]]:
    marks = np.clip(np.rint(level + rng.normal(0, 0.6, len(ITEMS))), 1, 5)
    return [
        {
            "instrument_id": CONFIDENCE,
            "item": item,
            **about,
            "value": float(6 - mark if item in TURNED else mark),
            "retro_pre": retro,
        }
        for item, mark in zip(ITEMS, marks.tolist(), strict=True)
    ]


def _diaries(world: World, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return four weeks of diaries a head, and the business managers that schools share."""
    rows: list[dict[str, Any]] = []
    managers: list[dict[str, Any]] = []
    kept: set[str] = set()
    for place, group in enumerate(world.groups):
        shares_one = place % 2 == 1
        begins = group.start + dt.timedelta(days=180)
        if begins.year >= world.settings.years[1]:
            continue
        for i in group.members:
            school, urn = str(world.schools.key[i]), urn_at(world.schools, i, group.cohort)
            staff = _in_post(world, school, begins)
            heads = staff.filter(staff["level"] == "head")
            # Who has moved to another of the schools kept a diary at the first one.
            if heads.is_empty() or heads["staff_key"][0] in kept:
                continue
            kept.add(heads["staff_key"][0])
            if shares_one:
                managers.append(
                    {
                        "intervention_id": f"SB{len(managers) + 1:05d}",
                        "partnership_id": group.id,
                        "school_key": school,
                        "urn": urn,
                        "type": "sbm_share",
                        "start": begins,
                        "end": begins + dt.timedelta(days=365),
                        "dose_planned": 0.6,
                        "dose_delivered": 0.6,
                        "dose_unit": "fte_terms",
                    }
                )
            usual = np.array(SHARES) * rng.uniform(0.8, 1.2, len(USES))
            usual /= usual.sum()
            for wave in (1, 2, 3, 4):
                hours = WEEK * usual
                if shares_one and wave > 2:
                    # What is set free comes out of finance and premises.
                    hours = hours + np.array([TAUGHT / 100 * WEEK, RELEASED, 0, 0, 0])
                    hours[2] -= TAUGHT / 100 * WEEK + RELEASED
                hours = np.maximum(0, hours + rng.normal(0, 0.8, len(USES)))
                day = begins + dt.timedelta(days=(-60, -30, 120, 150)[wave - 1])
                rows += [
                    {
                        "instrument_id": DIARY,
                        "item": use,
                        "wave": wave,
                        "answered_on": day,
                        "respondent_key": heads["staff_key"][0],
                        "school_key": school,
                        "urn": urn,
                        "level": "head",
                        "value": round(value, 1),
                        "retro_pre": False,
                    }
                    for use, value in zip(USES, hours.tolist(), strict=True)
                ]
    return pl.DataFrame(rows), pl.DataFrame(managers)


def _instruments() -> pl.DataFrame:
    scales = [(CONFIDENCE, item, item in TURNED, 1.0, 5.0, None) for item in ITEMS]
    diary = [(DIARY, use, False, 0.0, 100.0, "hours a week") for use in USES]
    names = ["instrument_id", "item", "reverse", "scale_low", "scale_high", "unit"]
    return pl.DataFrame([*scales, *diary], schema=names, orient="row")
