"""Columns of figures that no declaration knows: each is a measure under its published name.

Some forms have other columns in every release: trusts' tables, Explore Education Statistics,
Welsh files. What a column means is then for the study to say, in its own table of measures.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import attrs
import polars as pl

from impactkit.engine.files import TextTable
from impactkit.readers.forms import Form, headers, plain, unread
from impactkit.tables.symbols import STATUS_OF, split_symbols


def measure_id(header: str, prefix: str = "") -> str:
    """Return a header as the id of a measure.

    Examples
    --------
    >>> measure_id("P8MEA_WGTAVG", "mat_"), measure_id("Attendance (%)"), measure_id("2019 total")
    ('mat_p8mea_wgtavg', 'attendance_percent', 'm_2019_total')
    """
    words = header.replace("%", " percent ").lower()
    name = prefix + re.sub(r"[^a-z0-9]+", "_", words).strip("_")
    return name if name[:1].isalpha() else f"m_{name}"


def figure_columns(frame: pl.DataFrame, columns: Iterable[str]) -> list[str]:
    """Return the columns that hold figures: most cells with anything but symbols are numbers.

    A word among figures is no reason to take a column for text: it will be an unknown symbol.

    Examples
    --------
    >>> rows = [("1", "one", ""), ("SUPP", "2", "NA"), ("x!", "three", "")]
    >>> figure_columns(pl.DataFrame(rows, schema=["a", "b", "c"], orient="row"), "abc")
    ['a']
    """
    found = []
    for column in columns:
        text = pl.col(column).str.strip_chars()
        value, _ = split_symbols(text)
        counts = frame.select(
            numbers=value.is_not_null().sum(),
            words=(value.is_null() & ~text.str.to_lowercase().is_in(list(STATUS_OF))).sum(),
        ).row(0)
        if counts[0] and counts[0] >= counts[1]:
            found.append(column)
    return found


def with_published(
    form: Form, text: TextTable, *, prefix: str = "", skip: Iterable[str] = ()
) -> Form:
    """Return a form with a measure for every column of figures that it does not know yet.

    A column that is another one and the ending of a subgroup is that other measure for some pupils.
    """
    skipped = {name.casefold() for name in skip}
    new = [name for name in unread(form, text.columns) if name.casefold() not in skipped]
    new = [name for name in new if name in text.frame.columns]
    endings = tuple(ending for group in form.subgroups.values() for ending in group)
    whole = {plain(name) for name in text.columns}
    new = [name for name in new if not _of_some(plain(name), endings, whole)]
    measures = {measure_id(name, prefix): headers(name) for name in figure_columns(text.frame, new)}
    return attrs.evolve(form, measures={**measures, **form.measures})


def _of_some(name: str, endings: Iterable[str], whole: Collection[str]) -> bool:
    """Tell whether a column is another one with the ending of a subgroup."""
    tails = (ending.casefold() for ending in endings)
    return any(name.endswith(tail) and name.removesuffix(tail) in whole for tail in tails)
