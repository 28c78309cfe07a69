"""A published form, as data: which column is which, in which year, and which rows are no schools.

Columns are found by their headers, never by their place. To read another year of a form is to add
its headers; to read another form is to declare it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import attrs
import polars as pl

from impactkit.declarations import Head
from impactkit.engine.files import ROW, TextTable
from impactkit.errors import Problem, did_you_mean
from impactkit.tables.summary import REJECTED


@attrs.frozen
class Header:
    """A column's header as published, and the first and last year that has it (None: open)."""

    text: str
    first: int | None = None
    last: int | None = None

    def in_year(self, year: int) -> bool:
        """Tell whether a file of a year can have this header."""
        return (self.first or year) <= year <= (self.last or year)


def headers(*texts: str, first: int | None = None, last: int | None = None) -> tuple[Header, ...]:
    """Return several headers that one column has had, all within the same years.

    Examples
    --------
    >>> headers("LEA", "LA")
    (Header(text='LEA', first=None, last=None), Header(text='LA', first=None, last=None))
    """
    return tuple(Header(text, first, last) for text in texts)


@attrs.frozen
class Aggregate:
    """Rows that are no schools: those whose `column` reads as `pattern` are about `level`.

    `phase` says of which schools, where the row has no code for it. With a `reason`, such rows are
    set aside for it.
    """

    column: str
    pattern: str
    level: str = ""
    phase: str = "All"
    reason: str = ""


@attrs.frozen
class YearMark:
    """Headers that name an earlier year, and so tell the file's: ``PTRWM_EXP_18`` stands in 2019.

    `pattern` has a group for the last two digits; `gaps` are the years that there can be between
    the latest of them and the file.
    """

    pattern: str
    gaps: tuple[int, ...] = (1,)


@attrs.frozen(kw_only=True)
class Form:
    """One published form.

    `identity` are the columns that say what a row is about, `measures` those with figures, each
    with every header that it has had. `required` are those without which it is not this form;
    with one of the headers in `foreign` it is another.
    `subgroups` are the endings that headers of measures have for some of the pupils, `inside` other
    headers for them, by ``measure|subgroup``, and `cohorts` the columns with the number of pupils,
    by subgroup, or by ``measure|subgroup`` where a measure has its own.
    `words` are words of the file that the tables spell otherwise, `symbols` signs of this form that
    stand for one of `impactkit.tables.symbols`.
    `lag` is the number of years between the tables and the pupils whom they are about; `marks` tell
    the year by the headers. `named` says what words in a file's name mean. With `fill_short`, rows
    may stop before the last column.
    """

    title: str
    identity: Mapping[str, tuple[Header, ...]]
    measures: Mapping[str, tuple[Header, ...]] = attrs.field(factory=dict)
    required: tuple[str, ...] = ("urn",)
    foreign: tuple[str, ...] = ()
    subgroups: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    inside: Mapping[str, tuple[Header, ...]] = attrs.field(factory=dict)
    cohorts: Mapping[str, tuple[Header, ...]] = attrs.field(factory=dict)
    aggregates: tuple[Aggregate, ...] = ()
    words: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)
    symbols: Mapping[str, str] = attrs.field(factory=dict)
    lag: int = 0
    marks: tuple[YearMark, ...] = ()
    named: Mapping[str, str] = attrs.field(factory=dict)
    fill_short: bool = True

    @property
    def columns(self) -> dict[str, tuple[Header, ...]]:
        """Every column of the form, by the name that it gets."""
        return {**self.identity, **self.measures}


@attrs.frozen
class Figure:
    """A column of figures in a file: of which measure and subgroup, and the name of the column."""

    measure: str
    subgroup: str
    column: str
    header: Header

    @property
    def name(self) -> str:
        """The name that the column gets."""
        return f"{self.measure}|{self.subgroup}"


def plain(header: str) -> str:
    """Return a header as it is compared: without case, and with single spaces.

    Examples
    --------
    >>> plain("Pupil:     Teacher Ratio ")
    'pupil: teacher ratio'
    """
    return " ".join(header.split()).casefold()


def match(
    wanted: Mapping[str, tuple[Header, ...]], columns: Iterable[str]
) -> dict[str, tuple[str, Header]]:
    """Return, by the form's name of a column, the file's name of it and the header that it has."""
    present = {plain(column): column for column in columns}
    found = {}
    for name, known in wanted.items():
        for header in known:
            if plain(header.text) in present:
                found[name] = (present[plain(header.text)], header)
                break
    return found


def figures(form: Form, columns: Iterable[str]) -> list[Figure]:
    """Return every column of figures that a file has, for all pupils and for some of them.

    Examples
    --------
    >>> form = Form(
    ...     title="results",
    ...     identity={},
    ...     measures={"met": headers("PT")},
    ...     subgroups={"boys": ["_B"]},
    ... )
    >>> [figure.name for figure in figures(form, ["URN", "PT_B", "pt"])]
    ['met|all', 'met|boys']
    """
    columns = tuple(columns)
    found = []
    for subgroup, endings in {"all": ("",), **form.subgroups}.items():
        wanted = {
            measure: (
                *(
                    Header(header.text + ending, header.first, header.last)
                    for header in known
                    for ending in endings
                ),
                *form.inside.get(f"{measure}|{subgroup}", ()),
            )
            for measure, known in form.measures.items()
        }
        found += [
            Figure(measure, subgroup, column, header)
            for measure, (column, header) in match(wanted, columns).items()
        ]
    return found


