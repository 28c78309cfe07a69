"""What every estimator asks of a frame: named columns, sound values, one row a unit and period.

The frame comes back with canonical column names and without missing values, and with an account of
every row that was left out. Faults that a person must mend are raised together as one `DataError`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import polars as pl
from numpy.typing import NDArray

from impactkit.errors import DataError, Problem
from impactkit.results import Exclusion

FILE = "the frame"
HUGE = 1e100
"""Beyond this, products of two values overflow."""


@attrs.frozen(kw_only=True, eq=False)
class Tidy:
    """A checked frame: `unit, time, cohort, outcome, weight, cluster`, then `x0, x1 ...`.

    `unit` holds each label's place in sorting order; `time` and `cohort` are whole numbers.
    `covariates` names the columns ``x0, x1 ...``, in the words of the caller (a category is
    ``phase = primary``). `exclusions` counts the rows left out, by reason.
    """

    rows: pl.DataFrame
    covariates: tuple[str, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()


def drop(
    rows: pl.DataFrame, away: pl.Expr, reason: str, text: str, stage: str = "estimator"
) -> tuple[pl.DataFrame, tuple[Exclusion, ...]]:
    """Leave out the rows where `away` holds, and say how many rows and whole units that costs.

    Examples
    --------
    >>> rows = pl.DataFrame({"unit": [1, 1, 2], "cohort": [2020, 2020, None], "y": [1, None, None]})
    >>> kept, (exclusion,) = drop(rows, pl.col("y").is_null(), "missing", "no value of y")
    >>> kept.height, exclusion.n_rows, exclusion.n_schools, exclusion.treated
    (1, 2, 1, 0)
    """
    keep = rows.select(keep=~away)["keep"]
    if keep.all(ignore_nulls=False):
        return rows, ()
    kept = rows.filter(keep)
    lost = rows.select("unit", "cohort").unique("unit").join(kept, on="unit", how="anti")
    exclusion = Exclusion(
        reason=reason,
        text=text,
        n_rows=rows.height - kept.height,
        n_schools=lost.height,
        treated=int(lost["cohort"].is_not_null().sum()),
        stage=stage,
    )
    return kept, (exclusion,)


def reasons_of(exclusions: Sequence[Exclusion]) -> str:
    """Return the rows left out and why, for a message.

    Examples
    --------
    >>> reasons_of([])
    'none were left out'
    >>> reasons_of([Exclusion(reason="missing", text="no value of score", n_rows=1200)])
    '1,200 rows: no value of score'
    """
    return "; ".join(f"{e.n_rows:,} rows: {e.text}" for e in exclusions) or "none were left out"


def tidy(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str | None,
    time: str,
    cohort: str,
    outcome: str,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
) -> Tidy:
    """Check a frame and give it canonical names.

    Parameters
    ----------
    frame
        One row a unit and period. Only the named columns are read.
    unit
        The unit's column; None when every row is a unit of its own (repeated cross-sections).
    time, cohort
        Whole numbers; in `cohort` null is never treated.
    outcome
        Numbers; rows without one are left out and counted.
    covariates
        Numbers, or categories (text, enumerations, true or false), which become indicators without
        the first category in sorting order. Rows without one are left out and counted.
    weights, cluster
        Non-negative weights; labels of clusters, constant within a unit.

    Raises
    ------
    DataError
        With every problem found: missing columns, wrong types, nulls where none may be, duplicate
        rows, and units that change their cohort or cluster.

    Examples
    --------
    >>> frame = pl.DataFrame({"urn": [1, 1], "year": [2019, 2020], "first": [None, None],
    ...                       "score": [3.0, None]})
    >>> found = tidy(frame, unit="urn", time="year", cohort="first", outcome="score")
    >>> found.rows.height, found.exclusions[0].text, found.exclusions[0].n_rows
    (1, 'no value of score', 1)
    """
    roles = {"unit": unit, "time": time, "cohort": cohort, "outcome": outcome}
    roles |= {"weight": weights, "cluster": cluster}
    named = {role: name for role, name in roles.items() if name is not None}
    lazy = frame.lazy()
    schema = lazy.collect_schema()
    _require_columns([*named.values(), *covariates], schema.names())
    _require_types(named, covariates, schema)

    canonical = [f"c{i}" for i in range(len(covariates))]
    rows = lazy.select(
        *(_cast(name, role, schema[name]).alias(role) for role, name in named.items()),
        *(
            _cast(name, "covariate", schema[name]).alias(c)
            for c, name in zip(canonical, covariates, strict=True)
        ),
    ).collect()
    if unit is None:
        rows = rows.with_columns(unit=pl.int_range(pl.len()))
    unit_codes = None if rows["unit"].null_count() else codes(rows["unit"])
    if unit_codes is None or not _sound(rows, *unit_codes):
        _require_values(
            rows.with_row_index("row", offset=2),
            named | dict(zip(canonical, covariates, strict=True)),
        )
    assert unit_codes is not None  # a unit that is null has been refused
    rows = rows.with_columns(
        pl.Series("unit", unit_codes[0]), pl.col("time", "cohort").cast(pl.Int64)
    )
    if weights is None:
        rows = rows.with_columns(weight=pl.lit(1.0))
    exclusions: tuple[Exclusion, ...] = ()
    for column, name in [("outcome", outcome), *zip(canonical, covariates, strict=True)]:
        rows, lost = drop(rows, pl.col(column).is_null(), "missing", f"no value of {name}")
        exclusions += lost
    rows, names = _indicators(rows, dict(zip(canonical, covariates, strict=True)))
    return Tidy(rows=rows, covariates=names, exclusions=exclusions)


def codes(labels: pl.Series) -> tuple[NDArray[np.int64], int]:
    """Return each label's place in sorting order, from zero, and how many labels there are.

    Examples
    --------
    >>> places, n = codes(pl.Series([10, 30, 10]))
    >>> places.tolist(), n
    ([0, 1, 0], 2)
    """
    if not len(labels):
        return np.zeros(0, dtype=np.int64), 0
    if labels.dtype.is_integer():
        values = labels.to_numpy()
        low, high = int(values.min()), int(values.max())
        if high - low < 4 * len(values):  # compact, as URNs are: no sorting is needed
            there = np.zeros(high - low + 1, dtype=bool)
            offset = values - low
            there[offset] = True
            number = np.cumsum(there) - 1
            place = offset if there.all() else number[offset]
            return place.astype(np.int64, copy=False), int(number[-1]) + 1
    levels = labels.unique().sort()
    return levels.search_sorted(labels).to_numpy().astype(np.int64), len(levels)


def _require_columns(wanted: Sequence[str], there: Sequence[str]) -> None:
    problems = []
    for name in wanted:
        if name not in there:
            near = difflib.get_close_matches(name, there, n=1)
            problems.append(
                Problem(
                    code="column.missing",
                    file=FILE,
                    column=name,
                    rule="there is no such column",
                    remedy=f"Did you mean `{near[0]}`?"
                    if near
                    else f"It has: {', '.join(there[:12])}{' ...' if len(there) > 12 else ''}.",
                )
            )
    if problems:
        raise DataError(problems)


def _is_number(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)


def _require_types(
    named: Mapping[str, str], covariates: Sequence[str], schema: Mapping[str, pl.DataType]
) -> None:
    """Ask numbers of the columns that are numbers, before looking at any value."""
    remedies = {
        "time": "Give the year as a whole number: 2024 for the academic year 2023/24.",
        "cohort": "Give the first treated year as a whole number, null for never treated.",
        "outcome": "Read its suppression codes first, then cast it to numbers.",
        "weight": "Cast it to numbers.",
    }
    problems = [
        Problem(
            code="column.type",
            file=FILE,
            column=named[role],
            rule=f"it holds {schema[named[role]]}; expected numbers",
            remedy=remedy,
        )
        for role, remedy in remedies.items()
        if role in named and not _is_number(schema[named[role]])
    ]
    problems += [
        Problem(
            code="column.type",
            file=FILE,
            column=name,
            rule=f"a covariate is a number or a category, and this holds {schema[name]}",
            remedy="Turn it into a number.",
        )
        for name in covariates
        if schema[name].is_nested() or schema[name].is_temporal() or schema[name] == pl.Binary
    ]
    if problems:
        raise DataError(problems)


def _cast(name: str, role: str, dtype: pl.DataType) -> pl.Expr:
    """Give a column the one type of its role; NaN is a missing value like any other."""
    column = pl.col(name)
    if role in ("time", "cohort") and dtype.is_integer():
        return column.cast(pl.Int64)
    if role in ("outcome", "weight", "time", "cohort") or (
        role == "covariate" and _is_number(dtype) and dtype != pl.Boolean
    ):
        return column.cast(pl.Float64).fill_nan(None)
    return column.cast(pl.String) if not dtype.is_integer() else column


def _whole(column: pl.Expr) -> pl.Expr:
    """Ask for whole numbers that a float holds exactly."""
    return (column.abs() < 2**53) & (column == column.round())


def _extreme(value: Any) -> float:
    return 0.0 if value is None else float(value)


def _within(column: pl.Series, bound: float) -> bool:
    return -bound <= _extreme(column.min()) and _extreme(column.max()) <= bound


def _sound(rows: pl.DataFrame, unit: NDArray[np.int64], n: int) -> bool:
    """Say whether nothing is wrong, by cheap questions, so that only bad data pays for answers."""
    never_null = [c for c in ("time", "cluster", "weight") if c in rows.columns]
    if not rows.height or any(rows[c].null_count() for c in never_null):
        return False
    for name in ("time", "cohort"):
        column = rows[name]
        if not column.dtype.is_integer() and not rows.select(_whole(pl.col(name)).all()).item():
            return False
        if not _within(column, 2**53):
            return False
    if (rows["cohort"] == 0).any():
        return False
    numbers = [c for c, d in rows.schema.items() if d.is_float() and c not in ("time", "cohort")]
    if not all(_within(rows[c], HUGE) for c in numbers):
        return False
    if "weight" in rows.columns and _extreme(rows["weight"].min()) < 0:
        return False
    if n == rows.height:
        return True
    period, periods = codes(rows["time"].cast(pl.Int64))
    if periods * n > 50 * rows.height or np.bincount(unit * periods + period).max() > 1:
        return False
    row = np.empty(n, dtype=np.int64)
    row[unit] = np.arange(rows.height)
    return all(
        rows[c].equals(rows[c].gather(row[unit]), null_equal=True)
        for c in ("cohort", "cluster")
        if c in rows.columns
    )


def _require_values(rows: pl.DataFrame, named: Mapping[str, str]) -> None:
    """Look at every value, and raise all that is wrong at once."""
    problems: list[Problem] = []

    def forbid(wrong: pl.Expr, role: str, code: str, rule: str, remedy: str = "") -> None:
        if role not in named:
            return
        found = rows.filter(wrong)
        if found.height:
            value = found[role][0]
            problems.append(
                Problem(
                    code=f"{role}.{code}",
                    file=FILE,
                    row=found["row"][0],
                    column=named[role],
                    value=None
                    if value is None
                    else f"{value:g}"
                    if isinstance(value, float)
                    else str(value),
                    rule=rule,
                    remedy=remedy,
                    count=found.height,
                )
            )

    never = "Write null for never treated."
    for role in ("unit", "time", "cluster", "weight"):
        if role in named:
            forbid(pl.col(role).is_null(), role, "null", "it is empty", "Every row needs one.")
    for role in ("time", "cohort"):
        forbid(
            ~_whole(pl.col(role)),
            role,
            "whole",
            "expected a whole number",
            never if role == "cohort" else "",
        )
    forbid(
        (pl.col("cohort") == 0) & (pl.col("time").min() > 0),
        "cohort",
        "zero",
        "0 is before every period",
        never,
    )
    for role, dtype in rows.schema.items():
        if dtype.is_float() and role not in ("time", "cohort"):
            huge = pl.col(role).abs() > HUGE
            forbid(huge, role, "infinite", "expected a finite number of ordinary size")
    forbid(pl.col("weight") < 0, "weight", "negative", "a weight is zero or more")
    if "unit" in named:
        forbid(
            pl.struct("unit", "time").is_first_distinct().not_()
            & pl.col("unit").is_not_null()
            & pl.col("time").is_not_null(),
            "unit",
            "duplicate",
            "this unit and period has a row already",
            "Keep one row a unit and period.",
        )
        forbid(
            pl.col("cohort").ne_missing(pl.col("cohort").first().over("unit")),
            "cohort",
            "changes",
            "it differs from the unit's first row; treatment starts once and stays",
            "Give a unit the period of its first treatment in all its rows.",
        )
        if "cluster" in named:
            forbid(
                pl.col("cluster").ne_missing(pl.col("cluster").first().over("unit")),
                "cluster",
                "changes",
                "it differs from the unit's first row; a unit belongs to one cluster",
                "Give clusters that share a unit one label.",
            )
    if problems:
        raise DataError(problems)


def _indicators(
    rows: pl.DataFrame, covariates: Mapping[str, str]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Turn categories into indicators, without the first category in sorting order."""
    columns: list[pl.Expr] = []
    names: list[str] = []
    for column, name in covariates.items():
        if rows.schema[column] == pl.String:
            levels = rows[column].unique().sort()[1:]
            columns += [(pl.col(column) == level).cast(pl.Float64) for level in levels]
            names += [f"{name} = {level}" for level in levels]
            if not len(levels):  # one category only: kept as a constant, to be named as such
                columns.append(pl.lit(1.0))
                names.append(name)
        else:
            columns.append(pl.col(column).cast(pl.Float64))
            names.append(name)
    rows = rows.with_columns(e.alias(f"x{i}") for i, e in enumerate(columns)).drop(*covariates)
    return rows, tuple(names)
