"""The precision of a study's own design, gaps and partnerships included, by formula.

For an estimator that weights school i's outcomes by a_i (a vector over years), with S the
covariance of a school's own part over years and P that of its partnership's,

    variance = sum over clusters c of v_c,    v_c = sum_i a_i' S a_i + (sum_i a_i)' P (sum_i a_i)

Degrees of freedom are Satterthwaite's over treated and comparison clusters. A side of clusters with
unequal v_c counts as (sum v_c)^2 / sum v_c^2 clusters, less one for their mean; at the least one.
(Cohorts' own means cost nothing more: how cohorts differ from their average is part of the variance
that `att_gt` reports.) With one cohort, complete years and the regression this is `DidDesign`.

Source: Burlig, Preonas & Woerman (2020), Journal of Development Economics 144, for one start; for
staggered starts the same algebra with the estimator's own weights.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from impactkit.errors import Problem, UsageError, did_you_mean
from impactkit.estimators.aggregation import KINDS
from impactkit.estimators.power import Precision
from impactkit.inference.small_sample import satterthwaite
from impactkit.planning.design import PanelDesign
from impactkit.planning.linear import Linear
from impactkit.planning.linear_att_gt import att_gt_linear
from impactkit.planning.linear_twfe import twfe_linear
from impactkit.planning.variances import Floats, Variances

ESTIMATORS = (*(f"att_gt:{kind}" for kind in KINDS), "twfe")
"""What can be diagnosed by name; ``:nevertreated`` and ``:cr2`` may follow an `att_gt`."""


def linear(design: PanelDesign, estimator: str, level: float = 0.95) -> Linear:
    """Return an estimator by name as weights.

    Raises
    ------
    UsageError
        When there is no such estimator.
    EstimationError
        When it cannot be used on this design.
    """
    if estimator == "twfe":
        return twfe_linear(design, level=level)
    family, *rest = estimator.split(":")
    options = set(rest[1:])
    for kind in KINDS:
        if family == "att_gt" and rest[:1] == [kind] and options <= {"nevertreated", "cr2"}:
            return att_gt_linear(
                design,
                kind=kind,
                control="nevertreated" if "nevertreated" in options else "notyettreated",
                small_sample="cr2" if "cr2" in options else "none",
                level=level,
            )
    raise UsageError(
        Problem(
            code="argument.estimator",
            column="estimators",
            value=estimator,
            rule="there is no such estimator to diagnose by name",
            remedy=did_you_mean(estimator, ESTIMATORS),
        )
    )


def design_precision(
    design: PanelDesign,
    variances: Variances,
    *,
    estimator: str = "att_gt:simple",
    unit: str = "",
) -> Precision:
    """Return how precisely an estimator works on a design, before any outcome is seen.

    Parameters
    ----------
    design, variances
        The school-years, cohorts and clusters; and how outcomes vary without treatment.
    estimator
        ``att_gt:simple``, ``att_gt:dynamic``, ``att_gt:group`` or ``att_gt:calendar`` (each also
        with ``:nevertreated``, and with ``:cr2`` for its small-sample correction), or ``twfe``.
    unit
        Of the outcome, for messages.

    Returns
    -------
    Precision
        For `power` and `minimum_detectable_effect`. The test in mind is a t-test with few-cluster
        degrees of freedom, as `att_gt` makes with ``small_sample="cr2"``. Without, its normal
        critical values find more, rightly and wrongly: see the size in `diagnose`.

    Raises
    ------
    UsageError, EstimationError
        When there is no such estimator, or the design leaves it nothing to estimate.

    Examples
    --------
    >>> from impactkit.estimators.power import minimum_detectable_effect
    >>> from impactkit.planning.design import staggered_design
    >>> design = staggered_design({2016: 12, 2017: 12, None: 200}, (2012, 2019),
    ...                           schools_per_partnership=3)
    >>> stated = Variances(shock_sd=4.0, noise_sd=4.0, autocorrelation=0.5)
    >>> found = design_precision(design, stated, unit="points")
    >>> round(minimum_detectable_effect(found).effect, 1), round(found.df, 1)
    (4.2, 7.4)
    """
    weights = linear(design, estimator)
    clusters, treated = _sides(design)
    v = _cluster_variances(design, variances, weights.weights, clusters)

    def side(members: np.ndarray) -> tuple[float, float]:
        mine = v[members]
        total = float(mine.sum())
        if not total > 0:
            return 0.0, math.inf
        return total, max(total**2 / float(mine @ mine) - 1, 1.0)

    return Precision(
        std_error=math.sqrt(float(v.sum())),
        df=satterthwaite(side(treated), side(~treated)),
        unit=unit,
        method=f"{weights.method}; {variances.source}, Satterthwaite degrees of freedom",
        n_schools=weights.n_schools,
        n_comparison=weights.n_comparison,
        n_clusters=weights.n_clusters,
        n_treated_clusters=weights.n_treated_clusters,
    )


def _sides(design: PanelDesign) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's cluster, and which clusters are treated by the last year."""
    cluster = design.frame["cluster"].rank("dense").to_numpy().astype(np.int64) - 1
    by_last = design.frame.select(
        treated=(pl.col("cohort") <= design.years[-1]).fill_null(False)
    ).to_series()
    treated = np.zeros(cluster.max() + 1, dtype=bool)
    treated[cluster[by_last.to_numpy()]] = True
    return cluster, treated


def _cluster_variances(
    design: PanelDesign, variances: Variances, weights: Floats, cluster: np.ndarray
) -> Floats:
    own, shared = variances.covariance(design.years)
    unit = design.frame["unit"].rank("dense").to_numpy().astype(np.int64) - 1
    time = np.searchsorted(design.years, design.frame["time"].to_numpy())
    a = np.zeros((unit.max() + 1, len(design.years)))
    a[unit, time] = weights
    together = np.zeros((cluster.max() + 1, len(design.years)))
    np.add.at(together, (cluster, time), weights)
    first = np.zeros(len(a), dtype=np.int64)
    first[unit] = cluster
    alone = np.bincount(first, np.einsum("it,ts,is->i", a, own, a), len(together))
    result: Floats = np.add(alone, np.einsum("ct,ts,cs->c", together, shared, together))
    return result
