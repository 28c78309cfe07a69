"""Governing boards of a full county: their seats, who fills them, training and a skills audit.

To the governors who are drawn anyway come enough others that every board has its seats but for a
share that are vacant on the last day. Some chairs are listed as governors too, as in the register.
Boards in partnerships take a skills audit twice; the second time marks are higher by the same on
every item, but for chance.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import numpy as np
import polars as pl

from impactkit.synthetic.further import World

SEATS = 12
VACANT = 0.12
TRAINED = 0.75
"""Share of governors who finish their training within a year."""
LISTED_TWICE = 0.3
"""Share of chairs who are listed as governors of their board as well."""
TERM = 4 * 365
AUDIT = "skills_audit"
ITEMS = ("finance", "data", "challenge", "people", "law", "estates")
TURNED = ("law",)
"""Items of which a high answer means little skill."""
GAIN = 0.4
"""Points by which marks rise, on a scale from 1 to 5."""
AUDITED = 4
"""Governors of a board who take the audit."""


def draw(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, float]]:
    """Return rows of `governor_spells`, `instruments`, `survey_responses`, and what was planted."""
    last = dt.date(world.settings.years[1], 8, 31)
    spells = world.tables["governor_spells"]
    extra, seats = _filled(spells, last, rng)
    columns = ["person_key", "board_id", "urn", "school_key", "role", "appointed", "term_end"]
    every = pl.concat([spells.select(columns), extra.select(columns)], how="vertical_relaxed")
    finished = rng.random(every.height) < TRAINED
    days = rng.integers(30, 330, every.height)
    trained = [
        day + dt.timedelta(days=int(after)) if done else None
        for day, after, done in zip(every["appointed"], days, finished, strict=True)
    ]
    trained = [None if day is None or day > last else day for day in trained]
    rows = every.with_columns(
        board_seats=pl.col("board_id").replace_strict(seats, return_dtype=pl.Int64),
        trained_on=pl.Series(trained, dtype=pl.Date),
    ).join(
        spells.select("board_id", "appointing_body", "shared_board").unique(
            "board_id", keep="first", maintain_order=True
        ),
        on="board_id",
        how="left",
        maintain_order="left",
    )
    twice = _listed_twice(rows, last, rng)
    responses = _audit(world, rows, last, rng)
    return {
        "governor_spells": pl.concat([rows, twice]),
        "instruments": _instrument(),
        "survey_responses": responses,
    }, {
        "vacant": VACANT,
        "trained": TRAINED,
        "skills_gain": GAIN,
        "n_listed_twice": float(twice.height),
    }


def _filled(
    spells: pl.DataFrame, last: dt.date, rng: np.random.Generator
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return further governors, and the seats of each board: some are vacant on the last day."""
    rows: list[dict[str, object]] = []
    seats: dict[str, int] = {}
    board = spells.sort("board_id", "person_key").partition_by("board_id", maintain_order=True)
    for own in board:
        first = own.row(0, named=True)
        here = own.filter((pl.col("appointed") <= last) & (pl.col("term_end") >= last))
        chair = own.filter(pl.col("role").str.contains("chair|Chair"))
        role = chair["role"][0]
        led = not here.filter(pl.col("role") == role).is_empty()
        other = own.filter(pl.col("role") != role)["role"][0]
        vacant = int(rng.binomial(SEATS, VACANT))
        wanted = max(0, SEATS - vacant - here.height)
        seats[first["board_id"]] = here.height + wanted + vacant
        ago = rng.integers(0, TERM, wanted)
        for k, days in enumerate(ago.tolist()):
            appointed = last - dt.timedelta(days=days)
            rows.append(
                {
                    "person_key": f"{first['person_key']}x{k}",
                    "board_id": first["board_id"],
                    "urn": first["urn"],
                    "school_key": first["school_key"],
                    "role": role if k == 0 and not led else other,
                    "appointed": appointed,
                    "term_end": appointed + dt.timedelta(days=TERM),
                }
            )
    return pl.DataFrame(rows), seats


def _listed_twice(rows: pl.DataFrame, last: dt.date, rng: np.random.Generator) -> pl.DataFrame:
    """Return some chairs of the last day again, as governors of the same board."""
    chairs = rows.filter(pl.col("role").str.contains("chair|Chair") & (pl.col("term_end") >= last))
    some = chairs.filter(pl.Series(rng.random(chairs.height) < LISTED_TWICE))
    shared = pl.col("role").str.starts_with("Shared")
    role = (
        pl.when(shared).then(pl.lit("Shared local governor - group")).otherwise(pl.lit("Governor"))
    )
    return some.with_columns(role=role)


def _audit(
    world: World, rows: pl.DataFrame, last: dt.date, rng: np.random.Generator
) -> pl.DataFrame:
    """Return two waves of marks by governors of boards in partnerships."""
    inside = {world.schools.key[i] for group in world.groups for i in group.members}
    taken: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for board, person, school, urn, start, end in rows.select(
        "board_id", "person_key", "school_key", "urn", "appointed", "term_end"
    ).rows():
        on = start <= last - dt.timedelta(days=400) and end >= last
        if on and school in inside and len(taken[board]) < AUDITED:
            taken[board].append((person, school, urn))
    parts: list[dict[str, object]] = []
    for board in sorted(taken):
        level, gain = rng.normal(0, 0.3), rng.normal(0, 0.2)
        for person, school, urn in taken[board]:
            own = rng.normal(3 + level, 0.5)
            for wave, days in ((1, 400), (2, 30)):
                marks = own + (wave - 1) * (GAIN + gain) + rng.normal(0, 0.6, len(ITEMS))
                for item, mark in zip(ITEMS, marks.tolist(), strict=True):
                    value = min(5.0, max(1.0, mark))
                    parts.append(
                        {
                            "instrument_id": AUDIT,
                            "item": item,
                            "wave": wave,
                            "answered_on": last - dt.timedelta(days=days),
                            "respondent_key": person,
                            "urn": urn,
                            "school_key": school,
                            "level": "governor",
                            "value": round(6.0 - value if item in TURNED else value, 2),
                            "retro_pre": False,
                        }
                    )
    return pl.DataFrame(parts)


def _instrument() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "instrument_id": [AUDIT] * len(ITEMS),
            "item": list(ITEMS),
            "wording": [f"How skilled are you in {item}?" for item in ITEMS],
            "reverse": [item in TURNED for item in ITEMS],
            "scale_low": [1.0] * len(ITEMS),
            "scale_high": [5.0] * len(ITEMS),
        }
    )
