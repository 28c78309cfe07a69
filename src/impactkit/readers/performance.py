"""School performance tables: one row a school, a column a measure, aggregates among the rows.

What the readers of results, workforce, absence and other tables have in common. Every figure ends
in one of four places: `frame` (a school's, as value or status), `national` (an aggregate's),
`set_aside` (it cannot be true, or the row is about no school), or `problems` (nobody knows what it
means).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import polars as pl

from impactkit.declarations import Head, Reader, ReadResult, Recognised
from impactkit.engine.files import TextTable, read_text
from impactkit.errors import DataError, Problem, did_you_mean
from impactkit.readers.aggregates import Split, split_schools
from impactkit.readers.forms import (
    NOTHING,
    Form,
    figures,
    listed,
    match,
    ragged,
    recognised,
    rejected,
    rename,
    taken,
    unread,
)
from impactkit.readers.long import long_figures, within_range
from impactkit.readers.options import texts
from impactkit.readers.years import file_year

EARLY_SYMBOLS = {"<": "SUPP", "!": "NEW"}
"""Signs of tables to 2010: a small school, a new school (specification of key stage 2, 2008)."""

MANY_ROWS = 50
"""From how many rows on a file is taken for a whole published one, not rows picked by hand."""

SHOWN = 12
"""How many columns that are not read are named in words."""


@attrs.frozen(kw_only=True)
class TableOptions:
    """What a study may say beside `path`.

    `year` overrides what folder, name and columns say: the year of the tables, which for
    destinations is later than that of the pupils. `measures` are those wanted, by default all;
    `subgroups` the pupils, by default all of them together. `register` is the extract of all
    schools, for tables without URNs.
    """

    year: int | None = None
    register: str = ""
    measures: Any = attrs.field(default=(), converter=texts)
    subgroups: Any = attrs.field(default=("all",), converter=texts)


def form_reader(form: Form, **about: Any) -> Reader:
    """Return the reader of a form into outcomes."""

    def recognise(path: Path, head: Head) -> Recognised | None:
        return recognise_form(path, head, form)

    def read(
        path: str | Path, options: TableOptions | None = None, spec: Any = None, *, shown: str = ""
    ) -> ReadResult:
        return read_form(path, options, form, shown=shown)

    about = {"table": "outcomes", "options": TableOptions, **about}
    return Reader(recognise=recognise, read=read, measures=tuple(form.measures), **about)


def recognise_form(
    path: Path, head: Head, form: Form, *, some_measure: bool = True
) -> Recognised | None:
    """Return what a file is, if it has this form; what of it will be read, and what will not.

    Without `some_measure` it need have none of the declared measures, and what else it has is read
    under its published name.
    """
    confidence = recognised(form, head, some_measure=some_measure)
    if not confidence:
        return None
    year, problems = file_year(path, None, form, head.columns, path.name)
    if "period" in match(form.identity, head.columns):
        year, problems = None, []  # each row tells its own
    found = figures(form, head.columns)
    measures = list(dict.fromkeys(figure.measure for figure in found))
    subgroups = [s for s in form.subgroups if any(figure.subgroup == s for figure in found)]
    notes = [f"It has {', '.join(measures)}."] if measures else []
    if subgroups:
        notes.append(f"Some of them it also has for {', '.join(subgroups)}.")
    rest = unread(form, head.columns)
    if rest:
        more = f" and {len(rest) - SHOWN:,} more" if len(rest) > SHOWN else ""
        fate = "not read" if some_measure else "read under their own names if they hold figures"
        notes.append(f"It has columns that are {fate}: {listed(rest[:SHOWN])}{more}.")
    notes += [words for word, words in form.named.items() if word in path.name.casefold()]
    notes += [f"{p.rule}. {p.remedy}".strip() for p in problems]
    year = None if year is None else year - form.lag
    return Recognised(
        confidence=confidence,
        what=form.title,
        year=year,
        notes=notes,
        columns_read=taken(form, head.columns),
        unread=rest if some_measure else (),
    )


def read_form(
    path: str | Path,
    options: TableOptions | None,
    form: Form,
    *,
    shown: str = "",
    table: str = "outcomes",
    extend: Callable[[TextTable, Form], Form] | None = None,
    split: Split | None = None,
) -> ReadResult:
    """Read one file of a form into outcomes.

    Parameters
    ----------
    table
        What the frame fills.
    extend
        Adds the measures of a form whose columns are not all known beforehand.
    split
        Parts rows into those of the table, aggregates (with `level`), and rows set aside.

    Returns
    -------
    ReadResult
        `frame` has the identity of each row (`urn` as text, as published), `year`, `measure`,
        `subgroup`, `value`, `status` and, where the file has them, `la_code`, `phase` and
        `denominator`, the number of pupils.
    """
    options = options or TableOptions()
    path = Path(path)
    file = shown or path.name
    try:
        text = read_text(path, shown=file, fill_short=form.fill_short)
    except DataError as error:
        return ReadResult(frame=NOTHING, table=table, problems=error.problems)
    form = extend(text, form) if extend else form
    problems = _unknown_options(options, form, file)
    year, about_year = file_year(path, options.year, form, text.columns, file)
    rows, faulty = rename(form, text)
    if "period" in rows.columns:
        rows, year, about_year = _by_period(rows, year, about_year, options, file)
    if "urn" in form.required and "urn" not in rows.columns and not faulty:
        rows, faulty = _with_urns(rows, options, path, year, file)
    problems += [*about_year, *text.notes, *faulty]
    if any(problem.severity == "error" for problem in problems):
        return ReadResult(
            frame=NOTHING, table=table, year=year, problems=problems, n_rows=text.n_rows
        )
    if year is not None:
        year -= form.lag
    if "year" not in rows.columns:
        rows = rows.with_columns(year=pl.lit(year, dtype=pl.Int64))
    found = [
        figure
        for figure in figures(form, text.columns)
        if figure.subgroup in options.subgroups
        and (not options.measures or figure.measure in options.measures)
    ]
    schools, aggregates, aside = (split or split_schools)(rows, form)
    problems += _without_england(form, aggregates, text)
    ours, unknown = long_figures(schools, text, found, form)
    published, unknown_too = long_figures(aggregates, text, found, form)
    possible, impossible = within_range(ours)
    return ReadResult(
        frame=possible.drop("text"),
        table=table,
        year=year,
        set_aside=pl.concat([ragged(text), aside, impossible]),
        national=published.drop("urn", "text", "denominator", strict=False),
        problems=(*problems, *unknown, *unknown_too),
        n_rows=text.n_rows,
        n_rejected=rejected(text, aside, impossible),
    )


def _with_urns(
    rows: pl.DataFrame, options: TableOptions, path: Path, year: int | None, file: str
) -> tuple[pl.DataFrame, list[Problem]]:
    from impactkit.readers.numbers import add_urns, no_urn

    if not options.register:
        return rows, [no_urn(file)]
    return add_urns(rows, options.register, path, year, file)


def _without_england(form: Form, aggregates: pl.DataFrame, text: TextTable) -> list[Problem]:
    """Note that rows about England, with which published files end, are not there."""
    published = any(rule.level == "national" for rule in form.aggregates)
    if not published or text.n_rows < MANY_ROWS or "national" in aggregates["level"]:
        return []
    rule = "there is no row about England, which published files of this form have"
    remedy = "Was the download cut short, or were rows taken out?"
    return [Problem(code="rows.england", file=text.file, severity="note", rule=rule, remedy=remedy)]


def _unknown_options(options: TableOptions, form: Form, file: str) -> list[Problem]:
    known = {"measures": tuple(form.measures), "subgroups": ("all", *form.subgroups)}
    return [
        Problem(
            code=f"{column[:-1]}.unknown",
            file=file,
            column=column,
            value=name,
            rule=f"{form.title} have no such {column[:-1]}",
            remedy=did_you_mean(name, names),
        )
        for column, names in known.items()
        for name in getattr(options, column)
        if name not in names
    ]


def period_year(period: pl.Expr) -> pl.Expr:
    """Return the academic year of ``202324``, ``2023/24`` or ``2024`` by its end, or null.

    Examples
    --------
    >>> periods = pl.DataFrame({"p": ["202324", "2023/24", "2024", "202325", "Total"]})
    >>> periods.select(period_year(pl.col("p"))).to_series().to_list()
    [2024, 2024, 2024, None, None]
    """
    pair = r"^(\d{4})[/-]?(?:\d\d)?(\d\d)$"
    first = period.str.extract(pair, 1).cast(pl.Int64)
    second = period.str.extract(pair, 2).cast(pl.Int64)
    single = period.str.extract(r"^(\d{4})$", 1).cast(pl.Int64)
    return pl.coalesce(pl.when((first + 1) % 100 == second).then(first + 1), single)


def _by_period(
    rows: pl.DataFrame,
    named: int | None,
    about_year: list[Problem],
    options: TableOptions,
    file: str,
) -> tuple[pl.DataFrame, int | None, list[Problem]]:
    """Take the year of each row from its own period, to which the name must not run counter."""
    rows = rows.with_columns(year=period_year(pl.col("period")))
    years = sorted(rows["year"].drop_nulls().unique().to_list())
    year = years[0] if len(years) == 1 else None
    if options.year is not None or named is None or named in years or not years:
        lost = [p for p in about_year if p.code not in ("year.missing", "year.conflict")]
        return rows, year, lost
    rule = f"its name speaks of {named}, its rows of {', '.join(map(str, years))}"
    remedy = "Rename it, or give `year` in the study file if its rows are right."
    return rows, year, [Problem(code="year.conflict", file=file, rule=rule, remedy=remedy)]
