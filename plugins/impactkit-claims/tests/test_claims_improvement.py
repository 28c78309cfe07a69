"""M21 to M23: improvement beside elsewhere, what would have come anyway, and schools that help."""

from __future__ import annotations

from functools import cache

import polars as pl
import pytest
from scipy.stats import t

from impactkit import Chart, Exclusion, Table
from impactkit.synthetic import county
from impactkit_claims.adjusted import EXCESS, RATIO as R_ADJ, RAW, TREND_ADJUSTED
from impactkit_claims.ratio import ANYWAY, BEYOND, DIFFERENCE, EARLIER, ELSEWHERE, JOINED, RATIO
from impactkit_claims.supporters import ADJUSTED, EFFECT


@cache
def worst(seed: int):
    """Return a county whose worst schools were chosen, and not helped by it."""
    return county(seed=seed, n_schools=200, effect=0.0, selection="worst")


# --- M21 ------------------------------------------------------------------------------------------


def test_a_large_improvement_needs_no_effect(on):
    """Beyond the trend by far from the year before; from earlier years much less of it."""
    found = on.estimates(on.parts("improvement_ratio", worst(1)))
    difference = found[DIFFERENCE, ""]
    assert difference.ci_low > 0
    assert difference.value == pytest.approx(found[JOINED, ""].value - found[ELSEWHERE, ""].value)
    assert found[EARLIER, ""].value < difference.value / 2
    assert difference.n_treated_clusters == difference.n_partnerships > 10
    # What leads is what is left of it. A summary reads that out, so it is tested; the rest are not.
    assert next(iter(found)) == (BEYOND, "")
    leads = found.pop((BEYOND, ""))
    assert on.holds(leads, 0.0)
    assert leads.df == leads.n_partnerships - 1
    assert leads.p_value == pytest.approx(2 * t.sf(abs(leads.value) / leads.std_error, leads.df))
    assert {e.p_value for e in found.values()} == {None}


def test_no_ratio_of_next_to_nothing(on):
    """Schools elsewhere that stand still: the reason stands in place of a ratio."""
    outcomes = worst(1).tables["outcomes"].filter(pl.col("measure") == "attainment")
    still = pl.col("value") - pl.col("value").mean().over("year") + 100
    found = on.estimates(
        on.parts("improvement_ratio", worst(1), tables={"outcomes": outcomes.with_columns(still)})
    )
    assert found[RATIO, ""].status == "not_estimable"
    assert "divide by" in found[RATIO, ""].reason
    assert found[RATIO, ""].value is None
    assert found[DIFFERENCE, ""].status == "ok"


def steep(seed: int):
    """Return the county's tables with two points a year more for everybody."""
    tables = dict(worst(seed).tables)
    up = pl.when(pl.col("measure") == "attainment").then(2.0 * (pl.col("year") - 2012)).otherwise(0)
    return {**tables, "outcomes": tables["outcomes"].with_columns(value=pl.col("value") + up)}


def test_a_ratio_stands_beside_the_one_for_recovery_alone(on):
    """With a trend to divide by, there is a ratio well above 1, and recovery explains it."""
    tables = steep(1)
    tables["measures"] = tables["measures"].with_columns(high=pl.lit(200.0))
    found = on.estimates(on.parts("improvement_ratio", tables=tables))
    ratio, anyway = found[RATIO, ""], found[ANYWAY, ""]
    assert ratio.ci_low > 1
    assert ratio.value == pytest.approx(found[JOINED, ""].value / found[ELSEWHERE, ""].value)
    assert ratio.unit == anyway.unit == "times"
    assert ratio.p_value is None
    assert anyway.ci_low < ratio.value < anyway.ci_high


# --- M22 ------------------------------------------------------------------------------------------


