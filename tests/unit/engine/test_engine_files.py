"""One door from a file to a frame of text; every file that cannot be used is refused by name."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from impactkit.engine.files import head, read_text, sha256
from impactkit.errors import DataError


def write(folder: Path, content: str | bytes, name: str = "members.csv") -> Path:
    """Save a file and return its path."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(path: Path) -> list[tuple]:
    """Return the records of a file, each with its row number in front."""
    return read_text(path).frame.rows()


EXPECTED = [(2, "100001", "Café"), (3, "100002", "Fox, Ash")]


@pytest.mark.parametrize(
    ("content", "encoding", "delimiter"),
    [
        ('urn,name\n100001,Café\n100002,"Fox, Ash"\n'.encode(), "utf-8", ","),
        ('urn,name\n100001,Café\n100002,"Fox, Ash"'.encode(), "utf-8", ","),
        ('urn,name\r\n100001,Café\r\n100002,"Fox, Ash"\r\n'.encode("utf-8-sig"), "utf-8-sig", ","),
        ('urn,name\n100001,Café\n100002,"Fox, Ash"\n'.encode("cp1252"), "cp1252", ","),
        ("urn\tname\n100001\tCafé\n100002\tFox, Ash\n".encode(), "utf-8", "\t"),
        ("urn;name\n100001;Café\n100002;Fox, Ash\n".encode(), "utf-8", ";"),
        ("urn\tname\n100001\tCafé\n100002\tFox, Ash\n".encode("utf-16"), "utf-16", "\t"),
        (
            gzip.compress('urn,name\n100001,Café\n100002,"Fox, Ash"\n'.encode(), mtime=0),
            "utf-8",
            ",",
        ),
        ('urn,name\r100001,Café\r100002,"Fox, Ash"\r'.encode(), "utf-8", ","),
    ],
    ids=["plain", "no-last-newline", "bom-crlf", "cp1252", "tab", "semicolon", "utf16", "gz", "cr"],
)
def test_the_same_table_comes_out_however_it_was_saved(
    tmp_path: Path, content: bytes, encoding: str, delimiter: str
) -> None:
    """Encoding, separator, line ends and compression make no difference to the rows."""
    table = read_text(write(tmp_path, content))
    assert table.frame.rows() == EXPECTED
    assert (table.encoding, table.delimiter) == (encoding, delimiter)
    assert table.frame.columns == ["source_row", "urn", "name"]
    assert not table.row_problems


def test_a_newline_inside_quotes_is_no_row_of_its_own(tmp_path: Path) -> None:
    """Rows are numbered as a spreadsheet does: one record, one row."""
    path = write(tmp_path, 'urn,note\n100001,"one\ntwo"\n100002,three\n')
    assert rows(path) == [(2, "100001", "one\ntwo"), (3, "100002", "three")]


def test_headers_are_trimmed_and_an_index_column_without_name_is_kept_apart(tmp_path: Path) -> None:
    """Runs of space in a header become one; a nameless column gets a name."""
    table = read_text(write(tmp_path, ", Pupil:     Teacher Ratio ,URN\n0,20.9,100001\n"))
    assert table.columns == ("", "Pupil: Teacher Ratio", "URN")
    assert table.frame.columns == ["source_row", "(unnamed)", "Pupil: Teacher Ratio", "URN"]


def test_a_header_twice_is_told(tmp_path: Path) -> None:
    """The second column of a name is kept under another, and both are reported as duplicates."""
    table = read_text(write(tmp_path, "urn,urn\n100001,100002\n"))
    assert table.duplicates == ("urn",)
    assert table.frame.columns == ["source_row", "urn", "urn (2)"]


