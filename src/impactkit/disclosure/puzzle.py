"""What an attacker can work out: unknown counts, equations between them, and a linear programme.

Part of the audit, so it shares no code with the part that chooses what to withhold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    import numpy as np

_TOLERANCE = 1e-6

Where = tuple[str, int, int, int, str]
"""Kind and number of the owner, number of the table, row, and column name."""


@attrs.define
class Puzzle:
    """Counts as they truly are, which of them are known, and how much room each must keep."""

    truth: list[float] = attrs.field(factory=list)
    known: list[bool] = attrs.field(factory=list)
    rows: list[dict[int, float]] = attrs.field(factory=list)
    limits: dict[int, tuple[float, float]] = attrs.field(factory=dict)
    names: dict[int, Where] = attrs.field(factory=dict)
    public: set[int] = attrs.field(factory=set)
    _seen: set[tuple[int, frozenset[int]]] = attrs.field(factory=set)

    def variable(self, truth: float, known: bool) -> int:
        """Add a count and return its number."""
        self.truth.append(truth)
        self.known.append(known)
        return len(self.truth) - 1

    def equate(self, total: int, parts: list[int], rest: Where | None, threshold: int) -> None:
        """Add total = parts; where they fall short, with a remainder, placed at `rest`.

        What isn't true of the true counts is left out: people counted twice, or two populations.
        """
        missing = self.truth[total] - sum(self.truth[p] for p in parts)
        if not parts or missing < -_TOLERANCE or (missing > _TOLERANCE and rest is None):
            return
        equation = (total, frozenset(parts))
        if total in parts or equation in self._seen:
            return
        self._seen.add(equation)
        row = {total: -1.0}
        for part in parts:  # equal counts may be one cell
            row[part] = row.get(part, 0.0) + 1.0
        if missing > _TOLERANCE and rest is not None:
            extra = self.variable(missing, False)
            row[extra] = 1.0
            if not self.public.issuperset([total, *parts]):  # else anyone has it already
                self.protect(extra, threshold, rest)
        self.rows.append(row)

    def protect(self, cell: int, threshold: int, where: Where, *, always: bool = False) -> None:
        """Demand room around a small count (`always`: around any)."""
        true = self.truth[cell]
        if cell in self.public or not (always or 0 < true <= threshold):
            return
        self.limits[cell] = (true - min(true, 1.0), max(float(threshold), true))
        self.names[cell] = where

    def narrow(self) -> list[int]:
        """Return the protected cells whose range is too narrow, one component at a time."""
        import numpy as np
        from scipy.sparse import block_array, csr_array
        from scipy.sparse.csgraph import connected_components

        failed = [cell for cell in self.limits if self.known[cell]]
        hidden = [cell for cell in range(len(self.truth)) if not self.known[cell]]
        position = {cell: p for p, cell in enumerate(hidden)}
        free = [{position[c]: w for c, w in row.items() if c in position} for row in self.rows]
        free = [row for row in free if row]
        if not free:
            return failed
        weights = [w for row in free for w in row.values()]
        at = ([k for k, row in enumerate(free) for _ in row], [p for row in free for p in row])
        matrix = csr_array((weights, at), shape=(len(free), len(hidden)))
        truth = np.array([self.truth[cell] for cell in hidden])
        graph = block_array([[None, matrix], [matrix.T, None]])  # equations and cells, alternating
        component = connected_components(graph, directed=False)[1][len(free) :]
        wanted: dict[int, list[int]] = {}
        for cell in self.limits:
            if cell in position:
                wanted.setdefault(int(component[position[cell]]), []).append(position[cell])
        for number, cells in sorted(wanted.items()):
            columns = np.flatnonzero(component == number)
            rows = np.unique(matrix[:, columns].nonzero()[0])
            if not len(rows):
                continue  # nothing released says anything about it
            local = {int(p): q for q, p in enumerate(columns)}
            limits = {local[p]: self.limits[hidden[p]] for p in cells}
            bad = _solve(matrix[rows][:, columns], truth[columns], limits)
            failed += [hidden[int(columns[q])] for q in bad]
        return failed


def _solve(matrix: Any, truth: np.ndarray, limits: Mapping[int, tuple[float, float]]) -> list[int]:
    """Return the cells of one component that can't reach both their limits.

    A programme that moves many cells at once proves every cell that gets to its limit. It is run
    again on those that didn't; the last few are tried one by one.
    """
    right = matrix @ truth
    failed: set[int] = set()
    for side, sign in ((1, 1.0), (0, -1.0)):
        goals = {q: limit[side] for q, limit in limits.items()}
        while goals:
            short = _shortfalls(matrix, right, goals, sign)
            left = {q: goal for q, goal in goals.items() if short[q] > _TOLERANCE}
            if len(left) == len(goals):
                break
            goals = left
        failed.update(q for q, goal in goals.items() if _out_of_reach(matrix, right, q, goal, sign))
    return sorted(failed)


def _shortfalls(
    matrix: Any, right: np.ndarray, goals: Mapping[int, float], sign: float
) -> dict[int, float]:
    """Return how far each cell stays from its goal when all try to get there together."""
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, hstack

    (rows, n), m = matrix.shape, len(goals)
    cells = sorted(goals)
    pick = csr_array((np.full(m, -sign), (range(m), cells)), shape=(m, n))
    gap = csr_array((np.full(m, -1.0), (range(m), range(m))), shape=(m, m))
    found = linprog(
        np.concatenate([np.zeros(n), np.ones(m)]),
        A_ub=hstack([pick, gap]),
        b_ub=[-sign * goals[q] for q in cells],
        A_eq=hstack([matrix, csr_array((rows, m))]),
        b_eq=right,
        bounds=(0, None),
        method="highs",
    )
    short = found.x[n:] if found.status == 0 else np.full(m, np.inf)
    return dict(zip(cells, short.tolist(), strict=True))


def _out_of_reach(matrix: Any, right: np.ndarray, cell: int, goal: float, sign: float) -> bool:
    """Tell whether no table that agrees with the release has `cell` at its goal."""
    import numpy as np
    from scipy.optimize import linprog

    cost = np.zeros(matrix.shape[1])
    cost[cell] = -sign
    bounds = np.tile([0.0, np.inf], (len(cost), 1))
    if sign > 0:
        bounds[cell, 1] = goal
    found = linprog(cost, A_eq=matrix, b_eq=right, bounds=bounds, method="highs")
    return bool(found.status != 0 or sign * (goal - found.x[cell]) > _TOLERANCE)
