"""Least squares with unit effects and period effects absorbed, for panels of any shape.

    y_it = a_i + sum_f l_f(i,t) + x_it'b + e_it            weights w_it

Estimand: the coefficients b, the best linear prediction of change within units. What they say of
treatment is for the estimators that choose x. The effects a and l are swept out exactly (see
`within`); memory is that of the outcome.

Source: Wooldridge (2010), "Econometric analysis of cross section and panel data", chapter 10;
variances as in `inference.cluster_variance`. Redundant
levels of absorbed effects are not counted as coefficients (fixest counts them unless asked with
`K.exact`); with unit and period effects alone there is no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.rectangle import Floats, Ints, Rectangle
from impactkit.estimators.within import (
    CHUNK,
    Columns,
    Effects,
    Levels,
    Part,
    Work,
    absorb,
    by_profile,
    independent,
    period_levels,
    profiles,
    residuals,
    units_of,
    within,
)
from impactkit.inference.cluster_variance import (
    SmallSample,
    jackknife,
    small_sample_factor,
    sums_by_cluster,
)
from impactkit.inference.small_sample import Corrected

Vcov = Literal["CRV1", "CRV3", "HC1", "iid"]


@attrs.frozen(kw_only=True, eq=False)
class Fit:
    """Coefficients and their covariance.

    Attributes
    ----------
    names, beta, covariance
        Of the coefficients kept; the covariance is None when `reason` says why.
    dropped
        Names of controls that the others, or the fixed effects, determine.
    df
        Degrees of freedom of t: clusters less one, or rows less coefficients.
    rounding
        Standard errors up to this are rounding: the outcome does not vary about the fit.
    few
        From weights of coefficients, shape (combinations, coefficients), to standard errors and
        degrees of freedom of combinations, where they are corrected for few treated clusters.
    """

    names: tuple[str, ...]
    beta: Floats
    covariance: Floats | None
    reason: str
    dropped: tuple[str, ...]
    n_rows: int
    n_clusters: int
    df: int
    variance: str
    rounding: float
    few: Callable[[Floats], Corrected] | None = None

    def at(self, names: Sequence[str]) -> Ints:
        """Return the positions of these coefficients."""
        place = {name: i for i, name in enumerate(self.names)}
        return np.array([place[name] for name in names], dtype=np.int64)


def least_squares(
    panel: Rectangle,
    columns: Columns,
    names: Sequence[str],
    *,
    key: Ints | None,
    controls: tuple[Columns, Sequence[str]] | None = None,
    levels: Levels | None = None,
    vcov: Vcov = "CRV1",
    small_sample: SmallSample = "fixest",
) -> Fit:
    """Fit the terms and the panel's covariates.

    Parameters
    ----------
    panel
        The outcome, weights, clusters and covariates.
    columns, names
        The terms: their values for given units, and their names.
    key
        Units with the same key have the same terms, controls and levels, shape (N,); None when
        each unit has its own.
    controls
        Regressors of no interest and their names, left out where they are redundant, as are the
        panel's covariates, which give each unit a key of its own.
    levels
        Effects to absorb besides the units'; by default `period_levels`.
    vcov, small_sample
        Which variance, and the factor of CRV1 (see `inference.cluster_variance`); HC1 and iid use
        N/(N - K), K counting every absorbed effect.

    Raises
    ------
    EstimationError
        When a term is determined by the other terms, the covariates and the fixed effects.
    """
    levels = levels or period_levels(panel)
    covariates = panel.covariates
    blocks = [(columns, tuple(names))]
    if controls is not None:
        blocks.insert(0, (controls[0], tuple(controls[1])))
    if covariates is not None:
        blocks.insert(0, (lambda units: covariates[units], panel.names))
    if covariates is not None or panel.effects is not None:
        key = None
    every = tuple(name for _, named in blocks for name in named)

    def build(units: Ints) -> Floats:
        return np.concatenate([block(units) for block, _ in blocks], axis=2)

    order, starts = profiles(panel, key)
    work = Work(
        panel=panel,
        columns=build,
        levels=levels,
        width=len(every),
        order=order,
        starts=starts,
    )
    sums, weight = by_profile(work)
    effects, A, b = absorb(work, sums, weight)
    kept = independent(A, effects.size)
    lost = tuple(name for i, name in enumerate(every) if i not in kept)
    _require_terms([name for name in lost if name in names], panel)
    inverse = np.linalg.inv(A[np.ix_(kept, kept)])
    beta = np.zeros(len(every))
    beta[kept] = inverse @ b[kept]

    K = len(kept) + len(effects.kept) + panel.n_units
    n_clusters = panel.n_units if panel.cluster is None else int(panel.cluster.max()) + 1
    clustered = vcov in ("CRV1", "CRV3")
    reason, covariance = "", None
    if clustered and n_clusters < 2:
        reason = "there is one cluster only, and its variance cannot be told; give more clusters"
    elif not clustered and panel.n_rows <= K:
        reason = f"{panel.n_rows:,} rows leave nothing to estimate a variance of {K:,} coefficients"
    else:
        try:
            if vcov == "CRV3":
                covariance = _leave_one_out(work, effects, beta, kept)
            else:
                factor = (
                    small_sample_factor(
                        small_sample,
                        n_rows=panel.n_rows,
                        n_clusters=n_clusters,
                        k=K,
                        k_nested=panel.n_units - 1,
                    )
                    if clustered
                    else panel.n_rows / (panel.n_rows - K)
                )
                if clustered:
                    meat = _cluster_meat(work, effects, beta, kept, n_clusters)
                else:
                    meat = _row_meat(work, effects, beta, kept, robust=vcov == "HC1")
                covariance = factor * inverse @ meat @ inverse
        except EstimationError as error:
            reason, covariance = str(error), None
    return Fit(
        names=tuple(every[i] for i in kept),
        beta=beta[kept],
        covariance=covariance,
        reason=reason,
        dropped=lost,
        n_rows=panel.n_rows,
        n_clusters=n_clusters,
        df=n_clusters - 1 if clustered else panel.n_rows - K,
        variance=_describe(vcov, small_sample),
        rounding=1e-12 * max(float(panel.y.max()), -float(panel.y.min())),
    )


def _describe(vcov: Vcov, small_sample: SmallSample) -> str:
    factor = {
        "fixest": "factor G/(G-1) (N-1)/(N-K) without nested effects, as fixest",
        "stata": "factor G/(G-1) (N-1)/(N-K) with every effect, as Stata's areg",
        "none": "no small-sample factor",
    }[small_sample]
    return {
        "CRV1": f"CRV1 by cluster, {factor}",
        "CRV3": "CRV3, the cluster jackknife, factor (G-1)/G",
        "HC1": "HC1, factor N/(N-K) with every effect",
        "iid": "the same for every row, factor N/(N-K) with every effect",
    }[vcov]


def _require_terms(lost: Sequence[str], panel: Rectangle) -> None:
    if lost:
        counts = np.bincount(panel.cohort, minlength=len(panel.cohorts) + 1)
        groups = [f"{n:,} units of {g}" for g, n in zip(panel.cohorts, counts, strict=False)]
        raise EstimationError(
            f"the data cannot tell {', '.join(lost)} apart from the other terms and the fixed "
            f"effects ({'; '.join([*groups, f'{counts[-1]:,} never treated'])}). Without units "
            "that are never treated the effects are known up to a linear trend only: add such "
            "units, pool event times with `bins`, or leave out covariates that follow treatment"
        )


def _cluster_meat(
    work: Work, effects: Effects, beta: Floats, kept: list[int], n_clusters: int
) -> Floats:
    """Return the sum over clusters of s s', shape (K, K)."""
    panel, weighted = work.panel, bool((work.panel.weight != 1).any())
    meat = np.zeros((len(kept), len(kept)))
    total = np.zeros((n_clusters if panel.cluster is not None else 0, len(kept)))
    for part in work.parts():
        fitted = effects.fitted(part, beta)
        if work.own:
            every = slice(part.first, part.stop)
            e = residuals(panel, every, fitted) * part.share * panel.weight[every][:, None]
            scores = effects.scores(part, e)[:, kept]
            if panel.cluster is None:
                meat += scores.T @ scores
            else:
                at, sums = sums_by_cluster(scores, panel.cluster[every])
                total[at] += sums
            continue
        X = effects.taken_out(part)[:, :, kept] * part.share[:, :, None]
        for p in range(len(X)):
            # Units of a profile share X: their residuals can be added up before they meet it.
            for units in units_of(work, part.first + p):
                e = residuals(panel, units, fitted[p])
                if weighted:
                    e *= panel.weight[units][:, None]
                if panel.cluster is None:
                    meat += X[p].T @ (e.T @ e) @ X[p]
                else:
                    at, sums = sums_by_cluster(e, panel.cluster[units])
                    total[at] += sums @ X[p]
    return meat + total.T @ total


