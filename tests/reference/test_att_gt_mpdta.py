"""att_gt against published group-time effects, standard errors and aggregations on mpdta."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from impactkit.estimators import att_gt

REFERENCE = Path(__file__).resolve().parents[2] / ".." / "shared" / "reference"
EXPECTED = REFERENCE / "expected" / "mpdta_att_gt.json"

pytestmark = pytest.mark.skipif(
    not EXPECTED.exists(), reason="the reference numbers are not beside this checkout"
)


def scenarios() -> list[Any]:
    """Return the scenarios of the reference file, each a test of its own."""
    if not EXPECTED.exists():
        return []
    found = json.loads(EXPECTED.read_text())["scenarios"]
    return [pytest.param(s, id=" ".join(map(str, s["scenario"].values()))) for s in found]


@pytest.fixture(scope="module")
def mpdta() -> pl.DataFrame:
    """Return mpdta with null for never treated."""
    first = pl.col("first.treat")
    return pl.read_csv(REFERENCE / "data" / "mpdta.csv").with_columns(
        first=pl.when(first == 0).then(None).otherwise(first)
    )


def fit(frame: pl.DataFrame, **options: Any) -> Any:
    """Call att_gt with the columns of mpdta."""
    return att_gt(frame, unit="countyreal", time="year", cohort="first", outcome="lemp", **options)


@pytest.mark.parametrize("case", scenarios())
def test_every_scenario_agrees_to_eight_decimals(case: Any, mpdta: pl.DataFrame) -> None:
    """Effects, standard errors and the four aggregations agree with csdid and R did."""
    s = case["scenario"]
    found = fit(
        mpdta,
        covariates=[] if s["xformla"] == "~1" else ["lpop"],
        control=s["control_group"],
        base_period=s["base_period"],
        anticipation=s["anticipation"],
        method=s["est_method"],
    )
    assert list(found.index) == [(row["group"], row["t"]) for row in case["att_gt"]]
    for cell, row in zip(found.cells, case["att_gt"], strict=True):
        assert cell.value == pytest.approx(row["att"], abs=1e-8)
        assert cell.std_error == (row["se"] and pytest.approx(row["se"], abs=1e-8))
    for kind, expected in case["agg"].items():
        got = found.aggregate(kind)
        assert got.overall.value == pytest.approx(expected["overall_att"], abs=1e-8)
        assert got.overall.std_error == pytest.approx(expected["overall_se"], abs=1e-8)
        terms = [(int(e.term), e.value, e.std_error) for e in got.terms]
        rows = zip(expected["egt"] or [], expected["att"] or [], expected["se"] or [], strict=True)
        for (term, value, error), (egt, att, se) in zip(terms, rows, strict=True):
            assert term == egt
            assert value == pytest.approx(att, abs=1e-8)
            assert error == (se and pytest.approx(se, abs=1e-8))


def test_the_published_headline_numbers(mpdta: pl.DataFrame) -> None:
    """Doubly robust given lpop, never treated: the four overall effects as published."""
    found = fit(mpdta, covariates=["lpop"], control="nevertreated")
    published = {
        "simple": (-0.041752, 0.011503),
        "group": (-0.032820, 0.011898),
        "dynamic": (-0.080354, 0.018958),
        "calendar": (-0.044177, 0.015038),
    }
    for kind, (value, error) in published.items():
        overall = found.aggregate(kind).overall
        assert overall.value == pytest.approx(value, abs=1e-6)
        assert overall.std_error == pytest.approx(error, abs=1e-6)


def test_bootstrap_errors_come_near_the_analytic_ones(mpdta: pl.DataFrame) -> None:
    """With many draws the two agree within Monte Carlo error, and bands are wider."""
    analytic = fit(mpdta, control="nevertreated").aggregate("dynamic")
    drawn = fit(mpdta, control="nevertreated", bootstrap=20_000, seed=1).aggregate("dynamic")
    for a, b in zip(analytic.terms, drawn.terms, strict=True):
        assert a.band_low is None
        assert b.band_low < b.ci_low < b.ci_high < b.band_high
        # The interquartile range of m normal draws has a relative standard error of
        # 1.17 / sqrt(m); a sum of signs over fewer than 100 treated counties is not yet normal.
        if a.n_schools > 100:
            assert b.std_error == pytest.approx(a.std_error, rel=4 * 1.17 / 20_000**0.5)


def test_the_number_of_units_is_told(mpdta: pl.DataFrame) -> None:
    """Counts are those of the data: 20, 40 and 131 treated counties, 309 never treated."""
    found = fit(mpdta, control="nevertreated")
    by_cohort = {g: cell for (g, _), cell in zip(found.index, found.cells, strict=True)}
    assert {g: c.n_schools for g, c in by_cohort.items()} == {2004: 20, 2006: 40, 2007: 131}
    assert {c.n_comparison for c in found.cells} == {309}
    overall = found.aggregate("simple").overall
    assert (overall.n_schools, overall.n_comparison, overall.n_clusters) == (191, 309, 500)
