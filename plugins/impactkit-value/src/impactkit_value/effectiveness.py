"""M34, ``value.cost_effectiveness``: what a tenth of a standard deviation cost a pupil and year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Diagnostic,
    Estimate,
    EstimationError,
    MetricContext,
    Needs,
    Note,
    estimating_metric,
)
from impactkit_value.acceptability import TENTH, Drawn, draws, pictures, plane

if TYPE_CHECKING:
    import polars as pl

    from impactkit import Improvement

ID = "value.cost_effectiveness"
COST = "Net cost a pupil and year"
GROSS = "Cost a pupil and year, before savings"
EFFECT = "Change beyond that elsewhere, where the costs are known"
ICER = "Net cost a pupil and year of a tenth of a standard deviation"
PUPIL, SCHOOL = "pupil standard deviations", "school standard deviations"


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."value.cost_effectiveness"]``.

    Attributes
    ----------
    measure
        The outcome; empty: the study's first.
    sd
        Standard deviation of pupils in the unit of the measure, where it is known from elsewhere;
        0: that of the pupils' records, or else of schools.
    years
        Over how many years from joining on cost and effect are taken.
    before
        Event years that the effect is counted from.
    expected_lines
        What a full account has among its costs: a word of each line.
    deflators, price_base
        As for ``value.verified_savings``.
    willing
        Pounds a pupil and year that a tenth of a standard deviation may be worth.
    draws
        Of the joint bootstrap.
    """

    measure: str = ""
    sd: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    years: int = attrs.field(default=3, validator=attrs.validators.ge(1))
    before: tuple[int, int] = (-1, -1)
    expected_lines: tuple[str, ...] = ("release", "supply")
    deflators: Mapping[str, float] = attrs.field(factory=dict)
    price_base: int = 0
    willing: tuple[float, ...] = (0, 10, 25, 50, 75, 100, 150, 200, 300, 500)
    draws: int = attrs.field(default=2000, validator=attrs.validators.ge(200))


@estimating_metric(
    id=ID,
    title="Cost-effectiveness",
    question="What did the partnerships cost a pupil and year, and for how much of a change?",
    unit="gbp",
    direction="lower",
    needs=Needs(
        tables={
            "finance": (
                *("entry_id", "fiscal_year", "basis", "line", "amount_gbp", "kind"),
                *("partnership_id", "evidence"),
            ),
            "outcomes": ("school_key", "year", "measure", "value"),
            "memberships": ("school_key", "partnership_id", "joined"),
        },
        optional={
            "finance": ("school_key", "recurrent", "evidence_ref", "price_year"),
            "school_years": ("school_key", "year", "pupils"),
            "schools": ("school_key", "pupils"),
            "pupils": ("year", "measure", "score"),
        },
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "Cost of the partnerships less evidenced cashable savings, a pupil on roll and year, "
            "over the first three years; the change of results beyond that elsewhere in the same "
            "years; and the one for a tenth of a standard deviation of the other."
        ),
        formula="C = sum(cost - saving) / pupil-years; ratio = C / (effect / 0.1 SD)",
        source=(
            "Founding claims: Central South Consortium, funding; Maximising Progress, value for "
            "money. Acceptability: Fenwick, O'Brien & Briggs (2004), Health Economics 13(5)"
        ),
        caveats=(
            "Schools elsewhere are taken to have spent nothing on what the partnership replaces; "
            "costs are only those entered, and teachers' time is often not.",
            "The change allows for the trend elsewhere only. Where schools were chosen for poor "
            "results part of it is recovery, and the partnerships look cheaper than they are: see "
            "claims.rtm_adjusted.",
            "A ratio is given only where the effect is above zero beyond doubt; else read the "
            "acceptability curve, which needs no ratio.",
            "In standard deviations of schools the ratio cannot be compared with other "
            "programmes'; give `sd`, of pupils.",
            "Amounts are carried over to academic years by twelfths, and are nominal unless the "
            "study gives deflators. Nothing is discounted over so few years.",
            "Worth is in the eye of whoever pays: the curve says how sure, not how good.",
            "So far only the synthetic authority has filled the table of money.",
        ),
        founding="M34",
        ours=True,
    ),
)
def cost_effectiveness(context: MetricContext) -> Iterator[Any]:
    """Yield cost, effect, their ratio and how sure one can be of its worth."""
    import polars as pl

    from impactkit import improvement
    from impactkit_value.cost import spent
    from impactkit_value.ledger import ACADEMIC, ledger

    params = context.params or Params()
    measure = params.measure or context.design.outcome[0]
    books = ledger(
        context.table("finance"),
        stage=ID,
        basis=ACADEMIC,
        deflators=params.deflators,
        price_base=params.price_base,
    )
    yield from books.exclusions
    panel = context.panel(measure)
    joined = panel.frame.drop_nulls("cohort").select("school_key", "cohort", "cluster").unique()
    costs = spent(context, books, joined.sort("school_key"), params.years)
    yield from costs.exclusions
    costed = pl.col("cluster").is_in(costs.rows["cluster"].implode())
    found = improvement(
        panel.frame.filter(pl.col("cohort").is_null() | costed),
        before=params.before,
        after=(0, params.years - 1),
        control=context.design.control,
        anticipation=context.design.anticipation,
    )
    yield from found.exclusions
    sd, unit, warnings = _spread(context, params, measure, panel.frame)
    better = -1.0 if getattr(context.measures.get(measure), "direction", "") == "lower" else 1.0
    drawn = draws(context, params.draws, found, costs.rows, better / sd)
    rest = f"first {params.years} years; {books.prices}"
    cost = _cost(context, COST, costs.rows, costs.rows["saving"], rest)
    yield cost
    yield _cost(context, GROSS, costs.rows, 0.0 * costs.rows["saving"], rest)
    effect = _effect(context, found, measure, better / sd, unit, warnings)
    yield effect
    yield _ratio(context, cost, effect, drawn, warnings)
    if drawn is not None:
        yield from plane(drawn, effect.value, cost.value, unit)
        yield from pictures(drawn, params.willing, unit)
    yield _full_account(books.rows, params)
    yield Note(
        f"Costs are by academic year, in {books.prices}."
        + (" Fiscal years were carried over by twelfths." if books.converted else "")
    )


