"""M45, ``partnership.reach``: which schools have the opportunity, by intake and by place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Estimate,
    MetricContext,
    Needs,
    Note,
    Table,
    estimating_metric,
)
from impactkit_partnership import columns as c

if TYPE_CHECKING:
    import polars as pl

ID = "partnership.reach"
REACHED = "Eligible schools in at least one partnership"
FIFTHS = (
    "fewest on free meals",
    "second fifth",
    "middle fifth",
    "fourth fifth",
    "most on free meals",
)
PLACES = ("rural", "urban")


@attrs.frozen(kw_only=True)
class ReachParams:
    """What a study may set under ``[metrics."partnership.reach"]``.

    Eligible are open schools of these `phases`; of all, when there are none. A school is reached
    that was ever a member, or with `as_of` that was one on that day.
    """

    phases: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    as_of: dt.date | None = None


CARD = Card(
    definition=(
        "Of the schools that could be in a partnership (open schools of the phases asked for), the "
        "share that is, or was, in at least one: in all, by fifths of the share of pupils eligible "
        "for free school meals in the last six years, and by whether the school is rural or urban."
    ),
    formula="100 x eligible schools in a partnership / eligible schools",
    source="Founding claim: Ofsted 090232 (2010), that the National College extend opportunities. "
    "Definition is this project's. Intervals: Wilson (1927), Newcombe (1998)",
    caveats=(
        "It counts all eligible schools, not a sample: intervals say how far chance alone could "
        "move shares of so few schools.",
        "Fifths are of the schools in the register, each about as many schools; they are not the "
        "national ones.",
        "Schools that differ in intake differ in phase, size and place as well.",
        "There is no map: bars by fifth and by place stand in for it.",
        "A school that changed its number is one school; closed schools are left out and counted.",
    ),
    founding="M45",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Reach and equity of access",
    question="Are schools with poor pupils, and rural ones, as often in a partnership as others?",
    unit="percent",
    direction="higher",
    needs=Needs(
        tables={
            "schools": ("urn", "school_key", "pct_fsm6", "urban_rural"),
            "memberships": ("partnership_id", "school_key"),
        },
        optional={
            "schools": ("status", "phase", "open_date", "close_date"),
            "memberships": ("joined", "left"),
        },
    ),
    params=ReachParams,
    card=CARD,
)
def reach(context: MetricContext) -> Iterator[Any]:
    """Yield the share of eligible schools reached, by fifth of free meals and by place."""
    import polars as pl

    params = context.params or ReachParams()
    rows, lost = _eligible(context.table("schools"), params)
    yield from lost
    reached = _members(context.table("memberships"), params)
    rows = rows.with_columns(pl.col("school_key").is_in(list(reached)).alias("reached"))
    strangers = len(reached - set(rows["school_key"]))
    if strangers:
        yield Note(
            text="{n} schools in a partnership are not among the eligible ones, and in no share.",
            values={"n": strangers},
            of="schools",
        )
    yield _share(rows, "")
    groups = {
        "fifth": [(name, rows.filter(pl.col("fifth") == i)) for i, name in enumerate(FIFTHS)],
        "place": [(name, rows.filter(pl.col("place") == name)) for name in PLACES],
    }
    for group, label, more, less in (
        ("fifth", "fifth with most on free meals less that with fewest", -1, 0),
        ("place", "rural less urban", 0, 1),
    ):
        parts = groups[group]
        for name, part in parts:
            yield _share(part, name)
        yield _difference(parts[more][1], parts[less][1], label)
    for column, words in (("fifth", "free meals"), ("place", "place")):
        unknown = int(rows[column].is_null().sum())
        if unknown:
            yield Note(
                text=f"The {words} of {{n}} schools is not known; they are in the whole only.",
                values={"n": unknown},
                of="schools",
            )
    yield _table([("all eligible schools", rows), *groups["fifth"], *groups["place"]])
    yield Chart(
        id="reach",
        kind="interval",
        title="Eligible schools in a partnership",
        data="reach",
        x="group",
        y="share",
        low="low",
        high="high",
        y_title="Percent of eligible schools",
    )


def _eligible(schools: pl.DataFrame, params: ReachParams) -> tuple[pl.DataFrame, Any]:
    """Return one row an eligible school, with its fifth of free meals and its place."""
    import polars as pl

    from impactkit import set_aside, typed_columns

    columns = {
        "school_key": pl.String,
        "urn": pl.Int64,
        "pct_fsm6": pl.Float64,
        "urban_rural": pl.String,
        "status": pl.String,
        "phase": pl.String,
        "open_date": pl.Date,
        "close_date": pl.Date,
    }
    if params.as_of is None:
        closed = (
            pl.when(pl.col("status").is_null())
            .then(pl.col("close_date").is_not_null())
            .otherwise(~pl.col("status").str.to_lowercase().str.starts_with("open"))
        )
    else:
        closed = (pl.col("close_date") < pl.lit(params.as_of)).fill_null(value=False) | (
            pl.col("open_date") > pl.lit(params.as_of)
        ).fill_null(value=False)
    # A school has a row a URN: what is said of it last is said of it.
    order = ["school_key", "closed", "open_date", "urn", "pct_fsm6", "urban_rural", "phase"]
    latest = (
        typed_columns(schools, columns)
        .drop_nulls("school_key")
        .with_columns(closed.alias("closed"))
        .sort(order, descending=[False, True, *[False] * 5], nulls_last=False)
        .unique("school_key", keep="last", maintain_order=True)
    )
    rows, lost = set_aside(
        latest,
        [
            ("closed", "Schools that are not open", pl.col("closed")),
            (
                "other_phase",
                "Schools of other phases than those asked for",
                ~pl.col("phase").is_in(list(params.phases))
                if params.phases
                else pl.lit(value=False),
            ),
        ],
        ID,
    )
    # Schools with the same share are in the same fifth, that of their middle place.
    position = pl.col("pct_fsm6").rank("average") - 0.5
    fifth = (5 * position / pl.col("pct_fsm6").count()).floor().cast(pl.Int64)
    kind = pl.col("urban_rural").str.to_lowercase()
    return rows.with_columns(
        fifth.alias("fifth"),
        pl.when(kind.str.contains("rural"))
        .then(pl.lit("rural"))
        .when(kind.str.contains("urban"))
        .then(pl.lit("urban"))
        .alias("place"),
    ), lost


def _members(memberships: pl.DataFrame, params: ReachParams) -> set[str]:
    import polars as pl

    from impactkit import typed_columns

    columns = {
        "partnership_id": pl.String,
        "school_key": pl.String,
        "joined": pl.Date,
        "left": pl.Date,
    }
    rows = typed_columns(memberships, columns).drop_nulls(["partnership_id", "school_key"])
    if params.as_of is not None:
        day = pl.lit(params.as_of)
        rows = rows.filter(
            (pl.col("joined").is_null() | (pl.col("joined") <= day))
            & (pl.col("left").is_null() | (pl.col("left") >= day))
        )
    return set(rows["school_key"])


def _share(part: pl.DataFrame, term: str) -> Estimate:
    n, hits = part.height, int(part["reached"].sum())
    names: dict[str, Any] = {"estimand": REACHED, "term": term, "unit": "percent"}
    if not n:
        return Estimate(
            **names,
            status="not_estimable",
            reason="there is no such school in `schools`",
            n_schools=0,
        )
    from impactkit import wilson

    low, high = wilson(hits / n, n)
    return Estimate(
        **names,
        value=100 * hits / n,
        std_error=100 * (hits / n * (1 - hits / n) / n) ** 0.5 or None,
        ci_low=100 * low,
        ci_high=100 * high,
        n_schools=n,
        method="share of eligible schools; Wilson interval",
        variance="binomial, schools independent",
    )


def _difference(more: pl.DataFrame, less: pl.DataFrame, label: str) -> Estimate:
    names: dict[str, Any] = {
        "estimand": f"{REACHED}: {label}",
        "term": label,
        "unit": "percentage points",
        "n_schools": more.height,
        "n_comparison": less.height,
    }
    if not more.height or not less.height:
        return Estimate(
            **names, status="not_estimable", reason="one of the two groups has no school"
        )
    from impactkit import newcombe

    one, other = (int(part["reached"].sum()) / part.height for part in (more, less))
    low, high = newcombe(one, more.height, other, less.height)
    return Estimate(
        **names,
        value=100 * (one - other),
        ci_low=100 * low,
        ci_high=100 * high,
        method="difference of two shares; Newcombe's hybrid score interval",
        variance="binomial, schools independent",
    )


def _table(groups: list[tuple[str, pl.DataFrame]]) -> Table:
    from impactkit import wilson

    rows = []
    for name, part in groups:
        n, hits = part.height, int(part["reached"].sum())
        if n:
            low, high = wilson(hits / n, n)
            rows.append((name, n, hits, 100 * hits / n, 100 * low, 100 * high))
    return Table(
        id="reach",
        title="Eligible schools in a partnership",
        columns=(
            c.what("group", "Schools"),
            c.schools("eligible", "Eligible"),
            c.schools("reached", "In a partnership"),
            c.number("share", "Share, %", "percent"),
            *c.INTERVAL,
        ),
        rows=rows,
        note="Fifths of eligible schools by the share of pupils eligible for free school meals in "
        "the last six years.",
    )
