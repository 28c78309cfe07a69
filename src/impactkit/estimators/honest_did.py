"""How far parallel trends may fail before the conclusion changes.

Estimand: an effect l'tau of an event study, when the difference in trends delta that is left in its
coefficients beta = tau + delta is not zero but restricted:

    relative_magnitudes   from one period to the next it changes after the reference by at most
                          Mbar times the largest change before it
    smoothness            its slope changes from one period to the next by at most M

For each bound a confidence set that covers the effect with at least the stated probability, and
the breakdown value: the largest bound under which zero is still outside.

Source: Rambachan & Roth (2023), "A more credible approach to parallel trends", Review of Economic
Studies 90(5). Tests as the defaults of their R package HonestDiD: `relative_magnitudes` (the
conditional least-favourable hybrid) and `fixed_length`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

from impactkit.estimators import fixed_length, relative_magnitudes
from impactkit.estimators.event_coefficients import (
    EventCoefficients,
    Target,
    event_coefficients,
)
from impactkit.estimators.options import check_options
from impactkit.estimators.rectangle import Floats
from impactkit.inference.influence import critical_value
from impactkit.results import Estimate

if TYPE_CHECKING:
    import polars as pl

Method = Literal["relative_magnitudes", "smoothness"]

_LARGEST = 1_000.0
_CLOSE = 1e-6

_WORDS = {
    "relative_magnitudes": (
        "Mbar",
        "trends part after treatment by at most Mbar times their largest change before it",
        "conditional least-favourable hybrid test (Andrews, Roth & Pakes), normal errors",
    ),
    "smoothness": (
        "M",
        "the slope of the difference in trends changes by at most M a period",
        "fixed-length interval of least length, normal errors",
    ),
}


@attrs.frozen(kw_only=True, eq=False, repr=False)
class HonestDid:
    """Confidence sets under bounded violations of parallel trends.

    Attributes
    ----------
    method
        ``relative_magnitudes`` or ``smoothness``.
    original
        The estimate under parallel trends, with its normal interval.
    terms
        One `Estimate` a bound, the bound in `term`; intervals hold effect and violation together.
    breakdown
        The largest bound under which zero is outside the interval; 0 when it is inside already
        without any violation, None when it is outside under every bound that was tried.
    """

    method: Method
    original: Estimate
    terms: tuple[Estimate, ...]
    breakdown: float | None

    def to_frame(self) -> pl.DataFrame:
        """Return one row a bound: `m`, `ci_low`, `ci_high`."""
        import polars as pl

        return pl.DataFrame(
            {
                "m": [float(e.term) for e in self.terms],
                "ci_low": [e.ci_low for e in self.terms],
                "ci_high": [e.ci_high for e in self.terms],
            },
            schema={"m": pl.Float64, "ci_low": pl.Float64, "ci_high": pl.Float64},
        )

    def estimates(
        self, metric: str = "", measure: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Return the original estimate and one a bound, labelled for a report."""
        return tuple(
            attrs.evolve(e, metric=metric, measure=measure, unit=unit)
            for e in (self.original, *self.terms)
        )

    def __str__(self) -> str:
        letter, words, how = _WORDS[self.method]
        lines = [f"Sensitivity: {words}", f"{'parallel trends':>16}  {_brackets(self.original)}"]
        lines += [f"{f'{letter} = {e.term}':>16}  {_brackets(e)}" for e in self.terms]
        last = (
            f"Zero stays outside up to {letter} = {self.breakdown:.3g}."
            if self.breakdown
            else "Zero is inside without any violation."
            if self.breakdown == 0
            else f"Zero stayed outside under every {letter} that was tried."
        )
        return "\n".join([*lines, last, f"Variance: {how}."])

    __repr__ = __str__


def _brackets(e: Estimate) -> str:
    if e.ci_low is None or e.ci_high is None:
        return e.reason
    return f"[{e.ci_low:.4g}, {e.ci_high:.4g}]"


