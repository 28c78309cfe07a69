"""A table as a metric reads it: the columns it asks for, without the rows that it cannot use.

Optional columns may be missing, and registers have gaps. A metric that takes its columns by
`typed_columns` and its rows by `set_aside` survives both, and every row that it leaves out is
counted with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from impactkit.results import Exclusion

Fault = tuple[str, str, pl.Expr]
"""A short name, words for the reader, and which rows have it."""


def typed_columns(frame: pl.DataFrame | None, columns: Mapping[str, Any]) -> pl.DataFrame:
    """Return `columns` of a frame with these types; a column that is not there is all null.

    Parameters
    ----------
    frame
        A table, or None where the study has none: then there are no rows.
    columns
        Polars types by name.

    Examples
    --------
    >>> typed_columns(pl.DataFrame({"a": [1]}), {"a": pl.String, "b": pl.Date}).rows()
    [('1', None)]
    >>> typed_columns(None, {"a": pl.String}).shape
    (0, 1)
    """
    if frame is None:
        return pl.DataFrame(schema=dict(columns))
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in columns.items()
    )


def set_aside(
    frame: pl.DataFrame, faults: Iterable[Fault], stage: str
) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return the rows without a fault, and how many had which; a row is counted once.

    Parameters
    ----------
    frame
        The rows.
    faults
        Name, words and expression of each, in the order in which they are looked for. A row of
        which the expression is null does not have the fault.
    stage
        The id of the metric. Reasons are named after its plugin: ``fault`` of ``kent.metric`` is
        ``kent.fault``.

    Examples
    --------
    >>> rows = pl.DataFrame({"day": [1, None, 3]})
    >>> fault = ("undated", "Rows without a day", pl.col("day").is_null())
    >>> kept, (lost,) = set_aside(rows, [fault], "kent.metric")
    >>> kept.height, lost.reason, lost.n_rows
    (2, 'kent.undated', 1)
    """
    lost = []
    plugin = stage.partition(".")[0]
    for name, text, fault in faults:
        kept = frame.filter(~fault.fill_null(value=False))
        if kept.height < frame.height:
            n = frame.height - kept.height
            lost.append(Exclusion(reason=f"{plugin}.{name}", text=text, n_rows=n, stage=stage))
        frame = kept
    return frame, lost
