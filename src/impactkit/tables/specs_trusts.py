"""The table of trusts' results: figures that are published for a trust as a whole."""

from __future__ import annotations

from impactkit.tables.columns import column, optional, table, years
from impactkit.tables.rules import value_or_reason
from impactkit.types import STATUSES, SUBGROUPS

trust_outcomes = table(
    "trust_outcomes",
    title="Outcomes of trusts",
    description=(
        "One row a trust, year, measure and subgroup, as published for the trust as a whole. They "
        "are no schools' outcomes: a trust's schools change, and so does what they add up to."
    ),
    supplied_by="the Department for Education's performance tables",
    register=False,
    key=("year", "measure", "subgroup", "partnership_id"),
    checks=(value_or_reason,),
    columns=(
        column("partnership_id", description="Group UID of the trust.", example="2044"),
        optional("partnership_name", description="Name of the trust."),
        years(),
        column("measure", description="Id of the measure.", example="mat_ks2_reading_progress"),
        column("subgroup", values=SUBGROUPS, description="Of which pupils; `all` if blank."),
        column(
            "value",
            "float",
            nullable=True,
            unit="measured",
            description="In the unit of the measure, or a symbol.",
            example="-0.4",
        ),
        optional("status", values=STATUSES, description="ok, or why there is no value."),
        optional("denominator", "int", low=0, unit="people", description="Pupils in all."),
    ),
)

TABLES = (trust_outcomes,)
"""Filled by the reader of trusts' performance tables."""
