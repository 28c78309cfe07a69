"""The report as a workbook, by the Analysis Function's checklist for accessible spreadsheets.

A cover, contents and notes; then one sheet a table, each table named and tagged, at the left edge,
with one header row and nothing below it. No merged cells, fill, filter, frozen pane or macro.
Numbers are numbers; a cell without one has a symbol in square brackets. Text that looks like a
formula or an address stays text.

Source: Government Analysis Function, *Releasing statistics in spreadsheets*.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import re
from typing import Any

import attrs

from impactkit.report.parts import Report
from impactkit.report.phrases import clean, count
from impactkit.report.sections import build
from impactkit.report.tables import digits_of, heading, shown, symbols_in
from impactkit.results import Column, Evaluation, Table

_LONGEST_CELL = 32_000  # Excel holds 32,767 characters
_LONGEST_SHEET = 31
_WIDEST, _NARROWEST = 60, 12


@attrs.frozen(kw_only=True)
class _Sheet:
    """A table with its place in the workbook and the numbers of its notes."""

    name: str
    tag: str
    table: Table
    notes: tuple[int, ...] = ()


def render_workbook(evaluation: Evaluation) -> bytes:
    """Return the report's tables as an xlsx file.

    Parameters
    ----------
    evaluation
        A finished evaluation, after disclosure control. Nothing else is read.

    Returns
    -------
    bytes
        The same evaluation gives the same bytes; the file's date is SOURCE_DATE_EPOCH, or 2000.

    Examples
    --------
    >>> render_workbook(Evaluation(title="Two counties"))[:2]
    b'PK'
    """
    import xlsxwriter

    report = build(evaluation)
    notes = list(dict.fromkeys(n for t in report.tables for n in _notes_of(t)))
    sheets = _name(report.tables, notes)
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        book.set_properties({"title": report.title, "created": _created()})
        book.formats[0].set_font_name("Arial")
        book.formats[0].set_font_size(12)
        styles = _styles(book)
        _cover(book.add_worksheet("Cover"), report, evaluation, styles)
        listed = [("Notes", "Notes to the tables")] if notes else []
        _contents(book.add_worksheet("Contents"), listed, sheets, styles)
        if notes:
            rows = [[f"note {i}", text] for i, text in enumerate(notes, start=1)]
            columns = [
                Column(name="n", label="Note", kind="text"),
                Column(name="text", label="What it says", kind="text"),
            ]
            table = Table(id="notes", title="Notes", columns=columns, rows=rows)
            sheet = _Sheet(name="Notes", tag="notes", table=table)
            _table(book.add_worksheet("Notes"), sheet, styles)
        for sheet in sheets:
            _table(book.add_worksheet(sheet.name), sheet, styles)
    return buffer.getvalue()


def _created() -> dt.datetime:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdigit():
        return dt.datetime.fromtimestamp(int(epoch), dt.UTC).replace(tzinfo=None)
    return dt.datetime(2000, 1, 1)  # xlsx demands a date; a clock would change the bytes


def _notes_of(table: Table) -> list[str]:
    source = f"Source: {clean(table.source)}" if table.source else ""
    return [text for text in (clean(table.note), source) if text]


def _name(tables: list[Table], notes: list[str]) -> list[_Sheet]:
    """Give each table a sheet name and a tag that nothing else has, and that Excel allows."""
    sheets = []
    for i, table in enumerate(tables, start=1):
        words = re.sub(r"[\[\]:*?/\\']", " ", clean(table.title))
        name = " ".join(f"{i} {words}".split())[:_LONGEST_SHEET].strip()
        tag = re.sub(r"[^A-Za-z0-9_]", "_", table.id)[:60]
        numbers = tuple(notes.index(n) + 1 for n in _notes_of(table))
        sheets.append(_Sheet(name=name, tag=f"table_{i}_{tag}", table=table, notes=numbers))
    return sheets


def _styles(book: Any) -> dict[str, Any]:
    base = {"font_name": "Arial", "font_size": 12, "valign": "top"}
    return {
        "book": book,
        "made": {},
        "title": book.add_format({**base, "bold": True, "font_size": 16}),
        "text": book.add_format({**base, "text_wrap": True}),
        "line": book.add_format(base),
        "head": book.add_format({**base, "bold": True, "text_wrap": True, "bottom": 1}),
        "headnumber": book.add_format(
            {**base, "bold": True, "text_wrap": True, "bottom": 1, "align": "right"}
        ),
        "symbol": book.add_format({**base, "align": "right"}),
        "link": book.add_format({**base, "font_color": "#12436D", "underline": 1}),
        "base": base,
    }


def _number(styles: dict[str, Any], digits: int) -> Any:
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    if pattern not in styles["made"]:
        styles["made"][pattern] = styles["book"].add_format(
            {**styles["base"], "num_format": pattern, "align": "right"}
        )
    return styles["made"][pattern]


def _cover(page: Any, report: Report, evaluation: Evaluation, styles: dict[str, Any]) -> None:
    page.set_column(0, 0, 100)
    page.write_string(0, 0, _fit(report.title), styles["title"])
    symbols = symbols_in(report.tables, blanks=True)
    profile = evaluation.disclosure.profile if evaluation.disclosure else ""
    lines = [
        "Evaluation report: the tables. The page report.html has the same results with charts.",
        *report.summary,
        *(f"Read with care: {caution}" for caution in report.cautions),
        f"{count(len(report.tables), 'table').capitalize()}, one a sheet; see Contents.",
        *(f"[{symbol}] in a cell: {meaning}." for symbol, meaning in symbols.items()),
        f"Disclosure control: profile {clean(profile)}."
        if profile
        else "Disclosure control has not been run: this is not for sharing.",
    ]
    for i, line in enumerate(lines, start=1):
        page.write_string(i, 0, _fit(line), styles["text"])


def _contents(
    page: Any, first: list[tuple[str, str]], sheets: list[_Sheet], styles: dict[str, Any]
) -> None:
    rows = [*first, *((s.name, clean(s.table.title)) for s in sheets)]
    page.write_string(0, 0, "Contents", styles["title"])
    page.write_string(
        1, 0, "This sheet has one table: the sheets and what each holds.", styles["line"]
    )
    page.set_column(0, 0, 40)
    page.set_column(1, 1, 80)
    _tag(page, "contents", 2, ["Sheet", "What it holds"], [styles["head"]] * 2, len(rows))
    for i, (name, title) in enumerate(rows, start=3):
        page.write_url(i, 0, f"internal:'{name}'!A1", styles["link"], name)
        page.write_string(i, 1, _fit(title), styles["text"])


def _table(page: Any, sheet: _Sheet, styles: dict[str, Any]) -> None:
    table = sheet.table
    page.write_string(0, 0, _fit(clean(table.title)), styles["title"])
    page.write_string(1, 0, _introduction(table), styles["line"])
    marks = "".join(f" [note {n}]" for n in sheet.notes)
    heads = _unique([_fit(heading(c)) for c in table.columns])
    heads[0] += marks
    numeric = [c.kind in ("count", "share", "number") for c in table.columns]
    formats = [styles["headnumber" if n else "head"] for n in numeric]
    _tag(page, sheet.tag, 2, heads, formats, len(table.rows))
    text = shown(table)
    for j, is_number in enumerate(numeric):
        style = _number(styles, digits_of(table, j)) if is_number else styles["text"]
        longest = max((len(row[j].text) for row in text), default=0)
        wide = max(len(heads[j]) * 0.6, longest) * 1.15 + 2
        page.set_column(j, j, min(_WIDEST, max(_NARROWEST, wide)))
        for i, row in enumerate(table.rows, start=3):
            value, cell = row[j], text[i - 3][j]
            if is_number and isinstance(value, int | float) and not cell.text.startswith("["):
                page.write_number(i, j, value, style)
            else:
                page.write_string(i, j, _fit(cell.text), styles["symbol"] if is_number else style)
        if not table.rows:
            page.write_string(3, j, "[z]" if j else "No rows", styles["text"])


def _introduction(table: Table) -> str:
    used = symbols_in([table], blanks=True)
    symbols = f" Symbols: {'; '.join(f'[{s}] {m}' for s, m in used.items())}." if used else ""
    notes = " Notes are on the sheet Notes." if table.note or table.source else ""
    return f"This sheet has one table.{symbols}{notes}"


def _tag(page: Any, name: str, top: int, heads: list[str], formats: list[Any], n_rows: int) -> None:
    """Make a named table with its header row; the cells are written afterwards."""
    columns = [
        {"header": head, "header_format": style} for head, style in zip(heads, formats, strict=True)
    ]
    page.add_table(
        top,
        0,
        top + max(1, n_rows),
        len(heads) - 1,
        {"name": name, "columns": columns, "style": None, "autofilter": False},
    )


def _unique(heads: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    out = []
    for head in heads:
        key = head.casefold()
        seen[key] = seen.get(key, 0) + 1
        out.append(head if seen[key] == 1 else f"{head} ({seen[key]})")
    return out


def _fit(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else text[:_LONGEST_CELL] + " … (cut)"
