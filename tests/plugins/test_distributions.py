"""Three plugins as their authors would share them: built, installed, found, evaluated, reported.

The tutorial's metric; one with a table and a reader of its own; one with an estimator and a section
of the report. They use public names only, and their own tests are run where they are installed.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorials" / "first-metric"
HERE = Path(__file__).parent / "distributions"
FOLDERS = {
    "kent": TUTORIAL / "impactkit-kent",
    "surrey": HERE / "impactkit-surrey",
    "devon": HERE / "impactkit-devon",
}
METRICS = {
    "kent.attendance": "Attendance",
    "surrey.suspensions": "Suspensions",
    "devon.typical_change": "Typical change of a partnership",
}
VERSIONS = {"kent": "0.1.0", "surrey": "1.2.0", "devon": "0.3.1"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which all three are installed, without a network."""
    pytest.importorskip("hatchling", reason="building a wheel without a network needs hatchling")
    site = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    command = [sys.executable, "-m", "pip", "install", "-q", *options, *map(str, FOLDERS.values())]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return site


def run(site: Path, *command: object, folder: Path | None = None):
    """Run a program where the three are installed, with nobody's settings."""
    environment = {**os.environ, "IMPACTKIT_CONFIG": str(site / "config")}
    environment["PYTHONPATH"] = os.pathsep.join([str(site), str(ROOT / "src")])
    environment.pop("IMPACTKIT_PLUGINS", None)
    arguments = [sys.executable, *map(str, command)]
    return subprocess.run(
        arguments, capture_output=True, text=True, env=environment, cwd=folder, timeout=300
    )


def command(site: Path, *arguments: object):
    """Run the real command line."""
    return run(site, "-c", "from impactkit.cli import main; main()", *arguments)


