"""Diagnoses against the estimators called draw by draw, against algebra, and against the clock."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.errors import EstimationError, UsageError
from impactkit.estimators import att_gt
from impactkit.planning import Variances, diagnose, staggered_design
from impactkit.planning.simulate import draw_outcomes
from impactkit.results import Estimate

STATED = Variances(
    shock_sd=3, noise_sd=2, school_sd=6, autocorrelation=0.4, partnership_correlation=0.2
)
SMALL = staggered_design({2014: 9, 2016: 9, None: 30}, (2012, 2018), schools_per_partnership=3)


def by_att_gt(frame: pl.DataFrame, **options: Any) -> Estimate:
    """Return the simple aggregate of one draw, estimated the usual way."""
    names = {"unit": "unit", "time": "time", "cohort": "cohort", "cluster": "cluster"}
    fit = att_gt(frame, outcome="outcome", **names, **options)
    return fit.aggregate("simple").overall


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("att_gt:simple", {}),
        ("att_gt:simple:cr2", {"small_sample": "cr2"}),
        ("att_gt:simple:nevertreated:cr2", {"small_sample": "cr2", "control": "nevertreated"}),
    ],
)
def test_all_draws_at_once_are_what_one_by_one_gives(name: str, options: dict[str, str]) -> None:
    """The same estimator by name and as a function of a frame: every figure agrees to 1e-10."""
    found = diagnose(
        SMALL,
        variance_from=STATED,
        effect={0: 1.0, 2: 4.0},
        estimators=[name],
        candidates={"called": partial(by_att_gt, **options)},
        simulations=40,
        seed=3,
    )
    fast, slow = found.performances
    for field in ("truth", "bias", "rmse", "sd", "mean_std_error", "coverage", "power", "type_m"):
        assert getattr(fast, field) == pytest.approx(getattr(slow, field), abs=1e-10), field
    assert fast.n_clusters == slow.n_clusters == 36
    assert slow.size is None
    assert slow.detectable is None


def test_figures_are_what_plain_loops_give() -> None:
    """Bias, RMSE, coverage, power and errors of sign and size, one draw after another."""
    effect = 1.5
    found = diagnose(
        SMALL,
        variance_from=STATED,
        effect=effect,
        estimators=["att_gt:simple"],
        simulations=60,
        seed=8,
    )["att_gt:simple"]
    treated = (SMALL.frame["cohort"] <= SMALL.frame["time"]).fill_null(False)
    blocks = draw_outcomes(SMALL, STATED, simulations=60, seed=8)
    estimates = []
    for y in np.concatenate(list(blocks), axis=1).T:
        outcome = pl.Series(y) + effect * treated.cast(float)
        estimates.append(by_att_gt(SMALL.frame.with_columns(outcome=outcome)))
    values = [e.value or 0.0 for e in estimates]
    errors = [v - effect for v in values]
    detected = [e for e in estimates if (e.ci_low or 0) > 0 or (e.ci_high or 0) < 0]
    assert found.bias == pytest.approx(sum(errors) / 60)
    assert found.rmse == pytest.approx((sum(e * e for e in errors) / 60) ** 0.5)
    inside = [e for e in estimates if (e.ci_low or 0) <= effect <= (e.ci_high or 0)]
    assert found.coverage == pytest.approx(len(inside) / 60)
    assert found.power == pytest.approx(len(detected) / 60)
    wrong = [e for e in detected if (e.value or 0) < 0]
    assert found.type_s == pytest.approx(len(wrong) / len(detected))
    size = sum(abs(e.value or 0) for e in detected) / len(detected)
    assert found.type_m == pytest.approx(size / effect)


def test_the_detectable_effect_is_detected() -> None:
    """Planting what a first diagnosis calls detectable gives 80 per cent power."""
    first = diagnose(SMALL, variance_from=STATED, effect=1.0, simulations=500, seed=2)
    for p in first.performances:
        again = diagnose(
            SMALL,
            variance_from=STATED,
            effect=p.detectable,
            estimators=[p.estimator],
            simulations=500,
            seed=2,
        )
        assert again.performances[0].power == pytest.approx(0.8, abs=0.0021)
        assert again.performances[0].size == p.size


def test_with_many_clusters_the_formula_and_the_draws_agree() -> None:
    """Planted at what the formula says, 60 treated clusters find it four times in five."""
    design = staggered_design({2014: 30, 2016: 30, None: 140}, (2012, 2018))
    found = diagnose(
        design, variance_from=STATED, estimators=["att_gt:simple"], simulations=2_000, seed=5
    )
    (p,) = found.performances
    assert found.formula is not None
    assert p.truth == pytest.approx(found.formula.effect)
    assert p.power == pytest.approx(0.8, abs=0.03)
    # Without a small-sample factor 30 clusters a cohort cover a little less than 95 per cent.
    assert p.coverage == pytest.approx(0.945, abs=0.015)
    assert p.size == pytest.approx(0.055, abs=0.015)
    assert p.bias is not None
    assert p.bias_se is not None
    assert abs(p.bias) < 4 * p.bias_se


def test_with_six_clusters_the_correction_covers_and_normal_intervals_do_not() -> None:
    """Of 2,000 draws the corrected interval holds the truth in 93 to 97 per cent."""
    found = diagnose(SMALL, variance_from=STATED, simulations=2_000, seed=7)
    plain, corrected = found["att_gt:simple"], found["att_gt:simple:cr2"]
    assert plain.coverage is not None
    assert plain.coverage < 0.92
    assert corrected.coverage is not None
    assert 0.93 < corrected.coverage < 0.97


def test_growing_effects_bias_the_regression_and_not_att_gt() -> None:
    """With staggered starts and effects that grow, two-way fixed effects are off by many errors."""
    design = staggered_design({2013: 40, 2015: 40, 2017: 40}, (2012, 2018))
    found = diagnose(
        design,
        variance_from=Variances(noise_sd=1.0),
        effect={e: float(e + 1) for e in range(6)},
        estimators=["att_gt:simple", "twfe"],
        simulations=300,
        seed=1,
    )
    fair, off = found["att_gt:simple"], found["twfe"]
    assert fair.bias is not None
    assert fair.bias_se is not None
    assert abs(fair.bias) < 4 * fair.bias_se
    assert off.bias is not None
    assert off.bias_se is not None
    assert off.bias < -20 * off.bias_se
    assert off.coverage is not None
    assert off.coverage < 0.05


def test_a_county_takes_less_than_twenty_seconds() -> None:
    """500 simulations of 240 schools in 8 years, four aggregations and the regression."""
    county = staggered_design(
        {2014: 18, 2015: 15, 2016: 12, 2017: 15, None: 180}, (2012, 2019), schools_per_partnership=3
    )
    kinds = [f"att_gt:{kind}" for kind in ("simple", "dynamic", "group", "calendar")]
    start = time.process_time()
    diagnose(county, variance_from=STATED, estimators=[*kinds, "twfe"], simulations=500, seed=1)
    assert time.process_time() - start < 20


def test_draws_depend_on_the_seed_and_their_number_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first draws of many are the few; smaller blocks and shuffled rows change nothing."""
    whole = np.concatenate(list(draw_outcomes(SMALL, STATED, simulations=50, seed=4)), axis=1)
    few = np.concatenate(list(draw_outcomes(SMALL, STATED, simulations=20, seed=4)), axis=1)
    assert (whole[:, :20] == few).all()
    before = diagnose(SMALL, variance_from=STATED, effect=1.0, simulations=50, seed=4)
    monkeypatch.setattr("impactkit.planning.simulate._BLOCK_BYTES", 20_000)
    blocks = list(draw_outcomes(SMALL, STATED, simulations=50, seed=4))
    assert len(blocks) > 5
    assert (np.concatenate(blocks, axis=1) == whole).all()
    after = diagnose(SMALL, variance_from=STATED, effect=1.0, simulations=50, seed=4)
    for a, b in zip(before.performances, after.performances, strict=True):
        assert a.rmse == pytest.approx(b.rmse, rel=1e-12)


