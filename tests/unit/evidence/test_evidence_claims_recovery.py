"""What there would have been anyway: against plain regressions, simulation and planted effects."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest

from impactkit.errors import EstimationError
from impactkit.evidence.recovery import recovery, school_facts
from impactkit.evidence.reliability import expected_recovery, reliability
from impactkit.metrics import Panel
from impactkit.synthetic import county
from impactkit.synthetic.regression import regression_to_the_mean


def world(seed: int, effect: float = 0.0, n: int = 150) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a panel in which the lowest six of a year join in the next, and facts about schools.

    Every other school is large; partnerships are of two schools.
    """
    rng = np.random.default_rng(seed)
    years = range(2010, 2020)
    pupils = np.where(np.arange(n) % 2 == 0, 15.0, 90.0)
    level = rng.normal(100, 5, n)
    noise = rng.normal(0, 1, (n, len(years))) * (15 / np.sqrt(pupils))[:, None]
    value = level[:, None] + 0.4 * np.arange(len(years)) + noise
    cohort = np.zeros(n, dtype=int)
    cluster = np.array([f"school:{i:03d}" for i in range(n)], dtype=object)
    for g in (2014, 2015, 2016, 2017):
        free = np.flatnonzero(cohort == 0)
        worst = free[np.argsort(value[free, g - 2011])][:6]
        cohort[worst] = g
        cluster[worst] = [f"P{g}-{k // 2}" for k in range(6)]
        value[worst, g - 2010 :] += effect
    keys = np.array([f"{i:03d}" for i in range(n)])
    frame = pl.DataFrame(
        {
            "school_key": np.repeat(keys, len(years)),
            "year": np.tile(np.array(years), n),
            "value": value.ravel(),
            "cohort": np.repeat(cohort, len(years)),
            "cluster": np.repeat(cluster.astype(str), len(years)),
        }
    ).with_columns(cohort=pl.when(pl.col("cohort") > 0).then("cohort"))
    facts = pl.DataFrame({"school_key": keys, "pupils": pupils, "phase": "Primary"})
    return frame, facts


def by_hand(frame: pl.DataFrame, facts: pl.DataFrame) -> tuple[float, float, float]:
    """Return raw change, trend and forecast gain: rows written out, lstsq a step, year by year."""
    value = {(s, y): v for s, y, v, _, _ in frame.iter_rows()}
    cohort = {s: g for s, _, _, g, _ in frame.iter_rows()}
    inverse = {s: 1 / p for s, p, _ in facts.iter_rows()}
    starts = sorted({g for g in cohort.values() if g})
    steps = []
    for j in range(3):
        X, y = [], []
        for g in starts:
            for s, c in cohort.items():
                if c is None or c > g + j:
                    past = [value[s, g + e] - 100 for e in range(-3, j)]
                    row = [float(g == h) for h in starts] + [inverse[s]]
                    X.append(row + past + [inverse[s] * p for p in past])
                    y.append(value[s, g + j] - 100)
        steps.append(np.linalg.lstsq(np.array(X), np.array(y), rcond=None)[0])
    raw, trend, gain = [], [], []
    for s, g in cohort.items():
        if g is None:
            continue
        past = [value[s, g + e] - 100 for e in (-3, -2, -1)]
        for beta in steps:
            row = [float(g == h) for h in starts] + [inverse[s]]
            past.append(float(np.dot(row + past + [inverse[s] * p for p in past], beta)))
        gain.append(np.mean(past[3:]) - past[2])
        raw.append(np.mean([value[s, g + e] for e in range(3)]) - value[s, g - 1])
        elsewhere = []
        for e in range(3):
            free = [f for f, c in cohort.items() if c is None or c > g + e]
            elsewhere.append(np.mean([value[f, g + e] - value[f, g - 1] for f in free]))
        trend.append(np.mean(elsewhere))
    return float(np.mean(raw)), float(np.mean(trend)), float(np.mean(gain))


def test_the_parts_are_those_worked_out_by_hand():
    """Raw, trend and forecast as plain regressions give them; the parts add up."""
    frame, facts = world(3)
    found = recovery(frame, facts=facts, draws=9)
    raw, trend, gain = by_hand(frame, facts)
    assert found.raw.value == pytest.approx(raw, abs=1e-9)
    assert found.trend.value == pytest.approx(trend, abs=1e-9)
    assert found.anyway.value == pytest.approx(gain, abs=1e-6)
    parts = found.trend.value + found.recovery.value + found.excess.value
    assert parts == pytest.approx(found.raw.value)
    assert found.beyond_trend.value == pytest.approx(found.raw.value - found.trend.value)
    assert (found.n_schools, found.n_clusters, found.sized) == (24, 12, True)


@cache
def twenty(effect: float):
    """Return what is found in twenty worlds."""
    return [
        recovery(frame, facts=facts, draws=199, seed=seed)
        for seed in range(20)
        for frame, facts in [world(seed, effect)]
    ]


