"""Randomisation inference: how unusual is the estimate, had treatment fallen on others.

The sharp null says that treatment changed nobody's outcome (or, for an interval, everybody's by the
same tau). Then outcomes stay as they are whoever is treated, and the estimate can be worked out for
every other way in which treatment might have been assigned. The p-value is the share of ways whose
statistic is at least as far from zero. It is exact in samples of any size *under the assignment
that is stated*, and there lies the assumption: that schools or clusters which change places in it
were equally likely to be in each other's.

The statistic is estimate / standard error where there is a standard error: the test is then right
in large samples even when only the average effect is zero (Chung & Romano 2013).

For an interval, the estimate is A(tau) = a - tau b on outcomes less tau times treatment, and its
variance v - 2 tau c + tau^2 d, so that two or three estimates a draw give the p-value of every tau.

Sources: Fisher (1935), "The design of experiments"; Imbens & Rubin (2015), "Causal inference",
chapter 5; MacKinnon & Webb (2020), Journal of Econometrics 218(2), for clusters; Phipson & Smyth
(2010), Statistical Applications in Genetics and Molecular Biology 9(1), for the p-value of random
draws, (hits + 1) / (draws + 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import numpy as np
import polars as pl
from numpy.typing import NDArray

from impactkit.errors import DataError, EstimationError, Problem, UsageError
from impactkit.inference.assignments import Assignment, assignments
from impactkit.results import Estimate, estimates_to_frame

Statistic = Callable[[pl.DataFrame], Estimate | float]
Floats = NDArray[np.float64]

_TIE = 1e-9


@attrs.frozen(kw_only=True, eq=False)
class Randomisation:
    """A test by randomisation.

    Attributes
    ----------
    estimate
        The estimate with the p-value, and where asked the interval, of the randomisation.
    assignment
        In words: who could have been in whose place.
    draws, exact, n_assignments, seed
        Assignments tried; whether these are all there are; how many there are; the seed if not.
    n_failed
        Assignments under which nothing could be estimated; each counts as evidence against an
        effect, so that the p-value is never too small.
    """

    estimate: Estimate
    assignment: str
    draws: int
    exact: bool
    n_assignments: int
    seed: int
    n_failed: int

    def to_frame(self) -> pl.DataFrame:
        """Return one row, columns as the fields of `Estimate`."""
        return estimates_to_frame([self.estimate])

    def estimates(
        self, metric: str = "", measure: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Return the estimate, labelled for a report."""
        return (attrs.evolve(self.estimate, metric=metric, measure=measure, unit=unit),)

    def __str__(self) -> str:
        e = self.estimate
        lines = [f"{e}", f"p = {e.p_value:.4g}", f"Assignment: {self.assignment}."]
        if self.n_failed:
            lines.append(f"Note: nothing could be estimated in {self.n_failed:,} assignments.")
        return "\n".join(lines)

    __repr__ = __str__