def test_one_treated_partnership_has_no_interval_and_says_so() -> None:
    """Bias and spread are given; coverage and power cannot be, and the reason is there."""
    design = staggered_design({2015: 3, None: 30}, (2012, 2018), schools_per_partnership=3)
    found = diagnose(
        design,
        variance_from=STATED,
        effect=1.0,
        estimators=["att_gt:simple", "twfe"],
        simulations=50,
    )
    for p in found.performances:
        assert p.rmse is not None
        assert p.power is None
        assert p.coverage is None
        assert p.detectable is None
        assert "one treated cluster" in p.reason


def test_without_an_effect_there_is_size_and_no_power() -> None:
    """An effect of zero cannot be found, so power and errors of sign are None, with a reason."""
    found = diagnose(SMALL, variance_from=STATED, effect=0.0, simulations=50)
    for p in found.performances:
        assert p.power is None
        assert p.type_s is None
        assert p.detectable is None
        assert p.size is not None
    missing = [e for e in found.estimates() if e.value is None]
    assert missing
    assert all("true effect is zero" in e.reason for e in missing)
    assert "NaN" not in str(found)
    assert "nan" not in str(found)


def test_draws_in_which_an_estimator_fails_are_counted() -> None:
    """A candidate that gives up on some draws is judged on the others, and the failures counted."""
    calls = []

    def fickle(frame: pl.DataFrame) -> Estimate:
        calls.append(1)
        if len(calls) % 4 == 0:
            raise EstimationError("too cold today")
        return by_att_gt(frame)

    found = diagnose(
        SMALL,
        variance_from=STATED,
        effect=1.0,
        estimators=[],
        candidates={"fickle": fickle},
        simulations=12,
    )["fickle"]
    assert (found.simulations, found.failed) == (12, 3)
    assert found.reason == "3 draws without an estimate; the first: too cold today"
    assert found.power is not None


