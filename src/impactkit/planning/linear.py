"""Estimators that are linear in the outcome, as weights: computed once, applied to all draws.

Without covariates a difference-in-differences estimate is a weighted sum of outcomes, and so is
each cluster's contribution to its variance. With Y of shape (school-years, draws):

    estimate = weights @ Y      standard error^2 = factor * sum over clusters (contributions of Y)^2
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import attrs
import numpy as np

from impactkit.estimators.blocks import Blocks, arrange
from impactkit.estimators.checks import tidy
from impactkit.estimators.sample import staggered_sample
from impactkit.planning.design import PanelDesign
from impactkit.planning.variances import Floats, Ints

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
    factor, critical, df
        Small-sample factor of the variance, critical value of the interval, and its degrees of
        freedom (None: normal).
    method, variance
        In words.
    reason
        Why no interval can be given, if none can.
    n_schools, n_comparison, n_clusters, n_treated_clusters
        Treated and comparison schools, clusters and treated clusters that it rests on.
    """

    name: str
    weights: Floats
    target: Floats
    contributions: Callable[[Floats], Floats]
    factor: float
    critical: float
    df: float | None
    method: str
    variance: str
    reason: str
    n_schools: int | None
    n_comparison: int | None
    n_clusters: int | None
    n_treated_clusters: int | None

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


def arranged(design: PanelDesign, control: Control) -> tuple[Blocks, Ints]:
    """Sort the design as `att_gt` does; also return each sorted row's place in the design."""
    # Each row's number stands in for its outcome, and so tells where a sorted row came from.
    numbered = design.frame.with_row_index("row")
    data = tidy(
        numbered, unit="unit", time="time", cohort="cohort", outcome="row", cluster="cluster"
    )
    sample = staggered_sample(
        data, control=control, anticipation=0, panel=True, allow_unbalanced_panel=True
    )
    blocks = arrange(sample.rows, (), sample.periods, panel=True)
    return blocks, blocks.y.astype(np.int64)
