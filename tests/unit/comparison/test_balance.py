"""Balance against figures worked by hand and the thresholds of the What Works Clearinghouse."""

from __future__ import annotations

import math

import polars as pl
import pytest

from impactkit.comparison import balance_table
from impactkit.errors import DataError

NAMES = {"unit": "urn", "treated": "treated"}


def test_hedges_g_by_hand() -> None:
    """Means 4 and 3, variances 4 and 1 with 3 schools each: 1 / sqrt(2.5) x (1 - 3 / 15)."""
    frame = pl.DataFrame(
        {
            "urn": range(6),
            "treated": [True] * 3 + [False] * 3,
            "fsm": [2.0, 4.0, 6.0, 2.0, 3.0, 4.0],
        }
    )
    (row,) = balance_table(frame, covariates=["fsm"], **NAMES).rows
    assert row.measure == "hedges_g"
    assert row.difference == pytest.approx(0.8 / math.sqrt(2.5))
    assert row.variance_ratio == pytest.approx(4)
    assert row.verdict == "unbalanced"


def test_cox_index_by_hand() -> None:
    """60 and 50 per cent of 10 schools each: ln 1.5 / 1.65 x (1 - 3 / 71) = 0.2354."""
    frame = pl.DataFrame(
        {
            "urn": range(20),
            "treated": [True] * 10 + [False] * 10,
            "academy": [True] * 6 + [False] * 4 + [True, False] * 5,
        }
    )
    (row,) = balance_table(frame, covariates=["academy"], **NAMES).rows
    assert row.measure == "cox_index"
    assert row.difference == pytest.approx(0.2354, abs=0.00005)
    assert row.verdict == "adjust"
    assert row.variance_ratio is None


@pytest.mark.parametrize(
    ("shift", "verdict"),
    [
        (0.0, "balanced"),
        (0.049, "balanced"),
        (-0.06, "adjust"),
        (0.24, "adjust"),
        (0.3, "unbalanced"),
    ],
)
def test_thresholds(shift: float, verdict: str) -> None:
    """0.05 and 0.25 standard deviations part the verdicts, whatever the sign."""
    n = 2_000
    values = [(i % 100 - 49.5) / 28.87 for i in range(n)]
    frame = pl.DataFrame(
        {
            "urn": range(2 * n),
            "treated": [True] * n + [False] * n,
            "x": [v + shift for v in values] + values,
        }
    )
    table = balance_table(frame, covariates=["x"], **NAMES)
    assert table.verdict == verdict
    assert table.worst.difference == pytest.approx(shift, abs=0.001)
    assert table.diagnostic().passed is (verdict != "unbalanced")


def test_weights_move_means_and_not_the_yardstick() -> None:
    """Weighted means differ by nothing, and the standard deviation is that without weights."""
    frame = pl.DataFrame(
        {
            "urn": range(6),
            "treated": [True] * 2 + [False] * 4,
            "fsm": [30.0, 50.0, 20.0, 60.0, 40.0, 40.0],
            "weight": [1.0, 1.0, 1.0, 1.0, 0.0, 2.0],
        }
    )
    table = balance_table(frame, covariates=["fsm"], weights="weight", **NAMES)
    assert table.n_comparison == 3
    assert [(e.reason, e.n_schools, e.treated) for e in table.exclusions] == [("weight", 1, 0)]
    (row,) = table.rows
    assert row.mean_comparison == pytest.approx(40)
    assert row.difference == pytest.approx(0)
    heavier = frame.with_columns(weight=pl.Series([1.0, 1.0, 1.0, 3.0, 0.0, 2.0]))
    (moved,) = balance_table(heavier, covariates=["fsm"], weights="weight", **NAMES).rows
    assert moved.mean_comparison == pytest.approx(280 / 6)
    pooled = math.sqrt((200 + 800) / 3)
    assert moved.difference == pytest.approx((1 - 3 / 11) * (40 - 280 / 6) / pooled)


def test_what_cannot_be_told_says_why_and_counts_as_worst() -> None:
    """No odds ratio, no variation: no number, a reason, and no clean bill of health."""
    frame = pl.DataFrame(
        {
            "urn": range(6),
            "treated": [True] * 3 + [False] * 3,
            "fsm": [1.0, 2.0, 3.0, 1.0, 2.0, 3.0],
            "academy": [1, 1, 1, 0, 1, 0],
            "flat": [2.0] * 3 + [3.0] * 3,
            "same": [5.0] * 6,
        }
    )
    table = balance_table(frame, covariates=["fsm", "academy", "flat", "same"], **NAMES)
    assert [r.difference for r in table.rows] == [0.0, None, None, 0.0]
    assert "odds ratio is not defined" in table.rows[1].reason
    assert "does not vary within" in table.rows[2].reason
    assert table.verdict == "unknown"
    assert table.diagnostic().passed is None
    assert "nan" not in str(table).lower()
    statuses = [e.status for e in table.estimates(measure="ks2")]
    assert statuses == ["ok", "not_estimable", "not_estimable", "ok"]
    assert all(e.reason for e in table.estimates())


def test_categories_get_a_row_each_and_the_table_is_ready_for_a_report() -> None:
    """Each category after the first is a share, and the table carries the thresholds."""
    frame = pl.DataFrame(
        {
            "urn": range(8),
            "treated": [True] * 4 + [False] * 4,
            "phase": ["P", "P", "S", "X", "P", "S", "S", "X"],
        }
    )
    table = balance_table(frame, covariates=["phase"], **NAMES)
    assert [r.covariate for r in table.rows] == ["phase = S", "phase = X"]
    shown = table.table()
    assert shown.to_frame().height == 2
    assert "0.05" in shown.note
    assert table.to_frame()["verdict"].to_list() == ["unbalanced", "balanced"]


def test_wrong_weights_are_named() -> None:
    """A negative or missing weight is a fault of the frame."""
    frame = pl.DataFrame(
        {"urn": [1, 2], "treated": [True, False], "x": [1.0, 2.0], "w": [1.0, -1.0]}
    )
    for wrong in (frame, frame.with_columns(w=pl.Series([None, 1.0]))):
        with pytest.raises(DataError, match="zero or more, in every row"):
            balance_table(wrong, covariates=["x"], weights="w", **NAMES)
    with pytest.raises(DataError, match="no such column"):
        balance_table(frame, covariates=["x"], weights="ww", **NAMES)
