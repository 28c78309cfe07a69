"""M08, ``leadership.succession``: posts that somebody is ready to fill, and days of interim cover.

All of it describes one day and the year before: nothing is estimated.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Column,
    Estimate,
    Exclusion,
    MetricContext,
    Needs,
    Table,
    estimating_metric,
)
from impactkit_leadership.days import as_day
from impactkit_leadership.levels import LABELS, SENIOR, check_levels, posts_of

if TYPE_CHECKING:
    import polars as pl

ID = "leadership.succession"
COVER = "Leadership posts with a successor who is ready"
INTERIM = "Days of interim cover in a year, for ten posts"
READY = ("ready_now", "ready_in_2_years")
NOT_SAMPLED = "everybody was counted, so there is nothing to estimate"


@attrs.frozen(kw_only=True)
class SuccessionParams:
    """What a study may set under ``[metrics."leadership.succession"]``.

    `on` is the day; otherwise the latest day on which the talent pool is known. `ready` are the
    words that count as ready, `target` the share that the picture is held to. A figure rests on
    `min_posts` posts of `min_schools` schools or more.
    """

    on: dt.date | None = attrs.field(default=None, converter=as_day)
    levels: tuple[str, ...] = attrs.field(default=SENIOR, converter=tuple, validator=check_levels)
    ready: tuple[str, ...] = attrs.field(default=READY, converter=tuple)
    target: float | None = None
    min_posts: int = attrs.field(default=6, validator=attrs.validators.ge(1))
    min_schools: int = attrs.field(default=5, validator=attrs.validators.ge(1))


CARD = Card(
    definition=(
        "Of the posts of leadership on a day, the share for which somebody of the school is ready "
        "now or within two years; and the days in the year before on which a post was held in the "
        "interim, for ten posts."
    ),
    formula=(
        "100 x posts with a ready successor / posts, a successor counted for one post; 10 x "
        "interim days in twelve months / posts"
    ),
    source=(
        "Founding claim: succession planning (Central South Consortium). The definition is this "
        "project's"
    ),
    caveats=(
        "Readiness is somebody's judgement of a person, and hopeful where vacancies are feared.",
        "It counts those seen by their own school; a partner's successor is not in it.",
        "An interim may be planned; the register does not say.",
        "Judgements of people are sensitive: nothing is shown of fewer than five schools.",
        "So far only the synthetic authority has filled the talent pool.",
    ),
    founding="M08",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Succession",
    question="Is somebody ready for the posts of leadership that will fall vacant?",
    unit="percent",
    direction="higher",
    needs=Needs(
        tables={
            "leadership_spells": ("staff_key", "school_key", "level", "start", "end"),
            "talent_pool": ("staff_key", "school_key", "identified_on", "for_level", "readiness"),
        },
        optional={
            "leadership_spells": ("interim",),
            "talent_pool": ("promoted_on", "left_on", "observed_until"),
        },
    ),
    params=SuccessionParams,
    card=CARD,
)
def succession(context: MetricContext) -> Iterator[Any]:
    """Yield cover and interim days, all posts and by level, and the bench by level."""
    import polars as pl

    from impactkit_leadership import census

    params = context.params or SuccessionParams()
    spells, lost = census.clean_spells(context.table("leadership_spells"), None, stage=ID)
    pool = _pool(context.table("talent_pool"))
    day = params.on or _latest(pool)
    if day is None:
        reason = "the talent pool has no day on which it is known; set `on`"
        yield Estimate(metric=ID, estimand=COVER, status="not_estimable", reason=reason)
        return
    yield from lost
    wanted = {post: LABELS[level] for level in params.levels for post in posts_of(level)}
    here = (pl.col("start") <= day) & (pl.col("end").is_null() | (pl.col("end") >= day))
    held = spells.filter(pl.col("level").is_in(list(wanted)))
    posts = held.filter(here).with_columns(pl.col("level").replace(wanted))
    bench, unready = _bench(pool, day, params, wanted)
    yield from unready
    grid = _grid(posts, bench)
    for term, part in _parts(grid):
        yield _cover(part, term, params)
    if spells["interim"].any():
        days = _interim_days(held, day).with_columns(pl.col("level").replace(wanted))
        for term, part in _parts(grid):
            own = days if not term else days.filter(pl.col("level") == term)
            yield _interim(part, int(own["days"].sum()), term, params)
    else:
        reason = "no post is marked as interim; give `interim` in `leadership_spells`"
        yield Estimate(metric=ID, estimand=INTERIM, status="not_estimable", reason=reason)
    yield from _picture(grid, day, params)


def _pool(pool: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    from impactkit import typed_columns

    texts = ("staff_key", "school_key", "for_level", "readiness")
    days = ("identified_on", "promoted_on", "left_on", "observed_until")
    return typed_columns(pool, {**dict.fromkeys(texts, pl.String), **dict.fromkeys(days, pl.Date)})


def _latest(pool: pl.DataFrame) -> dt.date | None:
    """Return the last day on which anything is known of the pool."""
    names = ("identified_on", "promoted_on", "left_on", "observed_until")
    return max((day for name in names for day in pool[name].drop_nulls()), default=None)


def _bench(
    pool: pl.DataFrame, day: dt.date, params: SuccessionParams, wanted: dict[str, str]
) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return who is ready on the day, by school and level of post, and who was left out."""
    import polars as pl

    from impactkit import set_aside

    # The latest judgement of a person is the one that holds.
    order = ["identified_on", "staff_key", "school_key", "for_level"]
    rows = pool.sort(order, descending=[True, False, False, False], nulls_last=True)
    gone = pl.min_horizontal("promoted_on", "left_on") <= day
    rows, lost = set_aside(
        rows,
        [
            (
                "not_in_pool",
                "People who were not yet, or no longer, in the talent pool on the day",
                (pl.col("identified_on") > day) | gone.fill_null(False),
            ),
            (
                "no_level",
                "People in the pool of whom it is not known for which post of those asked for, or "
                "where",
                ~pl.col("for_level").is_in(list(wanted)).fill_null(False)
                | pl.col("school_key").is_null(),
            ),
            (
                "judged_before",
                "Earlier judgements of people who were judged again",
                ~pl.col("staff_key").is_first_distinct(),
            ),
            (
                "not_ready",
                "People in the pool who are not ready, or not known to be",
                ~pl.col("readiness").is_in(params.ready).fill_null(False),
            ),
        ],
        ID,
    )
    return rows.with_columns(level=pl.col("for_level").replace(wanted)), lost


