"""Hours of coaching that a leader of a school had in a term, or that nobody knows how many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from impactkit import Exclusion, set_aside, typed_columns
from impactkit_leadership import census

if TYPE_CHECKING:
    from impactkit_leadership.coaching import CoachingParams

STAGE = "leadership.coaching_dose"
TERMS_A_YEAR = 3
HELP = {
    "school_key": pl.String,
    "type": pl.String,
    "dose_delivered": pl.Float64,
    "dose_unit": pl.String,
    "start": pl.Date,
    "end": pl.Date,
}


def dose_by_school(
    interventions: pl.DataFrame,
    spells: pl.DataFrame,
    surveyed: pl.DataFrame,
    params: CoachingParams,
) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return `school_key`, `dose`: hours a leader and term, of schools with coaching.

    The hours of all coaching are divided by the leaders in post on its first day, added up, and
    spread over the terms from the first day of the first to the last of the last. The dose is null
    where a part of the school's coaching could not be counted: it had some, and nobody knows how
    much. Coaching that ended before the school's first answers, or began after its last (`first`
    and `last` in `surveyed`), can have nothing to do with the change between them.
    """
    held, _ = census.clean_spells(spells, None, stage=STAGE)
    rows = typed_columns(interventions, HELP).filter(pl.col("type").is_in(params.types))
    rows = rows.sort(*HELP).with_row_index("_row").join(surveyed, on="school_key", how="left")
    day = pl.col("day")
    leaders = (
        rows.select("_row", "school_key", day="start")
        .join(held.select("school_key", "staff_key", "start", "end"), on="school_key")
        .filter((pl.col("start") <= day) & (pl.col("end").is_null() | (pl.col("end") >= day)))
        .group_by("_row")
        .agg(leaders=pl.col("staff_key").n_unique())
    )
    rows = rows.join(leaders, on="_row", how="left").with_columns(
        hours=pl.when(pl.col("dose_unit").fill_null("days") == "days")
        .then(pl.col("dose_delivered") * params.hours_a_day)
        .when(pl.col("dose_unit") == "hours")
        .then("dose_delivered"),
    )
    rows, elsewhen = set_aside(
        rows,
        [
            (
                "another_time",
                "Coaching that ended before the first survey or began after the last",
                (pl.col("end") < pl.col("first")) | (pl.col("start") > pl.col("last")),
            )
        ],
        STAGE,
    )
    kept, lost = set_aside(
        rows,
        [
            (
                "no_hours",
                "Coaching without an amount in days or hours",
                pl.col("hours").is_null(),
            ),
            (
                "no_time",
                "Coaching without a first and a last day, in that order",
                (pl.col("end") <= pl.col("start")).fill_null(value=True),
            ),
            (
                "no_leaders",
                "Coaching at a school of which no leader is known on its first day",
                pl.col("leaders").is_null(),
            ),
        ],
        STAGE,
    )
    terms = (pl.col("end").max() - pl.col("start").min()).dt.total_days() / 365.25 * TERMS_A_YEAR
    each = (pl.col("hours") / pl.col("leaders")).sort().sum() / terms
    whole = rows.group_by("school_key").len("pieces")
    counted = kept.group_by("school_key").agg(dose=each, counted=pl.len())
    known = pl.when(pl.col("counted") == pl.col("pieces")).then("dose")
    return (
        whole.join(counted, on="school_key", how="left")
        .select("school_key", dose=known)
        .sort("school_key"),
        [*elsewhen, *lost],
    )
