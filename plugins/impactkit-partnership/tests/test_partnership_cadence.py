"""Reviews and data drops: in time, late, alone, never, not yet due; and as planted."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from impactkit_partnership.accountability import DECIDED, HELD, accountability
from impactkit_partnership.monitoring import AT_ALL, JOINTLY, monitoring

PLANNED = dt.date(2018, 11, 1)
LAST = dt.date(2019, 7, 1)


def reviews(*rows):
    """Make reviews from days after the day planned (None: never) and the decision taken."""
    return {
        "evaluation_activity": pl.DataFrame(
            [
                (
                    f"P{i % 3}",
                    "reviews",
                    PLANNED,
                    None if days is None else PLANNED + dt.timedelta(days=days),
                    decision,
                )
                for i, (days, decision) in enumerate(rows)
            ],
            schema={
                "partnership_id": pl.String,
                "criterion": pl.String,
                "planned_on": pl.Date,
                "evidenced_on": pl.Date,
                "decision_ref": pl.String,
            },
            orient="row",
        )
    }


def test_reviews_count_up_to_the_thirtieth_day_on_either_side(run, find):
    """Of six: 0, 30 and -30 days are in time; 31, -31 and never are not. Four decided nothing."""
    rows = [(0, "m1"), (30, None), (-30, None), (31, "m2"), (-31, None), (None, None)]
    result = run(accountability, reviews(*rows), observed_until=LAST)
    assert find(result, HELD).value == pytest.approx(50)
    assert find(result, DECIDED, "decision").value == pytest.approx(100 / 3)
    table = result.tables[0].to_frame()
    assert table.select("year", "due", "in_time", "otherwise", "never", "extra").rows() == [
        ("2018/19", 6, 3, 2, 1, 2)
    ]


@pytest.mark.parametrize(("days", "due"), [(29, 1), (30, 2)])
def test_a_review_not_held_is_due_when_its_days_of_grace_are_over(run, days, due):
    """Until then it still has time, and is counted apart."""
    until = PLANNED + dt.timedelta(days=days)
    result = run(accountability, reviews((0, None), (None, None)), observed_until=until)
    assert result.tables[0].to_frame()["due"].to_list() == [due]
    assert [x.n_rows for x in result.exclusions] == ([] if due == 2 else [1])


def test_reviews_that_were_not_planned_are_counted_apart(run):
    """Held, but nobody knows for when."""
    given = reviews((0, None), (5, None))
    unplanned = given["evaluation_activity"].with_columns(planned_on=pl.Series([PLANNED, None]))
    result = run(accountability, {"evaluation_activity": unplanned})
    assert {x.reason: x.n_rows for x in result.exclusions} == {"partnership.unplanned": 1}


def test_the_target_is_a_line_across_the_picture(run):
    """Set by the study."""
    result = run(accountability, reviews((0, None)), target=75.0)
    assert result.charts[0].reference == 75
    assert "75 per cent" in str(result.notes[0])


def test_years_are_those_for_which_reviews_were_planned(run, find):
    """A review of August held in September belongs to August."""
    given = reviews((0, None))
    day = dt.date(2018, 8, 25)
    given["evaluation_activity"] = given["evaluation_activity"].with_columns(
        planned_on=day, evidenced_on=day + dt.timedelta(days=14)
    )
    assert find(run(accountability, given), HELD, "2017/18").value == 100


def test_planted_cadence_is_recovered(recovered):
    """Twelve counties each: nine intervals or more (fewer: 0.3 %)."""
    assert recovered(accountability, "reviews.held_in_time", HELD, scale=100) >= 9
    assert recovered(accountability, "reviews.decided", DECIDED, "decision", scale=100) >= 9
    assert recovered(monitoring, "meetings.analysed_in_time", JOINTLY, scale=100) >= 9


def drops(*rows):
    """Make data drops from days until they were looked at (None: never), and by whom."""
    return {
        "data_drops": pl.DataFrame(
            [
                (
                    f"P{i % 3}",
                    PLANNED,
                    None if days is None else PLANNED + dt.timedelta(days=days),
                    schools,
                )
                for i, (days, schools) in enumerate(rows)
            ],
            schema={
                "partnership_id": pl.String,
                "scheduled_on": pl.Date,
                "analysed_on": pl.Date,
                "schools": pl.List(pl.String),
            },
            orient="row",
        )
    }


def test_a_drop_counts_that_two_schools_saw_by_the_twentieth_day(run, find):
    """Of six: late, alone, one school twice, never, by nobody named; one is left."""
    both = ["A", "B"]
    rows = [(20, both), (21, both), (5, ["A"]), (5, ["A", "A"]), (None, None), (5, None)]
    result = run(monitoring, drops(*rows), observed_until=LAST)
    assert find(result, JOINTLY).value == pytest.approx(100 / 6)
    assert find(result, AT_ALL, "at all").value == pytest.approx(200 / 6)
    alone = run(monitoring, drops(*rows), observed_until=LAST, min_schools=1)
    assert find(alone, JOINTLY).value == pytest.approx(50)
    longer = run(monitoring, drops(*rows), observed_until=LAST, within_days=21)
    assert find(longer, JOINTLY).value == pytest.approx(200 / 6)
