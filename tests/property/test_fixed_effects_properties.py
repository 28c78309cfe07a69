"""What must hold of the fixed-effects family on any panel: invariances, replication, clusters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from impactkit.estimators.did_2x2 import did_2x2
from impactkit.estimators.etwfe import etwfe
from impactkit.estimators.event_study import event_study
from impactkit.estimators.stacked import stacked
from impactkit.estimators.sun_abraham import sun_abraham
from impactkit.estimators.triple_difference import triple_difference
from impactkit.results import Estimate

NAMES: dict[str, str] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}

Fitted = Callable[..., tuple[Estimate, ...]]
FAMILY: dict[str, Fitted] = {
    "event study": lambda f, **k: event_study(f, **NAMES, **k).estimates(),
    "event study, CRV3": lambda f, **k: event_study(f, **NAMES, vcov="CRV3", **k).estimates(),
    "Sun-Abraham": lambda f, **k: sun_abraham(f, **NAMES, **k).estimates(),
    "ETWFE": lambda f, **k: etwfe(f, **NAMES, **k).estimates(),
    "stacked": lambda f, **k: stacked(f, **NAMES, window=(-1, 1), **k).estimates(),
    "two by two": lambda f, **k: did_2x2(one_start(f), **NAMES, **k).estimates(),
    "triple difference": lambda f, **k: triple_difference(
        one_start(f), **NAMES, eligible="eligible", **k
    ).estimates(),
}
LEAST_SQUARES = [name for name in FAMILY if not name.endswith("CRV3")]

quick = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def one_start(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave one cohort and the never treated."""
    return frame.filter(pl.col("cohort").fill_null(2003) == 2003)


def panel(seed: int, missing: float) -> pl.DataFrame:
    """Return 30 units over five periods, three cohorts of ten, weights that change."""
    rng = np.random.default_rng(seed)
    n, T = 30, 5
    unit, time = np.repeat(np.arange(n), T), np.tile(np.arange(2001, 2001 + T), n)
    cohort = [(2003, 2004, None)[i % 3] for i in unit]
    frame = pl.DataFrame(
        {
            "unit": unit,
            "time": time,
            "cohort": cohort,
            "y": rng.normal(size=n)[unit] + rng.normal(size=n * T),
            "w": rng.integers(1, 4, size=n)[unit],
            "group": unit // 2,
            "eligible": unit // 3 % 2,
        }
    )
    keep = rng.random(n * T) >= missing
    # Nobody is left out of the reference, so every example has the same terms.
    keep |= np.isin(time, (2002, 2003))
    return frame.filter(pl.Series(keep))


def numbers(found: tuple[Estimate, ...]) -> dict[str, list[float | None]]:
    """Return value and standard error by term."""
    return {f"{e.estimand} {e.term}": [e.value, e.std_error] for e in found}


def same(one: tuple[Estimate, ...], other: tuple[Estimate, ...], factor: Any = (1, 1)) -> None:
    """Compare values and standard errors, the first multiplied by factors."""
    got, wanted = numbers(other), numbers(one)
    assert set(got) == set(wanted)
    for term, (value, error) in wanted.items():
        assert got[term][0] == pytest.approx(value * factor[0], rel=1e-8, abs=1e-9)
        assert (got[term][1] is None) == (error is None)
        if error is not None:
            assert got[term][1] == pytest.approx(error * factor[1], rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("name", FAMILY)
@quick
@given(seed=st.integers(0, 10**6), missing=st.sampled_from([0.0, 0.2]))
def test_row_order_and_labels_of_units_make_no_difference(
    name: str, seed: int, missing: float
) -> None:
    """Shuffled rows give the same digits; relabelled units the same numbers."""
    frame = panel(seed, missing)
    found = FAMILY[name](frame)
    shuffled = FAMILY[name](frame.sample(fraction=1.0, shuffle=True, seed=seed))
    assert numbers(found) == numbers(shuffled)
    label = (1000 - pl.col("unit")).cast(pl.String)
    same(found, FAMILY[name](frame.with_columns(unit=label)))


@pytest.mark.parametrize("name", FAMILY)
@quick
@given(seed=st.integers(0, 10**6), shift=st.floats(-1e4, 1e4), scale=st.floats(0.01, 100))
def test_shifts_of_the_outcome_are_ignored_and_scales_are_followed(
    name: str, seed: int, shift: float, scale: float
) -> None:
    """A constant added changes nothing; a factor multiplies estimates and standard errors."""
    frame = panel(seed, 0.2)
    found = FAMILY[name](frame)
    same(found, FAMILY[name](frame.with_columns(pl.col("y") + shift)))
    same(found, FAMILY[name](frame.with_columns(pl.col("y") * scale)), (scale, scale))


@pytest.mark.parametrize("name", LEAST_SQUARES)
@quick
@given(seed=st.integers(0, 10**6), missing=st.sampled_from([0.0, 0.2]))
def test_a_copy_of_the_data_under_new_clusters_halves_the_variance(
    name: str, seed: int, missing: float
) -> None:
    """Without a small-sample factor the variance of two copies is exactly half."""
    frame = panel(seed, missing)
    two = pl.concat([frame, frame.with_columns(pl.col("unit") + 1000)])
    one = FAMILY[name](frame, small_sample="none")
    same(one, FAMILY[name](two, small_sample="none"), (1, 1 / np.sqrt(2)))


@pytest.mark.parametrize("name", LEAST_SQUARES)
@quick
@given(seed=st.integers(0, 10**6), missing=st.sampled_from([0.0, 0.2]))
def test_a_weight_of_three_is_three_copies_of_the_unit(
    name: str, seed: int, missing: float
) -> None:
    """Estimates agree, and standard errors too where copies stay in their unit's cluster."""
    frame = panel(seed, missing)
    copies = pl.concat(
        frame.filter(pl.col("w") > k).with_columns(pl.col("unit") + 1000 * k) for k in range(3)
    )
    weighted = FAMILY[name](frame, weights="w", cluster="group", small_sample="none")
    replicated = FAMILY[name](copies, cluster="group", small_sample="none")
    same(weighted, replicated)


@pytest.mark.parametrize("kind", ["simple", "dynamic", "group", "calendar"])
@quick
@given(seed=st.integers(0, 10**6))
def test_averages_are_weighted_sums_of_cells_by_rows(kind: Any, seed: int) -> None:
    """Each average is that of its cells, weighed by the rows they rest on."""
    frame = panel(seed, 0.2)
    found = sun_abraham(frame, **NAMES)
    rows = dict(frame.group_by("cohort", "time").len().rows_by_key(["cohort", "time"]))
    cells = {
        (g, t): (e.value, rows[g, t][0][0])
        for (g, t), e in zip(found.index, found.cells, strict=True)
        if not e.reason
    }
    aggregation = found.aggregate(kind)
    for term in aggregation.terms or (aggregation.overall,):
        chosen = [
            vn
            for (g, t), vn in cells.items()
            if {
                "simple": t >= g,
                "dynamic": str(t - g) == term.term,
                "group": t >= g and str(g) == term.term,
                "calendar": t >= g and str(t) == term.term,
            }[kind]
        ]
        total = sum(n for _, n in chosen)
        assert term.value == pytest.approx(sum(v * n for v, n in chosen) / total, abs=1e-12)
