"""M14, ``did.two_sided``: the schools that are helped and those that help, side by side."""

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
    MetricContext,
    Needs,
    Note,
    Table,
    estimating_metric,
)
from impactkit_did.common import (
    MEMBERSHIPS,
    OUTCOMES,
    PARALLEL,
    lower_is_better,
    outsiders,
)

if TYPE_CHECKING:
    import polars as pl

    from impactkit import Panel

EFFECT = "ATT by side of the partnership"
CLIENTS, SUPPORTERS = "schools that are helped", "schools that help"


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."did.two_sided"]``.

    Attributes
    ----------
    clients, supporters
        Roles in `memberships` of the schools that are helped, and of those that help.
    """

    clients: tuple[str, ...] = attrs.field(default=("client",), converter=tuple)
    supporters: tuple[str, ...] = attrs.field(default=("supporter",), converter=tuple)


@estimating_metric(
    id="did.two_sided",
    title="Both sides of a partnership",
    question="Did schools that help and schools that are helped both gain?",
    needs=Needs(
        tables={"outcomes": OUTCOMES, "memberships": (*MEMBERSHIPS, "role")},
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The effect of the partnership on schools that are helped and on schools that help, "
            "each beside schools in no partnership; and for each partnership the mean of either."
        ),
        formula="ATT(g,t) of clients; ATT(g,t) of supporters; both from schools in no partnership",
        source=(
            "Founding claim: mutual benefit for both partners (Ofsted 090232, 2010). Callaway & "
            "Sant'Anna (2021); both sides gain if each test says so (intersection-union, Berger "
            "1982, Technometrics 24(4))"
        ),
        caveats=(
            PARALLEL,
            "Schools are asked to help after results rose, and to be helped after they fell: "
            "without any partnership the first would fall back and the second recover. See "
            "claims.rtm_adjusted and claims.supporter_non_inferiority.",
            "The figures of one partnership rest on a few schools and are mostly chance; read "
            "them together, and rank nobody by them.",
            "Schools that take part as equals are on neither side.",
        ),
        founding="M14",
    ),
)
def two_sided(context: MetricContext) -> Iterator[Any]:
    """Yield the effect on each side, whether both gained, and either side by partnership."""
    yield from context.each_outcome(lambda measure: _of(context, measure))
    yield Note(
        "Partnerships that gained on one side only are not shown to have lost on the other: most "
        "of what differs between partnerships is chance."
    )


def _of(context: MetricContext, measure: str) -> Iterator[Any]:
    params = context.params or Params()
    roles = {CLIENTS: params.clients, SUPPORTERS: params.supporters}
    found, changed = [], {}
    for side, some in roles.items():
        got, by_partnership, told = _side(context, measure, side, some)
        found.append(got)
        changed[side] = by_partnership
        yield got
        yield from told
    yield _both(found, measure, lower_is_better(context, measure))
    yield from _table(context, changed, measure, found[0].unit)
    yield Chart(
        id=f"sides_{measure}",
        kind="interval",
        title=f"{context.label(measure)}: both sides of a partnership",
        where={"measure": measure, "estimand": EFFECT},
        x="term",
        y="value",
        low="ci_low",
        high="ci_high",
        x_title="Side",
        y_title=f"Effect, {found[0].unit}",
        reference=0.0,
    )


def _side(
    context: MetricContext, measure: str, side: str, roles: tuple[str, ...]
) -> tuple[Estimate, pl.DataFrame | None, tuple[Any, ...]]:
    """Return the effect on one side, its changes by partnership, and what was set aside."""
    import polars as pl

    panel = context.panel(measure, treated=pl.col("role").is_in(roles))
    panel, told = outsiders(
        context, panel, f"schools in a partnership that are no {side}, and so are no comparison"
    )
    about: dict[str, Any] = {
        "metric": context.metric,
        "measure": measure,
        "unit": panel.effect_unit,
        "estimand": EFFECT,
        "term": side,
    }
    try:
        first = context.estimate(panel, aggregations=("group",), cells=False)[0]
        return attrs.evolve(first, **about), _by_partnership(context, panel, roles), told
    except EstimationError as error:
        return Estimate(**about, status="not_estimable", reason=str(error)), None, told


def _by_partnership(context: MetricContext, panel: Panel, roles: tuple[str, ...]) -> pl.DataFrame:
    """Return `partnership_id`, `change` and `schools`: mean excess of one side's schools.

    A school on this side of several partnerships counts in each.
    """
    import polars as pl

    from impactkit import improvement

    design = context.design
    found = improvement(panel, control=design.control, anticipation=design.anticipation)
    members = (
        context.table("memberships")
        .filter(pl.col("role").is_in(roles))
        .select(pl.col("school_key", "partnership_id").cast(pl.String))
        .drop_nulls()
        .unique()
    )
    return (
        found.schools.join(members, on="school_key")
        .group_by("partnership_id")
        .agg(change=pl.col("excess").sort_by("school_key").mean(), schools=pl.len())
        .sort("partnership_id")
    )


def _both(found: list[Estimate], measure: str, lower_better: bool) -> Diagnostic:
    """Say whether both sides are shown to have gained: the larger of two one-sided p-values."""
    from scipy.special import ndtr, stdtr

    name = "both sides gained"
    p = []
    for e in found:
        if e.value is None or not e.std_error:
            text = "Not tested: the effect on one side could not be estimated."
            return Diagnostic(name=name, measure=measure, text=text)
        z = (-e.value if lower_better else e.value) / e.std_error
        p.append(float(ndtr(-z) if e.df is None else stdtr(e.df, -z)))
    shown = max(p) < 0.025
    text = (
        "Both sides are shown to have gained (one-sided, 2.5%)."
        if shown
        else "It is not shown that both sides gained, which does not show that one did not."
    )
    # It asks something of the schools, and is no check of the method that could be failed.
    return Diagnostic(name=name, p_value=max(p), passed=shown or None, measure=measure, text=text)


def _table(
    context: MetricContext, changed: dict[str, pl.DataFrame | None], measure: str, unit: str
) -> Iterator[Table | Chart]:
    """Yield each partnership's two sides, and how many stand in which quarter of the plane."""
    import polars as pl

    clients, supporters = changed[CLIENTS], changed[SUPPORTERS]
    if clients is None or supporters is None:
        return
    both = clients.join(supporters, on="partnership_id", suffix="_s").sort("partnership_id")
    label, lower_better = context.label(measure), lower_is_better(context, measure)
    yield Table(
        id=f"sides_{measure}",
        title=f"Both sides, by partnership: {label}",
        columns=(
            Column(name="partnership", label="Partnership", kind="dimension"),
            Column(name="helped", label="Schools that are helped", unit=unit, digits=2),
            Column(name="n_helped", label="How many", kind="count", of="schools"),
            Column(name="help", label="Schools that help", unit=unit, digits=2),
            Column(name="n_help", label="How many", kind="count", of="schools"),
        ),
        rows=both.select("partnership_id", "change", "schools", "change_s", "schools_s").rows(),
        note="Mean change beyond that of schools in no partnership. Most of what differs from one "
        "to another is chance.",
    )
    yield Chart(
        id=f"quarters_{measure}",
        kind="scatter",
        title=f"{label}: both sides of each partnership, mostly chance",
        data=f"sides_{measure}",
        x="helped",
        y="help",
        x_title=f"Change of schools that are helped, {unit}"
        + (" (left and down: for the better)" if lower_better else ""),
        y_title=f"Up: change of schools that help, {unit}; a point is a partnership",
        reference=0.0,
    )
    sign = -1.0 if lower_better else 1.0
    up, up_s = sign * pl.col("change") > 0, sign * pl.col("change_s") > 0
    quarters = {
        "both gained": up & up_s,
        "only schools that are helped": up & ~up_s,
        "only schools that help": ~up & up_s,
        "neither": ~up & ~up_s,
    }
    yield Table(
        id=f"quarters_{measure}",
        title=f"Which side gained: {label}",
        columns=(
            Column(name="quarter", label="Gained", kind="dimension"),
            Column(name="partnerships", label="Partnerships", kind="count", of="partnerships"),
        ),
        rows=[(name, both.filter(where).height) for name, where in quarters.items()],
        note="By chance alone about a quarter of them would be in each.",
    )
