"""Who is treated, since when, and in which cluster, worked by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from impactkit.errors import UsageError
from impactkit.lineage import Lineage, build_lineage
from impactkit.panel import Exposure, exposure
from impactkit.panel.exposure import exposed_from, exposure_words

NONE = build_lineage(None)
SEPT = dt.date(2014, 9, 1)


def _members(*rows: tuple[str, int, dt.date | None], **columns: list[object]) -> pl.DataFrame:
    frame = pl.DataFrame(
        rows,
        schema={"partnership_id": pl.String, "urn": pl.Int64, "joined": pl.Date},
        orient="row",
    )
    return frame.with_columns(pl.Series(name, values) for name, values in columns.items())


def _schools(found: Exposure) -> dict[str, tuple[int | None, str]]:
    return {key: (cohort, standing) for key, cohort, standing in found.schools.iter_rows()}


def _linked(old: int, new: int) -> Lineage:
    return build_lineage(
        pl.DataFrame({"urn": [old], "link_urn": [new], "link_type": ["Successor"]})
    )


@pytest.mark.parametrize(
    ("joined", "year"),
    [
        (dt.date(2014, 8, 31), 2014),
        (dt.date(2014, 9, 1), 2015),
        (dt.date(2015, 1, 1), 2015),
        (dt.date(2015, 8, 31), 2015),
    ],
)
def test_first_exposed_year_is_the_academic_year_of_joining(joined: dt.date, year: int) -> None:
    """September to August, named by its end."""
    found = exposure(_members(("A", 100001, joined), ("A", 100002, SEPT)), NONE)
    assert _schools(found)["100001"] == (year, "treated")


def test_earliest_of_several_memberships_counts() -> None:
    """A school in two partnerships is exposed by the first, and they are one cluster."""
    found = exposure(
        _members(
            ("B", 100001, dt.date(2017, 9, 1)),
            ("A", 100001, SEPT),
            ("A", 100002, SEPT),
            ("B", 100003, dt.date(2017, 9, 1)),
        ),
        NONE,
    )
    assert _schools(found) == {
        "100001": (2015, "treated"),
        "100002": (2015, "treated"),
        "100003": (2018, "treated"),
    }
    assert dict(found.clusters.iter_rows()) == dict.fromkeys(("100001", "100002", "100003"), "A")


@pytest.mark.parametrize("date", [None, dt.date(1900, 1, 1), dt.date(1944, 8, 2)])
def test_a_missing_or_placeholder_date_makes_the_school_unknown(date: dt.date | None) -> None:
    """It may have joined before its other date, so that date says nothing; partners keep theirs."""
    found = exposure(_members(("A", 100001, date), ("A", 100002, SEPT), ("B", 100001, SEPT)), NONE)
    assert _schools(found)["100001"] == (None, "date_unknown")
    assert _schools(found)["100002"] == (2015, "treated")


def test_the_day_of_the_education_act_is_a_date() -> None:
    """3 August 1944 itself is believed."""
    found = exposure(_members(("A", 100001, dt.date(1944, 8, 3)), ("A", 100002, SEPT)), NONE)
    assert _schools(found)["100001"] == (1944, "treated")


def test_two_numbers_of_one_school_are_no_partnership() -> None:
    """A school and its own successor in one group are one school alone."""
    found = exposure(
        _members(("A", 100001, SEPT), ("A", 140001, dt.date(2016, 9, 1))), _linked(100001, 140001)
    )
    assert _schools(found) == {"100001": (None, "one_school")}
    assert found.one_school.rows() == [("A", "100001")]
    assert found.n_repeated == 1
    assert found.clusters.is_empty()


@pytest.mark.parametrize("date", [dt.date(2010, 9, 1), dt.date(1900, 1, 1)])
def test_a_group_of_one_does_not_spoil_another_partnership(date: dt.date) -> None:
    """Alone in one group and together in another: treated by the other, from its date."""
    found = exposure(_members(("A", 100001, date), ("B", 100001, SEPT), ("B", 100002, SEPT)), NONE)
    assert _schools(found)["100001"] == (2015, "treated")
    assert found.one_school.rows() == [("A", "100001")]


def test_groups_of_one_count_when_the_study_says_so() -> None:
    """A county's extract may hold one school of a trust with many elsewhere."""
    found = exposure(_members(("A", 100001, SEPT)), NONE, min_schools=1)
    assert _schools(found) == {"100001": (2015, "treated")}


