"""Pictures of the data behind an effect: means by year, changes by partnership, no ranks."""

from __future__ import annotations

import statistics

import attrs
import polars as pl
import pytest

from impactkit import Design, Study
from impactkit.pipeline import plan, run
from impactkit.pipeline.core import default_registry
from impactkit.report import render_html
from impactkit.synthetic import county

MEASURE = "attainment"
OLD, NEW = "ks2_rwm_level4", "ks2_rwm_expected"


def evaluated(place, measure=MEASURE, **design):
    """Return the run of a county's evaluation of the one metric, without draws."""
    given = {"treated": "role in ['client', 'peer']", "bootstrap": 0, "randomisation": 0, **design}
    study = Study(
        title="Pictures", metrics={"did.effect": {}}, design=Design(outcome=(measure,), **given)
    )
    return run(plan(study, tables=place.tables, registry=default_registry()))


def section(evaluation, key):
    """Return a section by its id."""
    return next(s for s in evaluation.sections if s.id == key)


@pytest.fixture(scope="module")
def place():
    """Draw a county of twelve partnerships."""
    return county(seed=6, selection="random", effect=3.0, n_partnerships=12)


@pytest.fixture(scope="module")
def done(place):
    """Evaluate it."""
    return evaluated(place)


def test_means_by_year_are_those_of_a_plain_loop_over_the_panel(done):
    """Of schools that joined by the last year, and of the others; with how many had a value."""
    rows = done.panels[MEASURE].to_dicts()
    last = max(r["year"] for r in rows)
    groups = {}
    for r in rows:
        joined = r["cohort"] is not None and r["cohort"] <= last
        key = ("Joined" if joined else "Comparison", str(r["year"]))
        groups.setdefault(key, []).append(r["value"])
    [table, *_] = section(done.evaluation, "years").tables
    assert {(g, y): (m, n) for g, y, m, n in table.rows} == {
        key: (pytest.approx(statistics.mean(values)), len(values)) for key, values in groups.items()
    }


def test_partnerships_stand_in_order_without_a_rank_and_with_their_names(done, place):
    """What is shown lies between what was observed and the mean of all; every name once."""
    drawn = section(done.evaluation, "partnerships")
    [table] = drawn.tables
    names = [row[0] for row in table.rows]
    assert len(set(names)) == len(names) == 12
    assert set(names) <= set(place.tables["partnerships"]["name"])
    shown = [row[3] for row in table.rows]
    assert shown == sorted(shown, reverse=True)
    assert all(low < value < high for _, _, _, value, low, high in table.rows)
    centre = statistics.mean(shown)
    spread = [abs(row[2] - centre) for row in table.rows]
    assert statistics.mean(abs(s - centre) for s in shown) < statistics.mean(spread)
    assert not any("rank" in column.name for column in table.columns)
    [chart] = drawn.charts
    assert (chart.kind, chart.data, chart.y) == ("interval", table.id, "value")
    # The planted effect is the same for all: intervals that know no better hold it.
    held = [low <= 3.0 <= high for *_, low, high in table.rows]
    assert sum(held) >= 11


def test_what_one_school_changes_by_chance_is_seen_in_other_schools(done):
    """The width before drawing is the spread of changes where nobody had joined by then."""
    rows = done.panels[MEASURE].to_dicts()
    value = {(r["school_key"], r["year"]): r["value"] for r in rows}
    cohort = {r["school_key"]: r["cohort"] for r in rows}
    first, last = min(y for _, y in value), max(y for _, y in value)
    counted = {}
    for school, g in cohort.items():
        if g is not None and first < g <= last and (school, g - 1) in value:
            there = any((school, g + h) in value for h in range(3))
            counted[g] = counted.get(g, 0) + there
    total = 0.0
    for g, n in counted.items():
        changes = []
        for school, since in cohort.items():
            free = since is None or since > g + 2
            after = [value[school, g + h] for h in range(3) if (school, g + h) in value]
            if free and after and (school, g - 1) in value:
                changes.append(statistics.mean(after) - value[school, g - 1])
        total += n * statistics.variance(changes)
    noise = total / sum(counted.values())
    [table] = section(done.evaluation, "partnerships").tables
    k = len(table.rows)
    # A partnership in the middle, drawn or not, has hardly any doubt from the drawing itself.
    middle = min(table.rows, key=lambda r: abs(r[2] - r[3]))
    error = (middle[5] - middle[4]) / (2 * 1.959964)
    most = noise / middle[1]
    least = most * (1 - (k - 1) / k * (k - 3) / (k - 1))
    assert least <= error**2 * 1.001
    assert error**2 <= most * 1.2


def test_too_few_partnerships_are_not_drawn():
    """Three do not show how far true values vary; years are drawn all the same."""
    few = evaluated(county(seed=6, n_partnerships=3, selection="random")).evaluation
    assert [s.id for s in few.sections] == ["years"]


def test_changes_of_the_measure_are_listed_and_drawn_where_the_years_cross_them(place):
    """The registry's, with their source; none where the years lie on one side."""
    outcomes = place.tables["outcomes"].filter(pl.col("measure") == MEASURE)
    outcomes = outcomes.with_columns(
        measure=pl.when(pl.col("year") < 2016).then(pl.lit(OLD)).otherwise(pl.lit(NEW)),
        value=(pl.col("value") - 40).clip(0, 100),
    )
    results = attrs.evolve(place, tables={**place.tables, "outcomes": outcomes})
    across = evaluated(results, NEW, standardise="z").evaluation
    [_, changes] = section(across, "years").tables
    assert [row[1] for row in changes.rows] == ["2015/16", "2017/18"]
    assert changes.rows[0][3].startswith("hard")
    assert changes.rows[0][4] == "Department for Education, SFR39/2016"
    page = render_html(across)
    assert "A, 2015/16: A new curriculum" in page
    assert 'stroke-dasharray="5,4"' in page
    after = evaluated(results, NEW, years=(2018, 2019)).evaluation
    assert [t.id for t in section(after, "years").tables] == [f"years_{NEW}"]