def _grid(posts: pl.DataFrame, bench: pl.DataFrame) -> pl.DataFrame:
    """Return `posts`, `ready` and `covered` by school and level: a successor covers one post."""
    import polars as pl

    key = ["school_key", "level"]
    count = posts.group_by(key).agg(posts=pl.col("staff_key").n_unique())
    people = bench.group_by(key).agg(ready=pl.len())
    return (
        count.join(people, on=key, how="left")
        .with_columns(pl.col("ready").fill_null(0))
        .with_columns(covered=pl.min_horizontal("posts", "ready"))
        .sort(key)
    )


def _parts(grid: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    yield "", grid
    for level in grid["level"].unique().sort().to_list():
        yield level, grid.filter(grid["level"] == level)


def _few(grid: pl.DataFrame, params: SuccessionParams) -> dict[str, Any] | None:
    """Return why a figure of few posts or schools is not shown, or None."""
    if int(grid["posts"].sum()) < params.min_posts:
        reason = f"there are fewer than {params.min_posts} posts"
        return {"status": "not_estimable", "reason": reason}
    if grid["school_key"].n_unique() < params.min_schools:
        reason = (
            f"the posts are of fewer than {params.min_schools} schools, where one person could be "
            "recognised"
        )
        return {"status": "withheld", "reason": reason}
    return None


def _cover(grid: pl.DataFrame, term: str, params: SuccessionParams) -> Estimate:
    names: dict[str, Any] = {"metric": ID, "estimand": COVER, "term": term, "unit": "percent"}
    if few := _few(grid, params):
        return Estimate(**names, **few)
    posts, covered = int(grid["posts"].sum()), int(grid["covered"].sum())
    return Estimate(
        **names,
        value=100 * covered / posts,
        n_people=posts,
        n_schools=grid["school_key"].n_unique(),
        reason=NOT_SAMPLED,
        method="share of posts",
        variance="none",
    )


def _interim_days(held: pl.DataFrame, day: dt.date) -> pl.DataFrame:
    """Return the days of each interim spell within the twelve months before."""
    import polars as pl

    since = day - dt.timedelta(days=365)
    start = pl.max_horizontal("start", pl.lit(since) + pl.duration(days=1))
    end = pl.min_horizontal(pl.col("end").fill_null(day), pl.lit(day))
    return (
        held.filter("interim")
        .with_columns(days=(end - start).dt.total_days() + 1)
        .filter(pl.col("days") > 0)
    )


def _interim(grid: pl.DataFrame, days: int, term: str, params: SuccessionParams) -> Estimate:
    names: dict[str, Any] = {"metric": ID, "estimand": INTERIM, "term": term, "unit": "days"}
    if few := _few(grid, params):
        return Estimate(**names, **few)
    posts = int(grid["posts"].sum())
    return Estimate(
        **names,
        value=10 * days / posts,
        n_people=posts,
        n_schools=grid["school_key"].n_unique(),
        reason=NOT_SAMPLED,
        method="interim days over posts",
        variance="none",
    )


def _picture(grid: pl.DataFrame, day: dt.date, params: SuccessionParams) -> Iterator[Table | Chart]:
    import polars as pl

    if grid.is_empty():
        return

    def people(name: str, label: str) -> Column:
        return Column(name=name, label=label, kind="count", of="people")

    yield Table(
        id="bench",
        title="Posts and who is ready for them",
        columns=(
            Column(name="level", label="Post", kind="dimension"),
            people("posts", "Posts"),
            people("covered", "With a successor"),
            people("open", "Without"),
            people("ready", "People ready"),
            Column(name="schools", label="Schools", kind="count", of="schools"),
        ),
        rows=[
            (
                term or "all levels",
                *(int(part[n].sum()) for n in ("posts", "covered")),
                int((part["posts"] - part["covered"]).sum()),
                int(part["ready"].sum()),
                part["school_key"].n_unique(),
            )
            for term, part in _parts(grid)
        ],
        totals={"level": "all levels"},
        sums=(("posts", ("covered", "open")),),
        note=f"On {day:%d %B %Y}; a successor is counted for one post of their own school.",
    )
    schools = grid.group_by("school_key").agg(pl.col("posts", "covered").sum())
    none = int((schools["covered"] == 0).sum())
    some = int((schools["covered"] < schools["posts"]).sum())
    yield Table(
        id="bench_schools",
        title="Schools by how many of their posts have a successor",
        columns=(
            Column(name="cover", label="Posts with a successor", kind="dimension"),
            Column(name="schools", label="Schools", kind="count", of="schools"),
        ),
        rows=[
            ("none", none),
            ("some", some - none),
            ("all", schools.height - some),
        ],
    )
    yield Chart(
        id="bench",
        kind="bar",
        title="Posts of leadership with a successor who is ready",
        where={"estimand": COVER},
        x="term",
        y="value",
        x_title="Post",
        y_title="Percent of posts",
        reference=params.target,
    )
