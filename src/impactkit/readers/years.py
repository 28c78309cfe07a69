"""Which academic year a file is about: by where the Department puts it, and by its columns."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable
from pathlib import Path

from impactkit.errors import Problem
from impactkit.readers.forms import Form, figures, match, year_by_marks

_TWO = re.compile(r"(?<!\d)(20\d\d)\s?[-_/]?\s?(20)?(\d\d)(?!\d)")
_DAY = re.compile(r"(?<!\d)(20\d\d)[-_]?(\d\d)(?:[-_]?(\d\d))?(?!\d)")
_ONE = re.compile(r"(?<!\d)(20\d\d)(?!\d)")
_FOLDER = re.compile(r"20\d\d(\s?[-_/]?\s?(20)?\d\d)?")
"""A folder of one year; `round-2026` is a study's, and says nothing about the files in it."""


def years_in(name: str) -> set[int]:
    """Return the academic years, by their ends, that a name speaks of.

    Two years that follow one another are one academic year; else a year stands for itself.

    Examples
    --------
    >>> years_in("2018_england_swf.csv"), years_in("201718_abs"), years_in("2016-2017_936_ks2final")
    ({2018}, {2018}, {2017})
    >>> years_in("england_swf.csv")
    set()
    """
    pairs = {
        int(first) + 1
        for first, _, second in _TWO.findall(name)
        if (int(first) + 1) % 100 == int(second)
    }
    return pairs or {int(year) for year in _ONE.findall(name)}


def extract_day(name: str) -> dt.date | None:
    """Return the day of an extract of a register by its path: its last, or the end of a month.

    Examples
    --------
    >>> extract_day("gias/2024-03-29/links_edubasealldata20240329.csv")
    datetime.date(2024, 3, 29)
    >>> extract_day("2022-08_group_links.csv"), extract_day("group_links.csv")
    (datetime.date(2022, 8, 31), None)
    """
    found = []
    for year, month, day in _DAY.findall(name):
        if 1 <= int(month) <= 12:
            last = calendar.monthrange(int(year), int(month))[1]
            if not day or 1 <= int(day) <= last:
                found.append(dt.date(int(year), int(month), int(day or last)))
    return max(found, default=None)


def year_of(path: Path, given: int | None, file: str) -> tuple[int | None, list[Problem]]:
    """Return the year of a file: as given, or by its folder and name, which have to agree.

    A folder counts if it is named by a year and nothing else.

    Examples
    --------
    >>> year_of(Path("2018/england_swf.csv"), None, "england_swf.csv")
    (2018, [])
    >>> print(year_of(Path("2018/2017_abs.csv"), None, "2017_abs.csv")[1][0])
    2017_abs.csv: its folder and name speak of different years: 2017, 2018. Rename it, or say which
    it is with `year` in the study file.
    """
    if given is not None:
        return given, []
    # Absolute, so that it does not depend on where the command is run.
    folder = path.absolute().parent.name
    years = years_in(path.name) | (years_in(folder) if _FOLDER.fullmatch(folder) else set())
    if len(years) == 1:
        return years.pop(), []
    if years:
        shown = ", ".join(str(year) for year in sorted(years))
        rule = f"its folder and name speak of different years: {shown}"
        remedy = "Rename it, or say which it is with `year` in the study file."
        return None, [Problem(code="year.conflict", file=file, rule=rule, remedy=remedy)]
    rule = "neither its folder nor its name says which year it is about"
    remedy = "Put it into a folder named by the year, 2018/, or give `year` in the study file."
    return None, [Problem(code="year.missing", file=file, rule=rule, remedy=remedy)]


def file_year(
    path: Path, given: int | None, form: Form, columns: Iterable[str], file: str
) -> tuple[int | None, list[Problem]]:
    """Return the year of the tables that a file belongs to, and what speaks against it.

    What the user gives goes before all else, then folder and name; the columns have to agree, and
    settle it alone where nothing else does.
    """
    columns = tuple(columns)
    marked = year_by_marks(form, columns)
    year, problems = year_of(path, given, file)
    if year is None and marked and [p.code for p in problems] == ["year.missing"]:
        header, years = marked
        if len(years) == 1:
            (year,) = years
            rule = f"the column {header!r} tells that the file is of {year}"
            note = Problem(code="year.columns", file=file, row=1, severity="note", rule=rule)
            return year, [note]
    if year is None:
        return None, problems
    against = _contradiction(year, form, columns, marked)
    if against is None:
        return year, problems
    column, rule = against
    return year, [
        Problem(
            code="year.header",
            file=file,
            row=1,
            column=column,
            rule=f"the file should be of {year}, but {rule}",
            remedy="Is it in the wrong folder? Rename it, or give `year` in the study file.",
            severity="warning" if given is not None else "error",
        )
    ]


def _contradiction(
    year: int, form: Form, columns: Iterable[str], marked: tuple[str, set[int]] | None
) -> tuple[str, str] | None:
    """Return a column that a file of this year cannot have, and why."""
    if marked and year not in marked[1]:
        years = " or ".join(str(y) for y in sorted(marked[1]))
        return marked[0], f"has this column, as files of {years} do"
    known = [header for _, header in match(form.identity, columns).values()]
    known += [figure.header for figure in figures(form, columns)]
    for header in known:
        if header.first and header.first > year:
            return header.text, f"has this column since {header.first}"
        if header.last and header.last < year:
            return header.text, f"had this column until {header.last} only"
    return None