def _row_meat(
    work: Work, effects: Effects, beta: Floats, kept: list[int], *, robust: bool
) -> Floats:
    """Return the meat without clusters: each row's own squared residual, or the average one."""
    panel, k = work.panel, len(kept)
    meat, bread, total = np.zeros((k, k)), np.zeros((k, k)), 0.0
    for part in work.parts():
        X = effects.taken_out(part)[:, :, kept].reshape(-1, k)
        fitted = effects.fitted(part, beta)
        squares, weights = np.zeros(part.share.shape), np.zeros(part.share.shape)
        for p in range(len(fitted)):
            for units in units_of(work, part.first + p):
                e = residuals(panel, units, fitted[p])
                w = panel.weight[units][:, None] * part.share[p]
                total += float((w * e**2).sum())
                squares[p] += ((w * e) ** 2).sum(axis=0)
                weights[p] += w.sum(axis=0)
        meat += X.T @ (X * squares.reshape(-1, 1))
        bread += X.T @ (X * weights.reshape(-1, 1))
    return meat if robust else bread * (total / panel.n_rows)


def _leave_one_out(work: Work, effects: Effects, beta: Floats, kept: list[int]) -> Floats:
    """Return CRV3; the levels are regressors here, since each leave-out estimates them again."""
    panel, k = work.panel, len(kept)
    m, T = k + len(effects.kept), len(panel.periods)
    place = np.full(work.levels.n, -1)
    place[effects.kept] = np.arange(len(effects.kept))
    step = max(1, CHUNK // (m * max(m, T)))

    def of(units: Ints) -> tuple[Floats, Floats]:
        share = np.ones((len(units), T)) if panel.share is None else panel.share[units]
        part = Part(
            first=0,
            stop=0,
            share=share,
            X=work.columns(units),
            active=np.arange(work.width),
            codes=work.levels.codes(units),
        )
        X = np.zeros((len(units), T, m))
        X[:, :, :k] = part.X[:, :, kept]
        for f in range(part.codes.shape[2]):
            X[:, :, k:] += place[part.codes[:, :, f]][:, :, None] == np.arange(m - k)
        X = within(X, share)
        weighted = X * (share * panel.weight[units][:, None])[:, :, None]
        e = residuals(panel, units, effects.fitted(part, beta))
        return (
            np.matmul(weighted.transpose(0, 2, 1), X),
            np.matmul(e[:, None, :], weighted)[:, 0],
        )

    def batches() -> Iterator[tuple[Floats, Floats]]:
        if panel.cluster is None:
            for a in range(0, panel.n_units, step):
                yield of(np.arange(a, min(a + step, panel.n_units)))
            return
        order = np.argsort(panel.cluster, kind="stable")
        first = np.flatnonzero(np.diff(panel.cluster[order], prepend=-1))
        first = np.append(first, panel.n_units)
        c = 0
        while c < len(first) - 1:
            stop = max(c + 1, int(np.searchsorted(first, first[c] + step, side="right")) - 1)
            grams, scores = np.zeros((stop - c, m, m)), np.zeros((stop - c, m))
            for a in range(first[c], first[stop], step):
                units = order[a : min(a + step, first[stop])]
                label = np.searchsorted(first, np.arange(a, a + len(units)), side="right") - 1 - c
                gram, score = of(units)
                np.add.at(grams, label, gram)
                np.add.at(scores, label, score)
            yield grams, scores
            c = stop

    total = np.sum([grams.sum(axis=0) for grams, _ in batches()], axis=0)
    return jackknife(total, batches())[:k, :k]
