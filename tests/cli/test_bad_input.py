"""What is wrong with the input is said once, in full, and costs nothing that was there before.

Each case spoils one thing in a county that is otherwise in order, and runs the real command.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

MEMBERS = "data/memberships.csv"
OUTCOMES = "data/outcomes.csv"
WORKFORCE = "data/dfe_performance_tables/2012/england_swf.csv"

Spoil = Callable[[Path], None]


def replaced(file: str, old: str, new: str) -> Spoil:
    """Replace the first occurrence of a text in a file."""

    def spoil(folder: Path) -> None:
        path = folder / file
        content = path.read_bytes()
        assert old.encode() in content, f"{file} does not hold {old!r}"
        path.write_bytes(content.replace(old.encode(), new.encode(), 1))

    return spoil


def appended(file: str, line: str) -> Spoil:
    """Add a line to a file."""

    def spoil(folder: Path) -> None:
        path = folder / file
        content = path.read_bytes()
        path.write_bytes(content + (b"" if content.endswith(b"\n") else b"\n") + line.encode())

    return spoil


def rewritten(file: str, change: Callable[[bytes], bytes]) -> Spoil:
    """Change a file as a whole."""

    def spoil(folder: Path) -> None:
        path = folder / file
        path.write_bytes(change(path.read_bytes()))

    return spoil


def removed(file: str) -> Spoil:
    """Remove a file."""
    return lambda folder: (folder / file).unlink()


@attrs.frozen
class Case:
    """One thing spoilt, and what the message must say of it, in one and the same line."""

    name: str
    spoil: Spoil
    told: tuple[str, ...]


CASES = (
    Case(
        "missing file",
        removed(MEMBERS),
        ("Row 14 of study.toml", "`tables.memberships.path`", f"'{MEMBERS}'", "no file", "--data"),
    ),
    Case(
        "a delimiter that no table has",
        rewritten(MEMBERS, lambda content: content.replace(b",", b"^")),
        ("Row 1 of", MEMBERS, "`partnership_id`", "missing", "another sign than , ; | or tab"),
    ),
    Case(
        "delimiters mixed: header with commas, rows with semicolons",
        rewritten(
            MEMBERS,
            lambda content: b"\n".join(
                line if number == 0 else line.replace(b",", b";")
                for number, line in enumerate(content.split(b"\n"))
            ),
        ),
        ("Row 1 of", MEMBERS, "the header has 5 columns", "the rows have 1", "separators?"),
    ),
    Case(
        "a row with a field too many",
        appended(MEMBERS, "P0001,900001,peer,2014-09-01,,extra\n"),
        ("Row 21 of", MEMBERS, "'P0001,900001,peer,2014-09-01,,extra'", "6 fields", "comma"),
    ),
    Case(
        "a row with fields too few",
        appended(MEMBERS, "P0001,900001\n"),
        ("Row 21 of", MEMBERS, "'P0001,900001'", "2 fields", "cut short?"),
    ),
    Case(
        "a URN cut short",
        replaced(MEMBERS, "900044", "90004"),
        ("Row 2 of", MEMBERS, "`urn`", "'90004'", "six digits", "digit cut off"),
    ),
    Case(
        "a word in a number column",
        replaced(OUTCOMES, ",100.7,", ",about 100,"),
        ("Row 2 of", OUTCOMES, "`value`", "'about 100'", "expected a number", "SUPP"),
    ),
    Case(
        "a date in the wrong order",
        replaced(MEMBERS, "2013-09-07", "09/25/2013"),
        ("Row 2 of", MEMBERS, "`joined`", "'09/25/2013'", "wrong order", "write 2019-09-30"),
    ),
    Case(
        "a date that no calendar has",
        replaced(MEMBERS, "2013-09-07", "2013-02-30"),
        ("Row 2 of", MEMBERS, "`joined`", "'2013-02-30'", "date"),
    ),
    Case(
        "the same membership twice",
        appended(MEMBERS, "P0001,900044,client,2013-09-07,\n"),
        ("Row 21 of", MEMBERS, "`partnership_id, urn", "900044", "same key", "row 2", "Remove"),
    ),
    Case(
        "an unknown role",
        replaced(MEMBERS, ",client,", ",clinet,"),
        ("Row 2 of", MEMBERS, "`role`", "'clinet'", "no such role", "Did you mean 'client'?"),
    ),
    Case(
        "a membership that ends before it starts",
        replaced(MEMBERS, "2013-09-07,", "2013-09-07,2012-09-01"),
        ("Row 2 of", MEMBERS, "`left`", "'2012-09-01'", "before `joined`", "swapped?"),
    ),
    Case(
        "a misspelt key of the study",
        replaced("study.toml", "treated =", "traeted ="),
        ("Row 18 of study.toml", "`design.traeted`", "no such key", "Did you mean 'treated'?"),
    ),
    Case(
        "a study that is no TOML",
        replaced("study.toml", "seed = 7", "seed = = 7"),
        ("Row 3 of study.toml", "not valid TOML", "one `key = value` a line"),
    ),
    Case(
        "a value of the wrong type in the study",
        replaced("study.toml", "bootstrap = 0", 'bootstrap = "many"'),
        ("Row 21 of study.toml", "`design.bootstrap`", "'many'", "a whole number"),
    ),
    Case(
        "an unknown estimator",
        replaced("study.toml", "bootstrap = 0", 'estimator = "at_gt"'),
        ("Row 21 of study.toml", "`design.estimator`", "'at_gt'", "Did you mean 'att_gt'?"),
    ),
    Case(
        "an unknown reader",
        replaced("study.toml", "dfe.absence", "dfe.absense"),
        ("study.toml", "`tables.outcomes.reader`", "'dfe.absense'", "Did you mean 'dfe.absence'?"),
    ),
    Case(
        "an unknown table",
        replaced("study.toml", "memberships =", "membership ="),
        ("Row 14 of study.toml", "`tables.membership`", "no table", "Did you mean 'memberships'?"),
    ),
    Case(
        "an outcome that no file has",
        replaced("study.toml", '"pupil_teacher_ratio"]', '"pupil_techer_ratio"]'),
        ("Row 19 of study.toml", "'pupil_techer_ratio'", "Did you mean 'pupil_teacher_ratio'?"),
    ),
    Case(
        "a condition on a column that memberships do not have",
        replaced("study.toml", "role in", "rank in"),
        ("Row 18 of study.toml", "`design.treated`", "'rank'", "no column of memberships"),
    ),
    Case(
        "a condition that compares days with a number",
        replaced("study.toml", "role in ['client', 'peer']", "joined >= 2013"),
        ("Row 18 of study.toml", "`design.treated`", "'2013'", "`joined` holds dates", "quotes"),
    ),
    Case(
        "a condition outside the grammar",
        replaced("study.toml", "role in ['client', 'peer']", "print('x')"),
        ("Row 18 of study.toml", "`design.treated`", "a function call is not part", "treated"),
    ),
    Case(
        "an unknown metric",
        appended("study.toml", '[metrics."did.efect"]\n'),
        ("Row 23 of study.toml", "did.efect", "no metric", "Did you mean 'did.effect'?"),
    ),
    Case(
        "a parameter that a metric does not have",
        appended("study.toml", '[metrics."leadership.retention"]\nhorizont = 3\n'),
        ("Row 24 of study.toml", "leadership.retention", "horizont", "no such key"),
    ),
    Case(
        "an unknown disclosure profile",
        appended("study.toml", '[disclosure]\nprofile = "dfe-scool"\n'),
        ("Row 24 of study.toml", "'dfe-scool'", "Did you mean 'dfe-school'?"),
    ),
    Case(
        "a column missing",
        replaced(MEMBERS, "partnership_id", "group"),
        ("Row 1 of", MEMBERS, "`partnership_id`", "missing", "There are: group, urn"),
    ),
    Case(
        "a column twice",
        replaced(
            MEMBERS, "partnership_id,urn,role,joined,left", "partnership_id,urn,role,urn,left"
        ),
        ("Row 1 of", MEMBERS, "`urn`", "2 columns have this name"),
    ),
    Case("an empty file", rewritten(MEMBERS, lambda _: b""), (MEMBERS, "empty", "export it again")),
    Case(
        "a file that is no text",
        rewritten(MEMBERS, lambda _: bytes(range(256)) * 20),
        (MEMBERS, "NUL byte", "save it as CSV"),
    ),
    Case(
        "more of a published file spoilt than `max_rejected` allows",
        replaced(WORKFORCE, ",900001,", ",90001,"),
        ("Row 2 of", WORKFORCE, "`urn`", "'90001'", "six digits"),
    ),
)


def left_beside(folder: Path) -> list[str]:
    """Return what the command left in the folder, but for the record that outcomes were read."""
    known = ("data", "study.toml", ".impactkit")
    return sorted(p.name for p in folder.iterdir() if p.name not in known)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_told_and_nothing_is_left(case, county_folder, impactkit):
    """File, row, column, value and remedy stand in one line on stderr; exit code 2; no output."""
    case.spoil(county_folder)
    ended = impactkit("evaluate", county_folder)
    assert ended.code == 2, ended
    told = [line for line in ended.err.splitlines() if all(part in line for part in case.told)]
    assert len(told) == 1, ended.err
    assert told[0].rstrip().endswith((".", "?", "!"))
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert left_beside(county_folder) == []
    assert not (county_folder / ".impactkit").exists()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check_says_the_same_before_anything_is_run(case, county_folder, impactkit):
    """`check` finds every fault that would stop `evaluate`, with the same words."""
    case.spoil(county_folder)
    ended = impactkit("check", county_folder)
    assert ended.code == 2, ended
    lines = (ended.out + ended.err).splitlines()
    assert any(all(part in line for part in case.told) for line in lines), ended
    assert "Traceback" not in ended.err


def test_faults_of_study_and_of_several_files_come_in_one_message(county_folder, impactkit):
    """Nobody has to mend one fault to be told of the next, wherever the two stand."""
    replaced("study.toml", "bootstrap = 0", 'estimator = "at_gt"\nbootstraps = 9')(county_folder)
    replaced(MEMBERS, ",client,", ",clinet,")(county_folder)
    replaced(MEMBERS, "900048", "90004")(county_folder)
    replaced(OUTCOMES, ",100.7,", ",about 100,")(county_folder)
    removed("data/interventions.csv")(county_folder)
    ended = impactkit("evaluate", county_folder)
    assert ended.code == 2
    assert ended.err.startswith("6 problems:\n")
    for told in ("at_gt", "bootstraps", "'clinet'", "'90004'", "'about 100'", "interventions.csv"):
        assert sum(told in line for line in ended.err.splitlines()) == 1, told


def test_one_fault_in_many_rows_is_told_once_with_its_number(county_folder, impactkit):
    """A fault that a whole column has does not bury the others."""
    rewritten(MEMBERS, lambda content: content.replace(b",client,", b",clinet,"))(county_folder)
    number = (county_folder / MEMBERS).read_text().count(",clinet,")
    ended = impactkit("evaluate", county_folder)
    assert ended.err.count("clinet") == 1
    assert f"and {number - 1} more like it" in ended.err


# --- what is no fault ---------------------------------------------------------------------------


def found(folder: Path) -> dict:
    """Return the finished evaluation, without what tells of the bytes of the files.

    A metric may name partnerships: those that were given an accent have their names again.
    """
    path = folder / "evaluation" / "release" / "evaluation.json"
    plain = json.loads(path.read_text("utf-8").replace("Café ", "The "))
    return {key: plain[key] for key in ("results", "exclusions", "excluded")}


@pytest.fixture(scope="session")
def undisturbed(county_original, tmp_path_factory):
    """Evaluate the county as it is."""
    from impactkit import evaluate
    from impactkit.pipeline import write  # noqa: F401 - the same way as the command line
    from impactkit.study import Study

    plain = json.loads(evaluate(Study.load(county_original)).to_json())
    return {key: plain[key] for key in ("results", "exclusions", "excluded")}


SPELLINGS = (
    ("semicolons", rewritten(MEMBERS, lambda content: content.replace(b",", b";"))),
    ("tabs", rewritten(MEMBERS, lambda content: content.replace(b",", b"\t"))),
    ("a byte order mark", rewritten(MEMBERS, lambda content: b"\xef\xbb\xbf" + content)),
    ("Windows line ends", rewritten(MEMBERS, lambda content: content.replace(b"\n", b"\r\n"))),
    ("no last line end", rewritten(MEMBERS, lambda content: content.rstrip(b"\n"))),
    ("capitals in the header", replaced(MEMBERS, "partnership_id,urn", "Partnership_ID,URN")),
    (
        "cp1252 and an accent",
        rewritten("data/partnerships.csv", lambda content: content.replace(b"The ", b"Caf\xe9 ")),
    ),
    (
        "an official file in cp1252",
        rewritten(
            "data/dfe_performance_tables/2018/england_swf.csv",
            lambda content: content.decode("utf-8-sig").encode("cp1252"),
        ),
    ),
    (
        "an official file with a byte order mark",
        rewritten(WORKFORCE, lambda content: b"\xef\xbb\xbf" + content),
    ),
    ("a day before a month", replaced(MEMBERS, "2013-09-07", "07/09/2013")),
)


@pytest.mark.parametrize(("name", "spell"), SPELLINGS, ids=[name for name, _ in SPELLINGS])
def test_other_spellings_of_the_same_tables_give_the_same_results(
    name, spell, county_folder, impactkit, undisturbed
):
    """Encodings, separators and line ends that spreadsheets write are read, not refused."""
    spell(county_folder)
    ended = impactkit("evaluate", county_folder)
    assert ended.code == 0, ended.err
    assert found(county_folder) == undisturbed


def test_a_suppression_symbol_in_a_number_column_is_a_missing_value(county_folder, impactkit):
    """`SUPP` is no number and no fault: the school-year is set aside, with its reason."""
    before = impactkit("check", county_folder, "--json")
    replaced(OUTCOMES, ",100.7,", ",SUPP,")(county_folder)
    after = impactkit("check", county_folder, "--json")
    assert (before.code, after.code) == (0, 0)
    values = [json.loads(ended.out)["counts"]["attainment"] for ended in (before, after)]
    assert values[1]["school_years"] == values[0]["school_years"] - 1


def test_a_bad_row_of_a_published_file_is_set_aside_and_counted(county_folder, impactkit):
    """One bad URN in a published file of many rows costs that row, and the report says so."""
    replaced(WORKFORCE, ",900001,", ",90001,")(county_folder)
    replaced("study.toml", "seed = 7", "seed = 7\nmax_rejected = 0.05")(county_folder)
    ended = impactkit("evaluate", county_folder)
    assert ended.code == 0, ended.err
    release = county_folder / "evaluation" / "release"
    sources = json.loads((release / "provenance.json").read_text("utf-8"))["sources"]
    (file,) = [s for s in sources if s["path"] == WORKFORCE]
    assert file["set_aside"] == {"`urn`: expected six digits": 1}
    problems = (release / "problems.csv").read_text("utf-8")
    assert "expected six digits" in problems
    assert "90001" not in problems.replace("900001", "")
    private = county_folder / "evaluation" / "private"
    assert "90001" in (private / "problems_with_values.csv").read_text("utf-8")


def test_a_short_row_of_a_published_file_is_blank_at_its_end(county_folder, impactkit):
    """The Department stops rows early; the rest is blank, and the file's count says so."""
    appended(WORKFORCE, "999,900777,4,3\n")(county_folder)
    ended = impactkit("evaluate", county_folder)
    assert ended.code == 0, ended.err
    problems = (county_folder / "evaluation" / "release" / "problems.csv").read_text("utf-8")
    assert "1 row stops before the last column" in problems


