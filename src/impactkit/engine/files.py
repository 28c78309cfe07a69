"""The one door from a file to a frame of text: CSV (gzipped or not), XLSX, Parquet.

Everything comes in as text, because what a cell means is decided later and in one place: ``SUPP``
in a column of numbers is a fact to keep, ``01`` a code and not the number one.
"""

from __future__ import annotations

import csv
import hashlib
import io
from itertools import islice
from pathlib import Path
from typing import Any

import attrs
import polars as pl

from impactkit.declarations import Head
from impactkit.engine.decode import (
    PARQUET,
    ZIP,
    decode,
    kind_of,
    refuse,
    unpack,
)
from impactkit.engine.delimited import parse
from impactkit.engine.header import ROW, Parsed
from impactkit.engine.top import above_note, drop_headers, find_top
from impactkit.engine.workbook import read_parquet, read_workbook
from impactkit.errors import DataError, Problem

__all__ = ["ROW", "TextTable", "head", "read_text", "sha256"]

HEAD_BYTES = 1 << 18
HEAD_ROWS = 50


@attrs.frozen(kw_only=True, eq=False)
class TextTable:
    """A file as text.

    `frame` has the columns of the file under their own names (trimmed, runs of space made one), all
    `pl.String` with ``""`` for blank, and first `source_row`, the row as a spreadsheet shows it.
    `columns` is the header as it stands, duplicates included. `row_problems` are rows that could
    not be fitted under the header and so are not in the frame, one each; `notes` what a reader of
    the file should know.
    """

    file: str
    frame: pl.DataFrame
    columns: tuple[str, ...]
    kind: str = "csv"
    encoding: str = ""
    delimiter: str = ""
    row_problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()

    @property
    def n_rows(self) -> int:
        """Records in the file, those that do not fit included."""
        return self.frame.height + len(self.row_problems)

    @property
    def duplicates(self) -> tuple[str, ...]:
        """Names that stand more than once in the header."""
        return tuple(sorted({n for n in self.columns if n and self.columns.count(n) > 1}))


def read_text(path: str | Path, *, shown: str = "", fill_short: bool = False) -> TextTable:
    r"""Read a CSV, XLSX or Parquet file as text, whatever its name says that it is.

    Parameters
    ----------
    path
        The file. CSV may be gzipped; separated by comma, tab, semicolon or bar; in UTF-8 (with or
        without byte-order mark), UTF-16 or cp1252.
    shown
        What to call it in messages; its name, if nothing is given.
    fill_short
        Take the fields that a row of CSV lacks at its end as blank, and say so in a note; else such
        a row is a problem.

    Raises
    ------
    DataError
        Nothing of the file can be used: it is missing, empty, a web page, an archive, damaged, has
        bytes that no encoding explains, or a header that does not belong to its rows.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "members.csv").write_bytes(b"urn;role\n100001;client\n")
    >>> table = read_text(folder / "members.csv")
    >>> table.delimiter, table.frame.rows()
    (';', [(2, '100001', 'client')])
    """
    file = shown or Path(path).name
    data = _bytes_of(Path(path), file)
    kind = kind_of(data, file)
    if kind == "xlsx":
        return _table(file, read_workbook(data, file), kind=kind)
    if kind == "parquet":
        return _table(file, read_parquet(data, file), kind=kind)
    decoded = decode(data, file)
    top = find_top(decoded.data)
    parsed = parse(
        decoded.data[top.start :], top.delimiter, file, fill_short=fill_short, first_row=top.row
    )
    parsed = attrs.evolve(parsed, notes=(*above_note(top.above, file), *parsed.notes))
    return _table(file, parsed, kind=kind, encoding=decoded.encoding, delimiter=top.delimiter)


def _table(file: str, parsed: Parsed, **about: str) -> TextTable:
    parsed = drop_headers(parsed, file)
    return TextTable(
        file=file,
        frame=parsed.frame,
        columns=parsed.columns,
        row_problems=parsed.row_problems,
        notes=parsed.notes,
        **about,
    )


def _bytes_of(path: Path, file: str, limit: int | None = None) -> bytes:
    try:
        with path.open("rb") as stream:
            return unpack(stream, file, limit=limit)
    except FileNotFoundError:
        refuse("file.missing", file, "there is no such file", _nearby(path))
    except IsADirectoryError:
        refuse("file.folder", file, "this is a folder", "Name a file in it, or a pattern: *.csv.")
    except OSError as error:
        refuse("file.unreadable", file, f"it cannot be opened: {error.strerror}", "")


def _nearby(path: Path) -> str:
    import difflib

    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return "Its folder does not exist either. Check the path."
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean {close[0]}?" if close else "Check the name and the folder."


def head(path: str | Path, *, shown: str = "") -> tuple[Head | None, list[Problem]]:
    """Return the header and the first rows of a file, without reading the rest of a CSV.

    For a file that cannot be read, return None and why, as `read_text` would raise it.
    """
    path = Path(path)
    try:
        return _head_of(path, shown or path.name), []
    except DataError as error:
        return None, list(error.problems)


def _head_of(path: Path, file: str) -> Head:
    data = _bytes_of(path, file, HEAD_BYTES)
    if data.startswith((ZIP, PARQUET)):
        table = read_text(path, shown=file)
        rows = table.frame.head(HEAD_ROWS).drop(ROW).rows()
        return _head(path, table.columns, rows, kind=table.kind)
    kind_of(data, file)
    complete = data if len(data) < HEAD_BYTES else data[: data.rfind(b"\n") + 1]
    if not complete:
        rule = f"its first line is longer than {HEAD_BYTES // 1024} kB"
        refuse(
            "file.long_line", file, rule, "This is no table. Download or export it again.", row=1
        )
    decoded = decode(complete, file)
    top = find_top(decoded.data)
    text = decoded.data[top.start :].decode()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=top.delimiter)
    found: list[list[str]] = []
    try:
        found.extend(islice(reader, 2 * HEAD_ROWS))
    except csv.Error as error:
        if "field larger" in str(error):
            rule = "a field in it has no end: a quotation mark opens and is not closed"
            remedy = "Was the download cut short? Download or export it again."
        else:
            rule, remedy = f"its first rows are no table: {error}", "Save it again as CSV UTF-8."
        refuse("file.rows", file, rule, remedy, row=top.row + len(found))
    rows = [tuple(row) for row in found if any(cell.strip() for cell in row)][: HEAD_ROWS + 1]
    if not rows:
        refuse("file.empty", file, "the file is empty", "Download or export it again.")
    columns = tuple(" ".join(name.split()) for name in rows[0])
    about = {"encoding": decoded.encoding, "delimiter": top.delimiter, "kind": "csv"}
    return _head(path, columns, rows[1:], **about)


def _head(path: Path, columns: Any, rows: Any, **about: str) -> Head:
    return Head(path=path, columns=columns, rows=rows, **about)


def sha256(path: str | Path) -> str:
    """Return the SHA-256 digest of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
