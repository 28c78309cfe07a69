"""The group-time effects of a design, and what each cluster contributes to them."""

from __future__ import annotations

import attrs
import numpy as np

from impactkit.estimators.att_gt_comparisons import BasePeriod, Cell, Control, comparisons
from impactkit.estimators.att_gt_rows import estimate_rows
from impactkit.estimators.att_gt_table import estimate_table
from impactkit.estimators.blocks import Rows, Table, Units
from impactkit.estimators.two_by_two import Method
from impactkit.inference.contributions import Collector, Contributions
from impactkit.inference.small_sample import ClusterShares


@attrs.frozen(kw_only=True, eq=False)
class Cells:
    """All group-time effects, and contributions: a row a cell, then a row a cohort.

    A cohort's row holds the total weight of its units by cluster, since aggregations estimate the
    cohorts' shares too. The group of a cluster is the first cohort among its units.
    """

    cells: tuple[Cell, ...]
    contributions: Contributions


def estimate_cells(
    data: Table | Rows,
    *,
    control: Control,
    base_period: BasePeriod,
    anticipation: int,
    method: Method,
) -> Cells:
    """Estimate every group-time effect; one that cannot be estimated says why, with counts."""
    units = data.units
    listed = tuple(
        comparisons(
            units.periods,
            units.cohorts,
            control=control,
            base_period=base_period,
            anticipation=anticipation,
        )
    )
    n, H = len(listed), len(units.cohorts)
    group = first_cohorts(units)
    collector = Collector(n + H, group)
    if isinstance(data, Table):
        cells = estimate_table(data, listed, method, collector)
    else:
        by_cluster = np.zeros((n + H, units.n_clusters))
        cells = estimate_rows(data, listed, method, by_cluster[:n])
        for g in range(H):
            run = units.run(g, g + 1)
            by_cluster[n + g] = np.bincount(
                units.cluster[run], units.weight[run], minlength=units.n_clusters
            )
        collector.add_clusters(by_cluster)
    return Cells(cells=cells, contributions=collector.result())


def first_cohorts(units: Units) -> np.ndarray:
    """Return the index of the first cohort among each cluster's units; they ascend."""
    group = np.empty(units.n_clusters, dtype=np.int64)
    group[units.cluster[::-1]] = units.cohort[::-1]
    return group


def cluster_shares(units: Units) -> ClusterShares:
    """Return how the weight of each treated cohort, and of the never treated, is spread."""
    never = len(units.cohorts)
    n_treated = int(np.searchsorted(first_cohorts(units), never))
    runs = [units.run(g, g + 1) for g in range(never + 1)]
    mass = [
        np.bincount(units.cluster[r], units.weight[r], minlength=units.n_clusters) for r in runs
    ]
    share = [m / (m.sum() or 1.0) for m in mass]  # zero where nobody has weight
    return ClusterShares(
        treated=np.array([s[:n_treated] for s in share[:never]]),
        others=share[never][n_treated:],
    )
