"""Data that cannot answer, for imputation, two_stage and synthetic estimators: named, counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.errors import DataError, EstimationError, UsageError
from impactkit.estimators.imputation import imputation
from impactkit.estimators.synthetic_control import synthetic_control
from impactkit.estimators.synthetic_did import synthetic_did
from impactkit.estimators.two_stage import two_stage

NAMES: dict[str, Any] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}
STAGED: list[Callable[..., Any]] = [imputation, two_stage]
SYNTHETIC: list[Callable[..., Any]] = [synthetic_did, synthetic_control]


def make(starts: list[int | None], periods: int = 6) -> pl.DataFrame:
    """Return one unit an entry of `starts`, effect 1."""
    rng = np.random.default_rng(0)
    n = len(starts)
    unit, time = np.repeat(np.arange(n), periods), np.tile(np.arange(1, periods + 1), n)
    cohort = [starts[u] for u in unit]
    after = np.array([g is not None and t >= g for g, t in zip(cohort, time, strict=True)])
    return pl.DataFrame(
        {
            "unit": unit,
            "time": time,
            "cohort": pl.Series(cohort, dtype=pl.Int64),
            "y": rng.normal(size=n * periods) + after,
            "late": rng.normal(size=n * periods) * after,
            "x": rng.normal(size=n * periods),
            "fixed": unit * 1.0,
            "one": 1,
        }
    )


MIXED = make([3] * 4 + [5] * 3 + [None] * 6)


@pytest.mark.parametrize("estimate", STAGED)
@pytest.mark.parametrize(
    ("starts", "words"),
    [
        ([None] * 6, "no unit of 6 is treated"),
        ([1] * 6, "all 6 units are treated from 1 on"),
        ([3] * 6, "24 rows: treated rows in 3, 4, 5, 6, where no untreated unit"),
    ],
)
def test_designs_that_cannot_answer(
    estimate: Callable[..., Any], starts: list[int | None], words: str
) -> None:
    """Nobody treated, everybody always treated, nobody to compare with: each says so."""
    with pytest.raises(EstimationError, match=words):
        estimate(make(starts), **NAMES)


@pytest.mark.parametrize("estimate", SYNTHETIC)
@pytest.mark.parametrize(
    ("starts", "words"),
    [
        ([None] * 6, "0 treated units and 6 that are never treated"),
        ([3] * 6, "6 treated units and 0 that are never treated"),
        ([2] * 3 + [None] * 3, "3 units: fewer than two periods before treatment"),
        ([4] * 3 + [None], "3 treated units and 1 that are never treated"),
    ],
)
def test_designs_without_a_synthetic_control(
    estimate: Callable[..., Any], starts: list[int | None], words: str
) -> None:
    """Too few units or periods: counted, with what was set aside."""
    with pytest.raises(EstimationError, match=words):
        estimate(make(starts), **NAMES)


@pytest.mark.parametrize("estimate", STAGED)
def test_a_covariate_that_only_treatment_moves_is_refused(estimate: Callable[..., Any]) -> None:
    """Its part in what would have been cannot be told; the covariate is named."""
    with pytest.raises(EstimationError, match="covariate late does not vary among untreated"):
        estimate(MIXED, **NAMES, covariates=["late"])


@pytest.mark.parametrize("estimate", STAGED)
def test_covariates_that_say_nothing_are_named_and_left_out(estimate: Callable[..., Any]) -> None:
    """Constant within units, or collinear: a note, and the numbers without them."""
    frame = MIXED.with_columns(double=2 * pl.col("x"))
    found = estimate(frame, **NAMES, covariates=["fixed", "x", "double"])
    plain = estimate(frame, **NAMES, covariates=["x"])
    assert any(w.startswith("fixed, double took no part") for w in found.warnings)
    got, wanted = (r.to_frame()["value"].to_list() for r in (found, plain))
    assert got == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("estimate", [*STAGED, *SYNTHETIC])
def test_treatment_that_switches_off_and_weights_below_zero(estimate: Callable[..., Any]) -> None:
    """Faults of the frame come together, with row and remedy."""
    frame = MIXED.with_columns(
        cohort=pl.when(pl.col("time") > 5).then(None).otherwise("cohort"), w=pl.lit(-1.0)
    )
    with pytest.raises(DataError, match="treatment starts once and stays"):
        estimate(frame, **NAMES)
    if estimate in STAGED:
        with pytest.raises(DataError, match="a weight is zero or more"):
            estimate(frame, **NAMES, weights="w")


@pytest.mark.parametrize("estimate", STAGED)
def test_one_cluster_gives_values_without_intervals(estimate: Callable[..., Any]) -> None:
    """Every estimate has its value, no standard error, and says why."""
    found = estimate(MIXED, **NAMES, cluster="one")
    for e in found.estimates():
        assert e.value is not None
        assert e.std_error is None
        assert "one cluster only" in e.reason


def test_cohorts_of_one_vary_about_their_event_time() -> None:
    """Three cohorts of one unit: cells without interval, and averages that are not too narrow."""
    found = imputation(make([3, 4, 5] + [None] * 8), **NAMES)
    assert all(c.ci_low is None and "one treated unit only" in c.reason for c in found.cells)
    overall = found.aggregate("simple").overall
    staged = two_stage(make([3, 4, 5] + [None] * 8), **NAMES).overall
    assert overall.std_error is not None
    assert staged is not None
    assert overall.std_error == pytest.approx(staged.std_error, rel=0.35)
    assert any("a single treated cluster in cohort 3, 4, 5" in w for w in found.warnings)


def test_missing_rows_and_outcomes_are_counted() -> None:
    """A unit with a gap leaves the synthetic control; a missing outcome is a row fewer."""
    frame = MIXED.with_columns(
        y=pl.when((pl.col("unit") == 12) & (pl.col("time") == 2)).then(None).otherwise("y")
    )
    by_reason = {
        e.reason: (e.n_rows, e.n_schools)
        for e in synthetic_did(frame, **NAMES, variance="none").exclusions
    }
    assert by_reason == {"missing": (1, 0), "incomplete": (5, 1)}
    assert [(e.reason, e.n_rows) for e in imputation(frame, **NAMES).exclusions] == [("missing", 1)]


def test_variances_that_cannot_be_had_say_why() -> None:
    """Placebo with too few, jackknife and bootstrap with one treated unit in a cohort."""
    few = synthetic_did(make([4] * 4 + [None] * 4), **NAMES).overall
    assert few.std_error is None
    assert "more units never treated (4) than treated ones (4)" in few.reason
    for variance in ("jackknife", "bootstrap"):
        alone = synthetic_did(make([4] + [None] * 5), **NAMES, variance=variance).overall
        assert alone.ci_low is None
        assert "use variance='placebo'" in alone.reason


@pytest.mark.parametrize("estimate", STAGED)
def test_an_outcome_that_does_not_vary_has_no_standard_error(estimate: Callable[..., Any]) -> None:
    """Zero effects, no standard errors, no NaN anywhere."""
    found = estimate(MIXED.with_columns(y=pl.lit(3.0)), **NAMES)
    for e in found.estimates():
        assert e.value == pytest.approx(0, abs=1e-12)
        assert e.std_error is None
        assert "does not vary" in e.reason


def test_arguments_that_make_no_sense() -> None:
    """Every wrong argument is named."""
    with pytest.raises(UsageError, match=r"anticipation(.|\n)*level"):
        imputation(MIXED, **NAMES, anticipation=-1, level=95)
    with pytest.raises(UsageError, match="variance"):
        synthetic_did(MIXED, **NAMES, variance="robust")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="leads"):
        imputation(MIXED, **NAMES).pretrends(leads=0)
    with pytest.raises(EstimationError, match="one at least is the comparison"):
        imputation(MIXED, **NAMES).pretrends(leads=4)


def test_the_pretest_rests_on_untreated_rows_only() -> None:
    """Whatever happens after treatment leaves the test as it is."""
    spoiled = MIXED.with_columns(
        y=pl.when(pl.col("time") >= pl.col("cohort")).then(1e4).otherwise("y")
    )
    plain, other = (imputation(f, **NAMES).pretest() for f in (MIXED, spoiled))
    assert plain.p_value is not None
    assert plain.p_value == pytest.approx(other.p_value, rel=1e-9)
