"""Weights on a simplex whose combination comes closest to a target.

    minimise  ||A w - b||^2 / n + zeta^2 ||w||^2     over w >= 0, sum w = 1

Two solvers. `exact` finds the minimum by an active set. `frank_wolfe` is the algorithm of R
`synthdid`, with its stopping rule: 100 steps from the start, weights below a quarter of the largest
set to zero, then at most 10,000 steps more. It stops short of the minimum where that is flat, and
published numbers have been made with it, so it is what `synthetic_did` uses unless told otherwise.

Sources: Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), "Synthetic difference-in-
differences", American Economic Review 111(12), equations 4 to 6; Jaggi (2013), "Revisiting
Frank-Wolfe", ICML (the steps).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs
import numpy as np

from impactkit.errors import InternalError
from impactkit.estimators.rectangle import Floats

Solver = Literal["frank_wolfe", "exact"]

_FIRST, _MOST = 100, 10_000
_SPARSE = 4.0


@attrs.frozen(kw_only=True, eq=False)
class Task:
    """One set of weights to find: `A` (n, k), `b` (n,), `zeta`, where to start (k,), tolerance.

    Steps stop when the objective falls by less than the square of `tolerance`.
    """

    A: Floats
    b: Floats
    zeta: float
    start: Floats
    tolerance: float


def solve(tasks: Sequence[Task], solver: Solver) -> list[Floats]:
    """Return the weights of each task.

    Examples
    --------
    A target halfway between two columns:

    >>> task = Task(A=np.array([[0.0, 2.0]]), b=np.array([1.0]), zeta=0.0,
    ...             start=np.array([0.9, 0.1]), tolerance=1e-9)
    >>> [w.round(6).tolist() for w in solve([task], "exact")]
    [[0.5, 0.5]]
    """
    if solver == "exact":
        return [_exact(task) for task in tasks]
    first = _frank_wolfe(tasks, _FIRST)
    sparse = [np.where(w <= w.max() / _SPARSE, 0.0, w) for w in first]
    again = [attrs.evolve(task, start=w / w.sum()) for task, w in zip(tasks, sparse, strict=True)]
    return _frank_wolfe(again, _MOST)


def _frank_wolfe(tasks: Sequence[Task], most: int) -> list[Floats]:
    """Take Frank-Wolfe steps with exact line search, in all tasks side by side."""
    R = len(tasks)
    n, k = max(len(t.b) for t in tasks), max(len(t.start) for t in tasks)
    # Tasks differ in size: what a task does not have is zero, and never chosen.
    columns, target, w = np.zeros((R, k, n)), np.zeros((R, n)), np.zeros((R, k))
    absent = np.full((R, k), np.inf)
    for r, t in enumerate(tasks):
        columns[r, : len(t.start), : len(t.b)] = t.A.T
        target[r, : len(t.b)] = t.b
        w[r, : len(t.start)] = t.start
        absent[r, : len(t.start)] = 0.0
    size = np.array([float(len(t.b)) for t in tasks])
    zeta2 = np.array([t.zeta**2 for t in tasks])
    least = np.array([t.tolerance**2 for t in tasks])
    found = w.copy()
    going = np.arange(R)
    fitted = np.einsum("rkn,rk->rn", columns, w)
    before = np.full(R, np.inf)
    for _ in range(most):
        here = np.arange(len(going))
        error = fitted - target
        slope = np.matmul(columns, error[:, :, None])[:, :, 0] + (size * zeta2)[:, None] * w
        best = np.argmin(slope + absent, axis=1)
        ahead = columns[here, best] - fitted
        towards = -w
        towards[here, best] += 1.0
        length = np.einsum("rn,rn->r", ahead, ahead)
        length += size * zeta2 * np.einsum("rk,rk->r", towards, towards)
        gain = -np.einsum("rk,rk->r", slope, towards)
        step = np.clip(np.divide(gain, length, out=np.zeros_like(gain), where=length > 0), 0, 1)
        w = w + step[:, None] * towards
        fitted = fitted + step[:, None] * ahead
        error = fitted - target
        value = zeta2 * np.einsum("rk,rk->r", w, w) + np.einsum("rn,rn->r", error, error) / size
        on = before - value > least
        before = value
        if not on.all():
            found[going[~on]] = w[~on]
            if not on.any():
                break
            columns, target, w, absent, fitted, before, size, zeta2, least, going = (
                a[on]
                for a in (columns, target, w, absent, fitted, before, size, zeta2, least, going)
            )
    else:
        found[going] = w
    return [f[: len(t.start)] for f, t in zip(found, tasks, strict=True)]


def _exact(task: Task) -> Floats:
    """Add the column that helps most until none does; drop columns whose weight turns negative."""
    n, k = task.A.shape
    Q = task.A.T @ task.A / n + task.zeta**2 * np.eye(k)
    c = task.A.T @ task.b / n
    w = np.zeros(k)
    first = int(np.argmin(np.diag(Q) - 2 * c))
    w[first], inside = 1.0, [first]
    small = 1e-11 * max(float(np.abs(c).max()), float(np.abs(Q).max()), 1e-300)
    for _ in range(100 * (k + 1)):
        m = len(inside)
        system = np.ones((m + 1, m + 1))
        system[:m, :m], system[m, m] = Q[np.ix_(inside, inside)], 0.0
        answer = np.linalg.lstsq(system, np.append(c[inside], 1.0), rcond=None)[0]
        wanted, held = answer[:m], w[inside]
        if (wanted >= 0).all():
            w[inside] = wanted
            slope = Q @ w - c + answer[m]
            slope[inside] = 0.0
            enter = int(np.argmin(slope))
            if slope[enter] > -small:
                return w
            inside.append(enter)
            continue
        falling = wanted < 0
        share = held[falling] / (held[falling] - wanted[falling])
        moved = held + share.min() * (wanted - held)
        moved[np.flatnonzero(falling)[share <= share.min()]] = 0.0
        w[inside] = moved
        inside = [i for i, stays in zip(inside, moved > 0, strict=True) if stays]
    raise InternalError(f"no weights were found for {k} columns and {n} rows")
