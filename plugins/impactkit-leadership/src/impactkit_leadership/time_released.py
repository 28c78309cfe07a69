"""M36, ``leadership.time_released``: hours of strategy that a business manager sets free."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from impactkit import Card, Chart, Column, Estimate, MetricContext, Table, estimating_metric
from impactkit_leadership.diary_needs import (
    BEFORE_AND_AFTER,
    DIARY_CAVEATS,
    NEEDS,
    ReleaseParams,
)

ID = "leadership.time_released"
RELEASED = "Hours of strategy a week, since a business manager came less before"
RAISED = "Heads with more hours of strategy than before"


@estimating_metric(
    id=ID,
    title="Leadership time set free",
    question="Do heads have more hours for strategy since they share a business manager?",
    unit="hours a week",
    direction="higher",
    needs=NEEDS,
    params=ReleaseParams,
    card=Card(
        definition=(
            "The hours a week that heads give to strategy since their school began to share a "
            "business manager, less the hours before, of the same heads."
        ),
        formula="mean over heads of (mean of weeks after - mean of weeks before)",
        source=(
            "Founding claim: a business manager frees the head's time (Maximising Progress). The "
            "diary is this project's. Interval: Efron & Tibshirani (1993), chapter 11"
        ),
        caveats=DIARY_CAVEATS,
        founding="M36",
        ours=True,
    ),
)
def time_released(context: MetricContext) -> Iterator[Any]:
    """Yield the change in hours, how many heads have more, and a slope from before to after."""
    import polars as pl

    from impactkit import wilson
    from impactkit_leadership import diaries

    params = context.params or ReleaseParams()
    found = diaries.diaries(context, params, ID)
    yield from found.exclusions
    pairs = found.pairs(pl.col("part"))
    if pairs.height < params.min_people:
        reason = (
            f"fewer than {params.min_people} heads kept a diary both before and after a business "
            "manager came; give `survey_responses`, `instruments`, and the first day in "
            "`interventions`"
        )
        yield Estimate(metric=ID, estimand=RELEASED, status="not_estimable", reason=reason)
        return
    yield diaries.changed(
        pairs,
        metric=ID,
        estimand=RELEASED,
        unit="hours a week",
        method="mean over heads of their means after and before",
        warnings=BEFORE_AND_AFTER,
    )
    more = int((pairs["after"] > pairs["before"]).sum())
    low, high = wilson(more / pairs.height, pairs.height)
    yield Estimate(
        metric=ID,
        estimand=RAISED,
        value=100 * more / pairs.height,
        ci_low=100 * low,
        ci_high=100 * high,
        unit="percent",
        n_people=pairs.height,
        n_schools=pairs["school_key"].n_unique(),
        method="share of heads; Wilson interval",
        variance="binomial; heads taken as independent",
        warnings=BEFORE_AND_AFTER,
    )
    means: list[tuple[Any, ...]] = [
        (name, pairs[name].mean(), pairs.height) for name in ("before", "after")
    ]
    yield Table(
        id="released",
        title="Hours of strategy a week, before and after",
        columns=(
            Column(name="when", label="Weeks", kind="dimension"),
            Column(name="hours", label="Hours a week", digits=1, denominator="heads"),
            Column(name="heads", label="Heads", kind="count", of="people"),
        ),
        rows=means,
        note=f"Counted as strategy: {', '.join(params.uses)}.".replace("_", " "),
    )
    yield Chart(
        id="released",
        kind="line",
        title="Hours of strategy a week, before and after a business manager came",
        data="released",
        x="when",
        y="hours",
        x_title="Weeks",
        y_title="Hours a week",
    )
