"""What the entry point names: the metrics of this distribution."""

from __future__ import annotations

from collections.abc import Iterable

from impactkit import Metric, hookimpl
from impactkit_governance.joint_activity import joint_activity
from impactkit_governance.minutes import minutes_challenge
from impactkit_governance.strength import strength


@hookimpl
def impactkit_metrics() -> Iterable[Metric]:
    """Declare the governance metrics."""
    return (joint_activity, strength, minutes_challenge)
