"""What this distribution declares to impactkit."""

from __future__ import annotations

from collections.abc import Iterable

from impactkit import Metric, hookimpl


@hookimpl
def impactkit_metrics() -> Iterable[Metric]:
    """Return the difference-in-differences metrics."""
    from impactkit_did.effect import effect
    from impactkit_did.fade_out import fade_out
    from impactkit_did.subject_effect import subject_effect
    from impactkit_did.time_to_benefit import time_to_benefit
    from impactkit_did.two_sided import two_sided

    return (effect, subject_effect, time_to_benefit, two_sided, fade_out)
