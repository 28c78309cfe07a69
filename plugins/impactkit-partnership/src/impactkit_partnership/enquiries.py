"""M33, ``partnership.enquiries``: how well questions are put, and what is learnt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import Card, Chart, Estimate, MetricContext, Needs, Note, Table, estimating_metric
from impactkit_partnership import columns as c

if TYPE_CHECKING:
    import polars as pl

ID = "partnership.enquiries"
FORMED = "Enquiries that were well formed"
ANSWERED = "Enquiries that ended with a clear answer"
SUPPORTED = "Clear answers that supported the hypothesis"
CAPTURED = "Ended enquiries of which somebody wrote down what was learnt"
INFORMATIVE_NULLS = "Hypotheses not supported of which somebody wrote down what was learnt"
NULLS = "the same, where not supported"
CLEAR = ("supported", "not_supported")
PARTS = {"hypothesis": "Hypothesis", "measure": "Measure", "stop_rule": "Rule for stopping"}
RESULTS = {
    "supported": "Supported",
    "not_supported": "Not supported",
    "unclear": "Unclear",
    "stopped": "Stopped",
    "none": "No result yet",
}


@attrs.frozen(kw_only=True)
class EnquiryParams:
    """What a study may set under ``[metrics."partnership.enquiries"]``.

    `parts` are what an enquiry must have to be well formed.
    """

    parts: tuple[str, ...] = attrs.field(
        default=tuple(PARTS),
        converter=tuple,
        validator=[
            attrs.validators.min_len(1),
            attrs.validators.deep_iterable(attrs.validators.in_(tuple(PARTS))),
        ],
    )


CARD = Card(
    definition=(
        "Of the enquiries that schools began together, the share that wrote down a hypothesis, a "
        "measure to judge it by and a rule for stopping. Of those that ended: how many with a "
        "clear answer, how many of the clear answers supported the hypothesis, and of how many "
        "somebody wrote down what was learnt."
    ),
    formula="100 x enquiries with hypothesis, measure and stopping rule / enquiries",
    source="Founding claim: Central South Consortium, enquiry-led work and measurable risks. "
    "Definition is this project's. Interval: Wilson (1927), for partnerships that differ",
    caveats=(
        "A high share of supported hypotheses is no success: it can mean that only safe questions "
        "were asked. A clear no of which the reasons were written down is worth as much.",
        "Whether the rule for stopping was settled beforehand is taken at its word.",
        "Whether the texts are any good is not judged.",
        "So far only the synthetic authority has filled the table of enquiries.",
    ),
    founding="M33",
    ours=True,
)


@estimating_metric(
    id=ID,
    title="Enquiry portfolio",
    question="Do schools put questions that can be answered, and keep what they learn?",
    unit="percent",
    direction="higher",
    needs=Needs(
        tables={"enquiries": ("partnership_id", "hypothesis", "measure", "stop_rule", "result")},
        optional={"enquiries": ("started", "ended", "learning_ref")},
    ),
    params=EnquiryParams,
    card=CARD,
)
def enquiries(context: MetricContext) -> Iterator[Any]:
    """Yield how many enquiries are well formed, what came of them, and the matrix of both."""
    import polars as pl

    from impactkit import set_aside, typed_columns

    params = context.params or EnquiryParams()
    columns = {
        **dict.fromkeys(("partnership_id", *PARTS, "result", "learning_ref"), pl.String),
        "ended": pl.Date,
    }
    rows, lost = set_aside(
        typed_columns(context.table("enquiries"), columns),
        [("unnamed", "Enquiries of no partnership", pl.col("partnership_id").is_null())],
        ID,
    )
    yield from lost

    def there(name: str) -> pl.Expr:
        return pl.col(name).fill_null("").str.strip_chars() != ""

    rows = rows.with_columns(
        pl.all_horizontal(there(part) for part in params.parts).alias("formed"),
        (pl.col("ended").is_not_null() | pl.col("result").is_not_null()).alias("over"),
        pl.col("result").is_in(list(CLEAR)).fill_null(value=False).alias("clear"),
        there("learning_ref").alias("captured"),
        *(there(part).alias(f"has_{part}") for part in PARTS),
    )
    yield from _estimates(rows)
    yield from _tables(rows)
    yield Chart(
        id="matrix",
        kind="heatmap",
        title="Enquiries by how they were put and what came of them",
        data="matrix",
        y="all",
        series="formed",
        y_title="Enquiries",
    )
    asked = ", ".join(PARTS[part].lower() for part in params.parts)
    yield Note(text=f"Well formed is an enquiry of which these are written down: {asked}.")
    yield Chart(
        id="portfolio",
        kind="interval",
        title="How enquiries are put, and what is kept of them",
        data="shares",
        x="what",
        y="share",
        low="low",
        high="high",
        y_title="Percent",
    )


def _kinds(rows: pl.DataFrame) -> Iterator[tuple[str, str, pl.DataFrame, str, str]]:
    """Yield estimand, a short name, the enquiries it is of, what counts, and why there are none."""
    import polars as pl

    ended = rows.filter("over")
    clear = ended.filter("clear")
    no = ended.filter(pl.col("result") == "not_supported")
    yield FORMED, "well formed", rows, "formed", "no enquiry was entered"
    yield ANSWERED, "clear answer", ended, "clear", "no enquiry has ended"
    supported = clear.with_columns((pl.col("result") == "supported").alias("yes"))
    yield (
        SUPPORTED,
        "supported, of clear answers",
        supported,
        "yes",
        "no enquiry has ended with a clear answer",
    )
    yield CAPTURED, "learning written down", ended, "captured", "no enquiry has ended"
    yield INFORMATIVE_NULLS, NULLS, no, "captured", "no hypothesis was turned down"


def _estimates(rows: pl.DataFrame) -> Iterator[Estimate]:
    from impactkit_partnership.shares import Event, share_estimate

    for estimand, term, part, column, missing in _kinds(rows):
        events = [
            Event(group=group, hit=hit)
            for group, hit in part.select("partnership_id", column).iter_rows()
        ]
        yield share_estimate(
            events,
            missing=f"{missing}; see the table `enquiries`",
            estimand=estimand,
            term="" if estimand == FORMED else term,
        )


def _tables(rows: pl.DataFrame) -> Iterator[Table]:
    import polars as pl

    from impactkit_partnership.shares import Event, share

    yield Table(
        id="matrix",
        title="Enquiries by how they were put and what came of them",
        columns=(
            c.what("formed", "Enquiries"),
            *(c.events(name, label) for name, label in RESULTS.items()),
            c.events("all", "All"),
        ),
        rows=[
            (label, *counts, sum(counts))
            for label, formed in (("well formed", True), ("not well formed", False))
            for part in (rows.filter(pl.col("formed") == formed)["result"].fill_null("none"),)
            for counts in ([int((part == name).sum()) for name in RESULTS],)
        ],
        sums=(("all", tuple(RESULTS)),),
    )
    shares = [
        *((term, part, column) for _, term, part, column, _ in _kinds(rows)),
        *((f"with a {label.lower()}", rows, f"has_{name}") for name, label in PARTS.items()),
    ]
    found = []
    for what, part, column in shares:
        columns = part.select("partnership_id", column).rows()
        one = share(Event(group=group, hit=hit) for group, hit in columns)
        if one is not None:
            hits = int(part[column].sum())
            found.append((what, hits, one.n, 100 * one.value, 100 * one.low, 100 * one.high))
    yield Table(
        id="shares",
        title="How enquiries are put, and what is kept of them",
        columns=(
            c.what("what", "What"),
            c.events("hits", "Enquiries"),
            c.events("of", "Of"),
            c.number("share", "Share, %", "percent"),
            *c.INTERVAL,
        ),
        rows=found,
    )
