"""Pictures of shares by partnership stay small however many partnerships there are."""

from __future__ import annotations

import pytest

from impactkit import Chart, MetricContext, Table
from impactkit_partnership.match_quality import match_quality
from impactkit_partnership.practice_focus import practice_focus
from impactkit_partnership.school_led import school_led
from impactkit_partnership.spread import BANDS, band, spread

synthetic = pytest.importorskip("impactkit.synthetic")


@pytest.mark.parametrize(
    ("percent", "name"),
    [(0, 0), (19.9, 0), (20, 1), (59.99, 2), (60, 3), (80, 4), (100, 4)],
)
def test_every_share_has_one_band(percent, name):
    """Bounds belong to the higher band, and a hundred to the last."""
    assert band(percent) == BANDS[name]


def test_partnerships_are_counted_once():
    """Three shares, in their bands."""
    table, chart = spread([10.0, 15.0, 100.0], "Partnerships by share")
    assert [n for _, n in table.rows] == [2, 0, 0, 0, 1]
    assert (chart.data, chart.kind) == ("spread", "bar")
    assert list(spread([], "Partnerships by share")) == []


@pytest.mark.parametrize("metric", [practice_focus, school_led, match_quality])
def test_no_picture_grows_with_the_number_of_partnerships(metric):
    """Of thirty or fifty partnerships each draws as many rows; a table by partnership has each."""
    drawn = []
    for n in (30, 50):
        tables = synthetic.county(seed=1, full=True, n_schools=400, n_partnerships=n).tables
        parts = list(metric(MetricContext(metric=metric.id, tables=tables, seed=1)))
        by_id = {p.id: p for p in parts if isinstance(p, Table)}
        drawn.append({p.id: len(by_id[p.data].rows) for p in parts if isinstance(p, Chart)})
        assert max(len(table.rows) for table in by_id.values()) >= n / 3
    assert drawn[0]
    assert drawn[0] == drawn[1]
    assert all(2 <= rows <= 8 for rows in drawn[0].values())
