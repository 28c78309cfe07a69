"""The worker process of somebody else's metric: what it is given, asked, and when it ends."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from impactkit.errors import EstimationError, MetricError
from impactkit.metrics import MetricContext
from impactkit.pipeline.apart import computed_apart
from impactkit.pipeline.worker import can_limit_memory
from impactkit.plugins import Origin, PluginInfo, Registry
from impactkit.results import Estimate

HEAD = """
import attrs, os, subprocess, sys, time
import polars as pl
from impactkit import Estimate, Note, EstimationError, estimating_metric

@attrs.frozen
class Params:
    levels: tuple = ("head",)

@estimating_metric(id="kent.metric", title="A metric", params=Params)
def metric(context):
    "A metric."
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a metric of the given body in a worker."""

    def run(body: str, seconds: float = 60.0, memory_mb: int = 0, **context: object):
        source = HEAD + "".join(f"    {line}\n" for line in body.strip().splitlines())
        path = tmp_path / "kent.py"
        path.write_text("raise SystemExit('read from the disk again')", encoding="utf-8")
        origin = Origin(path=path, content=source.encode())
        registry = Registry()
        info = PluginInfo(name="local:kent", origin=origin)
        registry.register(origin.load(), info)
        metric = registry.metrics["kent.metric"]
        context.setdefault("params", metric.params())
        return computed_apart(
            metric,
            info,
            MetricContext(metric=metric.id, **context),
            seconds=seconds,
            memory_mb=memory_mb,
        )

    return run


def ended(pid: int) -> bool:
    """Tell whether a process is gone, waiting a little for the system to clear it away."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_it_is_another_process_with_the_same_code(run):
    """The content that was allowed runs, whatever the file says by now."""
    given, cpu = run("yield Note('{pid}', values={'pid': os.getpid()}, of='events')")
    assert given.notes[0].values["pid"] != os.getpid()
    assert cpu >= 0


def test_what_a_context_holds_arrives(run):
    """Frames with their types, parameters of the plugin's own class, seed and years."""
    import numpy as np

    frame = pl.DataFrame({"school_key": ["1", None], "year": [2019, 2020], "x": [[1], []]})
    given, _ = run(
        """
frame = context.table("outcomes")
assert frame.schema == {"school_key": pl.String, "year": pl.Int64, "x": pl.List(pl.Int64)}
assert frame["school_key"].to_list() == ["1", None]
assert isinstance(context.params, Params) and context.params.levels == ("head",)
assert (context.seed, context.years) == (7, (2019, 2020))
yield Estimate(value=float(context.rng().normal()))
""",
        tables={"outcomes": frame},
        seed=7,
        years=(2019, 2020),
    )
    assert given.estimates[0].value == np.random.default_rng(7).normal()


def test_what_it_asks_for_is_worked_out_here(run):
    """Panels, effects and fits are made by the parent, which has the data."""
    asked = []

    def effect(data, **options):
        asked.append((os.getpid(), data, options))
        return (Estimate(value=4.0),)

    given, _ = run("yield from context.effect('size', cells=False)", run_effect=effect)
    assert asked == [(os.getpid(), "size", {"cells": False})]
    assert given.estimates[0].value == 4.0


def test_an_estimation_error_can_be_caught_or_passes_through(run):
    """It is the same class on both sides; other faults of ours come as words."""

    def cannot(data, **options):
        raise EstimationError("too few")

    def fault(data, **options):
        raise KeyError("ours")

    caught = """
try:
    context.effect("size")
except EstimationError as error:
    yield Note(f"told: {error}")
"""
    assert run(caught, run_effect=cannot)[0].notes[0].text == "told: too few"
    with pytest.raises(EstimationError, match=r"^too few$"):
        run("yield from context.effect('size')", run_effect=cannot)
    with pytest.raises(MetricError, match=r"^KeyError: 'ours' \(test_workers.py, line"):
        run("yield from context.effect('size')", run_effect=fault)


def test_time_in_which_core_works_is_not_counted(run):
    """A slow estimator of ours is no fault of the metric that asks for it."""

    def slow(data, **options):
        time.sleep(9)
        return (Estimate(value=1.0),)

    body = "yield from context.effect('a')\nyield from ()"
    given, _ = run(body, seconds=8, run_effect=slow)
    assert given.estimates[0].value == 1.0


def test_what_hangs_is_ended_with_all_that_it_started(run, tmp_path):
    """Its own children, too; and the reason says what to do."""
    note = tmp_path / "pids"
    body = f"""
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(900)"])
open({str(note)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(900)
"""
    begun = time.monotonic()
    with pytest.raises(MetricError, match="longer than 8 s and was stopped; if it needs more, rai"):
        run(body, seconds=8)
    assert time.monotonic() - begun < 60
    pids = [int(pid) for pid in note.read_text().split()]
    assert len(pids) == 2
    assert all(ended(pid) for pid in pids)


def test_a_user_who_stops_the_run_ends_the_worker(run, tmp_path):
    """Ctrl-C while a worker waits for us leaves no process behind."""
    note = tmp_path / "pid"

    def stopped(data, **options):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(
            f"open({str(note)!r}, 'w').write(str(os.getpid()))\nyield context.effect('size')",
            run_effect=stopped,
        )
    assert ended(int(note.read_text()))


