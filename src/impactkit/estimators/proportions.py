"""Effects on yes-or-no outcomes: the risk difference and the Cox index.

Estimands: p_T - p_C, in percentage points; and, on a scale near that of Hedges' g,

    d_Cox = (logit p_T - logit p_C) / 1.65

Pupils of a school are not independent: each arm's number is divided by its design effect before an
interval is made (`inference.effective`). The difference has Newcombe's hybrid score interval, which
does not break near 0 and 100%. The Cox index has a normal one with

    SE^2 = (1/(n_T p_T (1 - p_T)) + 1/(n_C p_C (1 - p_C))) / 1.65^2       (effective n)

Sources: Newcombe (1998), Statistics in Medicine 17, 873-890, method 10; Cox (1970), "The analysis
of binary data", p. 110; Sanchez-Meca, Marin-Martinez & Chacon-Moscoso (2003), Psychological Methods
8(4); What Works Clearinghouse (2022), "Procedures and standards handbook, version 5.0", appendix E.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from impactkit.estimators.arms import Cells, cells_of_people
from impactkit.estimators.effect_sizes import EffectSize
from impactkit.estimators.options import a_level, check_options
from impactkit.inference.effective import EffectiveSample, effective_sample
from impactkit.inference.influence import critical_value
from impactkit.inference.intervals import newcombe
from impactkit.results import Estimate

if TYPE_CHECKING:
    import polars as pl

COX = 1.65


def risk_difference(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    outcome: str,
    treated: str,
    cluster: str | None = None,
    min_clusters: int = 10,
    level: float = 0.95,
) -> EffectSize:
    """Return the difference of two shares, in percentage points, with Newcombe's interval.

    Parameters
    ----------
    frame
        One row a pupil.
    outcome, treated
        Columns, true or false (1 or 0).
    cluster
        Column of schools; a school is in one arm.
    min_clusters
        Schools an arm must have to allow for them; with fewer pupils are taken as independent, and
        a warning says so.
    level
        Of the interval.

    Raises
    ------
    UsageError, DataError
        When arguments make no sense; with every fault of the frame.
    EstimationError
        When an arm has fewer than two pupils.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "passed": [1] * 56 + [0] * 14 + [1] * 48 + [0] * 32, "taught": [1] * 70 + [0] * 80,
    ... })
    >>> print(risk_difference(frame, outcome="passed", treated="taught").estimate)
    risk difference: 20 [5.243, 33.39] percentage points
    """
    cells, one, two = _arms(frame, outcome, treated, cluster, min_clusters, level)
    low, high = newcombe(one.share, one.n_effective, two.share, two.n_effective, level)
    errors = [x.std_error for x in (one, two)]
    return _result(
        cells,
        one,
        two,
        Estimate(
            estimand="risk difference",
            value=100 * (one.share - two.share),
            # Without variation in an arm its error would be zero, and mislead.
            std_error=None if None in errors else 100 * math.hypot(*(e or 0.0 for e in errors)),
            ci_low=100 * low,
            ci_high=100 * high,
            level=level,
            unit="percentage points",
            method="difference of shares; Newcombe's hybrid score interval (method 10)",
        ),
    )


def cox_index(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    outcome: str,
    treated: str,
    cluster: str | None = None,
    min_clusters: int = 10,
    small_sample: bool = False,
    level: float = 0.95,
) -> EffectSize:
    """Return the Cox index: the log odds ratio over 1.65.

    Parameters
    ----------
    frame, outcome, treated, cluster, min_clusters, level
        As `risk_difference`.
    small_sample
        Multiply by 1 - 3/(4 N - 9), as the What Works Clearinghouse does since version 4.1.

    Returns
    -------
    EffectSize
        ``not_estimable`` when all or none in an arm succeed: an odds ratio is then infinite, and
        the risk difference is not.

    Raises
    ------
    UsageError, DataError, EstimationError
        As `risk_difference`.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "passed": [1] * 56 + [0] * 14 + [1] * 48 + [0] * 32, "taught": [1] * 70 + [0] * 80,
    ... })
    >>> print(cox_index(frame, outcome="passed", treated="taught").estimate)
    Cox index: 0.5944 [0.1478, 1.041] sd
    """
    cells, one, two = _arms(frame, outcome, treated, cluster, min_clusters, level)
    base = Estimate(
        estimand="Cox index",
        level=level,
        unit="sd",
        method=f"log odds ratio over {COX}" + (", times 1 - 3/(4 N - 9)" if small_sample else ""),
    )
    if one.std_error is None or two.std_error is None:
        extreme = [
            f"{100 * x.share:.0f}% of {x.n:,} {who}"
            for x, who in ((one, "treated"), (two, "comparison"))
            if x.std_error is None
        ]
        return _result(
            cells,
            one,
            two,
            attrs.evolve(
                base,
                status="not_estimable",
                reason=f"{' and '.join(extreme)} pupils succeeded, so the odds ratio is not "
                "finite; give the risk difference",
            ),
        )
    omega = 1 - 3 / (4 * (one.n + two.n) - 9) if small_sample else 1.0
    value = omega * (_logit(one.share) - _logit(two.share)) / COX

    def error(n_1: float, n_2: float) -> float:
        parts = ((x.share, n) for x, n in ((one, n_1), (two, n_2)))
        return omega * math.sqrt(sum(1 / (n * p * (1 - p)) for p, n in parts)) / COX

    half = critical_value(level) * error(one.n_effective, two.n_effective)
    return _result(
        cells,
        one,
        two,
        attrs.evolve(
            base,
            value=value,
            std_error=error(one.n / one.design_effect, two.n / two.design_effect),
            ci_low=value - half,
            ci_high=value + half,
        ),
    )


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def _arms(
    frame: pl.DataFrame | pl.LazyFrame,
    outcome: str,
    treated: str,
    cluster: str | None,
    min_clusters: int,
    level: float,
) -> tuple[Cells, EffectiveSample, EffectiveSample]:
    check_options(
        [
            a_level(level),
            (min_clusters < 2, "min_clusters", min_clusters, "2 or more"),
        ]
    )
    cells = cells_of_people(frame, outcome=outcome, arm=treated, cluster=cluster, binary=True)

    def worth(arm: int) -> EffectiveSample:
        here = cells.of_arm(arm)
        successes = [round(x) for x in (here.total + here.n * here.shift).tolist()]
        sizes = [round(x) for x in here.n.tolist()]
        if not cells.clustered:
            successes, sizes = [sum(successes)], [sum(sizes)]
        return effective_sample(successes, sizes, min_clusters=min_clusters, level=level)

    return cells, worth(1), worth(0)


def _result(
    cells: Cells, one: EffectiveSample, two: EffectiveSample, estimate: Estimate
) -> EffectSize:
    warnings = []
    allowed = one.clustered and two.clustered
    if not allowed:
        which = (
            f"{one.n_clusters} treated and {two.n_clusters} comparison schools are too few to "
            "allow for"
            if cells.clustered
            else "no cluster was given"
        )
        warnings.append(
            f"pupils are taken as independent, since {which}; where they share schools the "
            "interval is likely to be too narrow"
        )
    effects = f"{one.design_effect:.3g} and {two.design_effect:.3g}"
    return EffectSize(
        estimate=attrs.evolve(
            estimate,
            n_people=one.n + two.n,
            n_schools=one.n_clusters if cells.clustered else None,
            n_comparison=two.n_clusters if cells.clustered else None,
            n_clusters=one.n_clusters + two.n_clusters if cells.clustered else None,
            n_treated_clusters=one.n_clusters if cells.clustered else None,
            variance=f"binomial, pupils divided by design effects of {effects} (Korn & Graubard)"
            if allowed
            else "binomial, pupils independent",
            warnings=tuple(warnings),
        ),
        exclusions=cells.exclusions,
        warnings=tuple(warnings),
    )
