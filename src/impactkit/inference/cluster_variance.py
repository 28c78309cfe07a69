"""Cluster-robust variance of least squares, CRV1 and CRV3, with its small-sample factor named.

With bread A = X'WX, scores s_c = sum over the rows of cluster c of w x e, and G clusters:

    CRV1   q A^-1 (sum_c s_c s_c') A^-1
    CRV3   (G - 1)/G sum_c (b_(c) - b)(b_(c) - b)',   b_(c) estimated without cluster c

The factor q is a convention, and packages differ. With N rows and K coefficients:

    fixest   G/(G - 1) (N - 1)/(N - K), K without the effects that are nested in the clusters
             (also pyfixest, reghdfe and xtreg)
    stata    the same, K with every effect that was absorbed (areg, regress with indicators)
    none     1

CRV3 has no factor but its own (G - 1)/G. pyfixest's default multiplies it by q as well.

Sources: Liang & Zeger (1986), "Longitudinal data analysis using generalized linear models",
Biometrika 73(1); Cameron & Miller (2015), "A practitioner's guide to cluster-robust inference",
Journal of Human Resources 50(2), section II; MacKinnon, Nielsen & Webb (2023), "Cluster-robust
inference: a guide to empirical practice", Journal of Econometrics 232(2).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from impactkit.errors import EstimationError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SmallSample = Literal["fixest", "stata", "none"]

_PIVOT = 1e-6


def small_sample_factor(
    convention: SmallSample, *, n_rows: int, n_clusters: int, k: int, k_nested: int
) -> float:
    """Return the factor q of CRV1.

    Parameters
    ----------
    convention
        See the head of this file.
    n_rows, n_clusters
        N and G.
    k, k_nested
        Coefficients, absorbed effects included; and those of them nested in clusters.

    Raises
    ------
    EstimationError
        When there are no more rows than coefficients.

    Examples
    --------
    >>> small_sample_factor("fixest", n_rows=101, n_clusters=11, k=31, k_nested=30)
    1.1
    >>> small_sample_factor("none", n_rows=101, n_clusters=11, k=31, k_nested=30)
    1.0
    """
    if convention == "none":
        return 1.0
    counted = k - k_nested if convention == "fixest" else k
    if n_rows <= counted:
        raise EstimationError(
            f"{n_rows:,} rows cannot tell apart {counted:,} coefficients; leave out covariates or "
            "fixed effects, or pool event times"
        )
    return n_clusters / (n_clusters - 1) * (n_rows - 1) / (n_rows - counted)


def cluster_sums(scores: Floats, labels: Ints, n_clusters: int) -> Floats:
    """Add up scores by cluster.

    Parameters
    ----------
    scores
        Shape (rows, k).
    labels
        Cluster numbers from zero, shape (rows,).

    Returns
    -------
    numpy.ndarray
        Shape (n_clusters, k).

    Examples
    --------
    >>> cluster_sums(np.array([[1.0], [2.0], [4.0]]), np.array([0, 1, 0]), 2).tolist()
    [[5.0], [2.0]]
    """
    total = np.zeros((n_clusters, scores.shape[1]))
    at, sums = sums_by_cluster(scores, labels)
    total[at] = sums
    return total


def sums_by_cluster(scores: Floats, labels: Ints) -> tuple[Ints, Floats]:
    """Return the clusters that there are, each once, and their sums; at least one row is needed.

    Examples
    --------
    >>> at, sums = sums_by_cluster(np.array([[1.0], [2.0], [4.0]]), np.array([7, 3, 7]))
    >>> at.tolist(), sums.tolist()
    ([3, 7], [[2.0], [5.0]])
    """
    if bool((np.diff(labels) < 0).any()):
        order = np.argsort(labels, kind="stable")
        scores, labels = scores[order], labels[order]
    first = np.flatnonzero(np.diff(labels, prepend=labels[0] - 1))
    return labels[first], np.add.reduceat(scores, first, axis=0)


def jackknife(gram: Floats, clusters: Iterable[tuple[Floats, Floats]]) -> Floats:
    """Return CRV3 from each cluster's part of the normal equations.

    Leaving out cluster c changes the coefficients by (A - A_c)^-1 s_c, exactly: nothing is
    estimated again.

    Parameters
    ----------
    gram
        A = X'WX over all clusters, shape (k, k).
    clusters
        Batches of clusters: their X'WX, shape (batch, k, k), and scores, shape (batch, k).

    Raises
    ------
    EstimationError
        When a coefficient cannot be estimated without some cluster.

    Examples
    --------
    The mean of 1, 2 and 6, each a cluster of one: the textbook variance of a mean, 7 / 3.

    >>> one, scores = np.ones((3, 1, 1)), np.array([[-2.0], [-1.0], [3.0]])
    >>> jackknife(np.array([[3.0]]), [(one, scores)]).round(9).tolist()
    [[2.333333333]]
    """
    size = np.sqrt(np.diag(gram))
    scale = np.outer(size, size)
    total = np.zeros_like(gram)
    n = needed = 0
    for parts, scores in clusters:
        without = (gram - parts) / scale
        alone = _singular(without)
        n, needed = n + len(parts), needed + int(alone.sum())
        if needed:
            continue
        change = np.linalg.solve(without, (scores / size)[:, :, None])[:, :, 0] / size
        total += change.T @ change
    if needed:
        raise EstimationError(
            f"CRV3 leaves out one cluster at a time, and without {needed:,} of the {n:,} clusters "
            "some coefficient has no data; use vcov='CRV1' and read its warning, or "
            "randomisation_inference"
        )
    return (n - 1) / n * total


def _singular(grams: Floats) -> NDArray[np.bool_]:
    """Tell which matrices, of unit scale, are not safely positive definite."""
    try:
        pivots = np.diagonal(np.linalg.cholesky(grams), axis1=-2, axis2=-1)
        return np.asarray(pivots.min(axis=-1) < _PIVOT)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.eigvalsh(grams)[:, 0] < _PIVOT**2)


def t_interval(value: float, std_error: float, df: float, level: float) -> tuple[float, float]:
    """Return the interval of Student's t with `df` degrees of freedom.

    Examples
    --------
    >>> [round(x, 4) for x in t_interval(1.0, 0.5, 10, 0.95)]
    [-0.1141, 2.1141]
    """
    from scipy.special import stdtrit

    half = float(stdtrit(df, 0.5 + level / 2)) * std_error
    return value - half, value + half


def t_p_value(value: float, std_error: float, df: float) -> float:
    """Return the two-sided p-value of Student's t against zero.

    Examples
    --------
    >>> round(t_p_value(1.0, 0.5, 10), 4)
    0.0734
    """
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(value / std_error)))


def f_test(values: Floats, covariance: Floats, df: float) -> tuple[float, float] | None:
    """Test that all values are zero: Wald's statistic over its rank, as F, and the p-value.

    None when the covariance is singular, as with fewer clusters than values.

    Examples
    --------
    >>> statistic, p = f_test(np.array([1.0]), np.array([[0.25]]), 10)
    >>> statistic, round(p, 4)
    (4.0, 0.0734)
    """
    from scipy.special import fdtrc

    if not len(values) or not bool((np.diag(covariance) > 0).all()):
        return None
    size = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(size, size)
    if np.linalg.cond(correlation) > 1e12:
        return None
    z = values / size
    statistic = float(z @ np.linalg.solve(correlation, z)) / len(values)
    return statistic, float(fdtrc(len(values), df, statistic))
