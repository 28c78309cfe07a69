"""Cells that a workbook shows as per cent: it keeps 0.84 where people see 84%.

What a person sees is what they mean, so it is what is read. The library that reads the cells does
not tell how they are shown; the sheet's own XML does.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

_BUILT_IN = {9, 10}
"""Numbers of the built-in formats ``0%`` and ``0.00%``."""

_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
"""What in a number format is shown as it stands, or is a colour or condition."""

Cells = frozenset[tuple[int, int]]
"""Places of cells: row from 1 as in the sheet, column from 0 as in the table read."""


def percent_cells(data: bytes) -> dict[str, Cells]:
    """Return, by sheet, the places of the numbers that are shown as per cent.

    A workbook whose XML is unusual has none: its cells are then read as they are kept.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            styles = _percent_styles(book)
            if not styles:
                return {}
            return {name: _cells(book, part, styles) for name, part in _sheets(book)}
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError):
        return {}


def shown_as_percent(text: str) -> str:
    """Return a kept number as the per cent that is shown.

    Examples
    --------
    >>> shown_as_percent("0.84"), shown_as_percent("-0.125"), shown_as_percent("SUPP")
    ('84%', '-12.5%', 'SUPP')
    """
    try:
        return f"{round(float(text) * 100, 10):.12g}%"
    except ValueError:
        return text


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _percent_styles(book: zipfile.ZipFile) -> set[str]:
    """Return the numbers of the cell styles whose number format ends in a per cent sign."""
    if "xl/styles.xml" not in book.namelist():
        return set()
    root = ElementTree.fromstring(book.read("xl/styles.xml"))
    formats = set(_BUILT_IN)
    for element in root.iter():
        if _local(element.tag) == "numFmt" and "%" in _LITERAL.sub(
            "", element.get("formatCode", "")
        ):
            formats.add(int(element.get("numFmtId", "0")))
    styles = next((e for e in root.iter() if _local(e.tag) == "cellXfs"), None)
    if styles is None:
        return set()
    return {str(i) for i, xf in enumerate(styles) if int(xf.get("numFmtId", "0")) in formats}


def _sheets(book: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Return the name of each sheet and the part of the archive that it is in."""
    relations = ElementTree.fromstring(book.read("xl/_rels/workbook.xml.rels"))
    targets = {relation.get("Id"): relation.get("Target", "") for relation in relations}
    for element in ElementTree.fromstring(book.read("xl/workbook.xml")).iter():
        if _local(element.tag) != "sheet":
            continue
        key = next((v for k, v in element.attrib.items() if _local(k) == "id"), "")
        target = targets.get(key, "")
        if "worksheets" in target:
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            yield element.get("name", ""), part


def _cells(book: zipfile.ZipFile, part: str, styles: set[str]) -> Cells:
    found: list[tuple[int, int]] = []
    first = None
    with book.open(part) as stream:
        for _, element in ElementTree.iterparse(stream):
            if _local(element.tag) == "row":
                element.clear()
            if _local(element.tag) != "c" or not len(element):
                continue
            column = _column(element.get("r", ""))
            first = column if first is None else min(first, column)
            if element.get("s") in styles and element.get("t", "n") == "n":
                found.append((_row(element.get("r", "")), column))
    return frozenset((row, column - (first or 0)) for row, column in found)


def _row(place: str) -> int:
    return int(place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def _column(place: str) -> int:
    number = 0
    for letter in place.rstrip("0123456789"):
        number = number * 26 + ord(letter) - 64
    return number - 1
