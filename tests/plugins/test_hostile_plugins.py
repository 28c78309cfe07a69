"""Plugins that do their worst by accident: one clear line each, and everything else intact.

Each stands as an installed distribution, with metadata of its own, on the import path of the real
command line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from impactkit.plugins import Registry

METRIC = """
import polars as pl
from impactkit import Estimate, Note, estimating_metric, outcome_metric
NEEDS = {{"outcomes": ["school_key", "year", "measure", "value"]}}
@{shape}_metric(id="{name}.metric", title="A metric", unit="percent", needs=NEEDS)
def metric(context):
    "A metric."
    rows = context.table("outcomes").filter(pl.col("measure") == "attainment")
    rows = rows.select("school_key", "year", "value").drop_nulls()
{body}
"""

AT_IMPORT = {
    "syntax": ("def broken(:", "importing it raised SyntaxError"),
    "leaves": ("import sys; sys.exit(0)", "importing it raised SystemExit: 0"),
    "panics": ("raise BaseException('a panic')", "importing it raised BaseException: a panic"),
    "speaks": ("print('{}')", "it printed to standard output"),
    "moves": ("import os; os.chdir('/')", "it changed the working folder, which was put back"),
    "localises": (
        "import locale; locale.setlocale(locale.LC_ALL, 'C')",
        "it changed the locale, which was put back",
    ),
    "grabs": (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "it changed what Ctrl-C does, which was put back",
    ),
    "patches": (
        "import polars as pl\npl.DataFrame.select = lambda *a, **k: None",
        "importing it replaced DataFrame.select, which others rely upon",
    ),
    "clears": (
        "import os; os.environ.pop('PATH', None); os.environ['HOME'] = '/'",
        "it changed the environment, which was put back",
    ),
    "deepens": (
        "import sys; sys.setrecursionlimit(10**6)",
        "it changed the limit of recursion, which was put back",
    ),
    "writes": (
        "import json, pathlib\njson.dumps = pathlib.Path.write_text = None",
        "importing it replaced json.dumps, Path.write_text, which others rely upon",
    ),
    "lingers": (
        "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()",
        "it left a thread running; end it, or make it a daemon",
    ),
    "nowhere": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "argues": (
        "def impactkit_metrics(zebra): return []",
        "Argument(s) {'zebra'} are declared in the hookimpl but can not be found",
    ),
    "misspells": ("def impactkit_metrcs(): return []", "Did you mean 'impactkit_metrics'?"),
    "future": ("requires_impactkit = '>=99'", "it needs impactkit >=99, and this is "),
    "value": ("", "the name 'value' is kept for impactkit-value"),
    "sleeps": ("import time; time.sleep(2.1)", "import heavy libraries inside functions"),
}
"""What a plugin does when it is imported, and the line that its author is to read."""

IN_A_METRIC = {
    "halfway": ("    yield Estimate(value=1.0)\n    raise KeyError('no 2031')", "KeyError"),
    "nan": ("    yield Estimate(value=float('nan'))", "value is nan"),
    "twice": ("    yield Estimate(value=1.0)\n    yield Estimate(value=2.0)", "is there again"),
    "frame": ("    return rows", "it gave something of type DataFrame"),
    "text": ("    return 'all well'", "it gave something of type str"),
    "field": ("    yield Note('{n} heads')", "ok"),
    "template": ("    yield Note('{n} heads', values={'m': 1})", "do not go together"),
    "exits": ("    raise SystemExit(0)", "SystemExit: 0"),
    "vanishes": ("    __import__('os')._exit(0)", "ended without an answer (exit code 0)"),
    "aborts": ("    __import__('os').abort()", "ended without an answer (signal 6)"),
    "forever": ("    while True: pass", "it took longer than 15 s and was stopped"),
    "forks": (
        "    import os, time\n    os.fork() or time.sleep(600)\n    yield Note('fine')",
        "ok",
    ),
    "starts": (
        "    __import__('subprocess').Popen(['sleep', '600'])\n    yield Note('fine')",
        "ok",
    ),
    "shuts": ("    [__import__('os').close(n) for n in (0, 1, 2)]\n    yield Note('fine')", "ok"),
    "recurs": ("    def again(): again()\n    again()", "RecursionError"),
    "interrupts": ("    raise KeyboardInterrupt", "KeyboardInterrupt"),
    "rambles": ("    raise ValueError('x' * 10**7)", "xxxx …"),
    "unpickles": (
        "    class Text(str): pass\n    yield Note(Text('fine'))",
        "what it gave cannot be handed over: ",
    ),
    "prints": ("    print('{'); __import__('os').write(1, b'{')\n    yield Note('fine')", "ok"),
    "breaks": ("    pl.DataFrame.select = None\n    yield Note('fine')", "ok"),
    "own": ("    yield from context.effect(rows)", "ok"),
}
"""What an estimating metric does, and its reason, or `ok`."""

AS_A_FRAME = {
    "lazy": ("    return rows.lazy()", "ok"),
    "nothing": ("    return None", "returns a polars frame, not a NoneType"),
    "dtypes": (
        "    return rows.with_columns(pl.col('year') * 1.0, value=pl.lit('many'))",
        "the column year is Float64; it must hold whole numbers: 2024 for 2023/24; "
        "the column value is String; it must hold numbers",
    ),
    "misspelt": (
        "    return rows.lazy().with_columns(value='valeu')",
        'unable to find column "valeu"',
    ),
    "objects": (
        "    return rows.with_columns(value=pl.Series([object()] * rows.height, dtype=pl.Object))",
        "the column value is Object; it must hold numbers",
    ),
    "names": (
        "    return rows.with_columns(value=pl.lit('A. Head', dtype=pl.Enum(['A. Head'])))",
        "the column value is Enum; it must hold numbers",
    ),
    "texts": ("    return rows.with_columns(pl.col('school_key').cast(pl.Categorical))", "ok"),
    "below": ("    return rows.with_columns(weight=-1.0)", "have a weight below nought"),
    "infinite": ("    return rows.with_columns(value=pl.col('value') / 0)", "use null"),
    "keys": ("    return pl.concat([rows, rows])", "appear more than once"),
    "columns": ("    return rows.drop('year', 'value')", "has no column year, value"),
}
"""What an outcome metric returns, and its reason, or `ok`."""


def install(site: Path, name: str, source: str, *, distribution: str = "") -> None:
    """Put a module where a distribution of that name would have it, with its metadata."""
    distribution = distribution or f"hostile-{name}"
    (site / f"hostile_{name}.py").write_text(source, encoding="utf-8")
    info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(
        f"[impactkit]\n{name} = hostile_{name}\n", encoding="utf-8"
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return a folder with all of them installed."""
    site = tmp_path_factory.mktemp("site")
    for name, (source, _) in AT_IMPORT.items():
        install(site, name, source)
    for shape, cases in (("estimating", IN_A_METRIC), ("outcome", AS_A_FRAME)):
        for name, (body, _) in cases.items():
            install(site, name, METRIC.format(shape=shape, name=name, body=body))
    return site


