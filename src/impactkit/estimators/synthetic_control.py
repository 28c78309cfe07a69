"""The synthetic control: treated units against a weighted mean of units never treated.

Estimand: the average effect on the treated from the start of treatment on, ATT, when the weighted
mean that tracks the treated before treatment would have gone on to track them.

    w = argmin ||treated mean - sum_i w_i y_i||^2 over periods before treatment,  w >= 0, sum w = 1
    tau_t = treated mean in t - sum_i w_i y_it

Weights fit the outcome in every period before treatment, and nothing else: no covariates, and no
difference in levels. A ridge of 1e-6 sd(changes) makes them unique, as in R `synthdid`.

Sources: Abadie, Diamond & Hainmueller (2010), "Synthetic control methods for comparative case
studies", JASA 105(490), section 2; Arkhangelsky et al. (2021), AER 111(12), section I (this
form, and its variance). For inference by permutation see `placebo_in_space`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from impactkit.estimators.simplex_weights import Solver
from impactkit.estimators.synthetic_result import Synthetic, estimate_synthetic
from impactkit.estimators.synthetic_units import Recipe
from impactkit.estimators.synthetic_variance import Variance

if TYPE_CHECKING:
    import polars as pl


def synthetic_control(
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
    """Estimate an effect against a weighted mean of units never treated.

    Parameters
    ----------
    frame, unit, time, cohort, outcome, variance, replications, seed, solver, level
        As in `synthetic_did`.

    Returns
    -------
    Synthetic
        Values in the unit of the outcome, with unit weights; period weights are zero. A large
        `pre_rmse` says that no weights track the treated, and that the effect is not to be read.

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
    ...     "score": [2.0, 3.0, 4.0, 9.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 5.0, 6.0],
    ... })
    >>> found = synthetic_control(frame, unit="urn", time="year", cohort="first_year",
    ...                           outcome="score", variance="none", solver="exact")
    >>> round(found.overall.value, 6), found.unit_weights["weight"].round(6).to_list()
    (4.0, [0.5, 0.5])
    """
    recipe = Recipe(
        unit_ridge=lambda n1, t1: 1e-6, intercept=False, time_weights=False, solver=solver
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
        title="Synthetic control",
        method=f"synthetic control on outcomes before treatment, {solver} weights",
    )
