"""M28, ``claims.distance_dissimilarity``: better when schools are "different and not close"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from impactkit import (
    Card,
    Chart,
    Column,
    Diagnostic,
    EstimationError,
    Exclusion,
    MetricContext,
    Needs,
    Note,
    Table,
    estimating_metric,
)
from impactkit_claims.common import (
    MEMBERSHIPS,
    OUTCOMES,
    TREND_ONLY,
    changes,
    in_several,
    joined_with,
    spread,
    told,
)
from impactkit_claims.groups import group_estimates, grouped, picture
from impactkit_claims.pairs import ABOUT, pairs

KM = "Effect of ten kilometres more"
GOWER = "Effect of a tenth more dissimilarity"
TOGETHER = "Effect of distance by dissimilarity (product, standardised)"
BY_KM = "ATT by distance"
THIRDS = ("near", "middle", "far")
MOST_GROUPS, LEAST_IN_GROUP = 10, 5
"""Points of the scatter, and schools in each."""


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."claims.distance_dissimilarity"]``.

    Attributes
    ----------
    margin_sd
        A slope of less than this, in standard deviations between schools, is as good as none.
    before, after
        Event years compared; 0 is the first year in a partnership.
    """

    margin_sd: float = attrs.field(default=0.05, validator=attrs.validators.gt(0))
    before: tuple[int, int] = (-1, -1)
    after: tuple[int, int] = (0, 30)


@estimating_metric(
    id="claims.distance_dissimilarity",
    title="Effect by distance and dissimilarity",
    question="Did schools gain more from partners that are farther away, or less like them?",
    needs=Needs(
        tables={
            "outcomes": OUTCOMES,
            "memberships": MEMBERSHIPS,
            "schools": ("school_key", "urn", "easting", "northing"),
        },
        optional={
            "memberships": ("role",),
            "partnerships": ("partnership_id", "lead_urn"),
            "schools": ABOUT,
        },
        panel=True,
    ),
    params=Params,
    card=Card(
        definition=(
            "The slopes of school-level effects on the distance to the school that supports or "
            "leads the partnership, and on its dissimilarity in free meals, English as an "
            "additional language, size, phase, faith and setting."
        ),
        formula="excess_i = a + b km_i / 10 + c gower_i / 0.1 (+ d product of both, standardised)",
        source=(
            "Founding claim: it works better when schools are different and not close (Central "
            "South Consortium); clusters of Maximising Progress were close and rural. "
            "Dissimilarity: Gower (1971), Biometrics 27, 857-871"
        ),
        caveats=(
            TREND_ONLY,
            "Partners were chosen, and distance goes with the kind of school: the slopes describe.",
            "Two founding documents contradict each other; a slope that may be nothing settles "
            "neither.",
            "Distance is as the crow flies, not by road.",
            "Overlap of catchments is not part of it.",
        ),
        founding="M28",
        ours=True,
    ),
)
def distance_dissimilarity(context: MetricContext) -> Iterator[Any]:
    """Yield the slopes on distance and dissimilarity, their interplay, and effects by thirds."""
    yield from context.each_outcome(lambda measure: _of(context, measure))
    yield Note(
        "Distance is as the crow flies between a school and the one that supports or leads its "
        "partnership; dissimilarity runs from none to all that is known of both."
    )


def _of(context: MetricContext, measure: str) -> Iterator[Any]:
    import numpy as np
    import polars as pl

    params = context.params or Params()
    panel = context.panel(measure)
    found = changes(context, panel, before=params.before, after=params.after)
    say = told(context, panel, found)
    placed = found.schools.join(pairs(context), on="school_key", how="left", maintain_order="left")
    kept = (placed["km"].is_not_null() & placed["gower"].is_not_null()).to_numpy()
    if kept.sum() < 4:
        raise EstimationError(
            f"{int(kept.sum())} schools that joined have a partner with a known place; it takes "
            "four. Give easting and northing of schools, and who supports or leads partnerships"
        )
    km = placed["km"].fill_null(0.0).to_numpy()
    gower = placed["gower"].fill_null(0.0).to_numpy()
    some = placed.filter(pl.Series(kept))
    ones = np.ones(len(km))
    fit = found.regress(np.stack([ones, km / 10, gower / 0.1], axis=1) * kept[:, None])
    value, error, df = fit.contrast([0.0, 1.0, 0.0])
    yield say.estimate(KM, fit, [0.0, 1.0, 0.0], schools=some)
    yield say.estimate(GOWER, fit, [0.0, 0.0, 1.0], schools=some)
    yield from _more(found, say, km, gower, kept, some)
    yield _equivalence(value, error, df, params.margin_sd * spread(panel), measure)
    yield from _scatter(found, say, km, kept)
    cuts = np.quantile(km[kept], [1 / 3, 2 / 3])
    thirds = [
        THIRDS[int(np.searchsorted(cuts, x, side="left"))] if k else None
        for x, k in zip(km, kept, strict=True)
    ]
    shown = group_estimates(say, grouped(found, thirds), BY_KM, {})
    shown.sort(key=lambda e: THIRDS.index(e.term))
    yield from shown
    yield from picture("distance", say, shown, "Effect by distance", "Distance to the partner")
    yield from found.exclusions
    yield from in_several(joined_with(context), found)
    n = int((~kept).sum())
    if n:
        text = "schools that lead their partnership, or whose partner's place is not known"
        yield Exclusion(
            reason="claims.no_partner", text=text, n_schools=n, treated=n, measure=measure
        )


