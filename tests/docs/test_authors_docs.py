"""What plugin authors are told is so: every hook and fixture has its page, and every page runs."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from impactkit import hookspecs
from impactkit.testing import fixtures

DOCS = Path(__file__).resolve().parents[2] / "docs"
HOOKS = [name for name in vars(hookspecs) if name.startswith("impactkit_")]
FIXTURES = [name for name in vars(fixtures) if name.startswith("impactkit_")]
TESTING = (DOCS / "howto" / "testing.md").read_text("utf-8")
TUTORIAL = DOCS / "tutorials" / "first-metric" / "README.md"


def run_examples(page: Path) -> int:
    """Run a page's examples; return how many there were."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert not failed, page.name
    return tried


def test_there_are_hooks_and_fixtures_to_document():
    """The tests below would pass on nothing."""
    assert len(HOOKS) >= 11
    assert len(FIXTURES) >= 3


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_page_whose_example_uses_it_and_runs(hook):
    """A hook that nobody can find is not there."""
    page = DOCS / "howto" / "hooks" / f"{hook}.md"
    text = page.read_text("utf-8")
    assert re.search(rf"^\.\.\.     def {hook}\(self", text, flags=re.M)
    assert run_examples(page) >= 5


def test_there_is_no_page_of_a_hook_that_is_gone():
    """Pages go with their hooks."""
    assert sorted(p.stem for p in (DOCS / "howto" / "hooks").glob("*.md")) == sorted(HOOKS)


@pytest.mark.parametrize("fixture", FIXTURES)
def test_every_fixture_is_documented(fixture):
    """In its docstring, and on the page about testing."""
    found = getattr(fixtures, fixture)
    assert inspect.getdoc(getattr(found, "_fixture_function", None) or found.__wrapped__)
    assert f"`{fixture}`" in TESTING


def test_the_page_about_testing_runs():
    """The contract's message and the strategies, as printed there."""
    assert run_examples(DOCS / "howto" / "testing.md") >= 8


def test_the_example_of_the_fixtures_holds(impactkit_county, impactkit_context, impactkit_run):
    """The block is run with the fixtures and with a faultless metric of that name."""
    (block,) = re.findall(r"```python\n(def test_.*?)```", TESTING, flags=re.S)
    (metric,) = re.findall(r"```python\n(\"\"\"Att.*?)```", TUTORIAL.read_text("utf-8"), flags=re.S)
    metric = metric.replace("100 - pl.col", "pl.col").replace("def attendance", "def absence")
    namespace: dict = {"__name__": "page"}
    exec(compile(metric + "\n\n" + block, "testing.md", "exec"), namespace)
    test = namespace["test_absence_falls_by_what_was_planted"]
    test(impactkit_county, impactkit_context, impactkit_run)


def test_every_name_of_a_fault_is_explained():
    """The table has each name that the contract can print, and no other."""
    from impactkit.testing import budget, contract, known

    source = "".join(inspect.getsource(module) for module in (budget, contract, known))
    printed = set(re.findall(r'yield \(?\s*f?"\[(\w+)\]', source))
    printed |= set(re.findall(r'\(\s*"(\w+)",\s', inspect.getsource(contract._trials)))
    printed |= set(re.findall(r'return "(\w+)"', inspect.getsource(contract._kind)))
    printed |= set(re.findall(r'else "(\w+)"', inspect.getsource(contract._kind)))
    table = [line for line in TESTING.splitlines() if line.startswith("| `")]
    told = {name for line in table for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert told == printed


def test_the_tutorial_works_when_it_is_followed_to_the_letter(impactkit, tmp_path, monkeypatch):
    """Every command, in order, with the file and the study changed where it says."""
    monkeypatch.chdir(tmp_path)
    steps = re.findall(r"```(sh|python|toml)\n(.*?)```", TUTORIAL.read_text("utf-8"), flags=re.S)
    kinds = ["sh", "sh", "python", "sh", "toml", "sh", "sh", "sh", "sh"]
    assert [kind for kind, _ in steps] == kinds
    for kind, text in steps:
        if kind == "python":
            (file,) = Path("practice/local_metrics").iterdir()
            assert len(re.findall("# HERE", file.read_text("utf-8"))) == 3
            file.write_text(text, encoding="utf-8")
        elif kind == "toml":
            with Path("practice/study.toml").open("a", encoding="utf-8") as study:
                study.write("\n" + text)
        elif text.startswith("python -m pytest"):
            command = [sys.executable, *text.split()[1:], "-p", "no:cacheprovider"]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            assert "2 passed" in ended.stdout, ended.stdout
        else:
            ended = impactkit(*text.split()[1:])
            assert ended.code == 0, ended
            last = ended.out
            if "show" in text:
                assert "Half-days that pupils were in school" in last
                assert "runs here" in last or "Can run on this study: yes" in last
    report = Path("practice/mine/release/report.html").read_text("utf-8")
    assert "Attendance" in report
    assert "Half-days that pupils were in school" in report
