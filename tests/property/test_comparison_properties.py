"""What must hold of matching, weighting, trimming and balance for any schools."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from impactkit.comparison import (
    ComparisonGroup,
    balance_table,
    entropy_balance,
    nearest_neighbour,
    trim_overlap,
)
from impactkit.errors import EstimationError

NAMES = {"unit": "urn", "treated": "treated"}


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """Draw schools, with values that tie, gaps, and strata."""
    n = draw(st.integers(4, 25))
    number = st.one_of(st.none(), st.integers(-3, 3).map(float), st.floats(-3, 3))
    rows = [
        {
            "urn": f"{i:03d}",
            "treated": draw(st.booleans()),
            "x": draw(number),
            "z": draw(number),
            "phase": draw(st.sampled_from(["P", "S"])),
            "score": draw(st.floats(0.001, 0.999)),
        }
        for i in range(n)
    ]
    kinds = {"x": pl.Float64, "z": pl.Float64, "score": pl.Float64}
    return pl.DataFrame(rows, schema_overrides=kinds)


def accounted(group: ComparisonGroup, frame: pl.DataFrame) -> None:
    """Check that kept and left out add up, the treated among them too."""
    assert group.frame.height + sum(e.n_schools or 0 for e in group.exclusions) == frame.height
    treated = int(frame["treated"].sum())
    assert group.n_treated + sum(e.treated or 0 for e in group.exclusions) == treated


@settings(deadline=None, max_examples=150)
@given(
    frames(),
    st.integers(1, 3),
    st.booleans(),
    st.one_of(st.none(), st.floats(0.05, 2)),
    st.booleans(),
)
def test_matches_keep_their_promises(
    frame: pl.DataFrame, ratio: int, replace: bool, calliper: float | None, strata: bool
) -> None:
    """Never too far, never out of stratum, never twice; nobody is left who could be matched."""
    exact = ["phase"] if strata else []
    try:
        group = nearest_neighbour(
            frame, on=["x"], exact=exact, calliper=calliper, ratio=ratio, replace=replace, **NAMES
        )
    except EstimationError:
        return
    accounted(group, frame)
    pairs = group.pairs
    assert pairs is not None
    assert pairs["distance"].max() <= (calliper or np.inf)  # type: ignore[operator]
    assert pairs.group_by("urn").len()["len"].max() <= ratio  # type: ignore[operator]
    assert not pairs.select("urn", "comparison").is_duplicated().any()
    if not replace:
        assert pairs["comparison"].is_unique().all()
    phase = dict(frame.select("urn", "phase").rows())
    if strata:
        assert all(phase[a] == phase[b] for a, b in pairs.select("urn", "comparison").rows())
    comparison = group.frame.filter(~pl.col("treated"))
    assert comparison["weight"].sum() == pytest.approx(group.n_treated)
    matched, used = set(pairs["urn"]), set(pairs["comparison"])
    whole = frame.drop_nulls("x")
    if calliper is None and not replace:
        for urn in set(whole.filter("treated")["urn"]) - matched:
            free = whole.filter(~pl.col("treated") & ~pl.col("urn").is_in(used))
            assert not [u for u in free["urn"] if not strata or phase[u] == phase[urn]]


@settings(deadline=None, max_examples=150)
@given(frames(), st.floats(0.1, 50), st.floats(-100, 100))
def test_balancing_balances_or_refuses(frame: pl.DataFrame, scale: float, shift: float) -> None:
    """Weights are positive and meet the means; a change of unit changes no weight."""
    try:
        group = entropy_balance(frame, covariates=["x", "phase"], **NAMES)
    except EstimationError:
        return
    accounted(group, frame)
    one, other = group.frame.filter("treated"), group.frame.filter(~pl.col("treated"))
    w = other["weight"].to_numpy()
    assert (w > 0).all()
    assert w.sum() == pytest.approx(one.height)
    for column in (pl.col("x"), (pl.col("phase") == "S").cast(pl.Float64)):
        mine = one.select(column).to_series().mean()
        assert w @ other.select(column).to_series().to_numpy() / w.sum() == pytest.approx(
            mine, abs=1e-7
        )
    moved = frame.with_columns(x=pl.col("x") * scale + shift)
    again = entropy_balance(moved, covariates=["x", "phase"], **NAMES)
    assert again.frame["weight"].to_list() == pytest.approx(
        group.frame["weight"].to_list(), rel=1e-5, abs=1e-8
    )


@settings(deadline=None)
@given(frames(), st.sampled_from(["att", "ate"]))
def test_trimming_accounts_and_takes_the_extremes_only(frame: pl.DataFrame, estimand: str) -> None:
    """Whoever goes scores higher (or, for the average effect, lower) than all who stay."""
    try:
        group = trim_overlap(frame, estimand=estimand, **NAMES)  # type: ignore[arg-type]
    except EstimationError:
        return
    accounted(group, frame)
    kept = group.frame["score"]
    gone = frame.filter(~pl.col("urn").is_in(group.frame["urn"].implode()))["score"]
    inside = gone.filter((gone >= kept.min()) & (gone <= kept.max()))
    assert inside.is_empty()
    if estimand == "att":
        assert (gone > kept.max()).all()


@settings(deadline=None)
@given(frames(), st.floats(0.1, 50), st.floats(-100, 100))
def test_balance_knows_no_unit_and_no_side(frame: pl.DataFrame, scale: float, shift: float) -> None:
    """A change of unit changes no difference, and swapping the groups turns its sign."""
    try:
        table = balance_table(frame, covariates=["x"], **NAMES)
    except EstimationError:
        return
    (row,) = table.rows
    if row.measure == "cox_index" or row.difference is None or abs(row.difference) > 1e6:
        return
    moved = frame.with_columns(x=pl.col("x") * scale + shift)
    (again,) = balance_table(moved, covariates=["x"], **NAMES).rows
    (swapped,) = balance_table(
        frame.with_columns(treated=~pl.col("treated")), covariates=["x"], **NAMES
    ).rows
    assert again.difference == pytest.approx(row.difference, rel=1e-6, abs=1e-7)
    assert swapped.difference == pytest.approx(-row.difference, rel=1e-9, abs=1e-12)
