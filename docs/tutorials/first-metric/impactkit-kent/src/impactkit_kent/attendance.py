"""Attendance: the share of half-days that pupils were in school."""

from __future__ import annotations

import polars as pl

from impactkit import Card, outcome_metric


@outcome_metric(
    id="kent.attendance",
    title="Attendance",
    question="Did attendance rise more in schools that joined than in schools that had not?",
    unit="percent",
    direction="higher",
    needs={"outcomes": ["school_key", "year", "measure", "value"]},
    card=Card(
        definition="Half-days that pupils were in school, of all half-days that were possible.",
        formula="100 − overall absence",
        source="School absence, Department for Education performance tables",
        caveats=["Sickness in a whole county moves it, whatever schools do."],
        ours=True,
    ),
)
def attendance(context):
    """Return a row for each school and year."""
    rows = context.table("outcomes").filter(pl.col("measure") == "overall_absence")
    return rows.select("school_key", "year", value=100 - pl.col("value"))
