"""M31, ``partnership.accountability``: planned reviews, held or not, and what came of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import attrs

from impactkit import Card, Chart, MetricContext, Needs, Note, estimating_metric

ID = "partnership.accountability"
HELD = "Planned reviews held in time"
DECIDED = "Planned reviews with a recorded decision"


@attrs.frozen(kw_only=True)
class AccountabilityParams:
    """What a study may set under ``[metrics."partnership.accountability"]``.

    A review is held in time no more than `within_days` before or after the day planned. `target`
    is in per cent. `observed_until` is the last day that the register covers; otherwise that of its
    latest evidence.
    """

    within_days: int = attrs.field(default=30, validator=attrs.validators.ge(0))
    target: float = attrs.field(
        default=90.0, validator=[attrs.validators.ge(0), attrs.validators.le(100)]
    )
    observed_until: dt.date | None = None


CARD = Card(
    definition=(
        "Of the reviews that a partnership had planned, the share held no more than 30 days from "
        "the day planned; and the share of which a decision is recorded."
    ),
    formula="100 x reviews held within 30 days of the day planned / reviews planned and due",
    source="Founding claim: Central South Consortium, partnerships held to account. Definition, "
    "days and target (90 per cent) are this project's. Interval: Wilson (1927), for partnerships "
    "that differ",
    caveats=(
        "It counts what is on paper: a review can be held in time and change nothing.",
        "A partnership that plans few reviews meets them easily; see evaluation coverage for how "
        "many were held.",
        "A review not held is due once the days of grace have passed.",
        "So far only the synthetic authority has filled the table of evaluation activity.",
    ),
    founding="M31",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Accountability",
    question="Are reviews held when they were planned, and do decisions come of them?",
    unit="percent",
    direction="higher",
    needs=Needs(
        tables={
            "evaluation_activity": ("partnership_id", "criterion", "planned_on", "evidenced_on")
        },
        optional={"evaluation_activity": ("decision_ref",)},
    ),
    params=AccountabilityParams,
    card=CARD,
)
def accountability(context: MetricContext) -> Iterator[Any]:
    """Yield the shares of planned reviews held in time and with a decision, by year too."""
    import polars as pl

    from impactkit import typed_columns
    from impactkit_partnership import cadence, frames

    params = context.params or AccountabilityParams()
    columns = {
        "partnership_id": pl.String,
        "criterion": pl.String,
        "planned_on": pl.Date,
        "evidenced_on": pl.Date,
        "decision_ref": pl.String,
    }
    table = typed_columns(context.table("evaluation_activity"), columns)
    reviews = table.filter(pl.col("criterion") == "reviews").select(
        "partnership_id",
        pl.col("planned_on").alias("planned"),
        pl.col("evidenced_on").alias("done"),
        (pl.col("decision_ref").fill_null("") != "").alias("decided"),
    )
    rows, lost = cadence.due(
        reviews,
        within=params.within_days,
        until=params.observed_until or frames.latest(table, "evidenced_on"),
        what="Reviews",
        stage=ID,
    )
    yield from lost
    missing = (
        "no review was planned and due; give `planned_on` for criterion `reviews` in "
        "`evaluation_activity`"
    )
    yield from cadence.shares(rows, "in_time", missing, estimand=HELD)
    whole, *_ = cadence.shares(rows, "decided", missing, estimand=DECIDED, term="decision")
    yield whole
    yield cadence.by_year(
        rows,
        id_="reviews",
        title="Planned reviews, by academic year",
        extra=("decided", "With a decision"),
    )
    yield Chart(
        id="reviews",
        kind="line",
        title="Planned reviews held in time",
        x="term",
        y="value",
        low="ci_low",
        high="ci_high",
        where={"estimand": HELD},
        reference=params.target,
        x_title="Academic year planned for",
        y_title="Percent of planned reviews",
    )
    yield Note(
        text="The line across the picture is the target, {target:g} per cent.",
        values={"target": params.target},
        of="events",
    )
