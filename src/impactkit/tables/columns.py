"""Columns that many tables share, so that they mean and are checked the same everywhere.

What a column's text means is decided by its `unit` if `impactkit.tables.coerce` knows one of that
name (``URN``, ``academic year``, ``measured``), and else by its `dtype`.
"""

from __future__ import annotations

from typing import Any

from impactkit.declarations import ColumnSpec, TableSpec

DEFAULTS = {
    ("memberships", "role"): "peer",
    ("outcomes", "subgroup"): "all",
}
"""What a cell means that is blank, or whose column is not there."""


def column(name: str, dtype: Any = "str", **about: Any) -> ColumnSpec:
    """Return a required column that may not be blank, unless `about` says otherwise."""
    return ColumnSpec(name=name, dtype=dtype, **about)


def optional(name: str, dtype: Any = "str", **about: Any) -> ColumnSpec:
    """Return a column that may be missing, and blank."""
    return ColumnSpec(name=name, dtype=dtype, required=False, nullable=True, **about)


def urn(
    name: str = "urn", description: str = "Unique reference number of the school."
) -> ColumnSpec:
    """Return a column of URNs: six digits."""
    return optional(
        name,
        "int",
        low=100_000,
        high=999_999,
        unit="URN",
        description=description,
        example="100001",
    )


def school() -> tuple[ColumnSpec, ColumnSpec]:
    """Return the two columns that can name a school; `rules.names_school` asks for one of them."""
    return (
        urn(),
        optional(
            "school_key",
            description="A key that stays when the URN changes; made from URN links if absent.",
            example="100001",
        ),
    )


def years(name: str = "year") -> ColumnSpec:
    """Return a column of academic years, kept as the year in which they end."""
    return column(
        name,
        "int",
        low=1990,
        high=2100,
        unit="academic year",
        description="Academic year, by its end: 2024 for 2023/24.",
        example="2024",
    )


def table(name: str, **about: Any) -> TableSpec:
    """Return the spec of a table."""
    return TableSpec(name=name, **about)
