"""Schools beside their partnership's end: when each left, and a panel in years since then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from impactkit_did.common import left_out

if TYPE_CHECKING:
    from impactkit import Exclusion, MetricContext, Panel

BASE, LAST = -2, -1
"""Where the year before joining and the last year in a partnership stand among years since."""


def last_years(context: MetricContext) -> pl.DataFrame:
    """Return `school_key`, `last` (its last academic year in any partnership) of those that left.

    A membership ends when the school leaves or the partnership ends, whichever comes first. A
    school that is still in another partnership has not left.
    """
    members = context.table("memberships")
    left = pl.col("left") if "left" in members.columns else pl.lit(None)
    rows = members.select(
        pl.col("school_key", "partnership_id").cast(pl.String), left=left.cast(pl.Date)
    )
    ends = (
        context.table("partnerships")
        .select(pl.col("partnership_id").cast(pl.String), ends=pl.col("end_date").cast(pl.Date))
        .group_by("partnership_id")
        .agg(pl.col("ends").max())
    )
    day = pl.min_horizontal("left", "ends")
    year = day.dt.year().cast(pl.Int64) + (day.dt.month() >= 9)
    return (
        rows.join(ends, on="partnership_id", how="left")
        .with_columns(last=year)
        .group_by("school_key")
        .agg(pl.col("last").max(), still=pl.col("last").is_null().any())
        .filter(~pl.col("still") & pl.col("last").is_not_null())
        .select("school_key", "last")
        .sort("school_key")
    )


def since_end(
    panel: Panel, last: pl.DataFrame, years: Sequence[int], *, anticipation: int, never: bool
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[Exclusion, ...]]:
    """Return a panel whose years count from the end, its strata, and schools set aside.

    The panel has `school`, the school that a row is of, beside `school_key`, which a copy has its
    own of.

    Schools that joined and left in the same years are a stack: their own rows, and a copy of the
    rows of every school that is in no partnership by each of these years. `year` is `BASE` for the
    year before joining, `LAST` for the last year in, and 0 for the first year without; the copies
    keep the cluster of their school, so that its chance counts once. Comparison is within a stack.

    Source: Cengiz, Dube, Lindner & Zipperer (2019), Quarterly Journal of Economics 134(3),
    section III (stacks by event).
    """
    frame = panel.frame
    joined = frame.filter(pl.col("cohort").is_not_null())
    ended = joined.join(last, on="school_key").filter(pl.col("last") >= pl.col("cohort"))
    n_joined, n_ended = joined["school_key"].n_unique(), ended["school_key"].n_unique()
    lost = left_out(
        "not_ended",
        "schools that joined and have not left, or on no known day, or before they were exposed",
        n_joined - n_ended,
        panel.measure,
    )
    stacks = []
    for g, x in ended.select("cohort", "last").unique().sort("cohort", "last").rows():
        place = {g - 1 - anticipation: BASE, x: LAST, **{x + k: k - 1 for k in years}}
        own = ended.filter((pl.col("cohort") == g) & (pl.col("last") == x)).drop("last")
        free = pl.col("cohort").is_null()
        if not never:
            free |= pl.col("cohort") > pl.max_horizontal(pl.col("year"), g) + anticipation
        stack = f"{g}-{x}"
        rows = pl.concat(
            [
                own.with_columns(cohort=pl.lit(0, pl.Int64), school="school_key"),
                frame.filter(free).with_columns(
                    school_key=pl.format("{} {}", pl.lit(stack), "school_key"),
                    cohort=pl.lit(None, pl.Int64),
                    school="school_key",
                ),
            ]
        )
        stacks.append(
            rows.filter(pl.col("year").is_in(list(place))).with_columns(
                year=pl.col("year").replace_strict(place, return_dtype=pl.Int64),
                stratum=pl.lit(stack),
            )
        )
    whole = (
        pl.concat(stacks)
        if stacks
        else frame.clear().with_columns(stratum=pl.lit(""), school="school_key")
    )
    strata = whole.select("school_key", year=pl.lit(LAST, pl.Int64), stratum="stratum").unique()
    return whole.drop("stratum"), strata.sort("school_key"), lost


def n_compared(
    rows: pl.DataFrame,
    strata: pl.DataFrame,
    treated: pl.DataFrame,
    before: int,
    after: tuple[int, int],
) -> int:
    """Return how many schools `treated` are compared with, a school with several copies once."""
    stacks = strata.join(treated, on="school_key", how="semi").select("stratum").unique()
    within = strata.join(stacks, on="stratum", how="semi")
    free = rows.filter(pl.col("cohort").is_null()).join(within, on="school_key", how="semi")
    then = free.filter(pl.col("year").is_between(*after))
    both = free.filter(pl.col("year") == before).join(then, on="school_key", how="semi")
    return both["school"].n_unique()
