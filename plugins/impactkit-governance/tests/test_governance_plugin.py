"""What the distribution declares, and what it costs to list it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from impactkit_governance import plugin

METRICS = tuple(plugin.impactkit_metrics())


def test_entry_point_names_the_plugin():
    """Installed, it is found under its name in the group of impactkit."""
    found = [point for point in entry_points(group="impactkit") if point.name == "governance"]
    if not found:
        pytest.skip("impactkit-governance is on the path but not installed")
    assert found[0].load() is plugin


def test_metrics_are_declared():
    """By id, with the founding claim that each tests."""
    found = {metric.id: metric.card.founding for metric in METRICS}
    assert found == {
        "governance.joint_activity": "M15",
        "governance.strength": "M16",
        "governance.minutes_challenge": "M17",
    }


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.id)
def test_cards_are_complete(metric):
    """Definition, formula, source and caveats, and each says that it is ours."""
    card = metric.card
    assert card.definition
    assert card.formula
    assert card.source
    assert card.caveats
    assert card.ours
    assert metric.question.endswith("?")


def test_listing_imports_no_heavy_library():
    """Polars and scipy come when a metric runs, not when it is listed."""
    code = (
        "import sys; from impactkit_governance import plugin; plugin.impactkit_metrics(); "
        "print([name for name in ('polars', 'scipy', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
