"""Titles above a header, headers among the rows, and what a workbook shows as per cent."""

from __future__ import annotations

from pathlib import Path

import pytest
import xlsxwriter

from impactkit.engine.files import TextTable, head, read_text
from impactkit.errors import DataError

BODY = "URN,Name,LA,Phase\n100001,Ash,936,Primary\n100002,Beech,815,Secondary\n"


def read(folder: Path, content: str, *, fill_short: bool = False) -> TextTable:
    """Save a file and read it."""
    path = folder / "extract.csv"
    path.write_text(content, encoding="utf-8")
    return read_text(path, fill_short=fill_short)


@pytest.mark.parametrize(
    "above",
    [
        "Schools as at 31 March\n",
        "Schools, by phase\n",
        "Schools as at 31 March,,,\n",
        '"Schools, governors, and heads, 2023",,,\n\n',
        "Schools\nas at 31 March\n\n",
    ],
)
def test_titles_above_the_header_are_passed_over_with_a_note(tmp_path: Path, above: str) -> None:
    """Rows keep the numbers that a spreadsheet shows, and the head of the file agrees."""
    table = read(tmp_path, above + BODY)
    rows = above.count("\n")
    assert table.columns == ("URN", "Name", "LA", "Phase")
    assert table.frame.rows() == [
        (rows + 2, "100001", "Ash", "936", "Primary"),
        (rows + 3, "100002", "Beech", "815", "Secondary"),
    ]
    assert not table.row_problems
    (note,) = [p for p in table.notes if p.code == "header.title"]
    assert "Schools" in note.rule
    top, problems = head(tmp_path / "extract.csv")
    assert not problems
    assert top is not None
    assert top.columns == table.columns
    assert top.rows[0] == ("100001", "Ash", "936", "Primary")


@pytest.mark.parametrize(
    "content",
    [
        BODY,
        "urn,role\n100001,peer\n100002,hub\n",
        ",URN,Name\n0,100001,Ash\n1,100002,Beech\n",
        "urn,note\n100001,\n100002,\n100003,a remark\n",
    ],
)
def test_a_header_that_starts_the_file_is_never_taken_for_a_title(
    tmp_path: Path, content: str
) -> None:
    """Nor is a row under it ever taken for the header."""
    table = read(tmp_path, content)
    assert table.columns == tuple(content.split("\n")[0].split(","))
    assert table.frame["source_row"].to_list() == list(range(2, content.count("\n") + 1))
    assert not table.row_problems


def test_a_header_with_other_separators_than_its_rows_is_still_refused(tmp_path: Path) -> None:
    """A first record of words alone is not promoted to a header."""
    with pytest.raises(DataError, match="other separators"):
        read(tmp_path, "partnership_id,item,present\nP1;aims;yes\nP2;roles;no\n")


def test_a_second_header_is_named_by_its_row(tmp_path: Path) -> None:
    """Words where every other row has numbers are no school."""
    header, rest = BODY.split("\n", 1)
    table = read(tmp_path, f"{header}\nreference number,name,authority,phase\n{rest}")
    assert table.frame["URN"].to_list() == ["100001", "100002"]
    (problem,) = table.row_problems
    assert (problem.row, problem.code) == (2, "row.header")
    assert "second header" in problem.rule
    assert problem.remedy


def test_symbols_in_a_first_row_make_it_no_header(tmp_path: Path) -> None:
    """A school of which nothing is published still has its number."""
    table = read(tmp_path, "URN,A,B\n100001,SUPP,SUPP\n100002,3,4\n100003,5,6\n")
    assert table.frame.height == 3
    assert not table.row_problems


def test_a_header_that_comes_again_is_named_by_its_row(tmp_path: Path) -> None:
    """So two exports look that were pasted together."""
    table = read(tmp_path, BODY + BODY)
    assert table.frame["source_row"].to_list() == [2, 3, 5, 6]
    assert [(p.row, p.code) for p in table.row_problems] == [(4, "row.header")]
    assert table.n_rows == 5


def test_rows_are_counted_with_good_grammar(tmp_path: Path) -> None:
    """One row stops, two rows stop."""
    one = read(tmp_path, "a,b,c\n1,2\n1,2,3\n", fill_short=True)
    assert one.notes[0].rule.startswith("1 row stops before")
    two = read(tmp_path, "a,b,c\n1,2\n1,2\n\n1,2,3\n", fill_short=True)
    assert [note.rule.split(" before")[0] for note in two.notes] == [
        "1 blank row was passed over",
        "2 rows stop",
    ]


def test_a_workbook_gives_what_it_shows_as_per_cent(tmp_path: Path) -> None:
    """84 % is kept as 0.84; a plain 0.84 stays; places count from the edge of the table."""
    path = tmp_path / "results.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("results")
        whole = book.add_format({"num_format": "0%"})
        tenth = book.add_format({"num_format": "0.0%;[Red]-0.0%"})
        quoted = book.add_format({"num_format": '0.00" %"'})
        sheet.write_row(2, 1, ["urn", "met", "change", "ratio", "points", "none"])
        sheet.write_row(3, 1, [100001])
        sheet.write(3, 2, 0.84, whole)
        sheet.write(3, 3, -0.125, tenth)
        sheet.write(3, 4, 0.84)
        sheet.write(3, 5, 3.5, quoted)
        sheet.write(3, 6, "SUPP", whole)
        sheet.write_row(4, 1, [100002])
        sheet.write(4, 2, 0.07, whole)
        sheet.write(4, 3, 0.335, tenth)
    assert read_text(path).frame.rows() == [
        (4, "100001", "84%", "-12.5%", "0.84", "3.5", "SUPP"),
        (5, "100002", "7%", "33.5%", "", "", ""),
    ]


def test_the_largest_sheet_is_the_table(tmp_path: Path) -> None:
    """Official workbooks open with a page of notes."""
    path = tmp_path / "inspections.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Cover").write_column(0, 0, ["Title", "Published on", "Contact"])
        sheet = book.add_worksheet("Inspections")
        sheet.write(0, 0, "Most recent inspections")
        sheet.write_row(2, 0, ["URN", "Grade"])
        sheet.write_row(3, 0, [100001, 2])
        sheet.write_row(4, 0, [100002, 1])
    table = read_text(path)
    assert table.frame.rows() == [(4, "100001", "2"), (5, "100002", "1")]
    assert any("'Inspections' was read" in note.rule for note in table.notes)


def test_a_header_that_stands_twice_and_nothing_else_has_no_rows(tmp_path: Path) -> None:
    """The second is named; there is no row left that could be a header."""
    table = read(tmp_path, "urn,role,joined\nurn,role,joined\n")
    assert table.frame.height == 0
    assert [problem.row for problem in table.row_problems] == [2]
