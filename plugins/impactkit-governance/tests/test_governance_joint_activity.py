"""``governance.joint_activity`` on a register and logs that can be counted by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from scipy.stats import chi2

from impactkit import MetricContext
from impactkit_governance.joint_activity import JointActivityParams, joint_activity
from impactkit_governance.summary import BOARDS, BOTH, GAP, LEADERS, ONCE, RATE, RATIO, TERMLY

# Counted are 2020/21 and 2021/22: 730 days. Schools A and B share board X; C has Y, D has Z.
# A, B and C are partners throughout, D from 1 September 2021. E is alone in its partnership.
MEMBERSHIPS = [
    ("P", "A", dt.date(2020, 9, 1), None),
    ("P", "B", None, None),
    ("P", "C", dt.date(2015, 9, 1), dt.date(2030, 8, 31)),
    ("P", "D", dt.date(2021, 9, 1), None),
    ("Q", "E", dt.date(2015, 9, 1), None),
]
BOARDS_OF = [("X", "A"), ("X", "A"), ("X", "B"), ("Y", "C"), ("Z", "D"), ("W", "E")]

GOVERNORS = [
    ("g1", dt.date(2020, 10, 1), ["X", "Y"], "joint_meeting", 9),
    ("g2", dt.date(2021, 10, 1), ["X", "Y", "Z", "Y"], "joint_training", 12),
    ("g3", dt.date(2021, 3, 1), ["X"], "monitoring_visit", 1),  # one board
    ("g4", dt.date(2020, 11, 1), ["X", "Z"], "joint_meeting", 5),  # Z not yet a member
    ("g5", dt.date(2021, 5, 1), ["X", "W"], "joint_meeting", 5),  # no common partnership
    ("g6", dt.date(2019, 5, 1), ["X", "Y"], "joint_meeting", 5),  # before the years counted
    ("g1", dt.date(2020, 10, 1), ["X", "Y"], "joint_meeting", 9),  # entered twice
    ("g7", None, ["X", "Y"], "joint_meeting", 5),  # no date
    ("g8", dt.date(2021, 5, 1), [], "joint_meeting", 5),  # nobody
]
LEADER_LOG = [
    ("l1", dt.date(2020, 9, 1), ["A", "B"]),  # one board, but two schools
    ("l2", dt.date(2021, 11, 1), ["100001", "C", "D"]),  # A by its URN
    ("l3", dt.date(2022, 8, 31), ["B", "C"]),
    ("l4", dt.date(2021, 1, 1), ["C"]),  # one school
]
SCHOOLS = pl.DataFrame({"school_key": ["A", "B"], "urn": [100001, 100002]})

# X and Y on 730 days, Z on 365; schools A, B, C on 730 and D on 365.
BOARD_YEARS = 1825 / 365.25
SCHOOL_YEARS = 2555 / 365.25


def governor_log(rows=GOVERNORS):
    """Return the log of governors as a table."""
    return pl.DataFrame(
        rows,
        schema={
            "activity_id": pl.String,
            "date": pl.Date,
            "boards": pl.List(pl.String),
            "type": pl.String,
            "attendees": pl.Int64,
        },
        orient="row",
    )


def leader_log(rows=LEADER_LOG):
    """Return the log of leaders as a table."""
    return pl.DataFrame(
        rows,
        schema={"activity_id": pl.String, "date": pl.Date, "schools": pl.List(pl.String)},
        orient="row",
    )


def memberships(rows=MEMBERSHIPS):
    """Return memberships as a table."""
    return pl.DataFrame(
        rows,
        schema={
            "partnership_id": pl.String,
            "school_key": pl.String,
            "joined": pl.Date,
            "left": pl.Date,
        },
        orient="row",
    )


def boards(rows=BOARDS_OF):
    """Return the register of governors: board and school."""
    return pl.DataFrame(rows, schema=["board_id", "school_key"], orient="row")


def run(first_year=2021, last_year=2022, **tables):
    """Run the metric on the hand-made tables, with some of them replaced or (None) left out."""
    everything = {
        "governor_activity": governor_log(),
        "activity": leader_log(),
        "governor_spells": boards(),
        "memberships": memberships(),
        "schools": SCHOOLS,
        **tables,
    }
    given = {name: table for name, table in everything.items() if table is not None}
    params = JointActivityParams(first_year=first_year, last_year=last_year)
    return joint_activity(MetricContext(tables=given, params=params))


def pick(result, estimand, term=None):
    """Return the one estimate of that name; unless told otherwise, of boards."""
    term = ("" if estimand == RATE else BOARDS) if term is None else term
    (found,) = (e for e in result.estimates if (e.estimand, e.term) == (estimand, term))
    return found


def table(result, name):
    """Return one table as a frame."""
    (found,) = (t for t in result.tables if t.id == name)
    return found.to_frame()


def test_rate_is_what_boards_took_part_in_over_their_time_together():
    """g1 with two boards and g2 with three: five, over 1,825 board-days."""
    found = pick(run(), RATE)
    assert found.value == pytest.approx(5 / BOARD_YEARS)
    assert found.unit == "events per board per year"
    assert (found.n_partnerships, found.n_schools) == (1, 4)
    assert found.ci_low < found.value < found.ci_high


def test_each_event_once_has_the_exact_poisson_interval():
    """Two events: Garwood's limits from chi-squared with 4 and 6 degrees of freedom."""
    found = pick(run(), ONCE)
    assert found.value == pytest.approx(2 / BOARD_YEARS)
    assert found.ci_low == pytest.approx(chi2.ppf(0.025, 4) / 2 / BOARD_YEARS)
    assert found.ci_high == pytest.approx(chi2.ppf(0.975, 6) / 2 / BOARD_YEARS)
    assert "Garwood" in found.method


