"""Ofsted's inspections, as in its management information on state-funded schools.

Grades from 1 (outstanding) to 4 (inadequate) to August 2024; since September 2024 no overall grade,
and since 10 November 2025 report cards with six areas and five standards, which are other measures
and never compared with grades. Rows of a file tell of up to three inspections of a school: of its
report card, of its last graded inspection, and of the one before.

An outcome is of the academic year in which the inspection began. Schools are not inspected at
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
from impactkit.engine.files import ROW, read_text
from impactkit.errors import DataError, Problem
from impactkit.readers.forms import (
    NOTHING,
    Form,
    Header,
    figures,
    headers,
    match,
    ragged,
    rejected,
    set_aside,
)
from impactkit.readers.options import texts
from impactkit.readers.performance import long_figures
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
    "NTI": "1",
    "Special measures": "1",
    "Serious weaknesses": "1",
    "Notice to improve": "1",
}


@attrs.frozen
class Block:
    """What a file tells of one inspection: who was inspected when, and what was found."""

    name: str
    urn: tuple[Header, ...]
    date: tuple[Header, ...]
    measures: Mapping[str, tuple[Header, ...]]
    words: Mapping[str, str]


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


BLOCKS = (
    Block(
        "report card",
        headers("URN"),
        headers("Inspection start date", "First day of inspection"),
        {f"ofsted_{name}": headers(text) for name, text in CARD.items()},
        STANDARDS,
    ),
    Block(
        "graded inspection",
        headers("URN at time of latest OEIF graded inspection", "URN"),
        headers("Inspection start date of latest OEIF graded inspection"),
        {
            **{f"ofsted_{n}": headers(f"Latest OEIF {_lower(t)}") for n, t in GRADED.items()},
            "ofsted_category": headers("Latest OEIF category of concern"),
        },
        GRADES,
    ),
    Block(
        "graded inspection",
        headers("URN at time of latest full inspection", "URN"),
        headers("Inspection start date", "Inspection date", "First day of inspection"),
        {
            **{f"ofsted_{name}": headers(text) for name, text in GRADED.items()},
            "ofsted_category": headers("Category of concern"),
        },
        GRADES,
    ),
    Block(
        "graded inspection before",
        headers("URN at time of previous full inspection", "URN at time of previous inspection"),
        headers("Previous inspection start date", "Previous full inspection date"),
        {
            "ofsted_overall": headers(
                "Previous full inspection overall effectiveness", "Previous overall effectiveness"
            ),
            **{
                f"ofsted_{name}": headers(f"Previous {_lower(text)}")
                for name, text in GRADED.items()
                if name != "overall"
            },
            "ofsted_category": headers("Previous category of concern"),
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
        words={
            name: CONCERN if name == "ofsted_category" else block.words for name in block.measures
        },
    )
    found = match(form.columns, columns)
    found.pop("ofsted_category", None)
    return form if {"urn", "date"} < set(found) else None


def recognise(path: Path, head: Head) -> Recognised | None:
    """Tell whether a file is management information on inspections."""
    forms = [form for block in BLOCKS if (form := _present(block, head.columns))]
    if not forms:
        return None
    found = {figure.measure for form in forms for figure in figures(form, head.columns)}
    kinds = ", ".join(dict.fromkeys(form.title for form in forms))
    return Recognised(
        confidence=0.5 + 0.5 * len(found) / (len(found) + 3),
        what="inspections of state-funded schools (Ofsted management information)",
        notes=[f"It tells of: {kinds}.", f"It has {', '.join(sorted(found))}."],
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
        identity = match(form.identity, text.columns)
        rows = text.frame.select(
            ROW, *[pl.col(c).str.strip_chars().alias(n) for n, (c, _) in identity.items()]
        )
        held = ~pl.col("date").str.to_uppercase().is_in(["", "NULL"])
        aside.append(set_aside(rows.filter(~held), f"no {block.name} is told"))
        rows = rows.filter(held)
        day, bad = coerce(rows["date"], DAY)
        problems += summarise(faults(rows["date"], rows[ROW], bad, DAY, file))
        year = day.dt.year() + (day.dt.month() >= 9).cast(pl.Int32)
        rows = rows.with_columns(year=year.cast(pl.Int64)).filter(~bad)
        wanted = [
            figure
            for figure in figures(form, text.columns)
            if not options.measures or figure.measure in options.measures
        ]
        long, unknown = long_figures(rows, text, wanted, form)
        # A blank means that this inspection did not judge it: no figure was held back.
        frames.append(long.filter(pl.col("text").fill_null("") != ""))
        problems += unknown
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
    measures=tuple(dict.fromkeys(name for block in BLOCKS for name in block.measures)),
    source=SOURCE,
    met_real_file=False,
    notes=(
        "It has not met a real file: its headers are those that users of the files have. Grades "
        "and report cards are different measures. A grade is of the year of its inspection."
    ),
)
