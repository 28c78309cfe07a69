"""How many independent people a share is worth, when people come in clusters.

Leaders or pupils of one school or partnership are not independent of each other. So a share is
given its *effective* number of people: the number divided by the design effect, and shrunk once
more for having few clusters. Any interval of `intervals` is then worked out on that number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import attrs


@attrs.frozen(kw_only=True)
class EffectiveSample:
    """A share and how many independent people it is worth.

    `share` is 0 to 1; `n` the people counted, `n_effective` what they are worth, `std_error` that
    of the share (None at 0 and 1, where it would be zero and mislead). `clustered` tells whether
    there were enough clusters to allow for.
    """

    share: float
    n: int
    n_effective: float
    std_error: float | None
    design_effect: float
    n_clusters: int
    clustered: bool


def effective_sample(
    successes: Sequence[int], sizes: Sequence[int], *, min_clusters: int = 10, level: float = 0.95
) -> EffectiveSample:
    """Work out the effective number of people from successes and people by cluster.

    The design effect is the cluster-robust variance of the share over its binomial variance, never
    below 1; ``n / design effect`` is multiplied by ``(z / t)^2`` with one degree of freedom fewer
    than clusters. With fewer than `min_clusters` the variance between clusters cannot be estimated
    well enough, so that nothing is done and `clustered` is false.

    Source: Korn & Graubard (1998), Survey Methodology 24, 193-201; Franco, Little, Louis & Slud
    (2019), Journal of Survey Statistics and Methodology 7, 334-364, on the Wilson interval with it.

    Raises
    ------
    ValueError
        When there is nobody to count.

    Examples
    --------
    Twelve schools of five, where all or none stayed, are worth hardly more than twelve people:

    >>> found = effective_sample([5, 0] * 6, [5] * 12)
    >>> found.n, round(found.design_effect, 2), round(found.n_effective, 1)
    (60, 5.45, 8.7)
    """
    n = sum(sizes)
    if n <= 0:
        raise ValueError("a share of nobody has no value")
    share = sum(successes) / n
    groups = len(sizes)
    binomial = share * (1 - share) / n
    clustered = groups >= max(2, min_clusters)
    design = 1.0
    shrink = 1.0
    if clustered:
        from scipy.special import stdtrit

        residuals = (x - share * size for x, size in zip(successes, sizes, strict=True))
        robust = groups / (groups - 1) * math.fsum(r * r for r in residuals) / n**2
        design = max(1.0, robust / binomial) if binomial > 0 else 1.0
        z = NormalDist().inv_cdf(0.5 + level / 2)
        shrink = (z / float(stdtrit(groups - 1, 0.5 + level / 2))) ** 2
    return EffectiveSample(
        share=share,
        n=n,
        n_effective=n / design * shrink,
        std_error=math.sqrt(binomial * design) if binomial > 0 else None,
        design_effect=design,
        n_clusters=groups,
        clustered=clustered,
    )
