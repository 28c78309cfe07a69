"""Bad input to the fixed-effects family: an error that names the remedy, or a reason, never NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.errors import DataError, EstimationError, UsageError
from impactkit.estimators.bacon import bacon_decomposition
from impactkit.estimators.did_2x2 import did_2x2
from impactkit.estimators.etwfe import etwfe
from impactkit.estimators.event_study import event_study
from impactkit.estimators.stacked import stacked
from impactkit.estimators.sun_abraham import sun_abraham
from impactkit.estimators.triple_difference import triple_difference

NAMES: dict[str, str] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}

FAMILY: dict[str, Callable[..., Any]] = {
    "event study": lambda f, **k: event_study(f, **NAMES, **k),
    "Sun-Abraham": lambda f, **k: sun_abraham(f, **NAMES, **k),
    "ETWFE": lambda f, **k: etwfe(f, **NAMES, **k),
    "stacked": lambda f, **k: stacked(f, **NAMES, window=(-2, 1), **k),
}
every = pytest.mark.parametrize("name", FAMILY)


def panel(cohorts: tuple[int | None, ...] = (3, 4, None), seed: int = 0) -> pl.DataFrame:
    """Return 30 units over six periods."""
    rng = np.random.default_rng(seed)
    unit, time = np.repeat(np.arange(30), 6), np.tile(np.arange(1, 7), 30)
    return pl.DataFrame(
        {
            "unit": unit,
            "time": time,
            "cohort": [cohorts[i % len(cohorts)] for i in unit],
            "y": rng.normal(size=180),
            "x": rng.normal(size=30)[unit],
            "group": unit // 3,
            "eligible": (unit // 2) % 2,
        },
        schema_overrides={"cohort": pl.Int64},
    )


def first(value: Any, column: str) -> pl.Expr:
    """Replace a column in the rows of unit 0."""
    return pl.when(pl.col("unit") == 0).then(value).otherwise(column).alias(column)


def assert_sound(found: Any) -> None:
    """Check that no number is NaN, and that every estimate without an interval says why."""
    for e in found.estimates():
        numbers = (e.value, e.std_error, e.ci_low, e.ci_high, e.p_value)
        assert all(v is None or np.isfinite(v) for v in numbers)
        assert e.ci_low is not None or e.reason
    assert "nan" not in str(found)


@every
@pytest.mark.parametrize(
    ("cohorts", "message"),
    [
        ((None,), "no unit of 30 is treated between 1 and 6"),
        ((1,), "all 30 units are treated from 1 on"),
        ((3,), "add (such )?units|add periods or units|nobody to compare with"),
    ],
)
def test_nobody_to_compare_is_an_error_with_counts(
    name: str, cohorts: tuple[int | None, ...], message: str
) -> None:
    """Nobody treated, everybody always treated, or one cohort only: each has its sentence."""
    with pytest.raises(EstimationError, match=message):
        FAMILY[name](panel(cohorts))


@every
def test_faults_of_the_frame_are_named_by_row(name: str) -> None:
    """Treatment that stops, rows twice, zero for never and negative weights are refused."""
    frame = panel()
    off = pl.when((pl.col("unit") == 0) & (pl.col("time") > 4)).then(None).otherwise("cohort")
    with pytest.raises(DataError, match=r"Row 6 .*treatment starts once and stays"):
        FAMILY[name](frame.with_columns(off.alias("cohort")))
    with pytest.raises(DataError, match="this unit and period has a row already"):
        FAMILY[name](pl.concat([frame, frame[:1]]))
    with pytest.raises(DataError, match="Write null for never treated"):
        FAMILY[name](frame.with_columns(pl.col("cohort").fill_null(0)))
    with pytest.raises(DataError, match=r"Row 2 .*weight"):
        FAMILY[name](frame.with_columns(w=pl.lit(-1.0)), weights="w")


@every
def test_rows_left_out_are_counted(name: str) -> None:
    """Missing outcomes (null or NaN), zero weights and units seen once are in the account."""
    frame = panel()
    for nothing in (None, float("nan")):
        found = FAMILY[name](frame.with_columns(first(nothing, "y")))
        assert [(e.reason, e.n_rows, e.n_schools) for e in found.exclusions] == [("missing", 6, 1)]
        assert_sound(found)
    weighted = frame.with_columns(w=pl.lit(1.0)).with_columns(first(0.0, "w"))
    found = FAMILY[name](weighted, weights="w")
    assert [(e.reason, e.n_rows, e.n_schools) for e in found.exclusions] == [("weight", 6, 1)]
    once = frame.filter((pl.col("unit") > 3) | (pl.col("time") == 2))
    found = FAMILY[name](once)
    assert [(e.reason, e.n_rows, e.n_schools) for e in found.exclusions] == [("seen_once", 4, 4)]
    assert_sound(found)
    with pytest.raises(EstimationError, match="no unit has an outcome in two periods"):
        FAMILY[name](frame[:0])


@every
def test_one_treated_unit_one_cluster_and_a_constant_outcome_have_values_without_intervals(
    name: str,
) -> None:
    """What cannot be told is left out, with the reason in its place."""
    one = panel((None,)).with_columns(first(4, "cohort"))
    found = FAMILY[name](one)
    assert_sound(found)
    assert all(e.ci_low is None for e in found.estimates())
    assert any("one treated unit only" in e.reason for e in found.estimates())
    found = FAMILY[name](panel().with_columns(group=pl.lit("all")), cluster="group")
    assert all(e.std_error is None for e in found.estimates())
    assert any("one cluster only" in e.reason for e in found.estimates())
    found = FAMILY[name](panel().with_columns(y=pl.lit(3.0)))
    assert_sound(found)
    assert any("does not vary" in e.reason for e in found.estimates())


def test_crv3_that_cannot_leave_a_cluster_out_says_how_many() -> None:
    """A cohort of one unit carries its own event time: the jackknife has no answer."""
    frame = panel((3, 4, None)).with_columns(first(5, "cohort"))
    found = event_study(frame, **NAMES, vcov="CRV3")
    assert_sound(found)
    assert "without 1 of the 30 clusters" in found.terms[0].reason


def test_few_treated_clusters_and_staggered_timing_are_warned_of() -> None:
    """The result itself says that CRV1 is too narrow and that TWFE mixes event times."""
    found = event_study(panel(), **NAMES, cluster="group")
    assert any("starts at 2 different times (3, 4)" in w for w in found.warnings)
    few = panel((None,)).with_columns(
        cohort=pl.when(pl.col("unit") < 9).then(4).otherwise("cohort")
    )
    found = event_study(few, **NAMES, cluster="group")
    assert any("fewer than 22 clusters were treated" in w for w in found.warnings)
    assert found.estimates()[0].warnings == found.warnings
    assert not any("different times" in w for w in found.warnings)


def test_a_covariate_that_is_treatment_is_an_error_and_a_constant_one_a_note() -> None:
    """What the fixed effects hold is left out and named; what replaces the effects is refused."""
    on = (pl.col("time") >= pl.col("cohort")).fill_null(value=False).cast(pl.Int8)
    with pytest.raises(EstimationError, match="cannot tell event time"):
        event_study(panel().with_columns(on=on), **NAMES, covariates=["on"])
    plain, found = event_study(panel(), **NAMES), event_study(panel(), **NAMES, covariates=["x"])
    assert any(w.startswith("x took no part") for w in found.warnings)
    for e, f in zip(plain.terms, found.terms, strict=True):
        assert f.value == pytest.approx(e.value, abs=1e-12)


def test_periods_without_anybody_untreated_are_not_estimable() -> None:
    """Where the comparison has no rows the cell is named, and the others stay as they are."""
    frame = panel((3, 4, None)).filter(pl.col("cohort").is_not_null() | (pl.col("time") != 5))
    for found in (sun_abraham(frame, **NAMES), etwfe(frame, **NAMES)):
        got = dict(zip(found.index, found.cells, strict=True))
        for g in (3, 4):
            assert got[g, 5].status == "not_estimable"
            assert got[g, 5].value is None
            assert got[g, 5].reason == "nobody untreated has a row in 5 to be compared with"
            assert got[g, 6].status == "ok"
        assert_sound(found)


def test_cohorts_that_cannot_be_used_are_set_aside_and_counted() -> None:
    """Treated throughout, or never seen at the reference: counted, with the reason."""
    found = sun_abraham(panel((1, 3, 4, None)), **NAMES)
    assert [(e.reason, e.n_schools) for e in found.exclusions] == [("always_treated", 8)]
    gap = panel().filter(pl.col("time") != 3)
    found = sun_abraham(gap, **NAMES)
    assert [(e.reason, e.n_schools) for e in found.exclusions] == [("no_reference", 10)]
    found = sun_abraham(panel((3, 5)), **NAMES)
    assert [(e.reason, e.n_rows) for e in found.exclusions] == [("no_comparison", 60)]


def test_every_wrong_argument_is_named_at_once() -> None:
    """One message has them all."""
    with pytest.raises(UsageError) as caught:
        event_study(
            panel(), **NAMES, vcov="CRV2", small_sample="r", level=95, reference=[], bins=(3, 4)
        )
    assert len(caught.value.problems) == 5
    with pytest.raises(UsageError, match="4 problems"):
        stacked(panel(), **NAMES, window=(1, 3), control="x", weighting="y")


def test_two_by_two_triple_and_bacon_refuse_what_they_are_not_for() -> None:
    """Several starts, empty cells, flags that are none, unbalanced panels: each is named."""
    with pytest.raises(EstimationError, match=r"starts at 2 times \(3, 4\)"):
        did_2x2(panel(), **NAMES)
    with pytest.raises(EstimationError, match="no treated row before 1"):
        did_2x2(panel((1, None)), **NAMES)
    with pytest.raises(UsageError, match="either a column of first treated periods"):
        did_2x2(panel(), unit="unit", time="time", outcome="y")
    with pytest.raises(DataError, match=r"`x` .*expected true \(or 1\)"):
        did_2x2(panel(), unit="unit", time="time", outcome="y", treated="x", start=3)
    with pytest.raises(EstimationError, match="start at 2 times"):
        triple_difference(panel(), **NAMES, eligible="eligible")
    two = panel((3, None))
    with pytest.raises(DataError, match="expected 1 for eligible"):
        triple_difference(two, **NAMES, eligible="x")
    with pytest.raises(DataError, match="changes within 30 units"):
        triple_difference(two.with_columns(odd=pl.col("time") % 2), **NAMES, eligible="odd")
    with pytest.raises(EstimationError, match="0 other units of treated groups"):
        triple_difference(two.with_columns(eligible=pl.lit(1)), **NAMES, eligible="eligible")
    with pytest.raises(EstimationError, match="1 of 30 units lack a row"):
        bacon_decomposition(panel()[1:], **NAMES)
    with pytest.raises(EstimationError, match="no two groups differ"):
        bacon_decomposition(panel((3,)), **NAMES)
