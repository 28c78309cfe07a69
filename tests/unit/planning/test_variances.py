"""Variances from untreated school-years: what they recover, and what they never look at."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from impactkit.errors import DataError, EstimationError, UsageError
from impactkit.planning import (
    PanelDesign,
    Variances,
    estimate_variances,
    panel_design,
    staggered_design,
    variances_from_icc,
)
from impactkit.planning.simulate import draw_outcomes

COLUMNS = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y", "cluster": "cluster"}


def drawn(design: PanelDesign, variances: Variances, seed: int) -> pl.DataFrame:
    """Return one draw of outcomes on a common trend."""
    (Y,) = draw_outcomes(design, variances, simulations=1, seed=seed)
    return design.frame.with_columns(y=pl.Series(Y[:, 0]) + 3.0 * pl.col("time"))


def county() -> PanelDesign:
    """Return a design large enough to see variances in."""
    return staggered_design(
        {2014: 150, 2016: 150, 2018: 150, None: 500}, (2010, 2019), schools_per_partnership=3
    )


def variogram(v: Variances, lag: int) -> float:
    """Return half the variance of changes over some years."""
    return v.noise_sd**2 + v.shock_sd**2 * (1 - v.autocorrelation**lag)


@pytest.mark.parametrize(
    "truth",
    [
        Variances(noise_sd=3.0, school_sd=6.0),
        Variances(shock_sd=4.0, noise_sd=2.0, autocorrelation=0.7, partnership_correlation=0.3),
    ],
)
def test_what_was_planted_is_found(truth: Variances) -> None:
    """The variance of changes over one, three and six years, levels and likeness of partners."""
    design = county()
    found = [
        estimate_variances(drawn(design, truth, seed), **COLUMNS)  # type: ignore[arg-type]
        for seed in range(5)
    ]
    for lag in (1, 3, 6):
        mean = np.mean([variogram(v, lag) for v in found])
        assert mean == pytest.approx(variogram(truth, lag), rel=0.05)
    likeness = np.mean([v.partnership_correlation for v in found])
    assert likeness == pytest.approx(truth.partnership_correlation, abs=0.03)
    total = np.mean([v.school_sd**2 + v.shock_sd**2 + v.noise_sd**2 for v in found])
    planted = truth.school_sd**2 + truth.shock_sd**2 + truth.noise_sd**2
    assert total == pytest.approx(planted, rel=0.1)


def test_treated_outcomes_are_never_read() -> None:
    """Whatever stands in treated years, or in years that may anticipate, the answer is the same."""
    frame = drawn(county(), Variances(shock_sd=2.0, noise_sd=1.0, autocorrelation=0.5), 3)
    treated = pl.col("time") >= pl.col("cohort") - 1
    spoilt = frame.with_columns(y=pl.when(treated).then(pl.lit(float("inf"))).otherwise("y"))
    a, b = (estimate_variances(f, anticipation=1, **COLUMNS) for f in (frame, spoilt))  # type: ignore[arg-type]
    assert a == b
    with pytest.raises(DataError, match="finite"):
        estimate_variances(spoilt, **COLUMNS)  # type: ignore[arg-type]


def test_the_log_counts_what_was_used() -> None:
    """School-years used and not used add up to the frame, and partners are counted."""
    frame = drawn(county(), Variances(noise_sd=1.0), 1)
    untreated = frame.filter(
        pl.col("cohort").is_null() | (pl.col("time") < pl.col("cohort"))
    ).height
    used, unused, partners = estimate_variances(frame, **COLUMNS).log  # type: ignore[arg-type]
    assert f"{untreated:,} untreated school-years" in used
    assert unused.startswith(f"{frame.height - untreated:,} treated or empty")
    # 50 partnerships of 3 have 6 ordered pairs each; pairs of years 6, 15 and 28.
    assert f"{50 * 6 * (6 + 15 + 28):,} pairs" in partners


def test_the_order_of_rows_has_no_say() -> None:
    """A shuffled frame gives the same variances, to the last digit."""
    frame = drawn(county(), Variances(shock_sd=2.0, autocorrelation=0.5), 2)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=4)
    assert estimate_variances(frame, **COLUMNS) == estimate_variances(  # type: ignore[arg-type]
        shuffled,
        **COLUMNS,  # type: ignore[arg-type]
    )


def test_too_few_untreated_schools_ask_for_stated_variances() -> None:
    """Two untreated schools cannot show how schools vary."""
    design = staggered_design({2012: 20, None: 2}, (2012, 2015))
    with pytest.raises(EstimationError, match="State the variances"):
        estimate_variances(drawn(design, Variances(noise_sd=1.0), 1), **COLUMNS)  # type: ignore[arg-type]


def test_schools_that_all_change_alike_have_no_variances_to_estimate() -> None:
    """A constant series is told as one, whether or not schools are partners."""
    frame = drawn(county(), Variances(noise_sd=1.0), 1).with_columns(y=pl.lit(50.0))
    with pytest.raises(EstimationError, match="change alike"):
        estimate_variances(frame, **COLUMNS)  # type: ignore[arg-type]


def test_an_icc_adds_up() -> None:
    """The parts of the variance of a school's mean are those of a two-level model."""
    v = variances_from_icc(icc=0.2, pupils=25, year_correlation=0.75, pupil_sd=10)
    assert v.school_sd**2 == pytest.approx(15)
    assert v.shock_sd**2 == pytest.approx(5)
    assert v.noise_sd**2 == pytest.approx(80 / 25)
    own, shared = v.covariance([2018, 2020])
    assert own == pytest.approx(np.array([[23.2, 15], [15, 23.2]]))
    assert not shared.any()


