"""What every comparison asks of a frame: one row a school, a treatment flag, sound columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import numpy as np
import polars as pl
from numpy.typing import NDArray

from impactkit.errors import DataError, EstimationError, Problem, did_you_mean
from impactkit.results import Exclusion

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_FILE = "the frame of schools"
_HUGE = 1e100


@attrs.frozen(kw_only=True, eq=False)
class Schools:
    """A checked frame, sorted by school.

    `X` has a column a covariate, or a category but the first; `names` are theirs, in the words of
    the caller. `exclusions` counts the schools left out.
    """

    rows: pl.DataFrame
    treated: Bools
    X: Floats
    names: tuple[str, ...]
    exclusions: tuple[Exclusion, ...]


def schools(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    treated: str,
    covariates: Sequence[str] = (),
    others: Sequence[str] = (),
) -> Schools:
    """Check a frame of one row a school.

    Parameters
    ----------
    frame
        All its columns are kept.
    unit, treated
        Columns: the school, and whether it is treated (true and false, or 1 and 0).
    covariates
        Columns of numbers or categories; schools without a value are left out, counted.
    others
        Further columns that have to be there; their gaps are the caller's affair.

    Raises
    ------
    DataError
        With every fault of the frame.
    EstimationError
        When no treated or no comparison school is left.
    """
    rows = frame.lazy().collect()
    wanted = dict.fromkeys([unit, treated, *covariates, *others])
    _require(rows.columns, wanted)
    problems = [
        *_unit_problems(rows, unit),
        *_flag_problems(rows, treated),
        *(p for name in covariates for p in _covariate_problems(rows, name)),
    ]
    if problems:
        raise DataError(problems)
    rows = rows.with_columns(
        pl.col(name).fill_nan(None) for name in covariates if rows.schema[name].is_float()
    ).sort(unit)
    exclusions: tuple[Exclusion, ...] = ()
    for name in covariates:
        rows, lost = leave_out(
            rows, pl.col(name).is_null(), treated, "missing", f"no value of {name}"
        )
        exclusions += lost
    flag = rows[treated].cast(pl.Boolean).to_numpy()
    require_both(flag, exclusions)
    X, names = _design(rows, covariates)
    return Schools(rows=rows, treated=flag, X=X, names=names, exclusions=exclusions)


def leave_out(
    rows: pl.DataFrame, away: pl.Expr, treated: str, reason: str, text: str
) -> tuple[pl.DataFrame, tuple[Exclusion, ...]]:
    """Leave out the schools where `away` holds, and count them.

    Examples
    --------
    >>> rows = pl.DataFrame({"urn": [1, 2], "treated": [True, False], "fsm": [None, 20.0]})
    >>> kept, (e,) = leave_out(rows, pl.col("fsm").is_null(), "treated", "missing", "no fsm")
    >>> kept["urn"].to_list(), e.n_schools, e.treated
    ([2], 1, 1)
    """
    gone = away.fill_null(False)
    lost = rows.filter(gone)
    if lost.is_empty():
        return rows, ()
    exclusion = Exclusion(
        reason=reason,
        text=text,
        n_schools=lost.height,
        n_rows=lost.height,
        treated=int(lost[treated].cast(pl.Boolean).sum()),
        stage="comparison",
    )
    return rows.filter(~gone), (exclusion,)


def require_both(flag: Bools, exclusions: Iterable[Exclusion] = ()) -> None:
    """Raise, with counts, when either side is empty."""
    if flag.any() and not flag.all():
        return
    reasons = "; ".join(f"{e.n_schools:,} schools: {e.text}" for e in exclusions)
    raise EstimationError(
        f"{int(flag.sum()):,} treated and {int((~flag).sum()):,} comparison schools are left, and "
        f"both are needed ({reasons or 'none were left out'})"
    )


def standardised(X: Floats) -> Floats:
    """Return columns with mean zero and standard deviation one; a constant becomes zero."""
    spread = X.std(axis=0)
    result: Floats = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return result


def _require(there: Sequence[str], wanted: Iterable[str]) -> None:
    missing = [name for name in wanted if name not in there]
    if missing:
        raise DataError(
            Problem(
                code="column.missing",
                file=_FILE,
                column=name,
                rule="there is no such column",
                remedy=did_you_mean(name, there),
            )
            for name in missing
        )


def _unit_problems(rows: pl.DataFrame, unit: str) -> list[Problem]:
    numbered = rows.select(unit).with_row_index("row", offset=2)
    again = numbered.filter(~pl.col(unit).is_first_distinct() & pl.col(unit).is_not_null())
    empty = numbered.filter(pl.col(unit).is_null())
    found = (
        (empty, "null", "it is empty", "Every row names its school."),
        (again, "duplicate", "this school has a row already", "Keep one row a school."),
    )
    return [
        Problem(
            code=f"unit.{code}",
            file=_FILE,
            row=where["row"][0],
            column=unit,
            value=None if where[unit][0] is None else str(where[unit][0]),
            rule=rule,
            remedy=remedy,
            count=where.height,
        )
        for where, code, rule, remedy in found
        if where.height
    ]


def _flag_problems(rows: pl.DataFrame, treated: str) -> list[Problem]:
    column = rows[treated]
    if column.dtype == pl.Boolean and not column.null_count():
        return []
    if column.dtype.is_numeric():
        numbered = rows.select(treated).with_row_index("row", offset=2)
        wrong = numbered.filter(~pl.col(treated).is_in([0, 1]).fill_null(False))
        if wrong.is_empty():
            return []
        row, value, count = wrong["row"][0], wrong[treated][0], wrong.height
    else:
        row, value, count = None, None, max(column.null_count(), 1)
    return [
        Problem(
            code="treated.flag",
            file=_FILE,
            row=row,
            column=treated,
            value=None if value is None else str(value),
            rule="expected true or false (or 1 and 0) in every row",
            remedy=f"A first treated year becomes one by pl.col({treated!r}).is_not_null().",
            count=count,
        )
    ]


def _covariate_problems(rows: pl.DataFrame, name: str) -> list[Problem]:
    dtype = rows.schema[name]
    if dtype.is_nested() or dtype.is_temporal() or dtype == pl.Binary:
        rule = f"a covariate is a number or a category, and this holds {dtype}"
        return [Problem(code="covariate.type", file=_FILE, column=name, rule=rule)]
    if dtype.is_float():
        wrong = rows.select(name).with_row_index("row", offset=2).filter(pl.col(name).abs() > _HUGE)
        if wrong.height:
            return [
                Problem(
                    code="covariate.infinite",
                    file=_FILE,
                    row=wrong["row"][0],
                    column=name,
                    value=str(wrong[name][0]),
                    rule="expected a finite number of ordinary size",
                    count=wrong.height,
                )
            ]
    return []


def _design(rows: pl.DataFrame, covariates: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    """Return numbers as they are, and categories as indicators without the first in order."""
    columns: list[Floats] = []
    names: list[str] = []
    for name in covariates:
        column = rows[name]
        if column.dtype.is_numeric() or column.dtype == pl.Boolean:
            columns.append(column.cast(pl.Float64).to_numpy())
            names.append(name)
            continue
        text = column.cast(pl.String)
        for level in text.unique().sort()[1:]:
            columns.append((text == level).cast(pl.Float64).to_numpy())
            names.append(f"{name} = {level}")
    X = np.stack(columns, axis=1) if columns else np.empty((rows.height, 0))
    return X, tuple(names)