def _spread(
    context: MetricContext, params: Params, measure: str, frame: pl.DataFrame
) -> tuple[float, str, tuple[str, ...]]:
    """Return the standard deviation to divide by, whose it is, and what to know of it."""
    import polars as pl

    if params.sd > 0:
        return params.sd, PUPIL, ()
    records = context.tables.get("pupils")
    rows, unit = frame.select("year", "value"), SCHOOL
    warnings: tuple[str, ...] = (SCHOOL_ONLY,)
    if records is not None and {"year", "measure", "score"} <= set(records.columns):
        scores = records.filter(pl.col("measure") == measure).select("year", value="score")
        if scores.drop_nulls().height:
            rows, unit, warnings = scores, PUPIL, ()
    away = pl.col("value") - pl.col("value").mean().over("year")
    rows = rows.drop_nulls().sort("year", "value").with_columns(away=away)
    n = rows.height - rows["year"].n_unique()
    sd = float((rows["away"] ** 2).sum() / n) ** 0.5 if n > 0 else 0.0
    if not sd > 0:
        raise EstimationError(f"values of {measure} do not differ within a year; give `sd`")
    return sd, unit, warnings


SCHOOL_ONLY = (
    "in standard deviations of schools, which are smaller than those of pupils: not comparable "
    "with what other programmes cost; give `sd`"
)


def _cost(
    context: MetricContext, estimand: str, costs: pl.DataFrame, saving: pl.Series, rest: str
) -> Estimate:
    """Return a cost a pupil and year."""
    from impactkit_value.ratios import ratio

    return ratio(
        (costs["cost"] - saving).to_list(),
        costs["pupils"].to_list(),
        level=context.design.level,
        metric=context.metric,
        estimand=estimand,
        unit="gbp",
        n_treated_clusters=costs.height,
        method=f"costs over pupils on roll and years; {rest}",
    )


def _effect(
    context: MetricContext,
    found: Improvement,
    measure: str,
    scale: float,
    unit: str,
    warnings: tuple[str, ...],
) -> Estimate:
    """Return the effect of the same schools in standard deviations; above zero is better."""
    # With a term it is no headline: the metrics that are about the effect have that.
    about: dict[str, Any] = {
        "metric": context.metric,
        "measure": measure,
        "unit": unit,
        "term": "effect",
    }
    try:
        told: Estimate = found.estimate(
            EFFECT,
            weights=(scale,),
            level=context.design.level,
            p_value=None,
            warnings=warnings,
            **about,
        )
    except EstimationError as why:
        return Estimate(estimand=EFFECT, status="not_estimable", reason=str(why), **about)
    return attrs.evolve(told, method=f"{told.method}; over the standard deviation, taken as known")


def _ratio(
    context: MetricContext,
    cost: Estimate,
    effect: Estimate,
    drawn: Drawn | None,
    warnings: tuple[str, ...],
) -> Estimate:
    """Return the cost of a tenth of a standard deviation, or why there is no such thing."""
    import numpy as np

    about: dict[str, Any] = {"metric": context.metric, "estimand": ICER, "unit": "gbp"}
    reason = (
        "an effect above zero cannot be told from none, and money over next to nothing says "
        "nothing; read the acceptability curve"
        if effect.ci_low is None or effect.ci_low <= 0 or not effect.value
        else "partnerships saved more than they cost, so a change for the better cost nothing"
        if (cost.value or 0.0) <= 0
        else ""
    )
    if reason:
        return Estimate(status="not_estimable", reason=reason, **about)
    found = attrs.evolve(
        cost,
        estimand=ICER,
        value=(cost.value or 0.0) / ((effect.value or 0.0) / TENTH),
        std_error=None,
        df=None,
        n_schools=effect.n_schools,
        n_comparison=effect.n_comparison,
        method="net cost a pupil and year, over the effect in tenths of a standard deviation",
        warnings=warnings,
    )
    if drawn is None:
        return found
    tail = (1 - context.design.level) / 2
    # A draw without an effect costs without end, so that it counts at the upper end.
    each = np.where(drawn.effect > 0, drawn.cost / np.maximum(drawn.effect, 1e-12) * TENTH, np.inf)
    low, high = np.quantile(each, [tail, 1 - tail], method="nearest")
    found = attrs.evolve(found, variance="joint bootstrap of partnerships")
    if not np.isfinite(high):
        return attrs.evolve(
            found, ci_low=None, ci_high=None, reason="the interval has no upper bound"
        )
    return attrs.evolve(found, ci_low=float(low), ci_high=float(high))


def _full_account(rows: pl.DataFrame, params: Params) -> Diagnostic:
    """Tell whether costs that are often forgotten were entered."""
    import polars as pl

    lines = rows.filter(pl.col("kind") == "cost")["line"].drop_nulls().str.to_lowercase()
    lacking = [
        word
        for word in params.expected_lines
        if not lines.str.contains(word.lower(), literal=True).any()
    ]
    return Diagnostic(
        name="costs that are often forgotten",
        value=", ".join(lacking) or "none lacking",
        passed=not lacking,
        text="No cost has these words in its line; the true cost is likely higher."
        if lacking
        else f"Among the costs are {', '.join(params.expected_lines)}.",
    )
