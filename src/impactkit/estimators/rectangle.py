"""A panel as a rectangle of units by periods, which is what fixed-effects regressions work on.

A frame that is evidently sound (typed numbers, nothing missing, no row twice) is laid out as it
is. Any other goes through `checks.tidy` first, which names every fault and counts every row left
out. Units are put in order of cohort, cluster and label, so no result depends on the row order.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import polars as pl
from numpy.typing import NDArray

from impactkit.errors import EstimationError
from impactkit.estimators.checks import drop, tidy
from impactkit.results import Exclusion

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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
    def n_units(self) -> int:
        """Return N."""
        return len(self.cohort)

    @property
    def balanced(self) -> bool:
        """Say whether every unit has a row in every period."""
        return self.n_rows == self.y.size

    def take(self, units: Ints) -> Rectangle:
        """Return the rectangle of these units only, in this order."""
        some = {
            name: None if (values := getattr(self, name)) is None else values[units]
            for name in ("cohort", "y", "weight", "share", "cluster", "covariates", "effects")
        }
        present = some["y"].size if some["share"] is None else int((some["share"] > 0).sum())
        return attrs.evolve(self, **some, n_rows=present)


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
    >>> frame = pl.DataFrame({"urn": [2, 2, 1, 1], "year": [1, 2, 1, 2], "first": [None, None, 2, 2],
    ...                       "score": [1.0, 2.0, 3.0, 5.0]})
    >>> found = rectangle(frame, unit="urn", time="year", cohort="first", outcome="score")
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
    if any(rows[c].null_count() for c in rows.columns if c != "cohort"):
        return None
    if not all(bool(np.isfinite(rows[c].to_numpy()).all()) for c in rows.columns if c[0] in "oxw"):
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
        raise EstimationError(
            "no unit has an outcome in two periods or more, so there is no change to look at; "
            "check the unit and time columns"
        )
    return rows, exclusions + lost


def _lay_out(
    rows: pl.DataFrame, names: tuple[str, ...], n_effects: int, exclusions: tuple[Exclusion, ...]
) -> Rectangle | None:
    """Place each row in its cell; None when two rows share one, or a unit changes cohort."""
    unit, n = _codes(rows["unit"])
    time, T = _codes(rows["time"])
    cell = unit * T + time
    cohorts = rows["cohort"].drop_nulls().unique().sort()
    first = np.full(n, -1, dtype=np.int64)
    first[unit] = np.arange(rows.height)
    if rows.height > n * T or bool((first < 0).any()):
        return None
    in_place = rows.height == n * T and bool((cell == np.arange(rows.height)).all())
    if not in_place and int(np.bincount(cell, minlength=n * T).max()) > 1:
        return None
    cohort_of_row = _cohort_index(rows["cohort"], cohorts)
    cohort = cohort_of_row[first].astype(np.int64)
    cluster = _codes(rows["cluster"])[0] if "cluster" in rows.columns else None
    for label in (cohort_of_row, cluster):
        if label is not None and bool((label != label[first][unit]).any()):
            return None

    def place(values: np.ndarray, empty: float = 0.0) -> np.ndarray:
        if in_place:
            return values.reshape(n, T)
        table = np.full(n * T, empty, dtype=values.dtype)
        table[cell] = values
        return table.reshape(n, T)

    weights = rows["weight"].to_numpy() if "weight" in rows.columns else np.ones(rows.height)
    table = place(weights)
    weight = table.max(axis=1)
    share = table / weight[:, None]
    columns = [c for c in rows.columns if c.startswith("x")]
    k = len(columns) - n_effects
    x = [place(rows[c].to_numpy()) for c in columns[:k]]
    f = [place(rows[c].to_numpy().astype(np.int64), -1) for c in columns[k:]]
    placed = Rectangle(
        periods=tuple(int(t) for t in rows["time"].unique().sort()),
        cohorts=tuple(int(g) for g in cohorts),
        cohort=cohort,
        y=place(rows["outcome"].to_numpy()),
        weight=weight,
        share=None if bool((share == 1).all()) else share,
        cluster=None if cluster is None else cluster[first],
        covariates=np.stack(x, axis=2) if x else None,
        names=names[:k],
        effects=np.stack(f, axis=2) if f else None,
        n_rows=rows.height,
        exclusions=exclusions,
    )
    order = np.lexsort((cohort,) if cluster is None else (cluster[first], cohort))
    return placed.take(order)


def _codes(labels: pl.Series) -> tuple[Ints, int]:
    """Number the labels from zero in sorting order; return how many there are as well."""
    if labels.dtype.is_integer():
        values = labels.to_numpy()
        low, high = int(values.min()), int(values.max())
        if high - low < 4 * len(values):  # compact, as URNs are: no sorting is needed
            there = np.zeros(high - low + 1, dtype=bool)
            offset = values - low
            there[offset] = True
            number = np.cumsum(there) - 1
            return (offset if there.all() else number[offset]).astype(np.int64), int(number[-1]) + 1
    ranks = labels.rank("dense").to_numpy().astype(np.int64) - 1
    return ranks, int(ranks.max()) + 1


def _cohort_index(cohort: pl.Series, cohorts: pl.Series) -> np.ndarray:
    never = cohort.is_null().to_numpy()
    if not len(cohorts):
        return np.zeros(len(cohort), dtype=np.int16)
    low = int(cohorts[0])
    table = np.zeros(int(cohorts[-1]) - low + 1, dtype=np.int16)
    table[[int(g) - low for g in cohorts]] = np.arange(len(cohorts))
    offset = (cohort.fill_null(low) - low).to_numpy().astype(np.int64)
    return np.where(never, len(cohorts), table[offset]).astype(np.int16)