@pytest.fixture(scope="module")
def study(county_original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the synthetic authority, with a log of suspensions, and a study of all three.

    The log has a suspension for every twenty pupils in each year, and up to two more that have
    nothing to do with partnerships. One case was withdrawn.
    """
    import shutil

    folder = tmp_path_factory.mktemp("three") / "county"
    shutil.copytree(county_original, folder)
    with (folder / "data" / "schools.csv").open(encoding="utf-8") as file:
        schools = list(csv.DictReader(file))
    lines = ["Case,URN,From,Half-days,Outcome"]
    for school in schools:
        for year in range(2012, 2020):
            more = (int(school["urn"]) * 7 + year * 5) % 11 % 3
            for _ in range(int(school["pupils"] or 0) // 20 + more):
                lines.append(f"{len(lines)},{school['urn']},14/01/{year},2,")
    lines.append(f"{len(lines)},{schools[0]['urn']},15/01/2015,2,withdrawn")
    (folder / "data" / "suspensions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = (folder / "study.toml").read_text("utf-8")
    assert "schools =" not in text
    text = text.replace(
        "[design]\n",
        'schools = { path = "data/schools.csv" }\n'
        'surrey_suspensions = { reader = "surrey.log", path = "data/suspensions.csv" }\n\n'
        "[design]\n",
    )
    text += '\n[metrics."did.effect"]\n' + "".join(f'[metrics."{name}"]\n' for name in METRICS)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def release(site: Path, study: Path) -> Path:
    """Evaluate the study with all three; return the folder that may be shared."""
    ended = command(site, "evaluate", study, "--strict")
    assert ended.returncode == 0, ended.stderr
    assert "failed" not in ended.stderr
    return study / "evaluation" / "release"


@pytest.mark.parametrize("name", FOLDERS)
def test_show_plugins_has_each_with_its_version(name, site):
    """Loaded, by its own name, from its own distribution."""
    ended = command(site, "show", "plugins", "--json")
    (found,) = [p for p in json.loads(ended.stdout) if p["id"] == name]
    assert (found["version"], found["status"], found["reason"]) == (VERSIONS[name], "loaded", "")
    assert found["source"] == f"installed, impactkit-{name}"


@pytest.mark.parametrize("metric", METRICS)
def test_show_metrics_explains_each_and_says_that_it_can_run(metric, site, study):
    """The card, whose it is, and whether this study has what it needs."""
    told = command(site, "show", "metrics", metric, "--study", study).stdout
    plugin = metric.partition(".")[0]
    assert f"Title: {METRICS[metric]}" in told
    assert "Definition: " in told
    assert "Can run on this study: yes" in told
    assert f"plugin {plugin} {VERSIONS[plugin]} (installed, impactkit-{plugin})" in told


@pytest.mark.parametrize("metric", METRICS)
def test_each_metric_is_estimated_with_an_interval_and_its_makers_identity(metric, release, site):
    """Name, version and a hash of the installed code, in the result and in the provenance."""
    plugin = metric.partition(".")[0]
    results = json.loads((release / "evaluation.json").read_text("utf-8"))["results"]
    (found,) = [r for r in results if r["metric"] == metric]
    assert (found["status"], found["plugin"]) == ("ok", plugin)
    assert found["plugin_version"] == VERSIONS[plugin]
    headline = found["estimates"][0]
    assert headline["ci_low"] <= headline["value"] <= headline["ci_high"]
    assert found["content_hash"] == code_of(site / f"impactkit_{plugin}")
    provenance = json.loads((release / "provenance.json").read_text("utf-8"))
    (made,) = [p for p in provenance["plugins"] if p["name"] == plugin]
    assert made["version"] == VERSIONS[plugin]
    assert made["content_hash"] == found["content_hash"]


def code_of(package: Path) -> str:
    """Hash an installed package: each file's name, a zero byte, and its bytes, in order."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()


def test_attendance_has_the_studys_whole_design(release):
    """In percentage points, with its counts, and higher is better."""
    results = json.loads((release / "evaluation.json").read_text("utf-8"))["results"]
    (attendance,) = [r for r in results if r["metric"] == "kent.attendance"]
    assert attendance["estimates"][0]["unit"] == "percentage points"
    assert attendance["direction"] == "higher"
    assert attendance["estimates"][0]["n_schools"] > 0


def test_a_log_without_a_change_shows_none_and_the_withdrawn_case_is_counted(release):
    """Nothing was planted, and the interval holds nought."""
    plain = json.loads((release / "evaluation.json").read_text("utf-8"))
    (found,) = [r for r in plain["results"] if r["metric"] == "surrey.suspensions"]
    headline = found["estimates"][0]
    assert headline["ci_low"] < 0 < headline["ci_high"]
    assert headline["unit"] == "suspensions per 100 pupils"
    (source,) = [s for s in plain["provenance"]["sources"] if s["reader"] == "surrey.log"]
    assert source["set_aside"] == {"withdrawn": 1}


def test_the_report_has_each_metric_and_whose_it_is(release):
    """A section with the title; and among the methods the plugin's name and version."""
    text = html.unescape((release / "report.html").read_text("utf-8"))
    for metric, title in METRICS.items():
        plugin = metric.partition(".")[0]
        key = "metric-" + re.sub(r"\W|_", "-", metric)
        (section,) = re.findall(rf'<section id="{key}".*?</section>', text, flags=re.S)
        assert title in section
        assert f"Metric {metric} of {plugin} {VERSIONS[plugin]}." in text


def test_the_plugins_own_section_is_in_the_report_and_says_whose_it_is(release):
    """Its table has the study's average and the typical change of each outcome."""
    plain = json.loads((release / "evaluation.json").read_text("utf-8"))
    (section,) = [s for s in plain["sections"] if s["title"] == "Typical partnerships"]
    rows = section["tables"][0]["rows"]
    labels = {m["id"]: m["label"] for m in plain["measures"]}
    assert {row[0] for row in rows} == set(labels.values())
    assert len(rows) == 2 * len(labels) == 4
    assert "[withheld]" not in json.dumps(section)
    headlines = {
        labels[e["measure"]]: e["value"]
        for r in plain["results"]
        if r["metric"] == "did.effect"
        for e in reversed(r["estimates"])
        if e["value"] is not None
    }
    assert {row[0]: row[2] for row in rows if "average" in row[1]} == headlines
    text = (release / "report.html").read_text("utf-8")
    assert "Typical partnerships" in text
    assert "Contributed by devon" in text


def test_a_study_can_name_the_plugins_estimator(site, study, tmp_path):
    """Then core's own metric is estimated by it."""
    text = (study / "study.toml").read_text("utf-8")
    text = text.replace("[design]\n", '[design]\nestimator = "devon.typical_change"\n')
    own = study / "own.toml"
    own.write_text(text, encoding="utf-8")
    ended = command(site, "evaluate", own, "-o", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    plain = json.loads((tmp_path / "out" / "release" / "evaluation.json").read_text("utf-8"))
    (effect,) = [r for r in plain["results"] if r["metric"] == "did.effect"]
    assert effect["estimates"][0]["method"] == "devon.typical_change"
    assert effect["estimates"][0]["value"] is not None


@pytest.mark.parametrize("name", FOLDERS)
def test_its_own_tests_pass_where_it_is_installed(name, site):
    """The contract and a planted effect among them."""
    tests = FOLDERS[name] / "tests"
    assert "assert_metric_contract" in "".join(p.read_text("utf-8") for p in tests.glob("*.py"))
    options = ("-q", "-p", "no:cacheprovider", "-W", "error", "-o", "pythonpath=")
    ended = run(site, "-m", "pytest", *options, tests, folder=site)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"^\d+ passed in", ended.stdout, flags=re.M), ended.stdout


@pytest.mark.parametrize("name", FOLDERS)
def test_it_uses_public_names_only(name):
    """Names in ``impactkit.__all__``, and the two modules that the how-to pages name."""
    import impactkit as package

    allowed = {"impactkit.declarations", "impactkit.testing", "impactkit.synthetic"}
    seen = set()
    for path in FOLDERS[name].rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "impactkit":
                seen |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module.startswith("impactkit."):
                assert node.module in allowed, (path.name, node.module)
            elif isinstance(node, ast.Import):
                assert not any(a.name.startswith("impactkit.") for a in node.names), path.name
    assert seen
    assert seen <= set(package.__all__)


def test_the_tutorials_package_is_what_its_page_makes(impactkit, tmp_path):
    """`new metric --package`, then the page's metric and its tests put in: byte for byte."""
    page = (TUTORIAL / "README.md").read_text("utf-8")
    assert (
        impactkit("new", "metric", "kent.attendance", "--package", "--folder", tmp_path).code == 0
    )
    (block,) = re.findall(r'```python\n("""Att.*?)```', page, flags=re.S)
    metric, tests = block.split("\n\n\ndef test_", 1)
    made = tmp_path / "impactkit-kent"
    (made / "src/impactkit_kent/attendance.py").write_text(metric + "\n", encoding="utf-8")
    file = made / "tests/test_attendance.py"
    head = file.read_text("utf-8").split("\n\n\ndef test_", 1)[0]
    file.write_text(f"{head}\n\n\ndef test_{tests}", encoding="utf-8")
    assert contents(made) == contents(FOLDERS["kent"])


def contents(folder: Path) -> dict[str, str]:
    """Return the files of a folder by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in (".py", ".md", ".toml")
    }
