"""Practice focus, school-led activity and networks: from one log, by hand and as planted."""

from __future__ import annotations

import datetime as dt
from itertools import combinations

import numpy as np
import polars as pl
import pytest

from impactkit_partnership.network import DENSITY, RECIPROCITY, network
from impactkit_partnership.practice_focus import SHARE, THIRDS, practice_focus
from impactkit_partnership.school_led import LED, OFFICE, WAIT, school_led

DAY = dt.date(2018, 10, 1)
COLUMNS = {
    "activity_id": pl.String,
    "partnership_id": pl.String,
    "date": pl.Date,
    "schools": pl.List(pl.String),
    "hours": pl.Float64,
    "practice_focused": pl.Boolean,
    "type": pl.String,
    "initiated_by": pl.String,
    "requested_on": pl.Date,
}


def log(*rows):
    """Make a log; what is not said of an entry is as in an ordinary one."""
    usual = {
        "partnership_id": "P1",
        "date": DAY,
        "schools": ["A", "B"],
        "hours": 2.0,
        "practice_focused": True,
        "type": "lesson_study",
        "initiated_by": "A",
        "requested_on": None,
    }
    entries = [{"activity_id": f"E{i}", **usual, **row} for i, row in enumerate(rows)]
    return {"activity": pl.DataFrame(entries, schema=COLUMNS)}


def members(**schools):
    """Make memberships from the schools of each partnership."""
    rows = [(name, school) for name, of in schools.items() for school in of]
    frame = pl.DataFrame(rows, schema=["partnership_id", "school_key"], orient="row")
    none = pl.lit(None, pl.Date)
    return {"memberships": frame.with_columns(joined=none, left=none)}


def test_share_is_of_hours_not_of_events(run, find):
    """Two short lessons and one long meeting: 3 of 9 hours."""
    rows = [{"hours": 1.0}, {"hours": 2.0}, {"hours": 6.0, "practice_focused": False}]
    result = run(practice_focus, log(*rows))
    assert find(result, SHARE).value == pytest.approx(100 / 3)
    assert find(result, SHARE).ci_low is None


def test_kinds_speak_where_the_log_does_not(run, find):
    """Lesson study is practice, a meeting is not, a dinner is not known; the log's word wins."""
    rows = [
        {"practice_focused": None, "type": "lesson_study"},
        {"practice_focused": None, "type": "meeting"},
        {"practice_focused": None, "type": "dinner"},
        {"practice_focused": True, "type": "meeting"},
    ]
    result = run(practice_focus, log(*rows))
    assert find(result, SHARE).value == pytest.approx(200 / 3)
    assert {x.reason: x.n_rows for x in result.exclusions} == {"partnership.not_coded": 1}


def test_what_is_not_joint_or_has_no_hours_is_counted(run):
    """One school alone, no hours, no partnership, an id twice."""
    rows = [
        {},
        {"schools": ["A"]},
        {"schools": ["A", "A "]},
        {"hours": None},
        {"partnership_id": None},
        {"activity_id": "E0"},
    ]
    result = run(practice_focus, log(*rows))
    assert {x.reason: x.n_rows for x in result.exclusions} == {
        "partnership.single": 2,
        "partnership.no_hours": 1,
        "partnership.unnamed": 1,
        "partnership.doubled": 1,
    }


def test_of_two_entries_with_one_id_the_earlier_counts(run, find):
    """Whichever stands first in the file."""
    again = {"activity_id": "X", "practice_focused": False, "date": DAY + dt.timedelta(days=9)}
    result = run(practice_focus, log(again, {"activity_id": "X"}))
    assert find(result, SHARE).value == 100


def test_thirds_of_partnerships_by_their_share(run, find):
    """Six partnerships at 0, 20, ..., 100 per cent, two in each third."""
    rows = [
        {"partnership_id": f"P{i}", "hours": hours, "practice_focused": about}
        for i in range(6)
        for hours, about in ((20.0 * i, True), (100 - 20.0 * i, False))
    ]
    result = run(practice_focus, log(*rows))
    name = "Joint hours that are about practice, by third of partnerships"
    assert [find(result, name, third).value for third in THIRDS] == pytest.approx([10, 50, 90])


