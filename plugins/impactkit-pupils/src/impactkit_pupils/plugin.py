"""What the entry point names: the metrics of this distribution."""

from __future__ import annotations

from collections.abc import Iterable

from impactkit import Metric, hookimpl


@hookimpl
def impactkit_metrics() -> Iterable[Metric]:
    """Declare the metrics of what came of partnerships for pupils."""
    from impactkit_pupils.attitude import attitude
    from impactkit_pupils.observation import observation
    from impactkit_pupils.ripple import ripple
    from impactkit_pupils.subgroup import subgroup_gap
    from impactkit_pupils.threshold import threshold_change

    return (ripple, threshold_change, subgroup_gap, observation, attitude)
