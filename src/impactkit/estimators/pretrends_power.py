r"""What a test of trends before treatment could have found, and what passing it does to estimates.

With coefficients beta_hat ~ N(beta, Sigma) and trends that part by a straight line, beta_t =
slope t (t from the reference; effects are zero), the usual test passes when no coefficient before
treatment is significant alone. Then

    power(slope) = 1 - P(|beta_hat_t| <= z sd_t for all t < 0)
    E[beta_hat_post | pass] = beta_post + Sigma_post,pre Sigma_pre^-1 (E[beta_hat_pre | pass] -
                              beta_pre)

The first gives the slope that would be found with a given power; the second the bias left, which
passing the test can make larger than the trend itself.

Source: Roth (2022), "Pretest with caution: event-study estimates after testing for parallel
trends", American Economic Review: Insights 4(3), section II; as his R package pretrends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.event_coefficients import EventCoefficients, event_coefficients
from impactkit.estimators.normal_box import MOST_DIMENSIONS, box
from impactkit.estimators.options import a_level, check_options
from impactkit.estimators.rectangle import Floats
from impactkit.inference.influence import critical_value

if TYPE_CHECKING:
    import polars as pl


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PretrendsPower:
    """What the test of trends before treatment can tell of one straight-line violation.

    Attributes
    ----------
    slope
        Of the violation, in the unit of the outcome a period.
    power
        Chance that the test finds it.
    size
        Chance that the test rejects when trends are parallel.
    bayes_factor
        Chance of passing under the violation, over that under parallel trends; near one, passing
        says next to nothing.
    likelihood_ratio
        Of the coefficients before treatment as estimated: violation over parallel trends.
    event_times, trend, after_passing
        By event time after the reference: the violation, and the mean of the estimate in studies
        that pass the test, were the effect zero.
    """

    slope: float
    power: float
    size: float
    bayes_factor: float
    likelihood_ratio: float
    event_times: tuple[int, ...]
    trend: Floats
    after_passing: Floats

    def to_frame(self) -> pl.DataFrame:
        """Return one row an event time: `event_time`, `trend`, `mean_after_passing`."""
        import polars as pl

        return pl.DataFrame(
            {
                "event_time": list(self.event_times),
                "trend": self.trend,
                "mean_after_passing": self.after_passing,
            }
        )

    def __str__(self) -> str:
        lines = [
            f"A trend of {self.slope:.4g} a period would be found with a chance of "
            f"{self.power:.0%} (and a trend of nothing with {self.size:.0%}).",
            f"Passing is {self.bayes_factor:.2g} times as likely under it as under parallel "
            "trends.",
            f"{'event time':>12} {'trend':>11} {'mean estimate after passing':>30}",
        ]
        lines += [
            f"{e:>12} {t:>11.4g} {p:>30.4g}"
            for e, t, p in zip(self.event_times, self.trend, self.after_passing, strict=True)
        ]
        return "\n".join(lines)

    __repr__ = __str__


def pretrends_power(
    study: Any, *, power: float = 0.5, slope: float | None = None, level: float = 0.95
) -> PretrendsPower:
    """Say which trend the test before treatment finds, and how passing it bends estimates.

    Parameters
    ----------
    study
        An event study with one reference period before treatment; see `honest_did`.
    power
        Chance with which the trend is to be found; decides the slope when none is given.
    slope
        Of the trend, in the unit of the outcome a period.
    level
        Of the test: a coefficient is significant when its normal interval excludes zero.

    Raises
    ------
    UsageError
        When arguments make no sense, or coefficients cannot be compared (see `honest_did`).
    EstimationError
        When no slope has this power, or there are too many coefficients before treatment.

    Examples
    --------
    >>> study = EventCoefficients(event_times=[-2, 0], values=[0.0, 1.0], covariance=np.eye(2))
    >>> found = pretrends_power(study, power=0.5)
    >>> round(found.slope, 3), round(found.size, 3)
    (1.96, 0.05)
    """
    check_options(
        [
            (not 0 < power < 1, "power", power, "a chance between 0 and 1, such as 0.5"),
            a_level(level),
            (
                slope is not None and not np.isfinite(slope),
                "slope",
                slope,
                "a finite number, in the unit of the outcome a period",
            ),
        ]
    )
    coefficients = event_coefficients(study)
    pre = coefficients.pre.astype(np.float64)
    k = len(pre)
    check_options(
        [
            (
                not k,
                "study",
                ", ".join(map(str, coefficients.event_times)),
                "a coefficient before the reference period",
            )
        ]
    )
    if k > MOST_DIMENSIONS:
        raise EstimationError(
            f"{k} coefficients before treatment are more than the {MOST_DIMENSIONS} whose joint "
            "chance can be computed; pool the earliest with bins"
        )
    sigma = coefficients.covariance[:k, :k]
    bound = critical_value(level) * np.sqrt(np.diag(sigma))
    size = 1 - box(np.zeros(k), sigma, bound)[0]
    if slope is None:
        slope = _slope(pre, sigma, bound, power, size)
    passing, inside = box(slope * pre, sigma, bound)
    trend = slope * coefficients.post.astype(np.float64)
    gap = inside - slope * pre
    after = trend + coefficients.covariance[k:, :k] @ np.linalg.solve(sigma, gap)
    return PretrendsPower(
        slope=slope,
        power=1 - passing,
        size=size,
        bayes_factor=passing / (1 - size),
        likelihood_ratio=_likelihood_ratio(coefficients, slope * pre, sigma),
        event_times=coefficients.event_times[k:],
        trend=trend,
        after_passing=after,
    )


def _slope(pre: Floats, sigma: Floats, bound: Floats, power: float, size: float) -> float:
    """Return the positive slope that is found with the given chance."""
    from scipy.optimize import brentq

    if power <= size:
        raise EstimationError(
            f"the test rejects with a chance of {size:.3f} when there is no trend at all, so no "
            f"trend has a power of {power}; ask for more"
        )

    def short(slope: float) -> float:
        return 1 - box(slope * pre, sigma, bound)[0] - power

    top = float((bound / np.abs(pre)).max())
    while short(top) < 0:
        top *= 2
    return float(brentq(short, 0.0, top, xtol=1e-10 * top))


def _likelihood_ratio(study: EventCoefficients, trend: Floats, sigma: Floats) -> float:
    values = study.values[: len(trend)]
    against, given = np.linalg.solve(sigma, values), np.linalg.solve(sigma, values - trend)
    return float(np.exp((values @ against - (values - trend) @ given) / 2))
