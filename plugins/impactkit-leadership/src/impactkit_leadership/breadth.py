"""M09, ``leadership.breadth``: how many of the staff lead, and how evenly leadership is spread."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Column,
    Estimate,
    EstimationError,
    Exclusion,
    MetricContext,
    Needs,
    Table,
    estimating_metric,
)

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

ID = "leadership.breadth"
SHARE = "People who lead, for a hundred teachers"
GINI = "Gini coefficient of time in leadership, over all teachers"
EFFECT = "ATT on people who lead, for a hundred teachers"
DRAWS = 1000


@attrs.frozen(kw_only=True)
class BreadthParams:
    """What a study may set under ``[metrics."leadership.breadth"]``.

    The figures are of the last academic year, or of `year`. Somebody whose posts overlap to more
    than `most_fte` full-time posts is set aside. A figure rests on `min_schools` schools or more.
    """

    year: int | None = None
    most_fte: float = attrs.field(default=1.0, validator=attrs.validators.gt(0))
    min_schools: int = attrs.field(default=5, validator=attrs.validators.ge(2))


CARD = Card(
    definition=(
        "How many different people held a post of leadership at a school in an academic year, for "
        "a hundred of its teachers; and how unequally time in leadership is spread over all "
        "teachers, from 0 (all the same) to 1 (one has it all). Who holds no post has no time."
    ),
    formula=(
        "100 x distinct leaders / teachers; G = sum_i sum_j |h_i - h_j| / (2 n^2 mean(h)), with h "
        "full-time years in leadership of a person in the year"
    ),
    source=(
        "Founding claim: distributed leadership and meaningful opportunities (Ofsted 090232, "
        "2010). Gini (1912); Lorenz (1905). The definition is this project's"
    ),
    caveats=(
        "More posts are not better leadership, and a post is not yet an opportunity that means "
        "something.",
        "Secondments and work for other schools are in it only where the register has them.",
        "Business managers are left out and counted: they are not among the teachers.",
        "Small schools have many leaders for their teachers; compare a school with itself.",
        "So far only the synthetic authority has filled the table of leadership spells.",
    ),
    founding="M09",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Breadth of leadership",
    question="How many of the staff lead, and is leadership shared evenly?",
    unit="leaders for a hundred teachers",
    needs=Needs(
        tables={
            "leadership_spells": ("staff_key", "school_key", "level", "start", "end"),
            "school_years": ("school_key", "year", "teachers"),
        },
        optional={
            "leadership_spells": ("fte",),
            "memberships": ("partnership_id", "school_key", "joined", "left", "role"),
        },
    ),
    params=BreadthParams,
    card=CARD,
)
def breadth(context: MetricContext) -> Iterator[Any]:
    """Yield leaders for a hundred teachers, the Gini coefficient, the effect and a Lorenz curve."""
    import polars as pl

    from impactkit import set_aside, typed_columns
    from impactkit_leadership import census, partners

    params = context.params or BreadthParams()
    spells, lost = census.clean_spells(context.table("leadership_spells"), None, stage=ID)
    spells, managers = set_aside(
        spells,
        [
            (
                "no_teacher",
                "Spells of business managers, who are not among the teachers",
                pl.col("rank").is_null(),
            )
        ],
        ID,
    )
    yield from (*lost, *managers)
    teachers = typed_columns(
        context.table("school_years"),
        {"school_key": pl.String, "year": pl.Int64, "teachers": pl.Int64},
    ).drop_nulls()
    teachers = (
        teachers.group_by("school_key", "year")
        .agg(pl.col("teachers").sum())
        .filter(pl.col("teachers") > 0)
        .sort("school_key", "year")
    )
    held, over = within(spells, _span(teachers, spells), params.most_fte)
    yield from over
    known = spells["school_key"].unique()
    rows = _leaders(held, teachers.filter(pl.col("school_key").is_in(known.implode())))
    year = params.year or max(rows["year"], default=None)
    now = rows.filter(pl.col("year") == (0 if year is None else year))
    time = held.filter(pl.col("year") == (0 if year is None else year))
    if now["school_key"].n_unique() < params.min_schools:
        reason = (
            f"fewer than {params.min_schools} schools have both leadership spells and a number of "
            "teachers in the year"
        )
        for estimand in (SHARE, GINI):
            yield Estimate(metric=ID, estimand=estimand, status="not_estimable", reason=reason)
        return
    memberships = partners.members(context.tables.get("memberships"))
    yield from _figures(context, now, time, memberships, int(now["year"][0]))
    yield from _effect(context, rows)


def _span(teachers: pl.DataFrame, spells: pl.DataFrame) -> list[int]:
    """Return the academic years of which teachers are known and in which anybody led."""
    years = set(teachers["year"])
    starts = spells["start"].drop_nulls()
    first = min((d.year for d in starts), default=9999)
    return sorted(year for year in years if year >= first)


def within(
    spells: pl.DataFrame, years: list[int], most_fte: float
) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return `staff_key`, `school_key`, `year`, `time`: full-time years in leadership in each.

    Somebody whose spells add up to more than `most_fte` on some day of a year is set aside in that
    year, and counted: nobody holds more than one full post, so one of the spells is wrong.
    """
    import polars as pl

    from impactkit_leadership.overlaps import over

    grid = pl.DataFrame({"year": years}, schema={"year": pl.Int64}).with_columns(
        first=pl.date(pl.col("year") - 1, 9, 1), final=pl.date(pl.col("year"), 8, 31)
    )
    rows = (
        spells.with_columns(pl.col("fte").fill_null(1.0), end=pl.col("end").fill_null(dt.date.max))
        .select("staff_key", "school_key", "fte", "start", "end")
        .join(grid, how="cross")
        .with_columns(
            begins=pl.max_horizontal("start", "first"), ends=pl.min_horizontal("end", "final")
        )
        .filter(pl.col("begins") <= pl.col("ends"))
    )
    # Clipped to the year, so that only overlaps of that year count against it.
    clipped = rows.select("staff_key", "year", "fte", start="begins", end="ends")
    load = pl.concat(
        [
            over(part, most_fte).select("staff_key", pl.lit(year, pl.Int64).alias("year"))
            for (year,), part in clipped.group_by("year", maintain_order=True)
        ]
        or [clipped.select("staff_key", "year").clear()]
    ).unique()
    kept = rows.join(load, on=["staff_key", "year"], how="anti")
    share = ((pl.col("ends") - pl.col("begins")).dt.total_days() + 1) / (
        (pl.col("final") - pl.col("first")).dt.total_days() + 1
    )
    held = (
        kept.with_columns(time=share * pl.col("fte"))
        .group_by("staff_key", "school_key", "year")
        .agg(pl.col("time").sum())
        .sort("staff_key", "school_key", "year")
    )
    lost = []
    if load.height:
        lost.append(
            Exclusion(
                reason="leadership.more_than_full_time",
                text=f"People in a year in which their posts overlap to more than {most_fte:g} "
                "full-time posts: one of the spells must be wrong",
                n_rows=rows.height - kept.height,
                stage=ID,
            )
        )
    return held, lost


