"""What would have been: unit and period effects fitted on untreated rows, and carried forward.

    y_it = a_i + l_t + x_it'b + e_it        over untreated rows, t < G_i - anticipation
    tau_it = y_it - a_i - l_t - x_it'b      over all others

`imputation` (Borusyak, Jaravel & Spiess) and `two_stage` (Gardner) are averages of tau and differ
only in the variance. An average sum w_it tau_it is linear in y: with Z the regressors of the first
stage and W its weights, its contribution from a row is w_it tau_it after treatment and

    - W_it e_it z_it'theta,    theta = (Z'WZ)^-1 sum w_it z_it

before. The unit effects drop out, because a unit's residuals before treatment add up to zero; what
is left of theta is one number a period and a covariate, whatever the number of units.

Sources: Borusyak, Jaravel & Spiess (2024), "Revisiting event-study designs: robust and efficient
estimation", Review of Economic Studies 91(6), theorem 2; Gardner (2022),
"Two-stage differences in differences", arXiv:2207.05943, section 3.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import NDArray

from impactkit.errors import EstimationError
from impactkit.estimators.rectangle import Floats, Ints, Rectangle, restrict
from impactkit.estimators.within import independent
from impactkit.results import Exclusion

_BLOCK = 16_384
_RANK = 1e-11
_FOLLOWS = 1e-6

Bools = NDArray[np.bool_]


@attrs.frozen(kw_only=True, eq=False)
class Untreated:
    """The first stage.

    Attributes
    ----------
    panel
        The rows that take part: units with an untreated row, and effects that can be imputed.
    before
        Which cohorts are untreated in which periods, shape (cohorts + 1, T).
    deviation
        Outcome less what would have been, shape (N, T): tau after treatment, e before; zero where
        there is no row.
    sums
        By cohort, sum over rows of period t of w (z_it - mean of z over the unit's untreated rows),
        shape (cohorts + 1, T + k, T): what an average's weights become in theta.
    inverse, kept
        Of the normal equations in periods and covariates, and their independent columns.
    dropped
        Covariates that the fixed effects, or others, determine.
    """

    panel: Rectangle
    before: Bools
    deviation: Floats
    sums: Floats
    inverse: Floats
    kept: list[int]
    dropped: tuple[str, ...]

    @property
    def n_clusters(self) -> int:
        """Return the number of clusters."""
        cluster = self.panel.cluster
        return self.panel.n_units if cluster is None else int(cluster.max()) + 1


def fit_untreated(panel: Rectangle, anticipation: int) -> Untreated:
    """Fit the first stage; what cannot be imputed is set aside, and counted.

    Raises
    ------
    EstimationError
        When nobody is untreated, no effect can be imputed, or a covariate has no variation before
        treatment but has some after it.
    """
    panel, before = _with_untreated(panel, anticipation)
    panel = _imputable(panel, before)
    T, k = len(panel.periods), len(panel.names)
    sums = np.zeros((len(before), T + k, T))
    gram, right, size = np.zeros((T + k, T + k)), np.zeros(T + k), np.zeros(T + k)
    for g, units in blocks(panel):
        w = row_weights(panel, units)
        w0 = w * before[g]
        mean = w0 / (w @ before[g].astype(np.float64))[:, None]
        y = panel.y[units]
        sums[g, :T] += np.diag(np.ones(len(w)) @ w) - mean.T @ w
        y0 = y - np.einsum("it,it->i", mean, y)[:, None]
        right[:T] += np.einsum("it,it->t", w0, y0)
        size[:T] += np.ones(len(w)) @ w0
        if panel.covariates is None:
            continue
        x = panel.covariates[units]
        x0 = x - np.einsum("it,itk->ik", mean, x)[:, None]
        sums[g, T:] += np.einsum("it,itk->kt", w, x0)
        # Sums over rows by einsum: a threaded product of so few columns costs more than it gains.
        weighted = w0[:, :, None] * x0
        gram[T:, T:] += np.einsum("itk,itl->kl", weighted, x0)
        right[T:] += np.einsum("itk,it->k", weighted, y0)
        size[T:] += np.einsum("it,itk->k", w0, x * x)
    gram[:, :T] = (sums * before[:, None, :]).sum(axis=0)
    gram[:T, T:] = gram[T:, :T].T
    kept = independent(gram, size, _RANK)
    inverse = np.asarray(np.linalg.inv(gram[np.ix_(kept, kept)]), dtype=np.float64)
    theta = np.zeros(T + k)
    theta[kept] = inverse @ right[kept]
    found = Untreated(
        panel=panel,
        before=before,
        deviation=_deviations(panel, before, theta),
        sums=sums,
        inverse=inverse,
        kept=kept,
        dropped=tuple(n for i, n in enumerate(panel.names, start=T) if i not in kept),
    )
    _require_followable(found, gram, size)
    return found


def _with_untreated(panel: Rectangle, anticipation: int) -> tuple[Rectangle, Bools]:
    """Set aside units without an untreated row, whose own level nothing tells."""
    periods = np.array(panel.periods)
    start = panel.start
    seen = periods[None, :] < start[:, None] - anticipation
    if panel.share is not None:
        seen &= panel.share > 0
    ever = np.asarray(seen.any(axis=1))
    if not ever.any():
        raise EstimationError(
            f"none of {panel.n_units:,} units has a row before its treatment "
            f"(anticipation={anticipation}); add earlier periods, or untreated units"
        )
    panel = restrict(
        panel,
        ever,
        np.ones(len(periods), dtype=bool),
        "no_untreated_period",
        "never seen untreated, so that nothing tells what would have been",
    )
    start = np.array([*panel.cohorts, np.iinfo(np.int64).max])
    return panel, periods[None, :] < start[:, None] - anticipation


def _imputable(panel: Rectangle, before: Bools) -> Rectangle:
    """Set aside treated rows in periods that no chain of untreated rows links to their unit."""
    from scipy.sparse.csgraph import connected_components

    T = len(panel.periods)
    links = np.zeros((T, T))
    for g, units in blocks(panel):
        seen = (row_weights(panel, units) > 0) & before[g]
        links += seen.T.astype(float) @ seen
    _, component = connected_components(links > 0, directed=False)
    component = np.where(np.diag(links) > 0, component, -1)
    if len(np.unique(component)) == 1:
        return panel
    share = np.ones(panel.y.shape) if panel.share is None else panel.share.copy()
    untreated = before[panel.cohort] & (share > 0)
    own = component[untreated.argmax(axis=1)]
    away = ~untreated & (share > 0) & (component[None, :] != own[:, None])
    share[away] = 0.0
    periods = [str(p) for p, a in zip(panel.periods, away.any(axis=0), strict=True) if a]
    lost = Exclusion(
        reason="no_comparison",
        text=(
            f"treated rows in {', '.join(periods)}, where no untreated unit that can be compared "
            "with them is seen"
        ),
        n_rows=int(away.sum()),
        n_schools=int((~(share > 0).any(axis=1)).sum()),
        treated=0,
        stage="estimator",
    )
    return attrs.evolve(
        panel,
        share=share,
        y=np.where(share > 0, panel.y, 0.0),
        n_rows=panel.n_rows - int(away.sum()),
        exclusions=(*panel.exclusions, lost),
    )


def blocks(panel: Rectangle) -> Iterator[tuple[int, slice]]:
    """Return runs of units of one cohort, so many that they fit a processor's cache."""
    bounds = np.searchsorted(panel.cohort, np.arange(len(panel.cohorts) + 2))
    for g, (first, stop) in enumerate(itertools.pairwise(bounds)):
        for a in range(int(first), int(stop), _BLOCK):
            yield g, slice(a, min(a + _BLOCK, int(stop)))


def row_weights(panel: Rectangle, units: slice) -> Floats:
    """Return the weight of each row, zero where there is none, shape (n, T)."""
    weight = panel.weight[units][:, None]
    if panel.share is None:
        return np.repeat(weight, len(panel.periods), axis=1)
    return np.asarray(weight * panel.share[units])


def _deviations(panel: Rectangle, before: Bools, theta: Floats) -> Floats:
    T = len(panel.periods)
    out = np.empty(panel.y.shape)
    for g, units in blocks(panel):
        w = row_weights(panel, units)
        left = panel.y[units] - theta[:T]
        if panel.covariates is not None:
            left -= panel.covariates[units] @ theta[T:]
        untreated = before[g].astype(np.float64)
        left -= (((w * left) @ untreated) / (w @ untreated))[:, None]
        left[w == 0] = 0.0
        out[units] = left
    return out


def _require_followable(first: Untreated, gram: Floats, size: Floats) -> None:
    """Refuse a covariate whose coefficient only rows after treatment could tell."""
    panel, T = first.panel, len(first.panel.periods)
    for name in first.dropped:
        j = T + panel.names.index(name)
        on = np.zeros(len(gram))
        on[first.kept] = -first.inverse @ gram[first.kept, j]
        on[j] = 1.0
        # What the periods and covariates kept leave of it, after treatment too, is to be nothing.
        left = np.einsum("a,gat->gt", on, first.sums)
        if np.abs(left).max() > _FOLLOWS * np.sqrt(size[j] * size[:T].sum()):
            raise EstimationError(
                f"covariate {name} does not vary among untreated rows beyond the other effects, "
                "but it does after treatment, so its part in what would have been cannot be told; "
                "leave it out (it may follow from treatment)"
            )


def covariance(first: Untreated, averages: Floats, centre: Floats) -> Floats:
    """Return the covariance of weighted averages of deviations, by cluster, without a factor.

    Parameters
    ----------
    first
        The first stage.
    averages
        Weight of a row of cohort g and period t in average k, as a multiple of the row's own
        weight, shape (cohorts + 1, T, K).
    centre
        What is subtracted from a deviation, by cohort and period, before it counts as that row's
        chance part in an average, shape (cohorts + 1, T).
    """
    panel = first.panel
    if panel.cluster is not None:
        total = contributions(first, averages, centre)
        return np.asarray(total.T @ total)
    parts = _parts(first, averages, centre)
    return np.asarray(sum(M.T @ (rows.T @ rows) @ M for _, rows, M in parts))


def contributions(first: Untreated, averages: Floats, centre: Floats) -> Floats:
    """Return what each cluster contributes to the averages, shape (clusters, K).

    Arguments as of `covariance`, which is the sum of their squares and products.
    """
    total = np.zeros((first.n_clusters, averages.shape[2]))
    for units, rows, M in _parts(first, averages, centre):
        if first.panel.cluster is None:
            total[units] = rows @ M
            continue
        label, starts = _runs(first.panel.cluster[units])
        total[label] += np.add.reduceat(rows, starts) @ M
    return total


def _parts(
    first: Untreated, averages: Floats, centre: Floats
) -> Iterator[tuple[slice, Floats, Floats]]:
    """Return by block of units: numbers of each, and what turns them into contributions."""
    panel, T = first.panel, len(first.panel.periods)
    theta = np.zeros((first.sums.shape[1], averages.shape[2]))
    theta[first.kept] = first.inverse @ np.einsum("gat,gtk->ak", first.sums, averages)[first.kept]
    for g, units in blocks(panel):
        w = row_weights(panel, units)
        e = w * first.deviation[units]
        parts = [e, w]
        table = [
            averages[g] - first.before[g][:, None] * theta[:T],
            -averages[g] * centre[g][:, None],
        ]
        if panel.covariates is not None:
            parts.append(np.einsum("it,itk->ik", e * first.before[g], panel.covariates[units]))
            table.append(-theta[T:])
        yield units, np.concatenate(parts, axis=1), np.concatenate(table)


def _runs(labels: Ints) -> tuple[Ints, Ints]:
    """Return the distinct labels, which are in order, and where each begins."""
    starts = np.flatnonzero(np.diff(labels, prepend=labels[0] - 1))
    return labels[starts], starts


def cluster_average(first: Untreated) -> tuple[Floats, Floats, Floats]:
    """Average deviations by cohort and period as a conservative variance asks.

    With v_c a cluster's weight in the cell, the average is sum_c v_c (sum of w tau over c) / sum_c
    v_c^2: the value about which the cell's contributions vary least (Borusyak, Jaravel & Spiess).

    Returns
    -------
    tuple
        The averages; sum_c v_c^2; and the number of clusters of each cell; shape (cohorts + 1, T).
    """
    shape = first.before.shape
    mean, squares, clusters = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for g, v, effect, _ in _by_cluster(first):
        squares[g] = np.einsum("ct,ct->t", v, v)
        clusters[g] = np.count_nonzero(v, axis=0)
        mean[g] = np.einsum("ct,ct->t", v, effect)
    there = squares > 0
    mean[there] /= squares[there]
    return mean, squares, clusters


def _by_cluster(first: Untreated) -> Iterator[tuple[int, Floats, Floats, Ints]]:
    """Return by cohort: weights and weighted deviations by cluster, and each unit's place there."""
    panel = first.panel
    bounds = np.searchsorted(panel.cohort, np.arange(len(panel.cohorts) + 2))
    for g, (a, b) in enumerate(itertools.pairwise(bounds)):
        if a == b or first.before[g].all():
            continue
        units = slice(int(a), int(b))
        w = row_weights(panel, units)
        effect = w * first.deviation[units]
        place = np.arange(b - a)
        if panel.cluster is not None:
            label, starts = _runs(panel.cluster[units])
            w, effect = np.add.reduceat(w, starts, axis=0), np.add.reduceat(effect, starts, axis=0)
            place = np.searchsorted(label, panel.cluster[units])
        yield g, w, effect, place


def pooled_centre(
    first: Untreated, mean: Floats, clusters: Floats, effect: Floats, rows: Floats
) -> Floats:
    """Return what effects are measured from: the cell's mean where it has clusters enough.

    A cluster alone in its cell would not deviate from it at all, as if it did not vary. It is
    measured from the mean of its event time, or of all effects where it is alone there too.

    Parameters
    ----------
    mean, clusters
        As from `cluster_average`.
    effect, rows
        Plain mean deviation and weighted number of rows by cohort and period, the same shape.
    """
    panel = first.panel
    effects = ~first.before & (rows > 0)
    event = np.array(panel.periods)[None, :] - np.array([*panel.cohorts, 0])[:, None]
    centre = mean.copy()
    for g, t in np.argwhere(effects & (clusters == 1)):
        alike = effects & (event == event[g, t])
        pool = alike if alike.sum() > 1 else effects
        centre[g, t] = (rows * effect)[pool].sum() / rows[pool].sum()
    return centre


def without_own(first: Untreated, mean: Floats, squares: Floats) -> Untreated:
    """Measure each cluster's effects from the average of the other clusters of its cell.

    The deviation from an average without cluster c is the one from the average of all, times
    S / (S - v_c^2), S = sum of v^2. A cell of one cluster is left as it is.
    """
    panel, changed = first.panel, first.deviation.copy()
    for g, v, _, place in _by_cluster(first):
        rest = squares[g] - v * v
        factor = np.where(rest > 1e-12 * squares[g], squares[g] / np.where(rest > 0, rest, 1), 1.0)
        units = np.flatnonzero(panel.cohort == g)
        treated = np.flatnonzero(~first.before[g])
        at = np.ix_(units, treated)
        moved = mean[g, treated] + (changed[at] - mean[g, treated]) * factor[place][:, treated]
        seen = row_weights(panel, slice(int(units[0]), int(units[-1]) + 1))[:, treated] > 0
        changed[at] = np.where(seen, moved, 0.0)
    return attrs.evolve(first, deviation=changed)


def rounding(first: Untreated) -> float:
    """Return the size of a standard error that is nothing but rounding."""
    return 1e-12 * max(float(first.panel.y.max()), -float(first.panel.y.min()))
