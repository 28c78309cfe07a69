"""Memberships as spans of time."""

from __future__ import annotations

import polars as pl

from impactkit import typed_columns
from impactkit_governance.exposure import Member


def members(memberships: pl.DataFrame) -> list[Member]:
    """Return each school's time in each partnership; rows without either are none."""
    columns = {"partnership_id": pl.String, "school_key": pl.String}
    rows = typed_columns(memberships, {**columns, "joined": pl.Date, "left": pl.Date})
    return [
        Member(partnership=partnership, school=school, joined=joined, left=left)
        for partnership, school, joined, left in rows.drop_nulls(list(columns)).iter_rows()
    ]
