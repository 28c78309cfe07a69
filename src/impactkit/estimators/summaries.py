"""From values and influence contributions to `Estimate`s: counts, intervals, and why there is none.

An interval needs variation on both sides. With one treated cluster (one school, or the schools of
one partnership) its contribution sums to zero and the standard error holds the comparison side's
part only; it is given, as R `did` gives it, but no interval or p-value is made of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from impactkit.estimators.att_gt_comparisons import Comparison
from impactkit.estimators.blocks import Units
from impactkit.estimators.two_by_two import Bools, Floats
from impactkit.inference.contributions import Contributions
from impactkit.inference.influence import critical_value, p_value, std_errors
from impactkit.inference.multiplier import multiplier_bootstrap
from impactkit.inference.small_sample import ClusterShares, correct, t_critical, t_p_value
from impactkit.results import Estimate

BASE = "the base period, zero by construction"
UNKNOWN = (
    "one treated cluster has all of the weight but for rounding: how clusters vary cannot be "
    "estimated, and any standard error leaves that part out; use randomisation inference"
)


@attrs.frozen(kw_only=True, eq=False)
class Quantity:
    """Something estimated: its name, value, and what it rests on.

    `combination` of the rows of the cells' contributions gives those to the quantity.
    """

    estimand: str
    term: str = ""
    value: float | None
    combination: Floats
    rests_on: tuple[Comparison, ...]
    reason: str = ""
    warnings: tuple[str, ...] = ()
    in_band: bool = True


@attrs.frozen(kw_only=True)
class Inference:
    """How uncertainty is stated: level, draws (0: analytic), words for method and variance.

    `shares` of clusters are given where standard errors are corrected for few of them.
    """

    level: float
    bootstrap: int
    seed: int
    method: str
    variance: str
    shares: ClusterShares | None


@attrs.frozen(kw_only=True)
class Support:
    """How many units and clusters an estimate rests on."""

    treated: int
    comparison: int
    clusters: int
    treated_clusters: int
    comparison_clusters: int


def support(units: Units, comparisons: Sequence[Comparison]) -> Support:
    """Count the distinct units and clusters with a positive weight in any of the comparisons.

    A unit can be on both sides: compared with before its treatment, treated after it.
    """
    seen = [
        (c, periods)
        for c in comparisons
        for periods in ([c.periods] if units.paired else [(p,) for p in c.periods])
    ]
    treated = _marked(units, {(periods, c.cohort, c.cohort + 1) for c, periods in seen})
    other = _marked(units, {(periods, *run) for c, periods in seen for run in c.groups})

    def clusters(marked: Bools) -> int:
        if units.n_clusters == units.n:
            return int(np.count_nonzero(marked))
        seen = np.zeros(units.n_clusters, dtype=bool)
        seen[units.cluster[marked]] = True
        return int(np.count_nonzero(seen))

    return Support(
        treated=int(np.count_nonzero(treated)),
        comparison=int(np.count_nonzero(other)),
        clusters=clusters(treated | other),
        treated_clusters=clusters(treated),
        comparison_clusters=clusters(other),
    )


def _marked(units: Units, runs: set[tuple[tuple[int, ...], int, int]]) -> Bools:
    """Mark units of runs of cohorts (first, stop) that are observed in all of some periods."""
    mark = np.zeros(units.n, dtype=bool)
    if units.observed is None:
        for first, stop in {(first, stop) for _, first, stop in runs}:
            mark[units.run(first, stop)] = True
        return mark
    for periods, first, stop in runs:
        run = units.run(first, stop)
        mark[run] |= np.logical_and.reduce([units.observed[p, run] for p in periods])
    return mark


def to_estimates(
    quantities: Sequence[Quantity],
    units: Units,
    contributions: Contributions,
    inference: Inference,
) -> tuple[Estimate, ...]:
    """Give each quantity its counts, standard error, interval and, with draws, its band."""
    if not quantities:
        return ()
    supports = [support(units, q.rests_on) for q in quantities]
    own = contributions.of(np.array([q.combination for q in quantities]))
    plain = std_errors(own.columns)
    floor = units.rounding
    reasons = [
        q.reason if q.value is None or q.reason else _why_no_interval(s, error > floor)
        for q, s, error in zip(quantities, supports, plain, strict=True)
    ]
    errors, critical = plain, np.full(len(plain), critical_value(inference.level))
    df: Floats | None = None
    if inference.shares is not None:
        corrected = correct(own, loadings(quantities, units), inference.shares)
        errors, df = corrected.std_errors, corrected.df
        reasons = [r if r or d > 0 else UNKNOWN for r, d in zip(reasons, df, strict=True)]
        critical = t_critical(inference.level, df)
        # Signs of few clusters take few values; normal draws need no clusters.
        own = attrs.evolve(
            own, columns=corrected.columns, cluster=np.full_like(own.cluster, fill_value=-1)
        )
    band: Floats | None = None
    if inference.bootstrap:
        draws = multiplier_bootstrap(
            own,
            draws=inference.bootstrap,
            seed=inference.seed,
            level=inference.level,
            family=[i for i, q in enumerate(quantities) if q.in_band and not reasons[i]],
        )
        if df is None:
            errors = np.where(plain > floor, draws.std_errors, plain)
        if draws.critical is not None:
            band = np.full(len(plain), draws.critical)
            if df is not None:  # the same chance of being exceeded, in each one's own tails
                band = t_critical(1 - p_value(draws.critical, 1.0), df)
    return tuple(
        _estimate(
            q,
            s,
            _Uncertainty(
                std_error=float(errors[i]) if plain[i] > floor else None,
                critical=float(critical[i]),
                band=None if band is None else float(band[i]),
                df=None if df is None else float(df[i]),
            ),
            reasons[i],
            inference,
        )
        for i, (q, s) in enumerate(zip(quantities, supports, strict=True))
    )


@attrs.frozen(kw_only=True)
class _Uncertainty:
    """Standard error, critical values of interval and band, degrees of freedom (None: normal)."""

    std_error: float | None
    critical: float
    band: float | None
    df: float | None


def loadings(quantities: Sequence[Quantity], units: Units) -> Floats:
    """Return the weight of each cohort's effects in each quantity, shape (quantities, cohorts)."""
    combinations = np.array([q.combination for q in quantities])
    n_cohorts = len(units.cohorts)
    # Rows are cells, as many of each cohort, then cohorts.
    cohort = np.repeat(np.arange(n_cohorts), (combinations.shape[1] - n_cohorts) // n_cohorts)
    return np.array(
        [np.bincount(cohort, c[:-n_cohorts], minlength=n_cohorts) for c in combinations]
    )


def _why_no_interval(s: Support, varies: bool) -> str:
    sides = (
        ("treated", s.treated, s.treated_clusters, "pool cohorts, or use randomisation inference"),
        ("comparison", s.comparison, s.comparison_clusters, "add comparison units"),
    )
    for side, units, clusters, remedy in sides:
        if clusters == 1:
            one = "unit" if units == 1 else f"cluster (of {units:,} units)"
            return (
                f"one {side} {one} only: how such {'units' if units == 1 else 'clusters'} vary "
                f"cannot be estimated, and any standard error leaves that part out; {remedy}"
            )
    return "" if varies else "the changes of the outcome do not vary, so there is no standard error"


def _estimate(
    q: Quantity,
    s: Support,
    found: _Uncertainty,
    reason: str,
    inference: Inference,
) -> Estimate:
    low = high = band_low = band_high = p = None
    error = found.std_error
    if q.value is not None and error is not None and not reason:
        half = found.critical * error
        low, high = q.value - half, q.value + half
        p = p_value(q.value, error) if found.df is None else t_p_value(q.value, error, found.df)
        if q.in_band and found.band is not None:
            band_low, band_high = q.value - found.band * error, q.value + found.band * error
    return Estimate(
        estimand=q.estimand,
        term=q.term,
        value=q.value,
        std_error=error if q.value is not None else None,
        ci_low=low,
        ci_high=high,
        band_low=band_low,
        band_high=band_high,
        level=inference.level,
        df=found.df if low is not None else None,
        p_value=p,
        n_schools=s.treated,
        n_comparison=s.comparison,
        n_clusters=s.clusters,
        n_treated_clusters=s.treated_clusters,
        method=inference.method,
        variance=inference.variance,
        status="ok" if q.value is not None else "not_estimable",
        reason=reason,
        warnings=q.warnings,
    )
