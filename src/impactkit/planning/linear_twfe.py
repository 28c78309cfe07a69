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
        When treatment cannot be told from school and year effects.

    Examples
    --------
    >>> from impactkit.planning.design import staggered_design
    >>> design = staggered_design({2013: 1, None: 2}, (2012, 2013))
    >>> (2 * twfe_linear(design).weights).round(9).tolist()
    [-2.0, 2.0, 1.0, -1.0, 1.0, -1.0]
    """
    from scipy.special import stdtrit

    blocks, place = arranged(design, "notyettreated")
    cohorts = np.array([*blocks.cohorts, np.iinfo(np.int64).max])
    year = np.repeat(np.arange(len(blocks.periods)), np.diff(blocks.offsets[:, [0, -1]])[:, 0])
    treated = np.array(blocks.periods)[year] >= cohorts[blocks.unit_cohort[blocks.unit]]
    Z = np.zeros((len(year), len(blocks.periods) + 1))
    Z[np.arange(len(year)), year] = 1
    Z[:, -1] = treated
    seen = np.bincount(blocks.unit)
    sums = np.stack([np.bincount(blocks.unit, column) for column in Z.T], axis=1)
    within = Z - (sums / seen[:, None])[blocks.unit]
    periods, D = within[:, :-1], within[:, -1]
    x = D - periods @ np.linalg.lstsq(periods, D, rcond=None)[0]
    size = float(x @ D)
    if not size > 1e-9 * len(x):
        raise EstimationError(
            "treatment cannot be told from school and year effects: no school-year is compared "
            "with one that is treated differently in the same year; add comparison schools"
        )
    cluster = blocks.cluster[blocks.unit]
    shape = (blocks.n_clusters, design.frame.height)
    own = sparse(x / size, cluster, place, shape)
    scores = np.stack(
        [np.bincount(cluster, x / size * z, minlength=blocks.n_clusters) for z in Z.T], axis=1
    )
    # Coefficients of periods and treatment, given schools: one small system for all draws.
    solve = np.linalg.pinv(within.T @ within, hermitian=True)
    column = np.tile(np.arange(Z.shape[1]), len(Z))
    fit = sparse(
        within.ravel(), column, np.repeat(place, Z.shape[1]), (Z.shape[1], design.frame.height)
    )
    k = len(blocks.periods) + len(blocks.unit_cohort)
    clusters = blocks.n_clusters
    treated_clusters = len(np.unique(cluster[treated]))
    weights = np.zeros(design.frame.height)
    weights[place] = x / size
    target = np.zeros(design.frame.height)
    target[place[treated]] = 1 / treated.sum()
    return Linear(
        name="twfe",
        weights=weights,
        target=target,
        contributions=lambda Y: np.asarray(own @ Y - scores @ (solve @ (fit @ Y))),
        factor=small_sample_factor(
            "fixest",
            n_rows=len(x),
            n_clusters=clusters,
            k=k,
            k_nested=len(blocks.unit_cohort) - 1,
        ),
        critical=float(stdtrit(clusters - 1, 0.5 + level / 2)),
        df=clusters - 1,
        method="two-way fixed effects, one coefficient on treatment",
        variance="CRV1, clustered on cluster, small-sample factor of fixest",
        reason="" if treated_clusters > 1 else "one treated cluster only",
        n_schools=len(np.unique(blocks.unit[treated])),
        n_comparison=int((blocks.unit_cohort == len(blocks.cohorts)).sum()),
        n_clusters=clusters,
        n_treated_clusters=treated_clusters,
    )
