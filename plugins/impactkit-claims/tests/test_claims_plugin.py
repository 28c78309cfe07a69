"""What the distribution declares, and what it costs to list it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from impactkit_claims import plugin

FOUNDING = {
    "claims.improvement_ratio": "M21",
    "claims.rtm_adjusted": "M22",
    "claims.supporter_non_inferiority": "M23",
    "claims.chains_vs_pairs": "M24",
    "claims.purpose": "M25",
    "claims.intensity": "M26",
    "claims.distance_dissimilarity": "M28",
}


def test_entry_point_names_the_plugin():
    """Installed, it is found under its name in the group of impactkit."""
    found = [point for point in entry_points(group="impactkit") if point.name == "claims"]
    if not found:
        pytest.skip("impactkit-claims is on the path but not installed")
    assert found[0].load() is plugin


def test_metrics_have_complete_cards():
    """Definition, formula, source, caveats and the founding claim of each."""
    metrics = {metric.id: metric for metric in plugin.impactkit_metrics()}
    assert {name: metric.card.founding for name, metric in metrics.items()} == FOUNDING
    for metric in metrics.values():
        assert metric.question.endswith("?")
        assert metric.card.definition
        assert metric.card.formula
        assert metric.card.source
        assert metric.card.caveats


def test_listing_imports_no_heavy_library():
    """Polars and scipy come when a metric runs, not when it is listed."""
    code = (
        "import sys; from impactkit_claims import plugin; plugin.impactkit_metrics(); "
        "print([name for name in ('polars', 'scipy', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
