"""Tests that allow trends to part after treatment up to a multiple of what they did before it.

With delta the difference in trends by position (0 at the reference), and Mbar given:

    |delta_{t+1} - delta_t| <= Mbar max_{s < 0} |delta_{s+1} - delta_s|     for all t >= 0

This is a union over which difference before treatment is the largest, and its sign; a value of the
effect is in the confidence set when any member of the union does not reject it. In one member the
restrictions are A delta <= 0, with two rows, D delta_post and -D delta_post, a period. The test of
l'tau = theta is the conditional least-favourable hybrid of Andrews, Roth & Pakes: with Y = A beta,

    eta = max_gamma gamma'(Y - A_post tau),    gamma >= 0, gamma'sd = 1, gamma'A_post = c l'

over the vertices gamma. D being invertible, these are the pairs (row t, and its negative) and the
two solutions of D'x = l and D'x = -l: one more than there are periods, plus one, so nothing is
searched for. eta is compared with a normal truncated to where the same vertex is the largest.

Sources: Rambachan & Roth (2023), "A more credible approach to parallel trends", Review of Economic
Studies 90(5), section 2.4 and equation 8 (restrictions), section 3 (tests); Andrews, Roth & Pakes
(2023), "Inference for linear conditional moment inequalities", the same journal 90(6), section 4.
Conventions of R HonestDiD: moments of periods after treatment only, first stage of size alpha/10.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import NDArray

from impactkit.estimators.event_coefficients import EventCoefficients
from impactkit.estimators.rectangle import Floats

_DRAWS = 50_000
_FIRST_STAGE = 0.1
_GRID = 1_000
_WIDTH = 20.0
_FLAT = 1e-10


@attrs.frozen(kw_only=True, eq=False)
class Member:
    """One member of the union: its vertices' moments.

    Attributes
    ----------
    mean, slope
        A vertex's moment under theta is ``mean - slope theta``, shape (vertices,).
    covariance
        Of the moments.
    first_stage
        Critical value of the least-favourable test.
    """

    mean: Floats
    slope: Floats
    covariance: Floats
    first_stage: float


def members(
    study: EventCoefficients, l_post: Floats, mbar: float, alpha: float, draws: Floats
) -> Iterator[Member]:
    """Return the union's members for one Mbar.

    Parameters
    ----------
    l_post
        Weights of the target, shape (periods after the reference,).
    draws
        Of the coefficients' errors, shape (draws, k).
    """
    pre, post = len(study.pre), len(study.post)
    D = np.eye(post) - np.eye(post, k=-1)
    x = np.linalg.solve(D.T, l_post)
    rays = np.zeros((post + 2, 2 * post))
    rays[:post] = np.hstack([np.eye(post), np.eye(post)])
    rays[post] = np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)])
    rays[post + 1] = np.concatenate([np.maximum(-x, 0), np.maximum(x, 0)])
    slope = np.array([*[0.0] * post, 1.0, -1.0])
    # The path of positions before the reference, with the zero at it; its differences.
    steps = np.diff(np.vstack([np.eye(pre), np.zeros(pre)]), axis=0)
    rank = math.ceil((1 - _FIRST_STAGE * alpha) * len(draws)) - 1
    for step in steps:
        for sign in (1.0, -1.0):
            A = np.zeros((2 * post, pre + post))
            A[:post, pre:], A[post:, pre:] = D, -D
            A[:, :pre] = -mbar * sign * step
            size = np.sqrt(np.einsum("ij,jk,ik->i", A, study.covariance, A))
            scale = rays @ size
            moments = (rays @ A) / scale[:, None]
            largest = (draws @ moments.T).max(axis=1)
            yield Member(
                mean=moments @ study.values,
                slope=slope / scale,
                covariance=moments @ study.covariance @ moments.T,
                first_stage=float(np.partition(largest, rank)[rank]),
            )


def error_draws(study: EventCoefficients) -> Floats:
    """Return normal draws of the coefficients' errors; the same every time."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((_DRAWS, len(study.values)))
    return np.asarray(z @ np.linalg.cholesky(study.covariance).T)


