"""Least squares with every fixed effect as an indicator column, in plain numpy: slow and obvious.

Imports nothing from impactkit. A regression is given by lists, one entry a row.
"""

from __future__ import annotations

import numpy as np


def indicators(labels):
    """Return one column for each distinct label."""
    return np.column_stack([[float(a == b) for a in labels] for b in sorted(set(labels))])


def ols(y, columns, effects, *, w=None, cluster=None, vcov="CRV1", small_sample="fixest"):
    """Fit y on columns and effects; the first effect is the unit's.

    Returns coefficients of the columns and their covariance. `columns` is a list of lists.
    """
    y, X = np.asarray(y, float), np.column_stack(columns).astype(float)
    n = len(y)
    w = np.ones(n) if w is None else np.asarray(w, float)
    cluster = list(effects[0]) if cluster is None else list(cluster)
    F = np.column_stack([indicators(labels) for labels in effects])
    root = np.sqrt(w)[:, None]

    def beta_of(rows):
        Z = np.column_stack([X[rows], F[rows]]) * root[rows]
        return np.linalg.lstsq(Z, y[rows] * root[rows, 0], rcond=1e-11)[0]

    rows = np.arange(n)
    beta = beta_of(rows)
    k = X.shape[1]
    e = y - np.column_stack([X, F]) @ beta
    # Frisch-Waugh-Lovell: the columns, less what the indicators explain of them.
    left = X - F @ np.linalg.lstsq(F * root, X * root, rcond=1e-11)[0]
    bread = np.linalg.inv((left * w[:, None]).T @ left)
    K = k + np.linalg.matrix_rank(F, tol=1e-7)
    if vcov == "iid":
        return beta[:k], bread * (w @ e**2) / (n - K)
    if vcov == "HC1":
        meat = sum(w[i] ** 2 * e[i] ** 2 * np.outer(left[i], left[i]) for i in range(n))
        return beta[:k], n / (n - K) * bread @ meat @ bread
    labels = sorted(set(cluster))
    G = len(labels)
    if vcov == "CRV3":
        total = np.zeros((k, k))
        for label in labels:
            without = beta_of(np.array([i for i in rows if cluster[i] != label]))[:k]
            total += np.outer(without - beta[:k], without - beta[:k])
        return beta[:k], (G - 1) / G * total
    meat = np.zeros((k, k))
    for label in labels:
        score = sum(w[i] * e[i] * left[i] for i in rows if cluster[i] == label)
        meat += np.outer(score, score)
    counted = K - (len(set(effects[0])) - 1) if small_sample == "fixest" else K
    q = 1.0 if small_sample == "none" else G / (G - 1) * (n - 1) / (n - counted)
    return beta[:k], q * bread @ meat @ bread
