"""A plugin can cost itself, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import types
from importlib.metadata import EntryPoint

import pytest

from impactkit.declarations import Metric, Reader
from impactkit.errors import DuplicateError
from impactkit.hookspecs import hookimpl
from impactkit.plugins import HOOKS, KINDS, PluginInfo, Registry


def metric(name: str = "kent.size", **given: object) -> Metric:
    """Return a metric that would do if nobody ran it."""
    return Metric(id=name, title="Size", compute=len, **given)


def plugin_of(**hooks: object) -> types.ModuleType:
    """Return a module with the given functions, as a plugin's author would write it."""
    module = types.ModuleType("somebodys_plugin")
    vars(module).update(hooks)
    return module


def registered(plugin: object, name: str = "kent") -> tuple[Registry, PluginInfo]:
    """Register one plugin, and return what became of it."""
    registry = Registry()
    return registry, registry.register(plugin, PluginInfo(name=name, source="a test"))


def installed(monkeypatch: pytest.MonkeyPatch, tmp_path, **sources: str) -> None:
    """Pretend that modules of the given source are installed as plugins of the same name."""
    entries = []
    for name, source in sources.items():
        (tmp_path / f"pretend_{name}.py").write_text(source, encoding="utf-8")
        entries.append(EntryPoint(name=name, value=f"pretend_{name}", group="impactkit"))
        monkeypatch.delitem(sys.modules, f"pretend_{name}", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    # An entry point found by metadata also names its distribution; these have none.
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: entries)


GOOD = """
from impactkit import Metric
def impactkit_metrics():
    return [Metric(id="good.size", title="Size", compute=len)]
"""


# --- what it takes -------------------------------------------------------------------------------


@pytest.mark.parametrize("marker", [lambda hook: hook, hookimpl], ids=["plain", "hookimpl"])
def test_a_function_named_as_a_hook_is_one_with_or_without_the_marker(marker):
    """The name is enough; the marker is for those who know pluggy."""

    def impactkit_metrics():
        return [metric()]

    registry, info = registered(plugin_of(impactkit_metrics=marker(impactkit_metrics)))
    assert list(registry.metrics) == ["kent.size"]
    assert info.status == "loaded"
    assert info.faults == ()
    assert registry.owner("metrics", "kent.size").name == "kent"


def test_bare_metrics_at_the_top_of_a_module_are_declared():
    """A local file need not know of hooks."""
    registry, _ = registered(plugin_of(size=metric(), helper=len))
    assert list(registry.metrics) == ["kent.size"]


def test_every_hook_that_declares_has_a_kind():
    """No declaration hook of the contract is left uncollected."""
    declaring = {hook for hook, _, _ in KINDS.values()}
    others = {"impactkit_report_sections", "impactkit_before_metric", "impactkit_after_metric"}
    assert declaring | others == set(HOOKS)


def test_one_declaration_can_be_added_in_python():
    """`add` is for tools with a metric of their own; what is no declaration is refused."""
    registry = Registry()
    registry.add(metric(), plugin="mine")
    assert registry.owner("metrics", "kent.size").source == "added in Python"
    with pytest.raises(DuplicateError, match=r"'kent.size' is declared twice.*mine.*other"):
        registry.add(metric(), plugin="other")
    with pytest.raises(TypeError, match="str is not something that a plugin declares"):
        registry.add("kent.size")


# --- what it survives -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit('I am done')", "SystemExit: I am done"),
        ("import os; os.environ['NO SUCH']", "KeyError"),
        ("1 / 0", "ZeroDivisionError: division by zero (pretend_bad.py, line 1)"),
        ("raise BaseException('a panic')", "BaseException: a panic"),
    ],
    ids=["import", "syntax", "exit", "environment", "arithmetic", "panic"],
)
def test_a_plugin_that_cannot_be_imported_costs_itself(source, told, monkeypatch, tmp_path):
    """The next one is loaded, and the reason names exception, file and line."""
    installed(monkeypatch, tmp_path, bad=source, good=GOOD)
    registry = Registry()
    registry.load_installed()
    bad, good = registry.plugins
    assert (bad.name, bad.status) == ("bad", "failed")
    assert told in bad.reason
    assert "\n" not in bad.reason
    assert good.status == "loaded"
    assert list(registry.metrics) == ["good.size"]


