"""Tables as metrics read them: typed, with what cannot be used set aside and counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from impactkit import Exclusion

Fault = tuple[str, str, pl.Expr]
"""Name and words of a fault, and which rows have it."""


def typed(frame: pl.DataFrame | None, columns: Mapping[str, Any]) -> pl.DataFrame:
    """Return `columns` of a frame with these types; a column that is not there is all null.

    Examples
    --------
    >>> typed(pl.DataFrame({"a": [1]}), {"a": pl.String, "b": pl.Date}).rows()
    [('1', None)]
    """
    if frame is None:
        return pl.DataFrame(schema=dict(columns))
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in columns.items()
    )


def screened(
    frame: pl.DataFrame, faults: Iterable[Fault], stage: str
) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return the rows without a fault, and how many had which; a row is counted once.

    Examples
    --------
    >>> rows = pl.DataFrame({"day": [1, None, 3]})
    >>> fault = ("undated", "Rows without a day", pl.col("day").is_null())
    >>> kept, (lost,) = screened(rows, [fault], "a metric")
    >>> kept.height, lost.reason, lost.n_rows
    (2, 'partnership.undated', 1)
    """
    lost = []
    for name, words, fault in faults:
        kept = frame.filter(~fault.fill_null(value=False))
        if kept.height < frame.height:
            lost.append(
                Exclusion(
                    reason=f"partnership.{name}",
                    text=words,
                    n_rows=frame.height - kept.height,
                    stage=stage,
                )
            )
        frame = kept
    return frame, lost


def latest(frame: pl.DataFrame, *columns: str) -> dt.date | None:
    """Return the latest date in some columns: as far as a register goes, if nobody says."""
    days = [day for name in columns for day in (frame[name].max(),) if isinstance(day, dt.date)]
    return max(days, default=None)


def started(partnerships: pl.DataFrame, stage: str) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return `partnership_id`, `start_date` and `end_date` of those with a start, in order."""
    columns = {"partnership_id": pl.String, "start_date": pl.Date, "end_date": pl.Date}
    rows, lost = screened(
        typed(partnerships, columns),
        [
            ("unnamed", "Partnerships without an id", pl.col("partnership_id").is_null()),
            ("no_start", "Partnerships without a date of starting", pl.col("start_date").is_null()),
            (
                "backward",
                "Partnerships that end before they start",
                pl.col("end_date") < pl.col("start_date"),
            ),
        ],
        stage,
    )
    return rows.unique("partnership_id", keep="first", maintain_order=True).sort(
        "partnership_id"
    ), lost


def unknown_partnership(known: pl.DataFrame, what: str) -> Fault:
    """Return the fault of rows that name no partnership of the register."""
    return (
        "unknown_partnership",
        f"{what} of no partnership in the register, or of one without a start",
        ~pl.col("partnership_id").is_in(known["partnership_id"].implode()),
    )


def year_of(day: str) -> pl.Expr:
    """Return the academic year of a date, by its end."""
    return pl.col(day).dt.year() + (pl.col(day).dt.month() >= 9).cast(pl.Int32)
