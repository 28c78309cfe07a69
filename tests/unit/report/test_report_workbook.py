from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from impactkit.report import render_workbook
from impactkit.results import Column, Estimate, Evaluation, MetricResult, Table

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
Maker = Callable[..., Evaluation]


@attrs.frozen
class Sheet:
    """One sheet as it is in the file: cells as text or numbers, the XML, and its tagged tables."""

    name: str
    cells: dict[tuple[int, int], str | float]
    xml: ET.Element
    tables: list[ET.Element]


def read(data: bytes) -> list[Sheet]:
    """Read a workbook from its XML alone, with no library that could smooth over its faults."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        names = book.namelist()
        strings = [
            "".join(t.text or "" for t in item.iter(f"{MAIN}t"))
            for item in ET.fromstring(book.read("xl/sharedStrings.xml"))
        ]
        sheets = []
        listed = ET.fromstring(book.read("xl/workbook.xml")).iter(f"{MAIN}sheet")
        for i, listing in enumerate(listed, start=1):
            xml = ET.fromstring(book.read(f"xl/worksheets/sheet{i}.xml"))
            relations = f"xl/worksheets/_rels/sheet{i}.xml.rels"
            targets = []
            if relations in names:
                targets = [r.attrib["Target"] for r in ET.fromstring(book.read(relations))]
            tables = [
                ET.fromstring(book.read("xl/" + t.removeprefix("../")))
                for t in targets
                if "tables/" in t
            ]
            sheets.append(Sheet(listing.attrib["name"], _cells(xml, strings), xml, tables))
        return sheets


def _cells(xml: ET.Element, strings: list[str]) -> dict[tuple[int, int], str | float]:
    cells: dict[tuple[int, int], str | float] = {}
    for cell in xml.iter(f"{MAIN}c"):
        value = cell.find(f"{MAIN}v")
        if value is None or value.text is None:
            continue
        where = _place(cell.attrib["r"])
        cells[where] = strings[int(value.text)] if cell.get("t") == "s" else float(value.text)
    return cells


def _place(reference: str) -> tuple[int, int]:
    letters, digits = re.fullmatch(r"([A-Z]+)(\d+)", reference).groups()  # type: ignore[union-attr]
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return int(digits), column


def area(table: ET.Element) -> tuple[int, int, int, int]:
    """Return top, left, bottom and right of a tagged table."""
    first, last = table.attrib["ref"].split(":")
    return (*_place(first), *_place(last))


def test_the_first_sheets_are_cover_contents_and_notes(make_evaluation: Maker) -> None:
    """The cover has the title and the summary; the contents list every other sheet, in order."""
    sheets = read(render_workbook(make_evaluation()))
    names = [s.name for s in sheets]
    assert names[:3] == ["Cover", "Contents", "Notes"]
    cover = [str(v) for v in sheets[0].cells.values()]
    assert cover[0] == "Federations in two counties"
    assert any("no effect was found" in line for line in cover)
    assert any(line.startswith("[c] in a cell: withheld to protect people") for line in cover)
    listed = [v for (row, column), v in sheets[1].cells.items() if column == 1 and row > 3]
    assert listed == names[2:]


def test_each_table_is_tagged_at_the_left_edge_with_nothing_below(make_evaluation: Maker) -> None:
    """One table a sheet, named, unlike any other; the header row right below the introduction."""
    sheets = read(render_workbook(make_evaluation()))
    tags = []
    for sheet in sheets[1:]:
        assert len(sheet.tables) == 1, sheet.name
        top, left, bottom, _ = area(sheet.tables[0])
        assert (top, left) == (3, 1)
        assert max(row for row, _ in sheet.cells) == bottom
        tags.append(sheet.tables[0].attrib["displayName"])
    assert len(tags) == len({t.casefold() for t in tags}) > 8
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", tag) for tag in tags)
    assert len({s.name.casefold() for s in sheets}) == len(sheets)
    assert all(len(s.name) <= 31 for s in sheets)


def test_no_cell_in_a_table_is_empty_and_headers_are_unique(make_evaluation: Maker) -> None:
    """What has no value has a symbol; the tagged header names are those in the cells."""
    for sheet in read(render_workbook(make_evaluation()))[1:]:
        top, left, bottom, right = area(sheet.tables[0])
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                assert sheet.cells.get((row, column), "") != "", (sheet.name, row, column)
        heads = [sheet.cells[top, column] for column in range(left, right + 1)]
        assert len({str(h).casefold() for h in heads}) == len(heads)
        tagged = [c.attrib["name"] for c in sheet.tables[0].iter(f"{MAIN}tableColumn")]
        assert tagged == heads


def test_what_the_checklist_forbids_is_absent(make_evaluation: Maker) -> None:
    """No merged cells, filters, frozen panes, hidden rows, fills, text boxes, headers or macros."""
    data = render_workbook(make_evaluation())
    for sheet in read(data):
        tags = {element.tag.removeprefix(MAIN) for element in sheet.xml.iter()}
        assert not tags & {"mergeCells", "autoFilter", "pane", "drawing", "headerFooter"}
        assert not [e for e in sheet.xml.iter() if e.get("hidden")]
        assert not [t for table in sheet.tables for t in table.iter(f"{MAIN}autoFilter")]
        painted = [t for table in sheet.tables for t in table.iter(f"{MAIN}tableStyleInfo")]
        assert not [t for t in painted if t.get("name")], "a table style fills cells"
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        styles = book.read("xl/styles.xml").decode()
        assert not [n for n in book.namelist() if "vba" in n.lower() or "drawing" in n.lower()]
    assert set(re.findall(r'patternType="(\w+)"', styles)) <= {"none", "gray125"}
    assert 'wrapText="1"' in styles


def test_notes_are_numbered_in_headers_and_explained(make_evaluation: Maker) -> None:
    """The table with a note and a source says [note 1] [note 2], and the sheet Notes has both."""
    sheets = read(render_workbook(make_evaluation()))
    notes = {v for (row, _), v in sheets[2].cells.items() if row > 3}
    assert notes == {
        *(f"note {i}" for i in range(1, 5)),
        "Remark 1: The base period, zero by construction.",
        "Remark 1: Protects people: the count is below the threshold of dfe-school.",
        "Leaders new to post in 2016.",
        "Source: The authority's own register",
    }
    heads = [str(s.cells[3, 1]) for s in sheets[3:]]
    noted = ["Estimate of [note 1]", "Estimate of [note 2]", "Level [note 3] [note 4]"]
    assert [h for h in heads if "note" in h] == noted


def test_numbers_are_numbers_and_withheld_cells_symbols(make_evaluation: Maker) -> None:
    """Full precision is kept, with a format for reading; a withheld cell holds "[c]"."""
    sheets = read(render_workbook(make_evaluation()))
    found = next(s for s in sheets if "Pupil-teacher ratio estimates" in s.name)
    assert found.cells[4, 2] == -0.12
    assert found.cells[4, 3] == -0.708
    people = next(s for s in sheets if "Where leaders" in s.name)
    assert [people.cells[6, c] for c in range(1, 5)] == ["Other", "[c]", "[c]", "[c]"]
    assert "[c] withheld to protect people" in str(people.cells[2, 1])


def test_text_is_never_a_formula_nor_a_link(make_evaluation: Maker) -> None:
    """Names that begin like formulas or addresses stay text, and odd characters don't break it."""
    names = ["=1+1", "+44", "-x", "@SUM(A1)", "http://evil.example", "a\x00b\x0b", "👍" * 20_000]
    table = Table(
        id="=1:\\/?*[]",
        title="=HYPERLINK('x') [a]:b*c?d/e\\f " * 10,
        columns=[Column(name="a", label="=A", kind="dimension"), Column(name="b", label="=a")],
        rows=[[name, float("inf")] for name in names],
    )
    result = MetricResult(metric="x.y", tables=(table, table))
    data = render_workbook(make_evaluation(results=(result,)))
    sheets = read(data)
    assert not [e for s in sheets for e in s.xml.iter(f"{MAIN}f")]
    hostile = [s for s in sheets if "HYPERLINK" in s.name]
    assert len(hostile) == 2
    assert hostile[0].cells[4, 1] == "=1+1"
    assert hostile[0].cells[4, 2] == "[x]"
    assert hostile[0].cells[9, 1] == "ab "
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        assert not [n for n in book.namelist() if b"evil.example" in book.read(n) and "rels" in n]


