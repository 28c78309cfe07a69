"""M12, ``leadership.teaching_time``: the share of a head's hours for teaching and learning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from impactkit import Card, Chart, Column, Estimate, MetricContext, Table, estimating_metric
from impactkit_leadership.diary_needs import (
    BEFORE_AND_AFTER,
    DIARY_CAVEATS,
    NEEDS,
    DiaryParams,
)

if TYPE_CHECKING:
    import polars as pl

    from impactkit_leadership.diaries import Diaries

ID = "leadership.teaching_time"
SHARE = "Share of heads' hours for teaching and learning"
SIDES = {"before": 0, "after": 1}
ALONE = "no business manager shared"
CHANGE = "Change of that share since a business manager came"


@estimating_metric(
    id=ID,
    title="Heads' time for teaching and learning",
    question="How much of their time do heads give to teaching and learning?",
    unit="percent",
    direction="higher",
    needs=NEEDS,
    params=DiaryParams,
    card=Card(
        definition=(
            "Of the hours in heads' diaries, the share for teaching and learning; and how the "
            "share of the same heads changed since the school began to share a business manager."
        ),
        formula="100 x hours for teaching and learning / all hours; mean over heads of the change",
        source=(
            "Founding claim: the best leadership is focused on teaching and learning (Ofsted "
            "090232, 2010). The diary is this project's. Intervals: Efron & Tibshirani (1993), "
            "chapters 11 (jackknife) and 13 (bootstrap)"
        ),
        caveats=DIARY_CAVEATS,
        founding="M12",
        ours=True,
    ),
)
def teaching_time(context: MetricContext) -> Iterator[Any]:
    """Yield the share of all weeks, and its change since a business manager came."""
    import polars as pl

    from impactkit_leadership import diaries

    params = context.params or DiaryParams()
    found = diaries.diaries(context, params, ID)
    yield from found.exclusions
    if found.weeks["respondent_key"].n_unique() < params.min_people:
        reason = (
            f"fewer than {params.min_people} heads kept the diary {params.instrument!r}; give "
            "`survey_responses` and `instruments`"
        )
        yield Estimate(metric=ID, estimand=SHARE, status="not_estimable", reason=reason)
        return
    yield diaries.drawn_share(
        found.weeks,
        context.rng(),
        metric=ID,
        estimand=SHARE,
        method="hours of all heads and weeks pooled",
    )
    pairs = found.pairs(100 * pl.col("part") / pl.col("whole"))
    if pairs.height < params.min_people:
        reason = (
            f"fewer than {params.min_people} heads kept a diary both before and after; give the "
            "first day of the business manager in `interventions`"
        )
        yield Estimate(metric=ID, estimand=CHANGE, status="not_estimable", reason=reason)
    else:
        yield diaries.changed(
            pairs,
            metric=ID,
            estimand=CHANGE,
            unit="percentage points",
            method="mean over heads of the share after less before",
            warnings=BEFORE_AND_AFTER,
        )
    yield _shares(found.weeks, params)
    yield from _stack(found, params)


def _shares(weeks: pl.DataFrame, params: DiaryParams) -> Table:
    """Return the share by side, of weeks of schools that share a business manager or do not."""
    import polars as pl

    rows = (
        weeks.with_columns(pl.col("side").fill_null(ALONE))
        .group_by("side")
        .agg(
            pl.col("part", "whole").sum(),
            heads=pl.col("respondent_key").n_unique(),
            weeks=pl.len(),
        )
        .sort(pl.col("side").replace_strict(SIDES, default=len(SIDES)))
    )
    return Table(
        id="diary",
        title="Hours in heads' diaries",
        columns=(
            Column(name="side", label="Weeks", kind="dimension"),
            Column(
                name="share",
                label="Teaching and learning",
                unit="percent",
                digits=1,
                denominator="heads",
            ),
            Column(name="hours", label="Hours a week", digits=1, denominator="heads"),
            Column(name="heads", label="Heads", kind="count", of="people"),
            Column(name="weeks", label="Weeks", kind="count", of="events"),
        ),
        rows=[
            (side, 100 * part / whole, whole / n, heads, n)
            for side, part, whole, heads, n in rows.rows()
        ],
        note=f"Counted as teaching and learning: {', '.join(params.uses)}.".replace("_", " "),
    )


def _stack(found: Diaries, params: DiaryParams) -> Iterator[Table | Chart]:
    """Yield hours a week by use and side, and their picture."""
    import polars as pl

    def named(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(pl.col("side").fill_null(ALONE))

    of = named(found.weeks).group_by("side").agg(weeks=pl.len())
    rows = (
        named(found.uses)
        .group_by("side", "item")
        .agg(pl.col("hours").sort().sum(), heads=pl.col("respondent_key").n_unique())
        .join(of, on="side")
        .sort(
            pl.col("side").replace_strict(SIDES, default=len(SIDES)),
            ~pl.col("item").is_in(params.uses),
            "item",
        )
        .select(
            "side",
            pl.col("item").str.replace_all("_", " "),
            pl.col("hours") / pl.col("weeks"),
            "heads",
        )
    )
    yield Table(
        id="uses",
        title="Hours a week in heads' diaries, by use",
        columns=(
            Column(name="side", label="Weeks", kind="dimension"),
            Column(name="use", label="Use", kind="dimension"),
            Column(name="hours", label="Hours a week", digits=1, denominator="heads"),
            Column(name="heads", label="Heads", kind="count", of="people"),
        ),
        rows=rows.rows(),
    )
    yield Chart(
        id="uses",
        kind="stacked",
        title="Hours a week in heads' diaries, by use",
        data="uses",
        x="side",
        y="hours",
        series="use",
        y_title="Hours a week",
    )
