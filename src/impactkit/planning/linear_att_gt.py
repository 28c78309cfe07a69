"""`att_gt` without covariates, as weights on outcomes.

Every group-time effect is four means: of the cohort and of its comparison, in the period and in its
base. With M the means, A their signs in each effect, q the aggregation's weights of effects, and R
how the estimated cohort shares respond to the effects,

    estimate = q'AM    contributions = sum of (q'A)_j (y - M_j) / n_j over a cluster's rows + B'RAM

with B the clusters' counts of schools by cohort: what `att_gt` computes for one outcome at a time.
With ``gaps="pairs"`` the four means are of schools seen both in the period and in its base.

Source: Callaway & Sant'Anna (2021), Journal of Econometrics 225(2), section 3 and theorem 2.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import polars as pl

from impactkit.errors import EstimationError
from impactkit.estimators.aggregation import Kind
from impactkit.estimators.att_gt import att_gt
from impactkit.estimators.att_gt_comparisons import Comparison, comparisons
from impactkit.inference.small_sample import alike, cluster_scale, mean_df, satterthwaite
from impactkit.planning.design import PanelDesign
from impactkit.planning.linear import Arranged, Bools, Control, Linear, Sides, arranged, sparse
from impactkit.planning.variances import Floats, Ints
from impactkit.results import Estimate

SmallSample = Literal["none", "cr2"]
Gaps = Literal["means", "pairs"]


def att_gt_linear(
    design: PanelDesign,
    *,
    kind: Kind = "simple",
    control: Control = "notyettreated",
    small_sample: SmallSample = "none",
    gaps: Gaps = "pairs",
    level: float = 0.95,
) -> Linear:
    """Return `att_gt(...).aggregate(kind).overall` as weights; arguments as there.

    Raises
    ------
    EstimationError
        When the design has no effect to estimate, as `att_gt` does, with counts and the remedy.

    Examples
    --------
    >>> from impactkit.planning.design import staggered_design
    >>> design = staggered_design({2013: 1, None: 2}, (2012, 2013))
    >>> att_gt_linear(design).weights.tolist()
    [-1.0, 1.0, 0.5, -0.5, 0.5, -0.5]
    """
    panel = arranged(design, control)
    cells = [
        c
        for c in comparisons(
            panel.periods,
            panel.cohorts,
            control=control,
            base_period="varying",
            anticipation=0,
        )
        if not c.before and _seen(panel, c, gaps)
    ]
    if not cells:
        raise EstimationError(
            "no effect after treatment can be estimated: in no cohort are treated and comparison "
            "schools seen both before and after the start; add years, or comparison schools"
        )
    q, R = _aggregation(panel, cells, kind)
    means, signs = _means(panel, cells, gaps)
    use = q @ signs
    n = np.array([len(members) for members in means])
    members = np.concatenate(means)
    which = np.repeat(np.arange(len(means)), n)
    rows, cluster = panel.row[members], panel.cluster[members]
    height, clusters = design.frame.height, panel.n_clusters
    W = sparse(1 / n[which], which, rows, (len(means), height))
    inside = sparse(1 / n[which], cluster, which, (clusters, len(means)))
    own = sparse((use / n)[which], cluster, rows, (clusters, height))
    centre = _by_cohort(panel).T @ R @ signs - inside.toarray() * use
    target = np.zeros(height)
    for k, cell in enumerate(cells):
        own_cohort = [(cell.cohort, cell.cohort + 1)]
        treated = panel.row[panel.members(cell.time, own_cohort, _also(cell.base, gaps))]
        target[treated] += q[k] / len(treated)
    scale: Floats = np.ones(clusters)
    sides: Sides = ((np.ones(clusters, dtype=bool), math.inf),)
    most_df = math.inf
    if small_sample == "cr2":
        loading = np.bincount([c.cohort for c in cells], q, minlength=len(panel.cohorts))
        scale, sides, most_df = _corrected(panel, loading.astype(float))
    first = _as_estimated(
        design, control=control, kind=kind, small_sample=small_sample, gaps=gaps, level=level
    )
    return Linear(
        name=f"att_gt:{kind}"
        + (":nevertreated" if control == "nevertreated" else "")
        + (":cr2" if small_sample == "cr2" else ""),
        weights=use @ W,
        target=target,
        contributions=lambda Y: scale[:, None] * (own @ Y + centre @ (W @ Y)),
        factor=1.0,
        sides=sides,
        most_df=most_df,
        level=level,
        method=f"{first.method}; {kind} aggregation",
        variance=first.variance,
        reason=first.reason,
        n_schools=first.n_schools,
        n_comparison=first.n_comparison,
        n_clusters=first.n_clusters,
        n_treated_clusters=first.n_treated_clusters,
        exclusions=panel.exclusions,
    )


def _also(period: int, gaps: Gaps) -> int | None:
    """Return the period in which a school has to be there too, if in any."""
    return period if gaps == "pairs" else None


def _seen(panel: Arranged, c: Comparison, gaps: Gaps) -> bool:
    """Say whether treated and comparison schools are there in the period and in its base."""
    return all(
        len(panel.members(t, runs, _also(other, gaps)))
        for runs in ([(c.cohort, c.cohort + 1)], c.groups)
        for t, other in ((c.time, c.base), (c.base, c.time))
    )


def _by_cohort(panel: Arranged) -> Floats:
    """Count schools by treated cohort and cluster."""
    _, first = np.unique(panel.unit, return_index=True)
    counts = np.zeros((len(panel.cohorts) + 1, panel.n_clusters))
    np.add.at(counts, (panel.cohort[first], panel.cluster[first]), 1)
    return counts[:-1]


def _means(panel: Arranged, cells: list[Comparison], gaps: Gaps) -> tuple[list[Ints], Floats]:
    """Return the rows of each distinct mean, and the sign of each mean in each effect."""
    index: dict[tuple[int, int | None, tuple[tuple[int, int], ...]], int] = {}
    entries = []
    for k, c in enumerate(cells):
        treated = ((c.cohort, c.cohort + 1),)
        for time, other, runs, sign in (
            (c.time, c.base, treated, 1),
            (c.base, c.time, treated, -1),
            (c.time, c.base, c.groups, -1),
            (c.base, c.time, c.groups, 1),
        ):
            mean = (time, _also(other, gaps), runs)
            entries.append((k, index.setdefault(mean, len(index)), sign))
    signs = np.zeros((len(cells), len(index)))
    for k, j, sign in entries:
        signs[k, j] += sign
    return [panel.members(t, runs, also) for t, also, runs in index], signs


def _aggregation(panel: Arranged, cells: list[Comparison], kind: Kind) -> tuple[Floats, Floats]:
    """Return the weights of effects, and how estimated cohort shares respond to the effects.

    An average by shares, theta = sum p_k V_k / S, adds (V_k - theta) / S for a school of k's
    cohort; R collects these over the averages that the aggregation is made of.
    """
    sizes = _by_cohort(panel).sum(axis=1)
    cohort = np.array([c.cohort for c in cells])
    event = np.array([panel.periods[c.time] - panel.cohorts[c.cohort] for c in cells])
    time = np.array([c.time for c in cells])
    K = len(cells)

    def by_share(members: Ints) -> tuple[Floats, Floats]:
        q = np.zeros(K)
        q[members] = sizes[cohort[members]]
        total = q.sum()
        R = np.zeros((len(sizes), K))
        R[cohort[members], members] = 1 / total
        counts = np.bincount(cohort[members], minlength=len(sizes))
        return q / total, R - np.outer(counts, q / total) / total

    if kind == "simple":
        return by_share(np.arange(K))
    if kind == "group":
        groups = np.unique(cohort)
        mean = np.stack([(cohort == g) / (cohort == g).sum() for g in groups])
        p = sizes[groups] / sizes[groups].sum()
        R = np.zeros((len(sizes), K))
        R[groups] = (mean - p @ mean) / sizes[groups].sum()
        return p @ mean, R
    label = event if kind == "dynamic" else time
    parts = [by_share(np.flatnonzero(label == value)) for value in np.unique(label)]
    return np.mean([q for q, _ in parts], axis=0), np.mean([R for _, R in parts], axis=0)


def _corrected(panel: Arranged, loading: Floats) -> tuple[Floats, Sides, float]:
    """Return clusters' scale, sides and most degrees of freedom as `inference.small_sample` does.

    `loading` is the weight of each treated cohort in the estimate.
    """
    counts = _by_cohort(panel)
    treated: Bools = counts.sum(axis=0) > 0
    _, first = np.unique(panel.unit, return_index=True)
    never = first[panel.cohort[first] == len(panel.cohorts)]
    others = np.bincount(panel.cluster[never], minlength=panel.n_clusters) / max(len(never), 1)
    own = counts[:, treated]
    share = loading @ (own / own.sum(axis=1, keepdims=True)) / loading.sum()
    rest = others[~treated]
    scale = np.ones(panel.n_clusters)
    scale[treated], scale[~treated] = cluster_scale(share), cluster_scale(rest)
    dfs = mean_df(share), mean_df(rest)
    variances = alike(share, rest)
    most = satterthwaite((variances[0], dfs[0]), (variances[1], dfs[1]))
    return scale, ((treated, dfs[0]), (~treated, dfs[1])), most


def _as_estimated(
    design: PanelDesign,
    *,
    control: Control,
    kind: Kind,
    small_sample: SmallSample,
    gaps: Gaps,
    level: float,
) -> Estimate:
    """Return the estimator's own account of itself: method, variance, counts, what it refuses."""
    rng = np.random.default_rng(0)
    frame = design.frame.with_columns(outcome=pl.lit(rng.normal(size=design.frame.height)))
    fit = att_gt(
        frame,
        unit="unit",
        time="time",
        cohort="cohort",
        outcome="outcome",
        cluster="cluster",
        control=control,
        small_sample=small_sample,
        gaps=gaps,
        level=level,
    )
    return fit.aggregate(kind).overall
