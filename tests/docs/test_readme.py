"""What the README promises is so: its commands, its code, its tables and its links."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from pathlib import Path

import pytest

from impactkit.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def section(title: str) -> str:
    """Return the text below a heading, to the next heading of its level."""
    found = re.search(rf"^## {re.escape(title)}[^\n]*\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert found, f"the README has no section {title!r}"
    return found[1]


def code_lines(block: str) -> int:
    """Count the lines that are not blank."""
    return sum(bool(line.strip()) for line in block.splitlines())


# --- the two commands -----------------------------------------------------------------------------

DEMO = (
    "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt . ./plugins/* "
    "&& .venv/bin/impactkit demo"
)
TEST = (
    "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt '.[test]' ./plugins/* "
    "&& .venv/bin/pytest"
)


def test_the_two_commands_stand_there_as_they_were_promised():
    """One line each does everything on a machine with nothing but Python."""
    shell = [block.strip() for block in blocks("sh")]
    assert DEMO in shell
    assert TEST in shell


def test_each_of_them_has_a_form_for_windows_without_a_star():
    """PowerShell expands no `*`, so the folders are asked for."""
    windows = blocks("powershell")
    assert len(windows) == 2
    for block, last in zip(windows, (r"impactkit demo", "pytest"), strict=True):
        assert "plugins/*" not in block
        assert "Get-ChildItem plugins -Directory" in block
        assert block.strip().endswith(rf".venv\Scripts\{last}")


def test_commands_without_a_folder_are_preceded_by_how_they_are_found():
    """The install leaves `impactkit` in .venv: a bare name needs it activated, on both systems."""
    before, _, _ = section("Evaluate your own county").partition("```")
    assert ". .venv/bin/activate" in before
    assert r".venv\Scripts\Activate.ps1" in before


def test_continuous_integration_runs_the_test_command_as_the_readme_has_it():
    """`.ci/run` takes the line out of this file; its pattern must find exactly that one."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    (expression,) = re.findall(r"sed -n 's/\^\\\((.*?)\\\)\$/\\1/p' README\.md", script)
    pattern = re.compile(f"^{expression}$")
    assert [line for line in README.splitlines() if pattern.match(line)] == [TEST]


def test_continuous_integration_gives_our_commands_options_that_they_have():
    """An option that does not exist would end the real-data studies with code 2."""
    from impactkit.cli.evaluate import command

    known = {option for parameter in command.params for option in parameter.opts}
    script = (ROOT / ".ci" / "run").read_text("utf-8").replace("\\\n", " ")
    calls = re.findall(r"impactkit evaluate ([^|>\n]*)", script)
    assert calls
    for call in calls:
        for word in shlex.split(call.split("2>")[0]):
            assert not word.startswith("-") or word in known, word


