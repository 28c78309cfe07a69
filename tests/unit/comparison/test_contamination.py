"""Neighbours, trusts and partnerships: who cannot be a comparison."""

from __future__ import annotations

import datetime as dt
import math
import random

import polars as pl
import pytest

from impactkit.comparison import (
    ComparisonGroup,
    donut,
    outside_partnerships,
    outside_trusts,
    same_trigger_pool,
)
from impactkit.errors import DataError, EstimationError, UsageError

NAMES = {"unit": "urn", "treated": "treated"}


def reasons(group: ComparisonGroup) -> dict[str, int | None]:
    """Return schools left out by reason."""
    return {e.reason: e.n_schools for e in group.exclusions}


@pytest.mark.parametrize("km", [0.5, 5.0, 20.0])
def test_distances_are_those_of_pythagoras(km: float) -> None:
    """The schools left out are those of looking at every pair."""
    draw = random.Random(2)
    rows = [
        {
            "urn": i,
            "treated": i < 12,
            "easting": 500_000 + draw.randrange(80_000),
            "northing": 150_000 + draw.randrange(80_000),
        }
        for i in range(300)
    ]
    near = {
        r["urn"]
        for r in rows
        if not r["treated"]
        and any(
            math.hypot(r["easting"] - t["easting"], r["northing"] - t["northing"]) <= 1000 * km
            for t in rows
            if t["treated"]
        )
    }
    found = donut(pl.DataFrame(rows), km=km, **NAMES)
    assert set(found.frame["urn"]) == {r["urn"] for r in rows} - near
    assert reasons(found).get("near", 0) == len(near)


def test_a_school_at_the_edge_goes_and_one_without_a_place_is_not_cleared() -> None:
    """Exactly five kilometres is near; no coordinates is a reason of its own."""
    frame = pl.DataFrame(
        {
            "urn": [1, 2, 3, 4, 5],
            "treated": [True, False, False, False, True],
            "easting": [0, 3_000, 3_001, None, None],
            "northing": [0, 4_000, 4_000, 10, 10],
        }
    )
    found = donut(frame, **NAMES)
    assert found.frame["urn"].to_list() == [1, 3, 5]
    assert reasons(found) == {"near": 1, "no_place": 1}
    assert found.warnings == (
        "1 treated schools have no place on the grid, so their neighbours were kept",
    )


def test_schools_of_a_treated_trust_are_no_comparison() -> None:
    """The trust of a treated school counts; no trust at all is no trust in common."""
    frame = pl.DataFrame(
        {
            "urn": range(6),
            "treated": [True, True, False, False, False, False],
            "trust_uid": ["A", None, "A", "B", None, "A"],
        }
    )
    found = outside_trusts(frame, **NAMES)
    assert found.frame["urn"].to_list() == [0, 1, 3, 4]
    assert reasons(found) == {"same_trust": 2}


def test_partnerships_around_the_time_count_and_others_do_not() -> None:
    """Three years around 2015 to 2017: from 1 September 2011 to 31 August 2020."""
    day = dt.date
    spells = [
        ("before", day(2005, 9, 1), day(2011, 8, 31), False),
        ("just", day(2005, 9, 1), day(2011, 9, 1), True),
        ("open", day(2009, 9, 1), None, True),
        ("late", day(2020, 9, 1), None, False),
        ("in time", day(2020, 8, 31), None, True),
        ("undated", None, None, True),
        ("undated, over", None, day(2001, 7, 1), False),
        ("alone", day(2015, 9, 1), None, False),
    ]
    members = pl.DataFrame(
        [
            {"urn": name, "partnership_id": name, "joined": joined, "left": left}
            for name, joined, left, _ in spells
        ]
        + [
            {"urn": "other", "partnership_id": name, "joined": None, "left": None}
            for name, _, _, _ in spells
            if name != "alone"
        ],
        schema={
            "urn": pl.String,
            "partnership_id": pl.String,
            "joined": pl.Date,
            "left": pl.Date,
        },
    )
    frame = pl.DataFrame(
        {"urn": ["T", *(name for name, *_ in spells)], "treated": [True] + [False] * len(spells)}
    )
    found = outside_partnerships(frame, members, window=(2015, 2017), **NAMES)
    gone = set(frame["urn"]) - set(found.frame["urn"])
    assert gone == {name for name, _, _, goes in spells if goes}
    assert reasons(found) == {"membership": 3, "membership_undated": 1}


def test_screens_can_follow_one_another_and_keep_weights() -> None:
    """A pool goes through all three, and what came with it stays in the frame."""
    events = pl.DataFrame(
        {
            "school_key": ["a", "b", "c", "d", "e"],
            "year": [2015] * 5,
            "grade": [4] * 5,
            "easting": [0, 1_000, 90_000, 91_000, 92_000],
            "northing": [0] * 5,
            "trust_uid": ["A", None, "A", None, None],
        }
    )
    starts = pl.DataFrame({"school_key": ["a"], "cohort": [2016]})
    pool = same_trigger_pool(events, starts, trigger="grade == 4")
    places = events.select("school_key", "easting", "northing", "trust_uid")
    frame = pool.frame.join(places, on="school_key")
    far = donut(frame, unit="school_key", treated="treated")
    apart = outside_trusts(far.frame, unit="school_key", treated="treated")
    members = pl.DataFrame(
        {
            "school_key": ["d", "x"],
            "partnership_id": ["P", "P"],
            "joined": [dt.date(2014, 9, 1)] * 2,
            "left": [None, None],
        }
    )
    clear = outside_partnerships(
        apart.frame, members, unit="school_key", treated="treated", window=(2012, 2019)
    )
    assert clear.frame["school_key"].to_list() == ["a", "e"]
    assert clear.frame["weight"].to_list() == [1.0, 0.25]


def test_wrong_input_is_named() -> None:
    """Columns, types, radius and window are checked, and an empty side gives its counts."""
    frame = pl.DataFrame(
        {"urn": [1, 2], "treated": [True, False], "easting": ["a", "b"], "northing": [1, 2]}
    )
    with pytest.raises(DataError, match="metres on the National Grid"):
        donut(frame, **NAMES)
    with pytest.raises(DataError, match="Did you mean 'northing'"):
        donut(frame, northing="nothing", **NAMES)
    with pytest.raises(UsageError, match="a distance above 0"):
        donut(frame, km=0, **NAMES)
    numbers = frame.with_columns(easting=pl.Series([1, 2]))
    with pytest.raises(EstimationError, match="1 treated and 0 comparison schools are left"):
        donut(numbers, **NAMES)
    with pytest.raises(UsageError) as raised:
        outside_partnerships(frame, frame, window=(2017, 2015), years=-1, min_schools=0, **NAMES)
    assert len(raised.value.problems) == 3
    with pytest.raises(DataError) as missing:
        outside_partnerships(frame, frame, window=(2015, 2017), **NAMES)
    assert [p.column for p in missing.value.problems] == ["partnership_id", "joined", "left"]