def test_the_user_can_still_stop_a_plugin(monkeypatch, tmp_path):
    """Ctrl-C while a plugin is imported stops the run, and is not that plugin's fault."""
    installed(monkeypatch, tmp_path, slow="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        Registry().load_installed()


def test_a_hook_that_raises_costs_what_it_would_have_declared():
    """The plugin's other hooks are heard."""

    def impactkit_metrics():
        raise RuntimeError("no network")

    def impactkit_readers():
        return [Reader(id="kent.mis", title="MIS", table="outcomes", recognise=len, read=len)]

    registry, info = registered(plugin_of(**locals()))
    assert list(registry.readers) == ["kent.mis"]
    assert registry.metrics == {}
    assert info.status == "loaded"
    (fault,) = info.faults
    assert fault.startswith("impactkit_metrics raised RuntimeError: no network (test_registry.py")
    assert fault in info.to_plain()["reason"]


def test_a_hook_that_yields_before_it_raises_declares_nothing():
    """Half a plugin's metrics would be a result that nobody could explain."""

    def impactkit_metrics():
        yield metric()
        raise RuntimeError("half way")

    registry, info = registered(plugin_of(impactkit_metrics=impactkit_metrics))
    assert registry.metrics == {}
    assert "half way" in info.faults[0]


def test_what_is_no_declaration_is_named():
    """A hook that returns something else is told of it, and its good declarations count."""
    registry, info = registered(plugin_of(impactkit_metrics=lambda: ["kent.size", metric()]))
    assert list(registry.metrics) == ["kent.size"]
    assert info.faults == ("impactkit_metrics returned a str, not a Metric",)


def test_a_hook_that_returns_nothing_declares_nothing():
    """A forgotten `return` is no crash."""
    registry, info = registered(plugin_of(impactkit_metrics=lambda: None))
    assert registry.metrics == {}
    assert info.faults == ()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("impactkit_metrcs", "impactkit_metrics"),
        ("impactkit_report_section", "impactkit_report_sections"),
    ],
)
def test_a_misspelt_hook_is_found_with_what_was_meant(name, meant):
    """A hook that is never called would be silence."""
    _, info = registered(plugin_of(**{name: sorted}))
    assert info.faults == (f"there is no hook {name!r}. Did you mean {meant!r}?",)


def test_a_function_with_the_marker_and_another_name_is_found_too():
    """Whoever wrote `@hookimpl` meant a hook, whatever it is called."""

    @hookimpl
    def impact_metrics():
        return []

    _, info = registered(plugin_of(impact_metrics=impact_metrics))
    assert info.faults == ("there is no hook 'impact_metrics'. Did you mean 'impactkit_metrics'?",)


def test_a_hook_with_an_argument_that_it_does_not_get_is_not_taken():
    """The plugin is refused as a whole, in one line, and none of its hooks is called later."""
    heard = []

    def impactkit_metrics(everything):
        return []

    def impactkit_before_metric(metric, context):
        heard.append(metric)

    registry, info = registered(plugin_of(**locals()))
    assert info.status == "failed"
    assert "everything" in info.reason
    assert "\n" not in info.reason
    assert list(registry.tell("impactkit_before_metric", metric=metric(), context=None)) == []
    assert heard == []


# --- who said it first ----------------------------------------------------------------------------


def test_the_same_id_twice_names_both_sources_and_keeps_the_first():
    """Two plugins that declare one metric are both in the message."""
    registry = Registry()
    for name in ("kent", "surrey"):
        plugin = plugin_of(impactkit_metrics=lambda: [metric()])
        info = registry.register(plugin, PluginInfo(name=name, source=f"installed, {name}-tools"))
    (fault,) = info.faults
    for part in ("metric 'kent.size'", "kent (installed, kent-tools)", "surrey (installed, surrey"):
        assert part in fault
    assert registry.owner("metrics", "kent.size").name == "kent"