@pytest.mark.skipif(not can_limit_memory(), reason="memory can be limited on Linux only")
def test_memory_is_limited_when_asked(run):
    """What asks for more than it may have fails; without a limit the same is fine."""
    body = "size = len(bytearray(600 * 2**20))\nyield Note('{n}', values={'n': size})"
    assert run(body)[0].notes[0].values["n"] == 600 * 2**20
    with pytest.raises(MetricError, match=r"^MemoryError \(kent.py, line 13\)$"):
        run(body, memory_mb=300)


def test_what_it_prints_is_lost_and_does_no_harm(run, capfd):
    """Not even bytes written past Python get between two messages, or onto our output."""
    body = """
print("{")
os.write(1, b"{" * 1000)
subprocess.run([sys.executable, "-c", "print('{')"], check=True)
yield Note("fine")
"""
    assert run(body)[0].notes[0].text == "fine"
    assert capfd.readouterr().out == ""


def test_answers_that_cannot_be_sent_are_a_reason(run):
    """What the parent made for the metric must go through a pipe."""
    with pytest.raises(Exception, match=r"pickle|local object"):
        run("yield context.fit('size')", run_estimator=lambda data, **options: lambda: None)


def test_a_file_of_the_working_folder_does_not_get_in_the_way(run, tmp_path, monkeypatch):
    """The worker's polars is ours, whatever lies about where we stand."""
    (tmp_path / "polars.py").write_text("raise SystemExit", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    assert run("yield Note('fine')")[0].notes[0].text == "fine"


def test_a_plugin_that_declares_something_else_each_time_is_told(tmp_path):
    """A metric must be there again when the worker looks."""
    path = tmp_path / "kent.py"
    origin = Origin(path=path, content=(HEAD + "    return []").encode())
    registry = Registry()
    registry.register(origin.load(), PluginInfo(name="local:kent"))
    info = PluginInfo(name="local:kent", origin=Origin(path=path, content=b""))
    with pytest.raises(MetricError, match="did not declare it again in the worker process"):
        computed_apart(
            registry.metrics["kent.metric"], info, MetricContext(metric="kent.metric"), seconds=60
        )


def test_without_somebody_elses_plugin_there_is_no_worker(county_folder, monkeypatch):
    """The cost of workers when nobody needs one is none: no process is started at all."""
    import subprocess

    from impactkit.pipeline import default_registry, evaluate
    from impactkit.pipeline.core import OURS

    def refuse(*_, **__):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    evaluation = evaluate(county_folder / "study.toml", registry=default_registry(allow=OURS))
    assert evaluation["did.effect"].status == "ok"


def test_a_memory_limit_that_cannot_be_kept_is_told(county_folder, impactkit, monkeypatch):
    """On systems other than Linux the metric runs, and a line says that nothing holds it."""
    monkeypatch.setattr("impactkit.pipeline.worker.can_limit_memory", lambda: False)
    (county_folder / "local_metrics").mkdir()
    (county_folder / "local_metrics" / "watch.py").write_text(WATCHER, encoding="utf-8")
    study = county_folder / "study.toml"
    limits = '\n[plugins]\nmemory_mb = 5000\n[metrics."watch.metric"]\n'
    study.write_text(study.read_text("utf-8") + limits, encoding="utf-8")
    finished = impactkit("evaluate", county_folder, "--allow-local")
    assert finished.code == 0
    assert "metric watch.metric: `memory_mb` cannot be kept on this system" in finished.err


WATCHER = """
from impactkit import Estimate, Section, estimating_metric

@estimating_metric(id="watch.metric", title="Watched", needs={"outcomes": ["school_key", "value"]})
def metric(context):
    "A metric."
    assert context.table("outcomes").columns == ["school_key", "value"]
    yield Estimate(value=float(context.table("outcomes").height))

def impactkit_before_metric(metric, context):
    for frame in context.tables.values():
        frame.drop_in_place(frame.columns[0])
    context.tables.clear()

def impactkit_after_metric(result, context):
    result.params["changed"] = True
    result.card["definition"] = "changed"

def impactkit_report_sections(evaluation):
    evaluation.study["title"] = "changed"
    evaluation.exclusions.clear()
    return [Section(id="watch", title="Watch")]
"""


def test_hooks_that_watch_change_nothing(county_folder, impactkit):
    """They are given copies, so that what they do to them is nobody's business."""
    import json

    (county_folder / "local_metrics").mkdir()
    (county_folder / "local_metrics" / "watch.py").write_text(WATCHER, encoding="utf-8")
    finished = impactkit("evaluate", county_folder, "--allow-local")
    assert finished.code == 0, finished.err
    text = (county_folder / "evaluation" / "release" / "evaluation.json").read_text("utf-8")
    assert '"changed"' not in text
    plain = json.loads(text)
    (watched,) = [r for r in plain["results"] if r["metric"] == "watch.metric"]
    assert watched["estimates"][0]["value"] > 0
    assert plain["exclusions"]["schools"]
