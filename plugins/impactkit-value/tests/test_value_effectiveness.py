"""M34: cost a pupil and year, effect, their ratio, and how sure one can be of its worth."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from scipy import stats

from impactkit import evaluate_metric
from impactkit_value.acceptability import Drawn, acceptability
from impactkit_value.effectiveness import (
    COST,
    EFFECT,
    GROSS,
    ICER,
    cost_effectiveness,
)

SEEDS = range(6)


def by_name(result):
    """Return estimates by what they are of."""
    return {e.estimand: e for e in result.estimates}


def small(*, partnerships=6, gain=4.0, seed=1):
    """Return pairs of schools that join in 2018, their results, pupils and money."""
    rng = np.random.default_rng(seed)
    outcomes, members, roll, money = [], [], [], []
    for k in range(2 * partnerships + 8):
        joins = k < 2 * partnerships
        for year in range(2015, 2021):
            more = gain if joins and year >= 2018 else 0.0
            outcomes.append((100001 + k, year, "test", "all", 100 + k + rng.normal() + more))
            roll.append((100001 + k, year, 100 + k))
        if joins:
            members.append((f"P{k // 2}", 100001 + k, dt.date(2017, 9, 1)))
    for p in range(partnerships):
        for year in range(2018, 2021):
            for line, kind, amount, shown in (
                ("release time", "cost", 6_000.0 + 100 * p, "accounts"),
                ("supply cover", "cost", 2_000.0, "accounts"),
                ("energy", "cashable_saving", 1_000.0, "invoice"),
                ("energy", "cashable_saving", 500.0, "estimate"),
                ("sports", "grant", 9_000.0, "accounts"),
            ):
                money.append((f"P{p}", year, line, kind, amount, shown))
    return {
        "outcomes": pl.DataFrame(
            outcomes, schema=["urn", "year", "measure", "subgroup", "value"], orient="row"
        ),
        "memberships": pl.DataFrame(
            members, schema=["partnership_id", "urn", "joined"], orient="row"
        ),
        "school_years": pl.DataFrame(roll, schema=["urn", "year", "pupils"], orient="row"),
        "measures": pl.DataFrame({"measure": ["test"], "label": ["Test"], "unit": ["points"]}),
        "finance": pl.DataFrame(
            money,
            schema=["partnership_id", "fiscal_year", "line", "kind", "amount_gbp", "evidence"],
            orient="row",
        )
        .with_row_index("entry_id")
        .with_columns(pl.col("entry_id").cast(pl.String), basis=pl.lit("september_to_august")),
    }


@pytest.fixture(scope="module")
def evaluated():
    """Return a function that evaluates the metric on tables in memory."""
    from impactkit import Design, Study
    from impactkit.pipeline import default_registry

    def run(tables, **params):
        design = Design(outcome=("test",), bootstrap=0, randomisation=0)
        return evaluate_metric(
            Study(title="A test", seed=1, design=design),
            cost_effectiveness,
            tables=tables,
            params=params or None,
            registry=default_registry(allow=["core"]),
        )

    return run


def test_cost_is_that_of_plain_loops(evaluated):
    """Costs less savings that can be shown, over pupils and years; grants have no part in it."""
    tables = small()
    found = by_name(evaluated(tables))
    pupils = sum(100 + k for k in range(12)) * 3
    cost = sum(8_000 + 100 * p for p in range(6)) * 3
    assert found[GROSS].value == pytest.approx(cost / pupils)
    assert found[COST].value == pytest.approx((cost - 6 * 3 * 1_000) / pupils)
    assert found[COST].unit == "gbp"


def test_pupils_count_in_the_part_of_a_year_that_the_books_cover(evaluated):
    """Books to March 2020: costs of two years and seven months, so pupils of as many months."""
    tables = small()
    tables["finance"] = tables["finance"].with_columns(basis=pl.lit("april_to_march"))
    found = by_name(evaluated(tables))
    pupils = sum(100 + k for k in range(12)) * (2 + 7 / 12)
    cost = sum(8_000 + 100 * p for p in range(6)) * 3
    assert found[GROSS].value == pytest.approx(cost / pupils)


def test_the_ratio_is_cost_over_tenths_of_the_effect(evaluated):
    """With a standard deviation of pupils of 15, four points are some 2.7 tenths."""
    found = by_name(evaluated(small(), sd=15.0))
    assert found[EFFECT].value == pytest.approx(4 / 15, abs=0.1)
    assert found[EFFECT].unit == "pupil standard deviations"
    assert found[ICER].value == pytest.approx(found[COST].value / (10 * found[EFFECT].value))
    assert found[ICER].ci_low < found[ICER].value < found[ICER].ci_high


def test_the_plane_has_the_estimate_among_the_draws_about_it(evaluated):
    """Sixty draws and the estimate; better results at a cost, so that all lie in one corner."""
    result = evaluated(small(), sd=15.0)
    found = by_name(result)
    (table,) = [t for t in result.tables if t.id == "plane_draws"]
    (chart,) = [c for c in result.charts if c.data == "plane_draws"]
    rows = table.to_frame()
    assert chart.kind == "scatter"
    assert rows.height == 61
    assert rows.row(-1)[1:3] == (found[EFFECT].value, found[COST].value)
    assert rows.select((pl.col(chart.x) > 0).all(), (pl.col(chart.y) > 0).all()).row(0) == (
        True,
        True,
    )
    assert rows["effect"].min() < found[EFFECT].value < rows["effect"].max()
    assert rows["cost"].min() < found[COST].value < rows["cost"].max()


def test_without_a_standard_deviation_of_pupils_a_warning_stands_beside_it(evaluated):
    """That of schools makes effects look large and costs small."""
    found = by_name(evaluated(small()))
    assert found[EFFECT].unit == "school standard deviations"
    for name in (EFFECT, ICER):
        assert any("not comparable" in w for w in found[name].warnings)


def test_records_of_pupils_give_their_standard_deviation(evaluated):
    """Pooled within years: here 10, whatever the years' means are."""
    rng = np.random.default_rng(4)
    tables = small()
    tables["pupils"] = pl.DataFrame(
        [
            (f"p{y}{j}", 100001, y, "test", float(100 * (y - 2015) + 10 * z))
            for y in (2016, 2017)
            for j, z in enumerate(stats.zscore(rng.normal(size=200), ddof=1))
        ],
        schema=["pupil_key", "urn", "year", "measure", "score"],
        orient="row",
    )
    found, known = by_name(evaluated(tables)), by_name(evaluated(small(), sd=10.0))
    assert found[EFFECT].value == pytest.approx(known[EFFECT].value)
    assert found[EFFECT].unit == "pupil standard deviations"


