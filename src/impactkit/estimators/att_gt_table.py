"""Group-time effects in a complete panel: sums first, then one pass for the influence.

With X'X and X'Y of every cohort for all periods at once, and the sums of the propensity score
(`att_gt_logit`), each effect is arithmetic on small matrices (`two_by_two` has the estimators).
With r = Y_t - Y_b - X'beta, p the propensity, T the treated and C the comparison units, a unit of
weight w contributes

    T   w { (r - mean_T r) / W_T - (1 - p) X'c }
    C   w { -p / (1 - p) (r - mean_v r) / V - r X'a + p X'c }

    a = (X'X over C)^-1 (mean_T X - mean_v X)        outcome regression; zero for ipw
    c = H^-1 sum_v X (r - mean_v r) / V              propensity, H its information; zero for reg

so that the second pass over units is a few matrix products a piece, for all effects together.
Without covariates X is the constant, and reg is the difference of means.

Source: Sant'Anna & Zhao (2020), equations 2.6 and 3.1 and their appendix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.att_gt_comparisons import Cell, Comparison, require_units
from impactkit.estimators.att_gt_logit import (
    Logit,
    fit_logit,
    pieces,
    score_and_odds,
)
from impactkit.estimators.blocks import Ints, Table, Units
from impactkit.estimators.two_by_two import TRIM, Floats, Method, require_rank
from impactkit.inference.contributions import MOST_CLUSTERS, Collector

_PIECE = 2048  # of 50 effects, a matrix of them fits the processor's cache


@attrs.frozen(kw_only=True, eq=False)
class _Effect:
    """One effect and the coefficients of its influence, as named at the top."""

    row: int
    comparison: Comparison
    source: int
    value: float
    beta: Floats
    a: Floats
    c: Floats
    mean_treated: float
    mean_odds: float
    per_treated: float
    per_odds: float
    gamma: Floats


def estimate_table(
    table: Table,
    listed: Sequence[Comparison],
    method: Method,
    collector: Collector,
) -> tuple[Cell, ...]:
    """Estimate every effect of a complete panel, and hand its contributions to the collector."""
    sums = _Sums(table)
    cells, effects = [], []
    for row, comparison in enumerate(listed):
        if comparison.is_base:
            cells.append(Cell(comparison=comparison, value=0.0))
            continue
        try:
            require_units(table.units, comparison)
            effect = _effect(table, sums, row, comparison, method)
        except EstimationError as error:
            cells.append(Cell(comparison=comparison, value=None, reason=str(error)))
            continue
        effects.append(effect)
        cells.append(Cell(comparison=comparison, value=effect.value))
    _collect(table, len(listed), effects, collector)
    return tuple(cells)


class _Sums:
    """X'X and X'Y by cohort for each period of covariates and weights, and the logits so far."""

    def __init__(self, table: Table) -> None:
        units = table.units
        self.sources = max(len(table.X), 1 if table.w is None else len(table.w))
        self.logits: dict[object, Logit] = {}
        shape = (self.sources, len(units.start) - 1, table.X.shape[1])
        self.XX = np.zeros((*shape, shape[-1]))
        self.XY = np.zeros((*shape, len(table.y)))
        for source in range(self.sources):
            for g in range(shape[1]):
                for piece in pieces(units.run(g, g + 1)):
                    X, w = table.design(source, piece), table.weights(source, piece)
                    weighted = X if w is None else X * w
                    self.XX[source, g] += weighted @ X.T
                    self.XY[source, g] += weighted @ table.y[:, piece].T

    def over(self, source: int, groups: Sequence[tuple[int, int]]) -> tuple[Floats, Floats]:
        """Add up the sums over runs of cohorts."""
        members = [g for run in groups for g in range(*run)]
        return self.XX[source, members].sum(axis=0), self.XY[source, members].sum(axis=0)


def _effect(table: Table, sums: _Sums, row: int, comparison: Comparison, method: Method) -> _Effect:
    g, later, earlier = comparison.cohort, comparison.time, comparison.base
    # Covariates and weights of the earlier of the two periods, whichever that is.
    source = min(later, earlier) if sums.sources > 1 else 0
    XX, XY = sums.over(source, comparison.groups)
    own, ownY = sums.over(source, [(g, g + 1)])
    k = len(XX)
    dY, own_dY = XY[:, later] - XY[:, earlier], ownY[:, later] - ownY[:, earlier]
    moment = own[0] / own[0, 0]
    logit = None
    if k > 1 and method != "reg":
        logit = _logit(table, sums, source, comparison, own, XX)
        moment = moment - logit.XX[0] / logit.XX[0, 0]
    beta, a = np.zeros(k), np.zeros(k)
    if k == 1 or method != "ipw":
        if k > 1:
            n = _count(table, source, comparison.groups)
            require_rank(XX, table.names, f"{n} comparison units")
        beta, a = np.linalg.solve(XX, np.column_stack([dY, moment])).T
    mean_treated = float(own_dY[0] - own[0] @ beta) / own[0, 0]
    mean_odds, per_odds, c = 0.0, 0.0, np.zeros(k)
    if logit is not None:
        per_odds = 1 / logit.XX[0, 0]
        vr = logit.XY[:, later] - logit.XY[:, earlier] - logit.XX @ beta
        mean_odds = float(vr[0]) * per_odds
        c = np.linalg.solve(logit.information, (vr - mean_odds * logit.XX[0]) * per_odds)
    return _Effect(
        row=row,
        comparison=comparison,
        source=source,
        value=mean_treated - mean_odds,
        beta=beta,
        a=a,
        c=c,
        mean_treated=mean_treated,
        mean_odds=mean_odds,
        per_treated=1 / float(own[0, 0]),
        per_odds=per_odds,
        gamma=np.zeros(k) if logit is None else logit.gamma,
    )


def _count(table: Table, source: int, groups: Sequence[tuple[int, int]]) -> str:
    """Return the number of units of positive weight in runs of cohorts, for a message."""
    n = 0
    for run in groups:
        w = table.weights(source, table.units.run(*run))
        n += int(np.diff(table.units.start[list(run)])[0]) if w is None else int((w > 0).sum())
    return f"{n:,}"


def _logit(
    table: Table, sums: _Sums, source: int, comparison: Comparison, own: Floats, others: Floats
) -> Logit:
    """Fit the score once for effects that share cohort, comparison units and covariates.

    `own` and `others` are X'X of the two groups.
    """
    key = (comparison.own, comparison.groups, source)
    if key not in sums.logits:
        n = _count(table, source, [*comparison.own, *comparison.groups])
        require_rank(own + others, table.names, f"{n} units compared")
        sums.logits[key] = fit_logit(
            table,
            source,
            table.units.run(*comparison.own[0]),
            [table.units.run(*run) for run in comparison.groups],
            log_ratio=float(np.log(own[0, 0] / others[0, 0])),
            start=next(reversed(sums.logits.values())).relative if sums.logits else None,
        )
    return sums.logits[key]


def _collect(
    table: Table, n_effects: int, effects: Sequence[_Effect], collector: Collector
) -> None:
    units = table.units
    sides = {
        g: [
            _Side(part, treated=treated)
            for treated, members in (
                (True, [e for e in effects if e.comparison.cohort == g]),
                (False, [e for e in effects if e.comparison.compares_with(g)]),
            )
            for part in _by_source(members)
        ]
        for g in range(len(units.start) - 1)
    }
    for g, some in _batches(units):
        y, cluster = table.y[:, some], units.cluster[some]
        for side in sides[g]:
            phi = side.contributions(y, table.design(side.source, some))
            w = table.weights(side.source, some)
            if w is not None:
                phi *= w
            collector.add(side.rows, phi, cluster)
        if g < len(units.cohorts):
            collector.add(np.array([n_effects + g]), units.weight[None, some], cluster)


def _by_source(effects: Sequence[_Effect]) -> list[list[_Effect]]:
    sources = sorted({e.source for e in effects})
    return [[e for e in effects if e.source == source] for source in sources]


def _batches(units: Units) -> Iterator[tuple[int, slice | Ints]]:
    """Yield a cohort and some of its units, in the order that the collector asks for."""
    chunk = units.cluster // MOST_CLUSTERS
    order = np.argsort(chunk, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(chunk[order])) + 1):
        for g, run in enumerate(np.split(part, np.searchsorted(part, units.start[1:-1]))):
            for piece in pieces(slice(0, len(run)), _PIECE):
                some = run[piece]
                whole = some[-1] - some[0] == len(some) - 1
                yield g, slice(int(some[0]), int(some[-1]) + 1) if whole else some


class _Side:
    """Effects that share their covariates' period, seen from the treated or the comparison side."""

    def __init__(self, effects: Sequence[_Effect], *, treated: bool) -> None:
        self.treated = treated
        self.source = effects[0].source
        self.rows = np.array([e.row for e in effects])
        self._later = np.array([e.comparison.time for e in effects])
        self._earlier = np.array([e.comparison.base for e in effects])
        self._beta = np.array([e.beta for e in effects])
        self._a = np.array([e.a for e in effects])
        self._c = np.array([e.c for e in effects])
        side = "treated" if treated else "odds"
        self._mean = np.array([[getattr(e, f"mean_{side}")] for e in effects])
        self._per = np.array([[getattr(e, f"per_{side}")] for e in effects])
        self._gamma, self._which = np.unique(
            [e.gamma for e in effects], axis=0, return_inverse=True
        )
        self._scored = any(e.per_odds > 0 for e in effects)

    def contributions(self, y: Floats, X: Floats) -> Floats:
        """Return contributions at weight one, shape (effects, units)."""
        r: Floats = y[self._later]
        r -= y[self._earlier]
        r -= self._beta @ X
        if self._scored:
            p, odds = score_and_odds(self._gamma, X)
            slant = self._c @ X
        if self.treated:
            r -= self._mean
            r *= self._per
            if self._scored:
                slant *= (1 - p)[self._which]
                r -= slant
            return r
        phi: Floats = self._a @ X
        phi *= -r
        if self._scored:
            odds[p >= TRIM] = 0.0
            slant *= p[self._which]
            phi += slant
            r -= self._mean
            r *= self._per
            r *= odds[self._which]
            phi -= r
        return phi
