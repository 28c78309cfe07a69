"""leadership.stay_rate: stayers over teachers, retirements both ways, and the planted change."""

from __future__ import annotations

from functools import cache

import polars as pl
import pytest

from impactkit import Design, Study, evaluate
from impactkit.report.pictures import pictures
from impactkit_leadership.stay_rate import EFFECT, EXCLUDED, INCLUDED, RATE, WITHIN, counts

synthetic = pytest.importorskip("impactkit.synthetic")
talent = pytest.importorskip("impactkit.synthetic.talent")


def run(tables, **params):
    """Evaluate leadership.stay_rate on frames in memory."""
    study = Study(
        title="Teachers",
        design=Design(
            outcome="attainment", treated="role != 'supporter'", bootstrap=0, randomisation=0
        ),
        metrics={"leadership.stay_rate": params},
    )
    names = ("outcomes", "memberships", "school_years", "measures")
    return evaluate(study, tables={n: tables[n] for n in names if n in tables})[
        "leadership.stay_rate"
    ]


def one(result, estimand, term, subgroup="all"):
    """Return one estimate."""
    (e,) = [
        e
        for e in result.estimates
        if (e.estimand, e.term, e.subgroup) == (estimand, term, subgroup)
    ]
    return e


@cache
def here(seed):
    """Draw a full county, schools chosen by lot."""
    return synthetic.county(seed=seed, n_schools=400, full=True, selection="random", merges=0)


def test_rates_of_the_last_census_by_hand():
    """Stayed over teachers, and over teachers less those who retired."""
    made = here(1)
    rows = made.tables["school_years"].drop_nulls("teachers_stayed")
    rows = rows.filter(pl.col("year") == rows["year"].max())
    stayed, teachers, retired = (
        rows[f"teachers{name}"].sum() for name in ("_stayed", "", "_retired")
    )
    result = run(made.tables)
    assert one(result, RATE, INCLUDED).value == pytest.approx(100 * stayed / teachers)
    assert one(result, RATE, EXCLUDED).value == pytest.approx(100 * stayed / (teachers - retired))
    assert one(result, RATE, INCLUDED).n_people == teachers


@pytest.mark.parametrize("better", [0.05, 0.0])
def test_a_planted_change_is_recovered(better, monkeypatch):
    """Five points, or none: five of six counties or more within two standard errors."""
    monkeypatch.setattr(talent, "BETTER", better)
    near = 0
    for seed in range(6):
        made = synthetic.county(seed=seed, n_schools=300, full=True, selection="random", merges=0)
        e = one(run(made.tables), EFFECT, INCLUDED)
        near += abs(e.value - 100 * better) < 2 * e.std_error
        assert e.unit == "percentage points"
    assert near >= 5


def test_a_small_group_is_taken_over_three_years():
    """With fewer teachers than asked the rate is that of three censuses together."""
    made = here(1)
    rows = made.tables["school_years"].drop_nulls("teachers_stayed")
    rows = rows.filter(pl.col("year") > rows["year"].max() - 3)
    result = run(made.tables, pool_below=10**6)
    value = 100 * rows["teachers_stayed"].sum() / rows["teachers"].sum()
    assert one(result, RATE, INCLUDED).value == pytest.approx(value)


def test_without_retirements_one_rate_is_missing_and_the_other_there():
    """The reason names the column."""
    made = here(2)
    years = made.tables["school_years"].drop("teachers_retired")
    result = run({**made.tables, "school_years": years})
    assert one(result, RATE, EXCLUDED).status == "not_estimable"
    assert "teachers_retired" in one(result, RATE, EXCLUDED).reason
    assert one(result, RATE, INCLUDED).status == "ok"


def test_one_school_without_retirements_costs_no_other_its_rate():
    """The school is left out of that rate and counted; it is in the other still."""
    made = here(2)
    years = made.tables["school_years"]
    one_of = years["school_key"][0]
    gap = years.with_columns(
        teachers_retired=pl.when(pl.col("school_key") != one_of).then("teachers_retired")
    )
    result = run({**made.tables, "school_years": gap})
    rows = years.drop_nulls("teachers_stayed").filter(pl.col("school_key") != one_of)
    rows = rows.filter(pl.col("year") == rows["year"].max())
    left = rows["teachers"].sum() - rows["teachers_retired"].sum()
    found = one(result, RATE, EXCLUDED)
    assert found.value == pytest.approx(100 * rows["teachers_stayed"].sum() / left)
    assert one(result, RATE, INCLUDED).n_people > found.n_people
    lost = [e for e in result.exclusions if e.reason == "leadership.unknown_moves"]
    n = years.drop_nulls("teachers_stayed").filter(pl.col("school_key") == one_of).height
    assert {e.n_rows for e in lost} == {n}
    assert {t.id: len(t.rows[0]) for t in result.tables}["teachers"] == 6


def test_a_move_to_a_partner_counts_as_staying_where_that_is_the_question():
    """Stayed or moved within the partnership, over teachers who did not retire."""
    made = here(1)
    rows = made.tables["school_years"].drop_nulls("teachers_stayed")
    rows = rows.filter(pl.col("year") == rows["year"].max())
    kept = rows["teachers_stayed"].sum() + rows["teachers_moved_partner"].sum()
    of = rows["teachers"].sum() - rows["teachers_retired"].sum()
    assert one(run(made.tables), RATE, WITHIN).value == pytest.approx(100 * kept / of)


def test_a_school_that_changed_its_number_is_one_school():
    """Two rows of one school and year are added up; one unknown part makes the sum unknown."""
    frame = pl.DataFrame(
        {
            "school_key": ["a", "a", "b"],
            "year": [2019] * 3,
            "teachers": [10, 4, 8],
            "teachers_stayed": [8, 4, 9],
            "teachers_retired": [1, None, 0],
        }
    )
    rows, lost = counts(frame)
    assert rows.select("school_key", "teachers", "stayed", "retired").rows() == [
        ("a", 14, 12, None)
    ]
    assert [(e.reason, e.n_rows) for e in lost] == [("leadership.no_teachers", 1)]


def test_few_schools_have_no_rate():
    """Of three schools no share is given."""
    made = here(1)
    keys = made.tables["school_years"]["school_key"].unique().sort()[:3]
    years = made.tables["school_years"].filter(pl.col("school_key").is_in(keys.implode()))
    result = run({**made.tables, "school_years": years})
    assert one(result, RATE, INCLUDED).status == "withheld"
    assert one(result, EFFECT, INCLUDED).status == "not_estimable"


def test_the_teachers_of_the_latest_census_are_drawn():
    """Ribbons to where they were a year later, that add up to the teachers counted."""
    made = here(1)
    rows = made.tables["school_years"].drop_nulls("teachers_stayed")
    rows = rows.filter(pl.col("year") == rows["year"].max())
    result = run(made.tables)
    chart = next(c for c in result.charts if c.id == "teachers")
    (picture,) = pictures(chart, result.estimates, result.tables)
    assert {p.x for p in picture.points} == {str(rows["year"][0])}
    went = {p.series: p.y for p in picture.points}
    assert went["At the school"] == rows["teachers_stayed"].sum()
    assert went["Retired"] == rows["teachers_retired"].sum()
    assert sum(went.values()) == rows["teachers"].sum()
