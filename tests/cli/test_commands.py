"""Each command does what its help says, for a person and for a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from impactkit.cli import COMMANDS

HEAVY = ("polars", "numpy", "scipy", "sklearn", "altair", "pandera", "pluggy", "jinja2")


def in_a_process(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    code = "from impactkit.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "POLARS_MAX_THREADS": "2", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


# --- help -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "threads"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")])
def test_linear_algebra_has_one_thread_unless_somebody_wants_more(given, threads):
    """Whoever sets the number keeps it."""
    code = (
        "import atexit, os, sys\n"
        "atexit.register(lambda: sys.stderr.write(os.environ['OPENBLAS_NUM_THREADS']))\n"
        "sys.argv = ['impactkit', '--version']\n"
        "from impactkit.cli import main; main()"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"} | given
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stderr == threads


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["evaluate", "--help"]])
def test_help_imports_neither_heavy_libraries_nor_plugins(arguments):
    """An answer before a blink: nothing heavy is imported, and no plugin is looked for."""
    code = (
        "import atexit, sys\n"
        f"sys.argv = ['impactkit', *{arguments!r}]\n"
        "atexit.register(lambda: sys.stderr.write(' '.join(sorted(sys.modules))))\n"
        "from impactkit.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ended.stderr.split())
    assert ended.stdout
    assert loaded.isdisjoint(HEAVY)
    assert "impactkit.plugins" not in loaded
    assert not {name for name in loaded if name.startswith("impactkit_")}


@pytest.mark.parametrize("arguments", [["metrics"], ["readers"], ["plugins"]])
def test_looking_up_what_there_is_imports_no_estimator(arguments):
    """`show` loads declarations, not what they will run: numbers come later, if at all."""
    code = (
        "import atexit, sys\n"
        f"sys.argv = ['impactkit', 'show', *{arguments!r}]\n"
        "atexit.register(lambda: sys.stderr.write(' '.join(sorted(sys.modules))))\n"
        "from impactkit.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ended.stderr.split())
    assert ended.stdout
    assert loaded.isdisjoint({"numpy", "scipy", "sklearn", "pandera", "jinja2"})
    rooms = {".".join(name.split(".")[:2]) for name in loaded if name.startswith("impactkit.")}
    assert rooms.isdisjoint(
        {"impactkit.estimators", "impactkit.doctor", "impactkit.report", "impactkit.lineage"}
    )


def test_importing_the_package_imports_nothing_heavy():
    """`import impactkit` resolves its names when they are used."""
    code = "import impactkit, sys; print(' '.join(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(ended.stdout.split()).isdisjoint(HEAVY)


def test_every_public_name_resolves():
    """`__all__` promises nothing that is not there."""
    import impactkit

    for name in impactkit.__all__:
        assert getattr(impactkit, name) is not None
    assert set(impactkit.__all__) <= set(dir(impactkit))
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        impactkit.evalute  # noqa: B018


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, impactkit):
    """Each command has a help page, and the line that the list of commands shows."""
    page = impactkit(command, "--help")
    assert page.code == 0
    assert page.out.startswith(f"Usage: impactkit {command}")
    assert COMMANDS[command].split()[0] in impactkit("--help").out


# --- evaluate -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluated(county_original, tmp_path_factory):
    """Evaluate the county once, in a process of its own; never to be changed."""
    out = tmp_path_factory.mktemp("evaluated") / "first"
    ended = in_a_process("evaluate", county_original, "-o", out, PYTHONHASHSEED="1")
    assert ended.returncode == 0, ended.stderr
    return out, ended


def files_of(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder by its name."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*"))
            if p.is_file()}  # fmt: skip


def test_evaluate_writes_what_may_be_shared_apart_from_what_may_not(evaluated):
    """`release` has the seven files of the design, `private` is for its owner's eyes."""
    out, ended = evaluated
    assert sorted(p.name for p in (out / "release").iterdir()) == [
        "estimates.csv",
        "estimates.parquet",
        "evaluation.json",
        "problems.csv",
        "provenance.json",
        "report.html",
        "workbook.xlsx",
    ]
    assert (out / "private" / "problems_with_values.csv").is_file()
    assert (out / "private").stat().st_mode & 0o077 == 0 or os.name == "nt"
    assert (out / ".gitignore").read_text("utf-8") == "private/\n"
    last = ended.stdout.rstrip().splitlines()[-1]
    assert last == f"Only {out / 'release'} is for sharing; {out / 'private'} is not."
    assert ended.stderr == ""