def test_planted_practice_is_recovered(recovered):
    """Three of five kinds of activity are about practice. Nine of twelve or more (fewer: 0.3 %)."""
    assert recovered(practice_focus, lambda _: 0.6, SHARE, scale=100) >= 9


def test_a_school_called_it_where_its_number_or_key_or_a_word_says_so(run, find):
    """URN 101 is school A; the authority and a school that was not there are not."""
    schools = {"schools": pl.DataFrame({"urn": [101], "school_key": ["A"]})}
    callers = ["A", "101", "School", "authority", "Z", None]
    given = {**log(*({"initiated_by": caller} for caller in callers)), **schools}
    result = run(school_led, given)
    assert find(result, LED).value == pytest.approx(60)
    assert {x.reason: x.n_rows for x in result.exclusions} == {"partnership.no_caller": 1}


def test_wait_is_the_median_of_days_and_administration_is_for_ten_schools(run, find):
    """Days 3, 10 and 40; half a post for four schools."""
    rows = [{"requested_on": DAY - dt.timedelta(days=n)} for n in (3, 10, 40)]
    asked_after = {"requested_on": DAY + dt.timedelta(days=1)}
    posts = pl.DataFrame({"partnership_id": ["P1"], "admin_fte": [0.5]})
    given = {**log(*rows, asked_after), **members(P1="ABCD"), "partnerships": posts}
    result = run(school_led, given)
    assert find(result, WAIT, "wait").value == 10
    assert find(result, OFFICE, "administration").value == pytest.approx(1.25)
    assert {x.reason: x.n_rows for x in result.exclusions} == {"partnership.asked_after": 1}


def test_planted_callers_wait_and_administration_are_recovered(recovered):
    """Twelve counties each: nine or more."""
    assert recovered(school_led, lambda _: 0.8, LED, scale=100) >= 9
    assert recovered(school_led, "meetings.median_wait", WAIT, "wait") >= 9
    assert recovered(school_led, "meetings.admin_fte_per_10", OFFICE, "administration") >= 9


def test_density_and_reciprocity_by_hand(run, find):
    """Four schools: pairs AB, AC linked of six; A called both, B called A too: one of two."""
    rows = [
        {"schools": ["A", "B"], "initiated_by": "A"},
        {"schools": ["A", "C"], "initiated_by": "A"},
        {"schools": ["A", "B"], "initiated_by": "B"},
    ]
    result = run(network, {**log(*rows), **members(P1="ABCD")})
    assert find(result, DENSITY).value == pytest.approx(100 * 2 / 6)
    assert find(result, RECIPROCITY, "reciprocity").value == pytest.approx(50)


def test_only_those_who_were_members_that_day_count(run, find):
    """C left before: its activity is counted apart, and it makes no pair with B, who came later."""
    given = {**log({"schools": ["A", "C"]}, {"schools": ["A", "B"]}), **members(P1="ABC")}
    left = [None, None, DAY - dt.timedelta(days=1)]
    joined = [None, DAY, None]
    given["memberships"] = given["memberships"].with_columns(
        joined=pl.Series(joined), left=pl.Series(left)
    )
    result = run(network, given)
    # A with B, A with C; B came when C had left.
    assert find(result, DENSITY).value == pytest.approx(50)
    assert {x.reason: x.n_rows for x in result.exclusions} == {"partnership.not_members": 1}


def test_the_county_s_links_are_those_of_a_plain_loop(run, find, here):
    """Pairs that came together, of those that overlapped."""
    made = here(2)
    inside = {}
    for row in made.tables["memberships"].rows(named=True):
        span = (row["joined"] or dt.date.min, row["left"] or dt.date.max)
        inside.setdefault(row["partnership_id"], {})[row["school_key"]] = span
    possible = {
        (p, a, b)
        for p, of in inside.items()
        for a, b in combinations(sorted(of), 2)
        if max(of[a][0], of[b][0]) <= min(of[a][1], of[b][1])
    }
    linked = {
        (row["partnership_id"], *sorted(row["schools"]))
        for row in made.tables["activity"].rows(named=True)
        if len(row["schools"]) == 2
    }
    e = find(run(network, made.tables), DENSITY)
    assert e.value == pytest.approx(100 * len(linked & possible) / len(possible))


