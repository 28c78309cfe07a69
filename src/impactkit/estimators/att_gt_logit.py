"""The propensity score of a cohort against its comparison group, a logit on runs of a table.

    p(X) = 1 / (1 + exp(-X'gamma)),  with gamma by maximum (weighted) likelihood

Newton's method over runs of units in pieces that fit the processor's cache. The last pass gathers
all that effects need of the score, for every period at once, so that no score is kept.

Source: Sant'Anna & Zhao (2020), as `two_by_two`, whose rules of trimming and overlap hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.blocks import Table
from impactkit.estimators.two_by_two import (
    OVERLAP,
    TRIM,
    Floats,
    no_overlap,
    nobody_left,
)

PIECE = 8192
_MOST_STEPS = 60
_SMALL_STEP = 1e-7  # the error after a Newton step goes with the square of the step


@attrs.frozen(kw_only=True, eq=False)
class Logit:
    """A fitted score, and sums over the comparison units with weights v = w p / (1 - p).

    Attributes
    ----------
    gamma, information
        Coefficients and the Hessian of minus the log-likelihood, shapes (k,) and (k, k).
    XX, XY
        Sums of v X X' and v X Y, shapes (k, k) and (k, periods).
    """

    gamma: Floats
    information: Floats
    XX: Floats
    XY: Floats


def pieces(run: slice, size: int = PIECE) -> Iterator[slice]:
    """Cut a run into pieces.

    Examples
    --------
    >>> list(pieces(slice(0, 5), size=3))
    [slice(0, 3, None), slice(3, 5, None)]
    """
    for first in range(run.start, run.stop, size):
        yield slice(first, min(first + size, run.stop))


def fit_logit(
    table: Table, source: int, treated: slice, others: Sequence[slice], start: Floats | None
) -> Logit:
    """Fit the score with covariates and weights of one period.

    Parameters
    ----------
    source
        Index into the periods of covariates and weights.
    treated, others
        Runs of units.
    start
        Coefficients of a similar fit to start from; default zero.

    Raises
    ------
    EstimationError
        When covariates are collinear or (nearly) tell treated from comparison units.
    """
    runs = [(treated, 1.0), *((run, 0.0) for run in others)]
    gamma = np.zeros(table.X.shape[1]) if start is None else start
    separated = False
    for _ in range(_MOST_STEPS):
        score, information = _derivatives(table, source, runs, gamma)
        separated = bool(np.linalg.cond(information) > 1e14)
        if separated:
            break
        step = np.linalg.solve(information, score)
        gamma = gamma + step
        if np.abs(step).max() <= _SMALL_STEP * (1 + np.abs(gamma).max()):
            break
    if separated and start is not None:  # it started too far off
        return fit_logit(table, source, treated, others, None)
    found = None if separated else _sums(table, source, treated, others, gamma)
    if found is None:
        raise EstimationError(no_overlap(table.names))
    if not found.XX[0, 0] > 0:
        raise EstimationError(nobody_left())
    return found


def exp_index(gamma: Floats, X: Floats) -> Floats:
    """Return exp(X'gamma), which is p / (1 - p), within the range of a float."""
    index = gamma @ X
    np.clip(index, -700, 700, out=index)
    return np.exp(index, out=index)


def _derivatives(
    table: Table, source: int, runs: Sequence[tuple[slice, float]], gamma: Floats
) -> tuple[Floats, Floats]:
    k = len(gamma)
    score, information = np.zeros(k), np.zeros((k, k))
    for run, d in runs:
        for piece in pieces(run):
            X, w = table.design(source, piece), table.weights(source, piece)
            odds = exp_index(gamma, X)
            p = odds / (1 + odds)
            slope, miss = p * (1 - p), d - p
            if w is not None:
                slope, miss = slope * w, miss * w
            score += X @ miss
            information += (X * slope) @ X.T
    return score, information


def _sums(
    table: Table, source: int, treated: slice, others: Sequence[slice], gamma: Floats
) -> Logit | None:
    """Gather what effects need, or None when a score comes near one."""
    k, T = len(gamma), len(table.y)
    information, XX, XY = np.zeros((k, k)), np.zeros((k, k)), np.zeros((k, T))
    for run in (treated, *others):
        for piece in pieces(run):
            X, w = table.design(source, piece), table.weights(source, piece)
            odds = exp_index(gamma, X)
            p = odds / (1 + odds)
            if (p if w is None else p[w > 0]).max(initial=0.0) >= OVERLAP:
                return None
            slope = p * (1 - p) if w is None else p * (1 - p) * w
            information += (X * slope) @ X.T
            if run is not treated:
                odds[p >= TRIM] = 0.0
                weighted = X * (odds if w is None else odds * w)
                XX += weighted @ X.T
                XY += weighted @ table.y[:, piece].T
    return Logit(gamma=gamma, information=information, XX=XX, XY=XY)
