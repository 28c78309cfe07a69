"""Coefficients by event time with their covariance, as sensitivity analyses need them.

Positions count periods from the reference, which is position 0 and zero by construction: with the
reference at event time -1, event time -2 is position -1 and event time 0 is position 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import attrs
import numpy as np

from impactkit.errors import Problem, UsageError
from impactkit.estimators.rectangle import Floats

Target = int | Literal["mean"]


def _floats(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)


@attrs.frozen(kw_only=True, eq=False)
class EventCoefficients:
    """Estimates by event time relative to one reference period, and their covariance.

    Attributes
    ----------
    event_times
        Of the coefficients, without the reference.
    values, covariance
        Shapes (k,) and (k, k), in the unit of the outcome and its square.

    Examples
    --------
    >>> found = EventCoefficients(event_times=[-2, 0], values=[0.1, 1.0], covariance=np.eye(2))
    >>> found.reference, found.pre.tolist(), found.post.tolist()
    (-1, [-1], [1])
    """

    event_times: tuple[int, ...] = attrs.field(converter=tuple[int, ...])
    values: Floats = attrs.field(converter=_floats)
    covariance: Floats = attrs.field(converter=_floats)

    def __attrs_post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise UsageError(problems)

    def _problems(self) -> Sequence[Problem]:
        """Return what stands in the way of a sensitivity analysis."""
        k, times = len(self.event_times), self.event_times

        def problem(code: str, rule: str, remedy: str = "") -> Problem:
            return Problem(code=f"event_study.{code}", rule=rule, remedy=remedy)

        if not times:
            return [problem("empty", "there are no coefficients")]
        if self.values.shape != (k,) or self.covariance.shape != (k, k):
            return [
                problem(
                    "shape",
                    f"{k} event times need {k} values and a covariance of {k} by {k}; there are "
                    f"shapes {self.values.shape} and {self.covariance.shape}",
                )
            ]
        found = []
        if not np.isfinite(self.values).all() or not np.isfinite(self.covariance).all():
            found.append(problem("finite", "values and covariance are to be finite numbers"))
        elif not np.allclose(self.covariance, self.covariance.T, rtol=1e-6, atol=0):
            found.append(problem("symmetric", "the covariance is not symmetric"))
        elif (size := np.sqrt(np.abs(np.diag(self.covariance)))).min() > 0:
            correlation = self.covariance / np.outer(size, size)
            if np.linalg.eigvalsh(correlation).min() < 1e-10:
                found.append(
                    problem(
                        "singular",
                        "the covariance is singular, as with fewer clusters than coefficients",
                        "Pool event times, or use coarser ones.",
                    )
                )
        else:
            found.append(problem("zero", "a coefficient has a variance of zero"))
        if sorted(set(times)) != list(times):
            found.append(problem("order", "event times are to be in order, each once"))
        elif len(set(range(times[0], times[-1] + 1)) - set(times)) != 1:
            found.append(
                problem(
                    "reference",
                    f"event times {', '.join(map(str, times))} are to be consecutive but for one, "
                    "the reference period, which lies before treatment",
                    "Coefficients of imputation and two-stage estimators have no reference: those "
                    "before treatment are not made like those after it. Use event_study, "
                    "sun_abraham, etwfe(control='nevertreated') or "
                    "att_gt(base_period='universal').",
                )
            )
        elif self.reference >= 0:
            found.append(
                problem("reference", f"the reference, {self.reference}, is not before treatment")
            )
        return found

    @property
    def reference(self) -> int:
        """Return the event time that is zero by construction."""
        times = self.event_times
        (gap,) = set(range(times[0], times[-1] + 1)) - set(times)
        return gap

    @property
    def positions(self) -> Floats:
        """Return periods from the reference of each coefficient."""
        return np.array(self.event_times) - self.reference

    @property
    def pre(self) -> Floats:
        """Return the positions before the reference."""
        return self.positions[self.positions < 0]

    @property
    def post(self) -> Floats:
        """Return the positions after the reference."""
        return self.positions[self.positions > 0]

    def target(self, target: Target) -> Floats:
        """Return the weights on the coefficients after the reference that make the target.

        Raises
        ------
        UsageError
            When there is no such event time.
        """
        after = [e for e in self.event_times if e > self.reference]
        if target == "mean":
            treated = np.array([float(e >= 0) for e in after])
            return np.asarray(treated / treated.sum())
        if target not in after:
            raise UsageError(
                Problem(
                    code="argument.target",
                    column="target",
                    value=str(target),
                    rule=f"expected 'mean' or one of the event times {', '.join(map(str, after))}",
                )
            )
        return np.array([float(e == target) for e in after])


def event_coefficients(study: Any) -> EventCoefficients:
    """Take the coefficients out of an event study.

    Parameters
    ----------
    study
        `EventCoefficients`; or a result with `event_times`, `values` and `covariance`
        (`event_study`, `stacked`); or a result with a method ``event_study()`` that returns one.

    Raises
    ------
    UsageError
        When there is no covariance, no single reference period, or the base period varies.
    """
    if isinstance(study, EventCoefficients):
        return study
    if getattr(study, "base_period", "universal") == "varying":
        raise UsageError(
            Problem(
                code="event_study.varying_base",
                column="base_period",
                value="varying",
                rule=(
                    "before treatment each coefficient is a change from the period before, and "
                    "after it a change from the last period before treatment, so the two cannot "
                    "be compared"
                ),
                remedy="Estimate again with base_period='universal'.",
            )
        )
    if callable(getattr(study, "event_study", None)):
        return event_coefficients(study.event_study())
    parts = [getattr(study, name, None) for name in ("event_times", "values", "covariance")]
    times, values, covariance = parts
    if not times or values is None or covariance is None:
        raise UsageError(
            Problem(
                code="event_study.covariance",
                rule=(
                    f"{type(study).__name__} has no coefficients by event time with a covariance; "
                    "a sensitivity analysis needs both"
                ),
                remedy="Give event_study(...), or EventCoefficients with values and covariance.",
            )
        )
    return EventCoefficients(event_times=times, values=values, covariance=covariance)
