"""Contributions of clusters to many estimates, kept in little memory however many clusters.

Row r, column c holds the contribution phi of cluster c to estimate r (see `influence`). Variances,
covariances and normal draws need the columns only through the sums of phi phi'. So beyond
`MOST_CLUSTERS` clusters the columns of a group are replaced by as many as there are rows, with the
same sums: a square root of them. Nothing is approximated but what depends on single clusters, such
as draws of a sign for each.
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
    by_cluster
        Whether a column is a cluster.
    """

    columns: Floats
    group: Ints
    by_cluster: bool

    def of(self, combinations: Floats) -> Contributions:
        """Return the contributions to linear combinations, shape (combinations, estimates)."""
        return attrs.evolve(self, columns=combinations @ self.columns)

    def variances(self) -> Floats:
        """Return each estimate's variance by group, shape (estimates, groups)."""
        first = np.flatnonzero(np.diff(self.group, prepend=-1))
        by_group = np.zeros((len(self.columns), int(self.group.max()) + 1))
        by_group[:, self.group[first]] = np.add.reduceat(self.columns**2, first, axis=1)
        return by_group


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
        self._chunk = 0
        self._columns = np.zeros((n_estimates, min(len(group), MOST_CLUSTERS)))
        self._many = len(group) > MOST_CLUSTERS
        n_groups = int(group[-1]) + 1 if self._many else 0
        self._products = np.zeros((n_groups, n_estimates, n_estimates))

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
        if not self._many:
            return Contributions(columns=self._columns, group=self._group, by_cluster=True)
        self._flush()
        roots = [square_root(product) for product in self._products]
        return Contributions(
            columns=np.concatenate(roots, axis=1),
            group=np.repeat(np.arange(len(roots)), [root.shape[1] for root in roots]),
            by_cluster=False,
        )

    def _flush(self) -> None:
        first = self._chunk * MOST_CLUSTERS
        group = self._group[first : first + MOST_CLUSTERS]
        for g in np.unique(group):
            part = self._columns[:, np.searchsorted(group, g) : np.searchsorted(group, g, "right")]
            self._products[g] += part @ part.T
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