def test_ragged_rows_are_named_with_their_counts_and_the_rest_is_kept(tmp_path: Path) -> None:
    """A row too short or too long is a problem; trailing empty fields are not."""
    table = read_text(
        write(tmp_path, "urn,role\n100001,peer\n100002\n100003,hub,x\n100004,hub,,\n")
    )
    assert table.frame.rows() == [(2, "100001", "peer"), (5, "100004", "hub")]
    assert [(p.row, p.code) for p in table.row_problems] == [(3, "row.ragged"), (4, "row.ragged")]
    assert "1 field" in str(table.row_problems[0])
    assert "3 fields" in str(table.row_problems[1])
    assert table.n_rows == 4


def test_short_rows_may_be_filled_with_a_note_but_not_a_last_one_that_may_be_cut(
    tmp_path: Path,
) -> None:
    """The Department leaves out blank fields at the end; a download that was cut looks alike."""
    content = "a,b,c\n1,2\n1,2,3\n9"
    with pytest.raises(DataError, match=r"Row 4 .* after 1 of 3 fields.* Download it again"):
        read_text(write(tmp_path, content), fill_short=True)
    whole = read_text(write(tmp_path, content + "\n"), fill_short=True)
    assert whole.frame.rows() == [(2, "1", "2", ""), (3, "1", "2", "3"), (4, "9", "", "")]
    assert not whole.row_problems
    assert [p.code for p in whole.notes] == ["row.short"]
    alike = read_text(write(tmp_path, "a,b,c\n1,2\n1,2\n1,2,3\n9,2"), fill_short=True)
    assert alike.frame.height == 4
    assert not alike.row_problems


@pytest.mark.parametrize("rows", ["1,2", "1,2\n3,4"])
def test_a_few_rows_under_a_header_with_one_column_too_many_were_not_cut(
    tmp_path: Path, rows: str
) -> None:
    """None of them has the last field, so the header is at fault and not the download."""
    table = read_text(write(tmp_path, f"a,b,c\n{rows}"), fill_short=True)
    assert table.frame.height == rows.count("\n") + 1


def test_a_header_with_one_column_more_than_every_row_loses_it_with_a_warning(
    tmp_path: Path,
) -> None:
    """So is the extract of group links of March 2024."""
    table = read_text(write(tmp_path, "urn,group,shared\n100001,7\n100002,8\n"))
    assert table.frame.rows() == [(2, "100001", "7"), (3, "100002", "8")]
    assert [p.code for p in table.notes] == ["header.extra"]


def test_blank_rows_are_passed_over_and_counted(tmp_path: Path) -> None:
    """They keep their number, so that later rows are named rightly."""
    table = read_text(write(tmp_path, "urn,role\n100001,peer\n\n,\n100002,hub\n"))
    assert table.frame.rows() == [(2, "100001", "peer"), (5, "100002", "hub")]
    assert "2 blank rows" in str(table.notes[0])


def test_the_fast_and_the_careful_way_agree(tmp_path: Path) -> None:
    """One blank line sends the same content down the careful way; nothing else changes."""
    body = 'urn,name,note\n100001,"a ""b"" c",\n100002,,"x,\ny"\n100003,z,é\n'
    fast = read_text(write(tmp_path, body)).frame.drop("source_row")
    careful = read_text(write(tmp_path, body + "\n\n", "other.csv")).frame.drop("source_row")
    assert fast.rows() == careful.rows()
    assert fast.rows()[0] == ("100001", 'a "b" c', "")


