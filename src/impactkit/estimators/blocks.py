"""A checked frame arranged so that every group of units is one contiguous run.

Units are sorted by cohort (never treated last), cluster and label. A comparison group is one run
of units or two, so nothing is gathered. A complete panel becomes a table of periods by units; any
other frame keeps its rows, sorted by period and unit.
"""

from __future__ import annotations

import attrs
import numpy as np
import polars as pl
from numpy.typing import NDArray

from impactkit.estimators.checks import codes
from impactkit.estimators.two_by_two import Bools, Floats
from impactkit.inference.contributions import MOST_CLUSTERS

Ints = NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Units:
    """N units in order, and when each is seen.

    Attributes
    ----------
    periods, cohorts
        In order, whole numbers; `cohorts` without the never treated, whose index is
        ``len(cohorts)``.
    start
        First unit of each cohort, shape (cohorts + 2,); the last entry is N.
    weight
        Weight of each unit in aggregations, shape (N,).
    cluster
        Number of each unit's cluster, shape (N,), in the order of first units.
    labels
        Name of each cluster, in the order of its number; None without a column of clusters, or
        where they are too many to be told apart (`contributions.MOST_CLUSTERS` in one cohort).
    clusters
        How many clusters the units of each cohort are in, shape (cohorts + 1,).
    mass
        Total weight by period and cohort, shape (periods, cohorts + 1).
    occupied
        Whether there is any row in a period, shape (periods,).
    observed
        Whether a unit has a row of positive weight in a period, shape (periods, N); None when
        every unit has one in every occupied period.
    rounding
        Below this a standard error is rounding, and the outcome does not vary.
    paired
        Whether an effect rests on units seen in both of its periods only.
    """

    periods: tuple[int, ...]
    cohorts: tuple[int, ...]
    start: Ints
    weight: Floats
    cluster: Ints
    labels: pl.Series | None
    clusters: Ints
    mass: Floats
    occupied: Bools
    observed: Bools | None
    rounding: float
    paired: bool

    @property
    def n(self) -> int:
        """Return the number of units."""
        return len(self.weight)

    @property
    def n_clusters(self) -> int:
        """Return the number of clusters of all units."""
        return int(self.cluster.max()) + 1

    @property
    def cohort(self) -> Ints:
        """Return each unit's cohort index, shape (N,)."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    def cohort_of(self, some: Ints) -> Ints:
        """Return the cohort index of some units."""
        return np.searchsorted(self.start, some, side="right") - 1

    def run(self, first: int, stop: int) -> slice:
        """Return the units of cohorts `first` to `stop` (excluded), by index."""
        return slice(int(self.start[first]), int(self.start[stop]))


@attrs.frozen(kw_only=True, eq=False)
class Table:
    """A complete panel: every unit in every occupied period.

    Attributes
    ----------
    y
        Outcome less that of the unit's first period, shape (periods, N): changes are the same,
        and sums lose no digits to a high level.
    w
        Weights, shape (periods, N), or (1, N) when no unit's changes; None: all are one.
    X
        A constant, then the covariates, standardised, shape (periods, k, N), or (1, k, N) when
        none changes.
    names
        Of the columns of `X`.
    """

    units: Units
    y: Floats
    w: Floats | None
    X: Floats
    names: tuple[str, ...]

    def design(self, period: int, some: slice | Ints) -> Floats:
        """Return the covariates of some units in a period, shape (k, units)."""
        found: Floats = self.X[period % len(self.X)][:, some]
        return found

    def weights(self, period: int, some: slice | Ints) -> Floats | None:
        """Return the weights of some units in a period, None when all are one."""
        return None if self.w is None else self.w[period % len(self.w)][some]


@attrs.frozen(kw_only=True, eq=False)
class Rows:
    """Rows of a panel with gaps, or of repeated cross-sections, sorted by period and unit.

    The rows of cohorts a to b-1 in period p are ``offsets[p, a]:offsets[p, b]``. Outcome, weight
    and unit number have shape (rows,), `X` (rows, k), or None without covariates.
    """

    units: Units
    offsets: Ints
    y: Floats
    w: Floats
    unit: Ints
    X: Floats | None
    names: tuple[str, ...]

    def rows(self, period: int, first: int, stop: int) -> slice:
        """Return the rows of cohorts `first` to `stop` (excluded) in a period, all by index."""
        return slice(int(self.offsets[period, first]), int(self.offsets[period, stop]))


def arrange(
    rows: pl.DataFrame,
    names: tuple[str, ...],
    periods: tuple[int, ...],
    *,
    panel: bool,
    paired: bool = False,
) -> Table | Rows:
    """Sort checked rows (`checks.tidy`).

    Parameters
    ----------
    rows
        With `unit, time, cohort, outcome, weight`, optionally `cluster`, and ``x0, x1 ...``.
    names
        Names of the covariates.
    periods
        Every period to have a place, also one without rows.
    panel
        Whether units recur; repeated cross-sections have no table.
    paired
        Whether effects of a panel with gaps rest on units seen in both of their periods only.

    Examples
    --------
    Two units, the never treated one last; outcomes are changes since 2019.

    >>> rows = pl.DataFrame({
    ...     "unit": [1, 1, 0, 0], "time": [2019, 2020] * 2,
    ...     "cohort": [None, None, 2020, 2020], "outcome": [1.0, 2.0, 3.0, 5.0],
    ...     "weight": [1.0] * 4,
    ... })
    >>> found = arrange(rows, (), (2019, 2020), panel=True)
    >>> found.units.cohorts, found.units.start.tolist(), found.y.tolist()
    ((2020,), [0, 1, 2], [[0.0, 0.0], [2.0, 1.0]])
    """
    if not panel:
        # Rows are units here; all columns take part, so that the order of input has no say.
        content = [c for c in rows.columns if c != "unit"]
        rows = rows.sort(content).with_columns(unit=pl.int_range(pl.len()))
    unit, n = codes(rows["unit"])
    time = _places(rows["time"].to_numpy(), periods)
    some_row = np.empty(n, dtype=np.int64)
    some_row[unit] = np.arange(rows.height)
    cohort = rows["cohort"].gather(some_row)
    cohorts = tuple(int(g) for g in cohort.drop_nulls().unique().sort())
    index = np.where(
        cohort.is_null().to_numpy(),
        len(cohorts),
        np.searchsorted(np.array(cohorts), cohort.fill_null(0).to_numpy()),
    )
    label = codes(rows["cluster"].gather(some_row))[0] if "cluster" in rows.columns else None
    order = np.argsort(index.astype(np.int16), kind="stable")  # by counting
    if label is not None:
        order = np.lexsort((label, index))
    start = np.searchsorted(index[order], np.arange(len(cohorts) + 2))
    y, w = rows["outcome"].to_numpy(), rows["weight"].to_numpy()
    occupied = np.bincount(time, minlength=len(periods)) > 0
    cluster = np.arange(n) if label is None else _by_first(label[order])
    runs = np.split(cluster, start[1:-1])
    clusters = np.diff(start) if label is None else np.array([np.unique(r).size for r in runs])
    units = Units(
        periods=periods,
        cohorts=cohorts,
        start=start,
        weight=np.ones(n),
        cluster=cluster,
        labels=None
        if label is None or clusters.max() > MOST_CLUSTERS
        else rows["cluster"]
        .gather(some_row[order])
        .gather(np.unique(cluster, return_index=True)[1]),
        clusters=clusters,
        mass=occupied[:, None] * np.diff(start).astype(float),
        occupied=occupied,
        observed=None,
        rounding=1e-12 * float(np.abs(y).max()),
        paired=paired,
    )
    X = [rows[f"x{j}"].to_numpy() for j in range(len(names))]
    names = ("the constant", *names) if names else ()
    if panel and rows.height == n * int(occupied.sum()):
        return _table(units, unit * int(occupied.sum()) + time, order, y, w, X, names)
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    return _rows(units, place[unit], time, y, w, X, names)


def _table(
    units: Units,
    cell: Ints,
    order: Ints,
    y: Floats,
    w: Floats,
    X: list[Floats],
    names: tuple[str, ...],
) -> Table:
    """Lay rows out by period and unit; `cell` is each row's place by unit and period.

    What never changes has one period only.
    """
    rows_in_order = bool((np.diff(cell) == 1).all())
    units_in_order = bool((np.diff(order) == 1).all())

    def lay_out(values: Floats) -> Floats:
        placed = values
        if not rows_in_order:
            placed = np.empty_like(values)
            placed[cell] = values
        table = placed.reshape(len(order), -1)
        if (table == table[:, :1]).all():
            table = table[:, :1]
        table = np.ascontiguousarray(table.T)
        return table if units_in_order else np.take(table, order, axis=1)

    outcome = np.broadcast_to(lay_out(y), (int(units.occupied.sum()), len(order))).copy()
    outcome -= outcome[0].copy()
    weight = None
    if (w != 1.0).any():
        weight = lay_out(w)
        mass = np.zeros_like(units.mass)
        mass[units.occupied] = np.add.reduceat(weight, units.start[:-1], axis=1)
        units = attrs.evolve(
            units,
            weight=weight[0].copy(),
            mass=mass,
            observed=None if (weight > 0).all() else _in_periods(units, weight > 0),
        )
    covariates = [lay_out(x) for x in X]
    design = np.ones((max((len(x) for x in covariates), default=1), len(X) + 1, len(order)))
    for j, x in enumerate(covariates):
        design[:, j + 1] = _standardised(x)
    return Table(units=units, y=outcome, w=weight, X=design, names=names)


def _in_periods(units: Units, seen: Bools) -> Bools:
    observed = np.zeros((len(units.periods), units.n), dtype=bool)
    observed[units.occupied] = seen
    return observed


def _rows(
    units: Units,
    unit: Ints,
    time: Ints,
    y: Floats,
    w: Floats,
    X: list[Floats],
    names: tuple[str, ...],
) -> Rows:
    """Sort rows by period and unit, and say who is seen when."""
    order = np.argsort(time * units.n + unit, kind="stable")
    y, w, unit, time = y[order], w[order], unit[order], time[order]
    width = len(units.cohorts) + 1
    group = time * width + units.cohort[unit]
    size = len(units.periods) * width
    ends = np.bincount(group, minlength=size).cumsum().reshape(-1, width)
    observed = np.zeros((len(units.periods), units.n), dtype=bool)
    observed[time[w > 0], unit[w > 0]] = True
    return Rows(
        units=attrs.evolve(
            units,
            weight=np.bincount(unit, weights=w) / np.bincount(unit),
            mass=np.bincount(group, weights=w, minlength=size).reshape(-1, width).astype(float),
            observed=observed,
        ),
        offsets=np.column_stack([np.append(0, ends[:-1, -1]), ends]),
        y=y,
        w=w,
        unit=unit,
        X=np.column_stack([np.ones(len(y)), *(_standardised(x[order]) for x in X)]) if X else None,
        names=names,
    )


def _places(values: Ints, levels: tuple[int, ...]) -> Ints:
    """Return the place of each value among the levels."""
    if levels[-1] - levels[0] == len(levels) - 1:
        return values - levels[0]
    return np.searchsorted(np.array(levels), values)


def _by_first(label: Ints) -> Ints:
    """Give labels numbers in the order of their first appearance."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[inverse]


def _standardised(x: Floats) -> Floats:
    """Change location and scale, which changes no estimate and keeps equations solvable."""
    spread = float(x.std())
    centred: Floats = x - x.mean()
    return centred / (spread if spread > 0 else 1.0)