def test_no_ratio_to_an_effect_that_may_be_zero(evaluated):
    """Cost and acceptability stand; the ratio says why it is none."""
    result = evaluated(small(gain=0.0))
    found = by_name(result)
    assert found[ICER].status == "not_estimable"
    assert "acceptability" in found[ICER].reason
    assert found[COST].status == "ok"
    assert {table.id for table in result.tables} == {"acceptability", "plane", "plane_draws"}


def test_partnerships_that_save_more_than_they_cost_have_no_ratio(evaluated):
    """A negative ratio would read as a loss."""
    tables = small()
    cheap = pl.when(pl.col("kind") == "cost").then(pl.col("amount_gbp") / 20)
    tables["finance"] = tables["finance"].with_columns(
        amount_gbp=cheap.otherwise(pl.col("amount_gbp"))
    )
    found = by_name(evaluated(tables))
    assert found[COST].value < 0
    assert found[ICER].status == "not_estimable"
    assert "saved more" in found[ICER].reason


def test_a_partnership_without_costs_did_not_come_free(evaluated):
    """Its schools are left out and counted, and of the effect too."""
    tables = small()
    tables["finance"] = tables["finance"].filter(pl.col("partnership_id") != "P0")
    result = evaluated(tables)
    (lost,) = [x for x in result.exclusions if x.reason == "value.no_cost"]
    assert lost.n_schools == 2
    assert by_name(result)[EFFECT].n_schools == 10
    assert by_name(result)[COST].n_partnerships == 5