def test_the_release_names_no_path_of_the_machine(evaluated, county_original):
    """Paths are relative to the data, so that a release tells nothing of its maker's machine."""
    out, _ = evaluated
    for name in ("evaluation.json", "provenance.json", "problems.csv", "report.html"):
        content = (out / "release" / name).read_text("utf-8")
        assert str(county_original) not in content
        assert str(Path.home()) not in content


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONHASHSEED": "2"}, {"PYTHONHASHSEED": "3", "POLARS_MAX_THREADS": "1"}],
    ids=["another hash seed", "one thread"],
)
def test_the_same_inputs_give_the_same_bytes(environment, evaluated, county_original, tmp_path):
    """Every file of a release is the same, whatever the hash seed and number of threads."""
    first, _ = evaluated
    ended = in_a_process("evaluate", county_original, "-o", tmp_path / "again", **environment)
    assert ended.returncode == 0, ended.stderr
    assert files_of(tmp_path / "again" / "release") == files_of(first / "release")


def test_a_clock_is_in_the_release_only_when_it_was_given(evaluated, county_original, tmp_path):
    """SOURCE_DATE_EPOCH sets the time of making; without it there is none."""
    first, _ = evaluated
    assert json.loads((first / "release" / "provenance.json").read_text())["created"] is None
    out = tmp_path / "dated"
    ended = in_a_process("evaluate", county_original, "-o", out, SOURCE_DATE_EPOCH="1262304000")
    assert ended.returncode == 0, ended.stderr
    provenance = json.loads((out / "release" / "provenance.json").read_text("utf-8"))
    assert provenance["created"] == "2010-01-01T00:00:00+00:00"


def test_evaluating_again_replaces_the_older_evaluation(county_folder, impactkit):
    """OUT may be an older evaluation: it is replaced as a whole."""
    assert impactkit("evaluate", county_folder).code == 0
    stale = county_folder / "evaluation" / "private" / "panel_of_old.parquet"
    stale.write_bytes(b"")
    assert impactkit("evaluate", county_folder).code == 0
    assert not stale.exists()
    held = sorted(p.name for p in county_folder.iterdir())
    assert held == [".impactkit", "data", "evaluation", "study.toml"]


def test_a_dry_run_estimates_and_writes_nothing(county_folder, impactkit):
    """`--dry-run` names the files, their readers, the metrics and why some would be skipped."""
    ended = impactkit("evaluate", county_folder, "--dry-run")
    assert ended.code == 0
    assert "data/memberships.csv into memberships, with plain.table" in ended.out
    assert "metric did.effect\n" in ended.out
    assert "leadership.retention: skipped, the study lacks the table leadership_spells" in ended.out
    assert not (county_folder / "evaluation").exists()


def test_strict_makes_a_skipped_metric_count(county_folder, impactkit):
    """Skipped for want of data is well without `--strict`, and exit code 1 with it."""
    ended = impactkit("evaluate", county_folder)
    assert ended.code == 0
    assert "Not run for want of data" in ended.out
    assert impactkit("evaluate", county_folder, "--strict").code == 1
    chosen = county_folder / "study.toml"
    chosen.write_text(chosen.read_text("utf-8") + '[metrics."did.effect"]\n', encoding="utf-8")
    assert impactkit("evaluate", county_folder, "--strict").code == 0


def test_data_may_lie_elsewhere(county_folder, impactkit, tmp_path):
    """With `--data` the study's paths are relative to that folder."""
    elsewhere = tmp_path / "archive"
    elsewhere.mkdir()
    (county_folder / "data").rename(elsewhere / "data")
    assert impactkit("evaluate", county_folder, "--dry-run").code == 2
    assert impactkit("evaluate", county_folder, "--dry-run", "--data", elsewhere).code == 0


# --- report ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), [("html", "report.html"), ("xlsx", "workbook.xlsx")])
def test_a_report_rendered_again_has_the_same_bytes(kind, name, evaluated, impactkit, tmp_path):
    """`report` needs evaluation.json and nothing else, and gives what `evaluate` wrote."""
    out, _ = evaluated
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "evaluation.json").write_bytes((out / "release" / "evaluation.json").read_bytes())
    ended = impactkit("report", copy, "--format", kind)
    assert ended.code == 0
    assert ended.out.strip() == str(copy / name)
    assert (copy / name).read_bytes() == (out / "release" / name).read_bytes()
    assert sorted(p.name for p in copy.iterdir()) == sorted(["evaluation.json", name])


