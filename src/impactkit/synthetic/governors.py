r"""Governors and joint activity: who governs what, and how often boards and leaders work together.

Within a partnership of :math:`b` governing boards, joint events come as a Poisson process of rate
:math:`\lambda b / 2` a year, each of exactly two boards drawn at random, from the day the
partnership starts. So one board takes part in :math:`\lambda` events a year. Leaders' joint
activity is made in the same way over schools. Events of a single board or school are logged too:
they are not joint, and must not be counted.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter

import attrs
import numpy as np
import polars as pl

from impactkit.synthetic.partnerships import Group
from impactkit.synthetic.schools import Schools
from impactkit.synthetic.settings import LADDER, Settings

BOARD_SIZE = 9
TERM_DAYS = 4 * 365
SHARED_EVERY = 5
ALONE_RATE = 1.5
DAYS_A_YEAR = 365.25
JOINT_GOVERNANCE = ("joint_meeting", "joint_training", "exchange_visit", "shared_committee")
LEADER_ACTIVITY = (
    ("joint_planning", True),
    ("lesson_study", True),
    ("observation", True),
    ("meeting", False),
    ("training", False),
)
SCHOOL_LED = 0.8
"""Share of leaders' activity that a school called, one of those that took part; the rest came from
the authority."""
BODIES = ("Elected by parents", "Elected by school staff", "Appointed by LA")


@attrs.frozen(kw_only=True)
class _Event:
    partnership: str
    day: dt.date
    who: tuple[str, ...]


def boards_of(schools: Schools, groups: tuple[Group, ...]) -> list[str]:
    """Return the board of every school; in some partnerships two schools share one."""
    boards = [f"B{key}" for key in schools.key.tolist()]
    for group in groups[::SHARED_EVERY]:
        if len(group.members) > 2:
            one, other = group.members[:2]
            boards[other] = boards[one]
    return boards


def governor_tables(
    schools: Schools, groups: tuple[Group, ...], settings: Settings, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame, float]:
    """Return `governor_spells`, `governor_activity` and the years of exposure of boards."""
    boards = boards_of(schools, groups)
    events, exposure = _events(groups, schools, boards, settings.governor_rate, settings, rng)
    activity = pl.DataFrame(
        {
            "activity_id": [f"G{i + 1:05d}" for i in range(len(events))],
            "date": [event.day for event in events],
            "type": [
                JOINT_GOVERNANCE[kind] if len(event.who) > 1 else "monitoring_visit"
                for event, kind in zip(
                    events, rng.integers(0, len(JOINT_GOVERNANCE), len(events)), strict=True
                )
            ],
            "hours": 0.5 * rng.integers(2, 7, len(events)),
            "boards": [list(event.who) for event in events],
            "attendees": 2 + rng.poisson(5, len(events)),
            "topic": rng.choice(["results", "finance", "safeguarding", "staffing"], len(events)),
            "evidence_ref": [f"minutes/G{i + 1:05d}" for i in range(len(events))],
        },
        schema_overrides={"boards": pl.List(pl.String)},
    )
    return _spells(schools, boards, settings, rng), activity, exposure


def leader_activity(
    schools: Schools, groups: tuple[Group, ...], settings: Settings, rng: np.random.Generator
) -> tuple[pl.DataFrame, float]:
    """Return the table `activity` of leaders' work and the years of exposure of schools."""
    rate = settings.governor_rate / settings.governor_ratio
    events, exposure = _events(groups, schools, schools.key.tolist(), rate, settings, rng)
    kinds = rng.integers(0, len(LEADER_ACTIVITY), len(events)).tolist()
    level = rng.choice(list(LADDER), len(events))
    hours = 0.5 * rng.integers(2, 13, len(events))
    by_school = rng.random(len(events)) < SCHOOL_LED
    callers = [str(rng.choice(event.who)) for event in events]
    table = pl.DataFrame(
        {
            "activity_id": [f"L{i + 1:05d}" for i in range(len(events))],
            "date": [event.day for event in events],
            "type": [LEADER_ACTIVITY[kind][0] for kind in kinds],
            "level": level,
            "hours": hours,
            "practice_focused": [LEADER_ACTIVITY[kind][1] for kind in kinds],
            "initiated_by": np.where(by_school, callers, "authority"),
            "schools": [list(event.who) for event in events],
            "partnership_id": [event.partnership for event in events],
        },
        schema_overrides={"schools": pl.List(pl.String)},
    )
    return table, exposure


