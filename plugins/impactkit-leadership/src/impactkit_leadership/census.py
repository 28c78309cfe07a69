"""From spells to posts on census days: who held which post, where, each November."""

from __future__ import annotations

import datetime as dt

import attrs
import polars as pl

from impactkit import Exclusion, set_aside, typed_columns
from impactkit_leadership.levels import LADDER, PHASES

SPELLS = {
    "staff_key": pl.String,
    "school_key": pl.String,
    "level": pl.String,
    "start": pl.Date,
    "end": pl.Date,
    "fte": pl.Float64,
    "destination": pl.String,
    "interim": pl.Boolean,
    "phase": pl.String,
}

RANK = {post: rank for rank, post in enumerate(LADDER)}


def census_day(year: int, fixed: str = "") -> dt.date:
    """Return the School Workforce Census day in the autumn of `year`.

    The census has been taken on the first Thursday in November (7 November 2024, 2 November 2023);
    `fixed`, as ``MM-DD``, puts another day in its place.

    Examples
    --------
    >>> census_day(2024), census_day(2023), census_day(2024, "11-15")
    (datetime.date(2024, 11, 7), datetime.date(2023, 11, 2), datetime.date(2024, 11, 15))
    """
    if fixed:
        month, day = (int(part) for part in fixed.split("-"))
        return dt.date(year, month, day)
    first = dt.date(year, 11, 1)
    return first + dt.timedelta(days=(3 - first.weekday()) % 7)


def clean_spells(
    spells: pl.DataFrame, schools: pl.DataFrame | None, *, stage: str
) -> tuple[pl.DataFrame, tuple[Exclusion, ...]]:
    """Return usable spells with their phase group and rank, and what was set aside and why.

    The phase is the spell's own, else its school's; ``primary`` and ``secondary`` group the GIAS
    phases as the workforce statistics do. `rank` is null for posts beside the ladder.
    """
    frame = typed_columns(spells, SPELLS)
    known = typed_columns(schools, {"school_key": pl.String, "phase": pl.String})
    by_school = known.drop_nulls().unique("school_key", keep="first", maintain_order=True)
    frame = (
        frame.join(by_school, on="school_key", how="left", suffix="_school")
        .with_columns(
            pl.coalesce("phase", "phase_school")
            .str.strip_chars()
            .str.to_lowercase()
            .alias("phase"),
            pl.col("interim").fill_null(value=False),
            pl.col("level").replace_strict(RANK, default=None, return_dtype=pl.Int32).alias("rank"),
        )
        .with_columns(pl.col("phase").replace(PHASES))
        .drop("phase_school")
    )
    faults = (
        (
            "incomplete_spell",
            "Spells without a person, a school, a level or a start date",
            pl.any_horizontal(pl.col("staff_key", "school_key", "level", "start").is_null()),
        ),
        (
            "backward_spell",
            "Spells that end before they start",
            (pl.col("end") < pl.col("start")).fill_null(value=False),
        ),
        (
            "no_post",
            "Spells at a level that is no leadership post",
            pl.col("rank").is_null() & (pl.col("level") != "sbm"),
        ),
    )
    kept, lost = set_aside(frame, faults, stage)
    return kept, tuple(lost)


@attrs.frozen(kw_only=True)
class Window:
    """The censuses that the register can speak of: `days` by the year of their autumn."""

    days: dict[int, dt.date]
    since: dt.date
    until: dt.date

    @property
    def first(self) -> int:
        """The autumn of the first census."""
        return min(self.days)

    @property
    def last(self) -> int:
        """The autumn of the last census."""
        return max(self.days)


def window(
    spells: pl.DataFrame,
    *,
    since: dt.date | None = None,
    until: dt.date | None = None,
    fixed: str = "",
) -> Window | None:
    """Return the censuses between the first and the last day that the register covers.

    Unless told otherwise the register covers the time from its earliest start to the latest date in
    it. None when no census lies in between.
    """
    if spells.is_empty():
        return None
    first, last = spells.select(
        pl.col("start").min().alias("first"),
        pl.max_horizontal(pl.col("start").max(), pl.col("end").max()).alias("last"),
    ).row(0)
    since, until = since or first, until or last
    days = {
        year: day
        for year in range(since.year, until.year + 1)
        if since <= (day := census_day(year, fixed)) <= until
    }
    return Window(days=days, since=since, until=until) if days else None


QUIET = 2 * 366


def recorded_from(spells: pl.DataFrame) -> dt.date | None:
    """Return the day from which departures are on record; None where none is.

    A register drawn up today holds the first day of those who are still there, and nobody who left
    before. Its early cohorts would be survivors only, and look as if nobody ever left. So where no
    departure is recorded in the first two years, the register speaks from a year before the first
    departure on: its first census only tells who was new at the next.
    """
    first, departed = spells["start"].min(), spells["end"].min()
    if not isinstance(first, dt.date) or not isinstance(departed, dt.date):
        return None
    return departed - dt.timedelta(days=365) if (departed - first).days > QUIET else first


def posts_at_censuses(spells: pl.DataFrame, observed: Window) -> pl.DataFrame:
    """Return one row a person, post and census: the spells that were running on the day.

    `census` is the year of the autumn, `day` the date.
    """
    days = pl.LazyFrame(
        {"census": list(observed.days), "day": list(observed.days.values())},
        schema={"census": pl.Int32, "day": pl.Date},
    )
    running = (pl.col("start") <= pl.col("day")) & (
        pl.col("end").is_null() | (pl.col("end") >= pl.col("day"))
    )
    return spells.lazy().join(days, how="cross").filter(running).collect()


def main_posts(posts: pl.DataFrame) -> pl.DataFrame:
    """Keep one post a person and census: the highest, then the larger share of full time."""
    return posts.sort(
        ["census", "staff_key", "rank", "fte", "start", "school_key"],
        descending=[False, False, True, True, False, False],
        nulls_last=True,
    ).unique(["census", "staff_key"], keep="first", maintain_order=True)
