"""M03, ``partnership.barriers``: what stood in the way, how often, and how long until it was gone.

Barriers per ten partnerships with an exact Poisson interval, days to resolution by Kaplan and
Meier, and both by whether the start had been clear (`partnership.agreement_clarity`).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    MetricContext,
    Needs,
    Note,
    Table,
    estimating_metric,
)
from impactkit_partnership import columns as c
from impactkit_partnership.barrier_rates import (
    CLEAR,
    PER_TEN,
    PER_YEAR,
    UNCLEAR,
    bunching,
    rate_of,
    ratio_of,
)

if TYPE_CHECKING:
    import polars as pl

ID = "partnership.barriers"
DAYS_A_YEAR = 365.25


@attrs.frozen(kw_only=True)
class BarrierParams:
    """What a study may set under ``[metrics."partnership.barriers"]``.

    `observed_until` is the last day that the log covers; otherwise that of its latest date. A start
    is clear where the share `clear_from` of the items of the agreement, or more, was settled within
    `settled_within` days.
    """

    observed_until: dt.date | None = None
    clear_from: float = attrs.field(
        default=0.5, validator=[attrs.validators.gt(0), attrs.validators.le(1)]
    )
    settled_within: int = attrs.field(default=60, validator=attrs.validators.ge(0))


CARD = Card(
    definition=(
        "Barriers logged for ten partnerships; and the median number of days from the day on which "
        "a barrier was written down to the day on which it was out of the way, counting those that "
        "are still there as not yet resolved. Both are shown by whether the start was clear: half "
        "the items of the agreement, or more, settled 60 days after it."
    ),
    formula="10 x barriers / partnerships; median of the Kaplan-Meier curve of days to resolution",
    source="Founding claim: Ofsted 090232 (2010), barriers such as reluctance to engage where the "
    "start was not clear. Definition is this project's. Intervals: Garwood (1936); Kaplan & Meier "
    "(1958); log-rank: Mantel (1966)",
    caveats=(
        "A barrier that nobody wrote down is not counted, and open partnerships write more down: "
        "more barriers logged need not be more barriers.",
        "A partnership without any entry counts as one without barriers.",
        "A clear start is not given at random: what it goes with it need not have brought about.",
        "The interval of the rate holds for barriers that come independently; a warning says where "
        "they come in bunches.",
        "So far only the synthetic authority has filled the table of barriers.",
    ),
    founding="M03",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Barriers and how long they last",
    question="How often do partnerships meet barriers, and how soon are they out of the way?",
    unit="barriers for ten partnerships",
    direction="lower",
    needs=Needs(
        tables={
            "barriers": ("partnership_id", "raised_on", "resolved_on"),
            "partnerships": ("partnership_id", "start_date"),
        },
        optional={
            "barriers": ("kind",),
            "partnerships": ("end_date",),
            "agreements": (
                *("partnership_id", "item", "present", "evidenced_on", "doc_ref", "coder"),
            ),
        },
    ),
    params=BarrierParams,
    card=CARD,
)
def barriers(context: MetricContext) -> Iterator[Any]:
    """Yield rates, times to resolution, and both by clarity of the start."""
    import polars as pl

    from impactkit import set_aside, typed_columns
    from impactkit_partnership import frames, resolution

    params = context.params or BarrierParams()
    known, lost = frames.started(context.table("partnerships"), ID)
    columns = {
        "partnership_id": pl.String,
        "raised_on": pl.Date,
        "resolved_on": pl.Date,
        "kind": pl.String,
    }
    log = typed_columns(context.table("barriers"), columns)
    until = params.observed_until or frames.latest(log, "raised_on", "resolved_on")
    until = until or dt.date.max
    rows, more = set_aside(
        log,
        [
            frames.unknown_partnership(known, "Barriers"),
            ("undated", "Barriers without the day they were raised", pl.col("raised_on").is_null()),
            (
                "outside",
                "Barriers raised after the last day observed",
                pl.col("raised_on") > pl.lit(until),
            ),
            (
                "backward",
                "Barriers resolved before they were raised",
                pl.col("resolved_on") < pl.col("raised_on"),
            ),
        ],
        ID,
    )
    yield from (*lost, *more)
    starts = _starts(context, known, params)
    time = _years(known, until)
    groups = {
        "all": list(time),
        **{g: [p for p in time if starts.get(p) == g] for g in (CLEAR, UNCLEAR)},
    }
    counts = Counter(rows["partnership_id"])
    bunched = bunching(counts, time)
    for estimand in (PER_TEN, PER_YEAR):
        for group, members in groups.items():
            if group == "all" or (starts and members):
                found = rate_of(estimand, counts, members, time, bunched)
                yield attrs.evolve(
                    found, subgroup=group, term="" if estimand == PER_TEN else "by year"
                )
    if starts:
        yield ratio_of(counts, groups, time, bunched)
    yield from bunched
    yield from resolution.lasting(rows, starts, until)
    yield _kinds(rows)
    if not starts:
        yield Note(
            text="No agreements were judged, so clear and unclear starts are not told apart."
        )


def _starts(context: MetricContext, known: pl.DataFrame, params: BarrierParams) -> dict[str, str]:
    """Return whether each partnership began clearly, of those whose agreement was judged."""
    from impactkit_partnership.agreement_clarity import ClarityParams, by_partnership, settled

    if "agreements" not in context.tables:
        return {}
    rule = ClarityParams(settled_within=params.settled_within)
    judged, _ = settled(context.tables["agreements"], known, rule, stage=ID)
    return {
        name: CLEAR if early >= params.clear_from else UNCLEAR
        for name, (early, _) in by_partnership(judged, rule).items()
    }


def _years(known: pl.DataFrame, until: dt.date) -> dict[str, float]:
    """Return for how many years each partnership was at work; those that began later are not in."""
    return {
        name: (min(filter(None, (end, until))) - start).days / DAYS_A_YEAR
        for name, start, end in known.iter_rows()
        if start <= until < dt.date.max
    }


def _kinds(rows: pl.DataFrame) -> Table:
    import polars as pl

    kinds = (
        rows.with_columns(pl.col("kind").fill_null("not stated"))
        .group_by("kind")
        .agg(
            pl.len().alias("n"),
            pl.col("resolved_on").is_not_null().sum().alias("gone"),
            pl.col("partnership_id").n_unique().alias("partnerships"),
        )
        .sort("n", "kind", descending=[True, False])
    )
    return Table(
        id="kinds",
        title="What stood in the way",
        columns=(
            c.what("kind", "Barrier"),
            c.events("barriers", "Logged"),
            c.events("resolved", "Out of the way"),
            c.partnerships(label="Partnerships that met it"),
        ),
        rows=kinds.iter_rows(),
    )
