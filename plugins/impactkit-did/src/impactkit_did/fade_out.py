"""M50, ``did.fade_out``: what is left of an effect one and two years after a partnership ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from impactkit import Card, Chart, Column, Estimate, MetricContext, Needs, Table, estimating_metric
from impactkit_did.common import (
    MEMBERSHIPS,
    OUTCOMES,
    PARALLEL,
    mean_of,
    named,
)

MEAN = "ATT, mean over the years since the partnership ended"
LEFT = "ATT by years since the partnership ended"
CHANGE = "Change of the ATT since the last year in the partnership"


def _years(_: Any, __: Any, value: tuple[int, ...]) -> None:
    if not value or any(type(k) is not int or k < 1 for k in value):
        raise ValueError(f"years is {value!r}; give whole years since the end, 1 or more")


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."did.fade_out"]``.

    Attributes
    ----------
    years
        Years since the partnership ended, 1 being the first academic year without it.
    """

    years: tuple[int, ...] = attrs.field(default=(1, 2), converter=tuple, validator=_years)


@estimating_metric(
    id="did.fade_out",
    title="What is left after the partnership",
    question="What is left of the change in schools once their partnership has ended?",
    needs=Needs(
        tables={
            "outcomes": OUTCOMES,
            "memberships": MEMBERSHIPS,
            "partnerships": ("partnership_id", "end_date"),
        },
        optional={"memberships": ("left",)},
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The effect of having been in a partnership, one and two years after it ended: the "
            "school's change since the year before it joined, less the change over the same years "
            "in schools in no partnership; and how that differs from its last year in it."
        ),
        formula=(
            "ATT(k) = mean[Y(x+k) - Y(g-1)] - mean comparison[Y(x+k) - Y(g-1)], with g the first "
            "year in the partnership and x the last; ATT(k) - ATT(0)"
        ),
        source=(
            "Founding claim: sustainability (NFER 2007, Primary Leadership Programme, has a "
            "chapter on exit strategies). Stacks: Cengiz, Dube, Lindner & Zipperer (2019), "
            "Quarterly Journal of Economics 134(3)"
        ),
        caveats=(
            PARALLEL,
            "Partnerships are not ended by lot: one may end because it did its work, or because "
            "it failed. What came after the end is not what ending did.",
            "A school that has left one partnership and is in another has not ended.",
            "A partnership that ends within a school year counts as working in that year.",
            "Few partnerships have ended and been followed for two years.",
        ),
        founding="M50",
        ours=True,
    ),
)
def fade_out(context: MetricContext) -> Iterator[Any]:
    """Yield the effect since the end, as a whole and by year, and its change since the last in."""
    yield from context.each_outcome(lambda measure: _of(context, measure))


def _of(context: MetricContext, measure: str) -> Iterator[Any]:
    from impactkit import EstimationError
    from impactkit_did import ended

    params = context.params or Params()
    panel = context.panel(measure)
    design = context.design
    rows, strata, lost = ended.since_end(
        panel,
        ended.last_years(context),
        params.years,
        anticipation=design.anticipation,
        never=design.control == "nevertreated",
    )
    if rows.is_empty():
        raise EstimationError(
            "no school that joined a partnership in the panel has left it since; give `end_date` "
            "in `partnerships`, or `left` in `memberships`, and outcomes of later years"
        )
    names = {**named(context, panel), "level": design.level}
    points = {0: ended.LAST, **{k: k - 1 for k in params.years}}
    since = (min(params.years) - 1, max(params.years) - 1)

    def at(before: int, after: tuple[int, int], estimand: str, **term: str) -> Estimate:
        return _at(rows, strata, before, after, estimand, **term, **names)

    left = [at(ended.BASE, (y, y), LEFT, term=str(k)) for k, y in points.items()]
    gone = [at(ended.LAST, (k - 1, k - 1), CHANGE, term=str(k)) for k in params.years]
    # What is left after the end is the question, so that leads, and is the one test of it.
    yield from (at(ended.BASE, since, MEAN), *left[1:], left[0], *gone)
    yield from _shown(measure, context.label(measure), left, gone, names["unit"])
    yield from lost


def _at(
    rows: Any, strata: Any, before: int, after: tuple[int, int], estimand: str, **names: Any
) -> Estimate:
    from impactkit import EstimationError, improvement
    from impactkit_did.ended import n_compared

    try:
        found = improvement(rows, before=(before, before), after=after, strata=strata)
    except EstimationError:
        reason = (
            "no school that left a partnership has an outcome in both years and a school to "
            "compare with; give outcomes of later years"
        )
        shown = {name: value for name, value in names.items() if name != "level"}
        return Estimate(**shown, estimand=estimand, status="not_estimable", reason=reason)
    n = n_compared(rows, strata, found.schools, before, after)
    return mean_of(found, estimand, n_comparison=n, **names)


def _shown(
    measure: str, label: str, left: list[Estimate], gone: list[Estimate], unit: str
) -> Iterator[Table | Chart]:
    fell = {e.term: e for e in gone}
    none = Estimate()
    rows = [
        (
            int(e.term),
            e.value,
            e.ci_low,
            e.ci_high,
            fell.get(e.term, none).value,
            e.n_schools,
            e.n_partnerships,
        )
        for e in left
        if e.status == "ok"
    ]
    if not rows:
        return
    yield Table(
        id=f"fade_{measure}",
        title=f"After the partnership: {label}",
        columns=(
            Column(name="since", label="Years since it ended", kind="dimension"),
            Column(name="left", label="Effect", unit=unit, digits=2),
            Column(name="low", label="From", unit=unit, digits=2),
            Column(name="high", label="To", unit=unit, digits=2),
            Column(name="change", label="Change since the last year in", unit=unit, digits=2),
            Column(name="schools", label="Schools", kind="count", of="schools"),
            Column(name="partnerships", label="Partnerships", kind="count", of="partnerships"),
        ),
        rows=rows,
        note="0 is the last year in the partnership. The change is of the schools that are "
        "followed in both years.",
    )
    yield Chart(
        id=f"fade_{measure}",
        kind="event_study",
        title=f"{label}: after the partnership ended",
        where={"measure": measure, "estimand": LEFT},
        x="term",
        y="value",
        low="ci_low",
        high="ci_high",
        x_title="Years since the partnership ended (0: its last year)",
        y_title=f"Effect, {unit}" if unit else "Effect",
        reference=0.0,
    )