def test_schools_chosen_for_poor_results_gain_without_an_effect_and_nothing_is_left():
    """Beyond the trend everybody finds a gain; what recovery leaves holds zero in 17 of 20."""
    found = twenty(0.0)
    assert all(f.beyond_trend.ci_low > 0 for f in found)
    assert sum(f.excess.ci_low <= 0 <= f.excess.ci_high for f in found) >= 17
    assert abs(np.mean([f.excess.value for f in found])) < 0.5


def test_a_planted_effect_is_what_is_left():
    """Intervals hold it in 17 of 20, and its mean is near it."""
    found = twenty(3.0)
    assert sum(f.excess.ci_low <= 3 <= f.excess.ci_high for f in found) >= 17
    assert np.mean([f.excess.value for f in found]) == pytest.approx(3.0, abs=0.5)


def test_standard_errors_are_as_large_as_estimates_vary():
    """The bootstrap's, over twenty worlds, within a third of the spread of what was found."""
    found = twenty(0.0)
    spread = np.std([f.excess.value for f in found], ddof=1)
    assert np.mean([f.excess.std_error for f in found]) == pytest.approx(spread, rel=0.35)


def with_helpers(seed: int) -> tuple[Panel, pl.DataFrame, pl.DataFrame]:
    """Return a world whose four best schools of each year help from the next; it with them left in.

    As in a study, they are no comparison group, and stand in `beside` with the years before.
    """
    frame, facts = world(seed)
    helps: dict[str, int] = {}
    for g in range(2013, 2018):
        last = frame.filter(pl.col("cohort").is_null(), pl.col("year") == g - 1)
        free = last.filter(~pl.col("school_key").is_in(list(helps))).sort("value")
        helps |= dict.fromkeys(free["school_key"][-4:], g)
    from_year = pl.col("school_key").replace_strict(helps, default=None, return_dtype=pl.Int64)
    panel = Panel(
        frame=frame.filter(from_year.is_null()),
        beside=frame.filter(pl.col("year") < from_year),
        measure="m",
    )
    return panel, facts, frame


def test_schools_that_helped_later_do_not_go_missing_from_what_is_learnt():
    """Leaving out who did well later makes the rest fall back; as if nobody had helped, with it."""
    with_them, without, nobody_helped = [], [], []
    for panel, facts, frame in map(with_helpers, range(20)):
        with_them.append(recovery(panel, facts=facts, draws=2).excess.value)
        without.append(recovery(panel.frame, facts=facts, draws=2).excess.value)
        nobody_helped.append(recovery(frame, facts=facts, draws=2).excess.value)
    assert np.mean(with_them) == pytest.approx(np.mean(nobody_helped), abs=0.08)
    assert np.mean(nobody_helped) - np.mean(without) > 0.15


def test_without_sizes_it_is_still_worked_out_and_says_so():
    """Numbers of pupils are missing in many files."""
    frame, facts = world(1)
    assert not recovery(frame, draws=9).sized
    none = facts.with_columns(pupils=pl.lit(None, pl.Float64))
    assert not recovery(frame, facts=none, draws=9).sized


def test_equal_weights_change_nothing_and_unequal_ones_do():
    """Weights of the comparison group bear on the trend and on what the forecast learns."""
    frame, facts = world(1)
    plain = recovery(frame, facts=facts, draws=9)
    equal = recovery(frame.with_columns(weight=pl.lit(3.0)), facts=facts, draws=9)
    heavy = pl.when(pl.col("school_key") < "050").then(5.0).otherwise(1.0)
    other = recovery(frame.with_columns(weight=heavy), facts=facts, draws=9)
    assert equal.excess.value == pytest.approx(plain.excess.value)
    assert equal.trend.value == pytest.approx(plain.trend.value)
    assert other.trend.value != pytest.approx(plain.trend.value, abs=1e-6)


def test_schools_without_history_are_counted():
    """Three years before are needed; the rest is an exclusion with its reason."""
    frame, facts = world(1)
    [told] = recovery(frame.filter(pl.col("year") >= 2012), facts=facts, draws=9).exclusions
    assert (told.reason, told.n_schools, told.treated) == ("no_history", 6, 6)


def test_too_little_is_said_with_counts():
    """No history at all, one partnership, or too few others."""
    frame, facts = world(1)
    with pytest.raises(EstimationError, match="0 of 24 schools that joined"):
        recovery(frame.filter(pl.col("year") >= 2015), facts=facts)
    one = pl.col("cohort").is_null() | (pl.col("cluster") == "P2014-0")
    with pytest.raises(EstimationError, match="in 1 partnerships"):
        recovery(frame.filter(one), facts=facts)
    with pytest.raises(EstimationError, match="0 of 0 schools"):
        recovery(frame.filter(pl.col("cohort").is_null()), facts=facts)
    few = pl.col("cohort").is_not_null() | (pl.col("school_key") < "010")
    with pytest.raises(EstimationError, match="more schools than the forecast has coefficients"):
        recovery(frame.filter(few).filter(pl.col("cohort") == 2014), facts=facts)


