"""Bars of parts, grids and ribbons of these metrics: what is drawn is what the rows say."""

from __future__ import annotations

from collections import defaultdict

import polars as pl
import pytest

from impactkit.report.pictures import pictures
from impactkit_partnership import evaluation_tables
from impactkit_partnership.agreement_clarity import ITEMS, agreement_clarity
from impactkit_partnership.enquiries import enquiries
from impactkit_partnership.evaluation_coverage import evaluation_coverage
from impactkit_partnership.match_quality import match_quality
from impactkit_partnership.need_provision import need_provision
from impactkit_partnership.practice_focus import practice_focus


@pytest.fixture
def drawn(run, here):
    """Return what a metric's chart draws of an invented county: (x, series) to y."""

    def _drawn(metric, chart_id):
        result = run(metric, here(2).tables)
        (chart,) = (c for c in result.charts if c.id == chart_id)
        (picture,) = pictures(chart, result.estimates, result.tables)
        assert picture.missing == 0
        return {(str(p.x), p.series): p.y for p in picture.points}

    return _drawn


def test_each_agreement_s_items_make_a_whole_bar(drawn):
    """Settled at the outset, later or never: of the partnerships judged there is no fourth kind."""
    bars = defaultdict(float)
    for (item, _), share in drawn(agreement_clarity, "items").items():
        bars[item] += share
    assert bars == pytest.approx(dict.fromkeys(ITEMS.values(), 100.0))


def test_hours_by_need_and_kind_of_help_are_all_that_were_delivered(drawn, here):
    """Ribbons add up, kind by kind, to the hours in the table of help."""
    help_ = here(2).tables["interventions"].filter(pl.col("dose_delivered") > 0)
    factor = {"hours": 1.0, "days": 6.5, "fte_terms": 422.0}
    wanted = defaultdict(float)
    for kind, dose, unit in help_.select("type", "dose_delivered", "dose_unit").rows():
        wanted[kind.replace("_", " ")] += dose * factor[unit]
    found = defaultdict(float)
    for (_, kind), hours in drawn(need_provision, "routes").items():
        found[kind] += hours
    assert found == pytest.approx(dict(wanted))


def test_practice_and_the_rest_make_a_whole(drawn, here):
    """The bar of all partnerships is the share of hours about practice, by a loop of the log."""
    bars = drawn(practice_focus, "focus")
    for name in {x for x, _ in bars}:
        assert bars[name, "practice"] + bars[name, "something else"] == pytest.approx(100)
    low, middle, high = (
        bars[f"the {n} third", "practice"] for n in ("lowest", "middle", "highest")
    )
    assert low <= middle <= high


def test_the_matrix_holds_every_enquiry(drawn, here):
    """Well formed or not, by result: each enquiry is in one cell."""
    assert sum(drawn(enquiries, "matrix").values()) == here(2).tables["enquiries"].height


def test_domains_have_a_need_and_a_strength(drawn):
    """Two columns, scores between 0 and 4."""
    grid = drawn(match_quality, "domains")
    assert len({x for x, _ in grid}) == 2
    assert all(0 <= y <= 4 for y in grid.values())


def test_a_cell_for_each_partnership_and_criterion(drawn, run, here, monkeypatch):
    """Noughts and ones, as many ones as criteria are met; of too many rows there is no picture."""
    grid = drawn(evaluation_coverage, "scorecard")
    assert set(grid.values()) <= {0.0, 1.0}
    result = run(evaluation_coverage, here(2).tables)
    card = next(t for t in result.tables if t.id == "scorecard").to_frame()
    assert len(grid) == 8 * card.height
    for name, met in card.select("partnership", "met").rows():
        assert sum(y for (_, row), y in grid.items() if row == name) == met
    monkeypatch.setattr(evaluation_tables, "MOST_ROWS", card.height - 1)
    few = run(evaluation_coverage, here(2).tables)
    assert "scorecard" not in {c.id for c in few.charts}
    assert "scorecard" in {t.id for t in few.tables}
