"""From an Excel workbook or a Parquet file to the same frame of text as from CSV."""

from __future__ import annotations

import io

import polars as pl

from impactkit.engine.decode import refuse
from impactkit.engine.delimited import from_rows
from impactkit.engine.header import ROW, Parsed, has_text, unique_names
from impactkit.errors import Problem


def read_workbook(data: bytes, file: str) -> Parsed:
    """Return the first sheet that is not empty, cell by cell as text.

    Dates come as ``2019-09-01 00:00:00``, whole numbers without a point. Rows above the first that
    has more than one cell are taken for a title. Other sheets with content are named in a note.

    Raises
    ------
    DataError
        It cannot be opened, or no sheet has a table.
    """
    import fastexcel

    try:
        book = fastexcel.read_excel(data)
        sheets = {
            name: book.load_sheet(name, header_row=None, dtypes="string").to_polars()
            for name in book.sheet_names
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
    parsed = from_rows(_rows(sheets[filled[0]]), file)
    if len(filled) == 1:
        return parsed
    others = ", ".join(filled[1:])
    note = Problem(
        code="file.sheets",
        file=file,
        severity="note",
        rule=f"sheet {filled[0]!r} was read; these were not: {others}",
        remedy="Save a sheet as a file of its own if it is wanted.",
    )
    return Parsed(
        columns=parsed.columns,
        frame=parsed.frame,
        row_problems=parsed.row_problems,
        notes=(*parsed.notes, note),
    )


def _rows(sheet: pl.DataFrame) -> list[tuple[int, list[str]]]:
    rows = [
        (number, [cell or "" for cell in row]) for number, row in enumerate(sheet.rows(), start=1)
    ]
    filled = [(number, row) for number, row in rows if any(cell.strip() for cell in row)]
    first = next(
        (i for i, (_, row) in enumerate(filled) if sum(bool(c.strip()) for c in row) > 1), 0
    )
    return filled[first:]


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
