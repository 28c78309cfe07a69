"""M23, ``claims.supporter_non_inferiority``: "the school providing help also carries on improving".

Not to find a loss is not to show that there was none: the question is whether a loss of more than a
margin, set beforehand, can be ruled out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Column,
    Diagnostic,
    Estimate,
    EstimationError,
    Exclusion,
    MetricContext,
    Needs,
    Note,
    Table,
    estimating_metric,
)
from impactkit_claims.common import (
    ABOUT_OUTCOMES,
    MEMBERSHIPS,
    OUTCOMES,
    spread,
    told,
)

if TYPE_CHECKING:
    from impactkit import Panel

EFFECT = "ATT on schools that gave help"
ADJUSTED = "Change of schools that gave help, beyond trend and recovery"


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."claims.supporter_non_inferiority"]``.

    Attributes
    ----------
    margin
        The loss that would matter, in the unit of the measure, above 0. Unset: 1 percentage point
        for percentages, and `margin_sd` for the rest. Set it before the outcomes are read.
    margin_sd
        The same in standard deviations between schools.
    role
        The role of schools that give help.
    confidence
        Of the one-sided bound.
    """

    margin: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.gt(0))
    )
    margin_sd: float = attrs.field(default=0.05, validator=attrs.validators.gt(0))
    role: str = "supporter"
    confidence: float = attrs.field(
        default=0.95, validator=[attrs.validators.gt(0.5), attrs.validators.lt(1)]
    )


@estimating_metric(
    id="claims.supporter_non_inferiority",
    title="Cost of giving help",
    question="Can it be ruled out that schools which gave help lost more than matters?",
    needs=Needs(
        tables={"outcomes": OUTCOMES, "memberships": (*MEMBERSHIPS, "role")},
        optional={"outcomes": ABOUT_OUTCOMES, "schools": ("school_key", "phase")},
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The effect of giving help on results of the schools that give it, with the one-sided "
            "95% bound on a loss. They are shown not to suffer when it is within the margin."
        ),
        formula="not worse if the lower bound of ATT (one-sided, 95%) is above -margin",
        source=(
            "Founding claim: the school providing help also carries on improving (article on "
            "National Leaders of Education). Non-inferiority: Piaggio et al. (2012), JAMA 308(24). "
            "The margin is this project's own proposal"
        ),
        caveats=(
            "A margin chosen after results were read shows nothing; write it into the plan.",
            "Schools are asked to help when their results rise, and results that rose by luck "
            "fall back. The adjusted estimate, which leads, allows for that.",
            "Comparison schools are those in no partnership at all, and not only those that were "
            "as strong; the adjusted estimate allows for results before.",
            "How long the head was away is not part of it.",
        ),
        founding="M23",
        ours=True,
    ),
)
def supporter_non_inferiority(context: MetricContext) -> Iterator[Any]:
    """Yield the effect on supporters with its one-sided bound, as it is and adjusted."""
    yield from context.each_outcome(lambda measure: _of(context, measure))


def _of(context: MetricContext, measure: str) -> Iterator[Any]:
    import polars as pl

    params = context.params or Params()
    panel = context.panel(measure, treated=pl.col("role") == params.role)
    panel, left_out = _outsiders(context, panel)
    margin = _margin(params, panel)
    known = context.measures.get(measure)
    lower_better = getattr(known, "direction", "higher") == "lower"
    level = 2 * params.confidence - 1
    first = context.estimate(panel, level=level, aggregations=("group",), cells=False)[0]
    if first.status != "ok":
        raise EstimationError(first.reason)
    plain = attrs.evolve(first, estimand=EFFECT)
    adjusted = _adjusted(context, panel, level)
    # Schools that are asked to help did well of late, so the adjusted estimate leads. Its p-value
    # is of whether there is any effect, for a summary that asks; the margin has a check of its own.
    found = [adjusted, plain] if adjusted.status == "ok" else [plain, adjusted]
    found[1] = attrs.evolve(found[1], p_value=None)
    yield from found
    for estimate in found:
        yield from _verdict(estimate, margin, lower_better)
    yield Note(
        "The margin is {margin} {unit}, {how}.",
        values={
            "margin": round(margin, 3),
            "unit": panel.effect_unit,
            "how": "as the study sets it"
            if params.margin
            else "the default: no plan says what loss would matter",
        },
    )
    yield from _picture(context.label(measure), panel, found, margin, lower_better)
    yield from left_out


