"""The study's family of tests: one for each metric, measure and subgroup, adjusted together.

With five outcomes at 5% each, one in four studies of nothing finds something. A family member is
the headline: the first estimate that stands for the whole. Its parts (event times, cohorts,
periods) share simultaneous bands instead. A metric of parts only, such as the two sides of a
partnership, has those for headlines that the summary reads out.

By default Holm's step-down method holds the chance of any false finding in the family at the level,
whatever ties the tests together. Romano and Wolf's does the same with fewer misses, since it sees
how the tests hang together: every headline's contributions by cluster get the same multipliers. It
needs those contributions, so a family with a headline that has none is adjusted by Holm's method,
and the evaluation says so. Benjamini and Hochberg's holds the share of false findings among those
found, which is less.

Where there is more than one headline each also gets a band that holds all of them at once at the
level: Bonferroni's, which asks nothing of how they hang together. It is wider than the step-down
methods need, so a headline may stay significant whose band takes in zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from impactkit.errors import Problem
from impactkit.inference.multiplicity import benjamini_hochberg, holm
from impactkit.report.summary import headlines
from impactkit.results import Estimate, MetricResult

if TYPE_CHECKING:
    import polars as pl

DRAWS = 1999
Influences = Mapping[tuple[str, str, float], "pl.DataFrame"]
"""Contributions by cluster of a metric's effect on a measure, known by its value."""


def adjust(
    results: tuple[MetricResult, ...],
    *,
    how: str = "holm",
    influences: Influences | None = None,
    seed: int = 0,
) -> tuple[tuple[MetricResult, ...], tuple[Problem, ...]]:
    """Return the results with `p_adjusted` on the headlines that have a p-value, and warnings.

    `how` is one of `impactkit.design.MULTIPLICITIES`. Where a metric has adjusted a headline among
    tests of its own, the larger of the two p-values stays.

    Examples
    --------
    >>> from impactkit.results import Estimate
    >>> two = [Estimate(measure=m, value=1.0, p_value=p) for m, p in (("a", 0.03), ("b", 0.4))]
    >>> (done,), _ = adjust((MetricResult(metric="did.effect", estimates=two),))
    >>> [e.p_adjusted for e in done.estimates]
    [0.06, 0.4]
    """
    places = [place for i, result in enumerate(results) for place in _headlines(i, result)]
    family = [(results[i].metric, results[i].estimates[j]) for i, j in places]
    p_values = [headline.p_value for _, headline in family]
    warnings: tuple[Problem, ...] = ()
    if how == "romano_wolf" and family:
        found, without = _together(family, influences or {}, seed)
        if without:
            found = holm(p_values)
            warnings = (
                Problem(
                    code="tests.adjusted",
                    severity="warning",
                    column="design.multiplicity",
                    value=how,
                    rule="tests were adjusted by Holm's method: Romano and Wolf's needs "
                    f"contributions by cluster, and there are none for {', '.join(without)}",
                    remedy="Leave those metrics out, or keep to Holm's method.",
                ),
            )
    else:
        found = benjamini_hochberg(p_values) if how == "benjamini_hochberg" else holm(p_values)
    estimates = [list(result.estimates) for result in results]
    for (i, j), p in zip(places, found, strict=True):
        headline = estimates[i][j]
        # A metric may have adjusted it among tests that only it knows of: both must be passed.
        p = max((x for x in (p, headline.p_adjusted) if x is not None), default=None)
        estimates[i][j] = _with_band(attrs.evolve(headline, p_adjusted=p), len(places))
    done = (
        attrs.evolve(result, estimates=own) for result, own in zip(results, estimates, strict=True)
    )
    return tuple(done), warnings


def _with_band(headline: Estimate, tests: int) -> Estimate:
    """Return a headline with the interval that holds together with those of the other tests."""
    from statistics import NormalDist

    known = headline.value is not None and headline.std_error is not None
    if tests < 2 or not known or headline.ci_low is None or headline.band_low is not None:
        return headline
    upper = 1 - (1 - headline.level) / (2 * tests)
    if headline.df is None:
        critical = NormalDist().inv_cdf(upper)
    else:
        from scipy.special import stdtrit

        critical = float(stdtrit(headline.df, upper))
    value, reach = headline.value or 0.0, critical * (headline.std_error or 0.0)
    return attrs.evolve(headline, band_low=value - reach, band_high=value + reach)


def _headlines(i: int, result: MetricResult) -> list[tuple[int, int]]:
    first: dict[tuple[str, ...], tuple[int, int]] = {}
    parts = {id(e) for e in headlines(result) if e.term}
    for j, e in enumerate(result.estimates):
        if e.status == "ok" and (not e.term or id(e) in parts):
            of = (e.measure, e.subgroup, *((e.estimand, e.term) if e.term else ()))
            first.setdefault(of, (i, j))
    return [(i, j) for i, j in first.values() if result.estimates[j].p_value is not None]


def _together(
    family: list[tuple[str, Estimate]], influences: Influences, seed: int
) -> tuple[list[float | None], list[str]]:
    """Adjust by Romano and Wolf's method; name the metrics without contributions, if any."""
    import numpy as np
    import polars as pl

    from impactkit.inference.influence import std_errors
    from impactkit.inference.multiplier import multiplier_draws
    from impactkit.inference.romano_wolf import romano_wolf

    parts, statistics, without = [], [], []
    for number, (metric, headline) in enumerate(family):
        own = influences.get((metric, headline.measure, headline.value or 0.0))
        if own is None or not headline.std_error:
            without.append(f"{metric} ({headline.measure})" if headline.measure else metric)
            continue
        parts.append(own.with_columns(test=pl.lit(str(number))))
        statistics.append((headline.value or 0.0) / headline.std_error)
    if without:
        return [], sorted(set(without))
    # A cluster that an outcome does not have contributes nothing to it.
    wide = pl.concat(parts).pivot("test", index="cluster", values="contribution").sort("cluster")
    matrix = wide.drop("cluster").fill_null(0.0).to_numpy().T
    matrix = np.ascontiguousarray(matrix[np.argsort([int(n) for n in wide.columns[1:]])])
    draws = multiplier_draws(matrix, DRAWS, seed) / std_errors(matrix)
    adjusted = romano_wolf(statistics, draws)
    # A headline's own p-value may allow for few clusters, which these draws do not.
    return [
        None if p is None else max(p, headline.p_value or 0.0)
        for p, (_, headline) in zip(adjusted, family, strict=True)
    ], []
