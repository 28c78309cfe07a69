"""Profiles and effects: what fixed-effects regressions sweep out before they see a coefficient.

Unit effects are swept out by demeaning within units. The levels of all other effects, periods and
whatever else is absorbed, are solved for exactly: with everything demeaned within units they are
the solution of one small system (Frisch, Waugh & Lovell; the unit effects' Schur complement).
Nothing iterates, so unbalanced panels are as exact as balanced ones.

Units whose regressors are the same (same cohort, observed in the same periods) share a *profile*:
the regressors are worked on once a profile, and the outcome enters by its sums. Where every unit
has regressors of its own they are built and used in chunks.

Sources: Abowd, Creecy & Kramarz (2002), LEHD technical paper TP-2002-06 (the normal equations);
Wong et al. (2021), "You only compress once", arXiv:2102.11297 (the profiles).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.rectangle import Floats, Ints, Rectangle

Columns = Callable[[Ints], Floats]
"""Given unit numbers, shape (n,), the regressors of each period, shape (n, T, K)."""

CHUNK = 4_000_000
"""Numbers to hold at a time."""

_BLOCK = 8_192
_RANK = 1e-13
_LEVEL_RANK = 1e-11
_FEW_LEVELS, _MANY_LEVELS = 200, 5_000


@attrs.frozen(kw_only=True, eq=False)
class Levels:
    """Fixed effects besides the units': codes of every period, shape (n, T, F), given unit numbers.

    Codes of different effects do not overlap; a row that is not there may have any.
    """

    codes: Callable[[Ints], Ints]
    n: int


@attrs.frozen(kw_only=True, eq=False)
class Part:
    """Profiles `first` to `stop`: shares, level codes, and those regressors that are not all zero.

    `active` says which regressors `X`, shape (n, T, len(active)), holds.
    """

    first: int
    stop: int
    share: Floats
    X: Floats
    active: Ints
    codes: Ints


@attrs.frozen(kw_only=True, eq=False)
class Effects:
    """The levels solved for: those kept, and the coefficients of X, shape (L, K), and y on them."""

    kept: list[int]
    X: Floats
    y: Floats
    size: Floats

    def taken_out(self, part: Part) -> Floats:
        """Return all regressors with all effects taken out, shape (n, T, K)."""
        left = -_at_levels(self.X, part.codes)
        left[:, :, part.active] += part.X
        return within(left, part.share)

    def fitted(self, part: Part, beta: Floats) -> Floats:
        """Return what levels and regressors say of the outcome, demeaned within units."""
        at = _at_levels((self.y - self.X @ beta)[:, None], part.codes)[:, :, 0]
        return within((at + part.X @ beta[part.active])[:, :, None], part.share)[:, :, 0]

    def scores(self, part: Part, e: Floats) -> Floats:
        """Return the sums over periods of each unit's regressors times `e`, shape (n, K).

        `e`, shape (n, T), is weighted and sums to zero within units.
        """
        codes = part.codes
        if codes.shape[2] == 1 and bool((codes == codes[:1]).all()):
            found = -(e @ self.X[codes[0, :, 0]])
        else:
            from scipy.sparse import coo_array

            n, T, F = codes.shape
            shape = (n, len(self.X))
            where = (np.repeat(np.arange(n), T * F), codes.ravel())
            found = -(coo_array((np.repeat(e.ravel(), F), where), shape=shape).tocsr() @ self.X)
        found[:, part.active] += np.matmul(e[:, None, :], part.X)[:, 0]
        return np.asarray(found)


@attrs.frozen(kw_only=True, eq=False)
class Work:
    """What every pass over the data needs."""

    panel: Rectangle
    columns: Columns
    levels: Levels
    width: int
    order: Ints
    starts: Ints

    @property
    def own(self) -> bool:
        """Say whether every unit is a profile of its own."""
        return len(self.starts) == self.panel.n_units + 1

    def parts(self) -> Iterator[Part]:
        """Build the regressors chunk by chunk; a chunk of units of their own has one cohort."""
        T, n = len(self.panel.periods), len(self.starts) - 1
        step = max(1, CHUNK // (T * max(1, self.width)))
        edges = set(range(0, n, step)) | {n}
        if self.own:
            edges |= set(np.flatnonzero(np.diff(self.panel.cohort)) + 1)
        for first, stop in itertools.pairwise(sorted(edges)):
            units = self.order[self.starts[first:stop]]
            X = self.columns(units)
            active = np.arange(self.width)
            if self.own:
                active = np.flatnonzero(X.any(axis=(0, 1)))
                X = X[:, :, active]
            yield Part(
                first=int(first),
                stop=int(stop),
                share=(
                    np.ones((len(units), T))
                    if self.panel.share is None
                    else self.panel.share[units]
                ),
                X=X,
                active=active,
                codes=self.levels.codes(units),
            )


def within(values: Floats, share: Floats) -> Floats:
    """Subtract each unit's weighted mean; values (n, T, K), weights (n, T)."""
    mean = np.matmul(share[:, None, :], values) / share.sum(axis=1)[:, None, None]
    result: Floats = values - mean
    return result


