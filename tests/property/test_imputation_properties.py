"""What must hold for imputation, two_stage and the synthetic estimators on any panel."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from impactkit.estimators.imputation import imputation
from impactkit.estimators.synthetic_did import synthetic_did
from impactkit.estimators.two_stage import two_stage
from impactkit.results import Estimate

NAMES: dict[str, Any] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}


@st.composite
def panels(draw: st.DrawFn, missing: bool = True) -> pl.DataFrame:
    """Draw staggered panels, some of them with gaps."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n, T = draw(st.integers(14, 30)), draw(st.integers(4, 6))
    gaps = draw(st.sampled_from([0.0, 0.1])) if missing else 0.0
    unit, time = np.repeat(np.arange(n), T), np.tile(np.arange(1, T + 1), n)
    starts = [3, 4, None, None]
    cohort = [starts[u % 4] for u in unit]
    after = np.array([g is not None and t >= g for g, t in zip(cohort, time, strict=True)])
    frame = pl.DataFrame(
        {
            "unit": unit,
            "time": time,
            "cohort": pl.Series(cohort, dtype=pl.Int64),
            "y": rng.normal(size=n * T) + rng.normal(size=n)[unit] + after,
            "w": rng.integers(1, 4, size=n)[unit],
            "group": unit // 2,
        }
    )
    return frame.filter(pl.Series(rng.random(n * T) >= gaps))


def both(frame: pl.DataFrame, **options: Any) -> list[Estimate]:
    """Return all estimates of either estimator."""
    found = imputation(frame, **NAMES, **options)
    study = two_stage(frame, **NAMES, **options)
    return [*found.estimates(), *found.cells, *study.estimates()]


def close(left: list[Estimate], right: list[Estimate], scale: float = 1.0) -> None:
    """Compare values and standard errors, the right ones times `scale`."""
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        for x, y in ((a.value, b.value), (a.std_error, b.std_error)):
            if x is None or y is None:
                assert x == y
            else:
                assert x == pytest.approx(y * scale, rel=1e-8, abs=1e-9 * max(1.0, scale))


@settings(deadline=None, max_examples=15)
@given(panels(), st.randoms(use_true_random=False))
def test_order_of_rows_and_labels_of_units_do_not_matter(frame: pl.DataFrame, dice: Any) -> None:
    """Shuffled rows and renamed units give the same numbers."""
    names = list(range(100, 100 + frame["unit"].n_unique()))
    dice.shuffle(names)
    units = frame["unit"].unique().sort().to_list()
    mixed = frame.sample(fraction=1, shuffle=True, seed=dice.randrange(1000)).with_columns(
        pl.col("unit").replace_strict(dict(zip(units, names, strict=True)))
    )
    close(both(mixed), both(frame))


@settings(deadline=None, max_examples=15)
@given(panels(), st.floats(-100, 100), st.floats(0.01, 50))
def test_shift_and_scale_of_the_outcome(frame: pl.DataFrame, shift: float, scale: float) -> None:
    """A constant, and one a period, change nothing; a factor scales everything."""
    moved = frame.with_columns(y=pl.col("y") * scale + shift + 3 * pl.col("time"))
    close(both(moved), both(frame), scale)


@settings(deadline=None, max_examples=10)
@given(panels())
def test_everything_twice_halves_the_variance(frame: pl.DataFrame) -> None:
    """A copy of all units under new names: the same values, standard errors less by root two."""
    twice = pl.concat([frame, frame.with_columns(pl.col("unit") + 1000)])
    for a, b in zip(both(twice), both(frame), strict=True):
        assert a.value == pytest.approx(b.value, rel=1e-8, abs=1e-10)
        # A cell of one unit has no variation of its own; of two copies it has none either.
        if a.std_error is not None and b.std_error is not None:
            assert a.std_error == pytest.approx(b.std_error / np.sqrt(2), rel=1e-7)


@settings(deadline=None, max_examples=10)
@given(panels())
def test_weights_are_replication(frame: pl.DataFrame) -> None:
    """Values with weight k are those of k copies of the unit."""
    copies = pl.concat(
        frame.filter(pl.col("w") > i).with_columns(pl.col("unit") + 1000 * i) for i in range(3)
    )
    left, right = both(frame, weights="w"), both(copies)
    assert [e.value for e in left] == pytest.approx(
        [e.value for e in right], rel=1e-8, abs=1e-10, nan_ok=False
    )


@settings(deadline=None, max_examples=10)
@given(panels())
def test_clusters_are_units_when_each_is_its_own(frame: pl.DataFrame) -> None:
    """Naming the unit as cluster changes nothing, nor does a copy of each unit in its cluster."""
    close(both(frame, cluster="unit"), both(frame))
    together = pl.concat([frame, frame.with_columns(pl.col("unit") + 1000)]).with_columns(
        group=pl.col("unit") % 1000
    )
    # Each cluster is a unit and its copy: as many clusters, the same scores.
    close(both(together, cluster="group"), both(frame))


@settings(deadline=None, max_examples=10)
@given(panels())
def test_averages_are_weighted_sums_of_cells(frame: pl.DataFrame) -> None:
    """The simple average weighs cells by their treated rows.

    Those of a unit never seen untreated are left out: nothing tells what it would have been.
    """
    found = imputation(frame, **NAMES)
    before = (pl.col("time") < pl.col("cohort")).fill_null(value=True)
    frame = frame.filter(before.any().over("unit"))
    after = [
        (cell, frame.filter((pl.col("cohort") == g) & (pl.col("time") == t)).height)
        for (g, t), cell in zip(found.index, found.cells, strict=True)
        if cell.value is not None
    ]
    total = sum(n for _, n in after)
    mean = sum((c.value or 0) * n for c, n in after) / total
    assert found.aggregate("simple").overall.value == pytest.approx(mean, rel=1e-9, abs=1e-12)


@settings(deadline=None, max_examples=8)
@given(panels(missing=False), st.floats(-50, 50), st.floats(0.1, 20))
def test_synthetic_did_shifts_and_scales(frame: pl.DataFrame, shift: float, scale: float) -> None:
    """Constants and period effects drop out, and a factor scales the effect, at the minimum."""
    moved = frame.with_columns(y=pl.col("y") * scale + shift + 2 * pl.col("time"))
    options: dict[str, Any] = {**NAMES, "variance": "none", "solver": "exact"}
    plain, other = synthetic_did(frame, **options), synthetic_did(moved, **options)
    assert other.overall.value == pytest.approx(
        (plain.overall.value or 0) * scale, rel=1e-4, abs=1e-4 * scale
    )
    assert plain.unit_weights["weight"].sum() == pytest.approx(2.0)  # two cohorts
