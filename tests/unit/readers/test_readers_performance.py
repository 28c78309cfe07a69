"""Performance tables: found by header, aggregates apart, every figure accounted for."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from impactkit.declarations import ReadResult, load_code
from impactkit.readers import absence, workforce
from impactkit.readers.performance import TableOptions
from impactkit.tables import core_tables, validate

OUTCOMES = next(spec for spec in core_tables() if spec.name == "outcomes")
OLD = """LA,URN,NTEA,NTEAAS,NNONTEA,NFTETEA,NFTETEAAS,NFTENONTEA,RATPUPTEA,SALARY
815,121267,4,5,2,3.4,4.1,0.7,15.1,SUPP
815,121268,DNS,DNS,DNS,DNS,DNS,DNS,DNS,DNS
NAT,PRI,223706,215616,71797,195504.2,133642.8,46886.8,21.0,36472
NAT, ,445665,281425,157532,401744.5,184509.4,116974.3,18.1,37700
"""
NEW = """LA Number,Establishment Number,URN,School Phase,Total Number of Teachers (Headcount),\
Total Number of Teachers (Full-Time Equivalent),Pupil:     Teacher Ratio,\
Mean Gross FTE Salary of All Teachers (£s)
815,2000,140018,Primary,15,13.8,18.0,"£28,327"
815,4000,140019,16 plus,NA,NA,NA,NA
NAT,SEC, ,,"219,269","203,686",16.3,"£40,571"
"""


def save(folder: Path, content: str, name: str) -> Path:
    """Save a file under a folder of its own and return its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8-sig")
    return path


def read(path: Path, **options: object) -> ReadResult:
    """Read a workforce table."""
    return load_code(workforce.READER.read)(path, TableOptions(**options))  # type: ignore[arg-type]


def codes(result: ReadResult) -> list[str]:
    """Return the codes of the problems that are errors."""
    return [problem.code for problem in result.problems if problem.severity == "error"]


def figures(frame: pl.DataFrame, *columns: str) -> set[tuple]:
    """Return rows as a set."""
    return set(frame.select(columns).iter_rows())


def test_short_codes_become_measures_and_symbols_reasons(tmp_path: Path) -> None:
    """2012: the columns that are asked for, in long form."""
    result = read(
        save(tmp_path, OLD, "2012/england_swf.csv"),
        measures=["pupil_teacher_ratio", "mean_teacher_salary"],
    )
    assert result.problems == ()
    assert result.year == 2012
    assert figures(result.frame, "urn", "year", "la_code", "measure", "value", "status") == {
        ("121267", 2012, "815", "pupil_teacher_ratio", 15.1, "ok"),
        ("121267", 2012, "815", "mean_teacher_salary", None, "supp"),
        ("121268", 2012, "815", "pupil_teacher_ratio", None, "x"),
        ("121268", 2012, "815", "mean_teacher_salary", None, "x"),
    }
    checked = validate(result.frame, OUTCOMES, register=False)
    assert checked.problems == ()
    assert checked.frame.height == 4


def test_aggregate_rows_are_national_figures_and_never_schools(tmp_path: Path) -> None:
    """The phase stands in place of the URN to 2015, of the establishment later."""
    old = read(save(tmp_path, OLD, "2012/england_swf.csv"), measures="pupil_teacher_ratio")
    assert old.national is not None
    assert figures(old.national, "level", "phase", "la_code", "year", "value") == {
        ("national", "Primary", None, 2012, 21.0),
        ("national", "All", None, 2012, 18.1),
    }
    new = read(save(tmp_path, NEW, "2019/england_swf.csv"))
    assert new.national is not None
    assert figures(new.national, "level", "phase", "measure", "value") == {
        ("national", "Secondary", "pupil_teacher_ratio", 16.3),
        ("national", "Secondary", "teachers_headcount", 219269.0),
        ("national", "Secondary", "teachers_fte", 203686.0),
        ("national", "Secondary", "mean_teacher_salary", 40571.0),
    }


def test_long_headers_pound_signs_and_phases_are_read(tmp_path: Path) -> None:
    """2019 has the phase of the school; older words become today's."""
    result = read(save(tmp_path, NEW, "2019/england_swf.csv"), measures="mean_teacher_salary")
    assert figures(result.frame, "urn", "phase", "value", "status") == {
        ("140018", "Primary", 28327.0, "ok"),
        ("140019", "16 to 19", None, "na"),
    }


def test_later_tables_by_school_say_fte_and_stand_under_titles(tmp_path: Path) -> None:
    """The census's own tables; their year cannot be one with the longer words."""
    later = NEW.replace("(Full-Time Equivalent)", "(FTE)").replace("Pupil:     ", "Pupil: ")
    content = "School workforce census: schools\nSource: the Department\n\n" + later
    result = read(save(tmp_path, content, "2024/schools.csv"), measures="teachers_fte")
    assert figures(result.frame, "urn", "value") == {("140018", 13.8), ("140019", None)}
    early = read(save(tmp_path, later, "2018/schools.csv"))
    assert "year.header" in codes(early)


