"""M22, ``claims.rtm_adjusted``: raw, trend-adjusted and recovery-adjusted change together."""

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
    MetricContext,
    Note,
    Table,
    estimating_metric,
)
from impactkit_claims.common import (
    FORECAST_NEEDS,
    told,
)

if TYPE_CHECKING:
    from impactkit import Panel, Recovery

EXCESS = "Change beyond trend and recovery"
TREND_ADJUSTED = "Change beyond trend"
RAW = "Raw change"
RATIO = "Change over what there would have been anyway"


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."claims.rtm_adjusted"]``.

    Attributes
    ----------
    after
        First and last event year of which the outcome is the mean; 0: the first in a partnership.
    draws
        Of the two-stage bootstrap.
    """

    after: tuple[int, int] = (0, 2)
    draws: int = 999


@estimating_metric(
    id="claims.rtm_adjusted",
    title="Change beyond trend and recovery",
    question="How much did schools gain beyond what schools with such results gain anyway?",
    needs=FORECAST_NEEDS,
    params=Params,
    card=Card(
        definition=(
            "The change of schools that joined, split into the trend elsewhere, the recovery that "
            "schools with such results make without a partnership, and the rest."
        ),
        formula="raw = trend + recovery + excess; excess = mean(y after - forecast from y before)",
        source=(
            "Regression to the mean: Galton (1886). Forecast year by year: Robins (1986), "
            "Mathematical Modelling 7, 1393-1512. The recipe is this project's own"
        ),
        caveats=(
            "Forecasts reach beyond what they were learnt from where nobody else had such poor "
            "results; how many schools that concerns is told.",
            "A forecast knows results, phase and size. If schools were chosen for something else "
            "that bears on results, such as a new head, it does not know that.",
            "It takes results in each of the three years before joining.",
        ),
        founding="M22",
        ours=True,
    ),
)
def rtm_adjusted(context: MetricContext) -> Iterator[Any]:
    """Yield the change in its parts, and what is left of it."""
    yield from context.each_outcome(lambda measure: _of(context, measure))


def _of(context: MetricContext, measure: str) -> Iterator[Any]:
    from impactkit import recovery, school_facts

    params = context.params or Params()
    panel = context.panel(measure)
    found = recovery(
        panel,
        facts=school_facts(context.tables, measure),
        after=params.after,
        draws=params.draws,
        seed=context.seed,
        level=context.design.level,
    )
    yield from estimates(context, panel, found)
    yield from _picture(measure, context.label(measure), panel.effect_unit, found)
    yield from cautions(measure, found)
    yield from found.exclusions


def estimates(context: MetricContext, panel: Panel, found: Recovery) -> Iterator[Estimate]:
    """Yield what is left, and what was there before it was adjusted."""
    from impactkit import fieller

    say = told(context, panel, None)
    yield say.forecast(EXCESS, found.excess.value, found, found.excess, tested=True)
    yield say.forecast(TREND_ADJUSTED, found.beyond_trend.value, found, found.beyond_trend)
    yield say.forecast(RAW, found.raw.value, found, found.raw, method="change, as it is")
    raw, anyway = found.raw, found.anyway
    bounds = None
    if abs(anyway.value) >= 3 * anyway.std_error:
        bounds = fieller(
            raw.value,
            anyway.value,
            raw.std_error**2,
            anyway.std_error**2,
            level=say.level,
            df=found.n_clusters - 1,
        )
    if bounds is None:
        why = "what there would have been anyway is too near nothing to divide by"
        yield say.missing(RATIO, why, unit="times")
        return
    yield say.forecast(
        RATIO,
        raw.value / anyway.value,
        found,
        None,
        unit="times",
        ci_low=bounds[0],
        ci_high=bounds[1],
        variance="Fieller's interval of two bootstrap variances, no covariance",
    )


def _picture(measure: str, name: str, unit: str, found: Recovery) -> Iterator[Any]:
    parts = (
        ("Trend elsewhere", found.trend, "part"),
        ("Recovery", found.recovery, "part"),
        ("Left over", found.excess, "part"),
        ("Raw change", found.raw, "total"),
    )
    yield Table(
        id=f"parts_{measure}",
        title=f"What the change is made of: {name}",
        columns=(
            Column(name="part", label="Part", kind="dimension"),
            Column(name="change", label="Change", unit=unit, digits=2),
            Column(name="low", label="From", unit=unit, digits=2),
            Column(name="high", label="To", unit=unit, digits=2),
            Column(name="stands", label="In the sum", kind="text"),
        ),
        rows=[(label, p.value, p.ci_low, p.ci_high, stands) for label, p, stands in parts],
        note="Trend, recovery and what is left over add up to the raw change.",
    )
    yield Chart(
        id=f"parts_{measure}",
        kind="waterfall",
        title=f"{name}: what the change after joining is made of",
        data=f"parts_{measure}",
        x="part",
        y="change",
        low="low",
        high="high",
        series="stands",
        y_title=f"Change, {unit}",
    )


def cautions(measure: str, found: Recovery) -> Iterator[Any]:
    """Yield what a reader must know of a split into parts."""
    raw, left = found.raw.value, found.excess.value
    sound = raw * left > 0 and abs(raw) <= 2 * abs(left)
    yield Diagnostic(
        name="raw beside adjusted",
        value=raw / left if left else None,
        passed=sound,
        measure=measure,
        text="The raw change is at most twice what trend and recovery leave of it."
        if sound
        else "The raw change is more than twice what trend and recovery leave of it, or has the "
        "other sign: do not quote it alone.",
    )
    if found.beyond:
        yield Note(
            "{n} of {m} schools had results before joining that no other school had; for them the "
            "forecast reaches beyond what it was learnt from.",
            values={"n": found.beyond, "m": found.n_schools},
            of="schools",
        )
    if not found.sized:
        yield Note(
            "Numbers of pupils are not known, so small schools are forecast like large ones."
        )
