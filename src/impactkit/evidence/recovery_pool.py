"""Schools not in a partnership: what they teach about how results like others' go on.

The steps of the forecast are those of `recovery`. Draws of schools are counts, and sums are taken
by cluster first, so that a draw costs one product of matrices.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.uint16]
LAGS = 3
"""Years of results before joining that a forecast rests on."""

_PIECE = 2048  # rows whose products fit the processor's cache
_DRAWS = 256  # draws that are floating-point numbers at a time


def mean_seen(values: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Return means over the last axis of what is `seen`."""
    total: Floats = np.where(seen, values, 0.0).sum(axis=-1) / seen.sum(axis=-1)
    return total


class Pool:
    """Schools not in a partnership, by joining year of others: what they teach about recovery."""

    def __init__(self, rows: pl.DataFrame, after: tuple[int, int]) -> None:
        self.rows, self.after = rows, after
        self.outcomes = [f"y{e}" for e in range(after[0], after[1] + 1)]
        self.n = rows["school_key"].n_unique()
        self.groups = rows["g"].unique().sort().to_numpy()
        self.phases = rows["phase"].unique().sort().to_list()
        self.labels, self.cluster = np.unique(rows["cluster"].to_numpy(), return_inverse=True)
        self.n_clusters = len(self.labels)
        lags = rows.select(pl.mean_horizontal(f"y{e}" for e in range(-LAGS, 0))).to_series()
        about = rows.select("phase", lag=lags).sort("phase", maintain_order=True)
        means = about.group_by("phase", maintain_order=True).agg(pl.col("lag").mean())
        self.centre: dict[str, float] = dict(means.iter_rows())
        # Forecasts go from year to year: a year without results of others ends the chain.
        there = np.array(
            [
                [rows.filter(pl.col("g") == g)[f"y{e}"].is_not_null().any() for g in self.groups]
                for e in range(after[1] + 1)
            ]
        ).reshape(after[1] + 1, len(self.groups))
        self.chain = np.logical_and.accumulate(there, axis=0)

    @property
    def enough(self) -> bool:
        """Tell whether each step has more schools than coefficients, twice over."""
        if not len(self.groups) or not self.chain.any():
            return False
        steps = [j for j in range(self.after[1] + 1) if self.chain[j].any()]
        return all(self._known(j).sum() > 2 * self._features(self.rows, j).shape[1] for j in steps)

    def drawn(self, rng: np.random.Generator, draws: int) -> Counts:
        """Return how often each cluster counts: once as it is, then drawn with replacement."""
        n = self.n_clusters
        weights = np.ones((draws + 1, n), dtype=np.uint16)
        for row in weights[1:]:
            # As `rng.multinomial` draws, in a tenth of the time where clusters are thousands.
            row[:] = np.bincount(rng.integers(n, size=n), minlength=n)
        return weights

    def beyond(self, mine: pl.DataFrame) -> int:
        """Count joining schools whose last result before is outside those of the pool."""
        ends = self.rows.group_by("phase").agg(low=pl.col("y-1").min(), high=pl.col("y-1").max())
        found = mine.join(ends, on="phase", how="left")
        return found.filter(~pl.col("y-1").is_between("low", "high").fill_null(False)).height

    def answered(self, mine: pl.DataFrame) -> NDArray[np.bool_]:
        """Tell, by school and outcome year, whether there are a result and a forecast."""
        if mine.is_empty() or not len(self.groups):
            return np.zeros((mine.height, len(self.outcomes)), dtype=bool)
        known = (
            mine["phase"].is_in(self.phases).to_numpy()
            & mine["g"].is_in(self.groups.tolist()).to_numpy()
        )
        place = np.searchsorted(self.groups, mine["g"].to_numpy()).clip(0, len(self.groups) - 1)
        forecast = self.chain[self.after[0] :, place].T & known[:, None]
        there = np.stack([mine[y].is_not_null().to_numpy() for y in self.outcomes], axis=1)
        answered: NDArray[np.bool_] = there & forecast
        return answered

    def trend(self, mine: pl.DataFrame, seen: NDArray[np.bool_], weights: Counts) -> Floats:
        """Return the mean change elsewhere in the same years, by draw and joining school."""
        place = np.searchsorted(self.groups, self.rows["g"].to_numpy())
        w, start = self.rows["weight"].to_numpy(), self.rows["y-1"].to_numpy()
        shape = (self.n_clusters, len(self.groups))
        found = []
        for y in self.outcomes:
            value = self.rows[y].to_numpy()
            there = ~np.isnan(value)
            at, size = (self.cluster * shape[1] + place)[there], shape[0] * shape[1]
            sums, counts = (
                np.bincount(at, added[there], size).reshape(shape).astype(float)
                for added in (w * (value - start), w)
            )
            over = _added(weights, counts)
            whole = sums.sum(axis=0) / np.where(counts.sum(axis=0) > 0, counts.sum(axis=0), 1.0)
            # A draw without any school of a cell keeps what the whole pool says of it.
            mean = _added(weights, sums) / np.where(over > 0, over, 1.0)
            found.append(np.where(over > 0, mean, whole))
        mean_of = np.searchsorted(self.groups, mine["g"].to_numpy())
        return mean_seen(np.stack([cell[:, mean_of] for cell in found], axis=-1), seen)

    def forecast(self, mine: pl.DataFrame, seen: NDArray[np.bool_], weights: Counts) -> Floats:
        """Return the mean forecast over the years seen, by draw and joining school."""
        shift = np.array([self.centre[phase] for phase in mine["phase"].to_list()])
        v = mine["v"].to_numpy()
        fixed = self._features(mine, 0)
        ahead: list[Floats] = []
        for j in range(self.after[1] + 1):
            if not self.chain[j].any():
                break
            beta = self._learn(j, weights)
            own, later = np.split(beta, [fixed.shape[1]], axis=1)
            step = own @ fixed.T
            for k, before in enumerate(ahead):
                step = step + before * (later[:, 2 * k, None] + later[:, 2 * k + 1, None] * v)
            ahead.append(step)
        last = len(ahead) - 1
        wanted = [ahead[min(e, last)] + shift for e in range(self.after[0], self.after[1] + 1)]
        return mean_seen(np.stack(wanted, axis=-1), seen)

    def _known(self, j: int) -> NDArray[np.bool_]:
        columns = [f"y{e}" for e in range(j + 1)]
        return (
            self.rows.select(pl.all_horizontal(pl.col(columns).is_not_null()))
            .to_series()
            .to_numpy()
        )

    def _features(self, rows: pl.DataFrame, j: int) -> Floats:
        """Return the regressors of step j: joining year, phase, size, results so far by size."""
        shift = np.array([self.centre[phase] for phase in rows["phase"].to_list()])
        v = rows["v"].to_numpy()
        columns = [(rows["g"].to_numpy() == g).astype(float) for g in self.groups]
        columns += [(rows["phase"] == p).to_numpy().astype(float) for p in self.phases[1:]]
        columns.append(v)
        for e in range(-LAGS, j):
            centred = rows[f"y{e}"].to_numpy() - shift
            columns += [centred, centred * v]
        return np.stack(columns, axis=1)

    def _learn(self, j: int, weights: Counts) -> Floats:
        """Return the coefficients of step j, by draw."""
        known = self._known(j)
        rows = self.rows.filter(pl.Series(known))
        X = self._features(rows, j)
        shift = np.array([self.centre[phase] for phase in rows["phase"].to_list()])
        y = rows[f"y{j}"].to_numpy() - shift
        scale = np.sqrt((X**2).mean(axis=0))
        X = X / np.where(scale > 0, scale, 1.0)
        p, w = X.shape[1], rows["weight"].to_numpy()[:, None]
        Xy = np.column_stack([X, y])
        cluster = self.cluster[known]
        order = np.argsort(cluster, kind="stable")
        gram = np.zeros((self.n_clusters, p * (p + 1)))
        for some in np.split(order, range(_PIECE, len(order), _PIECE)):
            products = (w[some] * X[some])[:, :, None] * Xy[some][:, None, :]
            first = np.flatnonzero(np.diff(cluster[some], prepend=-1))
            gram[cluster[some][first]] += np.add.reduceat(products.reshape(len(some), -1), first)
        drawn = _added(weights, gram).reshape(-1, p, p + 1)
        inverse = np.linalg.pinv(drawn[:, :, :p], rcond=1e-10, hermitian=True)
        beta: Floats = np.einsum("dij,dj->di", inverse, drawn[:, :, p])
        return beta / np.where(scale > 0, scale, 1.0)


def _added(weights: Counts, sums: Floats) -> Floats:
    """Return the sums by cluster added up by how often each counts, a row a draw."""
    some = range(0, len(weights), _DRAWS)
    return np.concatenate([weights[d : d + _DRAWS].astype(float) @ sums for d in some])
