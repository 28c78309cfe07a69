"""The wild cluster bootstrap on castle doctrine laws, against the published p-values."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from impactkit.errors import DataError, EstimationError, UsageError
from impactkit.estimators import wild_cluster_bootstrap
from impactkit.estimators.event_study import event_study

REFERENCE = Path(__file__).resolve().parents[2] / ".." / "shared" / "reference"


@pytest.fixture(scope="module")
def castle() -> pl.DataFrame:
    """Return 50 states over eleven years."""
    if not REFERENCE.is_dir():
        pytest.skip("the reference numbers are not here (../shared/reference)")
    return pl.read_csv(
        REFERENCE / "data" / "castle.csv", infer_schema_length=None, null_values="NA"
    ).select("sid", "year", "effyear", "post", "l_homicide")


def call(frame: pl.DataFrame, **options: Any) -> Any:
    """Test the effect on homicide."""
    return wild_cluster_bootstrap(
        frame, unit="sid", time="year", cohort="effyear", outcome="l_homicide", **options
    )


@pytest.mark.parametrize("distribution", ["rademacher", "mammen", "webb"])
def test_p_values_are_published_ones(castle: pl.DataFrame, distribution: str) -> None:
    """Three seeds, each within the Monte Carlo error that the file states."""
    expected = json.loads(
        (REFERENCE / "expected" / "castle_wild_cluster_bootstrap.json").read_text("utf-8")
    )
    centre = sum(expected["p"][distribution]) / 3
    # Both the published mean of three runs and ours are random.
    tolerance = 3 * math.sqrt(centre * (1 - centre) / 9_999 * (1 + 1 / 3))
    for seed in (1, 2, 3):
        found = call(castle, distribution=distribution, seed=seed, small_sample="stata")
        assert found.estimate.p_value == pytest.approx(centre, abs=tolerance)
        assert found.estimate.value == pytest.approx(expected["coef"], abs=1e-12)
        assert found.estimate.std_error == pytest.approx(expected["se_crv1"], abs=1e-12)
        assert found.t_statistic == pytest.approx(expected["t"], abs=1e-10)


def test_event_time_has_the_coefficient_and_error_of_the_event_study(castle: pl.DataFrame) -> None:
    """The same regression, by way of other code."""
    study = event_study(castle, unit="sid", time="year", cohort="effyear", outcome="l_homicide")
    for term in study.terms:
        if term.term not in ("-1", "-9", "5"):
            e = call(castle, event_time=int(term.term), draws=99, seed=1).estimate
            assert e.value == pytest.approx(term.value, abs=1e-11)
            assert e.std_error == pytest.approx(term.std_error, abs=1e-11)


def test_same_seed_same_answer_in_any_row_order(castle: pl.DataFrame) -> None:
    """Rows are put in order before anything is drawn."""
    first = call(castle, seed=5)
    again = call(castle.sample(fraction=1.0, shuffle=True, seed=2), seed=5)
    assert again.estimate.p_value == first.estimate.p_value
    assert again.estimate.ci_low == pytest.approx(first.estimate.ci_low, abs=1e-12)


def test_outcome_in_another_unit_changes_the_unit_only(castle: pl.DataFrame) -> None:
    """Ten times the outcome plus a constant: ten times the interval, the same p-value."""
    first = call(castle, seed=5).estimate
    moved = call(castle.with_columns(pl.col("l_homicide") * 10 + 3), seed=5).estimate
    assert moved.p_value == first.p_value
    assert moved.ci_high == pytest.approx(10 * first.ci_high)


def panel(cohorts: list[int | None], *, flat: bool = False) -> pl.DataFrame:
    """Return one unit a cohort over three periods."""
    rows = [
        {
            "u": u,
            "t": t,
            "g": g,
            "y": 0.0 if flat else (u * 7 + t * t * (u % 3)) % 5,
            "c": "a",
            "d": "ab"[u % 2],
        }
        for u, g in enumerate(cohorts)
        for t in (1, 2, 3)
    ]
    return pl.DataFrame(rows, schema_overrides={"g": pl.Int64, "y": pl.Float64})


def small(frame: pl.DataFrame, **options: Any) -> Any:
    """Test the effect in a small panel."""
    return wild_cluster_bootstrap(frame, unit="u", time="t", cohort="g", outcome="y", **options)


def test_one_treated_cluster_has_a_value_and_no_p_value() -> None:
    """How treated clusters vary cannot be told from one, and the reason says so."""
    e = small(panel([2, None, None, None, None])).estimate
    assert e.value is not None
    assert e.p_value is None
    assert "one treated cluster only, of 5" in e.reason
    assert "randomisation_inference" in e.reason


def test_too_few_clusters_for_an_interval_say_so() -> None:
    """Four clusters have eight sign patterns: no p-value is below one in eight."""
    found = small(panel([2, 2, None, None]))
    assert found.estimate.p_value >= 1 / 8
    assert found.estimate.ci_low is None
    assert "no interval" in found.estimate.reason
    assert any("0.125" in w for w in found.warnings)
    assert any("2 of 4 clusters are treated" in w for w in found.warnings)


@pytest.mark.parametrize(
    ("frame", "options", "error", "words"),
    [
        (panel([None] * 4), {}, EstimationError, "no unit of 4 is treated"),
        (panel([2, 2, None, None]), {"cluster": "c"}, EstimationError, "one cluster only"),
        (panel([2, 2, None, None]), {"event_time": 7}, EstimationError, "event time 7"),
        (panel([2, 2, None, None]), {"treatment": "d"}, DataError, "holds categories"),
        (panel([2, 2, 2, 2]), {}, EstimationError, "cannot be told apart"),
        (panel([2, None]), {"draws": 5, "level": 95}, UsageError, "2 problems"),
    ],
)
def test_what_cannot_be_tested_is_an_error_in_words(
    frame: pl.DataFrame, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    """Never a LinAlgError or a NaN."""
    with pytest.raises(error, match=words):
        small(frame, **options)


def test_an_outcome_that_never_changes_has_nothing_to_resample() -> None:
    """The value is zero; there is neither a standard error nor a p-value."""
    e = small(panel([2, 2, None, None], flat=True)).estimate
    assert e.value == 0
    assert e.std_error is None
    assert e.p_value is None
    assert "does not vary" in e.reason
