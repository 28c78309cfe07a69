"""What the distribution declares, what it costs to list it, and what metrics do with nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import attrs
import pytest

from impactkit.tables import core_tables
from impactkit.testing.invented import frame
from impactkit_partnership import plugin

METRICS = {metric.id: metric for metric in plugin.impactkit_metrics()}
FOUNDING = {
    "evaluation_coverage": "M01",
    "agreement_clarity": "M02",
    "barriers": "M03",
    "need_provision": "M13",
    "match_quality": "M27",
    "practice_focus": "M29",
    "school_led": "M30",
    "accountability": "M31",
    "enquiries": "M33",
    "monitoring": "M41",
    "network": "M44",
    "reach": "M45",
    "landscape": "M48",
}


def test_entry_point_names_the_plugin():
    """Installed, it is found under its name in the group of impactkit."""
    found = [point for point in entry_points(group="impactkit") if point.name == "partnership"]
    if not found:
        pytest.skip("impactkit-partnership is on the path but not installed")
    assert found[0].load() is plugin


def test_metrics_are_those_of_the_founding_claims():
    """Thirteen, each with the claim that it tests."""
    declared = {name.removeprefix("partnership."): m.card.founding for name, m in METRICS.items()}
    assert declared == FOUNDING


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_cards_are_complete_and_own_up(metric):
    """Definition, formula, source and caveats; the definitions are this project's."""
    card = metric.card
    assert card.definition
    assert card.formula
    assert "this project's" in card.source
    assert card.ours
    assert card.caveats
    assert metric.question.endswith("?")
    assert attrs.has(metric.params)
    metric.params()


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_cards_say_so_where_nobody_but_the_county_has_filled_the_table(metric):
    """Schools, memberships and partnerships are in public registers; the rest is not."""
    public = {"schools", "memberships", "partnerships"}
    told = any("only the synthetic authority has filled" in c for c in metric.card.caveats)
    assert told == bool(set(metric.needs.tables) - public)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_nothing_gives_a_reason_and_a_remedy(metric, run):
    """With empty tables the headline says what is missing, and no number stands anywhere."""
    specs = {spec.name: spec for spec in core_tables()}
    names = {*metric.needs.tables, *metric.needs.optional}
    result = run(metric, {name: frame(specs[name], []) for name in names})
    headline = result.estimates[0]
    assert headline.status == "not_estimable"
    assert any(f"`{name}`" in headline.reason for name in names)
    assert all(e.value is None for e in result.estimates)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_one_partnership_is_not_given_a_confident_answer(metric, run, here):
    """Either no interval, with the reason, or a warning, or one that spans most of the scale."""
    tables = dict(here().tables)
    for name, table in tables.items():
        if "partnership_id" in table.columns:
            tables[name] = table.filter(table["partnership_id"] == "P0001")
    result = run(metric, tables)
    headline = result.estimates[0]
    if metric.id == "partnership.reach":
        assert headline.n_schools > 200  # all schools, of which hardly one is reached
        return
    narrow = headline.ci_low is not None and headline.ci_high - headline.ci_low < 50
    assert headline.reason or headline.warnings or not narrow or "Poisson" in headline.variance
    assert headline.n_partnerships in (0, 1)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_tables_count_partnerships_schools_and_events_and_no_people(metric, run, here):
    """Public facts, so disclosure control has nothing to withhold."""
    result = run(metric, here().tables)
    columns = [column for table in result.tables for column in table.columns]
    assert columns
    assert {column.of for column in columns} <= {"", "partnerships", "schools", "events"}
    assert all(e.n_people is None for e in result.estimates)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_on_the_full_county_the_headline_stands(metric, run, here):
    """With default parameters: a value, and an interval or the reason why there is none."""
    headline = run(metric, here().tables).estimates[0]
    assert headline.status == "ok"
    assert (headline.ci_low is None) == bool(headline.reason)


def test_listing_imports_no_heavy_library():
    """Polars and scipy come when a metric runs, not when it is listed."""
    code = (
        "import sys; from impactkit_partnership import plugin; plugin.impactkit_metrics(); "
        "print([name for name in ('polars', 'scipy', 'numpy') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
