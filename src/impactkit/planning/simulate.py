"""Outcomes of a design as they might turn out without treatment, drawn from stated variances."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from impactkit.planning.design import PanelDesign
from impactkit.planning.variances import Floats, Variances

_BLOCK_BYTES = 64_000_000


def draw_outcomes(
    design: PanelDesign, variances: Variances, *, simulations: int, seed: int
) -> Iterator[Floats]:
    """Yield blocks of outcomes, shape (rows of ``design.frame``, draws), normal and with mean zero.

    Common year effects are left out: every estimator here takes them out. A draw depends on `seed`
    and its number only, not on the size of the blocks.

    Examples
    --------
    >>> from impactkit.planning.design import staggered_design
    >>> design = staggered_design({2013: 1, None: 2}, (2012, 2013))
    >>> [block.shape for block in draw_outcomes(design, Variances(noise_sd=1.0), simulations=5,
    ...                                         seed=1)]
    [(6, 5)]
    """
    own, shared = (_root(part) for part in variances.covariance(design.years))
    unit = design.frame["unit"].rank("dense").to_numpy().astype(np.int64) - 1
    cluster = design.frame["cluster"].rank("dense").to_numpy().astype(np.int64) - 1
    time = np.searchsorted(design.years, design.frame["time"].to_numpy())
    years, schools, clusters = len(design.years), unit.max() + 1, cluster.max() + 1
    for_schools, for_clusters = np.random.default_rng(seed).spawn(2)
    most = max(1, _BLOCK_BYTES // (8 * schools * years))
    for start in range(0, simulations, most):
        n = min(most, simulations - start)
        drawn = (for_schools.standard_normal((n, schools, years)) @ own)[:, unit, time]
        if shared.any():
            drawn += (for_clusters.standard_normal((n, clusters, years)) @ shared)[:, cluster, time]
        yield np.ascontiguousarray(drawn.T)


def _root(covariance: Floats) -> Floats:
    """Return the symmetric square root, which also exists where shocks never fade."""
    values, vectors = np.linalg.eigh(covariance)
    result: Floats = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return result
