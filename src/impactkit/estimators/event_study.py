"""The two-way fixed-effects event study, and why it can mislead.

Estimand: with one cohort, or effects that are the same for all cohorts, the average effect on the
treated e periods after the start, ATT(e), relative to the reference period, under parallel trends
and no anticipation.

    y_it = a_i + l_t + x_it'g + sum_{e != r} b_e 1{t - G_i = e} + u_it

Where cohorts start at different times and effects differ between them, b_e is a weighted sum of
the effects at *all* event times of all cohorts, weights may be negative, and coefficients before
treatment are not a test of parallel trends. `att_gt`, `sun_abraham` and `imputation` have no such
fault; `bacon_decomposition` shows how far it goes.

Sources: Jacobson, LaLonde & Sullivan (1993), American Economic Review 83(4) (the specification);
Sun & Abraham (2021), Journal of Econometrics 225(2), propositions 3 and 4, and Goodman-Bacon
(2021), the same issue, theorem 1 (what it estimates).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.fixed_effects import Fit, Vcov, least_squares
from impactkit.estimators.options import check_options
from impactkit.estimators.rectangle import Ints, Rectangle, rectangle, within_window
from impactkit.estimators.regression import (
    Combination,
    Regression,
    common_warnings,
    inference_options,
    pretest,
    to_estimates,
    without_interval,
)
from impactkit.inference.cluster_variance import SmallSample

if TYPE_CHECKING:
    import polars as pl

NO_EVENT = np.iinfo(np.int64).min
"""Stands for the event time of a unit that is never treated."""


def event_study(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    time: str,
    cohort: str,
    outcome: str,
    covariates: Sequence[str] = (),
    fixed_effects: Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
    reference: int | Sequence[int] = -1,
    bins: tuple[int, int] | None = None,
    vcov: Vcov = "CRV1",
    small_sample: SmallSample = "fixest",
    level: float = 0.95,
) -> Regression:
    """Estimate effects by event time with unit and period effects (TWFE).

    Parameters
    ----------
    frame
        One row a unit and period.
    unit, time, cohort, outcome
        Columns: the unit, the period and the unit's first treated period (whole numbers, null for
        never treated; after the last period counts as never), and the outcome in its own unit.
    covariates
        Columns that change over time and are not affected by treatment: numbers or categories.
    fixed_effects
        Columns whose values are further levels to absorb, such as region and year together.
    weights
        Column of non-negative weights.
    cluster
        Column of clusters, constant within a unit; by default each unit is its own.
    reference
        Event time, or times, left out: effects are relative to it.
    bins
        First and last event time; those beyond are pooled in the first and the last.
    vcov, small_sample
        ``CRV1`` (by cluster), ``CRV3`` (cluster jackknife), ``HC1`` or ``iid``; and the convention
        of CRV1's small-sample factor: ``fixest`` (also pyfixest), ``stata`` (areg) or ``none``.
    level
        Of the intervals, from Student's t with clusters less one degrees of freedom.

    Returns
    -------
    Regression
        A term an event time, and `overall`, their plain mean over event times 0 and later.

    Raises
    ------
    DataError
        With every fault of the frame.
    UsageError
        When arguments make no sense.
    EstimationError
        When nobody is treated, everybody is treated throughout, no reference period is seen, or
        event times cannot be told apart.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "urn": [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4],
    ...     "year": [2021, 2022, 2023] * 4,
    ...     "first_year": [2023] * 6 + [None] * 6,
    ...     "score": [1.0, 2.0, 6.0, 3.0, 5.0, 8.0, 2.0, 3.0, 3.0, 4.0, 5.0, 7.0],
    ... })
    >>> study = event_study(frame, unit="urn", time="year", cohort="first_year", outcome="score")
    >>> study.to_frame().select("term", pl.col("value").round(9)).rows()
    [('-2', -0.5), ('-1', 0.0), ('0', 2.5)]
    """
    left_out = {reference} if isinstance(reference, int) else set(reference)
    check_options(
        [
            *inference_options(vcov, small_sample, level),
            (not left_out, "reference", reference, "one event time or more, such as -1"),
            (
                bins is not None and not bins[0] < 0 <= bins[1],
                "bins",
                bins,
                "a first event time below 0 and a last of 0 or later, such as (-5, 5)",
            ),
        ]
    )
    panel = rectangle(
        frame,
        unit=unit,
        time=time,
        cohort=cohort,
        outcome=outcome,
        covariates=covariates,
        effects=fixed_effects,
        weights=weights,
        cluster=cluster,
    )
    panel = within_window(panel)
    require_treatment(panel)
    event = event_times(panel, bins)
    there = seen(panel, event)
    if not left_out & set(there):
        raise EstimationError(
            f"no treated unit is seen at the reference, event time "
            f"{', '.join(map(str, sorted(left_out)))}; those seen are {_listed(there)}: choose one "
            "of these before treatment"
        )
    terms = [e for e in there if e not in left_out]
    if not terms:
        raise EstimationError(
            f"treated units are seen at event times {_listed(there)} only, all of them left out as "
            "the reference"
        )
    table = (event[:, :, None] == np.array(terms)).astype(np.float64)
    fit = least_squares(
        panel,
        lambda units: table[panel.cohort[units]],
        [name_of(e) for e in terms],
        key=panel.cohort,
        vcov=vcov,
        small_sample=small_sample,
    )
    return event_result(
        fit,
        panel,
        event,
        sorted(left_out & set(there)),
        terms,
        title="Two-way fixed-effects event study",
        estimand="ATT(e), if effects are alike in all cohorts",
        method="TWFE event study, unit and period effects",
        level=level,
        warnings=(*_staggered(panel), *common_warnings(fit, panel, vcov)),
    )


def event_times(panel: Rectangle, bins: tuple[int, int] | None = None) -> Ints:
    """Return t - G by cohort and period, shape (cohorts + 1, T), the last row all `NO_EVENT`."""
    periods = np.array(panel.periods)
    event = periods[None, :] - np.array([*panel.cohorts, 0])[:, None]
    if bins is not None:
        event = np.clip(event, *bins)
    event[-1] = NO_EVENT
    return np.asarray(event)


def seen(panel: Rectangle, event: Ints) -> list[int]:
    """Return the event times at which a treated unit has a row, in order."""
    rows = np.zeros(event.shape, dtype=bool)
    if panel.share is None:
        rows[np.unique(panel.cohort)] = True
    else:
        for g in range(len(event)):
            rows[g] = (panel.share[panel.cohort == g] > 0).any(axis=0)
    return [int(e) for e in np.unique(event[rows]) if e != NO_EVENT]


def event_result(
    fit: Fit,
    panel: Rectangle,
    event: Ints,
    references: Sequence[int],
    terms: Sequence[int],
    *,
    title: str,
    estimand: str,
    method: str,
    level: float,
    warnings: tuple[str, ...],
) -> Regression:
    """Turn coefficients named ``event time e`` into terms, an overall mean and a pre-test."""
    treated = {e: panel.units_in(event == e) for e in (*terms, *references)}
    combinations = [
        Combination(
            estimand=estimand,
            term=str(e),
            names=[name_of(e)],
            weights=np.ones(1),
            treated=treated[e],
        )
        for e in terms
    ]
    after = [e for e in terms if e >= 0]
    if after:
        combinations.append(
            Combination(
                estimand=f"mean of {estimand} over e >= 0",
                names=[name_of(e) for e in after],
                weights=np.full(len(after), 1 / len(after)),
                treated=np.any([treated[e] for e in after], axis=0),
            )
        )
    found = list(to_estimates(fit, panel, combinations, level=level, method=method))
    overall = found.pop() if after else None
    for e in references:
        base = attrs.evolve(
            without_interval(found[0], "the reference period, zero by construction"),
            term=str(e),
            value=0.0,
            n_schools=int(treated[e].sum()),
        )
        found.append(base)
    at = fit.at([name_of(e) for e in terms])
    return Regression(
        title=title,
        terms=tuple(sorted(found, key=lambda x: int(x.term))),
        overall=overall,
        values=fit.beta[at],
        covariance=None if fit.covariance is None else fit.covariance[np.ix_(at, at)],
        event_times=tuple(terms),
        pretest=pretest(fit, [name_of(e) for e in terms if e < 0]),
        exclusions=panel.exclusions,
        warnings=warnings,
    )


def name_of(e: int) -> str:
    """Return the name of the coefficient of an event time."""
    return f"event time {e}"


def require_treatment(panel: Rectangle) -> None:
    """Raise when there is nothing to compare: nobody treated, or nobody ever untreated."""
    counts = np.bincount(panel.cohort, minlength=len(panel.cohorts) + 1)
    first, last = panel.periods[0], panel.periods[-1]
    if not any(g <= last for g in panel.cohorts):
        raise EstimationError(
            f"no unit of {panel.n_units:,} is treated between {first} and {last}; check the cohort "
            "column: it holds the first treated period, null for never treated"
        )
    if not counts[-1] and all(g <= first for g in panel.cohorts):
        raise EstimationError(
            f"all {panel.n_units:,} units are treated from {first} on, so none is ever untreated; "
            "add earlier periods or units that are not treated"
        )


def _staggered(panel: Rectangle) -> tuple[str, ...]:
    first, last = panel.periods[0], panel.periods[-1]
    starts = [g for g in panel.cohorts if g <= last]
    always = int((np.isin(panel.cohort, [i for i, g in enumerate(starts) if g <= first])).sum())
    found = []
    if len(starts) > 1:
        found.append(
            f"treatment starts at {len(starts)} different times ({_listed(starts)}); unless "
            "effects are alike in all cohorts these coefficients mix event times, with weights "
            "that can be negative (Goodman-Bacon 2021; Sun & Abraham 2021): use att_gt, "
            "sun_abraham or imputation, and bacon_decomposition to see how much it matters"
        )
    if always:
        found.append(
            f"{always:,} units are treated from the first period on and serve as a comparison, "
            "which biases the coefficients if their effects change over time; leave them out"
        )
    return tuple(found)


def _listed(values: Iterable[int]) -> str:
    return ", ".join(map(str, values))
