"""What was due on a day and was done in time, late or never: reviews and data drops alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import polars as pl

from impactkit import Estimate, Exclusion, Period, Table, set_aside
from impactkit_partnership import columns as c
from impactkit_partnership.frames import year_of
from impactkit_partnership.shares import Event, share_estimate


def due(
    rows: pl.DataFrame, *, within: int, until: dt.date | None, what: str, stage: str
) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return what was due, with `in_time` and `year`; `planned` and `done` are days.

    What is not done and still has time, up to the last day observed, is not due yet.
    """
    limit = pl.col("planned") + pl.duration(days=within)
    rows, lost = set_aside(
        rows,
        [
            (
                "unplanned",
                f"{what} of which it is not known for when they were planned",
                pl.col("planned").is_null(),
            ),
            (
                "not_yet_due",
                f"{what} that are not done and still have time",
                pl.col("done").is_null() & (limit > pl.lit(until, dtype=pl.Date)),
            ),
        ],
        stage,
    )
    gap = (pl.col("done") - pl.col("planned")).dt.total_days().abs()
    return rows.with_columns(
        (gap <= within).fill_null(value=False).alias("in_time"),
        year_of("planned").alias("year"),
    ).sort("partnership_id", "planned", "done"), lost


def shares(rows: pl.DataFrame, column: str, missing: str, **names: Any) -> Iterator[Estimate]:
    """Yield the share of what was due for which `column` is true: in all, and by academic year."""
    yield share_estimate(_events(rows, column), missing=missing, **names)
    for year in sorted(rows["year"].unique()):
        part = rows.filter(pl.col("year") == year)
        own = {**names, "term": Period(year).label}
        yield share_estimate(_events(part, column), missing=missing, **own)


def _events(rows: pl.DataFrame, column: str) -> list[Event]:
    return [
        Event(group=group, hit=hit)
        for group, hit in rows.select("partnership_id", column).iter_rows()
    ]


def by_year(rows: pl.DataFrame, *, id_: str, title: str, extra: tuple[str, str]) -> Table:
    """Return what was due in each academic year, and what became of it.

    `extra` is a further column that is true or false, and its label.
    """
    column, label = extra
    parts = (
        rows.group_by("year")
        .agg(
            pl.len().alias("due"),
            pl.col("in_time").sum(),
            (pl.col("done").is_not_null() & ~pl.col("in_time")).sum().alias("otherwise"),
            pl.col("done").is_null().sum().alias("never"),
            pl.col(column).sum().alias("extra"),
        )
        .sort("year")
    )
    return Table(
        id=id_,
        title=title,
        columns=(
            c.what("year", "Academic year"),
            c.events("due", "Due"),
            c.events("in_time", "In time"),
            c.events("otherwise", "Too early, too late or alone"),
            c.events("never", "Never"),
            c.events("extra", label),
            c.number("share", "In time, %", "percent"),
            c.number("extra_share", f"{label}, %", "percent"),
        ),
        rows=[
            (Period(year).label, n, *rest, 100 * rest[0] / n, 100 * rest[3] / n)
            for year, n, *rest in parts.iter_rows()
        ],
        sums=(("due", ("in_time", "otherwise", "never")),),
    )
