"""Extended two-way fixed effects: one regression, every cohort and period its own effect.

Estimand: the average effect on the treated of cohort g in period t, ATT(g, t), under parallel
trends given covariates and no anticipation; averages weigh cells by their rows.

    y_it = a_i + l_t + x_i'(c_t + c_g) + sum_{(g,t) in S} 1{G_i = g} 1{period t}
           [ b_gt + (x_i - mean of x in g)'d_gt ] + u_it

S holds the treated cells, t >= g, with ``control="notyettreated"``; all cells but the last period
before the start with ``"nevertreated"`` (without covariates these are `sun_abraham`'s). With
unit effects a_i and a balanced panel this is Wooldridge's pooled regression with cohort effects.
Covariates are those of the unit before treatment; b_gt is the effect at its cohort's mean.

Sources: Wooldridge (2021), "Two-way fixed effects, the two-way Mundlak regression, and
difference-in-differences estimators", SSRN 3906345 (also Empirical Economics 69,
2025); Wooldridge (2023), The Econometrics Journal 26(3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import attrs
import numpy as np

from impactkit.estimators.cohort_effects import (
    CohortEffects,
    cell_columns,
    cohort_effects,
    comparable,
    name_of,
    split_cells,
    without_reference,
)
from impactkit.estimators.event_study import require_treatment
from impactkit.estimators.fixed_effects import Vcov, least_squares
from impactkit.estimators.options import check_options, one_of
from impactkit.estimators.rectangle import Floats, Ints, Rectangle, rectangle
from impactkit.estimators.regression import common_warnings, inference_options
from impactkit.estimators.sun_abraham import comparison_of
from impactkit.inference.cluster_variance import SmallSample

if TYPE_CHECKING:
    import polars as pl


def etwfe(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    time: str,
    cohort: str,
    outcome: str,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
    control: Literal["notyettreated", "nevertreated"] = "notyettreated",
    vcov: Vcov = "CRV1",
    small_sample: SmallSample = "fixest",
    level: float = 0.95,
) -> CohortEffects:
    """Estimate effects by cohort and period in one regression, covariates interacted.

    Parameters
    ----------
    frame, unit, time, cohort, outcome, weights, cluster
        As in `event_study`.
    covariates
        Numbers or categories, best measured before treatment. Effects are at each cohort's mean,
        weighted where there are weights.
    control
        ``notyettreated``: all untreated rows are the comparison, and there are no effects before
        treatment. ``nevertreated``: units never treated, and effects before treatment to look at.
    vcov, small_sample, level
        As in `event_study`.

    Returns
    -------
    CohortEffects
        A cell a cohort and period; ``.aggregate("simple")`` is one number for all.

    Raises
    ------
    DataError
        With every fault of the frame.
    UsageError
        When arguments make no sense.
    EstimationError
        When there is nobody to compare.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "urn": [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4],
    ...     "year": [2021, 2022, 2023] * 4,
    ...     "first_year": [2023] * 6 + [None] * 6,
    ...     "score": [1.0, 2.0, 6.0, 3.0, 5.0, 8.0, 2.0, 3.0, 3.0, 4.0, 5.0, 7.0],
    ... })
    >>> found = etwfe(frame, unit="urn", time="year", cohort="first_year", outcome="score")
    >>> round(found.aggregate("simple").overall.value, 9)
    2.75
    """
    check_options(
        [
            *inference_options(vcov, small_sample, level),
            one_of("control", control, ("notyettreated", "nevertreated")),
        ]
    )
    panel = rectangle(
        frame,
        unit=unit,
        time=time,
        cohort=cohort,
        outcome=outcome,
        covariates=covariates,
        weights=weights,
        cluster=cluster,
    )
    require_treatment(panel)
    panel = comparable(panel)
    before = {g: [t for t in panel.periods if t < g] for g in panel.cohorts}
    if control == "nevertreated":
        before = {g: there[-1:] for g, there in before.items()}
    panel = without_reference(panel, before)
    wanted = [
        (g, t)
        for g in panel.cohorts
        for t in panel.periods
        if (t >= g if control == "notyettreated" else t not in before[g])
    ]
    split = split_cells(panel, wanted)
    there, reasons = split.told, split.reasons
    if control == "nevertreated":
        reasons |= {
            (g, t): "the reference period, zero by construction"
            for g in panel.cohorts
            for t in before[g]
        }
    table, alone = cell_columns(panel, there), cell_columns(panel, split.alone)
    key: Ints | None = panel.cohort
    interact, names = _interactions(panel, table, there)
    if panel.covariates is not None:
        key = _same_covariates(panel, panel.covariates)

    def controls(units: Ints) -> Floats:
        return np.concatenate([alone[panel.cohort[units]], interact(units)], axis=2)

    fit = least_squares(
        attrs.evolve(panel, covariates=None),
        lambda units: table[panel.cohort[units]],
        [name_of(*cell) for cell in there],
        key=key,
        controls=(controls, [f"{cell}" for cell in split.alone] + names),
        vcov=vcov,
        small_sample=small_sample,
    )
    given = f", given {', '.join(panel.names)}" if panel.names else ""
    who = comparison_of(panel)
    return cohort_effects(
        fit,
        panel,
        reasons,
        title="Extended two-way fixed effects by cohort and period",
        method=(
            f"ETWFE (Wooldridge 2021){given}, comparison: "
            f"{who if control == 'nevertreated' else f'rows not yet treated, and {who}'}; "
            "cohort shares taken as fixed"
        ),
        level=level,
        warnings=common_warnings(fit, panel, vcov),
    )


def _interactions(
    panel: Rectangle, cells: Floats, names: Sequence[tuple[int, int]]
) -> tuple[Callable[[Ints], Floats], list[str]]:
    """Return covariates by period and by cohort, and, less their cohort's mean, by cell."""
    G, T = len(panel.cohorts) + 1, len(panel.periods)
    x = np.empty((*panel.y.shape, 0)) if panel.covariates is None else panel.covariates
    share = np.ones(x.shape[:2]) if panel.share is None else panel.share
    w = panel.weight[:, None] * share
    mean = np.stack(
        [
            np.einsum("itk,it->k", x[panel.cohort == g], w[panel.cohort == g])
            / max(w[panel.cohort == g].sum(), 1e-300)
            for g in range(G)
        ]
    )
    by_period, by_cohort = np.eye(T), np.eye(G)

    def columns(units: Ints) -> Floats:
        cohort, values = panel.cohort[units], x[units]
        own = values - mean[cohort][:, None, :]
        parts = [np.empty((*own.shape[:2], 0))]
        for k in range(x.shape[2]):
            parts += [
                values[:, :, k, None] * by_period,
                values[:, :, k, None] * by_cohort[cohort][:, None, :],
                own[:, :, k, None] * cells[cohort],
            ]
        return np.concatenate(parts, axis=2)

    labels = []
    for name in panel.names:
        labels += [f"{name} in {t}" for t in panel.periods]
        labels += [f"{name} of cohort {g}" for g in (*panel.cohorts, "never")]
        labels += [f"{name} at {name_of(*cell)}" for cell in names]
    return columns, labels


def _same_covariates(panel: Rectangle, x: Floats) -> Ints | None:
    """Return a key of cohort and covariates where these are constant within units, else None."""
    if not bool((x == x[:, :1]).all()):
        return None
    _, key = np.unique(np.column_stack([panel.cohort, x[:, 0]]), axis=0, return_inverse=True)
    return np.asarray(key, dtype=np.int64)