def _scatter(found: Any, say: Any, km: Any, kept: Any) -> Iterator[Any]:
    """Yield the mean effect of groups of neighbours along the distance, to see its shape.

    Groups and not schools: one school's change is mostly chance, and its distance would name it.
    """
    import numpy as np

    groups = min(MOST_GROUPS, int(kept.sum()) // LEAST_IN_GROUP)
    if groups < len(THIRDS) + 1:  # the thirds, which are shown anyway, say as much
        return
    cuts = np.quantile(km[kept], np.arange(1, groups) / groups)
    place = np.searchsorted(cuts, km, side="left")
    names = [f"{g + 1:02d}" if k else None for g, k in zip(place, kept, strict=True)]
    got = grouped(found, names)
    rows: list[tuple[Any, ...]] = []
    for name in sorted({name for name in names if name}):
        near = float(km[np.array(names) == name].mean())
        if name in got.lost:
            rows.append((name, near, None, None, None, names.count(name), 1))
            continue
        own = [float(name == other) for other in got.names]
        e = say.estimate(BY_KM, got.fit, own, schools=got.schools[name])
        rows.append((name, near, e.value, e.ci_low, e.ci_high, e.n_schools, e.n_partnerships))
    yield Table(
        id=f"along_{say.measure}",
        title=f"Effect along the distance: {say.label}",
        columns=(
            Column(name="group", label="Group, from the nearest", kind="dimension"),
            Column(name="km", label="Mean distance", unit="km", digits=1),
            Column(name="effect", label="Effect", unit=say.unit, digits=2),
            Column(name="low", label="From", unit=say.unit, digits=2),
            Column(name="high", label="To", unit=say.unit, digits=2),
            Column(name="schools", label="Schools", kind="count", of="schools"),
            Column(name="partnerships", label="Partnerships", kind="count", of="partnerships"),
        ),
        rows=rows,
        note="Of schools that are all in one partnership no effect is given.",
    )
    yield Chart(
        id=f"along_{say.measure}",
        kind="scatter",
        title=f"{say.label}: effect along the distance",
        data=f"along_{say.measure}",
        x="km",
        y="effect",
        low="low",
        high="high",
        x_title="Distance to the partner, km (mean of a group of schools)",
        y_title=f"Effect, {say.unit}",
        reference=0.0,
    )


def _more(found: Any, say: Any, km: Any, gower: Any, kept: Any, some: Any) -> Iterator[Any]:
    """Yield the interplay of both, and whether the slope on distance changes at its median."""
    import numpy as np
    from scipy.special import stdtr

    def standard(x: Any) -> Any:
        scale = x[kept].std()
        return (x - x[kept].mean()) / (scale if scale > 0 else 1.0)

    a, b, ones = standard(km), standard(gower), np.ones(len(km))
    try:
        both = found.regress(np.stack([ones, a, b, a * b], axis=1) * kept[:, None])
        yield say.estimate(TOGETHER, both, [0.0, 0.0, 0.0, 1.0], schools=some, p_value=None)
    except EstimationError as reason:
        yield say.missing(TOGETHER, str(reason))
    knot = np.maximum(0.0, km - np.median(km[kept])) / 10
    name = "slope on distance the same near and far"
    try:
        bent = found.regress(np.stack([ones, km / 10, knot, gower], axis=1) * kept[:, None])
        value, error, df = bent.contrast([0.0, 0.0, 1.0, 0.0])
    except EstimationError as reason:
        yield Diagnostic(name=name, measure=say.measure, text=f"Not tested: {reason}.")
        return
    yield Diagnostic(
        name=name,
        value=value,
        p_value=2 * float(stdtr(df, -abs(value) / error)) if error > 0 else None,
        measure=say.measure,
        text="Change of the slope at the median distance (linear spline with one knot).",
    )


def _equivalence(value: float, error: float, df: int, margin: float, measure: str) -> Diagnostic:
    """Say whether a slope beyond the margin can be ruled out, by two one-sided tests at 5%."""
    from scipy.special import stdtrit

    furthest = abs(value) + float(stdtrit(df, 0.95)) * error
    small = furthest < margin
    return Diagnostic(
        name="slope on distance as good as none",
        value=furthest,
        # A slope that is not ruled out is no failing of the method.
        passed=small or None,
        measure=measure,
        text="A slope beyond the margin is ruled out (two one-sided tests)."
        if small
        else "A slope beyond the margin is not ruled out, which does not show that there is one.",
    )
