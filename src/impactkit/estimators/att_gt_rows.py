"""Group-time effects from rows: panels with gaps, and repeated cross-sections.

Each effect compares either weighted means of the units observed in either period (``means``), or
the changes of those observed in both (``pairs``), with covariates and weights of the earlier
period. What a unit adds in several rows is summed before the variance is taken. `two_by_two` has
the estimators.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators import two_by_two
from impactkit.estimators.att_gt_comparisons import Cell, Comparison, require_pairs, require_units
from impactkit.estimators.blocks import Ints, Rows
from impactkit.estimators.two_by_two import Bools, Floats, Method, Propensity


def estimate_rows(
    data: Rows,
    listed: Sequence[Comparison],
    method: Method,
    contributions: Floats,
) -> tuple[Cell, ...]:
    """Estimate every effect, and write its contributions by cluster, a row each."""
    units = data.units
    n_clusters = contributions.shape[1]
    last: Floats | None = None
    effect = _of_pairs if units.paired else _of_means
    cells = []
    for row, comparison in enumerate(listed):
        if comparison.is_base:
            cells.append(Cell(comparison=comparison, value=0.0))
            continue
        try:
            require_units(units, comparison)
            value, who, phi, last = effect(data, comparison, method, last)
        except EstimationError as error:
            cells.append(Cell(comparison=comparison, value=None, reason=str(error)))
            continue
        contributions[row] = np.bincount(units.cluster[who], phi, minlength=n_clusters)
        cells.append(Cell(comparison=comparison, value=value))
    return tuple(cells)


Effect = tuple[float, Ints, Floats, Floats | None]


def _of_means(data: Rows, comparison: Comparison, method: Method, start: Floats | None) -> Effect:
    """Return an effect, unit and contribution of each row behind it, and the score's coefficients.

    `start` are the coefficients of another effect's score, to start from.
    """
    runs = (*comparison.own, *comparison.groups)
    now = [data.rows(comparison.time, *run) for run in runs]
    then = [data.rows(comparison.base, *run) for run in runs]
    both = now + then
    D: Bools = np.concatenate(
        [np.full(s.stop - s.start, i % len(runs) == 0) for i, s in enumerate(both)]
    )
    post = np.arange(len(D)) < sum(s.stop - s.start for s in now)
    w = _take(data.w, both)
    X = None if data.X is None else _take(data.X, both)
    score = _Score(D, w, data.names, start)
    value, phi = two_by_two.cross_sections(
        _take(data.y, both), post, D, w, X, data.names, method, score
    )
    return value, _take(data.unit, both), phi, score.coefficients


def _of_pairs(data: Rows, comparison: Comparison, method: Method, start: Floats | None) -> Effect:
    """As `_of_means`, from the changes of units seen in both periods."""
    runs = (*comparison.own, *comparison.groups)
    now, then = (
        np.concatenate([np.arange(s.start, s.stop) for s in rows])
        for rows in ([data.rows(p, *run) for run in runs] for p in comparison.periods)
    )
    unit, at, base = np.intersect1d(
        data.unit[now], data.unit[then], assume_unique=True, return_indices=True
    )
    now, then = now[at], then[base]
    early = now if comparison.time < comparison.base else then
    cohort = data.units.cohort_of(unit)
    D, w = cohort == comparison.cohort, data.w[early]
    require_pairs(data.units, comparison, w[D], w[~D])
    score = _Score(D, w, data.names, start)
    X = None if data.X is None else data.X[early]
    dy = data.y[now] - data.y[then]
    value, phi = two_by_two.changes(dy, D, w, X, data.names, method, score)
    return value, unit, phi, score.coefficients


class _Score:
    """Fits the propensity score when asked for it, and keeps its coefficients."""

    def __init__(self, D: Bools, w: Floats, names: Sequence[str], start: Floats | None) -> None:
        self._D, self._w, self._names = D, w, names
        self.coefficients = start

    def __call__(self, X: Floats) -> Propensity:
        fitted = two_by_two.fit_propensity(self._D, X, self._w, self._names, self.coefficients)
        self.coefficients = fitted.coefficients
        return fitted


def _take(values: np.ndarray, runs: Sequence[slice]) -> np.ndarray:
    return np.concatenate([values[run] for run in runs])
