"""The static two-way fixed-effects regression, as weights on outcomes.

With x the treatment D less school and year effects (Frisch, Waugh & Lovell), e the residuals:

    estimate = x'Y / x'x        contributions = sum of x e / x'x over a cluster's rows

Where cohorts start at different times, x is negative on some treated school-years: the estimate
weights their effects negatively. That is why it is worth diagnosing.

Source: Goodman-Bacon (2021), Journal of Econometrics 225(2), theorem 1; de Chaisemartin &
D'Haultfoeuille (2020), American Economic Review 110(9), theorem 1.
"""

from __future__ import annotations

import numpy as np

from impactkit.errors import EstimationError
from impactkit.inference.cluster_variance import small_sample_factor
from impactkit.planning.design import PanelDesign
from impactkit.planning.linear import Linear, arranged, sparse


def twfe_linear(design: PanelDesign, *, level: float = 0.95) -> Linear:
    """Return the static two-way fixed-effects regression as weights: one coefficient on treatment.

    It uses the school-years that `att_gt` would use, clusters as CRV1 with the small-sample factor
    of fixest, and Student's t with clusters less one degrees of freedom. Where cohorts start at
    different times and effects grow it is biased; that is why it is worth diagnosing.

    Raises
    ------
    EstimationError
        When treatment cannot be told from school and year effects, or there is one cluster only.

    Examples
    --------
    >>> from impactkit.planning.design import staggered_design
    >>> design = staggered_design({2013: 1, None: 2}, (2012, 2013))
    >>> (2 * twfe_linear(design).weights).round(9).tolist()
    [-2.0, 2.0, 1.0, -1.0, 1.0, -1.0]
    """
    panel = arranged(design, "notyettreated")
    starts = np.array([*panel.cohorts, np.iinfo(np.int64).max])
    treated = np.array(panel.periods)[panel.time] >= starts[panel.cohort]
    Z = np.zeros((len(panel.row), len(panel.periods) + 1))
    Z[np.arange(len(Z)), panel.time] = 1
    Z[:, -1] = treated
    sums = np.stack([np.bincount(panel.unit, column) for column in Z.T], axis=1)
    within = Z - (sums / np.bincount(panel.unit)[:, None])[panel.unit]
    periods, D = within[:, :-1], within[:, -1]
    x = D - periods @ np.linalg.lstsq(periods, D, rcond=None)[0]
    size = float(x @ D)
    if not size > 1e-9 * len(x):
        raise EstimationError(
            "treatment cannot be told from school and year effects: no school-year is compared "
            "with one that is treated differently in the same year; add comparison schools"
        )
    cluster, clusters, height = panel.cluster, panel.n_clusters, design.frame.height
    if clusters < 2:
        raise EstimationError(
            f"all {panel.n_units:,} schools are of one cluster, and its variance cannot be told; "
            "give more clusters"
        )
    own = sparse(x / size, cluster, panel.row, (clusters, height))
    scores = np.stack([np.bincount(cluster, x / size * z, minlength=clusters) for z in Z.T], axis=1)
    # Coefficients of periods and treatment, given schools: one small system for all draws.
    solve = np.linalg.pinv(within.T @ within, rcond=1e-10, hermitian=True)
    column, row = np.tile(np.arange(Z.shape[1]), len(Z)), np.repeat(panel.row, Z.shape[1])
    fit = sparse(within.ravel(), column, row, (Z.shape[1], height))
    treated_clusters = len(np.unique(cluster[treated]))
    weights = np.zeros(height)
    weights[panel.row] = x / size
    target = np.zeros(height)
    target[panel.row[treated]] = 1 / treated.sum()
    return Linear(
        name="twfe",
        weights=weights,
        target=target,
        contributions=lambda Y: np.asarray(own @ Y - scores @ (solve @ (fit @ Y))),
        factor=small_sample_factor(
            "fixest",
            n_rows=len(x),
            n_clusters=clusters,
            k=len(np.unique(panel.time)) + panel.n_units,
            k_nested=panel.n_units - 1,
        ),
        sides=((np.ones(clusters, dtype=bool), clusters - 1),),
        level=level,
        method="two-way fixed effects, one coefficient on treatment",
        variance="CRV1, clustered on cluster, small-sample factor of fixest",
        reason="" if treated_clusters > 1 else "one treated cluster only",
        n_schools=len(np.unique(panel.unit[treated])),
        n_comparison=len(np.unique(panel.unit[panel.cohort == len(panel.cohorts)])),
        n_clusters=clusters,
        n_treated_clusters=treated_clusters,
        exclusions=panel.exclusions,
    )
