"""The chance that a normal vector falls into a box, and its mean when it does.

Source: Genz (1992), "Numerical computation of multivariate normal probabilities", Journal of
Computational and Graphical Statistics 1(2): one coordinate at a time, each drawn from the part of
its conditional distribution that is inside; the points are a Richtmyer lattice, so that the answer
is the same every time.
"""

from __future__ import annotations

import numpy as np

from impactkit.estimators.rectangle import Floats

_POINTS = 1 << 16
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)
MOST_DIMENSIONS = len(_PRIMES)


def box(mean: Floats, covariance: Floats, bound: Floats) -> tuple[float, Floats]:
    """Return the chance that abs(x) <= bound, x ~ N(mean, covariance), and E[x] inside, (k,).

    Parameters
    ----------
    mean, covariance, bound
        Shapes (k,), (k, k) and (k,), k at most `MOST_DIMENSIONS`.

    Examples
    --------
    >>> chance, inside = box(np.zeros(2), np.eye(2), np.full(2, 1.96))
    >>> round(chance, 4), bool(abs(inside).max() < 1e-9)
    (0.9025, True)
    """
    from scipy.special import ndtr, ndtri

    k = len(mean)
    root = np.linalg.cholesky(covariance)
    step = np.arange(1, _POINTS + 1)[:, None] * np.sqrt(np.array(_PRIMES[:k], dtype=float))
    uniform = np.abs(2 * (step % 1.0) - 1)
    uniform = np.concatenate([uniform, 1 - uniform])
    z = np.zeros((len(uniform), k))
    weight = np.ones(len(uniform))
    for j in range(k):
        shift = mean[j] + z[:, :j] @ root[j, :j]
        low, high = ndtr((-bound[j] - shift) / root[j, j]), ndtr((bound[j] - shift) / root[j, j])
        weight = weight * (high - low)
        inside = np.clip(low + uniform[:, j] * (high - low), 1e-300, 1 - 1e-16)
        z[:, j] = ndtri(inside)
    chance = float(weight.mean())
    x = mean + z @ root.T
    return chance, (weight @ x) / max(weight.sum(), 1e-300)
