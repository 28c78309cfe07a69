"""Estimators that are linear in the outcome, as weights: computed once, applied to all draws.

Without covariates a difference-in-differences estimate is a weighted sum of outcomes, and so is
each cluster's contribution to its variance. With Y of shape (school-years, draws):

    estimate = weights @ Y      standard error^2 = factor * sum over clusters (contributions of Y)^2
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Literal

import attrs
import numpy as np
import polars as pl
from numpy.typing import NDArray

from impactkit.estimators.checks import tidy
from impactkit.estimators.sample import staggered_sample
from impactkit.planning.design import PanelDesign
from impactkit.planning.variances import Floats, Ints
from impactkit.results import Exclusion

Bools = NDArray[np.bool_]
Sides = tuple[tuple[Bools, float], ...]
Control = Literal["notyettreated", "nevertreated"]


@attrs.frozen(kw_only=True, eq=False)
class Linear:
    """One estimator for one design; rows are those of ``design.frame``.

    Attributes
    ----------
    name
        As asked for: ``att_gt:simple``.
    weights
        Of each school-year in the estimate, shape (rows,).
    target
        Weights whose sum with the true effects of the school-years is the estimand, shape (rows,):
        positive on treated rows only, adding up to 1.
    contributions
        From outcomes, shape (rows, draws), to clusters' contributions, shape (clusters, draws).
    factor
        Small-sample factor of the variance.
    sides
        Clusters whose contributions make up the variance, as masks of shape (clusters,), each with
        its degrees of freedom; the interval's are Satterthwaite's, draw by draw. Infinite: normal.
    most_df
        Most that the interval's degrees of freedom may be.
    level
        Of the interval.
    method, variance
        In words.
    reason
        Why no interval can be given, if none can.
    n_schools, n_comparison, n_clusters, n_treated_clusters
        Treated and comparison schools, clusters and treated clusters that it rests on.
    exclusions
        School-years of the design that it does not use, counted.
    """

    name: str
    weights: Floats
    target: Floats
    contributions: Callable[[Floats], Floats]
    factor: float
    sides: Sides
    most_df: float = math.inf
    level: float
    method: str
    variance: str
    reason: str
    n_schools: int | None
    n_comparison: int | None
    n_clusters: int | None
    n_treated_clusters: int | None
    exclusions: tuple[Exclusion, ...]

    def values(self, Y: Floats) -> Floats:
        """Return one estimate a draw, shape (draws,)."""
        result: Floats = self.weights @ Y
        return result

    def std_errors(self, Y: Floats) -> Floats:
        """Return one standard error a draw, shape (draws,)."""
        phi = self.contributions(Y)
        result: Floats = np.sqrt(self.factor * np.einsum("cd,cd->d", phi, phi))
        return result


def sparse(values: Any, rows: Ints, columns: Ints, shape: tuple[int, int]) -> Any:
    """Return a sparse matrix; entries at the same place add up."""
    from scipy.sparse import csr_array

    return csr_array((values, (rows, columns)), shape=shape)


@attrs.frozen(kw_only=True, eq=False)
class Arranged:
    """The school-years that take part, as numbers.

    Attributes
    ----------
    periods, cohorts
        In order, whole numbers; the index ``len(cohorts)`` is never treated.
    row
        Row of each school-year in ``design.frame``; all arrays below go with it.
    unit, time, cohort, cluster
        Numbers from zero; `time` and `cohort` are indices of `periods` and `cohorts`.
    exclusions
        School-years left out, counted.
    """

    periods: tuple[int, ...]
    cohorts: tuple[int, ...]
    row: Ints
    unit: Ints
    time: Ints
    cohort: Ints
    cluster: Ints
    exclusions: tuple[Exclusion, ...]

    @property
    def n_clusters(self) -> int:
        """Return the number of clusters."""
        return int(self.cluster.max()) + 1

    @property
    def n_units(self) -> int:
        """Return the number of schools."""
        return int(self.unit.max()) + 1

    def members(
        self, period: int, runs: Iterable[tuple[int, int]], also: int | None = None
    ) -> Ints:
        """Return the positions of cohorts first to stop (excluded) of each run in a period.

        With `also`, of those schools only that are there in that other period too.
        """
        inside = np.zeros(len(self.row), dtype=bool)
        for first, stop in runs:
            inside |= (self.cohort >= first) & (self.cohort < stop)
        inside &= self.time == period
        if also is not None:
            inside &= np.isin(self.unit, self.unit[self.time == also])
        return np.flatnonzero(inside)


def arranged(design: PanelDesign, control: Control) -> Arranged:
    """Choose the school-years that `att_gt` would use, and number their schools and clusters.

    Raises
    ------
    EstimationError
        When no treated or no comparison school is left, with counts and the remedy.
    """
    # Each row's number stands in for its outcome, and so tells where a chosen row came from.
    data = tidy(
        design.frame.with_row_index("row"),
        unit="unit",
        time="time",
        cohort="cohort",
        outcome="row",
        cluster="cluster",
    )
    sample = staggered_sample(
        data, control=control, anticipation=0, panel=True, allow_unbalanced_panel=True
    )
    rows = sample.rows.sort("outcome")
    cohorts = tuple(int(g) for g in rows["cohort"].drop_nulls().unique().sort())
    cohort = np.searchsorted(cohorts, rows["cohort"].fill_null(0).to_numpy())
    return Arranged(
        periods=sample.periods,
        cohorts=cohorts,
        row=rows["outcome"].to_numpy().astype(np.int64),
        unit=_numbers(rows["unit"]),
        time=np.searchsorted(sample.periods, rows["time"].to_numpy()),
        cohort=np.where(rows["cohort"].is_null().to_numpy(), len(cohorts), cohort),
        cluster=_numbers(rows["cluster"]),
        exclusions=sample.exclusions,
    )


def _numbers(labels: pl.Series) -> Ints:
    result: Ints = labels.rank("dense").to_numpy().astype(np.int64) - 1
    return result
