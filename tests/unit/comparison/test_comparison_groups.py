"""Comparison groups: who is left out and why, and what an estimator gets."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.comparison import (
    ComparisonGroup,
    balance_table,
    entropy_balance,
    nearest_neighbour,
    propensity,
    same_trigger_pool,
    trim_overlap,
)
from impactkit.errors import DataError, EstimationError, UsageError
from impactkit.estimators import att_gt

NAMES = {"unit": "urn", "treated": "treated"}


def reasons(group: ComparisonGroup) -> dict[str, tuple[int | None, int | None]]:
    """Return schools left out and treated schools left out, by reason."""
    return {e.reason: (e.n_schools, e.treated) for e in group.exclusions}


def drawn(n: int = 120, seed: int = 1) -> pl.DataFrame:
    """Return schools of which the poorer are treated more often."""
    rng = np.random.default_rng(seed)
    fsm = rng.normal(20, 8, n)
    return pl.DataFrame(
        {
            "urn": np.arange(n),
            "fsm": fsm,
            "ks2": 70 - 0.4 * fsm + rng.normal(0, 4, n),
            "phase": rng.choice(["primary", "secondary", "special"], n),
            "treated": rng.random(n) < 1 / (1 + np.exp(-(fsm - 26) / 5)),
        }
    )


EVENTS = pl.DataFrame(
    {
        "school_key": ["a", "a", "b", "c", "d", "e", "f", "g", "g", "h"],
        "year": [2013, 2015, 2015, 2015, 2015, 2016, 2017, 2015, 2018, 2015],
        "grade": [4, 4, 4, 4, 2, 4, 4, 4, 4, 4],
        "phase": ["P", "P", "P", "P", "P", "P", "P", "P", "P", "S"],
    }
)
STARTS = pl.DataFrame(
    {"school_key": ["a", "d", "e", "f", "c", "z"], "cohort": [2016, 2016, 2017, 2017, None, 2018]}
)


def test_a_pool_holds_who_met_the_trigger_in_the_same_year() -> None:
    """By hand: a (2015), with b, c, g, h; e (2016) and f (2017) have nobody; d and z no trigger."""
    pool = same_trigger_pool(EVENTS, STARTS, trigger="grade == 4")
    assert pool.frame.select("school_key", "treated", "trigger_year", "weight").rows() == [
        ("a", True, 2015, 1.0),
        ("b", False, 2015, 0.25),
        ("c", False, 2015, 0.25),
        ("g", False, 2015, 0.25),
        ("h", False, 2015, 0.25),
    ]
    assert reasons(pool) == {"no_trigger": (2, 2), "no_comparison": (2, 2)}
    assert pool.effective_comparison == pytest.approx(4)


def test_a_pool_can_be_equal_in_more_than_the_year() -> None:
    """With phase held equal, the secondary school is no comparison for a primary one."""
    pool = same_trigger_pool(EVENTS, STARTS, trigger="grade == 4", exact=["phase"])
    assert pool.frame["school_key"].to_list() == ["a", "b", "c", "g"]
    assert reasons(pool)["other_year"] == (1, 0)


def test_every_school_of_a_pool_is_accounted_for() -> None:
    """Kept and left out add up to all schools, whatever the gaps and repeats, in any order."""
    rng = np.random.default_rng(3)
    n = 900
    phases = [["P", "S", None][i] for i in rng.choice(3, n, p=[0.5, 0.4, 0.1])]
    years = [None if rng.random() < 0.1 else int(year) for year in rng.integers(2010, 2020, n)]
    events = pl.DataFrame(
        {
            "school_key": rng.integers(0, 150, n),
            "year": years,
            "grade": rng.integers(1, 5, n),
            "phase": phases,
        }
    )
    starts = pl.DataFrame({"school_key": range(0, 300, 4), "cohort": rng.integers(2011, 2021, 75)})
    everyone = set(events["school_key"]) | set(starts["school_key"])
    for exact in ([], ["phase"]):
        pool = same_trigger_pool(events, starts, trigger="grade == 4", exact=exact)
        left_out = sum(e.n_schools or 0 for e in pool.exclusions)
        assert pool.frame.height + left_out == len(everyone)
        treated_out = sum(e.treated or 0 for e in pool.exclusions)
        assert pool.n_treated + treated_out == 75
        comparison = pool.frame.filter(~pl.col("treated"))
        assert comparison["weight"].sum() == pytest.approx(pool.n_treated)
        shuffled = same_trigger_pool(
            events.sample(fraction=1.0, shuffle=True, seed=1),
            starts.sample(fraction=1.0, shuffle=True, seed=2),
            trigger="grade == 4",
            exact=exact,
        )
        assert shuffled.frame.equals(pool.frame)


def test_the_same_trigger_takes_away_what_regression_to_the_mean_adds() -> None:
    """Schools join after a bad year, without effect: all others make it look good, the pool not."""
    found: dict[str, list[float]] = {"all": [], "pool": []}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n, years = 400, np.arange(2012, 2019)
        y = rng.normal(65, 4, (n, 1)) + rng.normal(0, 4, (n, len(years)))
        low = y[:, 3] < 61
        joins = low & (rng.random(n) < 0.5)
        outcomes = pl.DataFrame(
            {
                "urn": np.repeat(np.arange(n), len(years)),
                "year": np.tile(years, n),
                "score": y.ravel(),
                "cohort": pl.Series(np.repeat(joins, len(years))).replace_strict(
                    {True: 2016, False: None}, return_dtype=pl.Int64
                ),
            }
        )
        columns = {"unit": "urn", "time": "year", "cohort": "cohort", "outcome": "score"}
        pool = same_trigger_pool(
            outcomes,
            outcomes.select("urn", "cohort").unique(),
            trigger="score < 61 and year == 2015",
            unit="urn",
        )
        rows, _ = pool.attach(outcomes)
        for name, frame, weights in (("all", outcomes, None), ("pool", rows, "weight")):
            fit = att_gt(frame, weights=weights, **columns)
            found[name].append(fit.aggregate("simple").overall.value or math.nan)
    assert np.mean(found["all"]) > 3
    assert abs(np.mean(found["pool"])) < 4 * np.std(found["pool"]) / math.sqrt(12)
    assert abs(np.mean(found["pool"])) < 0.6


def test_weights_reach_the_estimator_and_rows_are_counted() -> None:
    """Only schools of the group are left, in their order, with weights; the others are counted."""
    group = same_trigger_pool(EVENTS, STARTS, trigger="grade == 4")
    panel = pl.DataFrame(
        {"urn": ["z", "b", "a", "a", "q"], "year": [1, 1, 1, 2, 1], "weight": [9.0] * 5}
    )
    rows, (lost,) = group.attach(panel, unit="urn")
    assert rows.rows() == [("b", 1, 0.25), ("a", 1, 1.0), ("a", 2, 1.0)]
    assert (lost.n_rows, lost.n_schools, lost.reason) == (2, 2, "not_in_group")
    with pytest.raises(DataError, match="no such column"):
        group.attach(panel)
    with pytest.raises(DataError, match="labelled in the same way"):
        group.attach(panel.filter(pl.col("urn") == "q"), unit="urn")


def test_matching_counts_everyone_left_out() -> None:
    """Kept and left out add up, with a reason each: stratum, calliper, taken, unmatched, gap."""
    frame = pl.DataFrame(
        {
            "urn": range(10),
            "treated": [True] * 5 + [False] * 5,
            "score": [1.0, 1.1, 50.0, 1.0, None, 1.05, 2.0, 2.2, 1.0, 3.0],
            "phase": ["P", "P", "P", "X", "P", "P", "S", "S", "S", None],
        }
    )
    found = nearest_neighbour(frame, on=["score"], exact=["phase"], calliper=0.5, **NAMES)
    assert found.frame["urn"].to_list() == [0, 5]
    assert reasons(found) == {
        "missing": (1, 1),
        "no_stratum": (1, 1),
        "calliper": (1, 1),
        "taken": (1, 1),
        "unmatched": (4, 0),
    }


@pytest.mark.parametrize(
    "make",
    [
        lambda f: propensity(f, covariates=["fsm", "phase"], **NAMES),
        lambda f: entropy_balance(f, covariates=["fsm", "ks2"], **NAMES),
        lambda f: nearest_neighbour(f, on=["fsm", "ks2"], ratio=2, **NAMES),
        lambda f: nearest_neighbour(f, on=["fsm"], replace=True, calliper=0.1, **NAMES),
        lambda f: trim_overlap(propensity(f, covariates=["fsm"], **NAMES).frame, **NAMES),
    ],
)
def test_no_group_depends_on_the_order_of_rows(make: Callable[[pl.DataFrame], Any]) -> None:
    """Shuffled rows give the same schools and weights, to 1e-9."""
    frame = drawn()
    one, two = make(frame), make(frame.sample(fraction=1.0, shuffle=True, seed=5))
    assert one.frame["urn"].to_list() == two.frame["urn"].to_list()
    assert one.frame["weight"].to_list() == pytest.approx(two.frame["weight"].to_list(), rel=1e-9)


@pytest.mark.parametrize(
    "make",
    [
        lambda f: propensity(f, covariates=["fsm", "ks2", "phase"], **NAMES),
        lambda f: entropy_balance(f, covariates=["fsm", "ks2", "phase"], **NAMES),
        lambda f: nearest_neighbour(f, on=["fsm", "ks2"], exact=["phase"], replace=True, **NAMES),
    ],
)
def test_groups_are_more_alike_than_before(make: Callable[[pl.DataFrame], Any]) -> None:
    """The worst baseline difference shrinks; entropy balancing removes it."""
    frame = drawn(400)
    group = make(frame)
    covariates = ["fsm", "ks2", "phase"]
    before = balance_table(frame, covariates=covariates, **NAMES)
    after = balance_table(group.frame, covariates=covariates, weights="weight", **NAMES)
    assert before.verdict == "unbalanced"
    assert abs(after.worst.difference or 9) < 0.5 * abs(before.worst.difference or 0)
    if "entropy" in group.method:
        assert abs(after.worst.difference or 9) < 1e-8
        assert after.verdict == "balanced"


def test_separation_is_named_not_fitted() -> None:
    """A covariate that decides about treatment leaves no score, alone or with others."""
    frame = drawn().with_columns(treated=pl.col("fsm") > 20)
    with pytest.raises(EstimationError, match="apart for certain"):
        propensity(frame, covariates=["fsm"], **NAMES)
    quasi = drawn().with_columns(
        treated=pl.when(pl.col("phase") == "special").then(False).otherwise("treated")
    )
    with pytest.raises(EstimationError, match="phase = secondary, phase = special"):
        propensity(quasi, covariates=["phase"], **NAMES)


def test_very_different_schools_are_no_separation() -> None:
    """Scores of a millionth are a fit like any other, when a finite one exists."""
    frame = drawn(400)
    far = frame.with_columns(
        fsm=pl.when(~pl.col("treated") & (pl.col("urn") % 7 == 0)).then(-120.0).otherwise("fsm")
    )
    scores = propensity(far, covariates=["fsm"], **NAMES).frame["score"]
    assert 0 < scores.min() < 1e-6  # type: ignore[operator]


def test_collinear_and_constant_covariates_are_named() -> None:
    """Whatever follows from the others is named, by every method that cannot bear it."""
    frame = drawn().with_columns(half=pl.col("fsm") / 2, same=pl.lit(3.0))
    for make in (propensity, entropy_balance):
        with pytest.raises(EstimationError, match="half"):
            make(frame, covariates=["fsm", "half"], **NAMES)
    with pytest.raises(EstimationError, match="same is constant"):
        propensity(frame, covariates=["fsm", "same"], **NAMES)
    with pytest.raises(EstimationError, match="same does not vary"):
        nearest_neighbour(frame, on=["same"], **NAMES)
    fine = entropy_balance(frame, covariates=["fsm", "same"], **NAMES)
    assert fine.n_comparison > 0


def test_means_out_of_reach_are_named() -> None:
    """No weights can reach a treated mean beyond every comparison school, or a forbidden mix."""
    frame = pl.DataFrame(
        {
            "urn": range(6),
            "treated": [True, True, False, False, False, False],
            "fsm": [50.0, 60.0, 10.0, 20.0, 30.0, 40.0],
            "ks2": [60.0, 62.0, 55.0, 65.0, 60.0, 61.0],
        }
    )
    with pytest.raises(EstimationError, match="treated mean of fsm is beyond"):
        entropy_balance(frame, covariates=["fsm", "ks2"], **NAMES)
    corner = frame.with_columns(
        fsm=pl.Series([9.0, 9.0, 0.0, 10.0, 0.0, 1.0]),
        ks2=pl.Series([9.0, 9.0, 0.0, 0.0, 10.0, 1.0]),
    )
    with pytest.raises(EstimationError, match="no combination of them"):
        entropy_balance(corner, covariates=["fsm", "ks2"], **NAMES)


def test_faults_of_a_frame_are_raised_together() -> None:
    """A repeated school, an odd flag, an endless number: three problems, rows and values."""
    frame = pl.DataFrame(
        {
            "urn": [1, 1, 2],
            "treated": [1, 0, 2],
            "fsm": [1.0, float("inf"), 3.0],
            "when": [None] * 3,
        }
    )
    with pytest.raises(DataError) as raised:
        propensity(frame, covariates=["fsm"], **NAMES)
    found = {p.code: (p.row, p.value) for p in raised.value.problems}
    assert found == {
        "unit.duplicate": (3, "1"),
        "treated.flag": (4, "2"),
        "covariate.infinite": (3, "inf"),
    }
    with pytest.raises(DataError, match="Did you mean 'fsm'"):
        propensity(frame, covariates=["fsmm"], **NAMES)
    with pytest.raises(DataError, match="true or false"):
        propensity(frame.with_columns(treated=pl.lit("yes")), covariates=["fsm"], **NAMES)
    with pytest.raises(UsageError, match="needs a covariate"):
        propensity(frame, covariates=[], **NAMES)
    with pytest.raises(UsageError) as wrong:
        nearest_neighbour(frame, on=[], calliper=-1, ratio=0, metric="x", **NAMES)  # type: ignore[arg-type]
    assert len(wrong.value.problems) == 4
    with pytest.raises(UsageError):
        entropy_balance(frame, covariates=["fsm"], moments=3, **NAMES)
    with pytest.raises(UsageError):
        trim_overlap(frame, estimand="atc", alpha=0.7, **NAMES)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="grammar"):
        same_trigger_pool(EVENTS, STARTS, trigger="__import__('os')")
    with pytest.raises(DataError, match="there is no such column"):
        same_trigger_pool(EVENTS, STARTS, trigger="mark == 4")
    nameless = EVENTS.with_columns(pl.col("school_key").replace("b", None))
    with pytest.raises(DataError, match="Row 4 of the frame of events: `school_key`; it is empty"):
        same_trigger_pool(nameless, STARTS, trigger="grade == 4")
    twice = pl.DataFrame({"school_key": ["a", "a"], "cohort": [2015, 2016]})
    with pytest.raises(DataError, match="more than one first treated year"):
        same_trigger_pool(EVENTS, twice, trigger="grade == 4")


def test_one_side_missing_gives_the_counts() -> None:
    """Nobody treated, nobody near, nobody left: each says how many there were."""
    frame = drawn()
    with pytest.raises(EstimationError, match="0 treated and 120 comparison"):
        propensity(frame.with_columns(treated=False), covariates=["fsm"], **NAMES)
    with pytest.raises(EstimationError, match="within 1e-09 standard deviations"):
        nearest_neighbour(frame, on=["fsm"], calliper=1e-9, **NAMES)
    first = frame.filter("treated")["urn"][0]
    gaps = frame.with_columns(fsm=pl.when(pl.col("urn") == first).then("fsm"))
    with pytest.raises(EstimationError, match="1 treated and 0 comparison"):
        propensity(gaps, covariates=["fsm"], **NAMES)
    with pytest.raises(EstimationError, match="0 treated and 0 comparison"):
        same_trigger_pool(EVENTS, STARTS, trigger="grade == 1")


def test_a_fixed_trim_is_the_rule_of_thumb() -> None:
    """With alpha 0.1 schools below 0.1 or above 0.9 go, for the average effect; above, for ATT."""
    frame = pl.DataFrame(
        {
            "urn": range(6),
            "treated": [True, False] * 3,
            "score": [0.05, 0.1, 0.5, 0.9, 0.95, 0.3],
        }
    )
    both = trim_overlap(frame, estimand="ate", alpha=0.1, **NAMES)
    assert both.frame["urn"].to_list() == [1, 2, 3, 5]
    assert reasons(both) == {"overlap_high": (1, 1), "overlap_low": (1, 1)}
    assert trim_overlap(frame, alpha=0.1, **NAMES).frame["urn"].to_list() == [0, 1, 2, 3, 5]
    with pytest.raises(DataError, match="not their logits"):
        trim_overlap(frame.with_columns(score=pl.col("score") * 3), **NAMES)


def test_a_group_prints_what_was_done() -> None:
    """Method, counts, effective number and every exclusion are in the text."""
    frame = drawn().with_columns(fsm=pl.when(pl.col("urn") < 3).then(None).otherwise("fsm"))
    text = str(propensity(frame, covariates=["fsm", "ks2"], **NAMES))
    for word in ("logit on fsm, ks2", "treated schools", "equally weighted", "no value of fsm"):
        assert word in text