def test_the_parts_add_up_and_a_picture_shows_them(on):
    """Raw is trend, recovery and the rest; a waterfall of them ends where raw does."""
    found = on.parts("rtm_adjusted", worst(2))
    [table] = [p for p in found if isinstance(p, Table)]
    value = dict(table.to_frame().select("part", "change").iter_rows())
    parts = value["Trend elsewhere"] + value["Recovery"] + value["Left over"]
    assert parts == pytest.approx(value["Raw change"])
    [chart] = [p for p in found if isinstance(p, Chart)]
    assert (chart.kind, chart.data) == ("waterfall", table.id)
    assert table.to_frame()[chart.series].to_list() == ["part", "part", "part", "total"]
    assert table.to_frame()[chart.x].to_list()[-1] == "Raw change"
    told = on.estimates(found)
    assert told[TREND_ADJUSTED, ""].value == pytest.approx(
        value["Raw change"] - value["Trend elsewhere"]
    )
    assert told[RAW, ""].value == value["Raw change"]


def test_nothing_is_left_of_an_effect_that_was_not_planted(on):
    """Twelve counties: the rest holds zero in ten or more; the raw change never does."""
    inside = 0
    for seed in range(1, 13):
        found = on.estimates(on.parts("rtm_adjusted", worst(seed), params={"draws": 99}))
        inside += on.holds(found[EXCESS, ""], 0.0)
        assert found[TREND_ADJUSTED, ""].ci_low > 0
    assert inside >= 10


def test_a_planted_effect_is_left(on):
    """Twelve counties with three points: nine intervals or more; fewer has a chance of 0.2 %."""
    inside = 0
    for seed in range(1, 13):
        made = county(seed=seed, n_schools=200, effect=3.0, selection="worst")
        found = on.estimates(on.parts("rtm_adjusted", made, params={"draws": 99}))
        inside += on.holds(found[EXCESS, ""], 3.0)
        assert found[R_ADJ, ""].status in ("ok", "not_estimable")
    assert inside >= 9


def test_a_raw_change_that_misleads_is_flagged(on):
    """More than twice what is left: not to be quoted alone."""
    found = on.diagnostics(on.parts("rtm_adjusted", worst(2)))["raw beside adjusted"]
    assert found.passed is False
    assert "do not quote" in found.text


# --- M23 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", [0.0, -3.0])
def test_what_helping_costs_is_recovered(on, effect):
    """Five counties chosen by lot: intervals hold the planted cost in four or more."""
    inside = 0
    for seed in range(1, 6):
        made = county(seed=seed, n_schools=300, supporter_effect=effect, selection="random")
        found = on.estimates(on.parts("supporter_non_inferiority", made))
        inside += on.holds(found[EFFECT, ""], effect)
    assert inside >= 4


def test_supporters_chosen_for_good_results_fall_back_and_that_is_allowed_for(on):
    """Their plain change is a loss that nobody planted; adjusted, it is near zero."""
    made = county(seed=4, n_schools=300, selection="worst")
    found = on.estimates(on.parts("supporter_non_inferiority", made))
    assert found[EFFECT, ""].ci_high < 0
    assert abs(found[ADJUSTED, ""].value) < abs(found[EFFECT, ""].value) / 3


def test_the_bound_is_one_sided_and_the_margin_decides(on):
    """90 % on two sides is 95 % on one; a wide margin is kept, the default is not."""
    made = county(seed=1, n_schools=300, selection="random")
    wide = on.parts("supporter_non_inferiority", made, params={"margin": 50.0})
    narrow = on.parts("supporter_non_inferiority", made)
    effect = on.estimates(wide)[EFFECT, ""]
    assert effect.level == pytest.approx(0.90)
    name = f"loss within the margin: {EFFECT}"
    kept, missed = (on.diagnostics(found)[name] for found in (wide, narrow))
    assert kept.value == pytest.approx(-effect.ci_low)
    assert (kept.passed, missed.passed) == (True, False)
    assert "does not show that there was" in missed.text
    [chart] = [part for part in wide if isinstance(part, Chart)]
    assert chart.reference == -50.0
    # What leads is tested like whatever a summary reads out; the plain figure beside it is not.
    leads = next(iter(on.estimates(wide).values()))
    assert leads.estimand == ADJUSTED
    assert leads.p_value is not None
    assert effect.p_value is None