# --- where the results go -----------------------------------------------------------------------


def test_a_folder_with_other_things_in_it_is_left_alone(county_folder, impactkit):
    """OUT with anything in it that is no evaluation is refused."""
    out = county_folder / "holiday"
    out.mkdir()
    (out / "photo.jpg").write_bytes(b"sea")
    ended = impactkit("evaluate", county_folder, "-o", out)
    assert ended.code == 2
    assert "holiday" in ended.err
    assert "photo.jpg" in ended.err
    assert "-o" in ended.err
    assert [p.name for p in out.iterdir()] == ["photo.jpg"]


def test_an_evaluation_with_something_of_the_users_in_it_is_left_alone(county_folder, impactkit):
    """A note kept in the folder of an evaluation would be lost if the folder were replaced."""
    assert impactkit("evaluate", county_folder).code == 0
    note = county_folder / "evaluation" / "my notes.txt"
    note.write_text("ask the governors", encoding="utf-8")
    ended = impactkit("evaluate", county_folder)
    assert ended.code == 2
    assert "my notes.txt" in ended.err
    assert note.read_text("utf-8") == "ask the governors"


def test_a_file_in_the_place_of_the_folder_is_refused(county_folder, impactkit):
    """OUT that is a file is refused before anything is read, and so is OUT below a file."""
    out = county_folder / "result"
    out.write_text("mine", encoding="utf-8")
    for given in (out, out / "below", out / "far" / "below"):
        ended = impactkit("evaluate", county_folder, "-o", given)
        assert ended.code == 2
        assert "is a file, not a folder" in ended.err
    assert out.read_text("utf-8") == "mine"