def _leaders(held: pl.DataFrame, teachers: pl.DataFrame) -> pl.DataFrame:
    """Return `leaders` and `teachers` by school and year; a school may have had no leader."""
    import polars as pl

    count = held.group_by("school_key", "year").agg(leaders=pl.col("staff_key").n_unique())
    return (
        teachers.join(count, on=["school_key", "year"], how="left")
        .with_columns(pl.col("leaders").fill_null(0))
        .sort("school_key", "year")
    )


def gini(values: np.ndarray) -> float | None:
    """Return the Gini coefficient of some amounts; None where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> gini(np.array([1.0, 1.0, 1.0])), gini(np.array([0.0, 0.0, 3.0]))
    (0.0, 0.6666666666666666)
    """
    import numpy as np

    n, total = len(values), float(values.sum())
    if n == 0 or total <= 0:
        return None
    ranks = 2 * np.arange(1, n + 1) - n - 1
    return float((ranks * np.sort(values)).sum() / (n * total))


def _figures(
    context: MetricContext,
    now: pl.DataFrame,
    time: pl.DataFrame,
    memberships: pl.DataFrame,
    year: int,
) -> Iterator[Any]:
    import polars as pl

    from impactkit_leadership import partners
    from impactkit_leadership.shares import IN, OUT

    labels = partners.cluster_labels(memberships)
    alone = pl.concat_str(pl.lit("school "), "school_key")
    now = now.with_columns(
        cluster=pl.col("school_key").replace_strict(labels, default=alone, return_dtype=pl.String),
        day=pl.date(pl.col("year") - 1, 11, 7),
    )
    now = now.with_columns(inside=partners.in_partnership(now, memberships, "day"))
    groups = {"all": now}
    if not memberships.is_empty():
        groups |= {IN: now.filter("inside"), OUT: now.filter(~pl.col("inside"))}
    rng = context.rng()
    for name, part in groups.items():
        hours = _padded(time, part)
        yield from _drawn(part, hours, name, rng)
    yield from _lorenz({name: _padded(time, part) for name, part in groups.items()}, year)


def _padded(time: pl.DataFrame, schools: pl.DataFrame) -> pl.DataFrame:
    """Return `cluster` and `time` of every teacher: nought for those who hold no post."""
    import polars as pl

    led = time.join(schools.select("school_key", "cluster"), on="school_key")
    none = schools.filter(pl.col("teachers") > pl.col("leaders")).select(
        "cluster",
        time=pl.lit(0.0).repeat_by(pl.col("teachers") - pl.col("leaders")),
    )
    return pl.concat([led.select("cluster", "time"), none.explode("time")]).sort("cluster", "time")