def test_a_report_can_be_written_elsewhere(evaluated, impactkit, tmp_path):
    """`--to` names the file; OUT stays as it was."""
    out, _ = evaluated
    before = files_of(out)
    assert impactkit("report", out, "--to", tmp_path / "for-governors.html").code == 0
    assert (tmp_path / "for-governors.html").read_bytes() == before["release/report.html"]
    assert files_of(out) == before


def test_a_report_that_cannot_be_written_is_no_fault_of_ours(evaluated, impactkit, tmp_path):
    """A folder that does not exist is named, with code 2."""
    ended = impactkit("report", evaluated[0], "--to", tmp_path / "none" / "report.html")
    assert ended.code == 2
    assert "report.html" in ended.err


# --- check ----------------------------------------------------------------------------------------


def test_check_of_a_study_counts_files_schools_and_exclusions(county_folder, impactkit):
    """A person reads what would be used, what is set aside, and which metrics can run."""
    ended = impactkit("check", county_folder)
    assert ended.code == 0, ended
    assert "data/memberships.csv, " in ended.out
    assert "county's own test" in ended.out
    assert "did.effect can run" in ended.out
    assert (
        "leadership.retention cannot run: the study lacks the table leadership_spells" in ended.out
    )
    assert not (county_folder / "evaluation").exists()


def test_check_of_a_study_says_how_many_every_exclusion_costs(county_folder, impactkit):
    """No reason without a number: nothing is dropped in silence."""
    lines = impactkit("check", county_folder).out.splitlines()
    reasons = [line.partition("left out: ")[2] for line in lines if "left out: " in line]
    assert reasons
    for reason in reasons:
        assert reason[0].isdigit(), reason


def test_check_of_a_study_can_be_read_by_a_program(county_folder, impactkit):
    """`--json` has the same counts that evaluation.json gets."""
    seen = json.loads(impactkit("check", county_folder, "--json").out)
    impactkit("evaluate", county_folder)
    path = county_folder / "evaluation" / "release" / "evaluation.json"
    exclusions = json.loads(path.read_text("utf-8"))["exclusions"]
    for name in ("schools", "ever_treated", "treated_in_window"):
        for measure, counts in seen["counts"].items():
            assert counts[name] == exclusions[name][measure]


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("dfe_performance_tables/2018/england_swf.csv", ("dfe.workforce", "2017/18", "schools")),
        ("dfe_performance_tables/2018/england_abs.csv", ("dfe.absence", "2017/18")),
        ("gias/2019-09_group_links.csv", ("gias.group_links",)),
        ("gias/2019-09-30/links_edubasealldata.csv", ("gias.links",)),
        ("memberships.csv", ("a table of memberships",)),
        ("outcomes.csv", ("a table of outcomes",)),
    ],
)
def test_check_of_a_file_says_what_it_is_and_who_reads_it(file, told, county_folder, impactkit):
    """The form, the reader and, where there is one, the year."""
    ended = impactkit("check", county_folder / "data" / file)
    assert ended.code == 0, ended
    for part in told:
        assert part in ended.out
    assert json.loads(impactkit("check", county_folder / "data" / file, "--json").out)["file"]


def test_check_of_every_file_of_the_county_recognises_it(county_folder, impactkit):
    """No file that we write ourselves is unknown to our own readers."""
    for path in sorted((county_folder / "data").rglob("*.csv")):
        ended = impactkit("check", path)
        assert ended.code == 0, (path.name, ended.out)


def test_check_of_an_unknown_file_names_its_columns(impactkit, tmp_path):
    """What no reader takes is an error that says what was seen."""
    path = tmp_path / "timetable.csv"
    path.write_text("hour,room\n9,Hall\n", encoding="utf-8")
    ended = impactkit("check", path)
    assert ended.code == 2
    assert "timetable.csv" in ended.out
    assert "hour, room" in ended.out


# --- show -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "one"),
    [
        ("metrics", "did.effect"),
        ("plugins", "core"),
        ("readers", "dfe.workforce"),
        ("tables", "memberships"),
        ("measures", "overall_absence"),
    ],
)
def test_show_lists_and_explains(kind, one, impactkit):
    """Each kind can be listed, explained one by one, and read by a program."""
    listed = impactkit("show", kind)
    assert listed.code == 0
    assert any(line.startswith(one) for line in listed.out.splitlines())
    explained = impactkit("show", kind, one)
    assert explained.code == 0
    assert explained.out.startswith(one)
    assert len(explained.out.splitlines()) > 3
    whole = json.loads(impactkit("show", kind, "--json").out)
    single = json.loads(impactkit("show", kind, one, "--json").out)
    assert single in whole
    assert single["id"] == one


