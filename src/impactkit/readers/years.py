"""Which academic year a file is about, from where the Department puts it."""

from __future__ import annotations

import re
from pathlib import Path

from impactkit.errors import Problem

_TWO = re.compile(r"(?<!\d)(20\d\d)[-_/]?(20)?(\d\d)(?!\d)")
_ONE = re.compile(r"(?<!\d)(20\d\d)(?!\d)")


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


def year_of(path: Path, given: int | None, file: str) -> tuple[int | None, list[Problem]]:
    """Return the year of a file: as given, or by its folder and name, which have to agree.

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
    years = years_in(path.parent.name) | years_in(path.name)
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