def test_condition_parts_treated_from_those_beside_and_those_elsewhere() -> None:
    """Clients are treated, their supporter is no fair comparison, other partnerships are."""
    members = _members(
        ("A", 100001, SEPT),
        ("A", 100002, SEPT),
        ("C", 100003, SEPT),
        ("C", 100004, SEPT),
        role=["client", "supporter", "peer", None],
    )
    found = exposure(members, NONE, treated=pl.col("role") == "client")
    assert _schools(found) == {
        "100001": (2015, "treated"),
        "100002": (None, "beside_treated"),
        "100003": (None, "other_partnership"),
        "100004": (None, "other_partnership"),
    }


def test_a_supporter_of_two_partnerships_ties_them_into_one_cluster() -> None:
    """Their fortunes hang together, although the supporter itself is not treated."""
    members = _members(
        ("A", 100001, SEPT),
        ("A", 100009, SEPT),
        ("B", 100002, SEPT),
        ("B", 100009, SEPT),
        role=["client", "supporter"] * 2,
    )
    found = exposure(members, NONE, treated=pl.col("role") == "client")
    assert set(found.clusters["cluster"]) == {"A"}


def test_memberships_outside_the_window_tie_nothing() -> None:
    """One ended before the first year, one began after the last: A, B and C stay apart."""
    members = _members(
        ("A", 100001, SEPT),
        ("A", 100002, SEPT),
        ("B", 100002, dt.date(2020, 9, 1)),
        ("B", 100003, SEPT),
        ("C", 100003, dt.date(2009, 9, 1)),
        ("C", 100004, SEPT),
        left=[None, None, None, None, dt.date(2011, 8, 31), None],
    )
    found = exposure(members, NONE, first_year=2012, last_year=2020)
    assert dict(found.clusters.iter_rows()) == {
        "100001": "A",
        "100002": "A",
        "100003": "B",
        "100004": "C",
    }


def test_a_condition_over_an_unknown_column_names_it_and_those_there_are() -> None:
    """The evaluator learns which word was wrong and which would do."""
    with pytest.raises(UsageError, match=r"(?s)`kind`.*joined, partnership_id, urn"):
        exposure(_members(("A", 100001, SEPT)), NONE, treated=pl.col("kind") == "x")


def test_no_memberships_at_all() -> None:
    """A study without partnerships has no exposure, and does not fail here."""
    found = exposure(_members(), NONE)
    assert found.schools.is_empty()
    assert found.clusters.is_empty()


def _by_the_calendar(joined: dt.date, exposed_by: str) -> int:
    """Return the first exposed year by comparing dates, the way a person would."""
    ends = joined.year + (joined.month >= 9)
    month, day = (int(part) for part in exposed_by.split("-"))
    last = dt.date(ends - (month >= 9), month, day)
    return ends if joined <= last else ends + 1


@pytest.mark.parametrize("exposed_by", ["08-31", "01-01", "12-31", "11-05", "09-01", "02-28"])
def test_every_day_of_three_years_is_where_the_calendar_puts_it(exposed_by: str) -> None:
    """September to August, cut at a day: 2012 is a leap year, and changes nothing."""
    days = [dt.date(2011, 6, 1) + dt.timedelta(days=i) for i in range(1096)]
    members = _members(*((f"P{i // 2}", 100_001 + i, day) for i, day in enumerate(days)))
    found = exposure(members, NONE, exposed_by=exposed_by).schools.sort("school_key")
    assert found["cohort"].to_list() == [_by_the_calendar(day, exposed_by) for day in days]


def test_a_start_after_new_year_counts_for_the_tests_of_the_next() -> None:
    """On 1 January still these tests; on 2 January the next; left alone, the school year counts."""
    assert exposed_from(dt.date(2014, 1, 1), "01-01").year == 2014
    assert exposed_from(dt.date(2014, 1, 2), "01-01").year == 2015
    assert exposed_from(dt.date(2013, 9, 1), "01-01").year == 2014
    assert exposed_from(dt.date(2014, 8, 31)).year == 2014
    assert exposed_from(dt.date(2014, 9, 1)).year == 2015


def test_the_rule_is_told_with_an_example() -> None:
    """A reader can check a school of their own against it."""
    assert "by 1 January" in exposure_words("01-01")
    assert "3 February 2014 counts as exposed from 2014/15" in exposure_words("01-01")
    assert "3 February 2014 counts as exposed from 2013/14" in exposure_words()
