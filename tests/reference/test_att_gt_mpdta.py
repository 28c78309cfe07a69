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


def test_the_pretest_is_the_published_one(mpdta: pl.DataFrame) -> None:
    """For this call R did's vignette and csdid print a p-value of 0.16812."""
    pretest = fit(mpdta, control="nevertreated").pretest("chi2")
    assert pretest.p_value == pytest.approx(0.16812, abs=5e-6)
    assert pretest.value == pytest.approx(7.7912366, abs=1e-6)  # csdid 0.4.3
    assert "5 effects before treatment" in pretest.text


def test_p_values_and_intervals_are_normal(mpdta: pl.DataFrame) -> None:
    """Both follow from value and standard error by the normal distribution, at any level."""
    from scipy.stats import norm

    for level in (0.8, 0.95):
        for cell in fit(mpdta, level=level).cells:
            assert cell.p_value == pytest.approx(2 * norm.sf(abs(cell.value / cell.std_error)))
            interval = norm.interval(level, cell.value, cell.std_error)
            assert (cell.ci_low, cell.ci_high) == pytest.approx(interval)
            assert cell.df is None


def test_balancing_keeps_the_cohorts_seen_long_enough(mpdta: pl.DataFrame) -> None:
    """With balance_e=1 the last cohort (2007) has no say; 2004 and 2006 weigh 20 and 40."""
    found = fit(mpdta, control="nevertreated")
    cells = {name: cell.value for name, cell in zip(found.index, found.cells, strict=True)}
    balanced = {int(t.term): t.value for t in found.aggregate("dynamic", balance_e=1).terms}
    expected = {
        -2: cells[2006, 2004],
        -1: cells[2006, 2005],
        0: (20 * cells[2004, 2004] + 40 * cells[2006, 2006]) / 60,
        1: (20 * cells[2004, 2005] + 40 * cells[2006, 2007]) / 60,
    }
    assert balanced == pytest.approx(expected)


def test_event_times_can_be_limited(mpdta: pl.DataFrame) -> None:
    """min_e and max_e choose event times; the overall is the mean of those from 0 on."""
    found = fit(mpdta).aggregate("dynamic", min_e=-1, max_e=1)
    terms = {int(t.term): t.value for t in found.terms}
    assert list(terms) == [-1, 0, 1]
    assert found.overall.value == pytest.approx((terms[0] + terms[1]) / 2)


def test_a_cohort_after_the_data_ends_counts_as_never_treated(mpdta: pl.DataFrame) -> None:
    """Cohorts later than the last year and its anticipation change nothing but a warning."""
    for anticipation in (0, 1):
        late = mpdta.with_columns(pl.col("first").fill_null(2008 + anticipation))
        found, expected = (
            fit(late, anticipation=anticipation),
            fit(mpdta, anticipation=anticipation),
        )
        assert [c.value for c in found.cells] == [c.value for c in expected.cells]
        assert found.warnings == (
            f"309 units first treated after {2007 + anticipation} count as never treated",
        )


def test_a_cohort_just_after_the_data_ends_may_anticipate(mpdta: pl.DataFrame) -> None:
    """With anticipation the last year belongs to the next cohort: it is no longer untreated."""
    soon = pl.when(pl.col("countyreal") % 4 == 0).then(2008).otherwise(None)
    frame = mpdta.with_columns(pl.col("first").fill_null(soon))
    found = fit(frame, anticipation=1)
    assert [t for g, t in found.index if g == 2008] == [2004, 2005, 2006, 2007]
    assert found.warnings == ()
    cells = dict(zip(found.index, found.cells, strict=True))
    counties = frame.filter(pl.col("first").is_null())["countyreal"].n_unique()
    assert cells[2006, 2007].n_comparison == counties


def test_balancing_beyond_the_data_leaves_nothing(mpdta: pl.DataFrame) -> None:
    """No cohort is seen for five years: not estimable, with a reason."""
    dynamic = fit(mpdta).aggregate("dynamic", balance_e=5)
    assert dynamic.terms == ()
    assert dynamic.overall.status == "not_estimable"
    assert dynamic.overall.reason


def test_results_print_as_tables(mpdta: pl.DataFrame) -> None:
    """A printed result has every effect, the method and the variance in words."""
    found = fit(mpdta, covariates=["lpop"], control="nevertreated")
    text = str(found)
    assert text.count("ATT(") == 1 + len(found.cells)
    assert "doubly robust given lpop, never-treated comparison, varying base period" in text
    assert "analytic influence function, clustered on countyreal" in text
    assert "event time" in str(found.aggregate("dynamic"))


def test_a_report_gets_the_overall_effect_and_the_event_study(mpdta: pl.DataFrame) -> None:
    """Estimates carry metric, measure and unit; terms are event times."""
    estimates = fit(mpdta).estimates(metric="did.effect", measure="lemp", unit="points")
    assert {(e.metric, e.measure, e.unit) for e in estimates} == {("did.effect", "lemp", "points")}
    assert [e.term for e in estimates] == ["", "", "-3", "-2", "-1", "0", "1", "2", "3"]


def test_a_seed_that_was_drawn_can_be_given_again(mpdta: pl.DataFrame) -> None:
    """Without a seed one is drawn and kept; with it the bands are the same."""
    drawn = fit(mpdta, bootstrap=50)
    again = fit(mpdta, bootstrap=50, seed=drawn.seed)
    assert [c.band_low for c in drawn.cells] == [c.band_low for c in again.cells]
