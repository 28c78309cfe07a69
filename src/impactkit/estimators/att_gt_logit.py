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
    newton,
    no_overlap,
    nobody_left,
)

PIECE = 8192


@attrs.frozen(kw_only=True, eq=False)
class Logit:
    """A fitted score, and sums over the comparison units with weights v = w p / (1 - p).

    Attributes
    ----------
    gamma, information
        Coefficients and the Hessian of minus the log-likelihood, shapes (k,) and (k, k).
    relative
        Coefficients less the logarithm of treated over comparison weight in the constant's: much
        the same for any share of treated.
    XX, XY
        Sums of v X X' and v X Y, shapes (k, k) and (k, periods).
    """

    gamma: Floats
    relative: Floats
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
    table: Table,
    source: int,
    treated: slice,
    others: Sequence[slice],
    *,
    log_ratio: float,
    start: Floats | None,
) -> Logit:
    """Fit the score with covariates and weights of one period.

    Parameters
    ----------
    source
        Index into the periods of covariates and weights.
    treated, others
        Runs of units.
    log_ratio
        Logarithm of treated over comparison weight.
    start
        `relative` coefficients of a similar fit to start from; None: zero.

    Raises
    ------
    EstimationError
        When covariates are collinear or (nearly) tell treated from comparison units.
    """
    runs = [(treated, 1.0), *((run, 0.0) for run in others)]
    base = np.zeros(table.X.shape[1])
    base[0] = log_ratio
    near = base if start is None else base + start
    gamma = newton(
        lambda gamma: _derivatives(table, source, runs, gamma), (near, np.zeros_like(base))
    )
    found = None if gamma is None else _sums(table, source, treated, others, gamma, base)
    if found is None:
        raise EstimationError(no_overlap(table.names))
    if not found.XX[0, 0] > 0:
        raise EstimationError(nobody_left())
    return found


def score_and_odds(gamma: Floats, X: Floats) -> tuple[Floats, Floats]:
    """Return p and p / (1 - p); the odds of a score that rounds to one are infinite."""
    with np.errstate(over="ignore", divide="ignore"):
        inverse = np.exp(-gamma @ X)
        return 1 / (1 + inverse), 1 / inverse


def _derivatives(
    table: Table, source: int, runs: Sequence[tuple[slice, float]], gamma: Floats
) -> tuple[Floats, Floats]:
    k = len(gamma)
    score, information = np.zeros(k), np.zeros((k, k))
    for run, d in runs:
        for piece in pieces(run):
            X, w = table.design(source, piece), table.weights(source, piece)
            p, _ = score_and_odds(gamma, X)
            slope, miss = p * (1 - p), d - p
            if w is not None:
                slope, miss = slope * w, miss * w
            score += X @ miss
            information += (X * slope) @ X.T
    return score, information


def _sums(
    table: Table,
    source: int,
    treated: slice,
    others: Sequence[slice],
    gamma: Floats,
    base: Floats,
) -> Logit | None:
    """Gather what effects need, or None when a score comes near one."""
    k, T = len(gamma), len(table.y)
    information, XX, XY = np.zeros((k, k)), np.zeros((k, k)), np.zeros((k, T))
    for run in (treated, *others):
        for piece in pieces(run):
            X, w = table.design(source, piece), table.weights(source, piece)
            p, odds = score_and_odds(gamma, X)
            if (p if w is None else p[w > 0]).max(initial=0.0) >= OVERLAP:
                return None
            slope = p * (1 - p) if w is None else p * (1 - p) * w
            information += (X * slope) @ X.T
            if run is not treated:
                odds[p >= TRIM] = 0.0
                weighted = X * (odds if w is None else odds * w)
                XX += weighted @ X.T
                XY += weighted @ table.y[:, piece].T
    return Logit(gamma=gamma, relative=gamma - base, information=information, XX=XX, XY=XY)