def _at_levels(gamma: Floats, codes: Ints) -> Floats:
    """Add up the coefficients of each row's levels; gamma (L, K), codes (n, T, F)."""
    total = gamma[codes[:, :, 0]]
    for f in range(1, codes.shape[2]):
        total = total + gamma[codes[:, :, f]]
    return total


def period_levels(panel: Rectangle) -> Levels:
    """Return the period effects, and the panel's extra effects if it has any.

    Raises
    ------
    EstimationError
        When there are more levels than an exact solution can hold.
    """
    T = len(panel.periods)
    time = np.arange(T)
    if panel.effects is None:
        return Levels(codes=lambda units: np.tile(time, (len(units), 1))[:, :, None], n=T)
    effects = panel.effects
    sizes = effects.reshape(-1, effects.shape[2]).max(axis=0) + 1
    offsets = T + np.concatenate([[0], sizes.cumsum()[:-1]])

    def codes(units: Ints) -> Ints:
        found = np.maximum(effects[units], 0) + offsets
        return np.concatenate([np.tile(time, (len(units), 1))[:, :, None], found], axis=2)

    n = T + int(sizes.sum())
    if n > _MANY_LEVELS:
        raise EstimationError(
            f"the extra fixed effects have {n - T:,} levels; at most {_MANY_LEVELS - T:,} can be "
            "solved exactly: use coarser ones"
        )
    return Levels(codes=codes, n=n)


def profiles(panel: Rectangle, key: Ints | None) -> tuple[Ints, Ints]:
    """Group units that share a key and a pattern of weights; return order and where each begins."""
    own = np.arange(panel.n_units + 1)
    if key is None:
        return own[:-1], own
    profile = key
    if panel.share is not None:
        present = panel.share > 0
        if len(panel.periods) > 50 or bool((panel.share != present).any()):
            return own[:-1], own  # weights that change are seldom the same for two units
        _, pattern = np.unique(present @ 2.0 ** np.arange(present.shape[1]), return_inverse=True)
        profile = key * (int(pattern.max()) + 1) + pattern
    order = own[:-1] if bool((np.diff(profile) >= 0).all()) else np.argsort(profile, kind="stable")
    starts = np.flatnonzero(np.diff(profile[order], prepend=profile[order[0]] - 1))
    if 4 * len(starts) > panel.n_units:
        return own[:-1], own
    return order, np.append(starts, panel.n_units)


def by_profile(work: Work) -> tuple[Floats, Floats]:
    """Sum weights, and weighted outcomes demeaned within units, by profile: (P, T) and (P,)."""
    panel, starts = work.panel, work.starts[:-1]
    w = panel.weight[work.order]
    y = panel.y if _in_order(work.order) else panel.y[work.order]
    if not bool((w == 1).all()):
        y = y * w[:, None]
    sums = y if work.own else np.add.reduceat(y, starts, axis=0)
    if panel.share is None:
        return sums - sums.mean(axis=1, keepdims=True), np.add.reduceat(w, starts)
    # A profile's units have the same shares, so that summing and demeaning can change places.
    share = panel.share[work.order[starts]]
    mean = (sums * share).sum(axis=1) / share.sum(axis=1)
    return (sums - mean[:, None]) * share, np.add.reduceat(w, starts)


def residuals(panel: Rectangle, units: Ints | slice, fitted: Floats) -> Floats:
    """Return the outcome less what was fitted, demeaned within units, zero where no row is."""
    e = panel.y[units] - fitted
    if panel.share is None:
        e -= (e @ np.full(e.shape[1], 1 / e.shape[1]))[:, None]
        return e
    share = panel.share[units]
    e -= (np.einsum("it,it->i", e, share) / share.sum(axis=1))[:, None]
    e[share == 0] = 0.0
    return e


