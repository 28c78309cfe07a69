"""M35, ``value.verified_savings``: what business managers save, less what they cost.

Three things are kept apart that are easily added up: savings that somebody can show on paper, those
that are claimed, and grants, which are somebody else's money and no saving at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    Note,
    Table,
    estimating_metric,
)

if TYPE_CHECKING:
    import polars as pl

    from impactkit_value.ledger import Ledger

ID = "value.verified_savings"
NET = "Cashable savings less the business manager's cost, a partnership and year"
SHARE = "Share of cashable savings that is evidenced"
EVIDENCED, CLAIMED, GRANTS, AVOIDED = (
    "evidenced",
    "as claimed",
    "evidenced, and grants won",
    "as claimed, and costs avoided",
)


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."value.verified_savings"]``.

    Attributes
    ----------
    cost_lines
        Costs to be taken off: those whose `line` has one of these words.
    basis
        Kind of year to carry all amounts over to, ``april_to_march`` or ``september_to_august``;
        empty: none, and mixed years are refused.
    deflators
        A price index by year, such as the GDP deflator of HM Treasury; empty: prices are nominal.
    price_base
        In prices of which year; 0: the last that there is.
    """

    cost_lines: tuple[str, ...] = ("business manager",)
    basis: str = attrs.field(
        default="",
        validator=attrs.validators.in_(("", "april_to_march", "september_to_august")),
    )
    deflators: Mapping[str, float] = attrs.field(factory=dict)
    price_base: int = 0


@estimating_metric(
    id=ID,
    title="Evidenced savings",
    question="Do business managers save more than they cost?",
    unit="gbp",
    direction="higher",
    needs=Needs(
        tables={
            "finance": (
                *("entry_id", "fiscal_year", "basis", "line", "amount_gbp", "kind"),
                *("partnership_id", "evidence"),
            )
        },
        optional={
            "finance": ("school_key", "recurrent", "evidence_ref", "price_year"),
            "memberships": ("school_key", "partnership_id"),
        },
    ),
    params=Params,
    card=Card(
        definition=(
            "Cashable savings that an invoice, a contract or a line of the accounts shows, less "
            "the cost of the business manager, a partnership and year. Beside it, the same as "
            "claimed, with costs avoided, and with grants won; and the share that is evidenced."
        ),
        formula="(sum of cashable savings - sum of the manager's cost) / partnership-years",
        source="Founding claim: Maximising Progress, savings by school business managers. "
        "Definition of the project's own",
        caveats=(
            "A saving is less spent on the same thing than before; what it would have cost is the "
            "word of whoever entered it, in the prices of that year.",
            "Grants are income, mostly for a purpose, and are no saving; costs avoided were never "
            "going to be spent, or cannot be shown.",
            "A saving made once and one that comes again every year are different things; a "
            "saving that comes again counts in each year in which it was entered.",
            "The range from evidenced to claimed says more than the interval, which tells only how "
            "partnerships differ.",
            "So far only the synthetic authority has filled the table of money.",
        ),
        founding="M35",
        ours=True,
    ),
)
def verified_savings(context: MetricContext) -> Iterator[Any]:
    """Yield net savings by what counts as one, the share that is evidenced, and the waterfall."""
    from impactkit_value.ledger import WORDS, ledger, placed

    params = context.params or Params()
    books = ledger(
        context.table("finance"),
        stage=ID,
        basis=params.basis,
        deflators=params.deflators,
        price_base=params.price_base,
    )
    yield from books.exclusions
    rows = placed(books.rows, context.tables.get("memberships"))
    nobodys = rows["partnership_id"].null_count()
    if nobodys:
        yield Exclusion(
            reason="value.no_partnership",
            text="amounts of no partnership, or of a school that is in none or in several",
            n_rows=nobodys,
            stage=ID,
        )
    sums = _by_partnership(rows.drop_nulls("partnership_id"), params)
    if sums.is_empty():
        raise EstimationError("no amount belongs to a partnership; give `partnership_id`")
    yield from _estimates(context, sums, params, books)
    yield from _waterfall(sums, books)
    yield Note(
        f"Amounts are by the year {WORDS[books.basis]}, in {books.prices}."
        + (" Those by the other year were carried over by twelfths." if books.converted else "")
    )