def honest_did(
    study: Any,
    *,
    method: Method = "relative_magnitudes",
    m: Sequence[float] | None = None,
    target: Target = 0,
    level: float = 0.95,
) -> HonestDid:
    """Give confidence sets for an effect when parallel trends may fail by so much.

    Parameters
    ----------
    study
        An event study with one reference period before treatment: `event_study`, or
        `EventCoefficients` with values and covariance of one's own.
    method
        What is restricted; see the head of this file.
    m
        Bounds. For ``relative_magnitudes`` multiples of the largest change before treatment, by
        default 0.5, 1, 1.5 and 2. For ``smoothness`` in the unit of the outcome, by default 0 and
        a quarter, a half and one standard error of the target.
    target
        Event time of the effect, or ``mean``, the plain mean over event times 0 and later.
    level
        Of the confidence sets.

    Returns
    -------
    HonestDid
        Intervals in the unit of the outcome.

    Raises
    ------
    UsageError
        When arguments make no sense; when coefficients before and after treatment cannot be
        compared (``base_period="varying"``, imputation); when none comes before treatment.

    Examples
    --------
    >>> study = EventCoefficients(
    ...     event_times=[-3, -2, 0], values=[0.1, 0.0, 1.0], covariance=np.eye(3) * 0.01)
    >>> found = honest_did(study, method="smoothness", m=[0.0, 0.1])
    >>> found.to_frame().select("ci_low", "ci_high").to_numpy().round(3).tolist()
    [[0.825, 1.255], [0.713, 1.34]]
    """
    check_options(
        [
            (
                method not in _WORDS,
                "method",
                method,
                "'relative_magnitudes' or 'smoothness'",
            ),
            (
                m is not None and (not len(m) or min(m) < 0),
                "m",
                m,
                "a list of bounds, each zero or more",
            ),
            (not 0.5 < level < 1, "level", level, "a share above 0.5 and below 1, such as 0.95"),
        ]
    )
    coefficients = event_coefficients(study)
    l_post = coefficients.target(target)
    check_options(
        [
            (
                not len(coefficients.pre),
                "study",
                ", ".join(map(str, coefficients.event_times)),
                "a coefficient before the reference period, to judge violations by",
            )
        ]
    )
    original = _original(coefficients, l_post, target, level)
    assert original.std_error is not None
    bounds = (
        m
        if m is not None
        else (0.5, 1.0, 1.5, 2.0)
        if method == "relative_magnitudes"
        else tuple(f * original.std_error for f in (0.0, 0.25, 0.5, 1.0))
    )
    alpha = 1 - level
    if method == "relative_magnitudes":
        draws = relative_magnitudes.error_draws(coefficients)
        found = [
            relative_magnitudes.interval(coefficients, l_post, b, alpha, draws) for b in bounds
        ]

        def outside(bound: float) -> bool:
            return relative_magnitudes.excludes_zero(coefficients, l_post, bound, alpha, draws)

        unit = 1.0
    else:
        found = [fixed_length.interval(coefficients, l_post, b, level) for b in bounds]

        def outside(bound: float) -> bool:
            low, high = fixed_length.interval(coefficients, l_post, bound, level)
            return low > 0 or high < 0

        unit = original.std_error
    return HonestDid(
        method=method,
        original=original,
        terms=tuple(
            _term(original, method, b, ends) for b, ends in zip(bounds, found, strict=True)
        ),
        breakdown=_breakdown(outside, unit),
    )


def _original(study: EventCoefficients, l_post: Floats, target: Target, level: float) -> Estimate:
    at = slice(len(study.pre), None)
    value = float(l_post @ study.values[at])
    error = float(np.sqrt(l_post @ study.covariance[at, at] @ l_post))
    half = critical_value(level) * error
    return Estimate(
        estimand="mean effect over event times 0 and later"
        if target == "mean"
        else f"effect at event time {target}",
        value=value,
        std_error=error,
        ci_low=value - half,
        ci_high=value + half,
        level=level,
        method="parallel trends",
        variance="as given, normal",
    )


def _term(
    original: Estimate, method: Method, bound: float, ends: tuple[float, float] | None
) -> Estimate:
    letter, words, how = _WORDS[method]
    return attrs.evolve(
        original,
        term=f"{bound:g}",
        std_error=None,
        ci_low=None if ends is None else ends[0],
        ci_high=None if ends is None else ends[1],
        method=f"honest DiD (Rambachan & Roth 2023), {letter} = {bound:g}: {words}",
        variance=how,
        reason="" if ends is not None else "every value of the effect is rejected at this bound",
    )


def _breakdown(outside: Callable[[float], bool], unit: float) -> float | None:
    """Return the largest bound under which zero is outside, by doubling and halving."""
    if not outside(0.0):
        return 0.0
    low, high = 0.0, unit
    while outside(high):
        low, high = high, 2 * high
        if high > _LARGEST * unit:
            return None
    while high - low > _CLOSE * high:
        middle = (low + high) / 2
        low, high = (middle, high) if outside(middle) else (low, middle)
    return low