def absorb(work: Work, sums: Floats, weight: Floats) -> tuple[Effects, Floats, Floats]:
    """Solve for the levels; return them, and X'WX and X'Wy with all effects taken out."""
    L, k = work.levels.n, work.width
    gram, FX, Fy, size = np.zeros((L, L)), np.zeros((L, k)), np.zeros(L), np.zeros(k)
    A, b = np.zeros((k, k)), np.zeros(k)
    for part in work.parts():
        w = weight[part.first : part.stop, None] * part.share
        gram += _level_gram(part, w, L)
        size[part.active] += np.einsum("itk,itk,it->k", part.X, part.X, w)
        X = within(part.X, part.share)
        flat, y = X.reshape(w.size, len(part.active)), sums[part.first : part.stop]
        weighted = flat * w.reshape(-1, 1)
        A[np.ix_(part.active, part.active)] += flat.T @ weighted
        b[part.active] += flat.T @ y.ravel()
        for f in range(part.codes.shape[2]):
            codes = part.codes[:, :, f]
            Fy += np.bincount(codes.ravel(), y.ravel(), minlength=L)
            if bool((codes == codes[:1]).all()):
                at = np.ix_(codes[0], part.active)
                FX[at] += weighted.reshape(X.shape).sum(axis=0)
            else:
                for j, column in zip(part.active, weighted.T, strict=True):
                    FX[:, j] += np.bincount(codes.ravel(), column, minlength=L)
    kept = _independent_levels(gram)
    solved = np.zeros((L, k + 1))
    solved[kept] = np.linalg.solve(gram[np.ix_(kept, kept)], np.column_stack([FX, Fy])[kept])
    effects = Effects(kept=kept, X=solved[:, :k], y=solved[:, k], size=size)
    A -= FX.T @ effects.X
    return effects, (A + A.T) / 2, b - effects.X.T @ Fy


def _level_gram(part: Part, w: Floats, L: int) -> Floats:
    """Return the levels' cross-products, demeaned within units, shape (L, L)."""
    n, T, F = part.codes.shape
    cell = np.repeat(np.arange(n), T * F)
    flat, values, total = part.codes.ravel(), np.repeat(w.ravel(), F), w.sum(axis=1)
    if L > _FEW_LEVELS:
        from scipy.sparse import coo_array

        row = np.repeat(np.arange(n * T), F)
        rows = coo_array((np.sqrt(values), (row, flat)), shape=(n * T, L)).tocsr()
        units = coo_array((values / np.sqrt(total)[cell], (cell, flat)), shape=(n, L)).tocsr()
        return np.asarray((rows.T @ rows - units.T @ units).toarray())
    gram = np.zeros((L, L))
    for f, h in itertools.product(range(F), range(F)):
        pair = part.codes[:, :, f].ravel() * L + part.codes[:, :, h].ravel()
        gram += np.bincount(pair, w.ravel(), minlength=L * L).reshape(L, L)
    counts = np.bincount(cell * L + flat, values, minlength=n * L).reshape(n, L)
    gram -= counts.T @ (counts / total[:, None])
    return gram


def independent(gram: Floats, size: Floats, tolerance: float = _RANK) -> list[int]:
    """Return the columns that the ones before them do not determine (Cholesky, in order)."""
    scale = np.sqrt(np.where(size > 0, size, 1.0))
    left = gram / np.outer(scale, scale)
    kept = []
    for j in range(len(gram)):
        if left[j, j] > tolerance:
            kept.append(j)
            row = left[j, j:] / np.sqrt(left[j, j])
            left[j:, j:] -= np.outer(row, row)
    return kept


def _independent_levels(gram: Floats) -> list[int]:
    """Return levels that the others do not determine; which of several makes no difference."""
    size = np.diag(gram)
    if len(gram) <= _FEW_LEVELS:
        return independent(gram, size, _LEVEL_RANK)
    from scipy.linalg.lapack import dpstrf

    scale = np.sqrt(np.where(size > 0, size, 1.0))
    _, pivots, rank, _ = dpstrf(gram / np.outer(scale, scale), tol=_LEVEL_RANK)
    return sorted(int(p) - 1 for p in pivots[:rank])


def _in_order(order: Ints) -> bool:
    return bool((np.diff(order) == 1).all())


def units_of(work: Work, p: int) -> Iterator[Ints | slice]:
    """Return the units of a profile, so many at a time that they fit a processor's cache."""
    first, stop = int(work.starts[p]), int(work.starts[p + 1])
    for a in range(first, stop, _BLOCK):
        units = work.order[a : min(a + _BLOCK, stop)]
        yield slice(int(units[0]), int(units[-1]) + 1) if _in_order(units) else units
