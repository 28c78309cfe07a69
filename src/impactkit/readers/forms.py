"""A published form, as data: which column is which, in which year, and which rows are no schools.

Columns are found by their headers, never by their place. To read another year of a form is to add
its headers; to read another form is to declare it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs
import polars as pl

from impactkit.declarations import Head
from impactkit.engine.files import ROW, TextTable
from impactkit.errors import Problem, did_you_mean
from impactkit.tables.summary import REJECTED


@attrs.frozen
class Header:
    """A column's header as published, and the first year that has it (None: always)."""

    text: str
    first: int | None = None


@attrs.frozen
class Aggregate:
    """Rows that are no schools: those with one of `values` in `column` are about `level`."""

    column: str
    values: tuple[str, ...]
    level: str


@attrs.frozen(kw_only=True)
class Form:
    """One published form.

    `identity` are the columns that say what a row is about, `measures` those with figures, each
    with every header that it has had. `required` are those without which it is not this form.
    `words` are words of the file that the tables spell otherwise. With `fill_short`, rows may stop
    before the last column.
    """

    title: str
    identity: Mapping[str, tuple[Header, ...]]
    measures: Mapping[str, tuple[Header, ...]] = attrs.field(factory=dict)
    required: tuple[str, ...] = ("urn",)
    aggregates: tuple[Aggregate, ...] = ()
    words: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)
    fill_short: bool = True

    @property
    def columns(self) -> dict[str, tuple[Header, ...]]:
        """Every column of the form, by the name that it gets."""
        return {**self.identity, **self.measures}


def plain(header: str) -> str:
    """Return a header as it is compared: without case, and with single spaces.

    Examples
    --------
    >>> plain("Pupil:     Teacher Ratio ")
    'pupil: teacher ratio'
    """
    return " ".join(header.split()).casefold()


def match(form: Form, columns: Iterable[str]) -> dict[str, tuple[str, Header]]:
    """Return, by the form's name of a column, the file's name of it and the header that it has."""
    present = {plain(column): column for column in columns}
    found = {}
    for name, headers in form.columns.items():
        for header in headers:
            if plain(header.text) in present:
                found[name] = (present[plain(header.text)], header)
                break
    return found


def recognised(form: Form, head: Head) -> float:
    """Return how sure one may be that a file has this form: 0 no, 1 as good as certain."""
    found = match(form, head.columns)
    if not set(form.required) <= set(found) or (
        form.measures and not set(form.measures) & set(found)
    ):
        return 0.0
    return 0.5 + 0.5 * len(found) / len(form.columns)


def rename(
    form: Form, table: TextTable, year: int | None = None, *, sure: bool = False
) -> tuple[pl.DataFrame, list[Problem]]:
    """Return the form's columns of a file under the form's names, trimmed; and what is wrong.

    Parameters
    ----------
    year
        Of the file. A header that is younger contradicts it.
    sure
        Whether the user said so, and the contradiction is only worth a warning.
    """
    found = match(form, table.columns)
    problems = [
        Problem(
            code="column.missing",
            file=table.file,
            row=1,
            column=form.columns[name][0].text,
            rule=f"the column is missing, so this is not {form.title}",
            remedy=did_you_mean(form.columns[name][0].text, table.columns),
        )
        for name in form.required
        if name not in found
    ]
    problems += [
        Problem(
            code="column.duplicate",
            file=table.file,
            row=1,
            column=name,
            rule="two columns have this name",
            remedy="Download the file again, or remove one of them.",
        )
        for name in table.duplicates
        if name in {column for column, _ in found.values()}
    ]
    young = [h for _, h in found.values() if year and h.first and h.first > year]
    if young:
        problems.append(
            Problem(
                code="year.header",
                file=table.file,
                row=1,
                column=young[0].text,
                rule=f"the file should be of {year}, but has this column since {young[0].first}",
                remedy="Is it in the wrong folder? Rename it, or give `year` in the study file.",
                severity="warning" if sure else "error",
            )
        )
    chosen = [pl.col(column).str.strip_chars().alias(name) for name, (column, _) in found.items()]
    frame = table.frame.select(ROW, *chosen)
    for name, words in form.words.items():
        if name in frame.columns:
            frame = frame.with_columns(pl.col(name).replace(words))
    return frame, problems


NOTHING = pl.DataFrame(schema={ROW: pl.Int64()})
"""What a reader returns for a file of which nothing can be used."""


def set_aside(
    frame: pl.DataFrame, reason: str, detail: pl.Expr | None = None, values: pl.Expr | None = None
) -> pl.DataFrame:
    """Return rows with the reason why they are not in the table."""
    blank = pl.lit("")
    return frame.select(
        row=pl.col(ROW),
        reason=pl.lit(reason),
        detail=blank if detail is None else detail.cast(pl.String),
        values=blank if values is None else values.cast(pl.String),
    )


def ragged(table: TextTable) -> pl.DataFrame:
    """Return, as rows set aside, those that did not fit under the header."""
    rows = [(p.row, p.rule, p.remedy, p.value) for p in table.row_problems]
    return pl.DataFrame(rows, schema=REJECTED, orient="row")
