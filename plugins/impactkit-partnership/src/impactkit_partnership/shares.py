"""Shares of events that come in partnerships, with a Wilson interval that allows for it.

Events of one partnership are alike. So a share p of weights w is given the number of independent
events that it is worth, p(1 - p)/V, where V sums, over partnerships g, the squared contributions

    V = G/(G - 1) * sum_g (sum_i w_i (y_i - p))^2 / (sum w)^2

but never more than (sum w)^2 / sum w^2 (Kish), shrunk by (z/t)^2 with G - 1 degrees of freedom.

Sources: Wilson (1927), JASA 22; Kish (1965), "Survey Sampling", section 11.7; Korn & Graubard
(1998), Survey Methodology 24; Franco, Little, Louis & Slud (2019), Journal of Survey Statistics and
Methodology 7.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from statistics import NormalDist
from typing import Any

import attrs

from impactkit import Estimate, wilson

MIN_CLUSTERS = 10
"""With fewer partnerships the variance between them cannot be estimated well enough."""

FEW = (
    "Events of one partnership are alike, and there are too few partnerships to allow for that: "
    "the interval is likely too narrow.",
)


@attrs.frozen(kw_only=True)
class Event:
    """One event: of which partnership, whether it counts, and how much it weighs."""

    group: str
    hit: bool
    weight: float = 1.0


@attrs.frozen(kw_only=True)
class Share:
    """A share from 0 to 1, what it rests on, and its interval."""

    value: float
    low: float
    high: float
    std_error: float | None
    n: int
    n_effective: float
    n_groups: int
    clustered: bool


def share(events: Iterable[Event], level: float = 0.95) -> Share | None:
    """Return the weighted share of events that count; None where there are none.

    Examples
    --------
    Twelve partnerships with five events each, all or none of which count, say hardly more than
    twelve events would:

    >>> events = [Event(group=f"P{g}", hit=g % 2 == 0) for g in range(12) for _ in range(5)]
    >>> found = share(events)
    >>> f"{found.value} of {found.n}, worth {found.n_effective:.1f}"
    '0.5 of 60, worth 8.7'
    """
    # Sums are taken in an order that does not depend on that of the rows.
    rows = sorted(((e.group, e.hit, e.weight) for e in events), key=lambda row: row)
    total = math.fsum(weight for _, _, weight in rows)
    if not total > 0:
        return None
    value = math.fsum(weight for _, hit, weight in rows if hit) / total
    kish = total**2 / math.fsum(weight**2 for _, _, weight in rows)
    residuals: dict[str, float] = defaultdict(float)
    for group, hit, weight in rows:
        residuals[group] += weight * (hit - value)
    groups = len(residuals)
    binomial = value * (1 - value)
    worth, shrink = kish, 1.0
    clustered = groups >= MIN_CLUSTERS
    if clustered:
        from scipy.special import stdtrit

        spread = math.fsum(r * r for r in residuals.values()) * groups / (groups - 1) / total**2
        worth = min(kish, binomial / spread) if spread > 0 else kish
        z = NormalDist().inv_cdf(0.5 + level / 2)
        shrink = (z / float(stdtrit(groups - 1, 0.5 + level / 2))) ** 2
    low, high = wilson(min(1.0, value), worth * shrink, level)
    return Share(
        value=value,
        low=low,
        high=high,
        std_error=math.sqrt(binomial / worth) if binomial > 0 else None,
        n=len(rows),
        n_effective=worth * shrink,
        n_groups=groups,
        clustered=clustered,
    )


def share_estimate(
    events: Iterable[Event], *, missing: str, warnings: tuple[str, ...] = (), **names: Any
) -> Estimate:
    """Return a share in per cent as an `Estimate`; `missing` says why there may be none."""
    found = share(events)
    if found is None:
        nobody: dict[str, Any] = {"unit": "percent", "n_partnerships": 0, **names}
        return Estimate(**nobody, status="not_estimable", reason=missing)
    return Estimate(
        **{"unit": "percent", "n_partnerships": found.n_groups, **names},
        value=100 * found.value,
        std_error=None if found.std_error is None else 100 * found.std_error,
        ci_low=100 * found.low,
        ci_high=100 * found.high,
        n_clusters=found.n_groups,
        method="share; Wilson interval",
        variance="cluster-robust: events divided by the design effect of partnerships"
        if found.clustered
        else "binomial; events taken as independent",
        warnings=(*warnings, *(() if found.clustered else FEW)),
    )
