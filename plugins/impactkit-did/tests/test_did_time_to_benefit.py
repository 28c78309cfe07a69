"""did.time_to_benefit: the first year whose band is beyond the threshold, and who is in it."""

from __future__ import annotations

from functools import cache

import polars as pl
import pytest

from impactkit import Design, Study, evaluate

county = pytest.importorskip("impactkit.synthetic").county

FIRST = "First year in which a benefit shows"
BY_YEAR = "ATT by year in the partnership"
LATE = {0: 0.0, 1: 0.0, 2: 6.0, 3: 6.0, 4: 6.0, 5: 6.0}
PLAIN = {
    "conversions": 0.0,
    "closures": 0.0,
    "merges": 0,
    "not_submitted": 0.0,
    "suppress_below": 0,
    "selection": "random",
}


@cache
def here(seed, kind="late"):
    """Invent a county whose schools gain from their third year on, or not at all."""
    return county(seed=seed, n_schools=500, effect=LATE if kind == "late" else 0.0, **PLAIN)


def run(tables, outcome="attainment", **params):
    """Evaluate did.time_to_benefit on frames in memory."""
    study = Study(
        title="Years",
        design=Design(outcome=outcome, treated="role != 'supporter'", bootstrap=0),
        metrics={"did.time_to_benefit": params},
    )
    return evaluate(study, tables=dict(tables))["did.time_to_benefit"]


def first(result):
    """Return the estimate of the first year."""
    (one,) = [e for e in result.estimates if e.estimand == FIRST]
    return one


def test_the_planted_year_is_found():
    """A benefit of six points that begins in the third year shows in the third, not before.

    Of six authorities; a band of 95 % is wrong about one of them with a probability of a quarter.
    """
    found = [run(here(seed).tables) for seed in range(6)]
    assert [first(result).value for result in found].count(3.0) >= 5
    # The year leads, for it was asked; no second test of the same effect goes with it.
    assert {result.estimates[0].estimand for result in found} == {FIRST}
    assert not [e for result in found for e in result.estimates if e.p_adjusted is not None]
    told = [e for result in found for e in result.estimates if e.status == "ok"]
    assert all(e.n_partnerships and e.n_partnerships <= e.n_schools for e in told)


def test_without_a_benefit_no_year_is_named():
    """Where nothing was planted, at most one of ten authorities names a year."""
    found = [first(run(here(seed, "none").tables)) for seed in range(10)]
    named = [e for e in found if e.status == "ok"]
    assert len(named) <= 1
    for e in found:
        if e.status != "ok":
            assert e.value is None
            assert "does not show" in e.reason


def test_the_year_is_that_of_the_first_band_beyond_the_threshold():
    """It follows from the estimates beside it, whatever the threshold."""
    for threshold in (0.0, 2.0, 4.0, 20.0):
        result = run(here(0).tables, threshold=threshold)
        bands = {int(e.term): e.band_low for e in result.estimates if e.estimand == BY_YEAR}
        beyond = [year for year, low in sorted(bands.items()) if low > threshold]
        found = first(result)
        assert found.value == (float(beyond[0]) if beyond else None)
        for e in result.estimates:
            if e.estimand == BY_YEAR:
                assert e.band_low <= e.ci_low
                assert e.band_high >= e.ci_high


def test_a_fall_is_the_benefit_where_lower_is_better():
    """Absence that falls from the second year on is a benefit in the second year."""
    effect = {"overall_absence": {1: -2.0, 2: -2.0, 3: -2.0, 4: -2.0, 5: -2.0}}
    made = county(seed=4, n_schools=500, effect=effect, **PLAIN)
    assert first(run(made.tables, "overall_absence")).value == 2.0
    worse = {"overall_absence": dict.fromkeys(range(6), 2.0)}
    made = county(seed=4, n_schools=500, effect=worse, **PLAIN)
    assert first(run(made.tables, "overall_absence")).status == "not_estimable"


def test_the_same_schools_are_in_every_year():
    """All years rest on those seen through the last of them; the strip shows who else is there."""
    made = here(1)
    result = run(made.tables, through=3)
    sizes = {e.n_schools for e in result.estimates if e.estimand == BY_YEAR}
    assert len(sizes) == 1
    (n,) = sizes
    joined = made.tables["memberships"].filter(pl.col("role") != "supporter")
    year = pl.col("joined").dt.year() + (pl.col("joined").dt.month() >= 9)
    last = made.tables["outcomes"]["year"].max()
    in_time = joined.filter(year + 2 <= last)["school_key"].n_unique()
    assert n == in_time
    (strip,) = [t for t in result.tables if t.id == "seen_attainment"]
    seen = {row[0]: row[1] for row in strip.rows}
    assert seen[1] == joined["school_key"].n_unique()
    assert seen[1] > seen[4]
    (late,) = [e for e in result.exclusions if e.reason == "did.too_late"]
    assert late.n_schools == joined["school_key"].n_unique() - in_time


def test_too_long_a_window_is_told_as_such():
    """No school is seen for twenty years."""
    result = run(here(1).tables, through=20)
    assert {e.status for e in result.estimates} == {"not_estimable"}
    assert all(e.reason for e in result.estimates)


def test_a_single_school_is_told_in_the_words_of_schools():
    """What the estimator says of a unit is said of a school, and nobody's years can be judged."""
    tables = dict(here(0).tables)
    members = tables["memberships"]
    helped = members.filter(pl.col("role") == "client", pl.col("joined").dt.year() == 2014)
    alone = helped.sort("school_key").head(1)
    tables["memberships"] = members.join(alone, on="partnership_id", how="semi").with_columns(
        role=pl.when(pl.col("school_key") == alone["school_key"].item())
        .then(pl.lit("client"))
        .otherwise(pl.lit("supporter"))
    )
    result = run(tables)
    reasons = [e.reason for e in result.estimates]
    assert "no year can be judged: one treated school only" in reasons[0]
    # A reader knows the measure by its label, and not by its id.
    [label] = tables["measures"].filter(pl.col("measure") == "attainment")["label"]
    titles = [shown.title for shown in (*result.tables, *result.charts)]
    assert titles
    assert all(label in title for title in titles)
    assert not any("unit" in reason for reason in reasons)


def test_what_stops_an_estimator_is_told_in_the_words_of_schools():
    """Nobody is seen before joining: no school is left to follow, and no unit."""
    tables = dict(here(0).tables)
    starts = tables["memberships"]["joined"].dt.year().max() + 1
    tables["outcomes"] = tables["outcomes"].filter(pl.col("year") > starts)
    result = run(tables)
    reason = "".join(e.reason for e in result.estimates)
    assert "no treated school is left" in reason
    assert "unit" not in reason
