"""What `impactkit check FILE` says of a file, and what a study says of files given twice."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from impactkit.pipeline import default_registry, inspect_file
from impactkit.pipeline.file_seen import FileSeen
from impactkit.pipeline.twice import given_twice
from impactkit.results import SourceFile

KS2 = """RECTYPE,LEA,ESTAB,URN,SCHNAME,TELIG,PTRWM_EXP,PTRWM_EXP_B
1,936,2000,125001,Ash,30,61%,55%
1,936,2001,125002,Beech,3,SUPP,SUPP
1,936,2002,12500,Elm,30,50%,45%
1,936,2003,125004,Oak,30,150%,50%
5,,,,England,600000,65%,61%
"""


@pytest.fixture(scope="module")
def registry():
    """Return core and what is installed, as the command has it."""
    return default_registry(deny=["*"])


def check(folder: Path, content: str, registry, name: str = "2019/england_ks2final.csv"):
    """Save a file and look at it."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return inspect_file(path, registry)


def codes(seen: FileSeen) -> list[tuple[str, str]]:
    """Return the problems as severity and code."""
    return [(problem.severity, problem.code) for problem in seen.problems]


def _workbook(path: Path, **sheets: list[list[object]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)
    return path


def test_a_workbook_in_two_languages_is_read_in_the_second(tmp_path: Path, registry) -> None:
    """The Welsh list of schools has each table in Welsh, then in English, of the same size."""
    schools = [[f"660213{i}", f"Ysgol {i}", "Primary", "LL1 1AA"] for i in range(4)]
    welsh = [["Rhif yr Ysgol", "Enw", "Sector", "Cod post"], *schools]
    english = [["School Number", "School Name", "Sector", "Postcode"], *schools]
    path = _workbook(
        tmp_path / "list.xlsx", Index=[["Index"]], A_gynhelir=welsh, Maintained=english
    )
    seen = inspect_file(path, registry)
    assert (seen.about["reader"], seen.about["schools"]) == ("wales.schools", 4)


def test_of_a_workbook_that_nobody_knows_the_other_sheets_are_named(
    tmp_path: Path, registry
) -> None:
    """One of them may be the one that is meant."""
    path = _workbook(tmp_path / "a.xlsx", Notes=[["a", "b"], ["c", "d"]], Data=[["x", "y"], [1, 2]])
    seen = inspect_file(path, registry)
    assert codes(seen) == [("error", "file.unknown"), ("note", "file.sheets")]
    assert "these were not: Notes" in seen.problems[1].rule


def test_a_published_file_is_read_and_its_values_are_checked(tmp_path: Path, registry) -> None:
    """What it is, its year, schools, figures with a value or without, England, set-aside rows."""
    seen = check(tmp_path, KS2, registry)
    assert seen.about["reader"] == "dfe.ks2"
    assert (seen.about["year"], seen.about["rows"], seen.about["schools"]) == (2019, 5, 2)
    assert seen.about["values"] == {"ks2_rwm_expected": 1}
    assert seen.about["without_value"] == {"ks2_rwm_expected": {"supp": 1}}
    assert [row["value"] for row in seen.about["published"]] == [65.0]
    assert seen.about["set_aside"] == {
        "the figure cannot be true": 1,
        "`urn`: expected six digits": 1,
    }
    assert codes(seen) == [("warning", "urn.format")]
    text = "\n".join(seen.lines)
    for words in (
        "academic year 2018/19",
        "2 schools",
        "ks2_rwm_expected: 1 value (1 supp)",
        "England, state-funded schools: ks2_rwm_expected 65",
        "for boys",
        "not read: SCHNAME",
    ):
        assert words in text


def test_a_symbol_that_nobody_knows_is_an_error_with_its_place(tmp_path: Path, registry) -> None:
    """File, row, column and value."""
    seen = check(tmp_path, KS2.replace("SUPP", "HUSH", 1), registry)
    (problem,) = [p for p in seen.problems if p.severity == "error"]
    assert "Row 3 of england_ks2final.csv: `PTRWM_EXP` is 'HUSH'" in str(problem)


def test_a_year_that_the_columns_deny_is_an_error(tmp_path: Path, registry) -> None:
    """And nothing of the file is counted."""
    content = KS2.replace("PTRWM_EXP_B", "PTRWM_EXP_17")
    seen = check(tmp_path, content, registry)
    assert codes(seen) == [("error", "year.header")]
    assert "schools" not in seen.about


def test_a_table_of_ones_own_is_checked_against_its_spec(tmp_path: Path, registry) -> None:
    """Any fault in it is an error, as in a study."""
    content = "partnership_id,urn,role,joined\nP1,125001,peer,2019-09-01\nP1,12500,perr,\n"
    seen = check(tmp_path, content, registry, "memberships.csv")
    assert (seen.about["reader"], seen.about["table"]) == ("plain.table", "memberships")
    assert set(codes(seen)) == {("error", "urn.format"), ("error", "role.unknown")}
    assert "Did you mean 'peer'?" in " ".join(str(problem) for problem in seen.problems)


def test_a_table_that_lacks_a_column_is_told_which(tmp_path: Path, registry) -> None:
    """It is nearly a table of ours, and not an unknown file."""
    content = "partnership,urn,role,joined\nP1,125001,peer,2019-09-01\n"
    seen = check(tmp_path, content, registry, "memberships.csv")
    assert "nearly a table of memberships" in seen.lines[0]
    missing = [problem for problem in seen.problems if problem.code == "column.missing"]
    assert [problem.column for problem in missing] == ["partnership_id"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("<!DOCTYPE html><title>Moved</title>", "file.html"),
        ("", "file.empty"),
        ("hour,room\n9,Hall\n", "file.unknown"),
    ],
)
def test_what_is_no_table_is_refused_in_words(
    tmp_path: Path, registry, content: str, code: str
) -> None:
    """With the name of the file and a remedy."""
    seen = check(tmp_path, content, registry)
    (problem,) = seen.problems
    assert (problem.code, problem.file) == (code, "england_ks2final.csv")
    assert problem.remedy