@pytest.mark.parametrize("fields", [{}, {"disclosure": None}, {"results": ()}])
def test_the_same_evaluation_gives_the_same_bytes(
    make_evaluation: Maker, fields: dict[str, Any]
) -> None:
    """No clock in the file; and the order of fields in evaluation.json doesn't matter."""
    assert render_workbook(make_evaluation(**fields)) == render_workbook(make_evaluation(**fields))


def test_the_date_is_that_of_the_environment(
    make_evaluation: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SOURCE_DATE_EPOCH is the only date there is; 86400 is 2 January 1970."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    with zipfile.ZipFile(io.BytesIO(render_workbook(make_evaluation()))) as book:
        assert "1970-01-02T00:00:00Z" in book.read("docProps/core.xml").decode()


def test_an_empty_evaluation_is_still_a_workbook() -> None:
    """Only the words are left: a table without rows is not made."""
    names = [s.name for s in read(render_workbook(Evaluation(title="")))]
    assert names[:2] == ["Cover", "Contents"]


def test_a_table_without_rows_says_so(make_evaluation: Maker) -> None:
    """A plugin's empty table has one row that says that there are none."""
    columns = [Column(name="a"), Column(name="b", kind="text")]
    tables = (
        Table(id="t", title="Nobody", columns=columns, rows=[]),
        Table(id="u", title="Nothing", columns=[], rows=[[], []]),
    )
    result = MetricResult(metric="x.y", estimates=(Estimate(value=1.0),), tables=tables)
    sheets = read(render_workbook(make_evaluation(results=(result,))))
    nobody = next(s for s in sheets if "Nobody" in s.name)
    assert [nobody.cells[4, 1], nobody.cells[4, 2]] == ["No rows", "[z]"]
    assert not [s for s in sheets if "Nothing" in s.name]
