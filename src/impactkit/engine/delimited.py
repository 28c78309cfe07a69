"""From delimited text to a frame of text, with every row that does not fit accounted for.

A regular file goes through polars, and so does one whose rows may stop early and do. Which it is is
counted first, on the bytes: polars fills up a short row without a word. Anything else goes through
Python's own csv reader, which is several times slower and misses nothing.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from typing import TYPE_CHECKING

import attrs
import polars as pl

from impactkit.engine.decode import refuse
from impactkit.engine.header import ROW, Parsed, fit_header, refuse_width
from impactkit.errors import Problem

if TYPE_CHECKING:
    import numpy as np

MAX_FIELD = 1_000_000
"""Longest field, in characters; a longer one is an unclosed quotation mark or no data at all."""

Numbered = list[tuple[int, list[str]]]
"""Rows of cells, each with its number in the file."""

_QUOTE = re.compile(rb'[^,\t;|\r\n"]"[^,\t;|\r\n"]')


def field_counts(data: bytes, delimiter: str) -> tuple[np.ndarray, bool]:
    r"""Count the fields of each record; and tell whether the last quotation mark was closed.

    Examples
    --------
    >>> counts, closed = field_counts(b'a,b\n"1,\n2",3\n4', ",")
    >>> counts.tolist(), closed
    ([2, 2, 1], True)
    """
    import numpy as np

    if not data.endswith(b"\n"):
        data += b"\n"
    codes = np.frombuffer(data, dtype=np.uint8)
    newline, separator = codes == 10, codes == ord(delimiter)
    closed = True
    if b'"' in data:
        inside = np.logical_xor.accumulate(codes == 34)
        closed = not bool(inside[-1])
        newline &= ~inside
        separator &= ~inside
    ends = np.flatnonzero(newline)
    if not len(ends):
        return np.zeros(0, dtype=np.int64), closed
    starts = np.concatenate(([0], ends[:-1] + 1))
    return np.add.reduceat(separator, starts, dtype=np.int64) + 1, closed


def parse(
    data: bytes, delimiter: str, file: str, *, fill_short: bool = False, first_row: int = 1
) -> Parsed:
    """Return the table in UTF-8 text, whatever the shape of its rows.

    The text starts with the header, which is row `first_row` of the file.

    With `fill_short` a row may stop early, and its last fields are blank: so the Department writes
    aggregate rows and schools without results. But a last row that no newline ends, and that stops
    where few others do, was cut, and what came after it is missing.

    Raises
    ------
    DataError
        The header is followed by no row that fits it, quotation marks don't pair, or the last row
        was cut.
    """
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    counts, closed = field_counts(data, delimiter)
    plain = closed and len(counts) > 1 and counts[0] > 1 and not _QUOTE.search(data)
    regular = plain and bool((counts[1:] == counts[1]).all())
    if regular or (plain and fill_short and _only_short(counts, cut=not data.endswith(b"\n"))):
        width = int(counts[1] if regular else counts[0])
        parsed = _parse_regular(data, delimiter, width=width, file=file, first_row=first_row)
        short = 0 if regular else int((counts[1:] < width).sum())
        if parsed is not None:
            return attrs.evolve(parsed, notes=(*parsed.notes, *_notes(file, short=short)))
    return _parse_any(data.decode(), delimiter, file, fill_short=fill_short, first_row=first_row)


def _only_short(counts: np.ndarray, *, cut: bool) -> bool:
    """Tell whether rows fit or stop early, and nothing else is amiss with any of them.

    A row of one field may be blank; a last row without a newline, shorter than most, may have been
    cut; and when every row lacks one field, it is the header that has one too many.
    """
    width, body = counts[0], counts[1:]
    alike = (body == body[-1]).sum()
    fits = body.max() == width and body.min() > 1
    return bool(fits and not (cut and body[-1] < width and alike <= 2))


def _parse_regular(
    data: bytes, delimiter: str, *, width: int, file: str, first_row: int
) -> Parsed | None:
    start = _end_of_header(data)
    try:
        header = next(csv.reader(io.StringIO(data[:start].decode()), delimiter=delimiter))
        frame = pl.read_csv(
            data[start:],
            has_header=False,
            separator=delimiter,
            schema={f"column_{i}": pl.String for i in range(width)},
            empty_string_is_null=False,
        )
    except (pl.exceptions.PolarsError, csv.Error):
        return None
    frame = frame.fill_null("").with_row_index(ROW, offset=first_row + 1)
    return fit_header(header, frame, file)


def _end_of_header(data: bytes) -> int:
    at = data.index(b"\n")
    while data.count(b'"', 0, at) % 2:
        at = data.index(b"\n", at + 1)
    return at + 1


def _parse_any(text: str, delimiter: str, file: str, *, fill_short: bool, first_row: int) -> Parsed:
    before = csv.field_size_limit(MAX_FIELD)  # of the whole process, hence put back below
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    try:
        rows.extend(reader)
    except csv.Error as error:
        row = len(rows) + first_row
        if "field larger" in str(error):
            refuse(
                "file.long_field",
                file,
                f"one field is longer than {MAX_FIELD:,} characters",
                "Was the file cut, or is it no table? Download or export it again.",
                row=row,
            )
        if "new-line" in str(error):
            refuse(
                "file.line_ends",
                file,
                "a line ends here in another way than the others",
                "Were two files joined? Save it again as CSV UTF-8.",
                row=row,
            )
        refuse(
            "file.quotes",
            file,
            "a quotation mark opens here and is never closed, or is closed in mid-field",
            "Was the download cut short? Download it again; inside a field write the mark twice.",
            row=row,
        )
    finally:
        csv.field_size_limit(before)
    numbered = [
        (number, row)
        for number, row in enumerate(rows, start=first_row)
        if any(cell.strip() for cell in row)
    ]
    if not numbered:
        refuse("file.empty", file, "the file is empty", "Download or export it again.")
    filled = 0
    if fill_short:
        if not text.endswith(("\n", "\r")):
            _refuse_cut(numbered, file)
        numbered, filled = _fill_short(numbered)
    parsed = from_rows(numbered, file)
    notes = _notes(file, blank=len(rows) - len(numbered), short=filled)
    return attrs.evolve(parsed, notes=(*parsed.notes, *notes))


def _notes(file: str, *, blank: int = 0, short: int = 0) -> list[Problem]:
    """Say how many rows were blank, and how many stopped early."""
    were = "blank row was" if blank == 1 else "blank rows were"
    stop = "row stops" if short == 1 else "rows stop"
    counts = (
        ("row.blank", blank, f"{were} passed over"),
        ("row.short", short, f"{stop} before the last column; the rest was taken as blank"),
    )
    return [
        Problem(code=code, file=file, severity="note", rule=f"{count:,} {rule}")
        for code, count, rule in counts
        if count
    ]


def _refuse_cut(numbered: Numbered, file: str) -> None:
    """Refuse a file whose last row, which has no line end, stops where few others do."""
    width, (number, last) = len(numbered[0][1]), numbered[-1]
    alike = sum(len(row) == len(last) for _, row in numbered)
    extra = all(len(row) == width - 1 for _, row in numbered[1:])
    # Where other rows stop there too they were written so; where all do, the header has one more.
    if len(last) < width and alike <= 2 and not extra:
        refuse(
            "file.cut",
            file,
            f"the last row stops after {len(last)} of {width} fields, and no line end follows",
            "The download was cut short. Download it again.",
            row=number,
        )


def _fill_short(numbered: Numbered) -> tuple[Numbered, int]:
    width = len(numbered[0][1])
    if all(len(row) == width - 1 for _, row in numbered[1:]):
        return numbered, 0
    short = [len(row) < width for _, row in numbered]
    rows = [
        (number, row + [""] * (width - len(row)) if is_short else row)
        for (number, row), is_short in zip(numbered, short, strict=True)
    ]
    return rows, sum(short)


def from_rows(numbered: Numbered, file: str) -> Parsed:
    """Return the table in rows of cells, the header first, each with its number in the file."""
    (_, header), body = numbered[0], numbered[1:]
    width = _usual_width(header, [row for _, row in body])
    kept: Numbered = []
    problems: list[Problem] = []
    for number, row in body:
        extra = row[width:]
        if len(row) < width or any(cell.strip() for cell in extra):
            problems.append(_ragged(number, row, width, file))
        else:
            kept.append((number, row[:width]))
    if problems and not kept:
        usual = Counter(len(row) for _, row in body).most_common(1)[0][0]
        refuse_width(len(header), usual, file)
    columns = zip(*(row for _, row in kept), strict=True) if kept else [()] * width
    frame = pl.DataFrame(
        {f"column_{i}": pl.Series(column, dtype=pl.String) for i, column in enumerate(columns)}
    )
    numbers = pl.Series(ROW, [number for number, _ in kept], dtype=pl.Int64)
    parsed = fit_header(header, frame.insert_column(0, numbers), file)
    return attrs.evolve(parsed, row_problems=tuple(problems))


def _usual_width(header: list[str], body: list[list[str]]) -> int:
    """Return the width that rows should have: that of the header, unless all rows lack its last."""
    widths = Counter(map(len, body))
    if set(widths) == {len(header) - 1} and len(header) > 2:
        return len(header) - 1
    return len(header)


def _ragged(number: int, row: list[str], width: int, file: str) -> Problem:
    return Problem(
        code="row.ragged",
        file=file,
        row=number,
        value=",".join(row)[:200],
        rule=f"the row has {len(row)} field{'s' * (len(row) != 1)} where the header has {width}",
        remedy="Is a comma in a name not between quotation marks, or was the file cut short?",
    )
