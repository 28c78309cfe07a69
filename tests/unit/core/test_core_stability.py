"""What was public in the last release is there still (``docs/reference/stability.md``).

`released-0.1.json` beside this file is written when a release is made, from `public_now`, and never
changed after it: ``python tests/unit/core/test_core_stability.py`` writes it for a new release.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from pathlib import Path

import attrs
import pytest

import impactkit
from impactkit import declarations, errors, metrics, results, study, types
from impactkit.cli import COMMANDS
from impactkit.pipeline import default_registry
from impactkit.pipeline.core import OURS
from impactkit.schemas.keys import study_schema

RELEASED = Path(__file__).with_name("released-0.1.json")
MODULES = (declarations, errors, metrics, results, study, types)


def fields():
    """Yield every field of every public attrs class, as ``Class.field``."""
    for module in MODULES:
        for name, cls in inspect.getmembers(module, inspect.isclass):
            if attrs.has(cls) and not name.startswith("_"):
                yield from (f"{name}.{field.name}" for field in attrs.fields(cls) if field.init)


def arguments():
    """Yield every argument of every public function, as ``function(argument)``."""
    for name in impactkit.__all__:
        function = getattr(impactkit, name)
        if inspect.isfunction(function):
            yield from (
                f"{name}({argument})" for argument in inspect.signature(function).parameters
            )


def keys(schema, path=""):
    """Yield every key of a study file."""
    for key, told in schema.get("properties", {}).items():
        yield f"{path}{key}"
        yield from keys(told, f"{path}{key}.")


def options():
    """Yield every option of every command, as ``command --option``."""
    for name in COMMANDS:
        command = importlib.import_module(f"impactkit.cli.{name}").command
        for path, each in [(name, command), *getattr(command, "commands", {}).items()]:
            shown = path if path == name else f"{name} {path}"
            for parameter in each.params:
                if parameter.param_type_name == "option":
                    yield f"{shown} {max(parameter.opts, key=len)}"


def public_now():
    """Return everything public, by kind."""
    registry = default_registry(allow=OURS)
    kinds = ("metrics", "readers", "estimators", "measures", "profiles")
    testing = importlib.import_module("impactkit.testing").__all__
    return {
        "names": sorted(impactkit.__all__),
        "testing": sorted(testing),
        "fields": sorted(set(fields())),
        "arguments": sorted(arguments()),
        "errors": sorted(
            name
            for name, cls in inspect.getmembers(errors, inspect.isclass)
            if issubclass(cls, Exception)
        ),
        "ids": sorted(f"{kind}: {name}" for kind in kinds for name in getattr(registry, kind)),
        "columns": sorted(
            f"{name}.{column.name}: {column.dtype}"
            for name, spec in registry.tables.items()
            for column in spec.columns
        ),
        "study keys": sorted(keys(study_schema())),
        "commands": sorted(COMMANDS),
        "options": sorted(options()),
        "exit codes": sorted(
            f"{name}: {cls.exit_code}"
            for name, cls in inspect.getmembers(errors, inspect.isclass)
            if issubclass(cls, errors.ImpactkitError)
        ),
    }


NOW = public_now()


@pytest.mark.parametrize("kind", NOW)
def test_what_was_released_is_there_still(kind):
    """Names may be added; none goes within a major version."""
    gone = set(json.loads(RELEASED.read_text("utf-8"))[kind]) - set(NOW[kind])
    assert not gone, f"gone since the last release: {', '.join(sorted(gone))}"


def test_the_list_is_of_something():
    """The test above would pass on an empty list."""
    released = json.loads(RELEASED.read_text("utf-8"))
    assert set(released) == set(NOW)
    assert {"Study", "evaluate", "outcome_metric", "hookimpl", "att_gt"} <= set(released["names"])
    assert "metrics: did.effect" in released["ids"]
    assert "outcomes.value: float" in released["columns"]
    assert "design.outcome" in released["study keys"]
    assert "evaluate --strict" in released["options"]
    assert "InputError: 2" in released["exit codes"]


def test_fields_that_were_added_have_a_default():
    """Else a plugin of the last release could not make the object any more."""
    released = set(json.loads(RELEASED.read_text("utf-8"))["fields"])
    known = {name.partition(".")[0] for name in released}
    for module in MODULES:
        for name, cls in inspect.getmembers(module, inspect.isclass):
            for field in attrs.fields(cls) if attrs.has(cls) and name in known else ():
                new = field.init and f"{name}.{field.name}" not in released
                assert not (new and field.default is attrs.NOTHING), f"{name}.{field.name}"


def test_the_policy_names_the_record_and_every_exit_code():
    """So that the page and the tests cannot part."""
    page = (Path(__file__).resolve().parents[3] / "docs/reference/stability.md").read_text("utf-8")
    assert RELEASED.name in page
    line = re.search(r"Exit codes are (.*)", page)[1]
    codes = {cls.exit_code for cls in vars(errors).values() if hasattr(cls, "exit_code")}
    assert {int(n) for n in re.findall(r"\d", line)} == codes | {0}


if __name__ == "__main__":
    RELEASED.write_text(json.dumps(NOW, indent=1) + "\n", encoding="utf-8")
