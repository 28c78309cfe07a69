"""M41, ``partnership.monitoring``: pupils' progress, looked at together and in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import attrs

from impactkit import Card, Chart, MetricContext, Needs, estimating_metric

ID = "partnership.monitoring"
JOINTLY = "Data drops looked at together in time"
AT_ALL = "Data drops looked at together at all"


@attrs.frozen(kw_only=True)
class MonitoringParams:
    """What a study may set under ``[metrics."partnership.monitoring"]``.

    A drop counts that `min_schools` or more looked at, no more than `within_days` from the day it
    was due. `observed_until` is the last day that the register covers; otherwise its latest date.
    """

    within_days: int = attrs.field(default=20, validator=attrs.validators.ge(0))
    min_schools: int = attrs.field(default=2, validator=attrs.validators.ge(1))
    observed_until: dt.date | None = None


CARD = Card(
    definition=(
        "Of the days on which pupils' progress was due to be collected, the share for which two "
        "schools or more of the partnership looked at the figures together no more than 20 days "
        "from that day."
    ),
    formula="100 x data drops analysed jointly within 20 days / data drops due",
    source="Founding claim: Maximising Progress, monitoring and tracking of pupils. Definition and "
    "days are this project's. Interval: Wilson (1927), for partnerships that differ",
    caveats=(
        "That figures were looked at does not show that anything was done about them.",
        "Drops that were never planned are not in it.",
        "So far only the synthetic authority has filled the table of data drops.",
    ),
    founding="M41",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Joint monitoring",
    question="Do schools look at their pupils' progress together, and in time?",
    unit="percent",
    direction="higher",
    needs=Needs(
        tables={"data_drops": ("partnership_id", "scheduled_on", "analysed_on", "schools")}
    ),
    params=MonitoringParams,
    card=CARD,
)
def monitoring(context: MetricContext) -> Iterator[Any]:
    """Yield the share of data drops that schools looked at together, in time and at all."""
    import polars as pl

    from impactkit import typed_columns
    from impactkit_partnership import cadence, frames

    params = context.params or MonitoringParams()
    columns = {
        "partnership_id": pl.String,
        "scheduled_on": pl.Date,
        "analysed_on": pl.Date,
        "schools": pl.List(pl.String),
    }
    table = typed_columns(context.table("data_drops"), columns)
    drops = table.select(
        "partnership_id",
        pl.col("scheduled_on").alias("planned"),
        pl.col("analysed_on").alias("done"),
        (pl.col("schools").list.unique().list.len().fill_null(0) >= params.min_schools).alias(
            "several"
        ),
    )
    rows, lost = cadence.due(
        drops,
        within=params.within_days,
        until=params.observed_until or frames.latest(table, "scheduled_on", "analysed_on"),
        what="Data drops",
        stage=ID,
    )
    yield from lost
    together = pl.col("several") & pl.col("done").is_not_null()
    rows = rows.with_columns(
        (pl.col("in_time") & together).alias("in_time"), together.alias("together")
    )
    missing = "no data drop was due; give `scheduled_on` in `data_drops`"
    yield from cadence.shares(rows, "in_time", missing, estimand=JOINTLY)
    whole, *_ = cadence.shares(rows, "together", missing, estimand=AT_ALL, term="at all")
    yield whole
    yield cadence.by_year(
        rows,
        id_="drops",
        title="Data drops, by academic year",
        extra=("together", "Together, whenever"),
    )
    yield Chart(
        id="drops",
        kind="line",
        title="Data drops looked at together in time",
        x="term",
        y="value",
        low="ci_low",
        high="ci_high",
        where={"estimand": JOINTLY},
        x_title="Academic year",
        y_title="Percent of data drops",
    )