def recognised(form: Form, head: Head, *, some_measure: bool = True) -> float:
    """Return how sure one may be that a file has this form: 0 no, nearly 1 as good as certain.

    What counts is how many of the file's columns the form explains; with `some_measure`, a form
    that declares measures has to find one of them.
    """
    found = match(form.columns, head.columns)
    if not needed(form, found) <= set(found) or any(head.has(name) for name in form.foreign):
        return 0.0
    if some_measure and form.measures and not set(form.measures) & set(found):
        return 0.0
    return 0.5 + 0.5 * len(found) / (len(found) + 3)


def needed(form: Form, found: Iterable[str]) -> set[str]:
    """Return the columns without which a file has not this form.

    A table without URNs may know a school by the numbers of authority and establishment.
    """
    numbered = {"la", "estab"} <= set(found) and bool(set(form.measures) & set(found))
    return set(form.required) - ({"urn"} if numbered else set())


def taken(form: Form, columns: Iterable[str]) -> list[str]:
    """Return the columns of a file that the form reads, in order."""
    columns = tuple(columns)
    known = {column for column, _ in match(form.identity, columns).values()}
    known |= {figure.column for figure in figures(form, columns)}
    known |= {column for column, _ in match(form.cohorts, columns).values()}
    return [column for column in columns if column in known]


def unread(form: Form, columns: Iterable[str]) -> list[str]:
    """Return the columns of a file that the form does not read, in order."""
    columns = tuple(columns)
    known = set(taken(form, columns))
    return [column for column in columns if column not in known]


def listed(columns: Iterable[str]) -> str:
    """Return names of columns for a sentence; a column without a name is called so.

    Examples
    --------
    >>> listed(["", "NOR"])
    '(unnamed), NOR'
    """
    return ", ".join(column or "(unnamed)" for column in columns)


def year_by_marks(form: Form, columns: Iterable[str]) -> tuple[str, set[int]] | None:
    r"""Return a header that names an earlier year, and the years that the file can then be of.

    Examples
    --------
    >>> form = Form(title="results", identity={}, marks=[YearMark(r"MET_(\d\d)")])
    >>> year_by_marks(form, ["MET", "MET_17", "MET_18"])
    ('MET_18', {2019})
    """
    for mark in form.marks:
        named = [
            (2000 + int(hit[1]), column)
            for column in columns
            if (hit := re.fullmatch(mark.pattern, column, re.IGNORECASE))
        ]
        if named:
            year, column = max(named)
            return column, {year + gap for gap in mark.gaps}
    return None


def structure_problems(form: Form, table: TextTable) -> list[Problem]:
    """Return what is wrong with a file's columns: one that is missing, one that is there twice."""
    found = match(form.columns, table.columns)
    used = {column for column, _ in found.values()}
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
        if name in needed(form, found) - set(found)
    ]
    return problems + [
        Problem(
            code="column.duplicate",
            file=table.file,
            row=1,
            column=name,
            rule="two columns have this name",
            remedy="Their figures may differ: keep the column that is meant and remove the other.",
        )
        for name in table.duplicates
        if name in used
    ]


def rename(form: Form, table: TextTable) -> tuple[pl.DataFrame, list[Problem]]:
    """Return the identity of a file's rows under the form's names, trimmed; and what is wrong."""
    chosen = [
        pl.col(column).str.strip_chars().alias(name)
        for name, (column, _) in match(form.identity, table.columns).items()
    ]
    frame = table.frame.select(ROW, *chosen)
    for name, words in form.words.items():
        if name in frame.columns:
            frame = frame.with_columns(pl.col(name).replace(words))
    return frame, structure_problems(form, table)


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


NO_URN = "the row has no URN"
IMPOSSIBLE = "the figure cannot be true"
UNFIT = (NO_URN, IMPOSSIBLE)
"""Reasons that are a fault of the row; for all others it is no business of the table."""


def rejected(table: TextTable, *aside: pl.DataFrame) -> int:
    """Count the rows that should have been usable: ragged ones, and those set aside as `UNFIT`."""
    rows = [frame.filter(pl.col("reason").is_in(UNFIT))["row"] for frame in aside]
    unfit = pl.concat([pl.Series("row", [], dtype=pl.Int64), *(r.cast(pl.Int64) for r in rows)])
    return unfit.n_unique() + len(table.row_problems)


def ragged(table: TextTable) -> pl.DataFrame:
    """Return, as rows set aside, those that did not fit under the header."""
    rows = [(p.row, p.rule, p.remedy, p.value) for p in table.row_problems]
    return pl.DataFrame(rows, schema=REJECTED, orient="row")
