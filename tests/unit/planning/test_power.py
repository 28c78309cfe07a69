"""Power and minimum detectable effects against published figures, algebra and simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from impactkit.errors import EstimationError, UsageError
from impactkit.estimators.power import (
    Precision,
    minimum_detectable_effect,
    power,
)
from impactkit.estimators.power_designs import ClusterDesign, DidDesign
from impactkit.inference.small_sample import satterthwaite


def test_schools_of_pupils_as_powerup_prints() -> None:
    """PowerUpR 1.1.0, ``mdes.cra2r2(rho2=.17, n=15, J=20)``: 0.629, 18 df, standard error 0.212."""
    design = ClusterDesign(treated=10, comparison=10, pupils=15, icc_school=0.17)
    found = minimum_detectable_effect(design)
    assert found.effect == pytest.approx(0.629, abs=0.0005)
    assert found.precision.std_error == pytest.approx(0.212, abs=0.0005)
    assert found.precision.df == pytest.approx(18)
    assert power(design, 0.629).power == pytest.approx(0.800, abs=0.0005)


def test_partnerships_of_schools_as_powerup_prints() -> None:
    """PowerUpR, ``mdes.cra3r3(rho3=.06, rho2=.17, n=15, J=3, K=60)``: 0.269, 58 df, 0.094."""
    design = ClusterDesign(
        treated=30,
        comparison=30,
        treated_schools=3,
        comparison_schools=3,
        pupils=15,
        icc_school=0.17,
        icc_cluster=0.06,
    )
    found = minimum_detectable_effect(design)
    assert found.effect == pytest.approx(0.269, abs=0.0005)
    assert found.precision.std_error == pytest.approx(0.094, abs=0.0005)
    assert found.precision.df == pytest.approx(58)


def test_a_pre_test_explains_its_squared_correlation() -> None:
    """By hand, with 40 schools of 20 pupils, ICC 0.1, and R-squared of 0.5 and 0.3.

    0.1 x 0.5 / 10 + 0.9 x 0.7 / 200 = 0.00815, whose root is 0.09028; 38 - 1 degrees of freedom.
    """
    found = ClusterDesign(
        treated=20,
        comparison=20,
        pupils=20,
        icc_school=0.1,
        pre_post_school=math.sqrt(0.5),
        pre_post_pupil=math.sqrt(0.3),
        covariates=1,
    ).precision()
    assert found.std_error == pytest.approx(math.sqrt(0.00815), rel=1e-12)
    assert found.df == pytest.approx(37)


@pytest.mark.parametrize("df", [4.0, 5.5, 18.0, 400.0, 20_000.0])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_power_is_the_noncentral_t(df: float, level: float) -> None:
    """The tail areas agree with scipy's own distribution, and power inverts the effect."""
    p = Precision(std_error=2.0, df=df)
    found = minimum_detectable_effect(p, power=0.8, level=level)
    critical = stats.t.ppf(0.5 + level / 2, df)
    expected = stats.nct.sf(critical, df, found.effect / 2) + stats.nct.cdf(
        -critical, df, found.effect / 2
    )
    assert expected == pytest.approx(0.8, abs=1e-7)
    assert power(p, -found.effect, level=level).power == pytest.approx(0.8, abs=1e-9)


@pytest.mark.parametrize("df", [1.0, 1.4, 2.0, 3.0])
def test_power_with_very_few_clusters_is_what_draws_show(df: float) -> None:
    """Where libraries' noncentral t gives up: a million draws of estimate and standard error."""
    rng = np.random.default_rng(7)
    draws = rng.normal(size=1_000_000), np.sqrt(rng.chisquare(df, 1_000_000) / df)
    critical = stats.t.ppf(0.975, df)
    for effect in (0.0, 2.0, 5.0, 20.0):
        shown = float(np.mean(np.abs(draws[0] + effect) > critical * draws[1]))
        found = power(Precision(std_error=1.0, df=df), effect).power
        assert found == pytest.approx(shown, abs=0.002)


def test_no_effect_is_found_at_the_level() -> None:
    """An effect of zero is found as often as the level says: five times in a hundred."""
    assert power(Precision(std_error=1.0, df=7), 0.0).power == pytest.approx(0.05, abs=1e-12)


@pytest.mark.parametrize(
    ("before", "after", "a"), [(1, 1, 0.0), (1, 3, 0.4), (4, 3, 0.3), (5, 2, -0.2), (6, 6, 0.9)]
)
def test_the_panel_formula_is_the_variance_of_a_difference_of_means(
    before: int, after: int, a: float
) -> None:
    """Burlig and others' terms equal c'Sc, with c the mean after less the mean before."""
    design = DidDesign(
        treated=9, comparison=31, before=before, after=after, sd=3, autocorrelation=a
    )
    c = np.r_[np.full(before, -1 / before), np.full(after, 1 / after)]
    lags = np.abs(np.subtract.outer(np.arange(before + after), np.arange(before + after)))
    expected = (
        (1 / 9 + 1 / 31) * c @ (9.0 * np.float_power(a, lags) if a else 9.0 * (lags == 0)) @ c
    )
    assert design.precision().std_error ** 2 == pytest.approx(expected, rel=1e-12)


def test_without_serial_correlation_more_years_help_as_mckenzie_found() -> None:
    """The variance is sigma^2 (1/m + 1/r) for each school (McKenzie 2012, equation for iid)."""
    one = DidDesign(treated=10, comparison=10, before=1, after=1, sd=1).precision().std_error
    four = DidDesign(treated=10, comparison=10, before=4, after=4, sd=1).precision().std_error
    assert one / four == pytest.approx(2.0)


