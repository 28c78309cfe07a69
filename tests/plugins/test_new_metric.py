"""`impactkit new metric`: what it writes works at once, and overwrites nothing."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest


def pytest_of(folder: Path, *arguments: str) -> str:
    """Run pytest as the author would, in a process of its own; return what it said."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_a_local_metric_is_one_file_whose_tests_pass_at_once(impactkit, tmp_path):
    """The command that it names runs two tests, and both pass."""
    ended = impactkit("new", "metric", "kent.late_arrivals", "--folder", tmp_path)
    assert ended.code == 0, ended.err
    (file,) = (tmp_path / "local_metrics").iterdir()
    assert file.name == "kent_late_arrivals.py"
    assert f"python -m pytest {file}\n" in ended.out
    assert "2 passed" in pytest_of(tmp_path, "local_metrics/kent_late_arrivals.py")


def test_a_local_metric_is_in_the_report_before_it_is_changed(impactkit, county_folder):
    """From the command to the report, and its title says what it is until it is changed."""
    assert impactkit("new", "metric", "kent.late_arrivals", "--folder", county_folder).code == 0
    ended = impactkit("evaluate", county_folder, "--allow-local")
    assert ended.code == 0, ended.err
    release = county_folder / "evaluation" / "release"
    results = json.loads((release / "evaluation.json").read_text("utf-8"))["results"]
    (found,) = [r for r in results if r["metric"] == "kent.late_arrivals"]
    assert found["status"] == "ok"
    assert found["estimates"][0]["value"] is not None
    title = "Late arrivals (so far: overall absence)"
    assert title in (release / "report.html").read_text("utf-8")


def test_a_folder_without_a_study_is_told(impactkit, tmp_path, county_folder):
    """Written into the wrong folder it would be found by no study."""
    ended = impactkit("new", "metric", "kent.late_arrivals", "--folder", tmp_path / "elsewhere")
    assert ended.code == 0
    assert f"No study is in {tmp_path / 'elsewhere'} yet" in ended.out
    ended = impactkit("new", "metric", "kent.late_arrivals", "--folder", county_folder)
    assert "No study" not in ended.out
    assert f"Then: impactkit evaluate {county_folder} --allow-local" in ended.out


def test_a_package_has_tests_that_pass_before_it_is_installed(impactkit, tmp_path):
    """A distribution with a card, a README and tests."""
    ended = impactkit("new", "metric", "kent.late_arrivals", "--package", "--folder", tmp_path)
    assert ended.code == 0, ended.err
    folder = tmp_path / "impactkit-kent"
    written = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert written == {
        "README.md",
        "pyproject.toml",
        "src/impactkit_kent/__init__.py",
        "src/impactkit_kent/late_arrivals.py",
        "tests/test_late_arrivals.py",
    }
    assert "2 passed" in pytest_of(folder)


def test_an_installed_package_is_found_and_can_run(impactkit, tmp_path):
    """Built into a wheel and installed without a network, it is a plugin with a metric."""
    pytest.importorskip("hatchling", reason="building a wheel without a network needs hatchling")
    impactkit("new", "metric", "kent.late_arrivals", "--package", "--folder", tmp_path)
    site = tmp_path / "site"
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    command = [sys.executable, "-m", "pip", "install", "-q", *options]
    subprocess.run([*command, str(tmp_path / "impactkit-kent")], check=True, capture_output=True)
    (made,) = distributions(path=[str(site)])
    assert [(e.group, e.name, e.value) for e in made.entry_points] == [
        ("impactkit", "kent", "impactkit_kent.late_arrivals")
    ]
    program = (
        "from impactkit.pipeline import default_registry as r; "
        "print(*(i for i in r().metrics if i.startswith('kent.')))"
    )
    program = f"import sys; sys.path.insert(0, {str(site)!r}); {program}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.stdout.strip() == "kent.late_arrivals", ended.stderr


@pytest.mark.parametrize("name", ["late", "Kent.Late arrivals", "kent.", "../kent.x", "a.b.c"])
def test_a_name_that_cannot_be_an_id_is_refused_with_one_that_can(impactkit, tmp_path, name):
    """Nothing is written, least of all outside the folder."""
    ended = impactkit("new", "metric", name, "--folder", tmp_path / "inner")
    assert ended.code == 2
    assert "LA.NAME" in ended.err
    assert not (tmp_path / "inner").exists()


@pytest.mark.parametrize("name", ["did.effect", "core.size", "kent.class", "kent.pl"])
def test_a_name_with_another_meaning_is_refused(impactkit, tmp_path, name):
    """Reserved plugins, and words that the file itself uses."""
    ended = impactkit("new", "metric", name, "--folder", tmp_path / "inner")
    assert ended.code == 2
    assert name in ended.err
    assert not (tmp_path / "inner").exists()


@pytest.mark.parametrize("package", [(), ("--package",)])
def test_nothing_is_overwritten(impactkit, tmp_path, package):
    """The second time it says so, and the author's work is as it was."""
    arguments = ("new", "metric", "kent.late_arrivals", "--folder", tmp_path, *package)
    assert impactkit(*arguments).code == 0
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    for file in files:
        file.write_text("mine", encoding="utf-8")
    ended = impactkit(*arguments)
    assert ended.code == 2
    assert "there already" in ended.err
    assert {file.read_text("utf-8") for file in files} == {"mine"}


def test_what_is_written_keeps_this_repositorys_own_rules(impactkit, tmp_path):
    """Every function has a docstring, and no line is longer than a hundred letters."""
    impactkit("new", "metric", "kent.late_arrivals", "--folder", tmp_path)
    text = (tmp_path / "local_metrics" / "kent_late_arrivals.py").read_text("utf-8")
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
    assert len(functions) == 3
    assert all(ast.get_docstring(function) for function in functions)
    assert max(map(len, text.splitlines())) <= 100
    assert "$" not in text
