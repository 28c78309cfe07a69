r"""Questionnaires: how reliable a scale is, and how much the same people's answers changed.

Reliability is told twice, since each says something else when items are not alike:

.. math:: \alpha = \frac{k}{k-1}\Bigl(1 - \frac{\sum_j s_j^2}{s_T^2}\Bigr), \quad
    \omega = \frac{(\sum_j \lambda_j)^2}{(\sum_j \lambda_j)^2 + \sum_j \psi_j}

with :math:`s_j^2` the variance of an item, :math:`s_T^2` that of the sum, and
:math:`\lambda, \psi` loadings and unique variances of one common factor.

A change of the same people is standardised by the mean of the two standard deviations,
:math:`g_{av} = J \bar d / \tfrac{1}{2}(s_1 + s_2)`, so that it can stand beside changes of
different people; :math:`J = 1 - 3 / (8n - 9)` for n people.

Sources: Cronbach (1951), Psychometrika 16, 297-334; McDonald (1999), "Test theory: a unified
treatment", chapter 6; Lakens (2013), Frontiers in Psychology 4:863 (g_av).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from impactkit.errors import EstimationError

Floats = NDArray[np.float64]

_STEPS, _CLOSE = 5000, 1e-12


def cronbach_alpha(answers: ArrayLike) -> float | None:
    """Return Cronbach's alpha of a table of answers, people by items, none of them missing.

    Nothing (None) where it does not exist: fewer than two items or people, or a sum that does not
    vary.

    Examples
    --------
    >>> round(cronbach_alpha([[1, 2], [2, 2], [3, 4], [4, 4]]), 3)
    0.941
    """
    x = np.asarray(answers, dtype=float)
    if x.ndim != 2 or min(x.shape) < 2:
        return None
    k, total = x.shape[1], float(x.sum(axis=1).var(ddof=1))
    if total <= 0:
        return None
    return float(k / (k - 1) * (1 - x.var(axis=0, ddof=1).sum() / total))


def mcdonald_omega(answers: ArrayLike) -> float | None:
    """Return McDonald's omega of a table of answers, people by items, none of them missing.

    Loadings are those of one factor by iterated principal axes. Nothing (None) with fewer than
    three items, where one factor is not determined, or where no such factor fits (an item without
    a variance of its own).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> trait = rng.normal(size=(500, 1))
    >>> round(mcdonald_omega(trait + rng.normal(size=(500, 4))), 1)  # (4 x 1)^2 / (16 + 4)
    0.8
    """
    x = np.asarray(answers, dtype=float)
    if x.ndim != 2 or x.shape[1] < 3 or x.shape[0] <= x.shape[1]:
        return None
    covariance = np.cov(x, rowvar=False)
    variances = np.diag(covariance).copy()
    if (variances <= 0).any() or np.linalg.cond(covariance) > 1e12:
        return None
    unique = 1 / np.diag(np.linalg.inv(covariance))
    for _ in range(_STEPS):
        values, vectors = np.linalg.eigh(covariance - np.diag(unique))
        loadings = np.sqrt(max(values[-1], 0.0)) * vectors[:, -1]
        found = variances - loadings**2
        if (found <= 0).any():
            return None
        moved = float(np.abs(found - unique).max())
        unique = found
        if moved < _CLOSE * float(variances.max()):
            break
    else:
        return None
    common = float(loadings.sum()) ** 2
    return common / (common + float(unique.sum()))


@attrs.frozen(kw_only=True)
class PairedChange:
    """The change of people who answered twice.

    `change` is the mean in points of the scale, `g` the same in standard deviations (Hedges'
    g_av); the standard errors are by leaving out one cluster at a time, with `df` degrees of
    freedom for Student's t.
    """

    n: int
    n_clusters: int
    before: float
    after: float
    change: float
    change_std_error: float
    g: float
    g_std_error: float
    df: int

    def interval(self, of: str = "change", level: float = 0.95) -> tuple[float, float]:
        """Return the t interval of ``change`` or ``g``."""
        from scipy.special import stdtrit

        value, error = (
            (self.g, self.g_std_error) if of == "g" else (self.change, self.change_std_error)
        )
        reach = float(stdtrit(self.df, 0.5 + level / 2)) * error
        return value - reach, value + reach


def paired_change(
    before: Sequence[float], after: Sequence[float], clusters: Sequence[Hashable] | None = None
) -> PairedChange:
    """Work out how much the same people changed from one time to another.

    Parameters
    ----------
    before, after
        One number a person, in the same order.
    clusters
        The school or partnership of each person; None: people are independent.

    Raises
    ------
    EstimationError
        With fewer than three people or two clusters, or answers that do not vary.

    Examples
    --------
    Two films seen by ten people (Lakens 2013, table 1):

    >>> one = [9, 7, 8, 9, 8, 9, 9, 10, 9, 9]
    >>> two = [9, 6, 7, 8, 7, 9, 8, 8, 8, 7]
    >>> found = paired_change(two, one)
    >>> round(found.change, 2), round(found.g, 2)
    (1.0, 1.08)
    """
    first, second = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    labels = list(range(len(first))) if clusters is None else list(clusters)
    names: dict[Hashable, int] = {}
    cluster = np.array([names.setdefault(label, len(names)) for label in labels], dtype=np.int64)
    n, count = len(first), len(names)
    if n < 3 or count < 2:
        raise EstimationError(
            f"{n} people of {count} schools or partnerships answered both times; it takes three "
            "people of two"
        )
    whole = _change_and_g(first, second)
    rest = [_change_and_g(first[cluster != c], second[cluster != c]) for c in range(count)]
    if whole is None or None in rest:
        raise EstimationError("answers do not vary enough between people for an effect size")
    parts = np.array(rest, dtype=float)
    errors = np.sqrt((count - 1) / count * ((parts - parts.mean(axis=0)) ** 2).sum(axis=0))
    return PairedChange(
        n=n,
        n_clusters=count,
        before=float(first.mean()),
        after=float(second.mean()),
        change=whole[0],
        change_std_error=float(errors[0]),
        g=whole[1],
        g_std_error=float(errors[1]),
        df=count - 1,
    )


def _change_and_g(first: Floats, second: Floats) -> tuple[float, float] | None:
    n = len(first)
    if n < 2:
        return None
    spread = float(first.std(ddof=1) + second.std(ddof=1)) / 2
    if spread <= 0:
        return None
    change = float((second - first).mean())
    return change, (1 - 3 / (8 * n - 9)) * change / spread


def response_bounds(mean: float, rate: float, low: float, high: float) -> tuple[float, float]:
    """Return what the mean of all who were asked can be, whatever those say who did not answer.

    Source: Manski (1989), Journal of Human Resources 24(3), 343-360 (worst-case bounds).

    Raises
    ------
    ValueError
        When `rate` is no share from 0 to 1.

    Examples
    --------
    >>> response_bounds(4.0, 0.5, 1.0, 5.0)
    (2.5, 4.5)
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate={rate!r}: write a share from 0 to 1")
    return rate * mean + (1 - rate) * low, rate * mean + (1 - rate) * high
