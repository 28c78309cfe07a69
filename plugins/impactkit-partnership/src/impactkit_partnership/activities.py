"""The log of joint activity as metrics read it: which schools, of which partnership, when."""

from __future__ import annotations

import polars as pl

from impactkit import Exclusion, MetricContext, set_aside, typed_columns

COLUMNS = {
    "activity_id": pl.String,
    "date": pl.Date,
    "partnership_id": pl.String,
    "schools": pl.List(pl.String),
    "hours": pl.Float64,
    "practice_focused": pl.Boolean,
    "type": pl.String,
    "initiated_by": pl.String,
    "requested_on": pl.Date,
}


def aliases(context: MetricContext) -> dict[str, str]:
    """Return the key of a school by its URN, since logs name schools by either."""
    columns = {"urn": pl.String, "school_key": pl.String}
    pairs = typed_columns(context.tables.get("schools"), columns).drop_nulls()
    keys = set(pairs["school_key"])
    return {urn: key for urn, key in pairs.iter_rows() if urn not in keys}


def logged(
    context: MetricContext, stage: str, *, joint: bool = True
) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return entries of the log that say when, of which partnership, and who, in order.

    `schools` holds keys of schools, each once and in order; so does `initiated_by` where a school
    is named. With `joint`, entries of a single school are left out.
    """
    known = aliases(context)
    frame = typed_columns(context.table("activity"), COLUMNS)
    rows, lost = set_aside(
        frame.with_columns(
            pl.col("schools")
            .list.eval(pl.element().str.strip_chars().replace(known))
            .list.unique()
            .list.sort(),
            pl.col("initiated_by").str.strip_chars().replace(known),
            pl.col("activity_id").is_duplicated().fill_null(value=False).alias("again"),
        ).sort("date", "partnership_id", "activity_id", "type", "hours", "initiated_by"),
        [
            ("undated", "Activities without a date", pl.col("date").is_null()),
            ("unnamed", "Activities of no partnership", pl.col("partnership_id").is_null()),
            (
                "doubled",
                "Activities that repeat the id of an earlier one",
                pl.col("again")
                & pl.col("activity_id").is_not_null()
                & ~pl.col("activity_id").is_first_distinct(),
            ),
            (
                "nobody",
                "Activities without a school that took part",
                pl.col("schools").list.len().fill_null(0) < 1,
            ),
            *(
                [
                    (
                        "single",
                        "Activities of one school alone, which are not joint",
                        pl.col("schools").list.len() < 2,
                    )
                ]
                if joint
                else []
            ),
        ],
        stage,
    )
    return rows.drop("again"), lost