def test_show_tables_says_what_a_column_may_hold(impactkit):
    """What the README promises of `show tables memberships`."""
    page = impactkit("show", "tables", "memberships").out
    for word in ("partnership_id", "urn", "role", "supporter, client, peer", "joined", "left"):
        assert word in page


def test_show_metrics_with_a_study_says_what_can_run_on_it(county_folder, impactkit):
    """With `--study` each metric has a yes, or the tables that it lacks."""
    page = impactkit("show", "metrics", "--study", county_folder).out
    assert "runs here: yes" in page
    assert "runs here: no: the study lacks the table leadership_spells" in page
    one = impactkit("show", "metrics", "did.effect", "--study", county_folder, "--json")
    assert json.loads(one.out)["can run on this study"] == "yes"


# --- new and demo ---------------------------------------------------------------------------------


def test_a_new_study_is_a_study_that_lacks_only_its_data(impactkit, tmp_path):
    """The template is read without a fault, and `check` says which files are still to come."""
    folder = tmp_path / "our-county"
    ended = impactkit("new", "study", folder)
    assert ended.code == 0
    assert "impactkit check" in ended.out
    tomllib.loads((folder / "study.toml").read_text("utf-8"))
    checked = impactkit("check", folder)
    assert checked.code == 2
    errors = [line for line in checked.out.splitlines() if line.startswith("error")]
    assert len(errors) == 2
    for error, path in zip(errors, ("england_swf.csv", "memberships.csv"), strict=True):
        assert path in error
        assert "no file matches" in error


def test_a_new_study_runs_once_its_files_are_there(county_folder, impactkit, tmp_path):
    """The five lines of the README, on a county's files."""
    folder = tmp_path / "our-county"
    impactkit("new", "study", folder)
    (county_folder / "data" / "memberships.csv").rename(folder / "data" / "memberships.csv")
    tables = county_folder / "data" / "dfe_performance_tables"
    tables.rename(folder / "data" / "tables")
    checked = impactkit("check", folder)
    assert checked.code == 0, checked.out
    ended = impactkit("evaluate", folder)
    assert ended.code == 0, ended.err
    assert (folder / "evaluation" / "release" / "report.html").is_file()


def test_the_demo_makes_a_county_and_says_what_was_planted(impactkit, tmp_path):
    """One command from nothing to a report, with every metric in it."""
    out = tmp_path / "demo"
    ended = impactkit("demo", out, "--effect", "3")
    assert ended.code == 0, ended.err
    assert "Planted in this county: an effect of +3 points on attainment." in ended.out
    assert "private is not" in ended.out
    report = out / "evaluation" / "release" / "report.html"
    assert "<svg" in report.read_text("utf-8")
    evaluation = json.loads((report.parent / "evaluation.json").read_text("utf-8"))
    ran = {r["metric"]: r["status"] for r in evaluation["results"]}
    assert set(ran.values()) == {"ok"}


def test_the_demo_leaves_a_folder_with_anything_in_it_alone(impactkit, tmp_path):
    """A study that somebody has begun is not replaced by the demo's."""
    impactkit("new", "study", tmp_path / "ours")
    before = files_of(tmp_path / "ours")
    ended = impactkit("demo", tmp_path / "ours")
    assert ended.code == 2
    assert "not empty" in ended.err
    assert files_of(tmp_path / "ours") == before


# --- a fault of ours ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [RuntimeError, BaseException])
def test_a_fault_of_ours_is_told_without_a_traceback(fault, impactkit, monkeypatch):
    """Exit code 3, what to do about it, and nothing of our insides."""

    def broken(**_):
        raise fault("Jane Doe, head of 100001")

    monkeypatch.setattr("impactkit.pipeline.default_registry", broken)
    ended = impactkit("show", "metrics")
    assert ended.code == 3
    assert "fault of impactkit's own" in ended.err
    assert "Jane Doe" not in ended.err
    assert "Traceback" not in ended.err


def test_a_reader_that_goes_away_is_no_fault():
    """`impactkit show ... | head` ends quietly."""
    command = (
        f'"{sys.executable}" -c "from impactkit.cli import main; main()" show measures | head -n 1'
    )
    if os.name == "nt":
        pytest.skip("there is no head")
    ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert ended.stderr == ""
