"""Least squares without each cluster in turn, from one decomposition: as long as there are rows.

Source: MacKinnon, Nielsen & Webb (2023), Journal of Econometrics 232(2), equation 16.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from impactkit.errors import EstimationError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_SINGULAR = 1e-12  # of a share: what is left of a coefficient without a cluster


def alone_in(projection: Floats) -> NDArray[np.bool_]:
    """Tell which coefficients rest on schools of their own, as the means of groups do."""
    on = np.abs(projection) > 1e-12
    return np.array(
        [not (on[k] & np.delete(on, k, axis=0).any(axis=0)).any() for k in range(len(on))]
    )


def jackknife(X: Floats, y: Floats, cluster: Ints, values: Floats) -> Floats:
    """Return each cluster's contribution, such that the squares add up to CRV3.

    With X = QR, what leaving out cluster c changes is inv(R) inv(I - Q_c'Q_c) Q_c'e_c.
    """
    n, p = int(cluster.max()) + 1, X.shape[1]
    Q, R = np.linalg.qr(X)
    gram, score = np.zeros((n, p, p)), np.zeros((n, p, 1))
    np.add.at(gram, cluster, Q[:, :, None] * Q[:, None, :])
    np.add.at(score, cluster, (Q * (y - X @ values)[:, None])[:, :, None])
    left = np.eye(p) - gram
    if np.linalg.eigvalsh(left).min() < _SINGULAR:
        words = "rests on a single partnership" if n > 1 else "there is a single partnership"
        raise EstimationError(
            f"{words}, so how much it varies between partnerships cannot be seen; "
            "wait for more partnerships, or pool groups"
        )
    found = np.linalg.solve(R, np.linalg.solve(left, score)[:, :, 0].T)
    on = np.abs(np.linalg.pinv(X)) > 1e-12
    # Each coefficient has the factor of the clusters that bear on it.
    bears = np.array([np.unique(cluster[row]).size for row in on])
    scaled: Floats = found * np.sqrt((bears - 1) / bears)[:, None]
    return scaled