def test_the_same_seed_gives_the_same():
    """And the order of rows does not matter."""
    frame, facts = world(2)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=1)
    one, other = (recovery(f, facts=facts, draws=50, seed=7) for f in (frame, shuffled))
    assert one.excess.value == pytest.approx(other.excess.value, abs=1e-9)
    assert one.excess.std_error == pytest.approx(other.excess.std_error, abs=1e-9)


def test_the_order_of_rows_and_of_threads_changes_not_one_bit():
    """Large and small schools of two phases, ten times over, shuffled: one result."""
    frame, facts = world(3, n=1500)
    facts = facts.with_columns(
        pupils=pl.col("pupils") + pl.int_range(pl.len()) % 37,
        phase=pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("Primary")).otherwise("phase"),
    )
    found = {
        recovery(
            frame.sample(fraction=1.0, shuffle=True, seed=turn),
            facts=facts.sample(fraction=1.0, shuffle=True, seed=turn),
            draws=9,
            seed=1,
        )
        for turn in range(10)
    }
    assert len(found) == 1


def test_facts_come_from_outcomes_and_the_register():
    """Mean number tested of the measure, and the register's phase before that of the outcomes."""
    outcomes = pl.DataFrame(
        {
            "school_key": ["a", "a", "a", "b"],
            "measure": ["m", "m", "other", "m"],
            "denominator": [10, 20, 99, None],
            "phase": ["Primary", "Primary", "Primary", "Secondary"],
        }
    )
    schools = pl.DataFrame({"school_key": ["b", "c"], "phase": ["All-through", "Primary"]})
    found = school_facts({"outcomes": outcomes, "schools": schools}, "m")
    assert found.select("school_key", "pupils", "phase").rows() == [
        ("a", 15.0, "Primary"),
        ("b", None, "All-through"),
        ("c", None, "Primary"),
    ]


@pytest.mark.parametrize(
    ("cohort", "sd", "trend", "share"), [(30, 11, 2, 0.2), (60, 11, 2, 0.2), (180, 15, 3, 0.1)]
)
def test_reliability_gives_the_recovery_of_a_simulation(cohort, sd, trend, share):
    """Components estimated from shares drawn at random bring the recovery that was simulated."""
    rng, n = np.random.default_rng(1), 6_000
    level = 75 + rng.normal(0, sd, n)
    chance = ((level[:, None] + rng.normal(0, 4, (n, 3))) / 100).clip(0, 1)
    value = 100 * rng.binomial(cohort, chance) / cohort
    low = np.argsort(value[:, 1] + rng.uniform(0, 1e-6, n))[: int(share * n)]
    joins = np.full(n, 0)
    joins[low] = 2020
    keys = np.array([f"{i:04d}" for i in range(n)])
    frame = pl.DataFrame(
        {
            "school_key": np.repeat(keys, 3),
            "year": np.tile([2018, 2019, 2020], n),
            "value": value.ravel(),
            "cohort": np.repeat(joins, 3),
        }
    ).with_columns(cohort=pl.when(pl.col("cohort") > 0).then("cohort"))
    facts = pl.DataFrame({"school_key": keys, "pupils": float(cohort), "phase": ""})
    never = frame.with_columns(cohort=pl.lit(None, pl.Int64))
    found = reliability(never, facts, shares=True)
    assert found.shock_sd == pytest.approx(4, abs=0.7)
    simulated = regression_to_the_mean(
        cohort=cohort, between_sd=sd, shock_sd=4, trend=trend, share=share
    )
    # Shares stop at 100, which takes a little off the spread that was put in.
    expected = simulated.chosen - simulated.everyone
    assert expected_recovery(frame, found, facts) == pytest.approx(expected, rel=0.08)


def test_reliability_of_means_finds_what_the_county_was_made_of():
    """Level 5, pupils 15: the parameters of the synthetic county's own test."""
    made = county(seed=4, n_schools=600, n_partnerships=1, conversions=0, selection="random")
    rows = made.tables["outcomes"].filter(
        (pl.col("measure") == "attainment") & pl.col("value").is_not_null()
    )
    panel = rows.with_columns(cohort=pl.lit(None, pl.Int64))
    found = reliability(panel, school_facts(made.tables, "attainment"))
    assert found.level_sd == pytest.approx(5, rel=0.12)
    assert found.pupil_sd == pytest.approx(15, rel=0.2)


def test_reliability_needs_ten_schools():
    """It says how many there are."""
    frame, facts = world(1)
    never = frame.filter(pl.col("cohort").is_null())
    four = never.filter(pl.col("school_key").is_in(never["school_key"].unique().sort()[:4]))
    with pytest.raises(EstimationError, match="4 schools that never joined"):
        reliability(four, facts)
    found = reliability(never, facts)
    with pytest.raises(EstimationError, match="no school that joined"):
        expected_recovery(never, found, facts)
