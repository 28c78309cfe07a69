"""What must hold of att_gt for any data."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from impactkit.estimators import att_gt

KINDS = ("simple", "dynamic", "group", "calendar")


@st.composite
def panels(draw: st.DrawFn) -> pl.DataFrame:
    """Panels of 12 to 30 units with three cohorts, gaps and uneven clusters.

    The column `gaps` says how `fit` is to compare units that have them.
    """
    units = draw(st.integers(12, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    missing = draw(st.sampled_from([0.0, 0.0, 0.1]))
    periods = 5
    unit = np.repeat(np.arange(units), periods)
    time = np.tile(np.arange(2016, 2016 + periods), units)
    cohort = [[2018, 2019, None][i % 3] for i in range(units)]
    frame = pl.DataFrame(
        {
            "unit": unit,
            "time": time,
            "cohort": pl.Series([cohort[i] for i in unit], dtype=pl.Int64),
            "y": rng.normal(size=units)[unit] + rng.normal(size=units * periods),
            "cluster": [f"P{i // 2 % 7}" for i in unit],
            "weight": rng.integers(1, 4, size=units)[unit],
            "gaps": draw(st.sampled_from(["means", "pairs"])),
        }
    )
    return frame.filter(pl.Series(rng.random(frame.height) >= missing))


def fit(frame: pl.DataFrame, **options: Any) -> Any:
    """Call att_gt, clustered unless told otherwise."""
    options = {"cluster": "cluster", **options}
    if "gaps" in frame.columns and options.get("panel", True):
        options.setdefault("gaps", frame["gaps"][0])
    return att_gt(frame, unit="unit", time="time", cohort="cohort", outcome="y", **options)


def numbers(found: Any) -> list[tuple[float | None, float | None]]:
    """Return value and standard error of every effect and aggregation, in order."""
    estimates = list(found.cells)
    for kind in KINDS:
        estimates += found.aggregate(kind).estimates()
    return [(e.value, e.std_error) for e in estimates]


def assert_close(left: Any, right: Any, *, value: float = 1.0, error: float = 1.0) -> None:
    """Compare numbers of two fits; the first are multiplied by `value` and `error`."""
    pairs = zip(numbers(left), numbers(right), strict=True)
    for (a, a_error), (b, b_error) in pairs:
        assert (a is None) == (b is None)
        if a is not None:
            assert b == pytest.approx(a * value, rel=1e-10, abs=1e-10)
        assert (a_error is None) == (b_error is None)
        if a_error is not None:
            assert b_error == pytest.approx(a_error * error, rel=1e-10, abs=1e-10)


@settings(deadline=None, max_examples=25)
@given(panels(), st.integers(0, 1000))
def test_the_order_of_rows_has_no_say(frame: pl.DataFrame, seed: int) -> None:
    """Shuffled rows give the same numbers, also by bootstrap, to 1e-12."""
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=seed)
    for options in ({}, {"panel": False}, {"bootstrap": 20, "seed": 3}):
        left, right = fit(frame, **options), fit(shuffled, **options)
        for (a, a_error), (b, b_error) in zip(numbers(left), numbers(right), strict=True):
            assert a == b or a == pytest.approx(b, abs=1e-12)
            assert a_error == b_error or a_error == pytest.approx(b_error, abs=1e-12)


@settings(deadline=None, max_examples=25)
@given(panels())
def test_labels_of_units_and_clusters_have_no_say(frame: pl.DataFrame) -> None:
    """Units and clusters under other names and types give the same numbers."""
    renamed = frame.with_columns(
        unit=pl.format("U{}", 1000 - pl.col("unit")),
        cluster=pl.col("cluster").str.reverse().cast(pl.Categorical),
    )
    assert_close(fit(frame), fit(renamed))


@settings(deadline=None, max_examples=25)
@given(panels(), st.floats(-1e3, 1e3), st.floats(-10, 10))
def test_shifts_drop_out(frame: pl.DataFrame, shift: float, slope: float) -> None:
    """A constant and a trend common to all change nothing: this is a difference of differences."""
    moved = frame.with_columns(y=pl.col("y") + shift + slope * (pl.col("time") - 2018))
    left, right = fit(frame), fit(moved)
    scale = 1 + abs(shift) + abs(slope)
    for (a, a_error), (b, b_error) in zip(numbers(left), numbers(right), strict=True):
        assert a == pytest.approx(b, abs=1e-12 * scale)
        assert a_error == pytest.approx(b_error, abs=1e-12 * scale)


@settings(deadline=None, max_examples=25)
@given(panels(), st.sampled_from([0.01, 100.0, -3.0]))
def test_the_unit_of_the_outcome_scales_the_answer(frame: pl.DataFrame, factor: float) -> None:
    """Percentages in place of shares multiply estimates and standard errors alike."""
    scaled = frame.with_columns(y=pl.col("y") * factor)
    assert_close(fit(frame), fit(scaled), value=factor, error=abs(factor))


@settings(deadline=None, max_examples=25)
@given(panels())
def test_twice_the_data_halves_the_variance(frame: pl.DataFrame) -> None:
    """Copies in clusters of their own halve the variance exactly: there is no other factor."""
    copy = frame.with_columns(
        unit=pl.col("unit") + 1000, cluster=pl.concat_str("cluster", pl.lit("copy"))
    )
    assert_close(fit(frame), fit(pl.concat([frame, copy])), error=math.sqrt(0.5))


@settings(deadline=None, max_examples=25)
@given(panels())
def test_copies_in_the_same_cluster_add_nothing(frame: pl.DataFrame) -> None:
    """Copies in the same cluster leave the standard error as it was."""
    copy = frame.with_columns(unit=pl.col("unit") + 1000)
    assert_close(fit(frame), fit(pl.concat([frame, copy])))


@settings(deadline=None, max_examples=25)
@given(panels())
def test_weights_are_as_good_as_copies(frame: pl.DataFrame) -> None:
    """A weight of three is three units of the same cluster, estimates and errors."""
    copies = pl.concat(
        [
            frame.filter(pl.col("weight") > k).with_columns(unit=pl.col("unit") + 1000 * k)
            for k in range(3)
        ]
    )
    assert_close(fit(frame, weights="weight"), fit(copies))


@settings(deadline=None, max_examples=25)
@given(panels())
def test_aggregations_are_weighted_sums_of_effects(frame: pl.DataFrame) -> None:
    """Weights are cohort sizes within an event time; the overall is the mean of event times."""
    found = fit(frame)
    size = {g: frame.filter(pl.col("cohort") == g)["unit"].n_unique() for g in (2018, 2019)}
    dynamic = found.aggregate("dynamic")
    cells = {name: c.value for name, c in zip(found.index, found.cells, strict=True)}
    for term in dynamic.terms:
        e = int(term.term)
        members = [(g, cells[g, g + e]) for g in size if (g, g + e) in cells]
        expected = sum(size[g] * v for g, v in members) / sum(size[g] for g, _ in members)
        assert term.value == pytest.approx(expected, abs=1e-12)
    after = [t.value for t in dynamic.terms if int(t.term) >= 0]
    assert dynamic.overall.value == pytest.approx(sum(after) / len(after), abs=1e-12)


@settings(deadline=None, max_examples=25)
@given(panels())
def test_base_periods_agree_after_treatment(frame: pl.DataFrame) -> None:
    """Varying and universal base differ before treatment only, where steps add up to levels."""
    varying, universal = (
        fit(frame, control="nevertreated", gaps="means"),
        fit(frame, control="nevertreated", gaps="means", base_period="universal"),
    )
    steps = dict(zip(varying.index, (c.value for c in varying.cells), strict=True))
    levels = dict(zip(universal.index, (c.value for c in universal.cells), strict=True))
    for (g, t), step in steps.items():
        expected = levels[g, t] if t >= g else levels[g, t] - levels[g, t - 1]
        assert step == pytest.approx(expected, abs=1e-12)


def simulate(rng: np.random.Generator, clusters: int | None) -> pl.DataFrame:
    """Return 240 units over 5 periods with no effect and, in clusters of 4, shared shocks."""
    n, periods = 240, 5
    unit, time = np.repeat(np.arange(n), periods), np.tile(np.arange(periods), n)
    cluster = np.arange(n) if clusters is None else np.arange(n) // (n // clusters)
    # Cohorts go by cluster, as partnerships start together.
    cohort = np.array([2, 3, -1])[cluster % 3]
    y = rng.normal(size=n)[unit] + rng.normal(size=n * periods) + 0.1 * time
    if clusters is not None:
        y = y + 0.7 * rng.normal(size=(clusters, periods))[cluster[unit], time]
    return pl.DataFrame(
        {"unit": unit, "time": time, "cohort": cohort[unit], "y": y, "cluster": cluster[unit]}
    ).with_columns(cohort=pl.when(pl.col("cohort") < 0).then(None).otherwise("cohort"))


@pytest.mark.parametrize("clusters", [None, 60])
def test_intervals_and_bands_cover_as_often_as_they_say(clusters: int | None) -> None:
    """Of 250 data sets without an effect, about 95 % have zero inside interval and band.

    The tolerance is 3.5 binomial standard errors; a further 0.02 is for normal critical values
    with 60 clusters. Standard errors by unit cover 0.81 of these clustered data, and would fail.
    """
    rng = np.random.default_rng(20101)
    draws, inside, in_band = 250, 0, 0
    for _ in range(draws):
        dynamic = fit(simulate(rng, clusters), bootstrap=200, seed=1).aggregate("dynamic")
        overall = dynamic.overall
        inside += overall.ci_low <= 0 <= overall.ci_high
        in_band += all(t.band_low <= 0 <= t.band_high for t in dynamic.terms)
    tolerance = 3.5 * math.sqrt(0.95 * 0.05 / draws) + (0.02 if clusters else 0.0)
    assert inside / draws == pytest.approx(0.95, abs=tolerance)
    assert in_band / draws == pytest.approx(0.95, abs=tolerance)


def test_the_pretest_rejects_as_often_as_it_says() -> None:
    """Of 250 data sets with parallel trends about 5 % are rejected at 5 %."""
    rng = np.random.default_rng(2010)
    p = [fit(simulate(rng, None)).pretest().p_value for _ in range(250)]
    rejected = np.mean(np.array(p) < 0.05)
    assert rejected == pytest.approx(0.05, abs=3.5 * math.sqrt(0.95 * 0.05 / 250))
