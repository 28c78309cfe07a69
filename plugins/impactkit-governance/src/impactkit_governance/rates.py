"""Rates of events, exact: one rate, the ratio of two, and a test for bunching.

A joint event joins several boards, so what one board experiences is a *weighted* count: each event
counts once for every board in it. With weights that are all alike the intervals below are the exact
Poisson ones; with unlike weights they are their standard extension.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import attrs

from impactkit import garwood, rate_ratio


def _in_order(weights: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(weights))


@attrs.frozen(kw_only=True)
class Counted:
    """Events over some exposure: `weights` one an event, `exposure` in years of boards or schools.

    Examples
    --------
    >>> Counted(weights=(2, 2, 3), exposure=14.0).rate
    0.5
    """

    weights: tuple[int, ...] = attrs.field(converter=_in_order)
    exposure: float = attrs.field(validator=attrs.validators.gt(0))

    @property
    def total(self) -> int:
        """The weighted count."""
        return sum(self.weights)

    @property
    def rate(self) -> float:
        """The weighted count a year of exposure."""
        return self.total / self.exposure

    @property
    def std_error(self) -> float | None:
        """Of the rate, Poisson; None when there were no events, where it would be zero."""
        spread = math.sqrt(sum(w * w for w in self.weights)) / self.exposure
        return spread or None

    @property
    def effective(self) -> float:
        """How many events of equal weight carry as much information."""
        squares = sum(w * w for w in self.weights)
        return self.total**2 / squares if squares else 0.0


def rate_interval(counted: Counted, *, least: int = 1, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a rate: Garwood's exact one when all weights are alike.

    `least` is the weight that an event not seen would have had at the least; it sets the upper
    bound when there were no events.

    Sources: Garwood (1936), Biometrika 28, 437-442; Fay & Feuer (1997), Statistics in Medicine 16,
    791-801, equations 4 to 6, for unlike weights.

    Examples
    --------
    >>> low, high = rate_interval(Counted(weights=[1] * 25, exposure=1.0))
    >>> f"{low:.2f} to {high:.2f}"
    '16.18 to 36.90'
    >>> low, high = rate_interval(Counted(weights=[], exposure=1.0))
    >>> f"{low:.2f} to {high:.3f}"
    '0.00 to 3.689'
    """
    largest = max(least, max(counted.weights, default=least))
    variance = sum(w * w for w in counted.weights)
    low = 0.0
    if counted.total:
        low = variance / counted.total * garwood(counted.effective, level=level)[0]
    total, spread = counted.total + largest, variance + largest**2
    # Garwood's upper bound counts one event more; here `largest` is that event already.
    high = spread / total * garwood(total**2 / spread - 1, level=level)[1]
    return low / counted.exposure, high / counted.exposure


def ratio_interval(first: Counted, second: Counted, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of ``first.rate / second.rate``, exact given the number of events.

    Given all events, those of the first are binomial, and the bounds of Clopper & Pearson on their
    share are bounds on the ratio. Unlike weights enter through the effective numbers of events.

    Source: Przyborowski & Wilenski (1940), Biometrika 31, 313-323; ``poisson.test`` of R.

    Raises
    ------
    ValueError
        When the second has no events, so that the ratio has no upper bound.

    Examples
    --------
    Cancer in Fredericia against three other towns, from the help of R's ``poisson.test``:

    >>> towns = Counted(weights=[1] * 11, exposure=800), Counted(weights=[1] * 21, exposure=3011)
    >>> low, high = ratio_interval(*towns)
    >>> f"{towns[0].rate / towns[1].rate:.3f}, {low:.3f} to {high:.3f}"
    '1.971, 0.858 to 4.277'
    """
    if not second.total:
        raise ValueError("a ratio to a rate without events has no upper bound")
    a, b = first.effective, second.effective
    mean_second = second.total / b
    mean_first = first.total / a if a else max(1, mean_second)
    return rate_ratio(a, first.exposure / mean_first, b, second.exposure / mean_second, level)


@attrs.frozen(kw_only=True)
class Bunching:
    """Do events come in bunches? `dispersion` is 1 when they come at random (Poisson)."""

    dispersion: float
    p_value: float


def bunching(events: Sequence[int], exposures: Sequence[float]) -> Bunching | None:
    """Test whether rates differ between partnerships by more than chance.

    Pearson's chi-squared over its degrees of freedom, one fewer than partnerships; None where the
    test cannot speak: under two partnerships, or fewer than one event expected in each on average.

    Examples
    --------
    >>> found = bunching([9, 1, 2], [1.0, 1.0, 1.0])
    >>> round(found.dispersion, 2), round(found.p_value, 4)
    (4.75, 0.0087)
    """
    from scipy.special import gammaincc

    groups, total = len(events), sum(events)
    if groups < 2 or total < groups:
        return None
    rate = total / math.fsum(exposures)
    expected = [rate * exposure for exposure in exposures]
    chi2 = math.fsum((x - e) ** 2 / e for x, e in zip(events, expected, strict=True))
    return Bunching(
        dispersion=chi2 / (groups - 1), p_value=float(gammaincc((groups - 1) / 2, chi2 / 2))
    )