def zipped(folder: Path, member: str) -> bytes:
    """Return an archive with one member."""
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "x")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "file.empty", "the file is empty"),
        (b"\r\n \n", "file.empty", "the file is empty"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "file.html", "a web page"),
        (b"\xef\xbb\xbf<html>", "file.html", "a web page"),
        (b"%PDF-1.7 ...", "file.pdf", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", "file.old_excel", "password"),
        (b"PK\x03\x04 cut", "file.truncated", "cut short"),
        (gzip.compress(b"urn,role\n" * 1000, mtime=0)[:40], "file.truncated", "cut short"),
        (b"PAR1 cut", "file.parquet", "damaged"),
        (b"urn,role\n100001,pe\0er\n", "file.nul", "Row 2"),
        (b"urn,name\n100001,\x81\n", "file.encoding", "Row 2"),
        ("urn,name\n1,é\n".encode() + "2,é\n".encode("cp1252"), "file.mixed_encoding", "Row 2"),
        ("urn,name\n1,ŵ\n".encode() + "2,é\n".encode("cp1252"), "file.mixed_encoding", "Row 2"),
        (b"urn,name\n1,a\n" + "urn,name\n".encode("utf-8-sig"), "file.joined", "Row 3"),
        (b'urn,name\n100001,"never closed\n100002,x\n', "file.quotes", "quotation mark"),
        (b"a,b,c\n1;2;3\n4;5;6\n", "header.width", "3 columns, but the rows have 1"),
        (b"urn,role\n100001\n100002\n", "header.width", "2 columns, but the rows have 1"),
        (b"title of the export\n1,2,3\n1,2,3\n", "header.width", "title rows"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_name_and_a_remedy(
    tmp_path: Path, content: bytes, code: str, words: str
) -> None:
    """No such file gives a traceback, a number, or an empty table."""
    with pytest.raises(DataError) as caught:
        read_text(write(tmp_path, content))
    (problem,) = caught.value.problems
    assert problem.code == code
    assert "members.csv" in str(problem)
    assert words in str(problem)
    assert problem.remedy


def test_a_workbook_of_open_document_is_told_from_an_archive(tmp_path: Path) -> None:
    """Departments publish them; to unpack one would be of no use."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<office:document-content/>")
    with pytest.raises(DataError, match=r"OpenDocument .* save the sheet as .xlsx or CSV"):
        read_text(write(tmp_path, held.getvalue()))


@pytest.mark.parametrize(
    ("member", "code"), [("england.csv", "file.zip"), ("xl/vbaProject.bin", "file.macros")]
)
def test_archives_and_macros_are_refused(tmp_path: Path, member: str, code: str) -> None:
    """A zip is not opened for the user, and a workbook with macros never."""
    with pytest.raises(DataError) as caught:
        read_text(write(tmp_path, zipped(tmp_path, member)))
    assert caught.value.problems[0].code == code


def test_a_missing_file_gives_the_name_that_is_nearest(tmp_path: Path) -> None:
    """A slip of the pen is the usual cause."""
    write(tmp_path, "urn\n")
    with pytest.raises(DataError, match=r"Did you mean members\.csv\?"):
        read_text(tmp_path / "member.csv")
    with pytest.raises(DataError, match="this is a folder"):
        read_text(tmp_path)


def test_a_small_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit holds while unpacking, not after."""
    monkeypatch.setattr("impactkit.engine.decode.MAX_BYTES", 1000)
    with pytest.raises(DataError, match="unpacks to more than"):
        read_text(write(tmp_path, gzip.compress(b"0" * 100_000)))


def test_an_endless_field_is_refused_by_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of 300 MB is no row of a table."""
    monkeypatch.setattr("impactkit.engine.delimited.MAX_FIELD", 100)
    with pytest.raises(DataError, match=r"Row 3 .* longer than"):
        read_text(write(tmp_path, "urn,role\n100001,peer\n100002," + "x" * 200 + ",\n"))


def test_an_endless_line_is_refused_before_it_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its number; and a file that is one line has no head either."""
    monkeypatch.setattr("impactkit.engine.decode.MAX_LINE", 100)
    monkeypatch.setattr("impactkit.engine.decode._BLOCK", 16)
    with pytest.raises(DataError, match=r"Row 3 .* line is longer than"):
        read_text(write(tmp_path, "urn,role\n100001,peer\n" + "," * 500 + "\n"))
    top, problems = head(write(tmp_path, b"x" * 300_000))
    assert top is None
    assert [problem.code for problem in problems] == ["file.long_line"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_lines_are_measured_across_the_blocks_in_which_a_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Any, end: bytes, block: int
) -> None:
    """A line as long as allowed passes, wherever blocks part it, and nothing is lost."""
    monkeypatch.setattr("impactkit.engine.decode.MAX_LINE", 20)
    monkeypatch.setattr("impactkit.engine.decode._BLOCK", block)
    content = end.join([b"urn,role", b"100001," + b"x" * 12, b"100002,peer", b""])
    table = read_text(write(tmp_path, pack(content)))
    assert table.frame["role"].to_list() == ["x" * 12, "peer"]


def test_a_packed_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    """A small download can hold gigabytes in one line: it is refused early."""
    import tracemalloc

    start = b"urn,role\n" + b"100001,peer\n" * 30_000
    path = write(tmp_path, gzip.compress(start + b"0" * 60_000_000))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"Row 30002 .* line is longer than"):
        read_text(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000


def test_a_quotation_mark_without_end_is_told_by_its_row(tmp_path: Path) -> None:
    """Before the rest of the file is looked at."""
    content = 'urn,role\n100001,peer\n100002,"' + "abc\n" * 100_000
    top, problems = head(write(tmp_path, content))
    assert top is None
    (problem,) = problems
    assert (problem.code, problem.row) == ("file.rows", 3)
    assert "quotation mark" in problem.rule


def test_a_workbook_is_read_as_text_with_its_own_row_numbers(tmp_path: Path) -> None:
    """Numbers lose no digit and gain no point, dates are ISO, a title above is passed over."""
    path = tmp_path / "members.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("members")
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write(0, 0, "Our register")
        sheet.write_row(2, 0, ["urn", "joined", "fte", "code"])
        sheet.write_row(3, 0, [100001, "", 0.8, "007"])
        sheet.write_datetime(3, 1, dt.datetime(2019, 9, 1), day)
        sheet.write_row(5, 0, [100002, "01/09/2020", 1, "SUPP"])
        book.add_worksheet("notes").write(0, 0, "a note")
    table = read_text(path)
    assert table.frame.rows() == [
        (4, "100001", "2019-09-01 00:00:00", "0.8", "007"),
        (6, "100002", "01/09/2020", "1", "SUPP"),
    ]
    assert [p.code for p in table.notes] == ["header.title", "file.sheets"]
    assert "Our register" in str(table.notes[0])
    assert "notes" in str(table.notes[1])


def test_parquet_comes_as_text_too(tmp_path: Path) -> None:
    """So it meets the same checks as any other file."""
    frame = pl.DataFrame({"urn": [100001, None], "joined": [dt.date(2019, 9, 1), None]})
    frame.write_parquet(tmp_path / "members.parquet")
    assert rows(tmp_path / "members.parquet") == [(2, "100001", "2019-09-01"), (3, "", "")]


def test_parquet_with_columns_that_are_no_text_is_refused_by_their_names(tmp_path: Path) -> None:
    """Bytes and durations have no one way of being written."""
    frame = pl.DataFrame({"urn": [100001], "photo": [b"\xff"]})
    frame.write_parquet(tmp_path / "members.parquet")
    with pytest.raises(DataError, match="neither text nor numbers nor dates: photo"):
        read_text(tmp_path / "members.parquet")


def test_head_reads_the_top_only_and_tells_what_is_wrong(tmp_path: Path) -> None:
    """It never raises: a plan collects the faults of all files."""
    path = write(tmp_path, "URN , Role\n" + "100001,peer\n" * 50_000)
    top, problems = head(path)
    assert not problems
    assert top is not None
    assert (top.columns, len(top.rows), top.rows[0]) == (("URN", "Role"), 50, ("100001", "peer"))
    zipped_top, _ = head(write(tmp_path, gzip.compress(path.read_bytes()), "members.csv.gz"))
    assert zipped_top is not None
    assert zipped_top.columns == top.columns
    nothing, problems = head(tmp_path / "absent.csv", shown="data/absent.csv")
    assert nothing is None
    assert problems[0].file == "data/absent.csv"


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    """The digest of an empty file is a published constant."""
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256(write(tmp_path, b"")) == digest