def test_leaders_are_those_of_the_same_partnerships():
    """l1, l2 and l3 with two, three and two schools: seven, over 2,555 school-days. Ratio 1."""
    result = run()
    assert pick(result, RATE, LEADERS).value == pytest.approx(7 / SCHOOL_YEARS)
    assert pick(result, RATE, LEADERS).unit == "events per school per year"
    ratio = pick(result, RATIO, BOTH)
    assert (ratio.value, ratio.unit) == (pytest.approx(1.0), "ratio")
    assert ratio.ci_low < 1 < ratio.ci_high


def test_gap_is_the_median_of_all_boards():
    """X and Y met on 1 October 2020 and 2021; Z only once."""
    found = pick(run(), GAP)
    assert (found.value, found.unit) == (365, "days")
    assert found.ci_low is None
    assert found.reason


def test_terms_count_only_while_a_member_for_all_of_it():
    """Both events in autumn: X and Y two autumns each, Z one. No board met in every term."""
    result = run()
    rows = table(result, "joint_by_term").select("term", "board_terms", "met").rows()
    assert rows == [("autumn", 5, 5), ("spring", 5, 0), ("summer", 5, 0)]
    assert pick(result, TERMLY).value == 0


def test_board_that_met_every_term_is_seen():
    """Y and Z join X for each term of 2021/22; only Z has no earlier term without an event."""
    log = governor_log(
        [
            (f"g{month}", dt.date(year, month, 10), ["X", "Y", "Z"], "joint_meeting", None)
            for year, month in ((2021, 9), (2022, 1), (2022, 4))
        ]
    )
    assert pick(run(governor_activity=log), TERMLY).value == pytest.approx(100 / 3)


def test_every_entry_that_is_not_joint_is_counted_with_its_reason():
    """Seven of nine entries of governors, one of four of leaders."""
    found = {(e.reason, "leaders" in e.text): e.n_rows for e in run().exclusions}
    assert found == {
        ("governance.incomplete", False): 2,  # g7, g8
        ("governance.doubled", False): 1,
        ("governance.outside", False): 1,
        ("governance.single", False): 1,
        ("governance.apart", False): 2,  # g4, g5
        ("governance.single", True): 1,
    }


def test_shared_board_is_one_board():
    """With a board of its own for B there are more board-days, and the rate is lower."""
    apart = [*[row for row in BOARDS_OF if row != ("X", "B")], ("V", "B")]
    found = pick(run(governor_spells=boards(apart)), RATE)
    assert found.value == pytest.approx(5 / ((1825 + 730) / 365.25))


def test_board_in_two_partnerships_is_exposed_once():
    """P again under another name changes neither time nor events."""
    twice = [*MEMBERSHIPS, *[("R", *row[1:]) for row in MEMBERSHIPS if row[0] == "P"]]
    found = pick(run(memberships=memberships(twice)), RATE)
    assert found.value == pytest.approx(5 / BOARD_YEARS)
    assert (found.n_partnerships, found.n_clusters) == (2, 1)


def test_attendances_are_people_and_events_are_not():
    """Disclosure control must see the one and leave the other."""
    (by_type,) = (t for t in run().tables if t.id == "joint_by_type")
    assert {c.name: c.of for c in by_type.columns if c.kind == "count"} == {
        "events": "events",
        "stated": "events",
        "attendances": "people",
    }
    assert by_type.rows == (("joint_meeting", 1, 1, 9), ("joint_training", 1, 1, 12))


def test_years_come_from_the_logs_when_not_set():
    """The first entry is of 2018/19, the last of 2021/22: four years, and g6 is in."""
    result = run(first_year=None, last_year=None)
    assert table(result, "joint_by_year")["year"].to_list() == [
        "2018/19",
        "2019/20",
        "2020/21",
        "2021/22",
    ]
    # B, C and so X and Y were members before 2020 already: 1,461 days each, and Z 365.
    assert pick(result, RATE).value == pytest.approx(7 / ((1461 * 2 + 365) / 365.25))


