"""How one estimator did over all draws of a design."""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

from impactkit.planning.variances import Floats

_STEPS = 60
_FARTHEST = 1e9


@attrs.frozen(kw_only=True)
class Performance:
    """What an estimator does on a design; formulas are at the head of `diagnosis`.

    `truth`, `bias`, `rmse`, `sd` (of the estimates) and `mean_std_error` are in the unit of the
    outcome; `coverage`, `power`, `type_s` and `size` are shares, `type_m` a ratio. `detectable` is
    the effect, of the same course over event time, that is found in 80% of the draws. A number
    that cannot be given is None, and `reason` says why. `failed` counts draws without an estimate.
    """

    estimator: str
    method: str = ""
    variance: str = ""
    truth: float
    bias: float | None = None
    bias_se: float | None = None
    rmse: float | None = None
    sd: float | None = None
    mean_std_error: float | None = None
    coverage: float | None = None
    power: float | None = None
    size: float | None = None
    type_s: float | None = None
    type_m: float | None = None
    detectable: float | None = None
    simulations: int = 0
    failed: int = 0
    reason: str = ""
    n_schools: int | None = None
    n_comparison: int | None = None
    n_clusters: int | None = None
    n_treated_clusters: int | None = None

    def share_se(self, share: float | None) -> float | None:
        """Return the Monte Carlo standard error of a share over the draws."""
        n = self.simulations - self.failed
        return None if share is None or not n else math.sqrt(share * (1 - share) / n)


@attrs.frozen(kw_only=True, eq=False)
class Draws:
    """Estimates, standard errors and intervals, each of shape (draws,); NaN where there is none."""

    value: Floats
    std_error: Floats
    low: Floats
    high: Floats

    @property
    def found(self) -> NDArray[np.bool_]:
        """Say of each draw whether its interval excludes zero."""
        result: NDArray[np.bool_] = (self.low > 0) | (self.high < 0)
        return result


@attrs.frozen(kw_only=True, eq=False)
class Scalable:
    """Draws of a linear estimator, for the effect times any factor f, without drawing again.

    The estimate is noise + f shift; each side's part of its squared standard error is
    squares[0] + f squares[1] + f^2 squares[2]. `squares` has shape (sides, 3, draws), `df` the
    sides' degrees of freedom, which Satterthwaite's rule combines, to `most_df` at the most;
    infinite ones give a normal interval.
    """

    noise: Floats
    shift: float
    squares: Floats
    df: Floats
    most_df: float
    level: float

    def at(self, factor: float) -> Draws:
        """Return the draws with the effect multiplied by `factor`."""
        from scipy.special import ndtri, stdtrit

        value = self.noise + factor * self.shift
        sides = np.maximum(np.array([1.0, factor, factor**2]) @ self.squares, 0.0)
        error = np.sqrt(sides.sum(axis=0))
        told = np.isfinite(self.df) & (self.df > 0)
        critical = np.full(len(value), ndtri(0.5 + self.level / 2))
        if told.any():
            parts = (sides[told] ** 2 / self.df[told, None]).sum(axis=0)
            critical = stdtrit(np.minimum(error**4 / parts, self.most_df), 0.5 + self.level / 2)
        half = critical * error
        return Draws(value=value, std_error=error, low=value - half, high=value + half)

    def detectable(self, power: float) -> float | None:
        """Return the factor at which the share found reaches `power`; None if it never does."""
        low, high = 0.0, 1.0
        while self.at(high).found.mean() < power:
            low, high = high, 2 * high
            if high > _FARTHEST:
                return None
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if self.at(middle).found.mean() >= power:
                high = middle
            else:
                low = middle
        return high


def summarise(performance: Performance, draws: Draws, *, interval: bool) -> Performance:
    """Fill in what the draws show; without an interval only bias and spread can be told."""
    kept = ~np.isnan(draws.value)
    value, truth = draws.value[kept], performance.truth
    n = int(kept.sum())
    filled = attrs.evolve(performance, simulations=len(kept), failed=len(kept) - n)
    if n < 2:
        return attrs.evolve(
            filled, reason=filled.reason or f"an estimate in {n} of {len(kept)} draws only"
        )
    sd = float(value.std(ddof=1))
    filled = attrs.evolve(
        filled,
        bias=float(value.mean() - truth),
        bias_se=sd / math.sqrt(n),
        rmse=float(np.sqrt(np.mean((value - truth) ** 2))),
        sd=sd,
    )
    if not interval:
        return filled
    found = draws.found[kept]
    n_found = int(found.sum())
    signs = np.sign(value[found]) != np.sign(truth)
    told = truth != 0 and n_found > 0
    return attrs.evolve(
        filled,
        mean_std_error=float(draws.std_error[kept].mean()),
        coverage=float(np.mean((draws.low[kept] <= truth) & (truth <= draws.high[kept]))),
        power=n_found / n if truth != 0 else None,
        size=n_found / n if truth == 0 else None,
        type_s=float(signs.mean()) if told else None,
        type_m=float(np.abs(value[found]).mean() / abs(truth)) if told else None,
    )