def accepts(member: Member, theta: Floats, alpha: float) -> NDArray[np.bool_]:
    """Tell which values of the effect the hybrid test does not reject, shape of `theta`."""
    moments = member.mean[None, :] - np.outer(theta, member.slope)
    at = moments.argmax(axis=1)
    row = np.arange(len(theta))
    eta = moments[row, at]
    variance = member.covariance[at, at]
    flat = variance <= _FLAT**2 * member.covariance.diagonal().max()
    safe = np.where(flat, 1.0, variance)
    beta = member.covariance[at] / safe[:, None]
    left = moments - beta * eta[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = left / (1 - beta)
    low = np.where(beta < 1 - _FLAT, bound, -np.inf).max(axis=1)
    high = np.where(beta > 1 + _FLAT, bound, np.inf).min(axis=1)
    high = np.minimum(high, member.first_stage)
    size = (alpha - _FIRST_STAGE * alpha) / (1 - _FIRST_STAGE * alpha)
    critical = truncated_normal_quantile(size, low, high, np.sqrt(safe))
    rejected = (eta > member.first_stage) | (eta > np.maximum(critical, 0.0))
    return np.asarray(np.where(flat, eta <= 0, ~rejected))


def truncated_normal_quantile(tail: float, low: Floats, high: Floats, sd: Floats) -> Floats:
    """Return the point that a N(0, sd^2) between `low` and `high` exceeds with chance `tail`.

    Examples
    --------
    >>> one = np.ones(1)
    >>> truncated_normal_quantile(0.05, -np.inf * one, np.inf * one, one).round(4).tolist()
    [1.6449]
    """
    from scipy.special import log_ndtr, ndtri_exp

    # Logs of upper tails: bounds may lie far out, where the tails themselves are zero.
    beyond_low, beyond_high = log_ndtr(-low / sd), log_ndtr(-high / sd)
    log_tail = np.logaddexp(np.log(tail) + beyond_low, np.log1p(-tail) + beyond_high)
    return np.asarray(-ndtri_exp(log_tail) * sd)


def interval(
    study: EventCoefficients, l_post: Floats, mbar: float, alpha: float, draws: Floats
) -> tuple[float, float] | None:
    """Return the smallest and largest effect that some member accepts; None when none is."""
    pre, post = len(study.pre), len(study.post)
    at = slice(pre, pre + post)
    sd = float(np.sqrt(l_post @ study.covariance[at, at] @ l_post))
    union = list(members(study, l_post, mbar, alpha, draws))

    def accepted(theta: Floats) -> NDArray[np.bool_]:
        return np.asarray(np.any([accepts(member, theta, alpha) for member in union], axis=0))

    centre, width = float(l_post @ study.values[at]), _WIDTH * sd
    grid = np.linspace(centre - width, centre + width, _GRID)
    inside = accepted(grid)
    while inside[0] or inside[-1]:
        width *= 2
        grid = np.linspace(centre - width, centre + width, _GRID)
        inside = accepted(grid)
    where = np.flatnonzero(inside)
    if not len(where):
        return None

    def edge(kept: float, out: float) -> float:
        for _ in range(60):
            middle = (kept + out) / 2
            kept, out = (middle, out) if accepted(np.array([middle]))[0] else (kept, middle)
        return kept

    return (
        edge(float(grid[where[0]]), float(grid[where[0] - 1])),
        edge(float(grid[where[-1]]), float(grid[where[-1] + 1])),
    )


def excludes_zero(
    study: EventCoefficients, l_post: Floats, mbar: float, alpha: float, draws: Floats
) -> bool:
    """Say whether every member rejects an effect of zero."""
    zero = np.zeros(1)
    return not any(
        accepts(member, zero, alpha)[0] for member in members(study, l_post, mbar, alpha, draws)
    )
