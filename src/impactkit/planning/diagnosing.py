"""What a design can and cannot show, found by simulating it before treated outcomes are read.

The study's own schools, years, gaps, cohorts and partnerships are kept. Outcomes are drawn again
and again from stated variances, or from variances of untreated school-years, a known effect is
added, and each candidate estimator is applied. Over D draws, with estimate b_d, standard error s_d,
truth b, and an effect "found" when the interval excludes zero:

    bias      mean(b_d) - b                      coverage  share of intervals that hold b
    RMSE      sqrt(mean (b_d - b)^2)             power     share found
    size      share found, of no effect          type S    share of those found with wrong sign
    type M    mean |b_d| of those found / |b|

Each share carries its Monte Carlo standard error, sqrt(p (1 - p) / D).

Sources: Blair, Cooper, Coppock & Humphreys (2019), "Declaring and diagnosing research designs",
American Political Science Review 113(3) (DeclareDesign); Gelman & Carlin (2014), "Beyond power
calculations", Perspectives on Psychological Science 9(6) (type S and M errors).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import attrs
import numpy as np

from impactkit.errors import EstimationError, ImpactkitError, InputError
from impactkit.estimators.options import a_level, check_options
from impactkit.estimators.power import Sensitivity, minimum_detectable_effect
from impactkit.planning.design import PanelDesign
from impactkit.planning.diagnosis import Diagnosis
from impactkit.planning.performance import Draws, Performance, Scalable, summarise
from impactkit.planning.precision import design_precision, linear
from impactkit.planning.simulate import draw_outcomes
from impactkit.planning.variances import Floats, Variances
from impactkit.results import Estimate

if TYPE_CHECKING:
    import polars as pl

    from impactkit.planning.linear import Linear

    Candidate = Callable[[pl.DataFrame], Estimate]

_POWER = 0.8


def diagnose(
    design: PanelDesign,
    *,
    variance_from: Variances,
    effect: float | Mapping[int, float] | None = None,
    estimators: Iterable[str] = ("att_gt:simple", "att_gt:simple:cr2", "twfe"),
    candidates: Mapping[str, Candidate] | None = None,
    simulations: int = 500,
    seed: int = 0,
    level: float = 0.95,
    unit: str = "",
) -> Diagnosis:
    """Simulate a study's own design and report how candidate estimators do on it.

    Parameters
    ----------
    design
        From `panel_design` or `staggered_design`; it holds no outcome.
    variance_from
        `Variances` as stated, from `variances_from_icc`, or from `estimate_variances`, which reads
        untreated school-years only.
    effect
        True effect in the unit of the outcome: a number, or by event time, the last going on and
        none before the first. None: what the first estimator detects with 80% power by formula.
    estimators
        By name, see `design_precision`; all draws at once.
    candidates
        Further estimators by name: functions of a frame with `unit`, `time`, `cohort`, `cluster`
        and `outcome` that return an `Estimate`, called once a draw. Their truth is the mean effect
        over treated school-years.
    simulations, seed, level, unit
        Number of draws, their seed, the level of intervals, and the unit of the outcome.

    Returns
    -------
    Diagnosis

    Raises
    ------
    UsageError
        With every argument that makes no sense.
    EstimationError
        When a named estimator has nothing to estimate on this design.

    Examples
    --------
    >>> from impactkit.planning.design import staggered_design
    >>> design = staggered_design({2015: 12, 2017: 12, None: 60}, (2012, 2019),
    ...                           schools_per_partnership=2)
    >>> found = diagnose(design, variance_from=Variances(noise_sd=4.0), effect=3.0, seed=1,
    ...                  estimators=["att_gt:simple"], simulations=200, unit="points")
    >>> round(found["att_gt:simple"].power, 2), abs(found["att_gt:simple"].bias) < 0.3
    (0.81, True)
    """
    names, others = list(estimators), dict(candidates or {})
    check_options(
        [
            (not names and not others, "estimators", names, "one estimator or more"),
            (simulations < 2, "simulations", simulations, "2 or more"),
            a_level(level),
            (
                isinstance(effect, Mapping) and not effect,
                "effect",
                effect,
                "one event time or more",
            ),
        ]
    )
    formula: Sensitivity | None = None
    if names:
        precision = design_precision(design, variance_from, estimator=names[0], unit=unit)
        formula = minimum_detectable_effect(precision, power=_POWER, level=level)
    if effect is None:
        if formula is None:
            raise EstimationError(
                "without a named estimator there is no formula for a detectable effect; give one"
            )
        effect = formula.effect
    course = {0: float(effect)} if not isinstance(effect, Mapping) else dict(effect)
    true = _true_effects(design, course)
    weights = [linear(design, name, level) for name in names]
    draws, called = _simulate(
        design, variance_from, weights, others, true, simulations=simulations, seed=seed
    )
    performances = [
        _of_linear(w, d, float(w.target @ true)) for w, d in zip(weights, draws, strict=True)
    ]
    mean_effect = _mean_effect(design, true)
    performances += [_of_candidate(name, called[name], mean_effect) for name in others]
    return Diagnosis(
        performances=tuple(performances),
        design=design,
        variances=variance_from,
        effect=course,
        formula=formula,
        simulations=simulations,
        seed=seed,
        level=level,
        unit=unit,
        exclusions=tuple(
            dict.fromkeys([*design.exclusions, *(e for w in weights for e in w.exclusions)])
        ),
        log=(
            f"{simulations:,} simulations from seed {seed}; no treated outcome was read",
            f"variances: {variance_from}",
            *variance_from.log,
            *_formula_line(formula, names, unit),
        ),
    )


def _simulate(
    design: PanelDesign,
    variances: Variances,
    weights: list[Linear],
    candidates: Mapping[str, Candidate],
    true: Floats,
    *,
    simulations: int,
    seed: int,
) -> tuple[list[Scalable], dict[str, list[Estimate | str]]]:
    """Draw outcomes in blocks, and apply every estimator to each."""
    effect = [w.contributions(true[:, None])[:, 0] for w in weights]
    noise: list[list[Floats]] = [[] for _ in weights]
    squares: list[list[Floats]] = [[] for _ in weights]
    called: dict[str, list[Estimate | str]] = {name: [] for name in candidates}
    for Y in draw_outcomes(design, variances, simulations=simulations, seed=seed):
        for w, more, values, parts in zip(weights, effect, noise, squares, strict=True):
            phi = w.contributions(Y)
            values.append(w.values(Y))
            parts.append(
                w.factor * np.stack([_squares(phi[side], more[side]) for side, _ in w.sides])
            )
        for name, candidate in candidates.items():
            called[name] += [_called(candidate, design, y + true) for y in Y.T]
    draws = [
        Scalable(
            noise=np.concatenate(values),
            shift=float(w.weights @ true),
            squares=np.concatenate(parts, axis=2),
            df=np.array([df for _, df in w.sides]),
            most_df=w.most_df,
            level=w.level,
        )
        for w, values, parts in zip(weights, noise, squares, strict=True)
    ]
    return draws, called


def _squares(noise: Floats, effect: Floats) -> Floats:
    """Return sums over clusters of (noise + f effect)^2 as coefficients of 1, f and f^2."""
    own, cross = np.einsum("cd,cd->d", noise, noise), 2 * effect @ noise
    return np.stack([own, cross, np.full(len(own), effect @ effect)])


def _true_effects(design: PanelDesign, course: Mapping[int, float]) -> Floats:
    """Return the true effect of each school-year: zero before the first event time given."""
    event = (design.frame["time"] - design.frame["cohort"]).cast(float).fill_null(-np.inf)
    times = np.array(sorted(course))
    values = np.array([0.0, *(float(course[e]) for e in times)])
    result: Floats = values[np.searchsorted(times, event.to_numpy(), side="right")]
    return result


def _mean_effect(design: PanelDesign, true: Floats) -> float:
    treated = (design.frame["cohort"] <= design.frame["time"]).fill_null(False).to_numpy()
    return float(true[treated].mean()) if treated.any() else 0.0


def _of_linear(w: Linear, draws: Scalable, truth: float) -> Performance:
    start = Performance(
        estimator=w.name,
        method=w.method,
        variance=w.variance,
        truth=truth,
        reason=w.reason,
        n_schools=w.n_schools,
        n_comparison=w.n_comparison,
        n_clusters=w.n_clusters,
        n_treated_clusters=w.n_treated_clusters,
    )
    interval = not w.reason
    found = summarise(start, draws.at(1.0), interval=interval)
    if not interval:
        return found
    factor = draws.detectable(_POWER) if truth != 0 else None
    return attrs.evolve(
        found,
        size=float(draws.at(0.0).found.mean()),
        detectable=None if factor is None else factor * abs(truth),
    )


def _called(candidate: Candidate, design: PanelDesign, y: Floats) -> Estimate | str:
    """Return the candidate's estimate of one draw, or why there is none."""
    import polars as pl

    try:
        return candidate(design.frame.with_columns(outcome=pl.Series(y)))
    except InputError:
        raise  # the call is wrong, not the draw
    except ImpactkitError as error:
        return str(error)


