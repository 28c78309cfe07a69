"""The hooks of the previous release still load: names and arguments are for good.

A plugin written for the release named here must load for as long as the major version lasts. An
argument may be added to a hook (to the end of its line here, with the release that added it);
a line may never be taken away or changed.
"""

from __future__ import annotations

import inspect
import types
import warnings

import pytest

from impactkit import hookspecs
from impactkit.declarations import Metric
from impactkit.plugins import HOOKS, PluginInfo, Registry
from impactkit.plugins.versions import satisfies

RELEASED = {
    "impactkit_tables": (),
    "impactkit_measures": (),
    "impactkit_readers": (),
    "impactkit_sources": (),
    "impactkit_metrics": (),
    "impactkit_estimators": (),
    "impactkit_checks": (),
    "impactkit_disclosure_profiles": (),
    "impactkit_report_sections": ("evaluation",),
    "impactkit_before_metric": ("metric", "context"),
    "impactkit_after_metric": ("result", "context"),
}
"""As released in 0.1: written down by hand, so that a change of `hookspecs` shows here."""


@pytest.mark.parametrize("hook", RELEASED)
def test_a_released_hook_keeps_its_name_and_arguments(hook):
    """What a plugin of 0.1 takes is still given; more may be."""
    arguments = list(inspect.signature(getattr(hookspecs, hook)).parameters)
    assert arguments[: len(RELEASED[hook])] == list(RELEASED[hook])


def test_no_hook_is_unknown_to_this_test():
    """A new hook is written down here when it is released."""
    assert set(HOOKS) == set(RELEASED)


def test_a_plugin_with_every_hook_of_the_release_loads_and_is_called():
    """As its author would have written it then: each hook with all the arguments there were."""
    heard = []
    source = "\n".join(
        f"def {hook}({', '.join(arguments)}):\n    heard.append('{hook}')\n    return []"
        for hook, arguments in RELEASED.items()
    )
    module = types.ModuleType("a_plugin_of_0_1")
    exec(source, {"heard": heard}, vars(module))
    registry = Registry()
    info = registry.register(module, PluginInfo(name="old"))
    assert (info.status, info.faults) == ("loaded", ())
    metric = Metric(id="a.b", title="A", compute=len)
    assert list(registry.sections(None)) == []
    assert list(registry.tell("impactkit_before_metric", metric=metric, context=None)) == []
    assert list(registry.tell("impactkit_after_metric", result=None, context=None)) == []
    assert sorted(heard) == sorted(RELEASED)


def test_a_hook_may_take_fewer_arguments_than_it_is_given():
    """So that an argument can be added without breaking anybody."""
    heard = []

    def impactkit_after_metric(result):
        heard.append(result)

    registry = Registry()
    module = types.ModuleType("brief")
    module.impactkit_after_metric = impactkit_after_metric
    assert registry.register(module, PluginInfo(name="brief")).faults == ()
    assert list(registry.tell("impactkit_after_metric", result=1, context=2)) == []
    assert heard == [1]


def test_an_argument_on_its_way_out_is_told_to_the_plugins_author(monkeypatch):
    """The mark `warn_on_impl_args` becomes a line about the plugin; nobody else is bothered."""
    words = "the argument `context` goes in 2.0; use `result.params`"

    @hookspecs.hookspec(warn_on_impl_args={"context": DeprecationWarning(words)})
    def impactkit_after_metric(result, context):
        """As a later release might have it."""

    monkeypatch.setattr(hookspecs, "impactkit_after_metric", impactkit_after_metric)
    module = types.ModuleType("dated")
    module.impactkit_after_metric = lambda result, context: None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        info = Registry().register(module, PluginInfo(name="dated"))
    assert info.status == "loaded"
    assert info.faults == (words,)


@pytest.mark.parametrize(
    ("version", "requirement", "fits"),
    [
        # From PEP 440's own examples of compatible release, matching and ordered comparison.
        ("2.3", "~=2.2", True),
        ("3.0", "~=2.2", False),
        ("1.4.9", "~=1.4.5", True),
        ("1.5.0", "~=1.4.5", False),
        ("1.1", "==1.1", True),
        ("1.1.0", "==1.1", True),
        ("1.1.1", "==1.1", False),
        ("1.1.1", "==1.1.*", True),
        ("1.1", "!=1.1.*", False),
        ("1.7.1", ">1.7", True),
        ("1.7.0", ">1.7", False),
        ("1.10", ">1.9", True),
        ("0.1.0", "", True),
        ("0.1.0", ">=0.1, <0.2,", True),
    ],
)
def test_versions_are_compared_as_numbers(version, requirement, fits):
    """Part by part, and not as text: 1.10 comes after 1.9."""
    assert satisfies(version, requirement) is fits


@pytest.mark.parametrize("requirement", ["0.1", "newest", ">=", ">= one"])
def test_what_is_no_requirement_is_refused(requirement):
    """Rather than taken for one that always holds."""
    with pytest.raises(ValueError, match="is no requirement"):
        satisfies("0.1", requirement)
