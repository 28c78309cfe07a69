"""The restricted wild cluster bootstrap (WCR) of one coefficient, from each cluster's scores.

Test of beta = r in y = beta d + W g + u. With d~ and y~ the residuals of d and y on W, those under
the null are u(r) = y~ - r d~. A draw gives cluster c a random multiplier v_c, rebuilds the outcome
from v_c u_c(r), and estimates again. With sums over the rows of a cluster

    D_c = d~'d~     b_c = d~'y~     A_c = W'd~     Y_c = W'y~     K = (W'W)^-1     D = sum_c D_c

the draw's estimate, less r, is N/D with N = sum_c v_c (b_c - r D_c), and its scores are

    s_c = v_c (b_c - r D_c) - A_c'K sum_h v_h (Y_h - r A_h) - D_c N / D

so t* = N / sqrt(q sum_c s_c^2), q being the small-sample factor of CRV1. Nothing is fitted again,
and N and s_c are linear in r: one pass over the draws gives the p-value of every null, and with it
the confidence interval.

Sources: Cameron, Gelbach & Miller (2008), "Bootstrap-based improvements for inference with
clustered errors", Review of Economics and Statistics 90(3); Roodman, MacKinnon, Nielsen & Webb
(2019), "Fast and wild", Stata Journal 19(1), section 5; Webb (2023), "Reworking wild
bootstrap-based inference for clustered errors", Canadian Journal of Economics 56(3) (six points).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Distribution = Literal["rademacher", "mammen", "webb"]

_ROOT5 = math.sqrt(5.0)
_POINTS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "rademacher": ((-1.0, 1.0), (0.5, 0.5)),
    "mammen": (
        ((1 - _ROOT5) / 2, (1 + _ROOT5) / 2),
        ((_ROOT5 + 1) / (2 * _ROOT5), (_ROOT5 - 1) / (2 * _ROOT5)),
    ),
    "webb": (
        tuple(s * math.sqrt(x) for s, x in itertools.product((-1, 1), (0.5, 1.0, 1.5))),
        (1 / 6,) * 6,
    ),
}
DISTRIBUTIONS = tuple(_POINTS)

_BLOCK = 4_000_000
_TIE = 1e-9
_ROUNDING = 1e-13


@attrs.frozen(kw_only=True, eq=False)
class Scores:
    """What the clusters' rows come to; G clusters, p other regressors.

    Attributes
    ----------
    D, b
        d~'d~ and d~'y~ by cluster, shape (G,).
    A, Y
        W'd~ and W'y~ by cluster, shape (G, p).
    K
        Inverse of W'W, shape (p, p).
    factor
        Small-sample factor q of CRV1.
    """

    D: Floats
    b: Floats
    A: Floats
    Y: Floats
    K: Floats
    factor: float

    @property
    def value(self) -> float:
        """The coefficient."""
        return float(self.b.sum() / self.D.sum())

    @property
    def std_error(self) -> float:
        """Its CRV1 standard error."""
        scores = self.b - self.value * self.D
        return math.sqrt(self.factor * float(scores @ scores)) / float(self.D.sum())


@attrs.frozen(kw_only=True, eq=False)
class Draws:
    """For each draw N = n0 - r n1, the sum of squared scores q0 - 2 r q1 + r^2 q2, its probability.

    `exact` when they are all there are, so that the p-value has no Monte Carlo error.
    """

    n0: Floats
    n1: Floats
    q0: Floats
    q1: Floats
    q2: Floats
    probability: Floats
    exact: bool


def n_patterns(distribution: Distribution, n_clusters: int) -> int:
    """Return how many draws differ; where v and -v are equally likely they give the same |t|.

    Examples
    --------
    >>> n_patterns("rademacher", 10), n_patterns("mammen", 10), n_patterns("webb", 4)
    (512, 1024, 648)
    """
    total: int = len(_POINTS[distribution][0]) ** n_clusters
    return total if distribution == "mammen" else total // 2


def wild_draws(scores: Scores, *, distribution: Distribution, draws: int, seed: int) -> Draws:
    """Draw multipliers, or take all there are when these are no more than `draws`.

    Examples
    --------
    >>> one = np.ones(3)
    >>> scores = Scores(D=one, b=np.array([1.0, 2.0, 6.0]), A=np.zeros((3, 0)),
    ...                 Y=np.zeros((3, 0)), K=np.zeros((0, 0)), factor=1.5)
    >>> found = wild_draws(scores, distribution="rademacher", draws=999, seed=1)
    >>> found.exact, found.n0.tolist()
    (True, [-9.0, 3.0, -5.0, 7.0])
    """
    G = len(scores.D)
    exact = n_patterns(distribution, G) <= draws
    multipliers = (
        _every(distribution, G) if exact else _random(distribution, G, draws=draws, seed=seed)
    )
    parts = [[*_statistics(scores, V), probability] for V, probability in multipliers]
    n0, n1, q0, q1, q2, probability = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return Draws(
        n0=n0,
        n1=n1,
        q0=q0,
        q1=q1,
        q2=q2,
        probability=probability / probability.sum(),
        exact=exact,
    )


def _random(
    distribution: Distribution, G: int, *, draws: int, seed: int
) -> Iterator[tuple[Floats, Floats]]:
    """Yield blocks of multipliers, shape (block, G), and probabilities."""
    rng = np.random.default_rng(seed)
    values, chances = (np.array(x) for x in _POINTS[distribution])
    block = max(1, _BLOCK // G)
    for first in range(0, draws, block):
        size = (min(block, draws - first), G)
        if distribution == "mammen":
            at = (rng.random(size) >= chances[0]).astype(np.uint8)
        else:
            at = rng.integers(0, len(values), size=size, dtype=np.uint8)
        yield values[at], np.ones(size[0])


def _every(distribution: Distribution, G: int) -> Iterator[tuple[Floats, Floats]]:
    """Yield every pattern of multipliers; of v and -v, where equally likely, one."""
    values, chances = (np.array(x) for x in _POINTS[distribution])
    k, n = len(values), n_patterns(distribution, G)
    block = max(1, _BLOCK // G)
    for first in range(0, n, block):
        number = np.arange(first, min(first + block, n))
        # The leading digit of the patterns taken is in the lower half of the points: v, never -v.
        digits = number[:, None] // k ** np.arange(G - 1, -1, -1) % k
        yield values[digits], chances[digits].prod(axis=1)


def _statistics(s: Scores, V: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return N and the squared scores of a block of draws, from sums over clusters alone.

    A draw's scores are v b - H x0 less r times (v D - H x1), with H = (A K, D/sum D), x0 = (Y'v,
    b'v) and x1 = (A'v, D'v), so that their squares need but matrix products with V.
    """
    H = np.column_stack([s.A @ s.K, s.D / s.D.sum()])
    m = H.shape[1]
    parts = V @ np.column_stack([s.Y, s.b, s.A, s.D, H * s.b[:, None], H * s.D[:, None]])
    x0, x1, Hb, HD = (parts[:, i * m : (i + 1) * m] for i in range(4))
    bb, bD, DD = ((V * V) @ np.column_stack([s.b**2, s.b * s.D, s.D**2])).T
    Hx0, Hx1 = x0 @ (H.T @ H), x1 @ (H.T @ H)

    def dot(x: Floats, y: Floats) -> Floats:
        return np.asarray(np.einsum("vj,vj->v", x, y))

    q0 = bb - 2 * dot(x0, Hb) + dot(x0, Hx0)
    q1 = bD - dot(x0, HD) - dot(x1, Hb) + dot(x0, Hx1)
    q2 = DD - 2 * dot(x1, HD) + dot(x1, Hx1)
    # Where all multipliers are alike the scores do not depend on r, but for rounding.
    fixed = q2 <= _ROUNDING * DD
    q1[fixed] = q2[fixed] = 0.0
    return x0[:, -1], x1[:, -1], q0, q1, q2


