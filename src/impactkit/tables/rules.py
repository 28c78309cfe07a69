"""Checks over whole rows, for `TableSpec.checks`: each returns a `Problem` for every faulty row.

A check sees typed columns, and only runs on those that are there. It may assume nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

from impactkit.declarations import TableSpec
from impactkit.errors import Problem

Check = Callable[[pl.DataFrame, TableSpec], Iterable[Problem]]


def row_problems(
    frame: pl.DataFrame, faulty: pl.Expr, *, code: str, column: str, rule: str, remedy: str
) -> list[Problem]:
    """Return one problem for each row of `frame` where `faulty` is true."""
    bad = frame.filter(faulty).select("source_row", pl.col(column).cast(pl.String))
    return [
        Problem(code=code, row=row, column=column, value=value, rule=rule, remedy=remedy)
        for row, value in bad.iter_rows()
    ]


def names_school(frame: pl.DataFrame, spec: TableSpec) -> Iterable[Problem]:
    """Check that every row says which school it is about, by `urn` or by `school_key`."""
    given = [name for name in ("urn", "school_key") if name in frame.columns]
    if not given:
        return [
            Problem(
                code="school.column",
                column="urn",
                rule="there is no column that names the school",
                remedy="Add a column `urn` (six digits), or `school_key`.",
            )
        ]
    return row_problems(
        frame,
        pl.all_horizontal(pl.col(name).is_null() for name in given),
        code="school.missing",
        column=given[0],
        rule="the row does not say which school it is about",
        remedy="Give its URN; take the row out if it is a note and not a record.",
    )


def in_order(first: str, last: str, remedy: str = "") -> Check:
    """Return a check that `last` is not before `first` (dates).

    Examples
    --------
    >>> import datetime as dt
    >>> rows = {"joined": [dt.date(2020, 1, 1)], "left": [dt.date(2019, 1, 1)], "source_row": [7]}
    >>> check = in_order("joined", "left")
    >>> [str(problem) for problem in check(pl.DataFrame(rows), None)]
    ["Row 7: `left` is '2019-01-01'; it is before `joined`. Are the two swapped?"]
    """

    def check(frame: pl.DataFrame, spec: TableSpec) -> Iterable[Problem]:
        if not {first, last} <= set(frame.columns):
            return []
        return row_problems(
            frame,
            pl.col(last) < pl.col(first),
            code=f"{last}.order",
            column=last,
            rule=f"it is before `{first}`",
            remedy=remedy or "Are the two swapped?",
        )

    return check


def at_most(part: str, whole: str) -> Check:
    """Return a check that `part` is not more than `whole`."""

    def check(frame: pl.DataFrame, spec: TableSpec) -> Iterable[Problem]:
        if not {part, whole} <= set(frame.columns):
            return []
        return row_problems(
            frame,
            pl.col(part) > pl.col(whole),
            code=f"{part}.range",
            column=part,
            rule=f"it is more than `{whole}`",
            remedy="Are the two swapped?",
        )

    return check


def years_listed(*columns: str) -> Check:
    """Return a check that lists hold academic years, each by its end: ``2016;2018``.

    Examples
    --------
    >>> rows = {"break_years": [["2016"], ["2016/17"]], "source_row": [2, 3]}
    >>> check = years_listed("break_years")
    >>> [str(problem) for problem in check(pl.DataFrame(rows), None)]
    ["Row 3: `break_years` is '2016/17'; expected years of four digits. Write 2017 for 2016/17."]
    """

    def check(frame: pl.DataFrame, spec: TableSpec) -> Iterable[Problem]:
        for name in columns:
            if name not in frame.columns:
                continue
            rows = frame.select("source_row", pl.col(name)).explode(name).drop_nulls()
            yield from row_problems(
                rows,
                ~pl.col(name).str.contains(r"^\d{4}$"),
                code=f"{name}.format",
                column=name,
                rule="expected years of four digits",
                remedy="Write 2017 for 2016/17.",
            )

    return check


def value_or_reason(frame: pl.DataFrame, spec: TableSpec) -> Iterable[Problem]:
    """Check that an outcome has either a value and status ``ok``, or neither."""
    ok, given = pl.col("status") == "ok", pl.col("value").is_not_null()
    return [
        *row_problems(
            frame,
            ok & ~given,
            code="value.missing",
            column="value",
            rule="there is no value, though `status` is ok",
            remedy="Give the value, or the symbol that says why there is none.",
        ),
        *row_problems(
            frame,
            ~ok & given,
            code="status.value",
            column="status",
            rule="there is a value, though `status` says that there is none",
            remedy="Remove the value, or set `status` to ok.",
        ),
    ]


def at_least_one(column: str) -> Check:
    """Return a check that a list is not empty."""

    def check(frame: pl.DataFrame, spec: TableSpec) -> Iterable[Problem]:
        if column not in frame.columns:
            return []
        empty = frame.filter(pl.col(column).list.len() == 0)["source_row"]
        return [
            Problem(
                code=f"{column}.empty",
                row=row,
                column=column,
                rule="the list is empty",
                remedy="Name at least one, with `; ` between several.",
            )
            for row in empty
        ]

    return check


def no_overlap(by: tuple[str, ...], start: str, end: str) -> Check:
    """Return a check that the same thing is not said to be going on twice at once.

    Rows that agree in `by` may follow one another, but not overlap; a blank `end` is for ever.
    """

    def check(frame: pl.DataFrame, spec: TableSpec) -> Iterable[Problem]:
        if not {start, end} <= set(frame.columns):
            return []
        group = [name for name in by if name in frame.columns]
        order = frame.filter(pl.col(start).is_not_null()).sort(*group, start, "source_row")
        previous = order.with_columns(
            _end=pl.col(end).shift(1).over(group),
            _row=pl.col("source_row").shift(1).over(group),
            _start=pl.col(start).shift(1).over(group),
        ).filter(
            pl.col("_row").is_not_null()
            & (pl.col("_end").is_null() | (pl.col("_end") > pl.col(start)))
            & (pl.col("_start") != pl.col(start))
        )
        return [
            Problem(
                code=f"{start}.overlap",
                row=row,
                column=start,
                value=str(day),
                rule=f"it begins before an earlier row with the same {', '.join(group)} ends",
                remedy=f"The other is row {other}. Give it an end in `{end}`, or remove one.",
            )
            for row, day, other in previous.select("source_row", start, "_row").iter_rows()
        ]

    return check


def unique_key(frame: pl.DataFrame, spec: TableSpec) -> list[Problem]:
    """Return a problem for every row whose key an earlier row has.

    Blank cells of a key are equal, save that a row whose first key column is blank has no key.
    """
    key = [name for name in spec.key if name in frame.columns]
    if not key or key[0] != spec.key[0]:
        return []
    placed = frame.with_row_index("_at").filter(pl.col(key[0]).is_not_null())
    again = placed.with_columns(
        _first=pl.col("_at").first().over(key), _row=pl.col("source_row").first().over(key)
    ).filter(pl.col("_first") != pl.col("_at"))
    texts = [pl.col(name).cast(pl.String).fill_null("") for name in key]
    shown = again.select("source_row", pl.concat_str(texts, separator=", ").alias("_key"), "_row")
    return [
        Problem(
            code="key.duplicate",
            row=row,
            column=", ".join(key),
            value=value,
            rule="another row has the same key",
            remedy=f"It stands in row {first} already. Remove one of the two.",
        )
        for row, value, first in shown.iter_rows()
    ]
