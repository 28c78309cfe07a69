"""What the distribution declares, and what it costs to list it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import attrs
import pytest

from impactkit_leadership import plugin

METRICS = {metric.id: metric for metric in plugin.impactkit_metrics()}


def test_entry_point_names_the_plugin():
    """Installed, it is found under its name in the group of impactkit."""
    found = [point for point in entry_points(group="impactkit") if point.name == "leadership"]
    if not found:
        pytest.skip("impactkit-leadership is on the path but not installed")
    assert found[0].load() is plugin


def test_metrics_are_declared():
    """By id, with the founding claim that each tests."""
    assert {name: metric.card.founding for name, metric in METRICS.items()} == {
        "leadership.retention": "M05",
        "leadership.internal_appointments": "M06",
        "leadership.stay_rate": "M04",
        "leadership.pipeline": "M07",
        "leadership.succession": "M08",
        "leadership.breadth": "M09",
        "leadership.confidence": "M10",
        "leadership.coaching_dose": "M11",
        "leadership.teaching_time": "M12",
        "leadership.time_released": "M36",
    }


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_cards_are_complete(metric):
    """Definition, formula, source, caveats and founding claim; params can all be left out."""
    card = metric.card
    assert card.definition
    assert card.formula
    assert card.source
    assert card.caveats
    assert card.founding
    assert metric.question.endswith("?")
    assert attrs.has(metric.params)
    metric.params()


def test_only_the_unofficial_definition_is_called_ours():
    """Retention is the Department's."""
    ours = {name for name, metric in METRICS.items() if metric.card.ours}
    assert ours == METRICS.keys() - {"leadership.retention"}


def test_listing_imports_no_heavy_library():
    """Polars and scipy come when a metric runs, not when it is listed."""
    code = (
        "import sys; from impactkit_leadership import plugin; plugin.impactkit_metrics(); "
        "print([name for name in ('polars', 'scipy', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
