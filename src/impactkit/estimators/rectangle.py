"""A panel as a rectangle of units by periods, which is what fixed-effects regressions work on.

A frame that is evidently sound (typed numbers, nothing missing, no row twice) is laid out as it
is. Any other goes through `checks.tidy` first, which names every fault and counts every row left
out. Units are put in order of cohort, cluster and label, so no result depends on the row order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import polars as pl
from numpy.typing import NDArray

from impactkit.errors import EstimationError
from impactkit.estimators.checks import HUGE, codes, drop, reasons_of, tidy
from impactkit.results import Exclusion

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NEVER = np.iinfo(np.int64).min


@attrs.frozen(kw_only=True, eq=False)
class Rectangle:
    """N units by T periods.

    Attributes
    ----------
    periods, cohorts
        In order. `cohorts` is without the never treated, whose index is ``len(cohorts)``.
    cohort
        Index of each unit's cohort, shape (N,), ascending.
    y
        Outcome, shape (N, T); zero where there is no row.
    weight
        Largest weight of each unit, shape (N,).
    share
        Each row's weight divided by its unit's largest, zero where there is no row, shape (N, T);
        None when there is every row and each has its unit's weight.
    cluster
        Number of each unit's cluster, shape (N,); None when each unit is its own.
    covariates, names
        Shape (N, T, k), and the columns' names; None without covariates.
    effects
        Codes of the extra fixed effects from zero, shape (N, T, f), ``-1`` where there is no row.
    n_rows
        Rows used.
    """

    periods: tuple[int, ...]
    cohorts: tuple[int, ...]
    cohort: Ints
    y: Floats
    weight: Floats
    share: Floats | None
    cluster: Ints | None
    covariates: Floats | None
    names: tuple[str, ...]
    effects: Ints | None
    n_rows: int
    exclusions: tuple[Exclusion, ...]

    @property
    def start(self) -> Ints:
        """Return each unit's first treated period, beyond every period where there is none."""
        return np.array([*self.cohorts, np.iinfo(np.int64).max])[self.cohort]

    @property
    def n_units(self) -> int:
        """Return N."""
        return len(self.cohort)

    @property
    def balanced(self) -> bool:
        """Say whether every unit has a row in every period."""
        return self.n_rows == self.y.size

    def units_in(self, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which units have a row in any of these cells, shape (cohorts + 1, T)."""
        if self.share is None:
            return np.asarray(cells.any(axis=1))[self.cohort]
        found = np.zeros(self.n_units, dtype=bool)
        for t in np.flatnonzero(cells.any(axis=0)):
            found |= cells[:, t][self.cohort] & (self.share[:, t] > 0)
        return found

    def take(self, units: Ints) -> Rectangle:
        """Return the rectangle of these units only, in this order."""

        def of(values: Any) -> Any:
            return None if values is None else values[units]

        share = of(self.share)
        return attrs.evolve(
            self,
            cohort=of(self.cohort),
            y=of(self.y),
            weight=of(self.weight),
            share=share,
            cluster=of(self.cluster),
            covariates=of(self.covariates),
            effects=of(self.effects),
            n_rows=len(units) * len(self.periods) if share is None else int((share > 0).sum()),
        )


def within_window(panel: Rectangle) -> Rectangle:
    """Count units that start after the last period as never treated, which here they are."""
    start, last = panel.start, panel.periods[-1]
    cohorts = [int(g) for g in np.unique(start) if g <= last]
    if len(cohorts) == len(panel.cohorts):
        return panel
    index = np.where(start <= last, np.searchsorted(cohorts, start), len(cohorts))
    renamed = attrs.evolve(panel, cohorts=tuple(cohorts), cohort=index)
    return renamed.take(np.argsort(index, kind="stable"))


def restrict(
    panel: Rectangle, units: NDArray[np.bool_], periods: NDArray[np.bool_], reason: str, text: str
) -> Rectangle:
    """Keep some units and periods, and of those the units still seen twice; count what is lost."""
    share = panel.share
    seen = np.full(panel.n_units, int(periods.sum()))
    if share is not None:
        share = share[:, periods]
        seen = (share > 0).sum(axis=1)
    kept = units & (seen >= 2)
    if kept.all() and periods.all():
        return panel
    if not kept.any():
        raise EstimationError(f"no unit is left: all {panel.n_units:,} are set aside ({text})")
    less = attrs.evolve(
        panel,
        periods=tuple(p for p, k in zip(panel.periods, periods, strict=True) if k),
        y=panel.y[:, periods],
        share=share,
        covariates=None if panel.covariates is None else panel.covariates[:, periods],
        effects=None if panel.effects is None else panel.effects[:, periods],
    ).take(np.flatnonzero(kept))
    lost = Exclusion(
        reason=reason,
        text=text,
        n_rows=panel.n_rows - less.n_rows,
        n_schools=panel.n_units - less.n_units,
        treated=int((~kept & (panel.cohort < len(panel.cohorts))).sum()),
        stage="estimator",
    )
    return attrs.evolve(less, exclusions=(*panel.exclusions, lost))


def rectangle(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    time: str,
    cohort: str,
    outcome: str,
    covariates: Sequence[str] = (),
    effects: Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
) -> Rectangle:
    """Check a frame and lay it out.

    Parameters
    ----------
    frame
        One row a unit and period; only the named columns are read.
    unit, time, cohort, outcome, covariates, weights, cluster
        As in `checks.tidy`.
    effects
        Columns of any type whose values mark the levels of further fixed effects.

    Raises
    ------
    DataError
        With every fault of the frame.
    EstimationError
        When no unit is seen twice.

    Examples
    --------
    >>> frame = pl.DataFrame({"urn": [2, 2, 1, 1], "year": [1, 2, 1, 2],
    ...                       "first": [None, None, 2, 2], "y": [1.0, 2.0, 3.0, 5.0]})
    >>> found = rectangle(frame, unit="urn", time="year", cohort="first", outcome="y")
    >>> found.y.tolist(), found.cohorts, found.cohort.tolist()
    ([[3.0, 5.0], [1.0, 2.0]], (2,), [0, 1])
    """
    roles = {"unit": unit, "time": time, "cohort": cohort, "outcome": outcome}
    roles |= {r: name for r, name in (("weight", weights), ("cluster", cluster)) if name}
    exclusions: tuple[Exclusion, ...] = ()
    rows = None if effects else _sound(frame, roles, covariates)
    found = None if rows is None else _lay_out(rows, tuple(covariates), 0, ())
    if found is None:
        coded = (
            frame.lazy().with_columns(pl.col(c).rank("dense").cast(pl.Int64) - 1 for c in effects)
            if effects
            else frame
        )
        checked = tidy(
            coded,
            unit=unit,
            time=time,
            cohort=cohort,
            outcome=outcome,
            covariates=[*covariates, *effects],
            weights=weights,
            cluster=cluster,
        )
        rows, exclusions = _useful(checked.rows, checked.exclusions)
        found = _lay_out(rows, checked.covariates, len(effects), exclusions)
    assert found is not None  # tidy has raised what could make it None
    return found


def _sound(
    frame: pl.DataFrame | pl.LazyFrame, roles: dict[str, str], covariates: Sequence[str]
) -> pl.DataFrame | None:
    """Return the frame under canonical names when it needs no account, else None."""
    lazy = frame.lazy()
    schema = lazy.collect_schema()
    wanted = [*roles.values(), *covariates]
    if any(name not in schema for name in wanted):
        return None
    whole = [roles["time"], roles["cohort"]]
    numbers = [roles["outcome"], *covariates, *([roles["weight"]] if "weight" in roles else [])]
    if not all(schema[name].is_integer() or schema[name] == pl.Null for name in whole):
        return None
    if not all(schema[name].is_numeric() for name in numbers):
        return None
    rows = lazy.select(
        *(
            (
                pl.col(name).cast(pl.Float64) if role in ("outcome", "weight") else pl.col(name)
            ).alias(role)
            for role, name in roles.items()
        ),
        *(pl.col(name).cast(pl.Float64).alias(f"x{i}") for i, name in enumerate(covariates)),
    ).collect()
    if rows.is_empty() or any(rows[c].null_count() for c in rows.columns if c != "cohort"):
        return None
    if not all(
        bool((np.abs(rows[c].to_numpy()) <= HUGE).all()) for c in rows.columns if c[0] in "oxw"
    ):
        return None
    if "weight" in rows.columns and not bool((rows["weight"].to_numpy() > 0).all()):
        return None
    return rows


def _useful(
    rows: pl.DataFrame, exclusions: tuple[Exclusion, ...]
) -> tuple[pl.DataFrame, tuple[Exclusion, ...]]:
    """Leave out, and count, rows that can tell nothing about change within a unit."""
    rows, lost = drop(rows, pl.col("weight") <= 0, "weight", "a weight of zero")
    exclusions += lost
    rows, lost = drop(
        rows,
        pl.len().over("unit") < 2,
        "seen_once",
        "seen in one period only, which tells nothing about change",
    )
    if rows.is_empty():
        given = sum(e.n_rows or 0 for e in (*exclusions, *lost))
        raise EstimationError(
            f"in {given:,} rows no unit has an outcome in two periods or more, so there is no "
            f"change to look at (rows left out: {reasons_of((*exclusions, *lost))}); check the "
            "unit and time columns, and add periods"
        )
    return rows, exclusions + lost


def _lay_out(
    rows: pl.DataFrame, names: tuple[str, ...], n_effects: int, exclusions: tuple[Exclusion, ...]
) -> Rectangle | None:
    """Place each row in its cell; None when two rows share one, or a unit changes cohort."""
    T = _in_order(rows)
    if T:
        n = rows.height // T
        unit = cell = None
        first = np.arange(n) * T
    else:
        unit, n = codes(rows["unit"])
        time, T = codes(rows["time"])
        cell = unit * T + time
        if np.bincount(cell).max() > 1 or np.bincount(unit).min() < 2:
            return None
        first = np.empty(n, dtype=np.int64)
        first[unit] = np.arange(rows.height)

    def constant(values: np.ndarray) -> bool:
        if unit is None:
            table = values.reshape(n, T)
            return bool((table == table[:, :1]).all())
        return bool((values == values[first][unit]).all())

    def place(values: np.ndarray, empty: float = 0.0) -> np.ndarray:
        if cell is None:
            return values.reshape(n, T)
        table = np.full(n * T, empty, dtype=values.dtype)
        table[cell] = values
        return table.reshape(n, T)

    cohort = _numbers(rows["cohort"])
    label = rows["cluster"] if "cluster" in rows.columns else None
    if label is not None and not label.dtype.is_integer():
        label = pl.Series(codes(label)[0])
    if not constant(cohort) or (label is not None and not constant(label.to_numpy())):
        return None
    cohort = cohort[first]
    cohorts = [int(g) for g in np.unique(cohort) if g != _NEVER]
    cohort = np.where(cohort == _NEVER, len(cohorts), np.searchsorted(cohorts, cohort))
    times = rows["time"][:T] if cell is None else rows["time"].unique().sort()
    if 0 in cohorts and times[0] > 0:
        return None
    cluster = None if label is None else codes(label.gather(first))[0]
    weight, share = _weights(rows, place, n, T)
    columns = [c for c in rows.columns if c.startswith("x")]
    k = len(columns) - n_effects
    x = [place(rows[c].to_numpy()) for c in columns[:k]]
    f = [place(rows[c].to_numpy().astype(np.int64), -1) for c in columns[k:]]
    placed = Rectangle(
        periods=tuple(int(t) for t in times),
        cohorts=tuple(cohorts),
        cohort=cohort,
        y=place(rows["outcome"].to_numpy()),
        weight=weight,
        share=share,
        cluster=cluster,
        covariates=np.stack(x, axis=2) if x else None,
        names=names[:k],
        effects=np.stack(f, axis=2) if f else None,
        n_rows=rows.height,
        exclusions=exclusions,
    )
    key = cohort if cluster is None else cohort * (int(cluster.max()) + 1) + cluster
    # Short integers are sorted by radix, several times as fast.
    short = key.astype(np.uint16) if key.max() < 2**16 else key
    return placed.take(np.argsort(short, kind="stable"))


def _in_order(rows: pl.DataFrame) -> int:
    """Return the number of periods when rows are whole units, in order; else 0."""
    unit, time = rows["unit"], rows["time"].to_numpy()
    if not unit.dtype.is_integer():
        return 0
    units = unit.to_numpy()
    later = units[: min(len(units), 10_000)] != units[0]
    T = int(later.argmax()) if later.any() else len(units)
    if T < 2 or len(units) % T:
        return 0
    table, times = units.reshape(-1, T), time.reshape(-1, T)
    whole = (table == table[:, :1]).all() and (times == times[0]).all()
    return T if whole and (np.diff(table[:, 0]) > 0).all() and (np.diff(times[0]) > 0).all() else 0


def _weights(
    rows: pl.DataFrame, place: Callable[[np.ndarray], np.ndarray], n: int, T: int
) -> tuple[Floats, Floats | None]:
    """Return each unit's largest weight, and each row's share of it (None: all one)."""
    if "weight" not in rows.columns and rows.height == n * T:
        return np.ones(n), None
    table = place(rows["weight"].to_numpy() if "weight" in rows.columns else np.ones(rows.height))
    weight = table.max(axis=1)
    share = table / weight[:, None]
    return weight, None if bool((share == 1).all()) else share


def _numbers(cohort: pl.Series) -> Ints:
    """Return the cohorts as whole numbers, `_NEVER` where there is none."""
    if cohort.null_count() == len(cohort):
        return np.full(len(cohort), _NEVER)
    return cohort.cast(pl.Int64).fill_null(_NEVER).to_numpy()
