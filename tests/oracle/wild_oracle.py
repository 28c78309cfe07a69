"""The restricted wild cluster bootstrap the slow way: every draw's regression is fitted again.

Imports nothing from impactkit. Every unit and period has an indicator; nothing is demeaned.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

ROOT5 = math.sqrt(5)
POINTS = {
    "rademacher": {-1.0: 0.5, 1.0: 0.5},
    "mammen": {
        (1 - ROOT5) / 2: (ROOT5 + 1) / (2 * ROOT5),
        (1 + ROOT5) / 2: (ROOT5 - 1) / (2 * ROOT5),
    },
    "webb": {s * math.sqrt(x): 1 / 6 for s in (-1, 1) for x in (0.5, 1, 1.5)},
}


def regression(rows: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Any]]:
    """Return y, d, the other regressors and the clusters, all times the root of the weight."""
    units = sorted({r["unit"] for r in rows})
    times = sorted({r["time"] for r in rows})[1:]
    W = np.array(
        [
            [
                *(float(r["unit"] == u) for u in units),
                *(float(r["time"] == t) for t in times),
                *r["x"],
            ]
            for r in rows
        ]
    )
    root = np.sqrt([r["w"] for r in rows])
    d = np.array([r["d"] for r in rows])
    y = np.array([r["y"] for r in rows])
    return y * root, d * root, W * root[:, None], [r["cluster"] for r in rows]


def t_of(y: np.ndarray, X: np.ndarray, clusters: list[Any], null: float) -> tuple[float, float]:
    """Return the last coefficient less `null`, and that over its uncorrected CRV1 error."""
    bread = np.linalg.inv(X.T @ X)
    beta = bread @ X.T @ y
    e = y - X @ beta
    meat = np.zeros_like(bread)
    for c in set(clusters):
        at = [i for i, k in enumerate(clusters) if k == c]
        s = X[at].T @ e[at]
        meat += np.outer(s, s)
    variance = (bread @ meat @ bread)[-1, -1]
    return beta[-1] - null, (beta[-1] - null) / math.sqrt(variance)


def p_value(rows: list[dict[str, Any]], null: float, distribution: str) -> float:
    """Return the p-value over every pattern of multipliers, each with its probability."""
    y, d, W, clusters = regression(rows)
    X = np.column_stack([W, d])
    t = abs(t_of(y, X, clusters, null)[1])
    gamma = np.linalg.lstsq(W, y - null * d, rcond=None)[0]
    fitted = W @ gamma + null * d
    u = y - fitted
    labels = sorted(set(clusters))
    at = [labels.index(c) for c in clusters]
    total = 0.0
    for pattern in itertools.product(POINTS[distribution].items(), repeat=len(labels)):
        v = np.array([value for value, _ in pattern])
        chance = math.prod(p for _, p in pattern)
        drawn = fitted + v[at] * u
        total += chance * (abs(t_of(drawn, X, clusters, null)[1]) >= t * (1 - 1e-7))
    return total
