"""From bytes to UTF-8: what kind of file it is, how it is encoded, and what is wrong with it.

Nothing here trusts the name of a file. A web page saved as ``.csv``, an archive, a workbook with a
password: each is told by its first bytes, and refused with the remedy.
"""

from __future__ import annotations

import codecs
import gzip
import re
import sys
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NoReturn

import attrs

from impactkit.errors import DataError, Problem

_BLOCK = 1 << 20
MAX_BYTES = 2_000_000_000
"""Largest file that is unpacked; a small archive can hold far more than any register."""

MAX_LINE = 10_000_000
"""Longest line of text, in bytes."""

GZIP, ZIP, _OLE, PARQUET, _PDF = (
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0",
    b"PAR1",
    b"%PDF",
)
_HTML = re.compile(rb"^\s*<(!doctype\s+html|html|head|body|\?xml)", re.IGNORECASE)
# UTF-8 text that was read as cp1252 and saved again shows these pairs in place of one letter; the
# last is that of Welsh circumflexes.
_SECOND_BYTES = re.escape(bytes(range(0x80, 0xC0)).decode("cp1252", errors="ignore"))
_UTF8_IN_CP1252 = re.compile(
    f"\u00c2[\u00a0-\u00bf]|\u00c3[{_SECOND_BYTES}]|\u00e2\u20ac|\u00c5[\u00b4-\u00b7]"
)
_NEWLINES = (b"\n", b"\r")


@attrs.frozen(kw_only=True, eq=False)
class Decoded:
    """The text of a file as UTF-8 bytes without byte-order mark, and how it was encoded before."""

    data: bytes
    encoding: str


def refuse(
    code: str, file: str, rule: str, remedy: str = "", *, row: int | None = None
) -> NoReturn:
    """Raise `DataError` for a file of which nothing can be used."""
    raise DataError(Problem(code=code, file=file, row=row, rule=rule, remedy=remedy))


def unpack(raw: BinaryIO, file: str, *, limit: int | None = None) -> bytes:
    r"""Return the content of a file, or what a gzipped one holds; at most the first `limit` bytes.

    It is read in blocks, and a line without end is refused before it fills the memory.

    Raises
    ------
    DataError
        The archive is cut short or damaged, or holds more than `MAX_BYTES`; or a line of text is
        longer than `MAX_LINE`.

    Examples
    --------
    >>> import io
    >>> unpack(io.BytesIO(gzip.compress(b"urn\n100001\n")), "a.csv.gz")
    b'urn\n100001\n'
    """
    packed = raw.read(len(GZIP)) == GZIP
    raw.seek(0)
    if not packed:
        return b"".join(_blocks(raw, file, limit))
    try:
        with gzip.GzipFile(fileobj=raw) as stream:
            data = b"".join(_blocks(stream, file, MAX_BYTES if limit is None else limit))
            more = limit is None and stream.read(1)
    except (EOFError, OSError, zlib.error):
        refuse(
            "file.truncated",
            file,
            "the compressed file is cut short or damaged",
            "Download it again.",
        )
    if more:
        refuse(
            "file.too_large",
            file,
            f"it unpacks to more than {MAX_BYTES / 1e9:.0f} GB",
            "Split it, or convert it to Parquet.",
        )
    return data


def _blocks(stream: BinaryIO | gzip.GzipFile, file: str, limit: int | None) -> Iterator[bytes]:
    """Return a file block by block, as long as each line of text comes to an end."""
    lines, length, left = 0, 0, sys.maxsize if limit is None else limit
    block = stream.read(min(_BLOCK, left))
    binary = block.startswith((ZIP, PARQUET, _OLE))
    while block:
        newline = b"\n" if b"\n" in block else b"\r"
        first, last = block.find(newline), block.rfind(newline)
        length += len(block) if first < 0 else first
        if length > MAX_LINE and not binary:
            rule = f"one line is longer than {MAX_LINE / 1e6:.0f} MB"
            remedy = "This is no table, or its line ends were lost. Download or export it again."
            refuse("file.long_line", file, rule, remedy, row=lines + 1)
        if first >= 0:
            length = len(block) - last - 1
            lines += block.count(newline)
        yield block
        left -= len(block)
        block = stream.read(min(_BLOCK, left))


