"""What a run knows of an effect that bears on how strong the evidence for it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import attrs

from impactkit.doctor import Case, Fact, Finding, before, neighbours
from impactkit.doctor.balance import baseline
from impactkit.errors import EstimationError, InputError
from impactkit.evidence import Facts
from impactkit.evidence.grade import LEAD
from impactkit.pipeline.ground import Applied, Ground
from impactkit.pipeline.recovered import Recovered, recovered
from impactkit.results import Estimate, MetricResult

if TYPE_CHECKING:
    import polars as pl

    from impactkit.evidence.grade import Series
    from impactkit.metrics import Panel

MOST = 5
"""Partnerships left out one at a time: those whose schools pull the result its way most."""

SAID = frozenset({"survey_responses"})
"""Tables of what people say: an outcome that rests on them is an opinion."""


def facts_of(
    ground: Ground, applied: Applied, result: MetricResult, headline: Estimate
) -> tuple[Facts, Recovered | None]:
    """Gather what the grade of one effect is worked out from; what cannot be told is None.

    With it comes the change in its parts, where schools were chosen when low.
    """
    design, panel = ground.plan.study.design, applied.panel
    case = Case(
        design=design,
        tables=ground.tables,
        measures=ground.measures,
        panels={panel.measure: panel},
        links=ground.lineage.counts,
    )
    seen = list(_seen(case, panel.measure))
    spread = case.untreated[panel.measure]["spread"].median()
    sd = float(spread) if isinstance(spread, float) and spread > 0 else None
    years = _pre_years(case, panel.measure)
    lead, significant = _leads(result, panel.measure, sd, years or 0)
    numbers = {name: n for part in seen for name, n in part.numbers.items()}
    comparison = numbers.get("comparison")
    bad = max(numbers.get("partners", 0.0), numbers.get("same_trust", 0.0))
    others = recovered(ground, applied) if _low(seen) else None
    twice = next((f.numbers for f in seen if _is(f, neighbours.OVERLAPPING.code)), None)
    facts = Facts(
        kind="difference_in_differences",
        pre_years=years,
        same_trigger=design.comparison == "same_trigger",
        leads_small=_small(lead, significant),
        half_width=_half_width(headline, sd),
        lost=_lost(ground, applied),
        imbalance=_imbalance(case, panel.measure),
        adjusted=True,
        series=_series(panel),
        treated_clusters=headline.n_treated_clusters,
        schools=headline.n_schools,
        survey_only=bool(SAID & _needs(ground, result)),
        selected_on_outcome=_selected(seen, headline, others, design.comparison),
        planned=headline.planned,
        uncorrected=len(design.outcome) > 1 and headline.p_adjusted is None,
        lead=lead,
        lead_significant=significant,
        contaminated=bad / comparison if comparison else None,
        overlapping=None
        if comparison is None
        else twice["schools"] / twice["treated"]
        if twice
        else 0.0,
        flips=_flips(ground, applied, headline),
    )
    return facts, others


def _seen(case: Case, measure: str) -> Iterator[Fact | Finding]:
    for parts in (before.of_measure(case, measure), neighbours.of_study(case)):
        try:
            yield from parts
        except (EstimationError, InputError):
            # The doctor's page says so; here it is one thing more that is not known.
            continue


def _low(seen: Iterable[Fact | Finding]) -> bool:
    return any(_is(part, before.REGRESSION.code) for part in seen)


def _is(part: Fact | Finding, code: str) -> bool:
    return isinstance(part, Finding) and part.code == code


def _pre_years(case: Case, measure: str) -> int | None:
    """Return how many years before joining at least half of the treated schools have."""
    each = case.untreated[measure].filter("treated").group_by("school_key").len()["len"]
    n = int(case.schools(measure)["treated"].sum())
    counts = sorted([*each, *[0] * (n - len(each))])
    return counts[(n - 1) // 2] if n else None


def _leads(
    result: MetricResult, measure: str, sd: float | None, years: int
) -> tuple[float | None, bool | None]:
    """Return the largest difference before joining, in SD, and whether a joint test shows any.

    Of the `years` that at least half of the schools have: earlier ones are of a few schools.
    """
    values = [
        e.value
        for e in result.estimates
        if e.measure == measure
        and e.term.startswith("-")
        and e.term[1:].isdigit()
        and int(e.term[1:]) <= years
        and e.value is not None
        and e.std_error is not None
    ]
    passed = next(
        (d.passed for d in result.diagnostics if d.name == "pretest" and d.measure == measure),
        None,
    )
    largest = max(values, key=abs) / sd if values and sd else None
    return largest, None if passed is None else not passed


def _small(lead: float | None, significant: bool | None) -> bool | None:
    if lead is None or significant is None:
        return None
    # A test that finds nothing may be a weak test, so the differences themselves must be small.
    return not significant and abs(lead) <= LEAD


def _half_width(headline: Estimate, sd: float | None) -> float | None:
    """Return half of the 95% interval in standard deviations of schools, whatever its level."""
    from scipy.special import ndtri

    if headline.ci_low is None or headline.ci_high is None or sd is None:
        return None
    at_95 = float(ndtri(0.975) / ndtri(0.5 + headline.level / 2))
    return (headline.ci_high - headline.ci_low) / 2 * at_95 / sd


def _lost(ground: Ground, applied: Applied) -> float | None:
    """Return the share of treated schools that the estimate cannot follow to the last year.

    Schools whose figures stop, and those that the study's own `balance` leaves out.
    """
    from impactkit.lineage import vanished

    panel = applied.panel
    whole = panel
    if ground.plan.study.design.balance != "none":
        about = {"metric": applied.metric, "unit": panel.unit}
        whole = ground.panel(applied.data, **about, balance="none")
    gone = vanished(whole.frame, measure=panel.measure).treated_share
    treated = [_treated(p) for p in (whole, panel)]
    if gone is None or not treated[0]:
        return None
    return 1 - (1 - gone) * min(1.0, treated[1] / treated[0])


def _treated(panel: Panel) -> int:
    frame = panel.frame.filter(panel.frame["cohort"].is_not_null())
    return int(frame["school_key"].n_unique())


def _imbalance(case: Case, measure: str) -> float | None:
    from impactkit.comparison import balance_table

    frame, covariates = baseline(case, measure)
    try:
        table = balance_table(
            frame, unit="school_key", treated="treated", covariates=["outcome before", *covariates]
        )
    except (EstimationError, InputError):
        return None
    known = [abs(row.difference) for row in table.rows if row.difference is not None]
    return max(known, default=None)


def _series(panel: Panel) -> Series:
    hard = sum(item.hard for item in panel.breaks)
    if hard > 1:
        return "mixed"
    if hard:
        return "across_break" if panel.scale else "unregistered_break"
    if panel.scale:
        return "standardised"
    return "cautioned" if panel.breaks else "single"


def _needs(ground: Ground, result: MetricResult) -> set[str]:
    planned = (p for p in ground.plan.metrics if p.metric.id == result.metric)
    return {table for p in planned for table in p.metric.needs.tables}


def _selected(
    seen: Iterable[Fact | Finding],
    headline: Estimate,
    others: Recovered | None,
    comparison: str,
) -> bool | None:
    """Tell whether schools were chosen when low, and the headline does not allow for it.

    It does where comparison schools met the same trigger, or where the figure that allows for
    recovery says the same: clearly up, clearly down, or neither.
    """
    seen = list(seen)
    if not any("mean_z" in part.numbers for part in seen):
        return None
    if not _low(seen) or comparison == "same_trigger":
        return False
    return others is None or not others.agrees(headline)


def _flips(ground: Ground, applied: Applied, headline: Estimate) -> bool | None:
    """Leave out partnerships one at a time, and tell whether the sign changes."""
    import polars as pl

    from impactkit.estimators.placebo import leave_one_out
    from impactkit.pipeline.effects import lead_of

    plan, panel = ground.plan, applied.panel
    assert plan.estimator is not None
    estimator = plan.estimator
    heavy = _heaviest(panel, headline.value or 0.0)
    if len(heavy) < 2:
        return None
    own = pl.when(pl.col("cluster").is_in(heavy)).then("cluster")
    # Only the sign of the value is looked at, so its interval need not allow for few clusters.
    options = {**applied.options, "small_sample": "none"}

    def without(frame: pl.DataFrame) -> Estimate:
        return lead_of(
            attrs.evolve(panel, frame=frame.drop("_left")),
            plan.study.design,
            estimator,
            seed=plan.study.seed,
            **options,
        )

    try:
        found = leave_one_out(panel.frame.with_columns(_left=own), without, group="_left")
    except EstimationError:
        return None
    passed = found.diagnostic.passed
    return None if passed is None else not passed


def _heaviest(panel: Panel, value: float) -> list[str]:
    """Return the partnerships without which the result would be nearest to the other sign.

    By how far their schools' changes lie beyond the mean change, its way, added up.
    """
    import polars as pl

    after = pl.col("year") >= pl.col("cohort")
    way = 1.0 if value > 0 else -1.0
    each = (
        panel.frame.filter(pl.col("cohort").is_not_null())
        .group_by("cluster", "school_key")
        .agg(change=pl.col("value").filter(after).mean() - pl.col("value").filter(~after).mean())
        .drop_nulls("change")
        .with_columns(pull=way * (pl.col("change") - pl.col("change").mean()))
    )
    sums = each.group_by("cluster").agg(pl.col("pull").sum())
    return sums.sort("pull", "cluster", descending=[True, False])["cluster"].head(MOST).to_list()
