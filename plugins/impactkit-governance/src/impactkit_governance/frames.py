"""One way to read a table whose optional columns may be missing or empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from impactkit_governance.exposure import Member


def typed(frame: pl.DataFrame, columns: Mapping[str, Any]) -> pl.DataFrame:
    """Return `columns` of a frame with these types; a column that is not there is all null.

    Examples
    --------
    >>> typed(pl.DataFrame({"a": [1]}), {"a": pl.String, "b": pl.Date}).rows()
    [('1', None)]
    """
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in columns.items()
    )


def members(memberships: pl.DataFrame) -> list[Member]:
    """Return each school's time in each partnership; rows without either are none."""
    columns = {"partnership_id": pl.String, "school_key": pl.String}
    rows = typed(memberships, {**columns, "joined": pl.Date, "left": pl.Date})
    return [
        Member(partnership=partnership, school=school, joined=joined, left=left)
        for partnership, school, joined, left in rows.drop_nulls(list(columns)).iter_rows()
    ]
