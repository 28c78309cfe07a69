"""What the entry point names: the metrics of this distribution."""

from __future__ import annotations

from collections.abc import Iterable

from impactkit import Metric, hookimpl
from impactkit_leadership.appointments import internal_appointments
from impactkit_leadership.confidence import confidence
from impactkit_leadership.retention import retention


@hookimpl
def impactkit_metrics() -> Iterable[Metric]:
    """Declare the leadership metrics."""
    return (retention, internal_appointments, confidence)
