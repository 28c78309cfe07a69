"""Matching, weighting and trimming by plain loops; nothing of the product is imported."""

from __future__ import annotations

import itertools
import math
from typing import Any

Row = dict[str, Any]


def mean(values: list[float]) -> float:
    """Return the mean."""
    return sum(values) / len(values)


def pooled_covariance(rows: list[Row], on: list[str]) -> list[list[float]]:
    """Return the covariance within treated and comparison schools, on n - 2 degrees of freedom."""
    total = [[0.0 for _ in on] for _ in on]
    for side in (True, False):
        mine = [r for r in rows if r["treated"] == side]
        centre = {c: mean([r[c] for r in mine]) for c in on}
        for r in mine:
            for a, ca in enumerate(on):
                for b, cb in enumerate(on):
                    total[a][b] += (r[ca] - centre[ca]) * (r[cb] - centre[cb])
    return [[v / (len(rows) - 2) for v in line] for line in total]


def inverse(m: list[list[float]]) -> list[list[float]]:
    """Return the inverse of a matrix of one or two rows."""
    if len(m) == 1:
        return [[1 / m[0][0]]]
    (a, b), (c, d) = m
    det = a * d - b * c
    return [[d / det, -b / det], [-c / det, a / det]]


def distance(x: Row, y: Row, on: list[str], inverted: list[list[float]]) -> float:
    """Return the distance of two schools in the metric given."""
    gap = [x[c] - y[c] for c in on]
    k = range(len(on))
    return math.sqrt(max(sum(gap[a] * inverted[a][b] * gap[b] for a in k for b in k), 0.0))


def closest_first(
    rows: list[Row],
    on: list[str],
    *,
    exact: list[str],
    calliper: float | None,
    ratio: int,
    replace: bool,
    euclidean: bool = False,
) -> list[tuple[Any, Any, float, int]]:
    """Match by looking through all pairs for the closest one, again and again."""
    S = pooled_covariance(rows, on)
    if euclidean:
        S = [[v if a == b else 0.0 for b, v in enumerate(line)] for a, line in enumerate(S)]
    inverted = inverse(S)
    treated = [r for r in rows if r["treated"]]
    others = [r for r in rows if not r["treated"]]
    made: list[tuple[Any, Any, float, int]] = []
    for rank in range(1, ratio + 1):
        while True:
            best: tuple[float, Any, Any, float] | None = None
            for t in treated:
                mine = [m for m in made if m[0] == t["urn"]]
                if any(m[3] == rank for m in mine) or len(mine) < rank - 1:
                    continue
                for c in others:
                    if any(t[e] != c[e] for e in exact):
                        continue
                    taken = [m for m in made if m[1] == c["urn"]]
                    if any(m[0] == t["urn"] for m in taken) or (taken and not replace):
                        continue
                    d = distance(t, c, on, inverted)
                    if calliper is not None and d > calliper:
                        continue
                    key = (round(d, 9), t["urn"], c["urn"], d)
                    if best is None or key[:3] < best[:3]:
                        best = key
            if best is None:
                break
            made.append((best[1], best[2], best[3], rank))
    return sorted(made, key=lambda m: (m[0], m[3]))


def logit(x: list[list[float]], d: list[bool]) -> list[float]:
    """Return maximum likelihood coefficients by gradient ascent with Newton's matrix, by loops."""
    k = range(len(x[0]))
    beta = [0.0 for _ in k]
    for _ in range(60):
        p = [1 / (1 + math.exp(-sum(b * v for b, v in zip(beta, row, strict=True)))) for row in x]
        g = [sum((di - pi) * row[a] for row, di, pi in zip(x, d, p, strict=True)) for a in k]
        h = [
            [sum(pi * (1 - pi) * row[a] * row[b] for row, pi in zip(x, p, strict=True)) for b in k]
            for a in k
        ]
        step = solve(h, g)
        beta = [b + s for b, s in zip(beta, step, strict=True)]
    return beta


def solve(a: list[list[float]], b: list[float]) -> list[float]:
    """Solve a linear system by elimination with pivoting."""
    n = len(b)
    m = [[*row, right] for row, right in zip(a, b, strict=True)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(m[r][i]))
        m[i], m[pivot] = m[pivot], m[i]
        for r in range(i + 1, n):
            factor = m[r][i] / m[i][i]
            for c in range(i, n + 1):
                m[r][c] -= factor * m[i][c]
    x = [0.0] * n
    for i in reversed(range(n)):
        x[i] = (m[i][n] - sum(m[i][c] * x[c] for c in range(i + 1, n))) / m[i][i]
    return x


def best_subset(e: list[float], estimand: str) -> tuple[float, tuple[int, ...]]:
    """Return the smallest variance bound of any subset of schools, and the subset."""
    best: tuple[float, tuple[int, ...]] = (math.inf, ())
    for size in range(1, len(e) + 1):
        for chosen in itertools.combinations(range(len(e)), size):
            if estimand == "ate":
                bound = sum(1 / (e[i] * (1 - e[i])) for i in chosen) / size**2
            else:
                odds = sum(e[i] / (1 - e[i]) for i in chosen)
                bound = odds / sum(e[i] for i in chosen) ** 2
            if bound < best[0] - 1e-12:
                best = (bound, chosen)
    return best
