"""What this distribution declares to impactkit."""

from __future__ import annotations

from collections.abc import Iterable

from impactkit import Metric, hookimpl


@hookimpl
def impactkit_metrics() -> Iterable[Metric]:
    """Return the difference-in-differences metrics."""
    from impactkit_did.effect import effect
    from impactkit_did.fade_out import fade_out
    from impactkit_did.two_sided import two_sided

    return (effect, fade_out, two_sided)
