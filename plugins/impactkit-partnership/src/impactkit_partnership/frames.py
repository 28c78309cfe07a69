"""What several metrics ask of the register of partnerships and of dates."""

from __future__ import annotations

import datetime as dt

import polars as pl

from impactkit import Exclusion, set_aside, typed_columns


def latest(frame: pl.DataFrame, *columns: str) -> dt.date | None:
    """Return the latest date in some columns: as far as a register goes, if nobody says."""
    days = [day for name in columns for day in (frame[name].max(),) if isinstance(day, dt.date)]
    return max(days, default=None)


def started(partnerships: pl.DataFrame, stage: str) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return `partnership_id`, `start_date` and `end_date` of those with a start, in order."""
    columns = {"partnership_id": pl.String, "start_date": pl.Date, "end_date": pl.Date}
    rows, lost = set_aside(
        typed_columns(partnerships, columns),
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


def unknown_partnership(known: pl.DataFrame, what: str) -> tuple[str, str, pl.Expr]:
    """Return the fault of rows that name no partnership of the register."""
    return (
        "unknown_partnership",
        f"{what} of no partnership in the register, or of one without a start",
        ~pl.col("partnership_id").is_in(known["partnership_id"].implode()),
    )


def year_of(day: str) -> pl.Expr:
    """Return the academic year of a date, by its end."""
    return pl.col(day).dt.year() + (pl.col(day).dt.month() >= 9).cast(pl.Int32)