def test_schools_that_are_helped_are_no_comparison(on):
    """Peers in partnerships without a supporter are left out, counted."""
    made = county(seed=1, n_schools=300, selection="random")
    found = on.parts("supporter_non_inferiority", made)
    helped = [p for p in found if isinstance(p, Exclusion) and p.reason == "claims.in_partnership"]
    assert helped[0].n_schools > 0


@pytest.mark.parametrize("role", ["client", "peer"])
def test_what_helped_schools_reached_before_is_learnt_from_and_nothing_after(on, role):
    """Who is helped is chosen by results: without their past, others seem to go on better."""
    made = worst(1)
    helped = made.tables["memberships"].filter(pl.col("role") == role)
    joined = dict(helped.select("school_key", pl.col("joined").dt.year() + 1).iter_rows())
    first = pl.col("school_key").replace_strict(joined, default=None, return_dtype=pl.Int64)

    def adjusted(changed: pl.Expr) -> float:
        value = pl.when(changed).then(pl.col("value") * 0.9).otherwise("value")
        tables = {"outcomes": made.tables["outcomes"].with_columns(value=value)}
        found = on.parts("supporter_non_inferiority", made, tables=tables)
        return on.estimates(found)[ADJUSTED, ""].value

    as_it_is = adjusted(pl.lit(False))
    assert adjusted(pl.col("year") >= first) == as_it_is
    assert adjusted(pl.col("year") == first - 1) != pytest.approx(as_it_is, abs=0.01)


def test_where_less_is_better_a_rise_is_the_loss(on):
    """Absence: the upper bound counts, and the line lies above zero."""
    made = county(seed=1, n_schools=300, selection="random")
    found = on.parts("supporter_non_inferiority", made, outcome="overall_absence")
    effect = on.estimates(found)[EFFECT, ""]
    told = on.diagnostics(found)[f"loss within the margin: {EFFECT}"]
    assert told.value == pytest.approx(effect.ci_high)
    assert told.passed is (effect.ci_high < 1.0)
    [chart] = [part for part in found if isinstance(part, Chart)]
    assert chart.reference == 1.0


# --- none, one and few ----------------------------------------------------------------------------

ALL_THREE = ["improvement_ratio", "rtm_adjusted", "supporter_non_inferiority"]


@pytest.mark.parametrize("name", ALL_THREE)
def test_nobody_and_one_partnership_are_told_as_such(on, name):
    """No school that joined, or of one partnership: no number without an interval, and a reason."""
    members = worst(1).tables["memberships"]
    first = members.filter(pl.col("role") == "supporter")["partnership_id"][0]
    for kept in (
        members.with_columns(joined=pl.date(2050, 9, 1), left=pl.lit(None, pl.Date)),
        members.filter(pl.col("partnership_id") == first),
    ):
        found = on.estimates(on.parts(name, worst(1), tables={"memberships": kept})).values()
        assert found
        for estimate in found:
            assert estimate.ci_low is None
            assert estimate.reason


def test_few_partnerships_carry_a_warning(on):
    """With ten partnerships the jackknife holds its level; with five it says that it may not."""
    members = worst(1).tables["memberships"]
    some = members["partnership_id"].unique().sort()[-10:]
    few = {"memberships": members.filter(pl.col("partnership_id").is_in(some.implode()))}
    found = on.estimates(on.parts("improvement_ratio", worst(1), tables=few))
    told = found[DIFFERENCE, ""]
    assert told.n_partnerships == 10
    assert not told.warnings
    fewer = {"memberships": members.filter(pl.col("partnership_id").is_in(some[:5].implode()))}
    found = on.estimates(on.parts("improvement_ratio", worst(1), tables=fewer))
    assert any("too narrow" in warning for warning in found[DIFFERENCE, ""].warnings)
