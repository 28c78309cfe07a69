"""Workbooks to fill in: they ask for what the reader takes, and read back as filled in."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from functools import cache
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import polars as pl
import pytest

from impactkit.pipeline.workbooks import needed, only_theirs, to_fill, write_workbooks
from impactkit.readers.plain import read
from impactkit.synthetic import county
from impactkit.tables import core_tables, validate

SPECS = {spec.name: spec for spec in core_tables() if only_theirs(spec)}
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
EXCEL_DAY_0 = dt.date(1899, 12, 30)


@cache
def tables():
    """Return a county's own tables."""
    return county(seed=3, n_schools=80, full=True, pairs=0.3, ends=0.3).tables


@cache
def sheet_of(path):
    """Return the XML of the sheet that a person sees."""
    with zipfile.ZipFile(path) as book:
        return book.read("xl/worksheets/sheet1.xml").decode()


def typed_in(path, columns, rows):
    """Type rows into a workbook as Excel would save them, and change nothing else of it."""
    sheet = sheet_of(path)
    styles = {
        j: col.get("style")
        for col in ElementTree.fromstring(sheet).iter(f"{MAIN}col")
        for j in range(int(col.get("min")) - 1, int(col.get("max")))
    }

    def cell(i, j, value):
        at = f"{chr(65 + j)}{i}"
        if value is None:
            return ""
        if isinstance(value, bool):
            value = "yes" if value else "no"
        if isinstance(value, list):
            value = "; ".join(value)
        if isinstance(value, dt.date):
            return f'<c r="{at}" s="{styles[j]}"><v>{(value - EXCEL_DAY_0).days}</v></c>'
        if isinstance(value, int | float):
            return f'<c r="{at}"><v>{value!r}</v></c>'
        return f'<c r="{at}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'

    lines = "".join(
        f'<row r="{i}">{"".join(cell(i, j, row[c]) for j, c in enumerate(columns))}</row>'
        for i, row in enumerate(rows, start=2)
    )
    assert "</sheetData>" in sheet
    filled = path.with_name(f"filled_{path.name}")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(filled, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                data = sheet.replace("</sheetData>", f"{lines}</sheetData>").encode()
            new.writestr(name, data)
    return filled


def invented(spec):
    """Return one row for a table that the county does not have."""
    days = {
        "date": dt.date(2019, 9, 1),
        "bool": True,
        "list": ["100001"],
        "float": 1.0,
        "int": 2019,
    }
    return {
        column.name: column.values[0] if column.values
        else 100001 if column.unit == "URN"
        else int(column.low or 1) if column.dtype == "int" and column.high is not None
        else days.get(column.dtype, column.example or "late_arrivals")
        for column in to_fill(spec)
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write every workbook once."""
    made = tmp_path_factory.mktemp("workbooks")
    write_workbooks(made)
    return made


def test_there_is_a_workbook_for_every_table_that_only_an_authority_has(folder):
    """And none for what the Department publishes; the guide explains them all."""
    made = {path.stem for path in folder.glob("*.xlsx") if not path.stem.startswith("filled")}
    assert made >= {*SPECS, "guide"}
    assert not made & {"schools", "school_links", "outcomes", "school_years"}
    told = pl.read_excel(folder / "guide.xlsx")
    for spec in SPECS.values():
        rows = told.filter(pl.col("table") == spec.name)
        assert rows["column"].to_list() == [column.name for column in to_fill(spec)]
    lists = dict(told.filter(pl.col("table") == "needs").select("column", "choices").iter_rows())
    assert lists["kind"] == "need; strength"


@pytest.mark.parametrize("name", SPECS)
def test_a_workbook_filled_in_reads_back_without_a_complaint(name, folder):
    """What was typed is what comes out, with the right types, and nothing is remarked upon."""
    spec = SPECS[name]
    given = tables().get(name)
    rows = [invented(spec)] if given is None else given.head(40).to_dicts()
    columns = [column.name for column in to_fill(spec)]
    rows = [{column: row.get(column) for column in columns} for row in rows]
    path = typed_in(folder / f"{name}.xlsx", columns, rows)
    raw = read(path, spec=spec)
    assert not raw.problems
    checked = validate(raw.frame, spec, file=path.name)
    assert not [str(problem) for problem in checked.problems]
    for column in columns:
        got = checked.frame[column].to_list()
        want = [row[column] for row in rows]
        assert got == [value or None if value == [] else value for value in want], column


@pytest.mark.parametrize("name", SPECS)
def test_every_cell_has_its_check_and_every_needed_column_shows_when_blank(name, folder):
    """Lists to choose from are those of the spec, in a sheet that no menu shows."""
    sheet = sheet_of(folder / f"{name}.xlsx")
    rules = {
        rule.get("sqref")[0]: "".join(rule.itertext())
        for rule in ElementTree.fromstring(sheet).iter(f"{MAIN}dataValidation")
    }
    with zipfile.ZipFile(folder / f"{name}.xlsx") as book:
        assert 'state="veryHidden"' in book.read("xl/workbook.xml").decode()
        assert any("comments" in part for part in book.namelist())
    blank = set(re.findall(r"ISBLANK\(([A-Z])2\)", sheet))
    for j, column in enumerate(to_fill(SPECS[name])):
        letter = chr(65 + j)
        assert letter in rules
        assert (letter in blank) == needed(column)
        if column.values or column.dtype == "bool":
            n = len(column.values) or 2
            assert f"lists!${letter}$1:${letter}${n}" in rules[letter]


def test_only_some_workbooks_and_never_over_one_that_is_there(impactkit, tmp_path):
    """Names choose; a name that is none is asked about; what was filled in is safe."""
    done = impactkit("new", "templates", tmp_path / "w", "needs", "barriers")
    assert done.code == 0, done.err
    assert sorted(p.name for p in (tmp_path / "w").iterdir()) == [
        "barriers.xlsx",
        "guide.xlsx",
        "needs.xlsx",
    ]
    before = (tmp_path / "w/needs.xlsx").read_bytes()
    again = impactkit("new", "templates", tmp_path / "w", "needs")
    assert again.code == 2
    assert "needs.xlsx" in again.err
    assert (tmp_path / "w/needs.xlsx").read_bytes() == before
    wrong = impactkit("new", "templates", tmp_path / "v", "neds")
    assert wrong.code == 2
    assert "needs" in wrong.err
    assert not (tmp_path / "v").exists()


def test_the_same_workbook_is_the_same_bytes(tmp_path):
    """No clock is in it."""
    one, other = (write_workbooks(tmp_path / name, ["finance"]) for name in ("a", "b"))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in other]


def test_sheets_that_a_person_hid_are_still_named(tmp_path):
    """Only a sheet that no menu of Excel can show is left out in silence."""
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "two.xlsx") as book:
        for name, rows in (("needs", 5), ("old", 2)):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["domain", "kind", "score"])
            for i in range(rows):
                sheet.write_row(i + 1, 0, ["reading", "need", i])
        sheet.hide()
    [note] = read(tmp_path / "two.xlsx").problems[:1]
    assert "old" in note.rule


def test_a_file_of_nothing_but_its_header_again_and_again_has_no_row(tmp_path):
    """Each header after the first is a problem of its row, and no fault of ours."""
    path = tmp_path / "headers.csv"
    path.write_text("domain,kind,score\n" * 4, encoding="utf-8")
    found = read(path)
    assert found.frame.is_empty()
    assert [problem.row for problem in found.problems] == [2, 3, 4]
