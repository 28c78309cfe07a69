"""What must hold of power, weights and diagnoses for any design."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from scipy import stats

from impactkit.errors import EstimationError
from impactkit.estimators import att_gt
from impactkit.estimators.power import Precision, minimum_detectable_effect, power
from impactkit.planning import PanelDesign, Variances, design_precision, staggered_design
from impactkit.planning.linear import Linear
from impactkit.planning.linear_att_gt import att_gt_linear
from impactkit.planning.linear_twfe import twfe_linear
from impactkit.planning.precision import linear
from impactkit.planning.simulate import draw_outcomes

POSITIVE = st.floats(0.01, 100)


@st.composite
def designs(draw: st.DrawFn, gaps: bool = True) -> PanelDesign:
    """Draw a small design: some cohorts, some clusters across cohorts, some gaps."""
    years = list(range(2010, 2010 + draw(st.integers(3, 6))))
    starts = st.sampled_from([None, None, *years, years[-1] + 2])
    rows = []
    for unit in range(draw(st.integers(5, 14))):
        cohort = draw(starts)
        cluster = f"P{draw(st.integers(0, 3))}" if draw(st.booleans()) else f"school {unit}"
        kept = [y for y in years if not (gaps and draw(st.integers(0, 5)) == 0)]
        rows += [(f"S{unit:02d}", year, cohort, cluster) for year in kept]
    kinds = {"unit": pl.String, "time": pl.Int64, "cohort": pl.Int64, "cluster": pl.String}
    assume(rows)
    return PanelDesign(frame=pl.DataFrame(rows, schema=kinds, orient="row").sort("unit", "time"))


@settings(deadline=None)
@given(POSITIVE, st.floats(1, 500), st.floats(0.5, 0.99), st.floats(0.51, 0.97))
def test_power_and_the_detectable_effect_are_inverse(
    error: float, df: float, level: float, wanted: float
) -> None:
    """The detectable effect is found with the power asked for, and scales with the error."""
    assume(wanted > 1 - level + 0.01)
    p = Precision(std_error=error, df=df)
    found = minimum_detectable_effect(p, power=wanted, level=level)
    assert power(p, found.effect, level=level).power == pytest.approx(wanted, abs=1e-6)
    double = minimum_detectable_effect(
        Precision(std_error=2 * error, df=df), power=wanted, level=level
    )
    assert double.effect == pytest.approx(2 * found.effect)


@settings(deadline=None)
@given(POSITIVE, st.floats(1, 200), st.floats(0, 5), st.floats(0, 5))
def test_a_larger_effect_is_found_more_often(
    error: float, df: float, one: float, two: float
) -> None:
    """Power rises with the size of the effect, whatever its sign."""
    p = Precision(std_error=error, df=df)
    small, large = sorted((one * error, two * error))
    assert power(p, small).power <= power(p, -large).power + 1e-9


@settings(deadline=None, max_examples=60)
@given(
    designs(),
    st.sampled_from(["simple", "dynamic", "group", "calendar"]),
    st.sampled_from(["none", "cr2"]),
    st.sampled_from(["means", "pairs"]),
    st.integers(0, 99),
)
def test_weights_are_att_gt_whatever_the_design(
    design: PanelDesign, kind: str, small_sample: str, gaps: str, seed: int
) -> None:
    """Estimate, standard error, counts and refusals agree with the estimator itself."""
    y = np.random.default_rng(seed).normal(50, 10, design.frame.height)
    frame = design.frame.with_columns(y=pl.Series(y))
    names = {"unit": "unit", "time": "time", "cohort": "cohort", "cluster": "cluster"}
    try:
        fit = att_gt(frame, outcome="y", small_sample=small_sample, gaps=gaps, **names)  # type: ignore[arg-type]
    except EstimationError:
        with pytest.raises(EstimationError):
            att_gt_linear(design, kind=kind, gaps=gaps)  # type: ignore[arg-type]
        return
    expected = fit.aggregate(kind).overall  # type: ignore[arg-type]
    if expected.value is None:
        with pytest.raises(EstimationError, match="no effect after treatment"):
            att_gt_linear(design, kind=kind, gaps=gaps)  # type: ignore[arg-type]
        return
    found = att_gt_linear(
        design,
        kind=kind,  # type: ignore[arg-type]
        small_sample=small_sample,  # type: ignore[arg-type]
        gaps=gaps,  # type: ignore[arg-type]
    )
    assert found.values(y[:, None])[0] == pytest.approx(expected.value, abs=1e-9)
    if expected.std_error is not None:
        assert found.std_errors(y[:, None])[0] == pytest.approx(expected.std_error, abs=1e-9)
    assert bool(found.reason) == (expected.ci_low is None)
    assert found.n_treated_clusters == expected.n_treated_clusters


def _estimators(design: PanelDesign) -> list[Linear]:
    found = []
    for make in (att_gt_linear, twfe_linear):
        try:
            found.append(make(design))
        except EstimationError:
            continue
    return found


@settings(deadline=None, max_examples=60)
@given(designs(gaps=False), st.integers(0, 99))
def test_levels_and_years_cancel_and_units_of_measurement_scale(
    design: PanelDesign, seed: int
) -> None:
    """School and year effects change nothing in a complete panel; a change of unit scales."""
    rng = np.random.default_rng(seed)
    Y = rng.normal(size=(design.frame.height, 2))
    unit = design.frame["unit"].rank("dense").to_numpy().astype(int)
    moved = 3 * Y + rng.normal(0, 9, 99)[unit][:, None]
    moved += 0.5 * design.frame["time"].to_numpy()[:, None]
    for found in _estimators(design):
        assert found.values(moved) == pytest.approx(3 * found.values(Y), abs=1e-8)
        assert found.std_errors(moved) == pytest.approx(3 * found.std_errors(Y), abs=1e-8)


@settings(deadline=None, max_examples=60)
@given(designs(), st.floats(-5, 5))
def test_a_constant_effect_is_estimated_without_error(design: PanelDesign, effect: float) -> None:
    """Without noise, and with the same effect everywhere, each estimator returns it."""
    treated = (design.frame["cohort"] <= design.frame["time"]).fill_null(False).to_numpy()
    for found in _estimators(design):
        assert found.values(effect * treated[:, None])[0] == pytest.approx(effect, abs=1e-8)
        assert found.target @ (effect * treated) == pytest.approx(effect, abs=1e-8)


@pytest.mark.parametrize(
    "schools",
    [
        {2014: 9, 2016: 9, None: 30},
        {2014: 3, 2015: 3, 2016: 3, 2017: 3, 2018: 3, None: 200},
        {2016: 9, None: 100},
        {2014: 30, 2016: 3, None: 100},
        {2014: 60, 2016: 60, None: 240},
    ],
)
def test_the_formulas_degrees_of_freedom_give_a_fair_test(schools: dict[int | None, int]) -> None:
    """2,000 draws without effect, 3 to 40 treated clusters: 3.5 to 7 per cent are "found"."""
    design = staggered_design(schools, (2012, 2019), schools_per_partnership=3)
    stated = Variances(
        shock_sd=3, noise_sd=2, school_sd=6, autocorrelation=0.4, partnership_correlation=0.2
    )
    for estimator in ("att_gt:simple", "twfe"):
        found = linear(design, estimator)
        df = design_precision(design, stated, estimator=estimator).df
        blocks = draw_outcomes(design, stated, simulations=2_000, seed=3)
        t = np.concatenate([found.values(Y) / found.std_errors(Y) for Y in blocks])
        assert 0.035 < float(np.mean(np.abs(t) > stats.t.ppf(0.975, df))) < 0.07
