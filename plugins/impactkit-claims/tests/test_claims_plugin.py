"""What the distribution declares, and what it costs to list it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from impactkit import Chart, Table
from impactkit.synthetic import county
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


@pytest.mark.parametrize("name", ["rtm_adjusted", "improvement_ratio", "supporter_non_inferiority"])
def test_titles_name_a_measure_as_readers_know_it(on, name):
    """Tables and pictures bear the measure's label, and not its id."""
    made = county(seed=2, n_schools=200, selection="worst")
    label = made.tables["measures"].row(0, named=True)["label"]
    assert "attainment" not in label
    titles = [p.title for p in on.parts(name, made) if isinstance(p, Table | Chart)]
    assert titles
    assert all(label in title for title in titles)