def source(path: str, digest: str) -> SourceFile:
    """Return a file that was read."""
    about = {"table": "outcomes", "reader": "dfe.ks4", "year": 2019, "bytes": 1}
    return SourceFile(path=path, sha256=digest, **about)


def figures(path: str, urns: list[int], year: int = 2019) -> pl.DataFrame:
    """Return validated outcomes of one file."""
    frame = pl.DataFrame({"urn": urns, "year": year, "measure": "ks4_attainment8"})
    return frame.with_columns(subgroup=pl.lit("all"), source=pl.lit(path))


def test_the_same_file_under_two_names_is_an_error() -> None:
    """Last year's file saved under this year's name."""
    sources = [source("2018/a.csv", "x"), source("2019/a.csv", "x"), source("2019/b.csv", "y")]
    (problem,) = given_twice(sources, {})
    assert (problem.code, problem.file, problem.severity) == ("file.twice", "2019/a.csv", "error")
    assert "2018/a.csv" in problem.rule
    assert problem.remedy


def test_a_file_that_two_patterns_match_is_told_once() -> None:
    """Its figures repeat themselves, but that is no second fault."""
    frames = [figures("a.csv", [1, 2]), figures("a.csv", [1, 2])]
    sources = [source("a.csv", "x"), source("a.csv", "x")]
    (problem,) = given_twice(sources, {"outcomes": frames})
    assert (problem.code, problem.rule) == ("file.twice", "the study names it twice")


def test_the_same_schools_and_year_in_two_files_is_an_error() -> None:
    """Provisional and final results, or England and one of its counties."""
    frames = [figures("final.csv", [1, 2, 3, 4]), figures("provisional.csv", [3, 4])]
    sources = [source("final.csv", "x"), source("provisional.csv", "y")]
    (problem,) = given_twice(sources, {"outcomes": frames})
    assert (problem.code, problem.file) == ("file.repeats", "provisional.csv")
    assert problem.rule.startswith("2 of its figures are in final.csv too")


def test_files_of_events_may_tell_of_the_same_ones_but_not_be_the_same() -> None:
    """Latest inspections of two months; a third file that is no such file still repeats them."""
    frames = [figures(f"{name}.csv", [1, 2, 3]) for name in ("january", "february", "own")]
    sources = [source(f["source"][0], str(i)) for i, f in enumerate(frames)]
    events = ["january.csv", "february.csv"]
    assert given_twice(sources[:2], {"outcomes": frames[:2]}, events) == []
    found = given_twice(sources, {"outcomes": frames}, events)
    assert {(p.code, p.file) for p in found} == {("file.repeats", "own.csv")}
    same = [source(name, "x") for name in events]
    assert [p.code for p in given_twice(same, {"outcomes": frames[:2]}, events)] == ["file.twice"]


def test_two_counties_or_two_years_are_no_repetition() -> None:
    """Other schools, or other years; a school that moved between counties is let pass."""
    frames = [
        figures("surrey.csv", [1, 2, 3]),
        figures("yorkshire.csv", [3, 4, 5]),
        figures("surrey_2018.csv", [1, 2, 3], year=2018),
    ]
    sources = [source(f["source"][0], str(i)) for i, f in enumerate(frames)]
    assert given_twice(sources, {"outcomes": frames}) == []