def test_covariance_splits_into_own_and_shared() -> None:
    """The two parts add up, and the shared part is the stated correlation of the whole."""
    v = Variances(
        shock_sd=2, noise_sd=1, school_sd=3, autocorrelation=0.5, partnership_correlation=0.4
    )
    own, shared = v.covariance([2015, 2016, 2019])
    assert shared == pytest.approx(0.4 * (own + shared))
    assert (own + shared)[0, 2] == pytest.approx(9 + 4 * 0.5**4)


def test_draws_have_the_stated_covariance() -> None:
    """Over 20,000 draws: of one school over years, and of two partners."""
    design = staggered_design({2013: 2, None: 1}, (2012, 2014), schools_per_partnership=2)
    v = Variances(shock_sd=2, school_sd=1, autocorrelation=0.5, partnership_correlation=0.3)
    Y = np.concatenate(list(draw_outcomes(design, v, simulations=20_000, seed=1)), axis=1)
    covariance = np.cov(Y)
    own, shared = v.covariance((2012, 2013, 2014))
    for unit in range(3):
        mine = covariance[3 * unit : 3 * unit + 3, 3 * unit : 3 * unit + 3]
        assert mine == pytest.approx(own + shared, abs=0.15)
    assert covariance[:3, 3:6] == pytest.approx(shared, abs=0.12)
    assert covariance[:6, 6:] == pytest.approx(np.zeros((6, 3)), abs=0.12)


def test_every_wrong_argument_is_named_at_once() -> None:
    """Three faults, three problems; and no fault is let through."""
    with pytest.raises(UsageError) as raised:
        Variances(shock_sd=-1, noise_sd=2, autocorrelation=1.5, partnership_correlation=-0.1)
    assert len(raised.value.problems) == 3
    with pytest.raises(UsageError):
        Variances(school_sd=3.0)
    with pytest.raises(UsageError):
        variances_from_icc(icc=1.0, pupils=0, year_correlation=2)


def test_a_design_takes_gaps_from_the_outcome_and_nothing_else() -> None:
    """Null and NaN are gaps, and counted; the values have no say."""
    frame = pl.DataFrame(
        {
            "urn": [1, 1, 2, 2],
            "year": [2018, 2019] * 2,
            "first": [2019, 2019, None, None],
            "score": [1.0, float("nan"), None, 4.0],
        }
    )
    names = {"unit": "urn", "time": "year", "cohort": "first", "outcome": "score"}
    one = panel_design(frame, **names)
    two = panel_design(frame.with_columns(pl.col("score") * 1e9), **names)
    assert one.frame.equals(two.frame)
    assert one.frame.height == 2
    assert [e.n_rows for e in one.exclusions] == [2]
    with pytest.raises(DataError, match="Did you mean `year`"):
        panel_design(frame, unit="urn", time="yeer", cohort="first")
    with pytest.raises(EstimationError, match="no school-year"):
        panel_design(frame.clear(), unit="urn", time="year", cohort="first")
    with pytest.raises(UsageError, match="two schools or more"):
        staggered_design({2015: 1}, (2012, 2019))