def kind_of(data: bytes, file: str) -> str:
    r"""Return ``csv``, ``xlsx`` or ``parquet`` by content, or refuse the file with the remedy.

    Examples
    --------
    >>> kind_of(b"urn,role\n", "a.csv")
    'csv'
    >>> kind_of(b"<!DOCTYPE html><title>Not found</title>", "a.csv")
    Traceback (most recent call last):
    impactkit.errors.DataError: 1 problem:
      a.csv: this is a web page, not data. Open the address in ...
    """
    if not data.strip():
        refuse("file.empty", file, "the file is empty", "Download or export it again.")
    if data.startswith(PARQUET):
        return "parquet"
    if data.startswith(ZIP):
        return _kind_of_zip(data, file)
    if data.startswith(_OLE):
        refuse(
            "file.old_excel",
            file,
            "this is an Excel workbook of the old form (.xls), or one with a password",
            "Open it in Excel, remove the password, and save it as .xlsx or CSV.",
        )
    if data.startswith(_PDF):
        refuse("file.pdf", file, "this is a PDF, not data", "Ask for the CSV or the workbook.")
    if _HTML.match(data[:1024].removeprefix(codecs.BOM_UTF8)):
        refuse(
            "file.html",
            file,
            "this is a web page, not data",
            "Open the address in a browser: the download may have moved, or need a login.",
        )
    return "csv"


def _kind_of_zip(data: bytes, file: str) -> str:
    import io
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        refuse("file.truncated", file, "the workbook or archive is cut short", "Download it again.")
    if "xl/vbaProject.bin" in names:
        refuse(
            "file.macros",
            file,
            "the workbook holds macros, which are never run or trusted",
            "Save it as .xlsx, without macros.",
        )
    if "xl/workbook.xml" in names or "xl/workbook.bin" in names:
        return "xlsx"
    if {"mimetype", "content.xml"} <= names:
        refuse(
            "file.ods",
            file,
            "this is a workbook of OpenDocument (.ods)",
            "Open it in Excel or LibreOffice, and save the sheet as .xlsx or CSV.",
        )
    refuse(
        "file.zip",
        file,
        "this is a zip archive",
        "Unpack it, and name the file inside that you want.",
    )


def decode(data: bytes, file: str) -> Decoded:
    r"""Return text as UTF-8: from UTF-8 with or without mark, UTF-16 with mark, or else cp1252.

    Raises
    ------
    DataError
        Bytes that no encoding explains, NUL bytes, a byte-order mark in the middle (two files
        joined into one), or two encodings in one file. The row is the line of the file.

    Examples
    --------
    >>> decode("caf\u00e9".encode("cp1252"), "a.csv")
    Decoded(data=b'caf\xc3\xa9', encoding='cp1252')
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _from_utf16(data, file)
    marked = data.startswith(codecs.BOM_UTF8)
    body = data[len(codecs.BOM_UTF8) :] if marked else data
    _refuse_bytes(body, file)
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return Decoded(data=_from_cp1252(body, file).encode(), encoding="cp1252")
    return Decoded(data=body, encoding="utf-8-sig" if marked else "utf-8")


def _from_utf16(data: bytes, file: str) -> Decoded:
    try:
        return Decoded(data=data.decode("utf-16").encode(), encoding="utf-16")
    except UnicodeDecodeError:
        refuse(
            "file.encoding",
            file,
            "the file says that it is UTF-16, but it is not",
            "Save it again as CSV UTF-8.",
        )


def _refuse_bytes(data: bytes, file: str) -> None:
    for code, sign, rule, remedy in (
        (
            "file.nul",
            b"\0",
            "there is a NUL byte here, so this is no text file, or a damaged one",
            "Download it again, or save it as CSV UTF-8.",
        ),
        (
            "file.joined",
            codecs.BOM_UTF8,
            "a byte-order mark stands here, as it does where two files were joined into one",
            "Give the files one by one.",
        ),
    ):
        at = data.find(sign)
        if at >= 0:
            refuse(code, file, rule, remedy, row=line_of(data, at))


def _from_cp1252(data: bytes, file: str) -> str:
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        refuse(
            "file.encoding",
            file,
            f"byte {data[error.start]:#04x} fits neither UTF-8 nor Windows (cp1252)",
            "Save it again as CSV UTF-8.",
            row=line_of(data, error.start),
        )
    mixed = _UTF8_IN_CP1252.search(text)
    if mixed:
        refuse(
            "file.mixed_encoding",
            file,
            f"{mixed[0]!r} is a letter in UTF-8, but other lines are in Windows (cp1252)",
            "Two exports were joined: save the whole as CSV UTF-8, and check the names.",
            row=1 + text.count("\n", 0, mixed.start()),
        )
    return text


def line_of(data: bytes, position: int) -> int:
    """Return the number of the line, from 1, in which a byte stands."""
    newline = next((n for n in _NEWLINES if n in data), b"\n")
    return 1 + data.count(newline, 0, position)
