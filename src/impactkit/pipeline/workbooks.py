"""Workbooks to fill in: one for each table that only an authority can supply.

What a column may hold is taken from the table's spec, so that a workbook asks for what the reader
takes. Excel refuses a cell that the reader would refuse, as far as Excel can tell; checks over rows
and between tables are left to `impactkit check`. The header has the names of the columns, each with
a comment; all of it stands in ``guide.xlsx`` too, with examples.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impactkit.errors import Problem, UsageError, did_you_mean

if TYPE_CHECKING:
    from impactkit.declarations import ColumnSpec, TableSpec

ROWS = 5_000
"""Rows that a sheet checks; more may be filled in."""

WORKED_OUT = ("school_key", "status", "se", "se_method")
"""Columns that impactkit makes itself of the others."""

GUIDE = "guide"
WORDS = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "date": "date",
    "bool": "yes or no",
    "list": "several, with ; between them",
}
FIRST_DAY, LAST_DAY = dt.date(1950, 1, 1), dt.date(2100, 12, 31)
LIMIT = 1e15
SHORT = {"title": 32, "message": 255}
"""Characters that Excel allows in the title and the text of a message."""


def write_workbooks(folder: str | Path, tables: Iterable[str] = ()) -> list[Path]:
    """Write a workbook a table, and a guide to all of them; nothing is overwritten.

    Parameters
    ----------
    folder
        Made if it is not there.
    tables
        Names; none: every table that only an authority, trust or consortium can supply.

    Returns
    -------
    list of Path
        The files, the guide first.

    Raises
    ------
    UsageError
        With every name that no table has, and every file that is there already.
    """
    from impactkit.pipeline.core import default_registry

    known = default_registry().tables
    chosen = list(tables) or [name for name, spec in known.items() if only_theirs(spec)]
    folder = Path(folder)
    problems = [
        Problem(
            code="new.unknown_table",
            value=name,
            rule="there is no table of that name",
            remedy=did_you_mean(name, known),
        )
        for name in chosen
        if name not in known
    ]
    problems += [
        Problem(
            code="new.taken",
            file=name,
            rule="it is there already, and may have been filled in",
            remedy="Give another folder, or the names of the tables that you want.",
        )
        for name in [f"{name}.xlsx" for name in (GUIDE, *chosen)]
        if (folder / name).exists()
    ]
    if folder.is_file():
        problems.append(Problem(code="new.taken", file=folder.name, rule="it is no folder"))
    if problems:
        raise UsageError(problems)
    specs = [known[name] for name in chosen]
    content = {GUIDE: guide(specs), **{spec.name: workbook(spec) for spec in specs}}
    return _write({f"{name}.xlsx": data for name, data in content.items()}, folder)


def only_theirs(spec: TableSpec) -> bool:
    """Tell whether a table has no other source than the authority itself."""
    from impactkit.declarations import TableSpec

    return spec.supplied_by == TableSpec(name="", columns=()).supplied_by


def _write(content: Mapping[str, bytes], folder: Path) -> list[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in content.items():
            handle, draft = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(draft).chmod(0o644)
            Path(draft).replace(folder / name)
    except OSError as error:
        rule = f"it cannot be written ({error.strerror})"
        raise UsageError(Problem(code="new.unwritable", file=str(folder), rule=rule)) from error
    return [folder / name for name in content]


def workbook(spec: TableSpec) -> bytes:
    """Return the workbook of one table: a sheet to fill in, and lists that nobody sees."""
    columns = to_fill(spec)

    def fill(book: Any) -> None:
        sheet = book.add_worksheet(spec.name[:31])
        lists = book.add_worksheet("lists")
        heads = {True: _head(book, "#1D4E89"), False: _head(book, "#5B7083")}
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        lacking = book.add_format({"bg_color": "#F6C6C6"})
        for j, column in enumerate(columns):
            sheet.write_string(0, j, column.name, heads[needed(column)])
            comment = {"x_scale": 2, "y_scale": 1.5, "author": "impactkit"}
            sheet.write_comment(0, j, "\n".join(explained(column)), comment)
            wide = max(len(column.name) + 2, 12)
            sheet.set_column(j, j, wide, day if column.dtype == "date" else None)
            allowed = _allowed(column)
            if allowed:
                lists.write_column(0, j, allowed)
            rule = _rule(column, _range("lists", j, len(allowed)) if allowed else "")
            sheet.data_validation(1, j, ROWS, j, rule)
            if needed(column):
                row = f"$A2:${_letter(len(columns) - 1)}2"
                empty = f"=AND(COUNTA({row})>0,ISBLANK({_letter(j)}2))"
                rule = {"type": "formula", "criteria": empty, "format": lacking}
                sheet.conditional_format(1, j, ROWS, j, rule)
        sheet.freeze_panes(1, 0)
        lists.very_hidden()

    return _book(fill)


def guide(specs: Iterable[TableSpec]) -> bytes:
    """Return the guide: what each table is, and what each of its columns may hold."""

    def fill(book: Any) -> None:
        sheet = book.add_worksheet(GUIDE)
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        heads = (
            "table",
            "column",
            "needed",
            "what",
            "kind",
            "unit or limits",
            "choices",
            "example",
        )
        for j, (name, wide) in enumerate(zip(heads, (22, 22, 8, 48, 16, 24, 48, 24), strict=True)):
            sheet.write_string(0, j, name, _head(book, "#1D4E89"))
            sheet.set_column(j, j, wide, wrap)
        i = 0
        for spec in specs:
            for column in to_fill(spec):
                i += 1
                row = (
                    spec.name,
                    column.name,
                    "yes" if needed(column) else "",
                    column.description + (_PERSONAL if column.personal else ""),
                    WORDS[column.dtype],
                    _limits(column),
                    "; ".join(_allowed(column)),
                    column.example,
                )
                for j, text in enumerate(row):
                    sheet.write_string(i, j, text)
        sheet.freeze_panes(1, 2)
        sheet.autofilter(0, 0, i, len(heads) - 1)

    return _book(fill)


_PERSONAL = " A code of your own, never a name or a number that others know."


def to_fill(spec: TableSpec) -> list[ColumnSpec]:
    """Return the columns that a person fills in: all but those that are worked out."""
    return [column for column in spec.columns if column.name not in WORKED_OUT]


def needed(column: ColumnSpec) -> bool:
    """Tell whether a row without it is no row."""
    return column.required and not column.nullable


def explained(column: ColumnSpec) -> list[str]:
    """Return what a person has to know to fill a column in, a line each."""
    lines = [column.description + (_PERSONAL if column.personal else "")]
    lines.append(f"{WORDS[column.dtype].capitalize()}; "
                 f"{'needed in every row' if needed(column) else 'may be blank'}.")  # fmt: skip
    lines += [f"{limits}."] if (limits := _limits(column)) else []
    lines += [f"Example: {column.example}"] if column.example else []
    return lines


def _limits(column: ColumnSpec) -> str:
    parts = [column.unit] if column.unit and column.unit not in ("URN", "measured") else []
    if column.low is not None and column.high is not None:
        parts.append(f"{column.low:g} to {column.high:g}")
    elif column.low is not None:
        parts.append(f"{column.low:g} or more")
    return ", ".join(parts)


def _allowed(column: ColumnSpec) -> tuple[str, ...]:
    return ("yes", "no") if column.dtype == "bool" else column.values


def _rule(column: ColumnSpec, source: str) -> dict[str, Any]:
    """Return what Excel is to check of a cell, and to say of it."""
    rule: dict[str, Any] = {"validate": "any"}
    low = -LIMIT if column.low is None else column.low
    high = LIMIT if column.high is None else column.high
    if source:
        rule = {"validate": "list", "source": source}
    elif column.dtype == "int":
        rule = {"validate": "integer", "criteria": "between", "minimum": low, "maximum": high}
    elif column.dtype == "float" and column.unit != "measured":
        rule = {"validate": "decimal", "criteria": "between", "minimum": low, "maximum": high}
    elif column.dtype == "date":
        rule = {
            "validate": "date",
            "criteria": "between",
            "minimum": FIRST_DAY,
            "maximum": LAST_DAY,
        }
    text = " ".join(explained(column))
    return rule | {
        "input_title": column.name[: SHORT["title"]],
        "input_message": text[: SHORT["message"]],
        "error_title": column.name[: SHORT["title"]],
        "error_message": f"Expected: {text}"[: SHORT["message"]],
    }


def _range(sheet: str, column: int, n: int) -> str:
    letter = _letter(column)
    return f"={sheet}!${letter}$1:${letter}${n}"


def _letter(column: int) -> str:
    from xlsxwriter.utility import xl_col_to_name

    return str(xl_col_to_name(column))


def _head(book: Any, colour: str) -> Any:
    return book.add_format({"bold": True, "font_color": "#FFFFFF", "bg_color": colour})


def _book(fill: Callable[[Any], None]) -> bytes:
    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        # The time of writing would be in the file: the same spec gives the same bytes.
        book.set_properties({"created": dt.datetime(2000, 1, 1)})
        fill(book)
    return buffer.getvalue()
