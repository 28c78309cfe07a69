"""M21, ``claims.improvement_ratio``: "three to four times the rate of improvement elsewhere"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from impactkit import (
    Card,
    Chart,
    Column,
    EstimationError,
    MetricContext,
    Note,
    Table,
    estimating_metric,
)
from impactkit_claims.common import (
    FORECAST_NEEDS,
    changes,
    told,
)

BEYOND = "Difference of mean changes, beyond recovery"
DIFFERENCE = "Difference of mean changes"
JOINED = "Mean change, schools that joined"
ELSEWHERE = "Mean change, schools elsewhere"
RATIO = "Ratio of mean changes"
ANYWAY = "Ratio that recovery alone would give"
EARLIER = "Difference of mean changes, from years before the dip"


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."claims.improvement_ratio"]``.

    Attributes
    ----------
    before, after
        First and last event year that a change is from and to; 0 is the first year in a
        partnership. Claims are mostly made from the year before.
    earlier
        Event years of a second baseline, without the year in which results were poor.
    draws
        Of the bootstrap behind the recovery.
    """

    before: tuple[int, int] = (-1, -1)
    after: tuple[int, int] = (0, 2)
    earlier: tuple[int, int] = (-3, -2)
    draws: int = 999


@estimating_metric(
    id="claims.improvement_ratio",
    title="Improvement beside improvement elsewhere",
    question="Did schools that joined improve more than schools elsewhere, and how many times?",
    needs=FORECAST_NEEDS,
    params=Params,
    card=Card(
        definition=(
            "The mean change of schools that joined, that of schools elsewhere between the same "
            "years, their difference, and the one over the other. Beside the ratio stands the one "
            "that schools with such results reach with no effect at all."
        ),
        formula="D = dC - dK; R = dC / dK, where |dK| is at least 3 standard errors from zero",
        source=(
            "Founding claim: supported schools improve three to four times the rate elsewhere "
            "(article on National Leaders of Education). Interval of the ratio: Fieller (1954)"
        ),
        caveats=(
            "A ratio of two small changes is next to nothing divided by next to nothing: none is "
            "given where the change elsewhere may be zero. The difference beyond recovery leads.",
            "With no effect at all, schools chosen for one year's poor results improve several "
            "times as much as others; never quote the ratio without the one for recovery alone.",
            "Changes of percentages are in percentage points; a ratio of them is no percentage.",
            "Whom schools are compared with decides the ratio: here, with those of the study's "
            "design. Other programmes are another comparison.",
            "In the ratio's interval the two changes have no covariance, being of separate "
            "schools, and the years of joining are taken as given.",
        ),
        founding="M21",
    ),
)
def improvement_ratio(context: MetricContext) -> Iterator[Any]:
    """Yield the changes, their difference and ratio, and the ratio that recovery alone gives."""
    yield from context.each_outcome(lambda measure: _of(context, measure))
    yield Note(
        "A ratio of improvement says nothing by itself: schools with poor results improve more "
        "than others, helped or not. Read it beside the ratio that recovery alone would give."
    )


def _of(context: MetricContext, measure: str) -> Iterator[Any]:
    from impactkit import improvement_rates, recovery, school_facts

    params = context.params or Params()
    panel = context.panel(measure)
    found = changes(context, panel, before=params.before, after=params.after)
    rates = improvement_rates(found, context.design.level)
    say = told(context, panel, found)
    parts, why = None, ""
    try:
        parts = recovery(
            panel,
            facts=school_facts(context.tables, measure),
            after=params.after,
            draws=params.draws,
            seed=context.seed,
            level=context.design.level,
        )
    except EstimationError as error:
        why = str(error)
    if parts is not None:
        # It leads, for the plain difference is large with no effect at all.
        yield say.forecast(BEYOND, parts.excess.value, parts, parts.excess, tested=True)
    yield say.estimate(DIFFERENCE, found.regress(), [1.0], p_value=None)
    yield say.estimate(JOINED, found.regress(of="change"), [1.0], p_value=None)
    yield say.estimate(ELSEWHERE, found.regress(of="expected"), [1.0], p_value=None)
    ratio = rates.ratio
    if ratio is None:
        yield say.missing(RATIO, rates.why_no_ratio, unit="times")
    else:
        yield say.ratio(
            RATIO,
            ratio.value,
            (ratio.ci_low, ratio.ci_high),
            variance="Fieller's interval; clustered by partnership, no covariance",
        )
    try:
        earlier = changes(context, panel, before=params.earlier, after=params.after)
        again = told(context, panel, earlier)
        yield again.estimate(EARLIER, earlier.regress(), [1.0], p_value=None)
    except EstimationError as error:
        yield say.missing(EARLIER, str(error))
    anyway = parts.ratio_anyway if parts is not None else None
    if parts is None or anyway is None:
        yield say.missing(ANYWAY, why or "schools elsewhere changed too little", unit="times")
    else:
        ends = sorted(
            end / parts.trend.value for end in (parts.anyway.ci_low, parts.anyway.ci_high)
        )
        yield say.forecast(
            ANYWAY,
            anyway,
            parts,
            None,
            unit="times",
            ci_low=ends[0],
            ci_high=ends[1],
            variance="two-stage bootstrap, the trend taken as known",
        )
    rows = [
        (name, figure.value, figure.ci_low, figure.ci_high)
        for name, figure in (
            ("Schools that joined", rates.joined),
            ("Schools elsewhere", rates.elsewhere),
            ("Difference", rates.difference),
        )
    ]
    yield Note(
        "Changes are from year {first} to {last} to the mean of years {start} to {end} since "
        "joining, where year {zero} is the first in a partnership; of {measure}.",
        values={
            "first": params.before[0],
            "last": params.before[1],
            "start": params.after[0],
            "end": params.after[1],
            "zero": 0,
            "measure": say.label,
        },
    )
    yield Table(
        id=f"changes_{measure}",
        title=f"Mean changes over the same years: {say.label}",
        columns=(
            Column(name="who", label="Who", kind="dimension"),
            Column(name="change", label="Change", unit=say.unit, digits=2),
            Column(name="low", label="From", unit=say.unit, digits=2),
            Column(name="high", label="To", unit=say.unit, digits=2),
        ),
        rows=rows,
    )
    yield Chart(
        id=f"changes_{measure}",
        kind="interval",
        title=f"{say.label}: change after joining, and elsewhere",
        data=f"changes_{measure}",
        x="who",
        y="change",
        low="low",
        high="high",
        x_title="Who",
        y_title=f"Change, {say.unit}",
        reference=0.0,
    )
    yield from found.exclusions