def _by_partnership(rows: pl.DataFrame, params: Params) -> pl.DataFrame:
    """Return a row a partnership: its years, and sums by what they are."""
    import polars as pl

    from impactkit_value.ledger import covered

    line = pl.col("line").fill_null("").str.to_lowercase()
    managers = pl.any_horizontal(
        pl.lit(value=False),
        *(line.str.contains(w.lower(), literal=True) for w in params.cost_lines),
    )
    saving, again = pl.col("kind") == "cashable_saving", pl.col("recurrent").fill_null(value=False)
    parts = {
        "cost": (pl.col("kind") == "cost") & managers,
        "again": saving & pl.col("evidenced") & again,
        "single": saving & pl.col("evidenced") & ~again,
        "unshown": saving & ~pl.col("evidenced"),
        "avoided": pl.col("kind") == "avoided_cost",
        "grants": pl.col("kind") == "grant",
    }
    years = covered(rows).group_by("partnership_id").agg(years=pl.col("share").sum())
    return (
        rows.sort("partnership_id", "year", "kind", "line", "amount")
        .group_by("partnership_id", maintain_order=True)
        .agg(
            *(pl.col("amount").filter(which).sum().alias(name) for name, which in parts.items()),
            *(which.sum().alias(f"n_{name}") for name, which in parts.items()),
        )
        .join(years, on="partnership_id", maintain_order="left")
    )


def _estimates(
    context: MetricContext, sums: pl.DataFrame, params: Params, books: Ledger
) -> Iterator[Estimate]:
    from impactkit_value.ratios import ratio

    options: dict[str, Any] = {
        "level": context.design.level,
        "metric": context.metric,
    }
    shown = sums["again"] + sums["single"]
    scenarios = {
        EVIDENCED: shown,
        CLAIMED: shown + sums["unshown"],
        GRANTS: shown + sums["grants"],
        AVOIDED: shown + sums["unshown"] + sums["avoided"],
    }
    for name, gained in scenarios.items():
        # The headline is what can be shown; the rest are told as other readings of it.
        about: dict[str, Any] = {
            "estimand": NET,
            "unit": "gbp",
            "term": "" if name == EVIDENCED else name,
        }
        if not sums["n_cost"].sum():
            words = ", ".join(params.cost_lines) or "nothing"
            yield Estimate(
                metric=context.metric,
                status="not_estimable",
                reason=f"no cost has {words!r} in its `line`, so what a saving took to make is not "
                "known; enter that cost, or name its line in `cost_lines`",
                **about,
            )
            continue
        yield ratio(
            (gained - sums["cost"]).to_list(),
            sums["years"].to_list(),
            method=f"sums over partnership-years; savings {name}; {books.prices}",
            **about,
            **options,
        )
    claimed = shown + sums["unshown"]
    about = {"estimand": SHARE, "unit": "percent"}
    if not claimed.sum() > 0:
        reason = "no cashable saving was entered"
        yield Estimate(metric=context.metric, status="not_estimable", reason=reason, **about)
        return
    share = ratio(
        shown.to_list(),
        claimed.to_list(),
        scale=100.0,
        method="evidenced over all cashable savings, by amount",
        **about,
        **options,
    )
    if share.ci_low is not None and share.ci_high is not None:
        # No share lies beyond these, whatever the normal theory of the interval says.
        share = attrs.evolve(
            share, ci_low=max(0.0, share.ci_low), ci_high=min(100.0, share.ci_high)
        )
    yield share


def _waterfall(sums: pl.DataFrame, books: Ledger) -> Iterator[Any]:
    """Yield what adds up to the net saving, step by step, and what stands apart from it."""
    years = float(sums["years"].sum())
    steps = (
        ("Savings that come again", "again", 1, "part"),
        ("Savings made once", "single", 1, "part"),
        ("Cost of the manager", "cost", -1, "part"),
        ("Net, evidenced", "", 1, "total"),
    )
    apart = (
        ("Unproven savings", "unshown"),
        ("Costs avoided", "avoided"),
        ("Grants", "grants"),
    )
    named = [name for _, name, *_ in (*steps, *apart) if name]
    totals = {name: float(sums[name].sum()) for name in named}
    totals[""] = totals["again"] + totals["single"] - totals["cost"]
    counts: dict[str, int | None] = {name: int(sums[f"n_{name}"].sum()) for name in named}
    amounts = (
        Column(name="entries", label="Amounts", kind="count", of="events"),
        Column(name="total", label="All together", unit="gbp", digits=0),
        Column(name="a_year", label="A partnership and year", unit="gbp", digits=0),
    )
    yield Table(
        id="savings",
        title=f"Savings and what they took, {books.prices}",
        columns=(
            Column(name="step", label="What", kind="dimension"),
            *amounts,
            Column(name="stands", label="In the sum", kind="text"),
        ),
        rows=[
            (words, counts.get(name), sign * totals[name], sign * totals[name] / years, stands)
            for words, name, sign, stands in steps
        ],
        note="All savings here are evidenced.",
    )
    yield Table(
        id="savings_apart",
        title=f"What stands apart and is in no sum, {books.prices}",
        columns=(Column(name="what", label="What", kind="dimension"), *amounts),
        rows=[(words, counts[name], totals[name], totals[name] / years) for words, name in apart],
    )
    yield Chart(
        id="savings",
        kind="waterfall",
        title="From savings to the net, a partnership and year",
        data="savings",
        x="step",
        y="a_year",
        series="stands",
        y_title="Pounds a partnership and year",
    )
