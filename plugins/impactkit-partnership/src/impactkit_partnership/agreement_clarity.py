"""M02, ``partnership.agreement_clarity``: how much was settled at the outset.

Ten items of an agreement, each counted only if there is evidence of it no later than 60 days after
the partnership began. What was settled later is shown beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Estimate,
    Exclusion,
    MetricContext,
    Needs,
    Table,
    estimating_metric,
)
from impactkit_partnership import columns as c

if TYPE_CHECKING:
    import polars as pl

ID = "partnership.agreement_clarity"
INDEX = "Items settled at the outset, mean over partnerships"
EVER = "Items settled at any time, mean over partnerships"
LATE = "Items settled later, mean over partnerships"
ITEMS = {
    "aims": "Aims",
    "roles": "Roles",
    "protocol_signed": "Protocol signed",
    "success_measures": "Measures of success",
    "baseline": "Baseline",
    "confidentiality": "Confidentiality",
    "resources": "Resources",
    "governors_sign_off": "Governors signed off",
    "review_dates": "Dates of reviews",
    "exit": "Exit",
}


def known_items(_: Any, field: Any, items: tuple[str, ...]) -> None:
    """Refuse an item that no agreement has."""
    unknown = [item for item in items if item not in ITEMS]
    if unknown or not items:
        raise ValueError(f"{field.name}: choose among {', '.join(ITEMS)}, not {unknown or 'none'}")


@attrs.frozen(kw_only=True)
class ClarityParams:
    """What a study may set under ``[metrics."partnership.agreement_clarity"]``.

    `items` are those that count, each as much as another; `settled_within` is days from the start.
    Without `references`, items count that name no document.
    """

    items: tuple[str, ...] = attrs.field(
        default=tuple(ITEMS), converter=tuple, validator=known_items
    )
    settled_within: int = attrs.field(default=60, validator=attrs.validators.ge(0))
    references: bool = True


CARD = Card(
    definition=(
        "Of ten items that an agreement can settle (aims, roles, signed protocol, measures of "
        "success, baseline, confidentiality, resources, governors' sign-off, dates of reviews, "
        "exit), the share for which there is dated evidence, with a reference, no later than 60 "
        "days after the partnership began. The index is the mean over partnerships."
    ),
    formula="mean over partnerships of 100 x items evidenced by start + 60 days / 10",
    source="Founding claim: Ofsted 090232 (2010), clear protocols and shared aims from the "
    "beginning. Items, days and weights are this project's",
    caveats=(
        "Agreements are mostly described by those who made them, which flatters: an item without a "
        "reference to a document does not count.",
        "That something was written down in time does not show that it was kept.",
        "Where two coders judged, a partnership has the mean of the two.",
        "A partnership of which nobody judged the agreement is left out and counted, not given "
        "nought.",
        "So far only the synthetic authority has filled the table of agreements.",
    ),
    founding="M02",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Clarity of agreements",
    question="How much had partnerships settled when they began?",
    unit="percent",
    direction="higher",
    needs=Needs(
        tables={
            "agreements": ("partnership_id", "item", "present", "evidenced_on", "doc_ref"),
            "partnerships": ("partnership_id", "start_date"),
        },
        optional={"agreements": ("coder",), "partnerships": ("end_date",)},
    ),
    params=ClarityParams,
    card=CARD,
)
def agreement_clarity(context: MetricContext) -> Iterator[Any]:
    """Yield the index, what was settled later, the items, and how far coders agree."""
    from impactkit_partnership import frames, resampling
    from impactkit_partnership.agreement import kappa_of

    params = context.params or ClarityParams()
    known, lost = frames.started(context.table("partnerships"), ID)
    judged, more = settled(context.table("agreements"), known, params, stage=ID)
    yield from (*lost, *more)
    unjudged = known.height - judged["partnership_id"].n_unique()
    if unjudged:
        yield Exclusion(
            reason="partnership.not_judged",
            text="Partnerships of which nobody judged the agreement",
            n_rows=unjudged,
            stage=ID,
        )
    scores = by_partnership(judged, params)
    for estimand, values in (
        (INDEX, [100 * early for early, _ in scores.values()]),
        (EVER, [100 * ever for _, ever in scores.values()]),
        (LATE, [100 * (ever - early) for early, ever in scores.values()]),
    ):
        unit = "percentage points" if estimand == LATE else "percent"
        found = resampling.ratio(values, [1.0] * len(values), context.rng())
        if found is None:
            yield Estimate(
                estimand=estimand,
                unit=unit,
                status="not_estimable",
                reason="no agreement of a partnership with a start was judged; give one row an "
                "item in `agreements`",
            )
            continue
        yield resampling.drawn_estimate(
            *found,
            len(values),
            estimand=estimand,
            term="" if estimand == INDEX else "any time" if estimand == EVER else "later",
            unit=unit,
            method="mean over partnerships",
        )
    yield from kappa_of(_by_coder(judged), "items of agreements")
    yield _items(judged, params)
    yield _partnerships(scores, params)
    yield Chart(
        id="items",
        kind="stacked",
        title="What was settled, and when",
        data="items",
        x="item",
        y="judged",
        y_title="Percent of partnerships judged",
    )


def settled(
    agreements: pl.DataFrame, known: pl.DataFrame, params: ClarityParams, *, stage: str
) -> tuple[pl.DataFrame, list[Exclusion]]:
    """Return one row a partnership, item and coder, with `early` and `ever`: settled by when."""
    import polars as pl

    from impactkit import set_aside, typed_columns
    from impactkit_partnership.frames import unknown_partnership

    columns = {
        "partnership_id": pl.String,
        "item": pl.String,
        "present": pl.Boolean,
        "evidenced_on": pl.Date,
        "doc_ref": pl.String,
        "coder": pl.String,
    }
    rows, lost = set_aside(
        typed_columns(agreements, columns),
        [
            unknown_partnership(known, "Items of agreements"),
            (
                "item_not_asked",
                "Items of agreements that are not among those that count",
                ~pl.col("item").is_in(list(params.items)),
            ),
        ],
        stage,
    )
    referenced = pl.col("doc_ref").fill_null("") != "" if params.references else pl.lit(value=True)
    ever = pl.col("present") & pl.col("evidenced_on").is_not_null() & referenced
    last = pl.col("start_date") + pl.duration(days=params.settled_within)
    return (
        rows.join(known, on="partnership_id")
        .with_columns(pl.col("coder").fill_null(""), ever.fill_null(value=False).alias("ever"))
        .with_columns((pl.col("ever") & (pl.col("evidenced_on") <= last)).alias("early"))
        .group_by("partnership_id", "item", "coder")
        .agg(pl.col("early", "ever").any())
        .sort("partnership_id", "item", "coder"),
        lost,
    )


def by_partnership(judged: pl.DataFrame, params: ClarityParams) -> dict[str, tuple[float, float]]:
    """Return the share of items settled at the outset, and at any time; the mean over coders."""
    import polars as pl

    rows = (
        judged.group_by("partnership_id", "coder")
        .agg(pl.col("early", "ever").sum() / len(params.items))
        .sort("partnership_id", "coder")
        .group_by("partnership_id", maintain_order=True)
        .agg(pl.col("early", "ever").mean())
    )
    return {name: (early, ever) for name, early, ever in rows.iter_rows()}


def _by_coder(judged: pl.DataFrame) -> dict[str, dict[Any, bool]]:
    found: dict[str, dict[Any, bool]] = {}
    columns = judged.select("coder", "partnership_id", "item", "early")
    for coder, partnership, item, early in columns.iter_rows():
        if coder:
            found.setdefault(coder, {})[partnership, item] = early
    return found


def _items(judged: pl.DataFrame, params: ClarityParams) -> Table:
    """Count partnerships by item: settled at the outset, settled later, or not."""
    import polars as pl

    from impactkit import wilson

    each = judged.group_by("partnership_id", "item").agg(pl.col("early", "ever").all())
    rows = []
    for item in params.items:
        part = each.filter(pl.col("item") == item)
        n, early, ever = part.height, int(part["early"].sum()), int(part["ever"].sum())
        if n:
            low, high = wilson(early / n, n)
            share = (100 * early / n, 100 * low, 100 * high)
            rows.append((ITEMS[item], n, early, ever - early, n - ever, *share))
    return Table(
        id="items",
        title="What was settled, and when",
        columns=(
            c.what("item", "Item"),
            c.partnerships("judged", "Partnerships judged"),
            c.partnerships("early", "At the outset"),
            c.partnerships("later", "Later"),
            c.partnerships("never", "No evidence"),
            c.number("share", "At the outset, %", "percent"),
            *c.INTERVAL,
        ),
        rows=rows,
        sums=(("judged", ("early", "later", "never")),),
        note="Where two coders judged, an item is settled if both found it settled.",
    )


def _partnerships(scores: Mapping[str, tuple[float, float]], params: ClarityParams) -> Table:
    return Table(
        id="clarity",
        title="Clarity of each agreement",
        columns=(
            c.what("partnership", "Partnership"),
            c.number("early", "Settled at the outset, %", "percent"),
            c.number("ever", "Settled at any time, %", "percent"),
        ),
        rows=[(name, 100 * early, 100 * ever) for name, (early, ever) in scores.items()],
        note=f"Of the items that count: {', '.join(ITEMS[item].lower() for item in params.items)}.",
    )
