"""Contributions of clusters to many estimates, kept in little memory however many clusters.

Row r, column c holds the contribution phi of cluster c to estimate r (see `influence`). Variances,
covariances and normal draws need the columns only through the sums of phi phi'. So the columns of a
group of more than `MOST_CLUSTERS` clusters are replaced by as many as there are rows, with the same
sums: a square root of them. Nothing is approximated but what depends on single clusters, such as a
draw of a sign for each.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from impactkit.inference.influence import Floats

Ints = NDArray[np.int64]

MOST_CLUSTERS = 4096


@attrs.frozen(kw_only=True, eq=False)
class Contributions:
    """Contributions to estimates, by cluster or in columns that stand for all clusters of a group.

    Attributes
    ----------
    columns
        Shape (estimates, columns).
    group
        Group of each column, such as the cohort of its clusters, shape (columns,).
    cluster
        Number of the cluster that a column is of, ``-1`` where it stands for a whole group.
    """

    columns: Floats
    group: Ints
    cluster: Ints

    def of(self, combinations: Floats) -> Contributions:
        """Return the contributions to linear combinations, shape (combinations, estimates)."""
        return attrs.evolve(self, columns=combinations @ self.columns)


class Collector:
    """Adds up contributions that come in pieces.

    Clusters are numbered so that their groups ascend. Pieces come in the order of
    ``cluster // MOST_CLUSTERS``, and a piece keeps to one such number.

    Examples
    --------
    Two clusters of two units each, one estimate:

    >>> found = Collector(1, np.array([0, 1]))
    >>> found.add(np.array([0]), np.array([[1.0, 2.0, -1.0, -2.0]]), np.array([0, 0, 1, 1]))
    >>> found.result().columns.tolist()
    [[3.0, -3.0]]
    """

    def __init__(self, n_estimates: int, group: Ints) -> None:
        self._group = group
        self._many = np.bincount(group) > MOST_CLUSTERS
        self._chunk = 0
        self._columns = np.zeros((n_estimates, min(len(group), MOST_CLUSTERS)))
        self._kept: list[tuple[Floats, int, int]] = []
        self._products = np.zeros((len(self._many), n_estimates, n_estimates))

    def add(self, estimates: Ints, phi: Floats, cluster: Ints) -> None:
        """Add contributions of some units to some estimates, shape (estimates, units)."""
        chunk = int(cluster[0]) // MOST_CLUSTERS
        if chunk != self._chunk:
            self._flush()
            self._chunk = chunk
        first = np.flatnonzero(np.diff(cluster, prepend=-1))
        if len(first) < len(cluster):
            phi, cluster = np.add.reduceat(phi, first, axis=1), cluster[first]
        place = cluster - chunk * MOST_CLUSTERS
        if (np.diff(place) == 1).all():
            self._columns[estimates, place[0] : place[-1] + 1] += phi
        else:
            self._columns[estimates[:, None], place] += phi

    def add_clusters(self, phi: Floats) -> None:
        """Add the contributions of every cluster to every estimate, shape (estimates, clusters)."""
        for first in range(0, phi.shape[1], MOST_CLUSTERS):
            part = phi[:, first : first + MOST_CLUSTERS]
            self.add(np.arange(len(phi)), part, np.arange(first, first + part.shape[1]))

    def result(self) -> Contributions:
        """Return the sums."""
        self._flush()
        columns = [part for part, _, _ in self._kept]
        cluster = [np.arange(first, first + part.shape[1]) for part, first, _ in self._kept]
        group = [np.full(part.shape[1], g) for part, _, g in self._kept]
        for g in np.flatnonzero(self._many):
            columns.append(square_root(self._products[g]))
            cluster.append(np.full(columns[-1].shape[1], -1))
            group.append(np.full(columns[-1].shape[1], g))
        return Contributions(
            columns=np.concatenate(columns, axis=1),
            group=np.concatenate(group),
            cluster=np.concatenate(cluster),
        )

    def _flush(self) -> None:
        first = self._chunk * MOST_CLUSTERS
        group = self._group[first : first + MOST_CLUSTERS]
        for g in np.unique(group):
            left, right = np.searchsorted(group, g), np.searchsorted(group, g, "right")
            part = self._columns[:, left:right]
            if self._many[g]:
                self._products[g] += part @ part.T
            else:
                self._kept.append((part.copy(), first + int(left), int(g)))
        self._columns[:] = 0.0


def square_root(product: Floats) -> Floats:
    """Return R, lower triangular without its columns of zeros, such that R R' is `product`.

    Cholesky's method; a row that those above it determine adds no column.

    Examples
    --------
    >>> root = square_root(np.array([[4.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 9.0]]))
    >>> root.tolist()
    [[2.0, 0.0], [1.0, 0.0], [0.0, 3.0]]
    """
    left, columns = product.copy(), []
    for j, size in enumerate(np.diag(product)):
        if left[j, j] > 1e-13 * size:
            column = left[:, j] / np.sqrt(left[j, j])
            column[:j] = 0.0
            left -= np.outer(column, column)
            columns.append(column)
    return np.array(columns).reshape(-1, len(product)).T