def _events(
    groups: tuple[Group, ...],
    schools: Schools,
    actors: list[str],
    rate: float,
    settings: Settings,
    rng: np.random.Generator,
) -> tuple[list[_Event], float]:
    """Draw events year by year, of the boards or schools whose school is still open.

    One left alone has nobody to work with: its years are not counted as exposure.
    """
    events, exposure = [], 0.0
    for group in groups:
        for year in range(group.cohort, group.last_year(settings.years[1]) + 1):
            who = sorted({actors[i] for i in group.members if schools.last[i] >= year})
            if len(who) < 2:
                continue
            begin = max(group.start, dt.date(year - 1, 9, 1))
            days = (dt.date(year, 9, 1) - begin).days
            exposure += len(who) * days / DAYS_A_YEAR
            for size, per_year in ((2, rate / 2), (1, ALONE_RATE)):
                count = rng.poisson(per_year * len(who) * days / DAYS_A_YEAR)
                for day in rng.integers(0, days, count).tolist():
                    some = rng.choice(len(who), size, replace=False)
                    events.append(
                        _Event(
                            partnership=group.id,
                            day=begin + dt.timedelta(days=day),
                            who=tuple(who[i] for i in sorted(some.tolist())),
                        )
                    )
    return sorted(events, key=lambda event: (event.day, event.partnership)), exposure


def _spells(
    schools: Schools, boards: list[str], settings: Settings, rng: np.random.Generator
) -> pl.DataFrame:
    """Return one spell a seat; the seats of a shared board are listed at its schools in turn."""
    first, last = dt.date(settings.years[0] - 4, 9, 1), dt.date(settings.years[1], 8, 31)
    distinct = sorted(set(boards))
    number = {board: i for i, board in enumerate(distinct)}
    days = rng.integers(0, (last - first).days, (len(distinct), BOARD_SIZE))
    board = np.repeat(np.array([number[b] for b in boards]), BOARD_SIZE)
    seat = np.tile(np.arange(BOARD_SIZE), schools.n)
    users = Counter(boards)
    is_shared = np.array([users[b] > 1 for b in boards]).repeat(BOARD_SIZE)
    chair = np.where(
        is_shared, "Shared chair of local governing body - group", "Chair of governors"
    )
    other = np.where(is_shared, "Shared local governor - group", "Governor")
    frame = pl.DataFrame(
        {
            "board_id": np.array(distinct)[board],
            "school_key": schools.key.repeat(BOARD_SIZE),
            "urn": schools.urn.repeat(BOARD_SIZE),
            "successor_urn": schools.successor_urn.repeat(BOARD_SIZE),
            "converted": schools.converted.repeat(BOARD_SIZE),
            "role": np.where(seat == 0, chair, other),
            "appointing_body": np.array(BODIES)[seat % len(BODIES)],
            "appointed": days[board, seat],
            "shared_board": is_shared,
            "person_key": board * BOARD_SIZE + seat + 1,
            "seat": seat,
        }
    )
    # A person holds a seat once, whichever of the schools it is listed at.
    sharing = pl.len().over("board_id", "seat")
    frame = frame.filter(
        pl.int_range(pl.len()).over("board_id", "seat") == pl.col("seat") % sharing
    )
    appointed = pl.lit(first) + pl.duration(days=pl.col("appointed"))
    as_academy = (pl.col("converted") > 0) & (appointed >= pl.date(pl.col("converted") - 1, 9, 1))
    return frame.with_columns(
        pl.when(as_academy).then("successor_urn").otherwise("urn").alias("urn"),
        appointed.alias("appointed"),
        (appointed + pl.duration(days=TERM_DAYS)).alias("term_end"),
        pl.format("V{}", pl.col("person_key").cast(pl.String).str.zfill(7)).alias("person_key"),
    ).select(
        "board_id",
        "school_key",
        "urn",
        "role",
        "appointing_body",
        "appointed",
        "term_end",
        "shared_board",
        "person_key",
    )
