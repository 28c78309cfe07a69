"""M32, ``did.time_to_benefit``: in which year a benefit first shows beyond doubt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from impactkit import (
    Card,
    Chart,
    Column,
    Estimate,
    EstimationError,
    MetricContext,
    Needs,
    Table,
    estimating_metric,
    of_schools,
)
from impactkit_did.common import (
    MEMBERSHIPS,
    OUTCOMES,
    PARALLEL,
    lower_is_better,
    named,
)

if TYPE_CHECKING:
    from impactkit import Panel

MEAN = "ATT, mean over the years in the partnership"
BY_YEAR = "ATT by year in the partnership"
FIRST = "First year in which a benefit shows"


@attrs.frozen(kw_only=True)
class Params:
    """What a study may say under ``[metrics."did.time_to_benefit"]``.

    Attributes
    ----------
    through
        How many years in the partnership are looked at; only schools that joined early enough for
        all of them count, so that years differ in time and not in schools.
    threshold
        The benefit to be exceeded, in the unit of the measure.
    draws
        Of the multiplier bootstrap, for bands that hold over all years together.
    """

    through: int = attrs.field(default=4, validator=attrs.validators.ge(1))
    threshold: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    draws: int = attrs.field(default=1999, validator=attrs.validators.ge(99))


@estimating_metric(
    id="did.time_to_benefit",
    title="Years until a benefit shows",
    question="How many years in a partnership did it take until a benefit showed?",
    needs=Needs(tables={"outcomes": OUTCOMES, "memberships": MEMBERSHIPS}, panel=True),
    params=Params,
    card=Card(
        definition=(
            "The first year in the partnership whose simultaneous confidence band lies wholly "
            "beyond a threshold, among schools that joined early enough to be in every one of them."
        ),
        formula="min{e : lower band of ATT(e) > threshold}, e = 1 in the first year, sup-t bands",
        source=(
            "Founding claim: it takes time, and benefits come later (Central South Consortium). "
            "Bands: Callaway & Sant'Anna (2021), Journal of Econometrics 225(2), section 4.1. The "
            "rule is this project's own"
        ),
        caveats=(
            PARALLEL,
            "The year depends on how much could be seen: with more schools the same benefit shows "
            "sooner. A benefit may be there for years before it shows.",
            "That no year shows a benefit does not show that there was none.",
            "Schools that joined too late to be seen in every year are left out, and counted.",
        ),
        founding="M32",
        ours=True,
    ),
)
def time_to_benefit(context: MetricContext) -> Iterator[Any]:
    """Yield the first year in which a benefit shows, the mean effect, and that of each year."""
    yield from context.each_outcome(lambda measure: _of(context, measure))


def _of(context: MetricContext, measure: str) -> Iterator[Any]:
    params = context.params or Params()
    panel = context.panel(measure)
    fit = context.fit(panel, bootstrap=params.draws)
    if not hasattr(fit, "aggregate"):
        raise EstimationError(
            "the estimator of the study cannot keep to schools seen in every year; this metric "
            'needs estimator = "att_gt"'
        )
    balanced = fit.aggregate(
        "dynamic", min_e=0, max_e=params.through - 1, balance_e=params.through - 1
    )
    names = named(context, panel)
    whole, *terms = (
        # A treated cluster is a partnership, or several that share a school.
        attrs.evolve(e, **names, n_partnerships=e.n_treated_clusters, reason=of_schools(e.reason))
        for e in (balanced.overall, *balanced.terms)
    )
    years = [attrs.evolve(e, estimand=BY_YEAR, term=str(int(e.term) + 1)) for e in terms]
    # The year is what was asked; whether there was an effect at all, other metrics ask and test.
    yield _first(years, params, names, lower_is_better(context, measure))
    yield attrs.evolve(whole, estimand=MEAN, p_value=None)
    yield from years
    label = context.label(measure)
    strip, told = _strip(panel, label, years, params.through)
    yield strip
    yield from told
    yield Chart(
        id=f"years_{measure}",
        kind="event_study",
        title=f"{label}: by year in the partnership",
        where={"measure": measure, "estimand": BY_YEAR},
        x="term",
        y="value",
        low="ci_low",
        high="ci_high",
        x_title="Year in the partnership (1: the first)",
        y_title=f"Effect, {names['unit']}",
        reference=params.threshold,
    )
    yield Chart(
        id=f"seen_{measure}",
        kind="bar",
        title=f"{label}: schools seen, by year in the partnership",
        data=strip.id,
        x="year",
        y="seen",
        x_title="Year in the partnership",
        y_title="Schools",
    )


def _first(
    years: list[Estimate], params: Params, names: dict[str, Any], lower_better: bool
) -> Estimate:
    """Return the first year beyond the threshold, or why there is none."""
    names = {**names, "unit": "years", "estimand": FIRST, "method": "simultaneous (sup-t) bands"}
    known = [
        (e, -e.band_high if lower_better else e.band_low)
        for e in years
        if e.band_low is not None and e.band_high is not None
    ]
    if not known:
        reason = next((e.reason for e in years if e.reason), "no year has a simultaneous band")
        return Estimate(**names, status="not_estimable", reason=f"no year can be judged: {reason}")
    for e, reached in known:
        if reached > params.threshold:
            return Estimate(
                **names,
                value=float(e.term),
                n_schools=e.n_schools,
                n_partnerships=e.n_partnerships,
                n_comparison=e.n_comparison,
                n_clusters=e.n_clusters,
                n_treated_clusters=e.n_treated_clusters,
                level=e.level,
                reason="a year that a rule picks out has no interval of its own",
            )
    return Estimate(
        **names,
        status="not_estimable",
        n_schools=known[0][0].n_schools,
        reason="in no year does the band lie beyond the threshold, which does not show that there "
        "was no benefit",
    )


def _strip(
    panel: Panel, label: str, years: list[Estimate], through: int
) -> tuple[Table, tuple[Any, ...]]:
    """Return how many schools are seen in each year, with and without the balance."""
    import polars as pl

    from impactkit_did.common import left_out

    joined = panel.frame.filter(pl.col("cohort").is_not_null()).with_columns(
        e=pl.col("year") - pl.col("cohort") + 1
    )
    seen = dict(joined.group_by("e").agg(pl.col("school_key").n_unique()).rows())
    cohorts = dict(joined.group_by("e").agg(pl.col("cohort").n_unique()).rows())
    kept = {int(e.term): e.n_schools for e in years if e.status == "ok"}
    last = max((e for e in seen if e >= 1), default=0)
    # Who joined too late, and who joined before the first year, has no effect in every year.
    end = panel.frame["year"].max()
    late = joined.filter(pl.col("cohort") + through - 1 > end)["school_key"].n_unique()
    table = Table(
        id=f"seen_{panel.measure}",
        title=f"Schools seen, by year in the partnership: {label}",
        columns=(
            Column(name="year", label="Year in the partnership", kind="dimension"),
            Column(name="seen", label="Schools seen", kind="count", of="schools"),
            Column(name="kept", label="Of which seen in every year", kind="count", of="schools"),
            Column(name="cohorts", label="Years of joining", kind="count"),
        ),
        rows=[(e, seen.get(e, 0), kept.get(e), cohorts.get(e, 0)) for e in range(1, last + 1)],
        note="Where the first two differ, later years would show other schools, and not only "
        "another time; the estimates keep to the second.",
    )
    words = "schools that joined too late to be seen in every year looked at"
    return table, left_out("too_late", words, late, panel.measure)
