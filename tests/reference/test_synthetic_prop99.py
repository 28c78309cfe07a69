"""California's tobacco programme, as R synthdid 0.0.9 and the paper have it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from impactkit.estimators.imputation import imputation
from impactkit.estimators.synthetic_control import synthetic_control
from impactkit.estimators.synthetic_did import synthetic_did

FOLDER = Path(__file__).resolve().parents[2] / ".." / "shared" / "reference"
NAMES: dict[str, Any] = {
    "unit": "State",
    "time": "Year",
    "cohort": "cohort",
    "outcome": "PacksPerCapita",
}

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the reference numbers are not here (../shared/reference)"
)


@pytest.fixture(scope="module")
def smoking() -> pl.DataFrame:
    """Return packs per head in 39 states, 1970 to 2000; California is treated from 1989."""
    frame = pl.read_csv(FOLDER / "data" / "california_prop99.csv", separator=";")
    return frame.with_columns(cohort=pl.when(pl.col("State") == "California").then(1989))


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """Return R's numbers."""
    found = json.loads((FOLDER / "expected" / "R_synthdid_prop99.json").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def test_synthetic_did_and_its_weights(smoking: pl.DataFrame, expected: dict[str, Any]) -> None:
    """The estimate, 38 unit weights and 19 period weights agree to 1e-9."""
    found = synthetic_did(smoking, **NAMES, variance="none")
    assert found.overall.value == pytest.approx(expected["sdid"], abs=1e-9)
    assert found.overall.reason == "no variance was asked for"
    weights = dict(found.unit_weights.select("unit", "weight").iter_rows())
    wanted = dict(zip(expected["controls"], expected["omega"], strict=True))
    assert weights == pytest.approx(wanted, abs=1e-9)
    assert found.time_weights["weight"].to_list() == pytest.approx(expected["lambda"], abs=1e-9)
    assert found.time_weights["time"].to_list() == list(range(1970, 1989))


def test_synthetic_control(smoking: pl.DataFrame, expected: dict[str, Any]) -> None:
    """The estimate agrees to 1e-9."""
    found = synthetic_control(smoking, **NAMES, variance="none")
    assert found.overall.value == pytest.approx(expected["sc"], abs=1e-9)


def test_imputation_with_one_cohort_is_difference_in_differences(
    smoking: pl.DataFrame, expected: dict[str, Any]
) -> None:
    """With one cohort and all periods before it, imputation is the DiD of the paper's table."""
    overall = imputation(smoking, **NAMES).aggregate("simple").overall
    assert overall.value == pytest.approx(expected["did"], abs=1e-9)


def test_row_order_and_frank_wolfe_against_the_minimum(smoking: pl.DataFrame) -> None:
    """Rows may come in any order; R's stopping rule is within one per cent of the minimum."""
    plain = synthetic_did(smoking, **NAMES, variance="none").overall.value
    mixed = synthetic_did(
        smoking.sample(fraction=1, shuffle=True, seed=1), **NAMES, variance="none"
    ).overall.value
    exact = synthetic_did(smoking, **NAMES, variance="none", solver="exact").overall.value
    assert mixed == plain
    assert exact == pytest.approx(plain, rel=0.01)


def test_placebo_standard_error(smoking: pl.DataFrame, expected: dict[str, Any]) -> None:
    """R's 200 draws (seed 12345) and our 200 both lie where 200 draws of the 38 placebos fall."""
    rest = smoking.filter(pl.col("State") != "California")
    values = [
        synthetic_did(
            rest.with_columns(cohort=pl.when(pl.col("State") == state).then(1989)),
            **NAMES,
            variance="none",
            solver="exact",
        ).overall.value
        for state in rest["State"].unique().sort()
    ]
    all_placebos = pl.Series(values)
    spreads = pl.Series(
        all_placebos.sample(200, with_replacement=True, seed=i).std() for i in range(500)
    )
    low, high = spreads.quantile(0.005), spreads.quantile(0.995)
    ours = synthetic_did(smoking, **NAMES, solver="exact").overall.std_error
    assert low is not None
    assert high is not None
    assert ours is not None
    assert low < expected["se_placebo_seed12345"] < high
    assert low < ours < high
