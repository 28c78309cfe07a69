"""Frames from which nothing can be estimated say which of their columns is to blame."""

from __future__ import annotations

import polars as pl
import pytest

from impactkit import Design, Study, evaluate_metric, outcome_metric
from impactkit.synthetic import county

SPOILT = {
    "of no school": (
        {"school_key": "urn-" + pl.col("school_key")},
        "none of its schools is in the study; take `school_key` from the tables as it is",
    ),
    "of no weight": (
        {"weight": pl.lit(None, pl.Float64)},
        "none of its rows has a weight above nought",
    ),
    "of weight nought": ({"weight": pl.lit(0.0)}, "none of its rows has a weight above nought"),
    "of no value": ({"value": pl.lit(None, pl.Float64)}, "it gave rows without any value"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_the_reason_names_the_column(how):
    """Not that no school joined a partnership, which sends its author to the study file."""
    columns, words = SPOILT[how]

    @outcome_metric(
        id="kent.spoilt",
        title="Spoilt",
        unit="percent",
        needs={"outcomes": ["school_key", "year", "measure", "value"]},
    )
    def spoilt(context):
        """Return a frame with one column spoilt."""
        rows = context.table("outcomes").filter(pl.col("measure") == "overall_absence")
        return rows.select("school_key", "year", "value").with_columns(**columns)

    made = county(seed=1, n_schools=40, selection="random")
    study = Study(title="Spoilt", design=Design(outcome="overall_absence", bootstrap=0))
    found = evaluate_metric(study, spoilt, tables=made.tables)
    assert [e.status for e in found.estimates] == ["not_estimable"]
    assert words in found.estimates[0].reason
