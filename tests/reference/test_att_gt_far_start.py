"""Propensity scores that are hard to reach: from afar, and with a coefficient without end."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.estimators import att_gt

NAMES: dict[str, Any] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}


def make(seed: int, missing: float) -> pl.DataFrame:
    """Return a small cohort that x sets apart, a large one that it does not, and the rest."""
    rng = np.random.default_rng(seed)
    cohort = np.array([4] * 6 + [5] * 70 + [0] * 50)
    n, T = len(cohort), 6
    x = rng.normal(size=n) + 1.5 * (cohort == 4)
    frame = pl.DataFrame(
        {
            "unit": np.repeat(np.arange(n), T),
            "time": np.tile(np.arange(1, T + 1), n),
            "cohort": np.repeat(cohort, T),
            "x": np.repeat(x, T),
            "y": rng.normal(size=n * T) + 0.2 * np.repeat(x, T),
        }
    ).with_columns(cohort=pl.when(pl.col("cohort") > 0).then("cohort"))
    return frame.filter(pl.Series(rng.random(n * T) >= missing))


@pytest.mark.parametrize("gaps", ["means", "pairs"])
@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_a_cohort_set_apart_does_no_harm_to_the_next(missing: float, gaps: Any) -> None:
    """Effects of the second cohort are those found without the first, to the last digits."""
    for seed in range(30):
        frame = make(seed, missing)
        options: dict[str, Any] = {
            **NAMES, "covariates": ["x"], "method": "ipw", "control": "nevertreated", "gaps": gaps,
        }  # fmt: skip
        both = att_gt(frame, **options)
        alone = att_gt(frame.filter(pl.col("cohort").fill_null(0) != 4), **options)
        found = dict(zip(both.index, both.cells, strict=True))
        for where, expected in zip(alone.index, alone.cells, strict=True):
            assert expected.status == "ok"
            assert found[where].status == "ok", (seed, where, found[where].reason)
            assert found[where].value == pytest.approx(expected.value, abs=1e-10)
            assert found[where].std_error == pytest.approx(expected.std_error, abs=1e-10)


@pytest.mark.parametrize("gaps", ["means", "pairs"])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_a_category_that_no_treated_unit_has_is_set_aside(missing: float, gaps: Any) -> None:
    """Comparison units of such a kind have no weight: as if they had not been there."""
    frame = make(1, missing).filter(pl.col("cohort").fill_null(0) != 4)
    odd = pl.col("cohort").is_null() & (pl.col("unit") % 3 == 0)
    frame = frame.with_columns(kind=pl.when(odd).then(pl.lit("odd")).otherwise(pl.lit("usual")))
    options: dict[str, Any] = {**NAMES, "method": "ipw", "gaps": gaps}
    found = att_gt(frame, **options, covariates=["x", "kind"])
    expected = att_gt(frame.filter(pl.col("kind") == "usual"), **options, covariates=["x"])
    for cell, without in zip(found.cells, expected.cells, strict=True):
        assert cell.status == "ok", cell.reason
        assert cell.value == pytest.approx(without.value, abs=1e-8)
        assert cell.std_error == pytest.approx(without.std_error, abs=1e-8)


def test_a_category_that_only_treated_units_have_is_refused() -> None:
    """Nobody compares with them."""
    frame = make(1, 0.0).with_columns(
        kind=(pl.col("cohort").fill_null(0) == 5) & (pl.col("unit") % 3 == 0)
    )
    found = att_gt(frame, **NAMES, covariates=["kind"], method="ipw")
    reasons = {g: cell.reason for (g, _), cell in zip(found.index, found.cells, strict=True)}
    assert "too little overlap" in reasons[5]
