"""Where the table starts: what stands above its header, and headers that stand among its rows."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence

import attrs
import polars as pl

from impactkit.engine.header import ROW, Parsed
from impactkit.errors import Problem

DELIMITERS = (",", "\t", ";", "|")
SAMPLE_BYTES = 1 << 18
SAMPLE_LINES = 60
MAX_TITLES = 10
"""How many rows may stand above a header."""

_NUMBER = re.compile(r"[£$+-]?[\d.,/: -]*\d[\d.,/: -]*%?")


@attrs.frozen
class Top:
    """The delimiter, where the header starts (byte, and row of the file), and what is above it."""

    delimiter: str
    start: int = 0
    row: int = 1
    above: tuple[str, ...] = ()


def find_delimiter(header: str) -> str:
    r"""Return the delimiter of a header line: whichever stands in it most, outside quotes.

    Examples
    --------
    >>> find_delimiter('"Name, in full"\tURN\tLA')
    '\t'
    """
    bare = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=bare.count)


def is_number(cell: str) -> bool:
    """Tell whether a cell holds a number, a share or a date, and so is no name of a column.

    Examples
    --------
    >>> [is_number(c) for c in ("100001", "£1,234.5", "84%", "01/09/2019", "2018/19 total", "URN")]
    [True, True, True, True, False, False]
    """
    return bool(_NUMBER.fullmatch(cell.strip()))


def find_top(data: bytes) -> Top:
    r"""Return where the header of delimited text starts.

    The first line that is not blank is the header, unless it is clearly a title: it fills at most
    half of the columns of a later line that reads as a header (names, each once, over rows as
    wide), or it has codes for some of the columns that such a line names, over numbers. A file for
    which neither holds keeps its first line, and the width of its rows tells.

    Examples
    --------
    >>> find_top(b"Schools, as at March\nURN,Name,LA,Phase\n100001,A,936,Primary\n")
    Top(delimiter=',', start=21, row=2, above=('Schools, as at March',))
    >>> find_top(b"URN,Name\n100001,A\n").row
    1
    """
    sample = data[:SAMPLE_BYTES]
    newline = b"\n" if b"\n" in sample else b"\r"
    lines: list[tuple[int, int, str]] = []  # byte, row, text
    at = 0
    for row, raw in enumerate(sample.split(newline)[: SAMPLE_LINES + MAX_TITLES], start=1):
        text = raw.decode(errors="ignore")
        if text.strip():
            lines.append((at, row, text))
        at += len(raw) + 1
    if not lines:
        return Top(delimiter=",")
    first = Top(delimiter=find_delimiter(lines[0][2]))
    if '"' in lines[0][2] and lines[0][2].count('"') % 2:
        return first  # a header over several lines
    for index, (start, row, text) in enumerate(lines[1 : MAX_TITLES + 1], start=1):
        delimiter = find_delimiter(text)
        names = _cells(text, delimiter)
        above = [line for _, _, line in lines[:index]]
        body = [line for _, _, line in lines[index + 1 :]]
        fullest = max(len(_filled(_cells(line, find_delimiter(line)))) for line in above)
        if (
            fullest <= len(names) / 2
            or _named_below(fullest, [names, *(_cells(line, delimiter) for line in body)])
        ) and _reads_as_header(names, body, delimiter):
            shown = tuple(" ".join(line.strip(",;|\t ").split())[:60] for line in above)
            return Top(delimiter=delimiter, start=start, row=row, above=shown)
    return first


def _cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line, as far as they can be told: this is a look, no reading."""
    try:
        return next(csv.reader([line.replace("\r", " ")], delimiter=delimiter), [])
    except csv.Error:
        return [line]


def _filled(cells: list[str]) -> list[str]:
    return [cell.strip() for cell in cells if cell.strip()]


def _named_below(above: int, rows: list[list[str]]) -> bool:
    """Tell whether a row of names, over numbers, is fuller than a row above it with `above` cells.

    The workbooks of academies' accounts have a row of codes, for the sums only, above the names.
    """
    return above < len(_filled(rows[0])) and names_over_numbers(rows)


def codes_above(rows: list[list[str]]) -> bool:
    """Tell whether the first of several rows has codes, and the second the names of columns.

    Examples
    --------
    >>> rows = [["100001", "1", "2"], ["100002", "3", "4"]]
    >>> codes_above([["", "E01", "E02"], ["URN", "Teachers", "Supply"], *rows])
    True
    >>> codes_above([["URN", "Teachers", "Supply"], *rows])
    False
    """
    return len(rows) > 1 and _named_below(len(_filled(rows[0])), rows[1:])


def _reads_as_header(names: list[str], body: list[str], delimiter: str) -> bool:
    filled = _filled(names)
    if len(names) < 2 or len(filled) <= len(names) / 2 or not body:
        return False
    if any(is_number(name) for name in filled) or len({n.casefold() for n in filled}) < len(filled):
        return False
    widths = Counter(len(_cells(line, delimiter)) for line in body)
    return abs(widths.most_common(1)[0][0] - len(names)) <= 1


def above_note(above: tuple[str, ...], file: str) -> list[Problem]:
    """Return the note that rows above the header were passed over, if there are any."""
    if not above:
        return []
    count = len(above)
    words = "row above the header was" if count == 1 else "rows above the header were"
    rule = f"{count} {words} passed over: {'; '.join(repr(line) for line in above)}"
    return [Problem(code="header.title", file=file, row=1, severity="note", rule=rule)]


def drop_headers(parsed: Parsed, file: str) -> Parsed:
    """Take headers out of the rows: the header again, or a second one of words under the first."""
    frame = parsed.frame
    if frame.width < 3 or not frame.height:
        return parsed
    again = _same_as_header(frame, parsed.columns)
    problems = [
        _no_row(row, file, "the header stands here again", "Were two files joined into one?")
        for row in frame.filter(again)[ROW]
    ]
    frame = frame.filter(~again)
    if names_over_numbers(frame.drop(ROW).head(SAMPLE_LINES).rows()):
        row = frame[ROW][0]
        rule = "the row reads as a second header: words where every other row has numbers"
        problems.append(_no_row(row, file, rule, "Keep one header row, with the names of columns."))
        frame = frame.slice(1)
    if not problems:
        return parsed
    return attrs.evolve(parsed, frame=frame, row_problems=(*parsed.row_problems, *problems))


def _no_row(row: int, file: str, rule: str, remedy: str) -> Problem:
    return Problem(code="row.header", file=file, row=row, rule=rule, remedy=remedy)


def _same_as_header(frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.Expr:
    names = [name for name in frame.columns if name != ROW]
    return pl.all_horizontal(
        pl.col(name).str.strip_chars().str.replace_all(r"\s+", " ") == header
        for name, header in zip(names, columns, strict=True)
        if header
    )


def names_over_numbers(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row is all words, over columns that otherwise hold numbers only."""
    if not rows:
        return False
    first, rest = rows[0], [row for row in rows[1:SAMPLE_LINES] if len(row) == len(rows[0])]
    if len(rest) < 2 or any(is_number(cell) for cell in first if cell):
        return False
    numeric = [
        all(is_number(row[i]) for row in rest if row[i]) and any(row[i] for row in rest)
        for i, cell in enumerate(first)
        if cell.strip()
    ]
    return len(numeric) > 1 and sum(numeric) > 1
