"""Intervals of `imputation` where few clusters are treated.

    tau = sum_c h_c x_c,   h_c a cluster's share of the weight, x_c its mean effect in the average

A cluster's effects are measured from the average itself, h_c (x_c - tau), so that clusters of all
cohorts tell how far clusters differ: from its own cohort and period's mean, one of two clusters
would seem to vary half as much as it does. Borusyak, Jaravel & Spiess allow any average in their
conservative variance; effects that differ between cohorts count as chance here. That is a mean over
clusters, and is corrected as one (`inference.small_sample`): scaled by 1 / sqrt(1 - h_c), with
quantiles of Student's t. Comparison clusters have their share of the untreated weight.

Sources: Borusyak, Jaravel & Spiess (2024), Review of Economic Studies 91(6), theorem 3; Bell &
McCaffrey (2002), Survey Methodology 28, 169-181. That the two go together is shown by simulation
(``docs/explanation/monte-carlo.md``).
"""

from __future__ import annotations

import numpy as np

from impactkit.estimators.rectangle import Floats
from impactkit.estimators.untreated import Untreated, blocks, contributions, row_weights
from impactkit.inference.contributions import Contributions
from impactkit.inference.small_sample import ClusterShares, Corrected, correct


def correct_few(first: Untreated, averages: Floats, values: Floats) -> Corrected:
    """Correct the standard errors of averages of effects for few treated clusters.

    Parameters
    ----------
    first
        The first stage.
    averages
        Weight of a row of cohort g and period t in average k, as a multiple of the row's own
        weight, shape (cohorts + 1, T, K).
    values
        The averages, shape (K,).
    """
    panel, n, K = first.panel, first.n_clusters, len(values)
    cluster = np.arange(n) if panel.cluster is None else panel.cluster
    share, untreated = np.zeros((n, K)), np.zeros(n)
    for g, units in blocks(panel):
        w = row_weights(panel, units)
        np.add.at(share, cluster[units], w @ averages[g])
        np.add.at(untreated, cluster[units], w @ first.before[g].astype(np.float64))
    treated = np.zeros(n, dtype=bool)
    treated[cluster[panel.start <= panel.periods[-1]]] = True
    everywhere = np.ones(first.before.shape)
    phi = [
        contributions(first, averages[:, :, [k]], value * everywhere)[:, 0]
        for k, value in enumerate(values)
    ]
    order = np.argsort(~treated, kind="stable")
    others = untreated[~treated]
    return correct(
        Contributions(
            columns=np.array(phi)[:, order],
            group=np.where(treated[order], 0, K),
            cluster=np.arange(n),
        ),
        np.eye(K),
        ClusterShares(treated=share[treated].T, others=others / (others.sum() or 1.0)),
    )