def test_a_forgotten_cost_is_asked_for(evaluated):
    """Release time is a cost, and often forgotten."""
    tables = small()
    tables["finance"] = tables["finance"].filter(pl.col("line") != "release time")
    (check,) = evaluated(tables).diagnostics
    assert check.passed is False
    assert check.value == "release"


def test_few_partnerships_have_no_interval(evaluated):
    """Three cannot be drawn again; there is no curve either."""
    result = evaluated(small(partnerships=3))
    assert by_name(result)[COST].ci_low is None
    assert by_name(result)[COST].reason
    assert result.tables == ()


def test_later_years_count_neither_for_costs_nor_for_pupils(evaluated):
    """One year: 2018 alone."""
    found = by_name(evaluated(small(), years=1))
    pupils = sum(100 + k for k in range(12))
    assert found[GROSS].value == pytest.approx(sum(8_000 + 100 * p for p in range(6)) / pupils)


def test_acceptability_is_the_chance_that_the_worth_exceeds_the_cost():
    """Of normal draws it is known: P(worth x effect / 0.1 > cost)."""
    rng = np.random.default_rng(7)
    effect, cost = rng.normal(0.2, 0.1, 200_000), rng.normal(40, 5, 200_000)
    drawn = Drawn(cost=cost, effect=effect)
    for worth, got in zip((10, 20, 40), acceptability(drawn, (10, 20, 40)), strict=True):
        z = (worth * 2 - 40) / np.hypot(worth, 5)
        assert got == pytest.approx(100 * stats.norm.cdf(z), abs=0.5)


def test_planted_cost_and_ratio_are_recovered(on_county):
    """Six counties: cost a pupil, and pounds for a tenth of 15 points, covered in five or more."""
    hits = {GROSS: 0, ICER: 0}
    for seed in SEEDS:
        here, result = on_county(
            cost_effectiveness, seed, n_schools=200, effect=3.0, params={"sd": 15.0}
        )
        found, planted = by_name(result), here.truth.planted
        cohorts = here.truth.potential.drop_nulls("cohort")
        cohorts = cohorts.select("school_key", first=pl.col("cohort")).unique()
        event = pl.col("year") - pl.col("first")
        roll = here.tables["school_years"].join(cohorts, on="school_key")
        roll = roll.filter(event.is_between(0, 2))
        later = roll.filter(event > 0)["pupils"].sum() / roll["pupils"].sum()
        gross = planted["money.cost_a_pupil"]
        net = gross - planted["money.evidenced"] * planted["money.saving_a_pupil"] * later
        truth = {GROSS: gross, ICER: net / (10 * here.truth.att() / 15)}
        for name, value in truth.items():
            hits[name] += found[name].ci_low <= value <= found[name].ci_high
    assert min(hits.values()) >= 5


def test_the_spread_of_the_draws_is_that_of_the_effect(on_county):
    """Draws of the effect spread as its clustered standard error says, within a quarter."""
    _, result = on_county(cost_effectiveness, 1, n_schools=240, effect=3.0, params={"sd": 15.0})
    found = by_name(result)
    (curve,) = [table for table in result.tables if table.id == "acceptability"]
    p = dict(curve.rows)[25]
    # Where the effect is d times worth 25, the curve is the normal distribution's.
    z = (25 * found[EFFECT].value * 10 - found[COST].value) / np.hypot(
        250 * found[EFFECT].std_error, found[COST].std_error
    )
    assert p == pytest.approx(100 * stats.norm.cdf(z), abs=6)
