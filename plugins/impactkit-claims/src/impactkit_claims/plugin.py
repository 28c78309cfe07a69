"""What the entry point names: the metrics of this distribution."""

from __future__ import annotations

from collections.abc import Iterable

from impactkit import Metric, hookimpl


@hookimpl
def impactkit_metrics() -> Iterable[Metric]:
    """Declare the metrics of claims."""
    from impactkit_claims.adjusted import rtm_adjusted
    from impactkit_claims.distance import distance_dissimilarity
    from impactkit_claims.intensity import intensity
    from impactkit_claims.purpose import purpose
    from impactkit_claims.ratio import improvement_ratio
    from impactkit_claims.structure import chains_vs_pairs
    from impactkit_claims.supporters import supporter_non_inferiority

    return (
        improvement_ratio,
        rtm_adjusted,
        supporter_non_inferiority,
        chains_vs_pairs,
        purpose,
        intensity,
        distance_dissimilarity,
    )
