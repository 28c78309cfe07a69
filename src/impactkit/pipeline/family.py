"""The study's family of tests: one for each metric, measure and subgroup, adjusted together.

With five outcomes at 5 % each, one in four studies of nothing finds something. Holm's step-down
method holds the chance of any false finding in the family at the level, whatever ties the tests
together. A family member is the headline: the first estimate that stands for the whole. Its parts
(event times, cohorts, periods) share simultaneous bands instead.
"""

from __future__ import annotations

import attrs

from impactkit.inference.multiplicity import holm
from impactkit.results import MetricResult


def adjust(results: tuple[MetricResult, ...]) -> tuple[MetricResult, ...]:
    """Return the results with `p_adjusted` on the headlines that have a p-value.

    Examples
    --------
    >>> from impactkit.results import Estimate
    >>> two = [Estimate(measure=m, value=1.0, p_value=p) for m, p in (("a", 0.03), ("b", 0.4))]
    >>> (done,) = adjust((MetricResult(metric="did.effect", estimates=two),))
    >>> [e.p_adjusted for e in done.estimates]
    [0.06, 0.4]
    """
    places = [place for i, result in enumerate(results) for place in _headlines(i, result)]
    adjusted = holm([results[i].estimates[j].p_value for i, j in places])
    estimates = [list(result.estimates) for result in results]
    for (i, j), p in zip(places, adjusted, strict=True):
        estimates[i][j] = attrs.evolve(estimates[i][j], p_adjusted=p)
    return tuple(
        attrs.evolve(result, estimates=found)
        for result, found in zip(results, estimates, strict=True)
    )


def _headlines(i: int, result: MetricResult) -> list[tuple[int, int]]:
    first: dict[tuple[str, str], tuple[int, int]] = {}
    for j, estimate in enumerate(result.estimates):
        if estimate.status == "ok" and not estimate.term:
            first.setdefault((estimate.measure, estimate.subgroup), (i, j))
    return [(i, j) for i, j in first.values() if result.estimates[j].p_value is not None]
