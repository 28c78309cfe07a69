"""One way to read a table whose optional columns may be missing or empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl


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