def test_continuous_integration_runs_only_files_that_are_there():
    """Scripts that `.ci/run` calls are part of the repository."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    for name in re.findall(r"\.ci/[\w.]+\.py", script):
        assert (ROOT / name).is_file(), name


# --- five lines for a county ----------------------------------------------------------------------


def test_a_county_takes_five_lines_and_they_work(county_folder, impactkit, tmp_path, monkeypatch):
    """The five lines are run as they stand, with two real names in place of FILES and FILE."""
    import shutil

    (block,) = [b for b in blocks("sh") if "new study" in b]
    lines = block.strip().splitlines()
    assert len(lines) == 5
    monkeypatch.chdir(tmp_path)
    files = county_folder / "data"
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[0] == "cp":
            assert words == ["cp", "FILES", "our-county/data/"]
            shutil.copy(files / "memberships.csv", words[2])
            shutil.copytree(files / "dfe_performance_tables", "our-county/data/tables")
            continue
        arguments = [w.replace("FILE", "memberships.csv") for w in words[1:]]
        ended = impactkit(*arguments)
        assert ended.code == 0, (line, ended)
    report = re.search(r"the report: (\S+)$", lines[-1])
    assert report
    assert Path(report[1]).is_file()


def test_the_register_in_the_readme_is_one_that_we_accept(impactkit, tmp_path):
    """The example table, saved as CSV, is taken for memberships without a fault."""
    rows = re.findall(r"^\|(.*)\|$", section("Evaluate your own county"), flags=re.M)
    cells = [[cell.strip() for cell in row.split("|")] for row in rows if "---" not in row]
    assert cells[0] == ["partnership_id", "urn", "role", "joined", "left"]
    path = tmp_path / "register.csv"
    path.write_text("\n".join(",".join(row) for row in cells) + "\n", encoding="utf-8")
    ended = impactkit("check", path)
    assert ended.code == 0, ended
    assert "memberships" in ended.out


# --- code -----------------------------------------------------------------------------------------


def test_the_library_takes_ten_lines_and_prints_an_estimate():
    """The first block runs as it stands, and finds the fall of one point that is written in it."""
    block = next(b for b in blocks("python") if "evaluate(" in b)
    assert code_lines(block) == 10
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    told = re.fullmatch(
        r"ATT.* overall_absence: (-?[\d.]+) \[(-?[\d.]+), (-?[\d.]+)\] percentage points\n",
        printed.getvalue(),
    )
    assert told, printed.getvalue()
    value, low, high = map(float, told.groups())
    assert low < -1 < high
    assert low < value < high < 0


def test_a_local_metric_takes_twelve_lines_and_runs(county_folder, impactkit):
    """The second block, saved as the README says, is estimated, protected and reported."""
    block = next(b for b in blocks("python") if "@outcome_metric" in b)
    lines = block.strip().splitlines()
    body = lines[next(i for i, line in enumerate(lines) if line.startswith("@")) :]
    assert len(body) <= 12
    folder = county_folder / "local_metrics"
    folder.mkdir()
    (folder / "kent.py").write_text(block, encoding="utf-8")
    ended = impactkit("evaluate", county_folder, "--allow-local")
    assert ended.code == 0, ended
    release = county_folder / "evaluation" / "release"
    results = json.loads((release / "evaluation.json").read_text("utf-8"))["results"]
    (found,) = [r for r in results if r["metric"] == "kent.small_classes"]
    assert found["status"] == "ok"
    assert found["local"] is True
    assert found["estimates"][0]["value"] is not None
    assert found["title"] in (release / "report.html").read_text("utf-8")


# --- tables and links -----------------------------------------------------------------------------


def test_the_table_of_commands_has_every_command_and_no_other():
    """Nine commands and no more, in the order of `--help`."""
    told = re.findall(r"^\| `impactkit (\w+)", section("Commands"), flags=re.M)
    assert list(dict.fromkeys(told)) == list(COMMANDS)


def test_the_table_of_commands_has_everything_that_new_makes():
    """A line for each: a study, a metric."""
    from impactkit.cli.new import command

    told = re.findall(r"^\| `impactkit new (\w+)", section("Commands"), flags=re.M)
    assert sorted(told) == sorted(command.commands)


def test_the_kinds_of_show_are_those_of_the_command():
    """`show metrics|plugins|...` is spelt as the command takes it."""
    from impactkit.cli.show import KINDS

    assert "`impactkit show " + "\\|".join(KINDS) + " [ID]`" in README


def test_every_inline_command_is_one_that_the_command_line_has(impactkit):
    """Options and commands that are named in passing exist."""
    for line in re.findall(r"`impactkit ([^`]+)`", README):
        words = line.replace("\\|", "|").split()
        assert words[0] in COMMANDS
        page = impactkit(words[0], "--help").out
        for word in words[1:]:
            if word.startswith("--"):
                assert word in page, line


@pytest.mark.parametrize(
    "page",
    sorted(
        p
        for p in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")]
    ),
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_links_to_files_lead_somewhere(page):
    """A link within the repository has its file."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            continue
        assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("name", ["study.toml", "national.toml"])
def test_the_studies_of_the_tutorial_say_how_they_are_run(name):
    """The comment at the top names the file that it stands in, and the study parses."""
    from impactkit.study import Study

    path = ROOT / "docs" / "tutorials" / "two-counties" / name
    assert f"impactkit evaluate {path.relative_to(ROOT).as_posix()}" in path.read_text("utf-8")
    assert Study.load(path).design.outcome == ("pupil_teacher_ratio", "overall_absence")