def test_the_report_names_seed_variances_and_monte_carlo_error() -> None:
    """What a reader needs to repeat and to judge the diagnosis is in it."""
    found = diagnose(
        SMALL,
        variance_from=STATED,
        estimators=["att_gt:simple"],
        simulations=100,
        seed=6,
        unit="points",
    )
    text = str(found)
    for word in (
        "seed 6",
        "no treated outcome was read",
        "stated",
        "by formula",
        "6 of them with a start",
    ):
        assert word in text
    estimates = {e.estimand: e for e in found.estimates(measure="ks2")}
    power = estimates["power"]
    assert power.value is not None
    assert power.std_error == pytest.approx((power.value * (1 - power.value) / 100) ** 0.5)
    assert power.measure == "ks2"
    assert estimates["bias"].unit == "points"
    assert found.to_frame()["estimator"].to_list() == ["att_gt:simple"]


def test_school_years_that_are_not_used_are_counted() -> None:
    """Schools treated from the first year have no year before, and the diagnosis says how many."""
    design = staggered_design({2012: 4, 2015: 9, None: 30}, (2012, 2018))
    found = diagnose(design, variance_from=STATED, effect=1.0, simulations=20)
    assert [(e.reason, e.n_schools, e.n_rows) for e in found.exclusions] == [
        ("already_treated", 4, 28)
    ]
    assert "28 school-years, 4 whole schools (already treated" in str(found)
    assert "4 treated from the first year or before" in str(found)


def test_wrong_arguments_are_named_at_once() -> None:
    """No estimator, one simulation and a level of 95 are three problems."""
    with pytest.raises(UsageError) as raised:
        diagnose(SMALL, variance_from=STATED, estimators=[], simulations=1, level=95)
    assert [p.column for p in raised.value.problems] == ["estimators", "simulations", "level"]
    with pytest.raises(EstimationError, match="give one"):
        diagnose(SMALL, variance_from=STATED, estimators=[], candidates={"called": by_att_gt})