def _outsiders(context: MetricContext, panel: Panel) -> tuple[Panel, tuple[Exclusion, ...]]:
    """Leave comparison schools out that are in some partnership, but for what was before it."""
    import polars as pl

    members = context.table("memberships")["school_key"].cast(pl.String).drop_nulls().unique()
    inside = pl.col("cohort").is_null() & pl.col("school_key").is_in(members.implode())
    n = panel.frame.filter(inside)["school_key"].n_unique()
    # Who is helped is mostly chosen by results, which forecasts must not lack.
    joined = context.panel(panel.measure, treated=pl.lit(True)).frame
    before = panel.frame.filter(inside).join(
        joined.filter(pl.col("year") < pl.col("cohort")).select("school_key", "year"),
        on=["school_key", "year"],
        how="semi",
    )
    beside = before if panel.beside is None else pl.concat([panel.beside, before])
    kept = attrs.evolve(panel, frame=panel.frame.filter(~inside), beside=beside)
    text = "schools that are helped in some partnership, and so are no comparison"
    lost = Exclusion(
        reason="claims.in_partnership", text=text, n_schools=n, measure=panel.measure, treated=0
    )
    return kept, (lost,) if n else ()


def _margin(params: Params, panel: Panel) -> float:
    if params.margin is not None:
        return params.margin
    return 1.0 if panel.unit == "percent" else params.margin_sd * spread(panel)


def _adjusted(context: MetricContext, panel: Panel, level: float) -> Estimate:
    from impactkit import recovery, school_facts

    say = attrs.evolve(told(context, panel, None), level=level)
    try:
        parts = recovery(
            panel,
            facts=school_facts(context.tables, panel.measure),
            seed=context.seed,
            level=level,
        )
    except EstimationError as error:
        return say.missing(ADJUSTED, str(error))
    return say.forecast(ADJUSTED, parts.excess.value, parts, parts.excess, tested=True)


def _verdict(estimate: Estimate, margin: float, lower_better: bool) -> Iterator[Diagnostic]:
    if estimate.ci_low is None or estimate.ci_high is None:
        return
    loss = estimate.ci_high if lower_better else -estimate.ci_low
    within = loss < margin
    yield Diagnostic(
        name=f"loss within the margin: {estimate.estimand}",
        value=loss,
        passed=within,
        measure=estimate.measure,
        text="A loss of more than the margin is ruled out at one-sided 95%."
        if within and estimate.level == 0.9
        else "A loss of more than the margin is ruled out."
        if within
        else "A loss of more than the margin is not ruled out, which does not show that there was "
        "one.",
    )


def _picture(
    name: str, panel: Panel, found: list[Estimate], margin: float, lower_better: bool
) -> Iterator[Any]:
    measure, unit = panel.measure, panel.effect_unit
    labels = {EFFECT: "as it is", ADJUSTED: "adjusted for falling back"}
    rows = [(labels[e.estimand], e.value, e.ci_low, e.ci_high) for e in found if e.status == "ok"]
    yield Table(
        id=f"supporters_{measure}",
        title=f"Schools that gave help: {name}",
        columns=(
            Column(name="estimate", label="Estimate", kind="dimension"),
            Column(name="change", label="Effect", unit=unit, digits=2),
            Column(name="low", label="Lower bound", unit=unit, digits=2),
            Column(name="high", label="Upper bound", unit=unit, digits=2),
        ),
        rows=rows,
        note="Each bound is one-sided. The line in the picture is the margin.",
    )
    yield Chart(
        id=f"supporters_{measure}",
        kind="interval",
        title=f"{name}: effect of giving help, and the margin",
        data=f"supporters_{measure}",
        x="estimate",
        y="change",
        low="low",
        high="high",
        x_title="Estimate",
        y_title=f"Effect, {unit}",
        reference=margin if lower_better else -margin,
    )
