"""Imputation and two-stage difference-in-differences with every effect as an indicator column.

Written from Borusyak, Jaravel & Spiess (2024), theorems 2 and 3 and equation 8, and from Gardner
(2022), section 4. Imports nothing from impactkit. A row is a dictionary with `unit, time, cohort,
y, w, cluster` and a list `x`.
"""

from __future__ import annotations

import numpy as np


def untreated(row, anticipation=0):
    """Say whether a row is before treatment and its anticipation."""
    return row["cohort"] is None or row["time"] < row["cohort"] - anticipation


def design(rows):
    """Return indicators of units and periods and the covariates, one row a row."""
    units = sorted({r["unit"] for r in rows})
    times = sorted({r["time"] for r in rows})
    return np.array(
        [
            [float(r["unit"] == u) for u in units]
            + [float(r["time"] == t) for t in times]
            + list(r["x"])
            for r in rows
        ]
    )


def first_stage(rows, anticipation=0):
    """Return the regressors, the pseudo-inverse of Z0'WZ0 and y less what is imputed."""
    Z = design(rows)
    before = np.array([untreated(r, anticipation) for r in rows])
    w, y = np.array([r["w"] for r in rows]), np.array([r["y"] for r in rows])
    Z0, w0 = Z[before], w[before]
    bread = np.linalg.pinv(Z0.T @ (w0[:, None] * Z0), rcond=1e-11)
    theta = bread @ Z0.T @ (w0 * y[before])
    return Z, bread, y - Z @ theta, before


def lone_centre(rows, i, w, deviation, anticipation):
    """Return the mean of the event time, or of all effects, for a row alone in its cell."""
    own = rows[i]["time"] - rows[i]["cohort"]
    effects = [j for j, s in enumerate(rows) if not untreated(s, anticipation)]
    alike = [j for j in effects if rows[j]["time"] - rows[j]["cohort"] == own]
    if len({rows[j]["cohort"] for j in alike}) == 1:
        alike = effects
    return sum(w[j] * deviation[j] for j in alike) / sum(w[j] for j in alike)


def imputation(rows, averages, *, anticipation=0, leave_out=False):
    """Return values and covariance; each average lists a weight for each row, summing to one."""
    Z, bread, deviation, before = first_stage(rows, anticipation)
    w = np.array([r["w"] for r in rows])
    clusters = sorted({r["cluster"] for r in rows})
    values, scores = [], []
    for average in averages:
        average = np.array(average)
        v = average - np.where(before, w * (Z @ bread @ (Z.T @ average)), 0.0)
        # Linear in y: the weights reproduce the estimate from the outcomes themselves.
        y = np.array([r["y"] for r in rows])
        value = float(average @ deviation)
        assert abs(float(v @ y) - value) < 1e-8
        values.append(value)
        e = deviation.copy()
        for i, r in enumerate(rows):
            if before[i]:
                continue
            cell = {
                s["cluster"] for s in rows if s["cohort"] == r["cohort"] and s["time"] == r["time"]
            }
            if len(cell) == 1:
                e[i] -= lone_centre(rows, i, w, deviation, anticipation)
                continue
            top = bottom = 0.0
            for c in clusters:
                if leave_out and c == r["cluster"]:
                    continue
                same = [
                    j
                    for j, s in enumerate(rows)
                    if s["cluster"] == c and s["cohort"] == r["cohort"] and s["time"] == r["time"]
                ]
                own = sum(w[j] for j in same)
                top += own * sum(w[j] * deviation[j] for j in same)
                bottom += own**2
            e[i] -= top / bottom
        scores.append(
            [sum(v[i] * e[i] for i, r in enumerate(rows) if r["cluster"] == c) for c in clusters]
        )
    scores = np.array(scores)
    return values, scores @ scores.T


def side_df(shares):
    """Return (sum of eigenvalues)^2 / sum of squares of e'Qe for a mean with these shares.

    Clusters vary as one over their share, e are deviations from the mean, and Q scales them.
    """
    h = np.array([a for a in shares if a > 0])
    root = np.diag(h / np.sqrt(1 - h)) @ (np.eye(len(h)) - np.outer(np.ones(len(h)), h))
    eigenvalues = np.linalg.eigvalsh(root @ np.diag(1 / h) @ root.T)
    return eigenvalues.sum() ** 2 / (eigenvalues**2).sum()


def few(rows, average, *, anticipation=0):
    """Return an average's value, its standard error for few treated clusters, and its df."""
    Z, bread, deviation, before = first_stage(rows, anticipation)
    w, average = np.array([r["w"] for r in rows]), np.array(average)
    v = average - np.where(before, w * (Z @ bread @ (Z.T @ average)), 0.0)
    value = float(average @ deviation)
    last = max(r["time"] for r in rows)
    clusters = {r["cluster"] for r in rows}
    joined = {r["cluster"] for r in rows if r["cohort"] is not None and r["cohort"] <= last}
    own = dict.fromkeys(joined, 0.0)
    others = dict.fromkeys(clusters - joined, 0.0)
    score = dict.fromkeys(clusters, 0.0)
    for i, r in enumerate(rows):
        c = r["cluster"]
        score[c] += v[i] * deviation[i] - average[i] * value
        if c in joined:
            own[c] += average[i]
        elif before[i]:
            others[c] += r["w"]
    whole = sum(others.values())
    others = {c: u / whole for c, u in others.items()}
    parts, dfs, alike = [], [], []
    for shares in filter(None, (own, others)):  # every cluster may have a treated unit
        parts.append(sum(score[c] ** 2 / (1 - h) for c, h in shares.items()))
        dfs.append(side_df(shares.values()))
        alike.append(sum(h**2 for h in shares.values()))
    ways = [
        sum(both) ** 2 / sum(a**2 / d for a, d in zip(both, dfs, strict=True))
        for both in (parts, alike)
    ]
    return value, sum(parts) ** 0.5, min(ways)


def two_stage(rows, terms, *, anticipation=0):
    """Return second-stage coefficients and their GMM covariance; a term lists an indicator a row.

    Everything is weighted by w, in both stages.
    """
    Z, bread, deviation, before = first_stage(rows, anticipation)
    w = np.array([r["w"] for r in rows])
    D = np.array(terms, float).T
    DD = np.linalg.inv(D.T @ (w[:, None] * D))
    beta = DD @ D.T @ (w * deviation)
    u = deviation - D @ beta
    meat = np.zeros_like(DD)
    for c in sorted({r["cluster"] for r in rows}):
        at = np.array([r["cluster"] == c for r in rows])
        second = D[at].T @ (w[at] * u[at])
        at0 = at & before
        first = Z[at0].T @ (w[at0] * deviation[at0])
        s = second - (D.T @ (w[:, None] * Z)) @ bread @ first
        meat += np.outer(s, s)
    return beta, DD @ meat @ DD