def test_schools_that_move_together_are_worth_fewer() -> None:
    """Three schools that move as one are worth one school."""
    one = DidDesign(treated=5, comparison=500, before=2, after=2, sd=1)
    three = DidDesign(
        treated=5,
        comparison=500,
        before=2,
        after=2,
        sd=1,
        treated_schools=3,
        cluster_correlation=1.0,
    )
    assert one.precision().std_error == pytest.approx(three.precision().std_error)


def test_degrees_of_freedom_follow_the_treated_clusters() -> None:
    """Equal arms have K - 2; five treated beside five thousand have hardly more than four."""
    equal = DidDesign(treated=20, comparison=20, before=2, after=2, sd=1).precision()
    few = DidDesign(treated=5, comparison=5000, before=2, after=2, sd=1).precision()
    assert equal.df == pytest.approx(38)
    assert 4 < few.df < 4.01


def test_satterthwaite_gives_a_test_of_the_right_size() -> None:
    """Five clusters against sixty: 4 to 5.5 per cent of 40,000 draws; normal values: over 8."""
    rng = np.random.default_rng(4)
    one, two = rng.normal(size=(40_000, 5)), rng.normal(size=(40_000, 60))
    parts = one.var(axis=1, ddof=1) / 5, two.var(axis=1, ddof=1) / 60
    t = (one.mean(axis=1) - two.mean(axis=1)) / np.sqrt(parts[0] + parts[1])
    df = satterthwaite((1 / 5, 4), (1 / 60, 59))
    assert 0.04 < float(np.mean(np.abs(t) > stats.t.ppf(0.975, df))) < 0.055
    assert float(np.mean(np.abs(t) > 1.96)) > 0.08


def test_the_formula_agrees_with_simulated_pupils() -> None:
    """Power of 10 partnerships of 2 schools against 30 schools, pupils drawn one by one."""
    design = ClusterDesign(
        treated=10,
        comparison=30,
        treated_schools=2,
        pupils=20,
        icc_school=0.12,
        icc_cluster=0.05,
    )
    rng = np.random.default_rng(11)
    draws = 3_000

    def arm(clusters: int, schools: int) -> np.ndarray:
        shape = (draws, clusters, schools, 20)
        parts = (
            math.sqrt(0.05) * rng.normal(size=(*shape[:2], 1, 1)),
            math.sqrt(0.12) * rng.normal(size=(*shape[:3], 1)),
            math.sqrt(0.83) * rng.normal(size=shape),
        )
        return sum(parts, np.zeros(1)).mean(axis=(2, 3))

    effect = minimum_detectable_effect(design).effect
    t, c = arm(10, 2) + effect, arm(30, 1)
    parts = t.var(axis=1, ddof=1) / 10, c.var(axis=1, ddof=1) / 30
    statistic = (t.mean(axis=1) - c.mean(axis=1)) / np.sqrt(parts[0] + parts[1])
    found = np.abs(statistic) > stats.t.ppf(0.975, design.precision().df)
    assert found.mean() == pytest.approx(0.8, abs=0.03)


def test_every_wrong_argument_is_named_at_once() -> None:
    """A design with four faults gives four problems."""
    with pytest.raises(UsageError) as raised:
        ClusterDesign(treated=1, comparison=5, pupils=0, icc_school=1.2, pre_post_school=2.0)
    columns = [p.column for p in raised.value.problems]
    assert columns == ["treated", "pupils", "icc_school", "pre_post_school"]
    for wrong in (
        lambda: DidDesign(treated=1, comparison=5, before=0, after=1, sd=-1),
        lambda: Precision(std_error=0.0, df=3),
        lambda: power(Precision(std_error=1.0, df=3), 1.0, level=95),
        lambda: minimum_detectable_effect(Precision(std_error=1.0, df=3), power=0.04),
    ):
        with pytest.raises(UsageError):
            wrong()


def test_covariates_cannot_use_up_all_degrees_of_freedom() -> None:
    """The message gives the counts and the remedy."""
    design = ClusterDesign(treated=2, comparison=2, pupils=9, icc_school=0.1, covariates=2)
    with pytest.raises(EstimationError, match="2 covariates leave less than one of 2 degrees"):
        design.precision()


def test_the_result_converts_and_says_why_it_has_no_interval() -> None:
    """It becomes an estimate with counts, and a frame of one row."""
    design = DidDesign(treated=4, comparison=40, before=3, after=3, sd=5, unit="points")
    (estimate,) = minimum_detectable_effect(design).estimates(metric="plan.power", measure="ks2")
    assert (estimate.metric, estimate.measure, estimate.unit) == ("plan.power", "ks2", "points")
    assert (estimate.n_treated_clusters, estimate.n_clusters) == (4, 44)
    assert estimate.ci_low is None
    assert "property of the design" in estimate.reason
    assert minimum_detectable_effect(design).to_frame().height == 1


def test_more_of_anything_never_makes_a_design_worse() -> None:
    """Clusters, schools, pupils and years each lower the detectable effect."""
    base = {"treated": 8, "comparison": 30, "pupils": 20, "treated_schools": 2}
    for name in base:
        less, more = (
            minimum_detectable_effect(
                ClusterDesign(icc_school=0.15, icc_cluster=0.05, **(base | {name: base[name] * k}))
            ).effect
            for k in (1, 2)
        )
        assert more < less, name
    years = [
        minimum_detectable_effect(
            DidDesign(treated=8, comparison=30, before=n, after=n, sd=1, autocorrelation=0.3)
        ).effect
        for n in range(1, 6)
    ]
    assert all(b < a for a, b in itertools.pairwise(years))
