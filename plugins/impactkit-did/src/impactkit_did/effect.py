"""M20, the effect of joining a partnership: the study's design on each of its outcomes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import attrs

from impactkit import Card, MetricContext, Needs, estimating_metric

Aggregation = Literal["group", "dynamic", "calendar", "simple"]


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."did.effect"]``.

    Attributes
    ----------
    aggregations
        Ways of averaging the cohort-by-year effects; the first gives the headline.
    cells
        Whether to report the cohort-by-year effects themselves.
    """

    aggregations: tuple[Aggregation, ...] = ("group", "dynamic", "calendar", "simple")
    cells: bool = True


@estimating_metric(
    id="did.effect",
    title="Change in schools that joined, beyond the change elsewhere",
    question="Did results change more in schools that joined than in schools that had not?",
    needs=Needs(
        tables={
            "outcomes": ("school_key", "year", "measure", "value"),
            "memberships": ("school_key", "partnership_id", "joined"),
        },
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The average effect of joining on the schools that joined: their change since the year "
            "before, less the change over the same years in schools that had not joined by then."
        ),
        formula=(
            "ATT(g,t) = E[Y_t - Y_{g-1} | G = g] - E[Y_t - Y_{g-1} | not yet treated by t, G != g]"
        ),
        source="Callaway & Sant'Anna (2021), Journal of Econometrics 225(2), 200-230",
        caveats=(
            "It is an effect only if both groups would have changed alike without the partnership; "
            "the years before joining can cast doubt on that, but cannot prove it.",
            "Schools that join after a bad year tend to recover anyway; compare with schools that "
            "had the same bad year.",
            "Help that reaches comparison schools makes the estimate too small.",
        ),
        founding="M20",
    ),
)
def effect(context: MetricContext) -> Iterator[Any]:
    """Yield estimates, chart, notes and diagnostics for each outcome of the study's design."""
    params = context.params
    yield from context.each_outcome(
        lambda measure: context.effect(
            measure, aggregations=params.aggregations, cells=params.cells
        )
    )
