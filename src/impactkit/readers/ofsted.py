"""Ofsted's inspections, as in its management information on state-funded schools.

Grades from 1 (outstanding) to 4 (inadequate) to August 2024; since September 2024 no overall grade,
and since 10 November 2025 report cards with six areas and five standards, which are other measures
and never compared with grades. Rows of a file tell of up to three inspections of a school: of its
report card, of its last graded inspection, and of the one before. Each is told under the URN that
the school had then, which in a file of latest inspections need not be the one that the row is for.

An outcome is of the academic year in which the inspection began; an area of a report card that was
graded again later, of the year of that. Schools are not inspected at
random times, so their grades are no yearly series: ask when a school was inspected, not what its
grade was in a year without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import polars as pl

from impactkit.declarations import ColumnSpec, Head, Reader, ReadResult, Recognised
from impactkit.engine.files import ROW, TextTable, read_text
from impactkit.errors import DataError, Problem
from impactkit.readers.forms import (
    NOTHING,
    Figure,
    Form,
    Header,
    figures,
    headers,
    match,
    ragged,
    rejected,
    set_aside,
    taken,
)
from impactkit.readers.long import long_figures
from impactkit.readers.options import texts
from impactkit.readers.registers import not_read
from impactkit.tables.coerce import coerce, faults
from impactkit.tables.measures_after import CARD, GRADED
from impactkit.tables.summary import summarise

SOURCE = "Ofsted, management information on state-funded schools"
GRADES = {
    "NULL": "",
    "Outstanding": "1",
    "Good": "2",
    "Requires improvement": "3",
    "Satisfactory": "3",
    "Inadequate": "4",
    "Not judged": "NA",
    "Not applicable": "NA",
    "0": "NA",
    "9": "NA",
}
STANDARDS = {
    "NULL": "",
    "Exceptional": "5",
    "Strong standard": "4",
    "Expected standard": "3",
    "Needs attention": "2",
    "Urgent improvement": "1",
    "Not judged": "NA",
    "Not applicable": "NA",
}
CONCERN = {
    "NULL": "0",
    "": "0",
    "SM": "1",
    "SWK": "1",
    "RSI": "1",
    "NTI": "1",
    "Special measures": "1",
    "Serious weaknesses": "1",
    "Requires significant improvement": "1",
    "Notice to improve": "1",
}


@attrs.frozen
class Block:
    """What a file tells of one inspection: who was inspected when, and what was found.

    `dated` are the columns with a day of its own for a finding.
    """

    name: str
    urn: tuple[Header, ...]
    date: tuple[Header, ...]
    measures: Mapping[str, tuple[Header, ...]]
    words: Mapping[str, str]
    dated: Mapping[str, tuple[Header, ...]] = attrs.field(factory=dict)


CATEGORY = "ofsted_category"
ALSO = {
    "outcomes": ("Outcomes for pupils",),
    "leadership": ("Leadership and management",),
    "early_years": ("Early years provision",),
    "sixth_form": (
        "16 - 19 study programmes",
        "16-19 study programmes",
        "16 to 19 study programmes",
        "16 to 19 study programmes (where applicable)",
        "Sixth form provision",
    ),
}
"""Other names that judgements had in files from 2005 to 2019."""


def _graded(start: str = "") -> dict[str, tuple[Header, ...]]:
    """Return the columns of a graded inspection, whose names may have something before them."""

    def named(text: str) -> str:
        return f"{start} {text[0].lower()}{text[1:]}" if start else text

    found = {
        f"ofsted_{name}": headers(*map(named, (text, *ALSO.get(name, ()))))
        for name, text in GRADED.items()
    }
    return {**found, CATEGORY: headers(named("Category of concern"))}


BLOCKS = (
    Block(
        "report card",
        headers("URN at time of latest full inspection", "URN"),
        headers("Inspection start date", "First day of inspection"),
        {
            **{f"ofsted_{name}": headers(text) for name, text in CARD.items()},
            CATEGORY: headers("Category of concern"),
        },
        STANDARDS,
        {
            f"ofsted_{name}": headers(f"{text.removesuffix(' (where applicable)')} - date of grade")
            for name, text in CARD.items()
        },
    ),
    Block(
        "graded inspection",
        headers("URN at time of latest OEIF graded inspection", "URN"),
        headers("Inspection start date of latest OEIF graded inspection"),
        _graded("Latest OEIF"),
        GRADES,
    ),
    Block(
        "graded inspection",
        headers(
            "URN at time of latest graded inspection",
            "URN at time of latest full inspection",
            "URN",
        ),
        headers("Inspection start date", "Inspection date", "First day of inspection"),
        _graded(),
        GRADES,
    ),
    Block(
        "graded inspection before",
        headers(
            "URN at time of previous graded inspection",
            "URN at time of previous full inspection",
            "URN at time of previous inspection",
        ),
        headers("Previous inspection start date", "Previous full inspection date"),
        {
            **_graded("Previous"),
            "ofsted_overall": headers(
                "Previous graded inspection overall effectiveness",
                "Previous full inspection overall effectiveness",
                "Previous overall effectiveness",
            ),
        },
        GRADES,
    ),
)
DAY = ColumnSpec(name="inspection date", dtype="date")


@attrs.frozen(kw_only=True)
class InspectionOptions:
    """What a study may say beside `path`: the `measures` wanted, by default all."""

    measures: Any = attrs.field(default=(), converter=texts)


def _present(block: Block, columns: tuple[str, ...]) -> Form | None:
    """Return a block as a form, if a file has the date and a finding of it."""
    form = Form(
        title=block.name,
        identity={"urn": block.urn, "date": block.date},
        measures=block.measures,
        words={name: CONCERN if name == CATEGORY else block.words for name in block.measures},
    )
    found = match(form.columns, columns)
    found.pop(CATEGORY, None)
    return form if {"urn", "date"} < set(found) else None


def recognise(path: Path, head: Head) -> Recognised | None:
    """Tell whether a file is management information on inspections."""
    forms = [(block, form) for block in BLOCKS if (form := _present(block, head.columns))]
    if not forms:
        return None
    found = {figure.measure for _, form in forms for figure in figures(form, head.columns)}
    kinds = ", ".join(dict.fromkeys(block.name for block, _ in forms))
    read = {column for _, form in forms for column in taken(form, head.columns)}
    read |= {
        column for block, _ in forms for column, _ in match(block.dated, head.columns).values()
    }
    rest = [column for column in head.columns if column not in read]
    return Recognised(
        confidence=0.5 + 0.5 * len(found) / (len(found) + 3),
        what="inspections of state-funded schools (Ofsted management information)",
        notes=[
            f"It tells of: {kinds}.",
            f"It has {', '.join(sorted(found))}.",
            *not_read(rest),
        ],
        columns_read=[column for column in head.columns if column in read],
        unread=rest,
    )


def read(
    path: str | Path, options: InspectionOptions | None = None, spec: Any = None, *, shown: str = ""
) -> ReadResult:
    """Read inspections into outcomes, each in the academic year in which it began."""
    options = options or InspectionOptions()
    file = shown or Path(path).name
    try:
        text = read_text(path, shown=file, fill_short=True)
    except DataError as error:
        return ReadResult(frame=NOTHING, table="outcomes", problems=error.problems)
    frames, aside, problems = [], [ragged(text)], list(text.notes)
    for block in BLOCKS:
        form = _present(block, text.columns)
        if form is None:
            continue
        found, nothing, told = _inspections(block, form, text, options)
        frames.append(found)
        aside.append(set_aside(nothing, f"no {block.name} is told"))
        problems += told
    if not frames:
        problems.append(_no_inspections(file))
        return ReadResult(frame=NOTHING, table="outcomes", problems=problems, n_rows=text.n_rows)
    return ReadResult(
        frame=pl.concat(frames, how="diagonal").drop("text"),
        table="outcomes",
        set_aside=pl.concat(aside),
        problems=problems,
        n_rows=text.n_rows,
        n_rejected=rejected(text),
    )


def _inspections(
    block: Block, form: Form, text: TextTable, options: InspectionOptions
) -> tuple[pl.DataFrame, pl.DataFrame, list[Problem]]:
    """Return the findings of a block, the rows that tell of no such inspection, and what is wrong.

    A blank means that this inspection did not judge it: no figure was held back. Not to be in a
    category of concern is a finding only where something was judged.
    """
    rows = text.frame.select(
        ROW,
        *[
            pl.col(column).str.strip_chars().alias(name)
            for name, (column, _) in match(form.identity, text.columns).items()
        ],
    )
    held = _filled("date")
    nothing, rows = rows.filter(~held), rows.filter(held)
    own = {name: column for name, (column, _) in match(block.dated, text.columns).items()}
    wanted: dict[str, list[Figure]] = {}
    for figure in figures(form, text.columns):
        if not options.measures or figure.measure in options.measures:
            wanted.setdefault(own.get(figure.measure, ""), []).append(figure)
    frames, problems = [], []
    for column, findings in wanted.items():
        dated = rows
        if column:
            day = pl.col(column).str.strip_chars()
            days = rows.join(text.frame.select(ROW, _own=day), on=ROW, how="left")
            date = pl.when(_filled("_own")).then("_own").otherwise("date")
            dated = days.with_columns(date=date).drop("_own")
        dated, wrong = _in_years(dated, text.file)
        long, unknown = long_figures(dated, text, findings, form)
        frames.append(long.filter(pl.col("text").fill_null("") != ""))
        problems += [*wrong, *unknown]
    if not frames:
        return NOTHING.with_columns(text=pl.lit("")), nothing, problems
    found = pl.concat(frames, how="diagonal")
    judged = found.filter(pl.col("measure") != CATEGORY)[ROW].implode()
    unjudged = (pl.col("measure") == CATEGORY) & (pl.col("value") == 0) & ~pl.col(ROW).is_in(judged)
    return found.filter(~unjudged), nothing, problems


def _filled(name: str) -> pl.Expr:
    return ~pl.col(name).str.to_uppercase().is_in(["", "NULL"])


def _in_years(rows: pl.DataFrame, file: str) -> tuple[pl.DataFrame, list[Problem]]:
    """Give rows the academic year of their date; those whose date cannot be read are told."""
    day, bad = coerce(rows["date"], DAY)
    year = day.dt.year() + (day.dt.month() >= 9).cast(pl.Int32)
    dated = rows.with_columns(year=year.cast(pl.Int64)).filter(~bad)
    return dated, summarise(faults(rows["date"], rows[ROW], bad, DAY, file))


def _no_inspections(file: str) -> Problem:
    return Problem(
        code="column.missing",
        file=file,
        row=1,
        column="Inspection start date",
        rule="no column tells when a school was inspected and what was found",
        remedy="Is it the sheet with one row a school?",
    )


READER = Reader(
    id="ofsted.inspections",
    title="Inspections, from Ofsted's management information",
    table="outcomes",
    recognise=recognise,
    read=read,
    options=InspectionOptions,
    years=tuple(range(2006, 2027)),
    events=True,
    measures=tuple(dict.fromkeys(name for block in BLOCKS for name in block.measures)),
    source=SOURCE,
    met_real_file=False,
    notes=(
        "It has not met a real file, only the headers and words of published ones: all inspections "
        "of 2005 to 2019, latest inspections of 2018 to 2026. Grades and report cards are "
        "different measures. A grade is of the year of its inspection."
    ),
)
