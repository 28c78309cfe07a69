"""What the distribution declares, and what it costs to list it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import attrs
import pytest

from impactkit_value import plugin

METRICS = {metric.id: metric for metric in plugin.impactkit_metrics()}


def test_entry_point_names_the_plugin():
    """Installed, it is found under its name in the group of impactkit."""
    found = [point for point in entry_points(group="impactkit") if point.name == "value"]
    if not found:
        pytest.skip("impactkit-value is on the path but not installed")
    assert found[0].load() is plugin


def test_metrics_are_declared():
    """All of them, by id."""
    assert set(METRICS) == {"value.cost_effectiveness", "value.verified_savings"}


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_cards_are_complete(metric):
    """Definition, formula, source, caveats and founding claim; ours, and params can be left out."""
    card = metric.card
    assert card.definition
    assert card.formula
    assert card.source
    assert card.caveats
    assert card.founding
    assert card.ours
    assert metric.question.endswith("?")
    assert attrs.has(metric.params)
    metric.params()


def test_listing_imports_no_heavy_library():
    """Polars and scipy come when a metric runs, not when it is listed."""
    code = (
        "import sys; from impactkit_value import plugin; plugin.impactkit_metrics(); "
        "print([name for name in ('polars', 'scipy', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
