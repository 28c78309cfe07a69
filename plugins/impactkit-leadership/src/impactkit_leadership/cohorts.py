"""New leaders, and what became of each of them: one row a person, cohort and horizon."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from impactkit_leadership.census import Window, main_posts, posts_at_censuses
from impactkit_leadership.levels import LADDER, posts_at_or_above, posts_of
from impactkit_leadership.partners import in_partnership, share_partnership

RETAINED = ("stayed", "promoted_here", "partner_school", "other_school")
NOT_RETAINED = ("other_post", "outside_data", "trust_central", "left_sector", "not_known")

FATES = {
    "stayed": "Same post, same school",
    "promoted_here": "Promoted in their school",
    "partner_school": "Moved to a partner school",
    "other_school": "Moved to another school",
    "other_post": "In a lower post or another phase",
    "outside_data": "Moved to a school outside these data",
    "trust_central": "Moved to a trust's central team",
    "left_sector": "Retired or left state schools",
    "not_known": "Not known",
}

_BY_DESTINATION = {
    "promoted_partner": "outside_data",
    "lateral_partner": "outside_data",
    "other_school": "outside_data",
    "trust_central": "trust_central",
    "retired": "left_sector",
    "left_state_sector": "left_sector",
}


def _held(spells: pl.DataFrame, observed: Window, level: str) -> pl.DataFrame:
    """Return who held a post of `level` at each census, everyone in their highest on the ladder."""
    beside = level not in LADDER
    track = spells.filter(
        pl.col("level") == level if beside else pl.col("rank").is_not_null(),
    )
    return (
        main_posts(posts_at_censuses(track, observed))
        .filter(pl.col("level").is_in(posts_of(level)))
        .select("staff_key", "school_key", "census", "day", "rank", "phase")
        .sort("census", "staff_key")
    )


def in_post(spells: pl.DataFrame, observed: Window, level: str) -> pl.DataFrame:
    """Return the leaders of `level`, new or not, at each census after the first, as `new_leaders`.

    Examples
    --------
    >>> import datetime as dt
    >>> from impactkit_leadership.census import clean_spells, window
    >>> start = [dt.date(2014, 9, 1), dt.date(2015, 9, 1)]
    >>> spells, _ = clean_spells(
    ...     pl.DataFrame(
    ...         {"staff_key": ["a", "b"], "school_key": "s", "level": "head", "start": start}
    ...     ),
    ...     None,
    ...     stage="leadership.retention",
    ... )
    >>> censuses = window(spells, until=dt.date(2015, 12, 1))
    >>> in_post(spells, censuses, "head").select("staff_key", "census").rows()
    [('a', 2015), ('b', 2015)]
    >>> new_leaders(spells, censuses, "head").select("staff_key", "census").rows()
    [('b', 2015)]
    """
    return _held(spells, observed, level).filter(pl.col("census") > observed.first)


def new_leaders(spells: pl.DataFrame, observed: Window, level: str) -> pl.DataFrame:
    """Return the leaders new to a post of `level` at each census after the first.

    New is who holds such a post at a census and held none at the census before. At the first census
    all would look new, so it has no cohort.
    """
    held = _held(spells, observed, level)
    before = held.select("staff_key", pl.col("census") + 1)
    return held.filter(pl.col("census") > observed.first).join(
        before, on=["staff_key", "census"], how="anti", maintain_order="left"
    )


def fates(
    cohort: pl.DataFrame,
    spells: pl.DataFrame,
    memberships: pl.DataFrame,
    observed: Window,
    level: str,
    horizons: Sequence[int],
) -> pl.DataFrame:
    """Return what each new leader was doing so many censuses on.

    `cohort` is from `new_leaders`; `spells` may hold interim posts too. Adds `years_after`,
    `observed` (false where that census lies after the last one) and `fate`, a key of `FATES`, null
    where not observed; a fate in `RETAINED` is what the Department counts as retained.
    """
    days = pl.DataFrame(
        {"later": list(observed.days), "later_day": list(observed.days.values())},
        schema={"later": pl.Int32, "later_day": pl.Date},
    )
    rows = (
        cohort.join(
            pl.DataFrame({"years_after": horizons}, schema={"years_after": pl.Int32}), how="cross"
        )
        .with_columns((pl.col("census") + pl.col("years_after")).alias("later"))
        .join(days, on="later", how="left")
        .with_columns(pl.col("later_day").is_not_null().alias("observed"))
        .with_row_index("_id")
    )
    followed = rows.filter("observed")
    in_post = _fates_in_post(followed, spells, memberships, observed, level)
    gone = _fates_out_of_post(followed.join(in_post, on="_id", how="anti"), spells)
    return (
        rows.join(pl.concat([in_post, gone]), on="_id", how="left")
        .with_columns(in_partnership(rows, memberships, "day"))
        .drop("_id", "later", "later_day")
    )


def _fates_in_post(
    followed: pl.DataFrame,
    spells: pl.DataFrame,
    memberships: pl.DataFrame,
    observed: Window,
    level: str,
) -> pl.DataFrame:
    """Return `_id` and `fate` of those who held any leadership post at the later census."""
    later = posts_at_censuses(spells, observed).select(
        "staff_key",
        pl.col("census").alias("later"),
        pl.col("school_key").alias("school_later"),
        pl.col("level").alias("level_later"),
        pl.col("rank").alias("rank_later"),
        pl.col("phase").alias("phase_later"),
    )
    found = followed.join(later, on=["staff_key", "later"])
    same_school = pl.col("school_key") == pl.col("school_later")
    # A phase that nobody recorded cannot show that somebody changed it.
    same_phase = same_school | (pl.col("phase") == pl.col("phase_later")).fill_null(value=True)
    kept = pl.col("level_later").is_in(posts_at_or_above(level)) & same_phase
    higher = (pl.col("rank_later") > pl.col("rank")).fill_null(value=False)
    fate = (
        pl.when(~kept)
        .then(pl.lit("other_post"))
        .when(same_school & higher)
        .then(pl.lit("promoted_here"))
        .when(same_school)
        .then(pl.lit("stayed"))
        .when("partners")
        .then(pl.lit("partner_school"))
        .otherwise(pl.lit("other_school"))
    )
    return (
        found.with_columns(share_partnership(found, memberships, "school_later", "later_day"))
        .with_columns(fate.alias("fate"), kept.alias("_kept"), same_school.alias("_same"))
        .sort(
            ["_id", "_kept", "_same", "rank_later", "partners"],
            descending=[False, True, True, True, True],
            nulls_last=True,
        )
        .unique("_id", keep="first", maintain_order=True)
        .select("_id", "fate")
    )


def _fates_out_of_post(gone: pl.DataFrame, spells: pl.DataFrame) -> pl.DataFrame:
    """Return `_id` and `fate` of the others, by the destination of the last spell they ended."""
    ended = (
        gone.select("_id", "staff_key", "later_day")
        .join(spells.select("staff_key", "end", "rank", "destination"), on="staff_key", how="left")
        .filter((pl.col("end") < pl.col("later_day")).fill_null(value=False))
        .sort(
            ["_id", "end", "rank", "destination"],
            descending=[False, True, True, False],
            nulls_last=True,
        )
        .unique("_id", keep="first", maintain_order=True)
    )
    fate = pl.col("destination").replace_strict(
        _BY_DESTINATION, default="not_known", return_dtype=pl.String
    )
    return (
        gone.select("_id")
        .join(ended.select("_id", fate.alias("fate")), on="_id", how="left")
        .with_columns(pl.col("fate").fill_null("not_known"))
    )