def test_columns_are_found_by_name_and_never_by_place(tmp_path: Path) -> None:
    """Any order of columns gives the same rows."""
    frame = pl.read_csv(OLD.encode(), infer_schema=False)
    shuffled = frame.select(reversed(frame.columns)).write_csv()
    first = read(save(tmp_path, OLD, "2012/a.csv")).frame
    second = read(save(tmp_path, shuffled, "2012/b.csv")).frame
    columns = ["urn", "measure", "value", "status", "la_code"]
    assert figures(first, *columns) == figures(second, *columns)


def test_a_row_of_a_whole_authority_is_no_school_and_one_without_urn_neither(
    tmp_path: Path,
) -> None:
    """The one is kept as a figure of the authority, the other set aside with its reason."""
    content = "LA,ESTAB,URN,PERCTOT\n815,2000,140018,4.1\n815, , ,4.4\n815,2001,,3.9\n"
    result = load_code(absence.READER.read)(save(tmp_path, content, "2018/england_abs.csv"))
    assert result.frame["urn"].to_list() == ["140018"]
    assert result.national is not None
    assert figures(result.national, "level", "la_code", "value") == {("la", "815", 4.4)}
    assert result.set_aside is not None
    assert figures(result.set_aside, "row", "reason") == {(4, "the row has no URN")}


@pytest.mark.parametrize("estab", ["PRI", "sec", "SPE"])
def test_a_row_of_an_authority_by_phase_is_its_figure_and_no_fault(
    tmp_path: Path, estab: str
) -> None:
    """From 2022 on absence has `936,PRI,` beside `NAT,PRI,`: it must not count as rejected."""
    content = f"LA,ESTAB,URN,PERCTOT\n936,2000,125001,4.1\n936,{estab},,6.1\nNAT,{estab},,6.3\n"
    result = load_code(absence.READER.read)(save(tmp_path, content, "2022/936_abs.csv"))
    assert result.problems == ()
    assert result.n_rejected == 0
    assert result.set_aside is not None
    assert result.set_aside.height == 0
    assert result.national is not None
    phase = {"PRI": "Primary", "SEC": "Secondary", "SPE": "Special"}[estab.upper()]
    assert figures(result.national, "level", "la_code", "phase", "value") == {
        ("la", "936", phase, 6.1),
        ("national", None, phase, 6.3),
    }


@pytest.mark.parametrize(
    ("rows", "end", "told"), [(60, "", True), (60, "NAT,PRI,,4.2\n", False), (9, "", False)]
)
def test_a_whole_file_without_a_row_about_england_may_have_been_cut(
    tmp_path: Path, rows: int, end: str, told: bool
) -> None:
    """Published files end with England; a cut between two lines leaves no other trace."""
    schools = "".join(f"936,{2000 + i},{125000 + i},4.1\n" for i in range(rows))
    path = save(tmp_path, f"LA,ESTAB,URN,PERCTOT\n{schools}{end}", "2018/england_abs.csv")
    result = load_code(absence.READER.read)(path)
    assert [(p.code, p.severity) for p in result.problems] == [("rows.england", "note")] * told
    assert result.frame.height == rows


def test_every_row_is_accounted_for(tmp_path: Path) -> None:
    """A school's, an aggregate, or set aside with a reason: nothing is lost."""
    content = (
        "LA,ESTAB,URN,PERCTOT\n815,2000,140018,4.1\n815,2001,14001,4.4\n815,2002,140020,250\n"
        "815,2003,140021,1,2\nNAT,PRI,,4.2\n815,2004,,5\n"
    )
    result = load_code(absence.READER.read)(save(tmp_path, content, "2018/england_abs.csv"))
    checked = validate(result.frame, OUTCOMES, register=False)
    assert result.set_aside is not None
    assert result.national is not None
    assert result.n_rows == 6
    assert checked.frame["urn"].to_list() == [140018]
    aside = figures(result.set_aside, "row", "reason")
    assert aside == {
        (4, "the figure cannot be true"),
        (5, "the row has 5 fields where the header has 4"),
        (7, "the row has no URN"),
    }
    assert figures(checked.rejected, "row", "reason") == {(3, "`urn`: expected six digits")}
    assert result.national.height == 1