def randomisation_inference(
    frame: pl.DataFrame | pl.LazyFrame,
    statistic: Statistic,
    *,
    unit: str,
    cohort: str,
    cluster: str | None = None,
    strata: str | None = None,
    assignment: Assignment = "clusters",
    studentise: bool = True,
    draws: int = 999,
    seed: int | None = None,
    interval: bool = False,
    time: str | None = None,
    outcome: str | None = None,
    level: float = 0.95,
) -> Randomisation:
    """Test an effect by assigning treatment again.

    Parameters
    ----------
    frame
        One row a unit and period.
    statistic
        Given a frame like `frame`, the estimate: a number, or better an `Estimate`, such as
        ``lambda f: att_gt(f, unit=..., ...).aggregate("simple").overall``.
    unit, cohort, cluster
        Columns: the unit, the unit's first treated period (null: never treated) and its cluster,
        both constant within the unit. Without `cluster` each unit is its own.
    strata
        Column, constant within a cluster (or unit): only those of one stratum change places.
    assignment
        ``clusters``: the cohorts of whole clusters are permuted across clusters, which must have
        one cohort each; right when treatment came to clusters that were there before.
        ``units``: cohort and cluster are permuted together across units, as if the same
        partnerships had been made of other schools; right when the schools of a partnership were
        no more alike than others of their stratum.
    studentise
        Compare estimates divided by their standard errors, where the statistic has one.
    draws
        Assignments to try. When there are no more than this all are tried, once each.
    seed
        Of the draws.
    interval, time, outcome
        Whether to invert the test, for which the period and outcome columns are needed. It holds
        every effect tau, the same for all treated, that the test does not reject.
    level
        Of the interval.

    Raises
    ------
    UsageError
        When arguments make no sense.
    DataError
        When a column is missing, or a cohort, cluster or stratum differs where it must not.
    EstimationError
        When the statistic has no value in the data, when there is one assignment only, or when
        for an interval the statistic is not linear in the outcome.

    Examples
    --------
    Fisher's tea: four of eight cups named right, all of them, in one of 70 ways.

    >>> cups = pl.DataFrame({
    ...     "cup": range(8), "milk_first": [1] * 4 + [None] * 4, "said": [1.0] * 4 + [0.0] * 4,
    ... })
    >>> def right(cups: pl.DataFrame) -> float:
    ...     return cups.filter(pl.col("milk_first") == 1)["said"].mean() - 0.5
    >>> tea = randomisation_inference(cups, right, unit="cup", cohort="milk_first")
    >>> tea.exact, tea.n_assignments, round(tea.estimate.p_value * 70)
    (True, 70, 2)
    """
    data = frame.lazy().collect()
    _check(data, unit, cohort, cluster, strata, assignment, draws, seed, interval, time, outcome)
    seed = int(np.random.default_rng().integers(2**63)) if seed is None else seed
    design = assignments(
        data, unit=unit, cohort=cohort, cluster=cluster, strata=strata, assignment=assignment
    )
    if design.n_assignments < 2:
        raise EstimationError(
            f"treatment of {data[unit].n_unique():,} units could have fallen in one way only, "
            "since within each stratum all have the same cohort; use coarser strata, or add "
            "comparison units"
        )
    exact = design.n_assignments <= draws
    arrangements = design.every() if exact else design.random(draws, seed)

    real = _as_estimate(statistic(data))
    if real.value is None:
        raise EstimationError(f"the statistic has no value in the data: {real.reason}")
    studentised = studentise and real.std_error is not None
    versions = [data] if not interval else _versions(data, cohort, time, outcome, studentised)
    observed = _evaluate(statistic, versions, studentised)
    assert observed is not None  # the statistic has a value
    found = [
        _evaluate(statistic, [design.frame(v, a) for v in versions], studentised)
        for a in arrangements
    ]
    made = np.array([f for f in found if f is not None]).reshape(-1, len(observed))
    n_failed = len(found) - len(made)
    if interval:
        _require_linear(statistic, data, observed, cohort, time, outcome, studentised)

    def p_value(tau: float) -> float:
        hits = int((_distance(made, tau) >= _distance(observed[None], tau)[0] * (1 - _TIE)).sum())
        hits += n_failed
        return hits / len(found) if exact else (hits + 1) / (len(found) + 1)

    low = high = None
    reason = "" if interval else "none was asked for; interval=True gives one"
    if interval:
        low, high = (_bound(p_value, real, side, level) for side in (-1.0, 1.0))
        if low is None or high is None:
            low = high = None
            reason = (
                f"of {design.n_assignments:,} assignments so many give the effect itself that "
                f"the p-value stays above {1 - level:.3g} however far tau is from the estimate"
            )
    how = f"{'all' if exact else 'random'} {len(found):,} assignments"
    estimate = attrs.evolve(
        real,
        p_value=p_value(0.0),
        ci_low=low,
        ci_high=high,
        band_low=None,
        band_high=None,
        level=level,
        reason=reason,
        method=f"{real.method}; p-value by randomisation, {how}".lstrip("; "),
    )
    return Randomisation(
        estimate=estimate,
        assignment=design.text,
        draws=len(found),
        exact=exact,
        n_assignments=design.n_assignments,
        seed=seed,
        n_failed=n_failed,
    )


def _as_estimate(found: Estimate | float) -> Estimate:
    if isinstance(found, Estimate):
        return found
    value = float(found)
    return Estimate(
        value=value if math.isfinite(value) else None,
        reason="" if math.isfinite(value) else "it is not a number",
    )


