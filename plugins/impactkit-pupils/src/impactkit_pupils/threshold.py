"""M39, ``pupils.threshold_change``: "8 per cent more at level 4" in points and in pupils."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Estimate,
    EstimationError,
    Exclusion,
    MetricContext,
    Needs,
    Note,
    estimating_metric,
)
from impactkit_pupils.common import ALIKE, Window, effect_unit, estimate, joint, missing
from impactkit_pupils.counts import counts, followed, side
from impactkit_pupils.threshold_tables import BEYOND, CHANGE, POINTS, by_partnership, whole

if TYPE_CHECKING:
    import polars as pl

    from impactkit import EffectiveSample


PUPILS = "Pupils that this change stands for, a year"


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."pupils.threshold_change"]``.

    Attributes
    ----------
    measures
        Shares of pupils who reach a threshold; empty: every measure in per cent of which the
        numbers of pupils are given.
    before, after
        Event years compared; 0 is the first year in a partnership.
    """

    measures: tuple[str, ...] = ()
    before: Window = (-1, -1)
    after: Window = (0, 2)


@estimating_metric(
    id="pupils.threshold_change",
    title="Pupils who reach a threshold",
    question="How many more pupils reach the threshold since their schools joined?",
    direction="higher",
    needs=Needs(
        tables={
            "outcomes": (*("school_key", "year", "measure", "subgroup", "value", "denominator"),),
            "memberships": ("school_key", "partnership_id", "joined"),
        },
        optional={"outcomes": ("numerator", "status")},
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The share of tested pupils who reach a threshold in schools that joined, in the years "
            "after joining less the year before, in percentage points and in pupils; and the mean "
            "change of those schools beyond that of schools elsewhere over the same years."
        ),
        formula=(
            "change = 100 (k1/n1 - k0/n0) points; pupils = change x pupils tested a year / 100"
        ),
        source=(
            "Founding claim: Maximising Progress, '8 per cent' more pupils at level 4 in one "
            "cluster. Intervals: Newcombe (1998); Chan & Zhang (1999) below 30 pupils"
        ),
        caveats=(
            ALIKE,
            "A change in percentage points is no change in per cent: from 40% to 48% is eight "
            "points, and a fifth more.",
            "Pupils before and after are different pupils. A change has no cause until it is "
            "compared, and the pupils that it stands for are a manner of speaking, not pupils.",
            "Within one partnership pupils are taken as independent, so its interval is likely "
            "too narrow; a partnership picked out for its change says nothing of the others.",
            "Pooled over partnerships, before and after are taken as independent although they "
            "are the same schools, which makes that interval somewhat too wide.",
        ),
        founding="M39",
        ours=True,
    ),
)
def threshold_change(context: MetricContext) -> Iterator[Any]:
    """Yield the change of each threshold, in points and pupils, by partnership and overall."""
    params = context.params or Params()
    rows, twice = counts(context.table("outcomes"))
    measures = params.measures or _shares(context, rows)
    if not measures:
        raise EstimationError(
            "no measure in per cent has numbers of pupils; give `denominator` in `outcomes`"
        )
    for measure in measures:
        try:
            yield from tuple(_of(context, measure, rows, params))
            yield from _told_twice(measure, twice.get(measure, 0))
        except EstimationError as error:
            yield missing(context, BEYOND, str(error), measure=measure, unit=POINTS)
    yield Note(
        "Changes of shares are in percentage points; the change in per cent of what was there "
        "before stands in a column of its own, and is something else."
    )


def _told_twice(measure: str, n: int) -> tuple[Exclusion, ...]:
    text = "results of a school that has several of the same year, none of which is its own"
    lost = Exclusion(
        reason="pupils.told_twice", text=text, n_rows=n, measure=measure, stage="counts"
    )
    return (lost,) if n else ()


def _shares(context: MetricContext, rows: pl.DataFrame) -> tuple[str, ...]:
    """Return the measures in per cent that have numbers of pupils."""
    found = rows["measure"].unique().sort().to_list()
    known = context.measures
    return tuple(m for m in found if m in known and known[m].unit == "percent")


def _of(context: MetricContext, measure: str, rows: pl.DataFrame, params: Params) -> Iterator[Any]:
    import polars as pl

    panel = context.panel(measure)
    if effect_unit(panel.unit) != POINTS:
        raise EstimationError(
            f"values are in {panel.unit or 'no known unit'}, not in per cent; name a measure that "
            "is a share of pupils, as published"
        )
    about: dict[str, Any] = {"measure": measure, "unit": POINTS}
    try:
        compared = joint({measure: panel.frame}, context, before=params.before, after=params.after)
        beyond = estimate(context, BEYOND, compared, [1.0], **about)
        yield from compared.exclusions
    except EstimationError as error:
        beyond = missing(context, BEYOND, str(error), **about)
    yield beyond
    joined = panel.frame.drop_nulls("cohort").select("school_key", "cohort", "cluster").unique()
    own = rows.filter(pl.col("measure") == measure)
    both, lost = followed(joined, own, params.before, params.after)
    yield from (attrs.evolve(one, measure=measure) for one in lost)
    if both.is_empty():
        raise EstimationError(
            f"none of {joined.height} schools that joined has numbers of pupils both before and "
            "after; give `denominator` in `outcomes`"
        )
    change, pupils = _pooled(context, both, about)
    yield from (change, pupils)
    yield from whole(context, measure, (change, beyond))
    yield from by_partnership(context, both, measure)


def _pooled(
    context: MetricContext, rows: pl.DataFrame, about: dict[str, Any]
) -> tuple[Estimate, Estimate]:
    """Return the change of all schools that joined, with the design effect of partnerships."""
    import math

    import polars as pl

    from impactkit import effective_sample, newcombe, pupils_equivalent, warn_of_few

    level = context.design.level
    clusters = rows.group_by("cluster", maintain_order=True).agg(pl.selectors.numeric().sum())
    sides: list[EffectiveSample] = [
        effective_sample(
            clusters[f"reached_{when}"].to_list(), clusters[f"tested_{when}"].to_list(), level=level
        )
        for when in ("before", "after")
    ]
    was, now = sides
    low, high = newcombe(now.share, now.n_effective, was.share, was.n_effective, level)
    errors = [side.std_error for side in sides]
    allowed = was.clustered and now.clustered
    change = Estimate(
        metric=context.metric,
        estimand=CHANGE,
        value=100 * (now.share - was.share),
        std_error=None if None in errors else 100 * math.hypot(*(e or 0.0 for e in errors)),
        ci_low=100 * low,
        ci_high=100 * high,
        level=level,
        n_schools=rows.height,
        n_partnerships=clusters.height,
        n_clusters=clusters.height,
        n_treated_clusters=clusters.height,
        n_people=was.n + now.n,
        method="difference of pooled shares, after less before; Newcombe's hybrid score interval",
        variance="binomial, pupils divided by design effects of partnerships (Korn & Graubard)"
        if allowed
        else "binomial, pupils independent",
        warnings=("not compared with schools elsewhere", *warn_of_few(clusters.height)),
        **about,
    )
    n = side(rows, "after").a_year
    pupils: dict[str, Any] = {
        name: pupils_equivalent(getattr(change, name), n) for name in ("value", "ci_low", "ci_high")
    }
    return change, attrs.evolve(
        change,
        estimand=PUPILS,
        unit="pupils",
        std_error=None,
        method="the change in percentage points times pupils tested a year, over 100",
        **pupils,
    )