def test_no_joint_event_is_a_rate_of_zero_with_an_upper_bound():
    """Nothing happened in 1,825 board-days: that is an answer, not a gap in the data."""
    result = run(governor_activity=governor_log([]))
    found = pick(result, RATE)
    assert (found.value, found.ci_low, found.std_error) == (0, 0, None)
    assert found.ci_high == pytest.approx(2 * chi2.ppf(0.975, 2) / 2 / BOARD_YEARS)
    assert pick(result, RATIO, BOTH).value == 0
    assert pick(result, GAP).status == "not_estimable"


def test_without_a_leaders_log_there_is_no_ratio():
    """It says which table is missing."""
    result = run(activity=None)
    assert pick(result, RATIO, BOTH).status == "not_estimable"
    assert "activity" in pick(result, RATIO, BOTH).reason
    assert [e for e in result.estimates if e.term == LEADERS] == []


def test_without_joint_events_of_leaders_there_is_no_ratio():
    """It would be infinite."""
    found = pick(run(activity=leader_log(LEADER_LOG[3:])), RATIO, BOTH)
    assert found.status == "not_estimable"
    assert found.value is None


def test_board_alone_has_nobody_to_work_with():
    """Only school E: no exposure, so no rate, with the reason."""
    result = run(memberships=memberships(MEMBERSHIPS[4:]))
    assert {e.status for e in result.estimates} == {"not_estimable"}
    assert all(e.reason and e.value is None for e in result.estimates)


def test_schools_without_a_known_board_are_counted():
    """D's board is not in the register."""
    result = run(governor_spells=boards(BOARDS_OF[:4]))
    (missing,) = (e for e in result.exclusions if e.reason == "governance.no_board")
    assert missing.n_schools == 2  # D and E


@pytest.mark.parametrize("n", [0, 1])
def test_no_or_one_row_anywhere_gives_reasons(n):
    """Nothing is NaN; what cannot be estimated says why."""
    tables = {
        "governor_activity": governor_log().head(n),
        "governor_spells": boards().head(n),
        "memberships": memberships().head(n),
    }
    result = joint_activity(MetricContext(tables=tables))
    assert result.estimates
    assert all(e.status == "not_estimable" and e.reason for e in result.estimates)


def test_columns_without_a_single_value_are_survived():
    """All null, with the type that polars gives such columns."""
    tables = {
        "governor_activity": {"activity_id": [None], "date": [None], "boards": [None]},
        "governor_spells": {"board_id": [None], "school_key": [None]},
        "memberships": {
            "partnership_id": [None],
            "school_key": [None],
            "joined": [None],
            "left": [None],
        },
    }
    frames = {name: pl.DataFrame(columns) for name, columns in tables.items()}
    result = joint_activity(MetricContext(tables=frames))
    assert all(e.status == "not_estimable" for e in result.estimates)


def test_order_of_rows_does_not_matter():
    """All tables turned round: the same result, to the last digit."""
    turned = {
        "governor_activity": governor_log().reverse(),
        "activity": leader_log().reverse(),
        "governor_spells": boards().reverse(),
        "memberships": memberships().reverse(),
    }
    assert run(**turned) == run()


def test_bunched_events_are_warned_of():
    """Two partnerships of like size, one with twelve events and one with none."""
    members = memberships(
        [(p, f"{p}{i}", dt.date(2020, 9, 1), None) for p in ("P", "Q") for i in range(3)]
    )
    governed = boards([(f"B{p}{i}", f"{p}{i}") for p in ("P", "Q") for i in range(3)])
    log = governor_log(
        [
            (f"g{i}", dt.date(2020, 9, 1) + dt.timedelta(days=20 * i), ["BP0", "BP1"], "x", None)
            for i in range(12)
        ]
    )
    result = run(governor_activity=log, governor_spells=governed, memberships=members)
    assert any("bunches" in warning for warning in pick(result, RATE).warnings)
    (test,) = (d for d in result.diagnostics if BOARDS in d.name)
    # expected 6 and 6: chi-squared 12 on one degree of freedom
    assert test.value == pytest.approx(12)
    assert test.p_value == pytest.approx(chi2.sf(12, 1))
    assert test.passed is False


def test_years_the_wrong_way_round_are_refused():
    """With both settings in the message."""
    with pytest.raises(ValueError, match=r"last_year is 2019, before first_year, 2020"):
        JointActivityParams(first_year=2020, last_year=2019)


def test_events_by_partnership_are_those_at_which_two_of_its_members_were():
    """X and Y share P and R: what they did together stands in both, X and Z only in P."""
    shared = [*MEMBERSHIPS, ("R", "A", None, None), ("R", "C", None, None)]
    rows = table(run(memberships=memberships(shared)), "joint_by_partnership").rows()
    assert sorted(rows) == [("P", 3, 2, 3), ("R", 2, 2, 1)]
    none = table(run(activity=None), "joint_by_partnership").rows()
    assert sorted(none) == [("P", 3, 2, None)]
