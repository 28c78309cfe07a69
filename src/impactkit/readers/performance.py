"""School performance tables: one row a school, a column a measure, aggregates among the rows.

What the readers of workforce, absence and later tables have in common. Every figure ends in one of
four places: `frame` (a school's, as value or status), `national` (an aggregate's), `set_aside` (it
cannot be true, or the row is about no school), or `problems` (nobody knows what it means).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import polars as pl

from impactkit.declarations import Head, ReadResult, Recognised
from impactkit.engine.files import ROW, read_text
from impactkit.errors import DataError, Problem, did_you_mean
from impactkit.readers.forms import NOTHING, Form, match, ragged, recognised, rename, set_aside
from impactkit.readers.measures import core_measures
from impactkit.readers.options import texts
from impactkit.readers.years import year_of
from impactkit.tables.coerce import faults
from impactkit.tables.columns import optional
from impactkit.tables.ranges import outside
from impactkit.tables.summary import summarise
from impactkit.tables.symbols import split_symbols

PHASE_CODES = {"PRI": "Primary", "SEC": "Secondary", "SPE": "Special", "": "All"}
"""What stands in place of the establishment, or of the URN, in rows about the whole of England."""

VALUE = optional("value", "float", unit="measured")


@attrs.frozen(kw_only=True)
class TableOptions:
    """What a study may say beside `path`.

    `year` overrides what folder and name say; `measures` are those wanted, by default all.
    """

    year: int | None = None
    measures: Any = attrs.field(default=(), converter=texts)


def recognise_form(path: Path, head: Head, form: Form) -> Recognised | None:
    """Return what a file is, if it has this form."""
    confidence = recognised(form, head)
    if not confidence:
        return None
    year, problems = year_of(path, None, path.name)
    found = [name for name in form.measures if name in match(form, head.columns)]
    notes = [f"It has {', '.join(found)}.", *(f"{p.rule}. {p.remedy}" for p in problems)]
    return Recognised(confidence=confidence, what=form.title, year=year, notes=notes)


def read_form(
    path: str | Path, options: TableOptions | None, form: Form, *, shown: str = ""
) -> ReadResult:
    """Read one file of a form into outcomes.

    Returns
    -------
    ReadResult
        `frame` has `urn` (text, as published), `year`, `measure`, `value`, `status` and, where the
        file has them, `la_code` and `phase`.
    """
    options = options or TableOptions()
    path = Path(path)
    file = shown or path.name
    year, problems = year_of(path, options.year, file)
    problems += _unknown_measures(options.measures, form, file)
    try:
        table = read_text(path, shown=file, fill_short=form.fill_short)
    except DataError as error:
        return ReadResult(
            frame=NOTHING, table="outcomes", year=year, problems=(*problems, *error.problems)
        )
    frame, faulty = rename(form, table, year, sure=options.year is not None)
    problems += [*table.notes, *faulty]
    wanted = [m for m in options.measures or form.measures if m in frame.columns]
    if any(problem.severity == "error" for problem in problems):
        return ReadResult(
            frame=NOTHING, table="outcomes", year=year, problems=problems, n_rows=table.n_rows
        )
    schools, aggregates, no_school = _split(frame, form)
    figures, unknown = _figures(schools, wanted, year, file)
    published, unknown_too = _figures(aggregates, wanted, year, file)
    possible, impossible = _within_range(figures)
    return ReadResult(
        frame=possible.drop("level", "text"),
        table="outcomes",
        year=year,
        set_aside=pl.concat([ragged(table), no_school, impossible]),
        national=published.drop("urn", "text"),
        problems=(*problems, *unknown, *unknown_too),
        n_rows=table.n_rows,
    )


def _unknown_measures(wanted: tuple[str, ...], form: Form, file: str) -> list[Problem]:
    return [
        Problem(
            code="measure.unknown",
            file=file,
            column="measures",
            value=name,
            rule=f"{form.title} have no such measure",
            remedy=did_you_mean(name, form.measures),
        )
        for name in wanted
        if name not in form.measures
    ]


def _split(frame: pl.DataFrame, form: Form) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Part schools from aggregates, and from rows that are about neither."""
    level = pl.lit(None, dtype=pl.String)
    for rule in form.aggregates:
        if rule.column in frame.columns:
            hit = pl.col(rule.column).str.to_uppercase().is_in(list(rule.values))
            level = pl.when(hit).then(pl.lit(rule.level)).otherwise(level)
    no_urn = pl.col("urn") == ""
    estab = pl.col("estab") if "estab" in frame.columns else pl.lit("")
    la = pl.col("la") if "la" in frame.columns else pl.lit("")
    whole_la = no_urn & (estab == "") & la.str.contains(r"^\d{3}$")
    level = pl.coalesce(level, pl.when(whole_la).then(pl.lit("la")))
    code = pl.when(estab != "").then(estab).otherwise(pl.col("urn")).str.to_uppercase()
    la_code = pl.when(la.str.contains(r"^\d{1,3}$")).then(la.str.zfill(3))
    frame = frame.with_columns(level=level, la_code=la_code)
    aggregates = frame.filter(pl.col("level").is_not_null()).with_columns(
        phase=code.replace_strict(PHASE_CODES, default=code, return_dtype=pl.String)
    )
    rest = frame.filter(pl.col("level").is_null())
    schools = rest.filter(~no_urn)
    return schools, aggregates, set_aside(rest.filter(no_urn), "the row has no URN")


def _figures(
    frame: pl.DataFrame, measures: list[str], year: int | None, file: str
) -> tuple[pl.DataFrame, list[Problem]]:
    """Return one row a figure, as value or status; and every symbol that nobody knows."""
    index = [name for name in (ROW, "urn", "la_code", "phase", "level") if name in frame.columns]
    value, status = split_symbols(pl.col("text"))
    long = frame.unpivot(
        on=measures, index=index, variable_name="measure", value_name="text"
    ).with_columns(
        value=value, status=status, year=pl.lit(year, dtype=pl.Int64), source=pl.lit(file)
    )
    unknown = []
    for (measure,), rows in long.filter(pl.col("status").is_null()).group_by(
        "measure", maintain_order=True
    ):
        found = faults(rows["text"], rows[ROW], rows["status"].is_null(), VALUE, file)
        unknown += summarise([attrs.evolve(problem, column=str(measure)) for problem in found])
    return long.filter(pl.col("status").is_not_null()), unknown


def _within_range(figures: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part figures that can be true from those outside the range of their measure."""
    impossible = outside(core_measures())
    aside = set_aside(
        figures.filter(impossible),
        "the figure cannot be true",
        detail=pl.col("measure"),
        values=pl.col("text"),
    )
    return figures.filter(~impossible), aside