def _check(
    data: pl.DataFrame,
    unit: str,
    cohort: str,
    cluster: str | None,
    strata: str | None,
    assignment: str,
    draws: int,
    seed: int | None,
    interval: bool,
    time: str | None,
    outcome: str | None,
) -> None:
    def whole(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0

    rules = [
        (assignment not in ("clusters", "units"), "assignment", "'clusters' or 'units'"),
        (not whole(draws) or draws < 19, "draws", "a number of draws, 19 or more"),
        (seed is not None and not whole(seed), "seed", "a whole number, 0 or more"),
        (interval and not (time and outcome), "interval", "time and outcome columns with it"),
    ]
    wrong = [
        Problem(code=f"argument.{name}", column=name, rule=f"expected {rule}")
        for bad, name, rule in rules
        if bad
    ]
    if wrong:
        raise UsageError(wrong)
    named = [c for c in (unit, cohort, cluster, strata, time, outcome) if c is not None]
    missing = [c for c in named if c not in data.columns]
    if missing:
        raise DataError(
            Problem(
                code="column.missing", file="the frame", column=c, rule="there is no such column"
            )
            for c in missing
        )


def _versions(
    data: pl.DataFrame, cohort: str, time: str | None, outcome: str | None, studentised: bool
) -> list[pl.DataFrame]:
    """Return the data; treatment as outcome; and, for variances, outcome less treatment."""
    assert time is not None
    assert outcome is not None
    treated = (pl.col(time) >= pl.col(cohort)).fill_null(False).cast(pl.Float64)
    # Where there is no outcome there shall be none.
    treated = pl.when(pl.col(outcome).is_not_null()).then(treated)
    found = [data, data.with_columns(treated.alias(outcome))]
    if studentised:
        found.append(data.with_columns((pl.col(outcome) - treated).alias(outcome)))
    return found


def _evaluate(
    statistic: Statistic, versions: list[pl.DataFrame], studentised: bool
) -> Floats | None:
    """Return a, b, v, c, d (see the head of this file), or None where nothing can be estimated."""
    values, variances = [], []
    for version in versions:
        try:
            e = _as_estimate(statistic(version))
        except EstimationError:
            return None
        if e.value is None:
            return None
        values.append(e.value)
        variances.append((e.std_error or 0.0) ** 2)
    a, b = values[0], values[1] if len(values) > 1 else 0.0
    if not studentised:
        return np.array([a, b, 1.0, 0.0, 0.0])
    v = variances[0]
    if len(versions) == 1:
        return np.array([a, b, v, 0.0, 0.0])
    d = variances[1]
    return np.array([a, b, v, (v + d - variances[2]) / 2, d])


def _distance(found: Floats, tau: float) -> Floats:
    """Return how far each statistic is from zero, on outcomes less tau times treatment."""
    a, b, v, c, d = found.T
    value = np.abs(a - tau * b)
    variance = np.maximum(v - 2 * tau * c + tau**2 * d, 0.0)
    # Without variation a value other than zero is as far from it as can be.
    with np.errstate(divide="ignore", invalid="ignore"):
        far = value / np.sqrt(variance)
    result: Floats = np.where(variance > 0, far, np.where(value > 0, np.inf, 0.0))
    return result


def _require_linear(
    statistic: Statistic,
    data: pl.DataFrame,
    observed: Floats,
    cohort: str,
    time: str | None,
    outcome: str | None,
    studentised: bool,
) -> None:
    """Raise unless a - 2 b is what the statistic makes of outcomes less twice treatment."""
    assert time is not None
    assert outcome is not None
    treated = (pl.col(time) >= pl.col(cohort)).fill_null(False).cast(pl.Float64)
    moved = data.with_columns((pl.col(outcome) - 2 * treated).alias(outcome))
    found = _evaluate(statistic, [moved], studentised)
    a, b, v, c, d = observed
    expected = np.array([a - 2 * b, v - 4 * c + 4 * d])
    size = 1e-6 * (abs(a) + 2 * abs(b) + v + 4 * abs(d))
    if found is None or np.abs(found[[0, 2]] - expected).max() > size:
        raise EstimationError(
            "an interval needs a statistic that is linear in the outcome, and this one is not; use "
            "interval=False"
        )


def _bound(
    p_value: Callable[[float], float], real: Estimate, side: float, level: float
) -> float | None:
    """Return the tau next to the estimate where the p-value falls to 1 - level."""
    assert real.value is not None
    value = real.value
    step = side * (real.std_error or abs(value) or 1.0)
    inside, outside = 0.0, 1.0
    while p_value(value + outside * step) > 1 - level:
        inside, outside = outside, 2 * outside
        if outside > 1e6:
            return None
    while outside - inside > 1e-9 * outside:
        middle = (inside + outside) / 2
        kept = p_value(value + middle * step) > 1 - level
        inside, outside = (middle, outside) if kept else (inside, middle)
    return value + inside * step
