"""The scores of each cluster in a fixed-effects regression, which resampling clusters needs.

    y_it = a_i + sum_f l_f(i,t) + x_it'g + beta d_it + u_it

Unit effects are nested in clusters, so demeaning within units takes them out of every cluster by
itself; the levels of all other effects are regressors. One regression of d and y on the rest, then
sums by cluster: nothing else of the data is needed (see `inference.wild`).

Units of one cluster whose regressors are alike enter by their mean only, weighted. Without
covariates a panel comes down to one row a cluster, cohort and period, however many units it has.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.rectangle import Floats, Ints, Rectangle
from impactkit.estimators.within import (
    CHUNK,
    Columns,
    independent,
    period_levels,
    profiles,
    within,
)
from impactkit.inference.cluster_variance import SmallSample, small_sample_factor
from impactkit.inference.wild import Scores

_MOST_LEVELS = 1_000


@attrs.frozen(kw_only=True, eq=False)
class Rows:
    """Units, or means of units that are alike, in order of cluster; shapes as in `Rectangle`."""

    units: Ints
    y: Floats
    weight: Floats
    share: Floats | None
    cluster: Ints
    n_clusters: int


def collapse(panel: Rectangle, key: Ints | None) -> Rows:
    """Put one row in place of the units of a cluster that share a key and a pattern of weights.

    Parameters
    ----------
    panel
        The panel.
    key
        Units with the same key have the same regressors, shape (N,); None: each has its own.
    """
    cluster = np.arange(panel.n_units) if panel.cluster is None else panel.cluster
    n_clusters = int(cluster.max()) + 1
    if key is not None:
        key = cluster * (int(key.max()) + 1) + key
    order, starts = profiles(panel, key)
    first, w = order[starts[:-1]], panel.weight[order]
    weight = np.add.reduceat(w, starts[:-1])
    y = np.add.reduceat(panel.y[order] * w[:, None], starts[:-1], axis=0) / weight[:, None]
    by_cluster = np.argsort(cluster[first], kind="stable")
    first = first[by_cluster]
    return Rows(
        units=first,
        y=y[by_cluster],
        weight=weight[by_cluster],
        share=None if panel.share is None else panel.share[first],
        cluster=cluster[first],
        n_clusters=n_clusters,
    )


def cluster_scores(
    panel: Rectangle,
    columns: Columns,
    *,
    key: Ints | None,
    tested: str,
    small_sample: SmallSample = "fixest",
) -> Scores:
    """Return the scores of the last column of `columns`; all others are controls.

    Parameters
    ----------
    panel
        Outcome, weights, clusters and effects; its covariates are not used unless in `columns`.
    columns
        Regressors of given units, shape (n, T, K).
    key
        As in `collapse`.
    tested
        Name of the last column, for the error.
    small_sample
        The factor of CRV1 (see `inference.cluster_variance`).

    Raises
    ------
    EstimationError
        With one cluster, or when the controls and effects determine the last column.
    """
    rows = collapse(panel, key)
    if rows.n_clusters < 2:
        raise EstimationError(
            f"the {panel.n_units:,} units are in one cluster only, and resampling clusters needs "
            "many; give more clusters"
        )
    levels = period_levels(panel)
    if levels.n > _MOST_LEVELS:
        raise EstimationError(
            f"the fixed effects besides the units' have {levels.n:,} levels; give at most "
            f"{_MOST_LEVELS:,}, or make them coarser"
        )
    passes = [(grams.sum(axis=0), size) for _, grams, size in _grams(panel, rows, columns)]
    total, size = (np.sum(part, axis=0) for part in zip(*passes, strict=True))
    p = len(total) - 2
    kept = independent(total[:-1, :-1], size[:-1])
    if p not in kept:
        raise EstimationError(
            f"{tested} cannot be told apart from the controls and fixed effects of "
            f"{panel.n_units:,} units: it does not vary within them other than over time in the "
            "same way for all; add units that are treated at another time or never, or leave out "
            "covariates"
        )
    W = [j for j in kept if j < p]
    K = np.linalg.inv(total[np.ix_(W, W)])
    on_W = K @ total[np.ix_(W, [p, p + 1])]
    D, b = np.zeros(rows.n_clusters), np.zeros(rows.n_clusters)
    A, Y = np.zeros((rows.n_clusters, len(W))), np.zeros((rows.n_clusters, len(W)))
    for first, grams, _ in _grams(panel, rows, columns):
        at = slice(first, first + len(grams))
        WW, Wd, Wy = grams[:, W][:, :, W], grams[:, W, p], grams[:, W, p + 1]
        A[at] += Wd - WW @ on_W[:, 0]
        Y[at] += Wy - WW @ on_W[:, 1]
        # d~'d~ = d~'d - d~'W g, both by the cluster.
        D[at] += grams[:, p, p] - Wd @ on_W[:, 0] - (Wd - WW @ on_W[:, 0]) @ on_W[:, 0]
        b[at] += grams[:, p, p + 1] - Wy @ on_W[:, 0] - (Wd - WW @ on_W[:, 0]) @ on_W[:, 1]
    factor = small_sample_factor(
        small_sample,
        n_rows=panel.n_rows,
        n_clusters=rows.n_clusters,
        k=len(W) + 1 + panel.n_units,
        k_nested=panel.n_units - 1,
    )
    return Scores(D=D, b=b, A=A, Y=Y, K=K, factor=factor)


def _grams(panel: Rectangle, rows: Rows, columns: Columns) -> Iterator[tuple[int, Floats, Floats]]:
    """Yield the first cluster of a batch and the clusters' cross-products, shape (batch, m, m).

    The columns are the levels, the regressors and the outcome, demeaned within units; a cluster may
    be in two batches, which add up. Then the columns' sums of squares before demeaning, by which
    to judge what is left of them, shape (m,).
    """
    levels = period_levels(panel)
    T = rows.y.shape[1]
    m = levels.n + columns(rows.units[:1]).shape[2] + 1
    step = max(1, CHUNK // (m * max(m, T)))
    for a in range(0, len(rows.units), step):
        at = slice(a, a + step)
        units = rows.units[at]
        share = np.ones((len(units), T)) if rows.share is None else rows.share[at]
        X = np.zeros((len(units), T, m))
        codes = levels.codes(units)
        i, t = np.nonzero(share)
        for f in range(codes.shape[2]):
            X[i, t, codes[i, t, f]] = 1.0
        X[:, :, levels.n : -1] = columns(units)
        X[:, :, -1] = rows.y[at]
        w = (share * rows.weight[at][:, None])[:, :, None]
        size = np.einsum("itk,itk->k", X, X * w)
        X = within(X, share)
        cluster = rows.cluster[at]
        starts = np.flatnonzero(np.diff(cluster, prepend=-1))
        grams = np.add.reduceat(np.matmul((X * w).transpose(0, 2, 1), X), starts, axis=0)
        # Clusters are numbered without gaps and in order, so that a batch is a run of them.
        yield int(cluster[0]), grams, size
