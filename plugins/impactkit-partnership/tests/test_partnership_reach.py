"""Reach by intake and place, and the register of partnerships: counted by hand, and as planted."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from impactkit_partnership.landscape import AT_WORK, landscape
from impactkit_partnership.reach import FIFTHS, REACHED, reach

MOST_LESS_FEWEST = "fifth with most on free meals less that with fewest"


def schools(n, *, fsm=None, place=None, **more):
    """Make `n` open schools, S0 with the fewest pupils on free meals."""
    return pl.DataFrame(
        {
            "urn": list(range(100_000, 100_000 + n)),
            "school_key": [f"S{i}" for i in range(n)],
            "pct_fsm6": fsm or [float(i) for i in range(n)],
            "urban_rural": place
            or ["Urban city and town", "Rural village"] * (n // 2) + ["x"] * (n % 2),
            **more,
        }
    )


def members(*keys, **more):
    """Make memberships of one partnership."""
    return pl.DataFrame({"partnership_id": ["P"] * len(keys), "school_key": list(keys), **more})


def test_fifths_and_places_by_hand(run, find):
    """Ten schools, two a fifth; S0, S8 and S9 are in: 50, 0, 0, 0 and 100 per cent."""
    given = {"schools": schools(10), "memberships": members("S0", "S8", "S9")}
    result = run(reach, given)
    assert find(result, REACHED).value == pytest.approx(30)
    assert [find(result, REACHED, fifth).value for fifth in FIFTHS] == [50, 0, 0, 0, 100]
    assert find(result, REACHED, "rural").value == pytest.approx(20)
    assert find(result, REACHED, "urban").value == pytest.approx(40)
    gap = find(result, f"{REACHED}: {MOST_LESS_FEWEST}", MOST_LESS_FEWEST)
    assert gap.value == pytest.approx(50)


@pytest.mark.parametrize("n", [10, 23, 231])
def test_fifths_are_those_of_numpy(run, n):
    """Without ties each fifth has a fifth of the schools, the odd ones spread."""
    values = np.random.default_rng(n).permutation(n).astype(float)
    given = {"schools": schools(n, fsm=values.tolist()), "memberships": members("S0")}
    table = run(reach, given).tables[0].to_frame()
    loop = np.bincount(np.minimum(4, (5 * (values + 0.5) / n).astype(int)), minlength=5)
    assert table["eligible"].to_list()[1:6] == loop.tolist()


def test_schools_alike_are_in_the_same_fifth(run):
    """Nine have one share: the fifth in the middle, not wherever the rows happened to stand."""
    given = {"schools": schools(10, fsm=[5.0] * 9 + [50.0]), "memberships": members("S0")}
    groups = run(reach, given).tables[0].to_frame()
    assert groups.select("group", "eligible").rows()[1:3] == [(FIFTHS[2], 9), (FIFTHS[4], 1)]


def test_a_school_with_two_numbers_is_one_and_closed_ones_are_counted(run, find):
    """S0 became an academy; S1 closed for good; S2 is of another phase."""
    rows = schools(
        3,
        status=["Closed", "Closed", "Open"],
        phase=["Primary", "Primary", "Secondary"],
        open_date=[None, None, None],
    )
    academy = rows.head(1).with_columns(urn=pl.lit(200_000, pl.Int64), status=pl.lit("Open"))
    given = {"schools": pl.concat([rows, academy]), "memberships": members("S0", "S1")}
    result = run(reach, given, phases=("Primary",))
    e = find(result, REACHED)
    assert (e.value, e.n_schools) == (100, 1)
    assert {x.reason: x.n_rows for x in result.exclusions} == {
        "partnership.closed": 1,
        "partnership.other_phase": 1,
    }
    assert "1 schools in a partnership" in str(result.notes[0])


def test_as_of_a_day(run, find):
    """Members of that day only, among schools that were open on it."""
    day = dt.date(2018, 1, 1)
    later = day + dt.timedelta(days=1)
    rows = schools(
        5,
        close_date=[None, None, None, dt.date(2017, 8, 31), None],
        open_date=[None, day, None, None, later],
    )
    inside = members(
        "S0", "S1", "S2", joined=[day, day + dt.timedelta(days=1), None], left=[None, None, day]
    )
    result = run(reach, {"schools": rows, "memberships": inside}, as_of=day)
    e = find(result, REACHED)
    assert (e.value, e.n_schools) == (pytest.approx(200 / 3), 3)


def test_unknown_intake_and_place_are_told(run, find):
    """They are in the whole, and in no part."""
    rows = schools(4, fsm=[1.0, None, 2.0, 3.0], place=["Urban", None, "Rural", "sea"])
    result = run(reach, {"schools": rows, "memberships": members("S0")})
    assert find(result, REACHED).n_schools == 4
    assert [str(note).partition(" is not known")[0] for note in result.notes] == [
        "The free meals of 1 schools",
        "The place of 2 schools",
    ]


def test_reach_of_the_county_is_what_was_drawn(run, find, here):
    """Open schools in a group, over open schools."""
    made = here(6)
    still = set(made.tables["schools"].filter(pl.col("status") == "Open")["school_key"])
    inside = still & set(made.tables["memberships"]["school_key"])
    e = find(run(reach, made.tables), REACHED)
    assert e.value == pytest.approx(100 * len(inside) / len(still))


def test_a_gap_is_found_where_one_was_planted_and_not_where_none_was(run, find, here):
    """Chances of 20 and 60 % in the outer fifths, then equal ones: 10 of 12 intervals hold."""
    for chances, gap in (((0.2, 0.3, 0.4, 0.5, 0.6), 40), ((0.4,) * 5, 0)):
        covered = 0
        for seed in range(12):
            rng = np.random.default_rng(seed)
            rows = schools(250)
            inside = [f"S{i}" for i in range(250) if rng.random() < chances[i // 50]]
            result = run(reach, {"schools": rows, "memberships": members(*inside)})
            e = find(result, f"{REACHED}: {MOST_LESS_FEWEST}", MOST_LESS_FEWEST)
            covered += e.ci_low <= gap <= e.ci_high
        assert covered >= 10


def register():
    """Make three partnerships: one ended, one began later, one without a date."""
    return {
        "partnerships": pl.DataFrame(
            {
                "partnership_id": ["P1", "P2", "P3"],
                "name": ["One", None, "Three"],
                "structure": ["pair", "chain", "chain"],
                "purpose": ["growth", None, "growth"],
                "start_date": [dt.date(2015, 9, 1), dt.date(2017, 1, 9), None],
                "end_date": [dt.date(2016, 8, 31), None, None],
            }
        ),
        "memberships": pl.DataFrame(
            {
                "partnership_id": ["P1", "P1", "P2", "P2", "P2"],
                "school_key": ["A", "B", "A", "C", "C"],
                "role": ["client", "supporter", "client", "client", "supporter"],
                "joined": [None, None, None, dt.date(2018, 1, 1), None],
                "left": pl.Series([None] * 5, dtype=pl.Date),
            }
        ),
    }


def test_counts_by_year_structure_and_role(run, find):
    """P1 in 2015/16, nobody in between, P2 from 2016/17 on; the dateless one is counted apart."""
    result = run(landscape, register(), last_year=2018)
    structure = next(t for t in result.tables if t.id == "by_structure").to_frame()
    assert structure.rows() == [
        ("2015/16", "chain", 0),
        ("2015/16", "pair", 1),
        ("2016/17", "chain", 1),
        ("2016/17", "pair", 0),
        ("2017/18", "chain", 1),
        ("2017/18", "pair", 0),
    ]
    role = next(t for t in result.tables if t.id == "by_role").to_frame()
    assert role.filter(pl.col("role") == "client")["schools"].to_list() == [1, 1, 2]
    e = find(result, AT_WORK)
    assert (e.value, e.n_schools, e.ci_low) == (1, 2, None)
    assert "nothing to estimate" in e.reason
    assert {x.reason: x.n_rows for x in result.exclusions} == {"partnership.no_start": 1}
    listed = next(t for t in result.tables if t.id == "register").to_frame()
    assert listed.select("partnership", "start", "end", "schools").rows() == [
        ("P1", "2015-09-01", "2016-08-31", 2),
        ("P2", "2017-01-09", "", 2),
    ]


def test_every_partnership_of_the_county_is_in_the_register(run, find, here):
    """As many as were drawn, in as many structures."""
    made = here(1)
    result = run(landscape, made.tables)
    drawn = made.tables["partnerships"]
    assert find(result, AT_WORK).value == drawn.height
    for structure, count in drawn["structure"].value_counts().rows():
        assert find(result, AT_WORK, structure).value == count
