"""Group-time effects from rows: panels with gaps, and repeated cross-sections.

Each effect compares weighted means of the units observed in either period; what a unit adds in
several rows is summed before the variance is taken. `two_by_two` has the estimators.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators import two_by_two
from impactkit.estimators.att_gt_comparisons import Cell, Comparison, require_units
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
    cells = []
    for row, comparison in enumerate(listed):
        if comparison.is_base:
            cells.append(Cell(comparison=comparison, value=0.0))
            continue
        try:
            require_units(units, comparison)
            value, who, phi, last = _effect(data, comparison, method, last)
        except EstimationError as error:
            cells.append(Cell(comparison=comparison, value=None, reason=str(error)))
            continue
        contributions[row] = np.bincount(units.cluster[who], phi, minlength=n_clusters)
        cells.append(Cell(comparison=comparison, value=value))
    return tuple(cells)


def _effect(
    data: Rows, comparison: Comparison, method: Method, start: Floats | None
) -> tuple[float, Ints, Floats, Floats | None]:
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
    fitted: list[Propensity] = []

    def propensity(X: Floats) -> Propensity:
        fitted.append(two_by_two.fit_propensity(D, X, w, data.names, start))
        return fitted[0]

    value, phi = two_by_two.cross_sections(
        _take(data.y, both), post, D, w, X, data.names, method, propensity
    )
    coefficients = fitted[0].coefficients if fitted else start
    return value, _take(data.unit, both), phi, coefficients


def _take(values: np.ndarray, runs: Sequence[slice]) -> np.ndarray:
    return np.concatenate([values[run] for run in runs])
