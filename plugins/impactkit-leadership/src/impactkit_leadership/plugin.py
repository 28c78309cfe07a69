"""What the entry point names: the metrics of this distribution, and a check of their register."""

from __future__ import annotations

from collections.abc import Iterable

from impactkit import DataCheck, Metric, Needs, hookimpl
from impactkit_leadership.appointments import internal_appointments
from impactkit_leadership.breadth import breadth
from impactkit_leadership.coaching import coaching_dose
from impactkit_leadership.confidence import confidence
from impactkit_leadership.pipeline import pipeline
from impactkit_leadership.retention import retention
from impactkit_leadership.stay_rate import stay_rate
from impactkit_leadership.succession import succession
from impactkit_leadership.teaching_time import teaching_time
from impactkit_leadership.time_released import time_released


@hookimpl
def impactkit_metrics() -> Iterable[Metric]:
    """Declare the leadership metrics."""
    return (
        stay_rate,
        retention,
        internal_appointments,
        pipeline,
        succession,
        breadth,
        confidence,
        coaching_dose,
        teaching_time,
        time_released,
    )


@hookimpl
def impactkit_checks() -> Iterable[DataCheck]:
    """Declare the check of posts that overlap."""
    columns = ("staff_key", "school_key", "start", "end")
    return (
        DataCheck(
            id="leadership.more_than_full_time",
            title="Posts of one person that overlap to more than one full-time post",
            check="impactkit_leadership.overlaps:check",
            needs=Needs(
                tables={"leadership_spells": columns}, optional={"leadership_spells": ("fte",)}
            ),
        ),
    )
