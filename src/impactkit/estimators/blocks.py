"""A panel arranged so that every group of units in a period is one contiguous run of rows.

Rows are sorted by period, then cohort (never treated last), then unit. The units first treated in
cohorts a to b-1, in period p, are the rows `offsets[p, a]:offsets[p, b]`; a comparison group is
one such run or two, and nothing is gathered. In a balanced panel each period holds the same units
in the same order, so changes are differences of runs.
"""

from __future__ import annotations

import attrs
import numpy as np
import polars as pl
from numpy.typing import NDArray

from impactkit.estimators.two_by_two import Floats

Ints = NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Blocks:
    """Sorted rows, and where each period and cohort begins.

    Attributes
    ----------
    periods, cohorts
        In order, whole numbers; `cohorts` without the never treated, whose index is
        ``len(cohorts)``.
    offsets
        First row of each period and cohort, shape (periods, cohorts + 2).
    y, w, unit
        Outcome, weight and unit number of each row.
    X
        Covariates of each row, a constant first, standardised; None without covariates.
    names
        Of the columns of `X`.
    fixed
        Whether covariates and weights are the same in every period.
    unit_cohort, unit_weight, cluster
        Cohort index, weight for aggregation and cluster number of each unit.
    """

    periods: tuple[int, ...]
    cohorts: tuple[int, ...]
    offsets: Ints
    y: Floats
    w: Floats
    unit: Ints
    X: Floats | None
    names: tuple[str, ...]
    fixed: bool
    balanced: bool
    unit_cohort: Ints
    unit_weight: Floats
    cluster: Ints

    @property
    def n_clusters(self) -> int:
        """Return the number of clusters of all units."""
        return int(self.cluster.max()) + 1

    def occupied(self, period: int) -> bool:
        """Say whether any unit has an outcome in a period, by index."""
        return bool(self.offsets[period, -1] > self.offsets[period, 0])

    def rows(self, period: int, first: int, stop: int) -> slice:
        """Return the rows of cohorts `first` to `stop` (excluded) in a period, all by index."""
        return slice(int(self.offsets[period, first]), int(self.offsets[period, stop]))


def arrange(
    rows: pl.DataFrame, names: tuple[str, ...], periods: tuple[int, ...], *, panel: bool
) -> Blocks:
    """Sort checked rows (`checks.tidy`) into blocks.

    Parameters
    ----------
    rows
        With `unit, time, cohort, outcome, weight`, optionally `cluster`, and ``x0, x1 ...``.
    names
        Names of the covariates.
    periods
        Every period to have a place, also one without rows.
    panel
        Whether units recur; repeated cross-sections are never balanced.

    Examples
    --------
    Two units, the never treated one last; its rows of 2020 are found by index.

    >>> rows = pl.DataFrame({
    ...     "unit": ["b", "b", "a", "a"], "time": [2019.0, 2020.0] * 2,
    ...     "cohort": [2020.0, 2020.0, None, None], "outcome": [1.0, 2.0, 3.0, 4.0],
    ...     "weight": [1.0] * 4,
    ... })
    >>> blocks = arrange(rows, (), (2019, 2020), panel=True)
    >>> blocks.cohorts, blocks.balanced, blocks.y[blocks.rows(1, 1, 2)].tolist()
    ((2020,), True, [4.0])
    """
    if not panel:
        # Rows are units here; all columns take part, so that the order of input has no say.
        content = [c for c in rows.columns if c != "unit"]
        rows = rows.sort(content).with_columns(unit=pl.int_range(pl.len()))
    cluster = [pl.col("cluster").first()] if "cluster" in rows.columns else []
    units = (
        rows.group_by("unit")
        .agg(pl.col("cohort").first(), *cluster)
        .sort("cohort", "unit", nulls_last=True)
        .with_row_index("code")
    )
    cohorts = tuple(int(g) for g in units["cohort"].drop_nulls().unique().sort())
    coded = rows.join(units.select("unit", "code"), on="unit", how="left", maintain_order="left")
    cohort_index = _index(units["cohort"], cohorts)
    code = coded["code"].to_numpy().astype(np.int64)
    time_index = np.searchsorted(np.array(periods, dtype=float), coded["time"].to_numpy())
    order = np.argsort(time_index * units.height + code, kind="stable")
    code, time_index = code[order], time_index[order]
    width = len(cohorts) + 1
    counts = np.bincount(
        time_index * width + cohort_index[code], minlength=len(periods) * width
    ).reshape(len(periods), width)
    offsets = np.zeros((len(periods), width + 1), dtype=np.int64)
    offsets[:, 1:] = counts.cumsum(axis=1)
    offsets += np.concatenate([[0], counts.sum(axis=1).cumsum()[:-1]])[:, None]

    occupied = int((counts.sum(axis=1) > 0).sum())
    balanced = panel and len(code) == units.height * occupied
    w = coded["weight"].to_numpy()[order]
    X = _design(coded, order, len(names))
    return Blocks(
        periods=periods,
        cohorts=cohorts,
        offsets=offsets,
        y=coded["outcome"].to_numpy()[order],
        w=w,
        unit=code,
        X=X,
        names=("the constant", *names) if names else (),
        fixed=balanced and _repeats(w, units.height) and (X is None or _repeats(X, units.height)),
        balanced=balanced,
        unit_cohort=cohort_index,
        unit_weight=w[: units.height]
        if balanced
        else np.bincount(code, weights=w) / np.bincount(code),
        cluster=_labels(units["cluster"]) if cluster else np.arange(units.height, dtype=np.int64),
    )


def _index(cohort: pl.Series, cohorts: tuple[int, ...]) -> Ints:
    never = cohort.is_null().to_numpy()
    found = np.searchsorted(np.array(cohorts, dtype=float), cohort.fill_null(0).to_numpy())
    return np.where(never, len(cohorts), found).astype(np.int64)


def _labels(labels: pl.Series) -> Ints:
    return (labels.rank("dense").cast(pl.Int64) - 1).to_numpy()


def _repeats(values: Floats, n: int) -> bool:
    blocks = values.reshape(-1, n, *values.shape[1:])
    return bool((blocks == blocks[0]).all())


def _design(rows: pl.DataFrame, order: Ints, k: int) -> Floats | None:
    """Return the covariates standardised, which changes no estimate and keeps cells solvable."""
    if not k:
        return None
    X = np.ones((rows.height, k + 1))
    for j in range(k):
        x = rows[f"x{j}"].to_numpy()[order]
        spread = x.std()
        X[:, j + 1] = (x - x.mean()) / (spread if spread > 0 else 1.0)
    return X