def _drawn(
    schools: pl.DataFrame, time: pl.DataFrame, name: str, rng: np.random.Generator
) -> Iterator[Estimate]:
    """Yield both figures of a group with intervals by drawing partnerships and schools again."""
    import numpy as np

    names = schools["cluster"].unique().sort().to_list()
    place = {label: k for k, label in enumerate(names)}
    sums = np.zeros((len(names), 2))
    for label, leaders, teachers in schools.select("cluster", "leaders", "teachers").rows():
        sums[place[label]] += leaders, teachers
    each = [np.array([])] * len(names)
    for (label,), part in time.group_by("cluster", maintain_order=True):
        each[place[str(label)]] = part["time"].to_numpy()
    about: dict[str, Any] = {
        "metric": ID,
        "subgroup": name,
        "n_schools": schools["school_key"].n_unique(),
        "n_people": int(schools["leaders"].sum()),
        "n_clusters": len(names),
    }
    teachers = float(sums[:, 1].sum())
    whole = gini(np.concatenate(each)) if each else None
    draws = np.array([rng.integers(0, len(names), len(names)) for _ in range(DRAWS)])
    asked: tuple[tuple[str, str, float | None, Callable[[Any], float | None]], ...] = (
        (
            SHARE,
            "leaders for a hundred teachers",
            100 * float(sums[:, 0].sum()) / teachers if teachers else None,
            lambda at: 100 * float(sums[at, 0].sum() / sums[at, 1].sum()),
        ),
        (GINI, "Gini coefficient", whole, lambda at: gini(np.concatenate([each[k] for k in at]))),
    )
    for estimand, unit, value, statistic in asked:
        shown = {**about, "estimand": estimand, "unit": unit}
        if value is None:
            reason = "nobody of these schools led in the year"
            yield Estimate(**shown, status="not_estimable", reason=reason)
            continue
        if len(names) < 5:
            reason = "there are too few schools or partnerships for an interval by drawing again"
            yield Estimate(**shown, value=value, reason=reason, variance="none")
            continue
        found = np.array([v for v in (statistic(at) for at in draws) if v is not None])
        low, high = np.quantile(found, [0.025, 0.975])
        yield Estimate(
            **shown,
            value=value,
            std_error=float(found.std(ddof=1)),
            ci_low=float(low),
            ci_high=float(high),
            method="schools pooled",
            variance=f"percentile bootstrap of partnerships and schools, {DRAWS:,} draws",
        )


def _lorenz(groups: dict[str, pl.DataFrame], year: int) -> Iterator[Table | Chart]:
    """Yield how much of leadership the tenths of teachers hold; a tenth is no person."""
    import numpy as np

    rows = []
    for name, part in groups.items():
        values = np.sort(part["time"].to_numpy())
        if len(values) < 20 or values.sum() <= 0:
            continue
        running = np.concatenate([[0.0], np.cumsum(values)]) / values.sum()
        at = np.arange(len(values) + 1) / len(values)
        rows += [
            (name, tenth * 10, 100 * float(np.interp(tenth / 10, at, running)))
            for tenth in range(11)
        ]
    if not rows:
        return
    yield Table(
        id="lorenz",
        title="How leadership is shared among teachers",
        columns=(
            Column(name="group", label="School was", kind="dimension"),
            Column(name="teachers", label="Percent of teachers, least first", kind="dimension"),
            Column(name="time", label="Percent of time in leadership", digits=1),
        ),
        rows=rows,
        note=f"Academic year that ended in {year}. With equal shares both columns are the same.",
    )
    yield Chart(
        id="lorenz",
        kind="line",
        title="How leadership is shared among teachers (Lorenz curve)",
        data="lorenz",
        x="teachers",
        y="time",
        series="group",
        x_title="Percent of teachers, least time first",
        y_title="Percent of time in leadership",
    )


def _effect(context: MetricContext, rows: pl.DataFrame) -> Iterator[Any]:
    """Yield what the study's design makes of leaders for a hundred teachers, year by year."""
    import polars as pl

    frame = rows.select(
        "school_key",
        "year",
        value=100 * pl.col("leaders") / pl.col("teachers"),
        weight=pl.col("teachers").cast(pl.Float64),
    )
    try:
        parts = context.effect(frame, aggregations=("group", "dynamic"), cells=False)
    except EstimationError as error:
        yield Estimate(metric=ID, estimand=EFFECT, status="not_estimable", reason=str(error))
        return
    for part in parts:
        headline = isinstance(part, Estimate) and part is parts[0]
        yield attrs.evolve(part, estimand=EFFECT) if headline else part