def test_an_unknown_symbol_is_an_error_with_row_and_column(tmp_path: Path) -> None:
    """Never a number, never a silent null."""
    result = read(save(tmp_path, OLD.replace("15.1", "HIDDEN"), "2012/england_swf.csv"))
    assert codes(result) == ["symbol.unknown"]
    text = str(result.problems[0])
    assert "Row 2 of england_swf.csv: `RATPUPTEA` is 'HIDDEN'" in text


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("england_swf.csv", {}, "year.missing"),
        ("2012/2013_england_swf.csv", {}, "year.conflict"),
        ("2012/england_swf.csv", {"measures": ["pupil_techer_ratio"]}, "measure.unknown"),
    ],
)
def test_what_cannot_be_settled_is_an_error_with_a_remedy(
    tmp_path: Path, name: str, options: dict[str, object], code: str
) -> None:
    """The year by folder or file name, or by option; measures by their ids."""
    result = read(save(tmp_path, OLD, name), **options)
    assert codes(result) == [code]
    assert all(problem.remedy for problem in result.problems)
    assert result.frame.height == 0


def test_the_folder_tells_the_year_from_inside_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a command is run does not change what a file is."""
    path = save(tmp_path, OLD, "2012/england_swf.csv")
    monkeypatch.chdir(path.parent)
    assert read(Path(path.name)).year == 2012


@pytest.mark.parametrize("folder", ["round-2026", "evaluation 2024", "2024 trusts"])
def test_a_folder_of_a_study_does_not_date_the_files_in_it(tmp_path: Path, folder: str) -> None:
    """The year of the evaluation is none of its files', and does not contradict theirs."""
    bare = read(save(tmp_path, OLD, f"{folder}/england_swf.csv"))
    assert codes(bare) == ["year.missing"]
    named = read(save(tmp_path, OLD, f"{folder}/2012_england_swf.csv"))
    assert codes(named) == []
    assert named.year == 2012


@pytest.mark.parametrize(
    "folder", ["2012", "2011-2012", "2011-12", "2011_12", "201112", "2011 - 2012"]
)
def test_a_folder_of_a_year_dates_the_files_in_it(tmp_path: Path, folder: str) -> None:
    """However the academic year is written."""
    assert read(save(tmp_path, OLD, f"{folder}/england_swf.csv")).year == 2012


def test_a_year_that_is_given_settles_it(tmp_path: Path) -> None:
    """What the user says goes before what folder and name say."""
    result = read(save(tmp_path, OLD, "2013/england_swf.csv"), year=2012)
    assert result.problems == ()
    assert result.frame["year"].unique().to_list() == [2012]


def test_a_header_younger_than_the_file_betrays_a_wrong_folder(tmp_path: Path) -> None:
    """The long headers came in 2016, the phase in 2019."""
    result = read(save(tmp_path, NEW, "2014/england_swf.csv"))
    assert codes(result) == ["year.header"]
    sure = read(save(tmp_path, NEW, "2014/england_swf.csv"), year=2014)
    assert codes(sure) == []
    assert [p.severity for p in sure.problems] == ["warning"]


def test_another_form_is_refused_by_its_headers(tmp_path: Path) -> None:
    """The absence reader finds no URN here."""
    result = load_code(absence.READER.read)(save(tmp_path, "name,value\na,1\n", "2018/a.csv"))
    assert codes(result) == ["column.missing"]
    assert "this is not the pupil absence tables" in str(result.problems[0])


def test_a_column_twice_is_refused_if_it_matters(tmp_path: Path) -> None:
    """Nobody can say which of them is right."""
    content = "LA,URN,PERCTOT,PERCTOT,X,X\n815,121267,1,2,3,4\n"
    result = load_code(absence.READER.read)(save(tmp_path, content, "2013/england_abs.csv"))
    assert [(p.code, p.column) for p in result.problems] == [("column.duplicate", "PERCTOT")]


def test_a_file_that_cannot_be_read_gives_its_problem_and_no_rows(tmp_path: Path) -> None:
    """Readers do not raise: a run collects the problems of all files."""
    result = read(tmp_path / "2012" / "absent.csv")
    assert codes(result) == ["file.missing"]
    assert validate(result.frame, OUTCOMES, register=False).errors == ()


def test_persistent_absence_is_three_measures(tmp_path: Path) -> None:
    """2011 has it against two thresholds, 2017 against a third."""
    early = "LA,ESTAB,URN,PERCTOT,PERCUA,PPERSABS15,PPERSABS20\n815,2040,121293,3.5,0,4,1\n"
    late = "LA,ESTAB,URN,PERCTOT,PPERSABS10\n815,2040,121293,3.5,9\n"
    first = load_code(absence.READER.read)(save(tmp_path, early, "2011/england_abs.csv")).frame
    second = load_code(absence.READER.read)(save(tmp_path, late, "2017/england_abs.csv")).frame
    assert figures(first, "measure", "value") == {
        ("overall_absence", 3.5),
        ("unauthorised_absence", 0.0),
        ("persistent_absence_15", 4.0),
        ("persistent_absence_20", 1.0),
    }
    assert figures(second, "measure", "value") == {
        ("overall_absence", 3.5),
        ("persistent_absence_10", 9.0),
    }
