"""M39: changes of shares in points, per cent and pupils, told apart."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from impactkit_pupils.counts import Side, counts, interval
from impactkit_pupils.threshold import BEYOND, CHANGE, PUPILS, threshold_change

SEEDS = range(6)


def small(*, n=40, gain=4, partnerships=2, given=True, elsewhere=3):
    """Return schools of `n` pupils, half of whom reach it; in each joining school `gain` more."""
    rows, members = [], []
    for k in range(2 * partnerships + elsewhere):
        joins = k < 2 * partnerships
        if joins:
            members.append((f"P{k // 2}", 100001 + k, dt.date(2017, 9, 1)))
        for year in (2016, 2017, 2018):
            reached = n // 2 + (gain if joins and year == 2018 else 0)
            rows.append((100001 + k, year, "ready", 100 * reached / n, reached, n, "all"))
    names = ["urn", "year", "measure", "value", "numerator", "denominator", "subgroup"]
    outcomes = pl.DataFrame(rows, schema=names, orient="row")
    if not given:
        outcomes = outcomes.drop("numerator")
    return {
        "outcomes": outcomes,
        "memberships": pl.DataFrame(
            members,
            schema={"partnership_id": pl.String, "urn": pl.Int64, "joined": pl.Date},
            orient="row",
        ),
        "measures": pl.DataFrame({"measure": ["ready"], "label": ["Ready"], "unit": ["percent"]}),
    }


def by_name(result):
    """Return estimates by what they are of."""
    return {e.estimand: e for e in result.estimates}


def test_points_per_cent_and_pupils_are_three_things(evaluated):
    """Half of 40 pupils become 24: ten points, a fifth more, and four pupils a school."""
    result = evaluated(threshold_change, small(), outcome="ready")
    found = by_name(result)
    assert found[CHANGE].value == pytest.approx(10)
    assert found[CHANGE].unit == "percentage points"
    assert found[PUPILS].value == pytest.approx(16)
    assert found[PUPILS].unit == "pupils"
    assert found[BEYOND].value == pytest.approx(10)
    both, each = result.tables
    assert both.to_frame()["change"].to_list() == pytest.approx([10, 10])
    shown = each.to_frame()
    assert shown["relative"].to_list() == pytest.approx([20, 20])
    assert shown["change"].to_list() == pytest.approx([10, 10])
    assert shown["reached_after"].to_list() == [48, 48]
    assert shown["pupils"].to_list() == pytest.approx([8, 8])


def test_a_partnership_of_few_pupils_is_withheld_and_leaves_the_others_be(evaluated):
    """Five of seven pupils: its row is blank but for its name; that of forty a school stands."""
    tables = small()
    few = (pl.col("urn") <= 100002) & (pl.col("year") == 2017)
    tables["outcomes"] = tables["outcomes"].with_columns(
        denominator=pl.when(few).then(7).otherwise("denominator"),
        numerator=pl.when(few).then(5).otherwise("numerator"),
    )
    shown = evaluated(threshold_change, tables, outcome="ready").tables[1].to_frame()
    assert shown["reached_before"].to_list() == [None, 40]
    assert shown["change"].is_null().to_list() == [True, False]


def test_a_percentage_without_its_count_is_turned_into_pupils(evaluated):
    """The number of pupils who reached it follows from percentage and number tested."""
    with_counts = evaluated(threshold_change, small(), outcome="ready")
    without = evaluated(threshold_change, small(given=False), outcome="ready")
    assert by_name(without)[CHANGE].value == by_name(with_counts)[CHANGE].value


def test_the_published_example_of_newcombe():
    """56 of 70 less 48 of 80, table II of Newcombe (1998), method 10: 0.0524 to 0.3339."""
    now, was = Side(reached=56, tested=70, a_year=70), Side(reached=48, tested=80, a_year=80)
    assert interval(now, was, 0.95) == pytest.approx((5.24, 33.39), abs=0.005)


def test_few_pupils_have_the_exact_interval():
    """It is wider than the approximate one."""
    few = interval(
        Side(reached=8, tested=10, a_year=10), Side(reached=3, tested=10, a_year=10), 0.95
    )
    many = interval(
        Side(reached=80, tested=100, a_year=10), Side(reached=30, tested=100, a_year=10), 0.95
    )
    assert few[0] < many[0] < 50 < many[1] < few[1]


def test_eight_points_in_a_cluster_of_fifty_are_four_pupils_and_no_evidence(evaluated):
    """The founding claim: five schools of ten pupils; the interval is some 18 points either way."""
    now, was = Side(reached=29, tested=50, a_year=50), Side(reached=25, tested=50, a_year=50)
    low, high = interval(now, was, 0.95)
    assert low < 0 < high
    assert (high - low) / 2 == pytest.approx(18, abs=2)


def test_one_partnership_has_a_change_and_no_comparison(evaluated):
    """The reason is told; the change stands with a warning that nothing was compared."""
    found = by_name(evaluated(threshold_change, small(partnerships=1), outcome="ready"))
    assert found[BEYOND].status == "not_estimable"
    assert "varies between partnerships cannot be seen" in found[BEYOND].reason
    assert found[CHANGE].status == "ok"
    assert "not compared with schools elsewhere" in found[CHANGE].warnings


def test_without_numbers_of_pupils_it_says_what_to_give(evaluated):
    """No percentage is taken for a number of pupils."""
    tables = small()
    tables["outcomes"] = tables["outcomes"].with_columns(
        pl.lit(None, pl.Int64).alias(name) for name in ("numerator", "denominator")
    )
    (only,) = evaluated(threshold_change, tables, outcome="ready").estimates
    assert only.status == "not_estimable"
    assert "denominator" in only.reason


def test_a_mean_score_is_no_share(evaluated):
    """A measure that is not in per cent is refused by name."""
    tables = small()
    tables["measures"] = tables["measures"].with_columns(unit=pl.lit("points"))
    params = {"measures": ("ready",)}
    (only,) = evaluated(threshold_change, tables, outcome="ready", params=params).estimates
    assert only.status == "not_estimable"
    assert "not in per cent" in only.reason


def test_schools_without_pupils_on_a_side_are_counted(evaluated):
    """One joining school has no numbers before."""
    tables = small()
    gone = (pl.col("urn") == 100001) & (pl.col("year") == 2017)
    tables["outcomes"] = tables["outcomes"].filter(~gone)
    result = evaluated(threshold_change, tables, outcome="ready")
    (lost,) = [x for x in result.exclusions if x.reason == "pupils.not_counted"]
    assert lost.n_schools == 1
    assert by_name(result)[CHANGE].n_schools == 3


def test_results_told_twice_are_nobodys_and_counted():
    """Two numbers of one school report the same year: neither is taken, both are told of."""
    outcomes = small()["outcomes"].with_columns(school_key=pl.col("urn").cast(pl.String))
    again = (pl.col("urn") == 100001) & (pl.col("year") == 2017)
    twin = outcomes.filter(again).with_columns(urn=pl.lit(100099, pl.Int64))
    rows, twice = counts(pl.concat([outcomes, twin]))
    assert twice == {"ready": 2}
    assert rows.height == outcomes.height - 1
    assert counts(outcomes)[1] == {}


def test_a_planted_change_is_recovered_and_none_is_found_where_none_was(on_county):
    """Six counties each: within two standard errors in five or more; at most one false finding."""
    near, false = 0, 0
    for seed in SEEDS:
        made, result = on_county(
            threshold_change, seed, n_schools=160, effect={"expected_standard": 6.0}
        )
        found = by_name(result)[BEYOND]
        truth = made.truth.planted["subjects.expected_standard_effect"]
        near += abs(found.value - truth) < 2 * found.std_error
        _, nothing = on_county(threshold_change, seed, n_schools=160)
        found = by_name(nothing)[BEYOND]
        false += not found.ci_low <= 0 <= found.ci_high
    assert near >= 5
    assert false <= 1
