"""What the entry point names: the metrics of this distribution."""

from __future__ import annotations

from collections.abc import Iterable

from impactkit import Metric, hookimpl


@hookimpl
def impactkit_metrics() -> Iterable[Metric]:
    """Declare the metrics of money."""
    from impactkit_value.effectiveness import cost_effectiveness
    from impactkit_value.savings import verified_savings

    return (cost_effectiveness, verified_savings)