def command(site: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the real command line with the hostile plugins installed, and nobody's settings."""
    code = "from impactkit.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(site), "IMPACTKIT_CONFIG": str(site / "config")}
    environment.pop("IMPACTKIT_PLUGINS", None)
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def evaluated(site, county_original, tmp_path_factory):
    """Evaluate one county with all of them, and once without; return both, and what was said."""
    out = tmp_path_factory.mktemp("out")
    study = county_original / "hostile.toml"
    text = (county_original / "study.toml").read_text("utf-8")
    study.write_text(text + "\n[plugins]\ntimeout_seconds = 15\n", encoding="utf-8")
    ended = command(site, "evaluate", study, "-o", out / "hostile")
    denied = [f"--no-plugin={name}" for name in (*AT_IMPORT, *IN_A_METRIC, *AS_A_FRAME)]
    calm = command(site, "evaluate", study, "-o", out / "calm", *denied)
    study.unlink()
    found = {
        name: json.loads((out / name / "release" / "evaluation.json").read_text("utf-8"))
        for name in ("hostile", "calm")
    }
    return ended, calm, found


@pytest.mark.parametrize("name", AT_IMPORT)
def test_each_gets_a_line_in_show_plugins(name, site, shown):
    """Name, version, source, status and reason of every plugin, whatever it did."""
    told = AT_IMPORT[name][1]
    (entry,) = [p for p in shown if p["source"] == f"installed, hostile-{name}"]
    assert entry["id"] in (name, f"hostile-{name}:{name}")
    assert told in entry["reason"] + entry["slow"]
    assert entry["version"] == "1.0"
    assert entry["status"] in ("loaded", "failed")


@pytest.fixture(scope="module")
def shown(site):
    """Return what ``show plugins --json`` says; it is JSON, whatever was printed meanwhile."""
    ended = command(site, "show", "plugins", "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_show_plugins_is_a_table_for_people(site):
    """One line a plugin, each with its version and status; no traceback."""
    ended = command(site, "show", "plugins")
    lines = ended.stdout.splitlines()
    for name in AT_IMPORT.keys() - {"value"}:
        assert len([line for line in lines if line.split()[:2] == [name, "1.0"]]) == 1, name
    assert "Traceback" not in ended.stdout + ended.stderr


def test_the_run_ends_well(evaluated):
    """Exit code 1 because metrics failed; a whole report; no traceback; a clean stdout."""
    ended, _, found = evaluated
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "{" not in ended.stdout
    assert found["hostile"]["results"]


@pytest.mark.parametrize("name", [*IN_A_METRIC, *AS_A_FRAME])
def test_each_metric_costs_itself_only(name, evaluated):
    """It is ok, or it has one reason, which is one line on stderr with its plugin."""
    ended, _, found = evaluated
    told = {**IN_A_METRIC, **AS_A_FRAME}[name][1]
    (result,) = [r for r in found["hostile"]["results"] if r["metric"] == f"{name}.metric"]
    assert (result["plugin"], result["plugin_version"]) == (name, "1.0")
    assert len(result["content_hash"]) == 64
    lines = [x for x in ended.stderr.splitlines() if x.startswith(f"{name}.metric failed")]
    if told == "ok":
        assert result["status"] == "ok", result.get("reason")
        assert lines == []
    else:
        assert result["status"] == "failed"
        assert told in result["reason"]
        assert "given outcomes (3,329 rows of school_key, year, measure, value)" in result["reason"]
        assert lines == [f"{name}.metric failed: {result['reason']} (plugin {name} 1.0)"]


def test_everyone_elses_results_are_the_same(evaluated):
    """Core's own metrics give the very numbers that they give without these plugins.

    But for the adjustment for the number of tests: tests that were made count, whoever made them.
    Both halves of it, the adjusted p-value and the band of a headline, may only grow.
    """
    _, calm, found = evaluated
    assert calm.returncode == 0, calm.stderr
    (ours,) = [r for r in found["hostile"]["results"] if r["metric"] == "did.effect"]
    (alone,) = [r for r in found["calm"]["results"] if r["metric"] == "did.effect"]
    pairs = list(zip(ours["estimates"], alone["estimates"], strict=True))
    for one, other in pairs:
        more, fewer = one.pop("p_adjusted"), other.pop("p_adjusted")
        assert (more is None) == (fewer is None)
        if more is None:
            continue
        assert more >= fewer
        wider, narrower = (
            [e.pop("band_low"), e["value"], e.pop("band_high")] for e in (one, other)
        )
        assert wider[0] < narrower[0] < narrower[1] < narrower[2] < wider[2]
    assert ours == alone


def test_a_denied_plugin_is_listed_as_denied(evaluated):
    """The list of plugins says who was left out, and that it was the user's wish."""
    _, _, found = evaluated
    statuses = {p["name"]: p["status"] for p in found["calm"]["plugins"]}
    assert {statuses[name] for name in IN_A_METRIC} == {"denied"}


def test_the_worker_sees_what_this_process_would(evaluated):
    """A metric in a worker that calls the study's design gets core's own numbers for it."""
    _, _, found = evaluated
    results = {r["metric"]: r for r in found["hostile"]["results"]}
    own, lazy = results["own.metric"]["estimates"], results["lazy.metric"]["estimates"]
    ours = [e for e in results["did.effect"]["estimates"] if e["measure"] == "attainment"]
    headline = ("value", "std_error", "ci_low", "ci_high", "n_schools")
    for mine in (own[0], lazy[0]):
        assert [mine[k] for k in headline] == [ours[0][k] for k in headline]


def test_strict_makes_a_plugins_fault_a_failed_run(site, county_original, tmp_path):
    """For a pipeline that must not go on: the report is written, and the exit code is 1."""
    others = [*AT_IMPORT, *IN_A_METRIC, *AS_A_FRAME]
    others.remove("misspells")
    study = tmp_path / "study.toml"
    text = (county_original / "study.toml").read_text("utf-8") + '[metrics."did.effect"]\n'
    study.write_text(text, encoding="utf-8")
    deny = [f"--no-plugin={name}" for name in others]
    data = ("--data", county_original, *deny)
    assert command(site, "evaluate", study, "-o", tmp_path / "out", *data).returncode == 0
    strict = command(site, "evaluate", study, "-o", tmp_path / "out", "--strict", *data)
    assert strict.returncode == 1
    assert "Plugin misspells: there is no hook 'impactkit_metrcs'" in strict.stderr
    assert (tmp_path / "out" / "release" / "report.html").is_file()


def test_an_import_that_never_ends_is_ended(monkeypatch, tmp_path):
    """A plugin that waits at import is stopped after its time, and the next one is loaded."""
    install(tmp_path, "waits", "import time; time.sleep(900)")
    install(tmp_path, "works", "")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry(seconds=0.3)
    registry.load_installed(allow=["waits", "works"])
    infos = {info.name: info for info in registry.plugins}
    assert infos["waits"].status == "failed"
    assert "TookTooLong: it took longer than 0.3 s" in infos["waits"].reason
    assert infos["works"].status == "loaded"


def test_names_in_lists_that_mean_no_plugin_are_told(site):
    """A slip in a list would otherwise be silence: the plugin runs, or is missed."""
    ended = command(site, "show", "plugins", "--json")
    assert "not found" not in {p["status"] for p in json.loads(ended.stdout)}
    from impactkit.pipeline import default_registry

    (info,) = [i for i in default_registry(deny=["governence"]).plugins if i.status == "not found"]
    assert info.source == "named in the deny list"
    assert info.reason == "there is no plugin of this name. Did you mean 'governance'?"