def wild_p_value(scores: Scores, draws: Draws, null: float) -> float:
    """Return the two-sided p-value of beta = `null`.

    When draws are random the data counts as one of them, so that the p-value is never zero and the
    test never rejects more often than it says (Davison & Hinkley 1997, section 4.2).
    """
    t = abs(scores.value - null) / scores.std_error
    N = np.abs(draws.n0 - null * draws.n1)
    square = draws.q0 - 2 * null * draws.q1 + null**2 * draws.q2
    # t* >= t without dividing, since a draw's scores may all be zero; ties are by rounding.
    spread = np.sqrt(scores.factor * np.maximum(square, 0.0))
    beyond = N - t * (1 - _TIE) * spread >= 0
    share = float(draws.probability[beyond].sum())
    return share if draws.exact else (share * len(N) + 1) / (len(N) + 1)


def wild_interval(scores: Scores, draws: Draws, level: float) -> tuple[float | None, float | None]:
    """Return the nulls next to the estimate where the p-value falls to 1 - `level`.

    None on a side where it never does, as when clusters are so few that no p-value is that small.
    """
    return _bound(scores, draws, level, -1.0), _bound(scores, draws, level, 1.0)


def _bound(scores: Scores, draws: Draws, level: float, side: float) -> float | None:
    value, step = scores.value, side * scores.std_error

    def kept(distance: float) -> bool:
        return wild_p_value(scores, draws, value + distance * step) > 1 - level

    inside, outside = 0.0, 1.0
    while kept(outside):
        inside, outside = outside, 2 * outside
        if outside > 1e6:
            return None
    while outside - inside > 1e-9 * outside:
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if kept(middle) else (inside, middle)
    return value + inside * step
