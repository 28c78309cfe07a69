"""From an Excel workbook or a Parquet file to the same frame of text as from CSV."""

from __future__ import annotations

import io

import attrs
import polars as pl

from impactkit.engine.decode import refuse
from impactkit.engine.delimited import Numbered, from_rows
from impactkit.engine.header import ROW, Parsed, has_text, unique_names
from impactkit.engine.percent import Cells, percent_cells, shown_as_percent
from impactkit.engine.top import SAMPLE_LINES, above_note, codes_above
from impactkit.errors import Problem


def read_workbook(data: bytes, file: str) -> Parsed:
    """Return the largest sheet, or the last of several such, cell by cell as text.

    Dates come as ``2019-09-01 00:00:00``, whole numbers without a point, and what is shown as per
    cent with its sign: ``84%``. Rows that fill at most half of the columns are a title where they
    stand above all others; a note has them, and the other sheets that have any content. Sheets that
    no menu of Excel can show are left alone: programs keep lists to choose from there.

    Raises
    ------
    DataError
        It cannot be opened, or no sheet has a table.
    """
    import fastexcel

    try:
        book = fastexcel.read_excel(data)
        loaded = {
            name: book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
            for name in book.sheet_names
        }
        sheets = {
            name: sheet.to_polars()
            for name, sheet in loaded.items()
            if sheet.visible != "veryhidden"
        }
    except fastexcel.FastExcelError:
        refuse(
            "file.workbook",
            file,
            "the workbook cannot be read: it is damaged, or has a password",
            "Open it in Excel, remove the password, and save it as .xlsx again.",
        )
    filled = [name for name, sheet in sheets.items() if sheet.height and sheet.width]
    if not filled:
        refuse("file.empty", file, "no sheet of the workbook has any content")
    # Of sheets of one size the last: workbooks in two languages repeat the table for the second.
    chosen = max(reversed(filled), key=lambda name: _size(sheets[name]))
    above, rows = _titles(_rows(sheets[chosen], percent_cells(data).get(chosen, frozenset())))
    parsed = from_rows(rows, file)
    notes = above_note(above, file)
    if len(filled) > 1:
        others = ", ".join(name for name in filled if name != chosen)
        notes.append(
            Problem(
                code="file.sheets",
                file=file,
                severity="note",
                rule=f"sheet {chosen!r} was read; these were not: {others}",
                remedy="Save a sheet as a file of its own if it is wanted.",
            )
        )
    return attrs.evolve(parsed, notes=(*parsed.notes, *notes))


def _size(sheet: pl.DataFrame) -> int:
    return sheet.height * sheet.width


def _rows(sheet: pl.DataFrame, percent: Cells) -> Numbered:
    rows = [
        (number, [cell or "" for cell in row]) for number, row in enumerate(sheet.rows(), start=1)
    ]
    for number, column in percent:
        cells = rows[number - 1][1]
        cells[column] = shown_as_percent(cells[column])
    return [(number, row) for number, row in rows if any(cell.strip() for cell in row)]


def _titles(rows: Numbered) -> tuple[tuple[str, ...], Numbered]:
    """Part what stands above the header: rows that fill at most half of the columns, and codes."""
    enough = max(sum(bool(cell.strip()) for cell in row) for _, row in rows) / 2
    first = next(
        i for i, (_, row) in enumerate(rows) if sum(bool(cell.strip()) for cell in row) > enough
    )
    first += codes_above([row for _, row in rows[first : first + SAMPLE_LINES]])
    above = tuple(" ".join(" ".join(row).split())[:60] for _, row in rows[:first])
    return above, rows[first:]


def read_parquet(data: bytes, file: str) -> Parsed:
    """Return a Parquet file as text; its first record is row 2, as if it had a header.

    Raises
    ------
    DataError
        It is damaged, or has columns that cannot be written as text.
    """
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except pl.exceptions.PolarsError:
        refuse("file.parquet", file, "the Parquet file is damaged", "Write or download it again.")
    strange = [name for name, dtype in frame.schema.items() if not has_text(dtype)]
    if strange:
        names = ", ".join(strange)
        rule = f"columns that hold neither text nor numbers nor dates: {names}"
        refuse("column.type", file, rule, "Leave them out, or write them as text.")
    return as_text(frame)


def as_text(frame: pl.DataFrame) -> Parsed:
    """Return a typed frame as text, so that it goes through the same checks as any file.

    Examples
    --------
    >>> import datetime as dt
    >>> typed = pl.DataFrame({"joined": [dt.date(2019, 9, 1)], "with": [["a", "b"]]})
    >>> as_text(typed).frame.rows()
    [(2, '2019-09-01', 'a; b')]
    """
    columns = []
    for name, dtype in frame.schema.items():
        column = pl.col(name)
        if isinstance(dtype, pl.List):
            column = column.cast(pl.List(pl.String)).list.join("; ")
        columns.append(column.cast(pl.String).fill_null(""))
    names = [name for name in frame.columns if name != ROW]
    text = frame.select(columns)
    text = text if ROW in frame.columns else text.with_row_index(ROW, offset=2)
    text = text.with_columns(pl.col(ROW).cast(pl.Int64)).select(ROW, *names)
    text.columns = [ROW, *unique_names([" ".join(name.split()) for name in names])]
    return Parsed(columns=tuple(names), frame=text)