def _of_candidate(name: str, drawn: list[Estimate | str], truth: float) -> Performance:
    estimates = [e for e in drawn if isinstance(e, Estimate)]
    failures = [e for e in drawn if isinstance(e, str)]
    failures += [e.reason for e in estimates if e.value is None]
    bare = [e for e in estimates if e.value is not None and e.ci_low is None]

    def column(field: str) -> Floats:
        values = [getattr(e, field) if isinstance(e, Estimate) else None for e in drawn]
        return np.array([math.nan if v is None else v for v in values])

    reason = (
        f"{len(failures)} draws without an estimate; the first: {failures[0]}" if failures else ""
    )
    if bare:
        reason = f"{len(bare)} draws without an interval; the first: {bare[0].reason}"
    first = estimates[0] if estimates else Estimate()
    return summarise(
        Performance(
            estimator=name,
            method=first.method,
            variance=first.variance,
            truth=truth,
            reason=reason,
            n_schools=first.n_schools,
            n_comparison=first.n_comparison,
            n_clusters=first.n_clusters,
            n_treated_clusters=first.n_treated_clusters,
        ),
        Draws(
            value=column("value"),
            std_error=column("std_error"),
            low=column("ci_low"),
            high=column("ci_high"),
        ),
        interval=not bare,
    )


def _formula_line(formula: Sensitivity | None, names: list[str], unit: str) -> tuple[str, ...]:
    if formula is None:
        return ()
    df = formula.precision.df
    return (
        f"by formula {names[0]} detects {formula.effect:.3g} {unit}".rstrip()
        + f" with {_POWER:.0%} power in a t-test on {df:.3g} degrees of freedom",
    )