def against_chance(result, what):
    """Return the p-value of density or reciprocity."""
    return next(d.p_value for d in result.diagnostics if d.name.startswith(what))


def test_chance_alone_is_not_taken_for_a_pattern(run, here):
    """Who comes and calls is drawn blindly: of 24 tests at 5 % at most four stand out (0.6 %)."""
    found = [run(network, here(seed).tables, draws=199) for seed in range(24)]
    for what in ("density", "reciprocity"):
        assert sum(against_chance(result, what) < 0.05 for result in found) <= 4


def test_the_test_against_chance_counts_both_sides(run):
    """Five calls, all by A: by chance all by one side has 2 in 32, twice that on both sides."""
    rows = [{"date": DAY + dt.timedelta(days=i)} for i in range(5)]
    result = run(network, {**log(*rows), **members(P1="AB")}, draws=9999)
    assert against_chance(result, "reciprocity") == pytest.approx(0.125, abs=0.015)


def test_the_log_may_name_schools_by_number(run, find):
    """URNs and keys are the same schools."""
    schools = {"schools": pl.DataFrame({"urn": [101, 102], "school_key": ["A", "B"]})}
    given = {**log({"schools": ["101", "102"], "initiated_by": "101"}), **members(P1="AB")}
    assert find(run(network, {**given, **schools}), DENSITY).value == 100


def test_cliques_and_one_sided_calls_are_told_from_chance(run, find):
    """Ten partnerships of six in which the same pairs meet again and again, called by one side."""
    rows = [
        {
            "partnership_id": f"P{p}",
            "schools": [f"{p}{a}", f"{p}{b}"],
            "initiated_by": f"{p}{a}",
            "date": DAY + dt.timedelta(days=7 * week),
        }
        for p in range(10)
        for a, b in ("AB", "CD", "EF")
        for week in range(5)
    ]
    inside = members(**{f"P{p}": [f"{p}{s}" for s in "ABCDEF"] for p in range(10)})
    result = run(network, {**log(*rows), **inside})
    assert find(result, DENSITY).value == pytest.approx(100 * 3 / 15)
    assert find(result, RECIPROCITY, "reciprocity").value == 0
    assert against_chance(result, "density") < 0.01
    assert against_chance(result, "reciprocity") < 0.01
    # By chance a pair is met in 15 events each 1/15 of the time; both call unless all went one way.
    chance = find(result, f"{DENSITY}, by chance", "by chance")
    assert chance.value == pytest.approx(100 * (1 - (14 / 15) ** 15), abs=1)
    both = find(result, f"{RECIPROCITY}, by chance", "by chance")
    assert both.value == pytest.approx(100 * (1 - 2 * 0.5**5), abs=1)


def test_larger_meetings_link_every_pair_of_those_who_came(run, find):
    """Three of four came once: three pairs of six; by chance three of six too."""
    result = run(network, {**log({"schools": ["A", "B", "C"]}), **members(P1="ABCD")})
    assert find(result, DENSITY).value == pytest.approx(50)
    assert find(result, f"{DENSITY}, by chance", "by chance").value == pytest.approx(50)
    calls = find(result, f"{RECIPROCITY}, by chance", "by chance")
    assert calls.value == 0


def test_course_over_the_years(run):
    """One pair of three in the first year, all in the second."""
    later = DAY + dt.timedelta(days=365)
    rows = [{}, *({"schools": [a, b], "date": later} for a, b in ("AB", "AC", "BC"))]
    result = run(network, {**log(*rows), **members(P1="ABC")})
    table = next(t for t in result.tables if t.id == "by_year").to_frame()
    assert table.select("year", "possible", "linked").rows() == [
        ("2018/19", 3, 1),
        ("2019/20", 3, 3),
    ]
    assert np.allclose(table["density"], [100 / 3, 100])