def test_two_plugins_of_one_name_are_told_apart():
    """The second is not loaded, and the reason names both places."""
    registry = Registry()
    registry.register(plugin_of(), PluginInfo(name="kent", source="installed, one"))
    second = registry.register(plugin_of(), PluginInfo(name="kent", source="installed, two"))
    assert second.status == "failed"
    assert "installed, one and installed, two" in second.reason
    assert [info.status for info in registry.plugins] == ["loaded", "failed"]


# --- lists and lifecycle --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lists", "status"),
    [
        ({"deny": ["bad"]}, "denied"),
        ({"allow": ["good"]}, "denied"),
        ({"allow": ["good", "bad"]}, "failed"),
    ],
    ids=["denied", "not among the allowed", "allowed"],
)
def test_a_plugin_that_is_filtered_out_is_never_imported(lists, status, monkeypatch, tmp_path):
    """Filtering comes before importing: what is denied cannot run a line."""
    trace = tmp_path / "trace"
    bad = f"open({str(trace)!r}, 'w').close()\nraise RuntimeError"
    installed(monkeypatch, tmp_path, bad=bad, good=GOOD)
    registry = Registry()
    registry.load_installed(**lists)
    assert registry.plugins[0].status == status
    assert trace.exists() == (status == "failed")
    assert list(registry.metrics) == ["good.size"]


def test_what_a_plugin_prints_stays_off_stdout(monkeypatch, tmp_path, capsys):
    """A program may be reading our output as JSON."""
    source = "print('hello')\n" + GOOD + "\n    print('again')"
    installed(monkeypatch, tmp_path, chatty=source.replace("return", "print('hook')\n    return"))
    Registry().load_installed()
    assert capsys.readouterr().out == ""


def test_lifecycle_hooks_are_told_and_blamed_one_by_one():
    """One that raises is named, and the others hear it all the same."""
    heard = []
    registry = Registry()

    def good(metric):
        heard.append(metric.id)

    def bad(metric, context):
        raise ValueError("what?")

    for name, hook in (("first", good), ("bad", bad), ("last", good)):
        registry.register(plugin_of(impactkit_before_metric=hook), PluginInfo(name=name))
    faults = list(registry.tell("impactkit_before_metric", metric=metric(), context=None))
    assert [(info.name, "what?" in fault) for info, fault in faults] == [("bad", True)]
    assert heard == ["kent.size", "kent.size"]


def test_sections_of_a_plugin_that_raises_half_way_are_left_out():
    """A report has all of a plugin's sections, or a line that says why it has none."""
    registry = Registry()

    def impactkit_report_sections(evaluation):
        yield "a section"
        raise ValueError("no more")

    registry.register(plugin_of(**locals()), PluginInfo(name="kent"))
    ((info, section, fault),) = registry.sections(None)
    assert (info.name, section) == ("kent", None)
    assert "no more" in fault


def test_a_slow_import_is_told_to_its_author_and_not_to_the_release():
    """Times differ between two runs of the same inputs; evaluation.json must not."""
    slow = PluginInfo(name="kent", seconds=2.5)
    assert slow.slow == "importing it took 2.5 s; import heavy libraries inside functions"
    assert PluginInfo(name="kent", seconds=1.0).slow == ""
    assert slow.to_plain() == PluginInfo(name="kent").to_plain()


def test_finding_plugins_imports_none_of_those_denied():
    """`show` with every plugin denied loads no plugin's module: found by metadata only."""
    code = (
        "from impactkit.pipeline import default_registry; import sys\n"
        "from importlib.metadata import entry_points\n"
        "names = [e.name for e in entry_points(group='impactkit')]\n"
        "r = default_registry(deny=names)\n"
        "assert [p.status for p in r.plugins] == ['loaded'] + ['denied'] * len(names), r.plugins\n"
        "print([m for m in sys.modules if m.startswith('impactkit_')])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