def test_a_folder_that_may_not_be_written_is_refused(county_folder, impactkit, monkeypatch):
    """A read-only parent is the user's business to change, not a fault of ours."""
    import os

    # A superuser may write anywhere, so the answer of the system is given here.
    allowed = os.access
    monkeypatch.setattr(
        "os.access", lambda path, mode: mode != os.W_OK and allowed(path, mode), raising=True
    )
    ended = impactkit("evaluate", county_folder)
    assert ended.code == 2
    assert "you may not write there" in ended.err
    assert left_beside(county_folder) == []


def test_a_full_disk_leaves_the_older_evaluation(county_folder, impactkit, monkeypatch):
    """When writing fails half way, the older evaluation stands, and nothing lies beside it."""
    assert impactkit("evaluate", county_folder).code == 0
    out = county_folder / "evaluation"
    before = {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("impactkit.report.files.render_workbook", full)
    ended = impactkit("evaluate", county_folder)
    assert ended.code == 2
    assert "No space left on device" in ended.err
    after = {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert after == before
    assert left_beside(county_folder) == ["evaluation"]


@pytest.mark.parametrize("moment", [1, 2], ids=["old set aside", "new put in place"])
def test_an_interrupt_while_folders_are_swapped_leaves_one_evaluation(
    moment, county_folder, impactkit, monkeypatch
):
    """Ctrl-C between the two moves of the last step loses neither evaluation."""
    assert impactkit("evaluate", county_folder).code == 0
    before = (county_folder / "evaluation" / "release" / "evaluation.json").read_bytes()
    rename, calls = Path.rename, []

    def interrupted(self, target):
        calls.append(self)
        if len(calls) == moment:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    ended = impactkit("evaluate", county_folder)
    assert ended.code == 130
    assert "Stopped" in ended.err
    after = (county_folder / "evaluation" / "release" / "evaluation.json").read_bytes()
    assert after == before
    assert left_beside(county_folder) == ["evaluation"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["evaluate", "nowhere"], ("nowhere", "no such study file", "impactkit new study")),
        (["evaluate", "{county}", "--data", "{county}/date"], ("date", "no such folder", "--data")),
        (["check", "nowhere.csv"], ("nowhere.csv", "no such file")),
        (["report", "{county}"], ("county", "no evaluation.json", "impactkit evaluate -o")),
        (["show", "metrics", "did.efect"], ("did.efect", "Did you mean 'did.effect'?")),
        (["show", "metric"], ("metric", "metrics")),
        (["evalute", "{county}"], ("evalute", "Did you mean 'evaluate'?")),
        (["evaluate", "{county}", "--dta", "x"], ("--dta", "--data")),
        (["evaluate"], ("STUDY",)),
        (["new", "study", "{county}"], ("study.toml", "a study here already", "another folder")),
        (["demo", "{county}/data"], ("not empty", "new folder")),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_a_mistaken_command_line_is_answered_with_a_remedy(
    arguments, told, county_folder, impactkit
):
    """Wrong names and paths end with code 2 and words, never with a traceback."""
    ended = impactkit(*(a.format(county=county_folder) for a in arguments))
    assert ended.code == 2, ended
    for part in told:
        assert part in ended.err + ended.out
    assert "Traceback" not in ended.err
