"""The tests of kent.attendance."""

from __future__ import annotations

import polars as pl

from impactkit_kent.attendance import attendance


def test_attendance_is_what_absence_leaves():
    """Worked by hand: 4.5 away is 95.5 there; what is missing stays missing."""
    from impactkit import MetricContext

    outcomes = pl.DataFrame(
        {
            "school_key": ["100001", "100001", "100002"],
            "year": [2018, 2018, 2019],
            "measure": ["overall_absence", "pupil_teacher_ratio", "overall_absence"],
            "value": [4.5, 20.0, None],
        }
    )
    found = attendance(MetricContext(metric="kent.attendance", tables={"outcomes": outcomes}))
    assert found.rows() == [("100001", 2018, 95.5), ("100002", 2019, None)]


def test_attendance_keeps_the_contract():
    """It withstands what it will meet, and finds a planted effect but none where there is none."""
    from impactkit.testing import assert_metric_contract

    assert_metric_contract(attendance)
