"""Posts of one person that overlap to more than a full-time post: one of the spells is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from impactkit import MetricContext, Problem, typed_columns

FULL = 1.0
SPELLS = {
    "staff_key": pl.String,
    "school_key": pl.String,
    "start": pl.Date,
    "end": pl.Date,
    "fte": pl.Float64,
}


def over(spells: pl.DataFrame, most_fte: float) -> pl.DataFrame:
    """Return `staff_key`, `day`, `fte` and `posts` where spells add up to more than `most_fte`.

    `day` is each first day of a spell on which they do: every overlap begins on such a day. A
    blank `fte` is a full post, a blank `end` lasts.
    """
    rows = spells.select(
        "staff_key",
        pl.col("start").alias("day"),
        pl.col("end"),
        pl.col("fte").fill_null(FULL),
    ).drop_nulls(["staff_key", "day"])
    # A spell that ends on the day on which another begins is handed over and does not overlap.
    running = (pl.col("from") == pl.col("day")) | (
        (pl.col("from") < pl.col("day"))
        & (pl.col("end").is_null() | (pl.col("end") > pl.col("day")))
    )
    return (
        rows.select("staff_key", "day")
        .unique()
        .join(rows.rename({"day": "from"}), on="staff_key")
        .filter(running)
        .group_by("staff_key", "day")
        .agg(pl.col("fte").sum(), posts=pl.len())
        .filter(pl.col("fte") > most_fte + 1e-9)
        .sort("staff_key", "day")
    )


def check(context: MetricContext) -> Iterator[Problem]:
    """Yield a warning for each person whose posts add up to more than one full-time post."""
    spells = typed_columns(context.table("leadership_spells"), SPELLS)
    worst = over(spells, FULL).unique("staff_key", keep="first", maintain_order=True)
    for person, day, fte, posts in worst.iter_rows():
        yield Problem(
            code="leadership.more_than_full_time",
            column="staff_key",
            value=f"{person}: {posts} posts from {day}, {fte:g} full-time posts together",
            rule="the posts of this person in `leadership_spells` overlap to more than one "
            "full-time post",
            remedy="Give the earlier spell its last day in `end`, or each post its share in `fte`; "
            "until then leadership.breadth leaves the person out of those years.",
            severity="warning",
        )
