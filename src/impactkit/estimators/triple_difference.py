"""The triple difference: units that should respond against units that should not.

Estimand: the average effect on the eligible units of treated groups after the start, ATT, if in
the absence of treatment the *gap* between eligible and other units had changed alike in treated
and comparison groups. The two differences-in-differences need not have parallel trends each; it is
enough that they are biased alike (Olden & Møen).

    y_it = a_i + l_{t, treated group} + m_{t, eligible} + b treated_i eligible_i post_t + u_it

which is the canonical regression with all two-way interactions, unit effects in place of those of
group by eligibility.

Sources: Olden & Møen (2022), "The triple difference estimator", The Econometrics Journal 25(3);
Gruber (1994), American Economic Review 84(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np

from impactkit.errors import DataError, EstimationError, Problem
from impactkit.estimators.checks import FILE
from impactkit.estimators.event_study import require_treatment
from impactkit.estimators.fixed_effects import Vcov, least_squares
from impactkit.estimators.options import check_options
from impactkit.estimators.rectangle import Ints, rectangle
from impactkit.estimators.regression import (
    Combination,
    Regression,
    common_warnings,
    inference_options,
    to_estimates,
)
from impactkit.estimators.within import Levels
from impactkit.inference.cluster_variance import SmallSample

if TYPE_CHECKING:
    import polars as pl


def triple_difference(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    time: str,
    cohort: str,
    eligible: str,
    outcome: str,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
    vcov: Vcov = "CRV1",
    small_sample: SmallSample = "fixest",
    level: float = 0.95,
) -> Regression:
    """Estimate the canonical triple difference.

    Parameters
    ----------
    frame, unit, time, outcome, covariates, weights, cluster
        As in `event_study`. Clusters should be the groups that treatment was given to.
    cohort
        Column of the first treated period of the unit's *group* (its authority, say), for eligible
        and other units alike; null for groups never treated. One start only.
    eligible
        Column of 1 (or true) for units that treatment is meant for, 0 for others; constant within
        units.
    vcov, small_sample, level
        As in `event_study`.

    Returns
    -------
    Regression
        One term.

    Raises
    ------
    DataError, UsageError
        With every fault of the frame, or of the arguments.
    EstimationError
        When groups start at several times, or one of the four kinds of unit is missing.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "urn": [1, 1, 2, 2, 3, 3, 4, 4, 5, 5],
    ...     "year": [2022, 2023] * 5,
    ...     "first_year": [2023] * 6 + [None] * 4,
    ...     "poor": [1, 1, 1, 1, 0, 0, 1, 1, 0, 0],
    ...     "score": [2.0, 6.0, 5.0, 8.0, 3.0, 4.0, 5.0, 6.0, 1.0, 3.0],
    ... })
    >>> found = triple_difference(frame, unit="urn", time="year", cohort="first_year",
    ...                           eligible="poor", outcome="score")
    >>> round(found.terms[0].value, 9)
    3.5
    """
    check_options(inference_options(vcov, small_sample, level))
    panel = rectangle(
        _numeric(frame, eligible),
        unit=unit,
        time=time,
        cohort=cohort,
        outcome=outcome,
        covariates=[eligible, *covariates],
        weights=weights,
        cluster=cluster,
    )
    require_treatment(panel)
    if len(panel.cohorts) > 1:
        raise EstimationError(
            f"groups start at {len(panel.cohorts)} times ({', '.join(map(str, panel.cohorts))}); "
            "pooled, the triple difference mixes them with weights that can be negative: take one "
            "cohort and the never treated at a time"
        )
    assert panel.covariates is not None
    flag = _flag(panel.covariates[:, :, 0], panel.share, eligible)
    others = panel.covariates[:, :, 1:] if covariates else None
    panel = attrs.evolve(panel, covariates=others, names=panel.names[1:])
    treated = panel.cohort == 0
    _require_cells(treated, flag)

    T = len(panel.periods)
    post = np.array(panel.periods) >= panel.cohorts[0]
    periods = np.arange(T)

    def codes(units: Ints) -> Ints:
        by_group = periods + T * treated[units, None]
        by_flag = 2 * T + periods + T * flag[units, None]
        return np.stack([by_group, by_flag], axis=2)

    both = (treated & flag).astype(np.float64)
    fit = least_squares(
        panel,
        lambda units: both[units, None, None] * post[None, :, None],
        ["treated x eligible x post"],
        key=2 * treated + flag,
        levels=Levels(codes=codes, n=4 * T),
        vcov=vcov,
        small_sample=small_sample,
    )
    terms = to_estimates(
        fit,
        panel,
        [
            Combination(
                estimand="ATT of eligible units",
                term="treated x eligible x post",
                names=["treated x eligible x post"],
                weights=np.ones(1),
                treated=treated & flag,
            )
        ],
        level=level,
        method="triple difference, unit, period by treatment and period by eligibility effects",
    )
    return Regression(
        title="Triple difference",
        terms=terms,
        values=fit.beta[-1:],
        covariance=None if fit.covariance is None else fit.covariance[-1:, -1:],
        exclusions=panel.exclusions,
        warnings=common_warnings(fit, panel, vcov),
    )


def _numeric(frame: pl.DataFrame | pl.LazyFrame, eligible: str) -> pl.LazyFrame:
    """Let true and false be 1 and 0."""
    import polars as pl

    lazy = frame.lazy()
    if lazy.collect_schema().get(eligible) == pl.Boolean:
        return lazy.with_columns(pl.col(eligible).cast(pl.Int64))
    return lazy


def _flag(values: np.ndarray, share: np.ndarray | None, name: str) -> np.ndarray:
    """Return each unit's flag, shape (N,), or refuse what is no flag."""
    there = np.ones(values.shape, dtype=bool) if share is None else share > 0
    problems = []
    odd = there & (values != 0) & (values != 1)
    if odd.any():
        problems.append(
            Problem(
                code="eligible.flag",
                file=FILE,
                column=name,
                value=f"{values[odd][0]:g}",
                rule="expected 1 for eligible units and 0 for others",
                count=int(odd.sum()),
            )
        )
    highest = np.where(there, values, -np.inf).max(axis=1)
    lowest = np.where(there, values, np.inf).min(axis=1)
    changing = int((highest != lowest).sum())
    if changing:
        problems.append(
            Problem(
                code="eligible.changes",
                file=FILE,
                column=name,
                rule=f"it changes within {changing:,} units",
                remedy="Give a unit its eligibility before treatment in all its rows.",
            )
        )
    if problems:
        raise DataError(problems)
    return np.asarray(highest == 1)


def _require_cells(treated: np.ndarray, flag: np.ndarray) -> None:
    counts = {
        f"{'eligible' if f else 'other'} units of {'treated' if d else 'comparison'} groups": int(
            ((treated == d) & (flag == f)).sum()
        )
        for d in (True, False)
        for f in (True, False)
    }
    if not all(counts.values()):
        listed = "; ".join(f"{n:,} {who}" for who, n in counts.items())
        raise EstimationError(f"a triple difference needs four kinds of unit; there are {listed}")
