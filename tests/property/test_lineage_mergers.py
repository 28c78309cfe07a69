"""Mergers: whatever the register says, weights sum to one and every row is accounted for."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from impactkit.lineage import build_lineage, combined, reorganised, without
from impactkit.lineage.kinds import KINDS

URNS = st.integers(100001, 100008)
YEARS = (2012, 2016)
dates = st.none() | st.dates(dt.date(2009, 1, 1), dt.date(2019, 1, 1))
links_ = st.lists(st.tuples(URNS, URNS, st.sampled_from(sorted(KINDS)), dates), max_size=12)
rows_ = st.lists(
    st.tuples(URNS, st.integers(*YEARS), st.none() | st.floats(0, 100)), min_size=1, max_size=40
)
sizes_ = st.dictionaries(URNS, st.none() | st.integers(0, 900), max_size=8)


@settings(deadline=None)  # scipy is imported by the first example
@given(links_, rows_, sizes_, st.sampled_from(["ratio", "count", "gbp"]))
def test_units_weights_and_rows_add_up(
    links: list[tuple[int, int, str, dt.date | None]],
    rows: list[tuple[int, int, float | None]],
    sizes: dict[int, int | None],
    unit: str,
) -> None:
    """Weights of a unit sum to 1; a mean lies among its parts; rows lost are rows counted."""
    register = pl.DataFrame(
        links,
        schema={
            "urn": pl.Int64,
            "link_urn": pl.Int64,
            "link_type": pl.String,
            "link_date": pl.Date,
        },
        orient="row",
    )
    schools = pl.DataFrame(
        {"urn": list(sizes), "pupils": list(sizes.values())},
        schema={"urn": pl.Int64, "pupils": pl.Int64},
    )
    outcomes = pl.DataFrame(
        rows, schema={"urn": pl.Int64, "year": pl.Int64, "value": pl.Float64}, orient="row"
    ).with_columns(
        measure=pl.lit("m"),
        subgroup=pl.lit("all"),
        status=pl.when(pl.col("value").is_null()).then(pl.lit("supp")).otherwise(pl.lit("ok")),
    )
    lineage = build_lineage(register, outcomes["urn"])
    ours = lineage.apply(outcomes)
    found = reorganised(lineage, ours, lineage.apply(schools), years=YEARS)
    assert found.parts["school_key"].is_unique().all()
    for _, part in found.parts.group_by("unit"):
        assert part.height > 1
        assert part["weight"].sum() == pytest.approx(1)
    together, counted = combined(ours, found, {"m": unit})
    assert ours.height - together.height == sum(e.n_rows or 0 for e in counted)
    left, lost = without(ours, found)
    assert ours.height - left.height == sum(e.n_rows or 0 for e in lost)
    units = together.filter(pl.col("school_key").is_in(found.parts["unit"].implode()))
    assert units.select("school_key", "year").is_unique().all()
    assert (units["value"].is_null() == (units["status"] != "ok")).all()
    if unit == "ratio" and units["value"].drop_nulls().len():
        parts = ours.join(found.parts, on="school_key")
        spread = parts.group_by("unit", "year").agg(
            low=pl.col("value").min(), high=pl.col("value").max()
        )
        among = units.drop_nulls("value").join(
            spread, left_on=["school_key", "year"], right_on=["unit", "year"]
        )
        slack = 1e-9
        assert (among["value"] >= among["low"] - slack).all()
        assert (among["value"] <= among["high"] + slack).all()
