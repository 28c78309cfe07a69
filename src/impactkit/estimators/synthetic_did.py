"""Synthetic difference-in-differences.

Estimand: the average effect on the treated from the start of treatment on, ATT, when untreated
outcomes follow an interactive fixed-effects model that weights on units and periods can balance.

    (tau, mu, a, b) = argmin sum_it (y_it - mu - a_i - b_t - W_it tau)^2 w_i l_t

Unit weights w bring the never treated parallel to the treated before treatment, up to a level, with
ridge zeta = (N1 T1)^(1/4) sd(changes of the never treated); period weights l bring earlier periods
near the mean after treatment, with a ridge that only makes them unique (1e-6 sd). Weights are found
as in R `synthdid` (see `simplex_weights`).

Source: Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), "Synthetic difference-in-
differences", American Economic Review 111(12), equations 1 to 6 and algorithm 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from impactkit.estimators.simplex_weights import Solver
from impactkit.estimators.synthetic_result import Synthetic, estimate_synthetic
from impactkit.estimators.synthetic_units import Recipe
from impactkit.estimators.synthetic_variance import Variance

if TYPE_CHECKING:
    import polars as pl


def synthetic_did(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    time: str,
    cohort: str,
    outcome: str,
    variance: Variance = "placebo",
    replications: int = 200,
    seed: int = 0,
    solver: Solver = "frank_wolfe",
    level: float = 0.95,
) -> Synthetic:
    """Estimate an effect against weighted units and weighted periods.

    Parameters
    ----------
    frame
        One row a unit and period; units with a gap are set aside and counted.
    unit, time, cohort, outcome
        Columns: the unit, the period and the unit's first treated period (whole numbers, null for
        never treated), and the outcome in its own unit. Cohorts are averaged by treated
        unit-periods; only units never treated are compared with.
    variance
        ``placebo`` (also with one treated unit), ``bootstrap``, ``jackknife`` or ``none``; see
        `synthetic_variance`.
    replications, seed
        Draws of placebo and bootstrap, and the seed of their generator.
    solver
        ``frank_wolfe``: R synthdid's algorithm and stopping rule. ``exact``: the minimum itself.
    level
        Of the normal intervals.

    Returns
    -------
    Synthetic
        Values in the unit of the outcome, with unit and period weights.

    Raises
    ------
    DataError
        With every fault of the frame.
    UsageError
        When arguments make no sense.
    EstimationError
        When nobody is left that is treated after two periods, or fewer than two never treated.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "urn": [u for u in (1, 2, 3) for _ in range(4)],
    ...     "year": [2020, 2021, 2022, 2023] * 3,
    ...     "first_year": [2023] * 4 + [None] * 8,
    ...     "score": [5.0, 6.0, 7.0, 11.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0, 0.0],
    ... })
    >>> found = synthetic_did(frame, unit="urn", time="year", cohort="first_year",
    ...                       outcome="score", variance="none", solver="exact")
    >>> found.unit_weights["weight"].round(3).to_list()
    [0.75, 0.25]
    """
    recipe = Recipe(
        unit_ridge=lambda n1, t1: float((n1 * t1) ** 0.25),
        intercept=True,
        time_weights=True,
        solver=solver,
    )
    return estimate_synthetic(
        frame,
        recipe,
        unit=unit,
        time=time,
        cohort=cohort,
        outcome=outcome,
        variance=variance,
        replications=replications,
        seed=seed,
        level=level,
        title="Synthetic difference-in-differences",
        method=f"synthetic difference-in-differences (Arkhangelsky et al. 2021), {solver} weights",
    )
