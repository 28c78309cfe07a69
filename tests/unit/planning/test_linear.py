"""Estimators as weights against the estimators themselves, and the formula against its limits."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from impactkit.errors import EstimationError, UsageError
from impactkit.estimators import att_gt
from impactkit.estimators.power_designs import DidDesign
from impactkit.planning import PanelDesign, Variances, design_precision, staggered_design
from impactkit.planning.linear_att_gt import att_gt_linear
from impactkit.planning.linear_twfe import twfe_linear
from impactkit.planning.precision import linear
from impactkit.planning.simulate import draw_outcomes


def designs() -> dict[str, PanelDesign]:
    """Return designs with gaps, without never-treated schools, and with clusters across cohorts."""
    rng = np.random.default_rng(8)
    whole = staggered_design(
        {2014: 12, 2015: 9, 2017: 14, 2022: 5, None: 40}, (2012, 2019), schools_per_partnership=3
    )
    gaps = PanelDesign(frame=whole.frame.filter(pl.Series(rng.random(whole.frame.height) > 0.2)))
    everyone = staggered_design({2012: 4, 2014: 12, 2016: 9, 2018: 14}, (2012, 2019))
    across = PanelDesign(
        frame=whole.frame.with_columns(
            cluster=pl.when(pl.col("cohort").is_in([2014, 2015]))
            .then(pl.lit("P") + (pl.col("unit").str.slice(1).cast(pl.Int64) % 6).cast(pl.String))
            .otherwise("cluster")
        )
    )
    return {"whole": whole, "gaps": gaps, "everyone treated": everyone, "across": across}


@pytest.mark.parametrize("which", list(designs()))
@pytest.mark.parametrize("kind", ["simple", "dynamic", "group", "calendar"])
@pytest.mark.parametrize("control", ["notyettreated", "nevertreated"])
@pytest.mark.parametrize("gaps", ["means", "pairs"])
def test_weights_give_what_att_gt_gives(which: str, kind: str, control: str, gaps: str) -> None:
    """Estimate and clustered standard error of each of three draws agree to 1e-10."""
    design = designs()[which]
    if which == "everyone treated" and control == "nevertreated":
        with pytest.raises(EstimationError, match="none of the"):
            att_gt_linear(design, kind=kind, control=control, gaps=gaps)  # type: ignore[arg-type]
        return
    found = att_gt_linear(design, kind=kind, control=control, gaps=gaps)  # type: ignore[arg-type]
    (Y,) = draw_outcomes(
        design, Variances(noise_sd=2, school_sd=5, shock_sd=1), simulations=3, seed=5
    )
    values, errors = found.values(Y), found.std_errors(Y)
    for d in range(3):
        expected = att_gt(
            design.frame.with_columns(y=pl.Series(Y[:, d])),
            unit="unit",
            time="time",
            cohort="cohort",
            outcome="y",
            cluster="cluster",
            control=control,  # type: ignore[arg-type]
            gaps=gaps,  # type: ignore[arg-type]
        ).aggregate(kind)  # type: ignore[arg-type]
        assert values[d] == pytest.approx(expected.overall.value, abs=1e-10)
        assert errors[d] == pytest.approx(expected.overall.std_error, abs=1e-10)
    assert found.target.sum() == pytest.approx(1)
    assert (found.target >= 0).all()


@pytest.mark.parametrize("which", ["whole", "gaps", "across"])
def test_weights_give_what_least_squares_gives(which: str) -> None:
    """Indicators for every school and year, and the sandwich summed by cluster."""
    design = designs()[which]
    (Y,) = draw_outcomes(design, Variances(noise_sd=2, school_sd=5), simulations=2, seed=6)
    frame = design.frame
    unit = frame["unit"].rank("dense").to_numpy().astype(int) - 1
    time = frame["time"].to_numpy() - 2012
    D = (frame["cohort"] <= frame["time"]).fill_null(False).to_numpy().astype(float)
    X = np.column_stack([D, np.eye(unit.max() + 1)[unit], np.eye(8)[time][:, 1:]])
    A = np.linalg.inv(X.T @ X)
    beta = A @ X.T @ Y
    cluster = frame["cluster"].rank("dense").to_numpy().astype(int) - 1
    G, N, K = cluster.max() + 1, len(Y), 8 + 1  # treatment, seven years and the constant
    found = twfe_linear(design)
    for d in range(2):
        e = Y[:, d] - X @ beta[:, d]
        scores = np.array([X[cluster == c].T @ e[cluster == c] for c in range(G)])
        variance = (A @ scores.T @ scores @ A)[0, 0] * G / (G - 1) * (N - 1) / (N - K)
        assert found.values(Y)[d] == pytest.approx(beta[0, d], abs=1e-10)
        assert found.std_errors(Y)[d] == pytest.approx(np.sqrt(variance), abs=1e-10)


def test_with_one_start_the_regression_is_the_published_formula() -> None:
    """Complete years, one cohort, shocks that fade: Burlig and others' variance to 1e-10."""
    design = staggered_design({2016: 12, None: 40}, (2012, 2018), schools_per_partnership=3)
    stated = Variances(shock_sd=3.0, autocorrelation=0.4, partnership_correlation=0.25)
    found = design_precision(design, stated, estimator="twfe")
    expected = DidDesign(
        treated=4,
        comparison=40,
        treated_schools=3,
        before=4,
        after=3,
        sd=3.0,
        autocorrelation=0.4,
        cluster_correlation=0.25,
    ).precision()
    assert found.std_error == pytest.approx(expected.std_error, abs=1e-10)
    assert found.df == pytest.approx(expected.df, abs=1e-8)


@pytest.mark.parametrize("which", ["whole", "gaps", "across"])
@pytest.mark.parametrize("estimator", ["att_gt:simple", "att_gt:group:nevertreated", "twfe"])
def test_the_formula_is_the_variance_of_simulated_estimates(which: str, estimator: str) -> None:
    """4,000 draws spread as the formula says, within 5 per cent."""
    design = designs()[which]
    stated = Variances(
        shock_sd=2.0, noise_sd=1.0, school_sd=4.0, autocorrelation=0.6, partnership_correlation=0.3
    )
    found = linear(design, estimator)
    blocks = draw_outcomes(design, stated, simulations=4_000, seed=9)
    values = np.concatenate([found.values(Y) for Y in blocks])
    expected = design_precision(design, stated, estimator=estimator).std_error
    assert values.std(ddof=1) == pytest.approx(expected, rel=0.05)


def test_levels_play_no_part_in_a_complete_panel() -> None:
    """Lasting differences between schools change nothing where every year is there."""
    design = designs()["whole"]
    a, b = (design_precision(design, Variances(noise_sd=1, school_sd=s)).std_error for s in (0, 30))
    assert a == pytest.approx(b, rel=1e-12)


def test_an_unknown_estimator_is_named_with_its_neighbour() -> None:
    """A slip of the pen is answered with what was meant."""
    with pytest.raises(UsageError, match="Did you mean 'att_gt:dynamic'"):
        design_precision(designs()["whole"], Variances(noise_sd=1), estimator="att_gt:dynamik")


def test_a_design_without_comparison_is_refused_in_words() -> None:
    """One cohort and nobody else leaves nothing to estimate, whichever the estimator."""
    alone = staggered_design({2015: 5}, (2012, 2019))
    for estimator in ("att_gt:simple", "twfe"):
        with pytest.raises(EstimationError, match="no comparison"):
            design_precision(alone, Variances(noise_sd=1), estimator=estimator)
