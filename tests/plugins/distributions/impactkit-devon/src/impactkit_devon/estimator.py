"""The typical change of a partnership.

Estimand: the centre of symmetry of D_p, the change of partnership p beyond that of the schools that
never joined. With g(i) the year in which school i joined, and C the schools that never did,

    D_p = mean over i in p of [ (after_i - before_i) - mean over j in C of (after_j - before_j) ]

where before and after are means over the years before and from g(i). The estimate is the median of
the means of all pairs of D_p, each with itself too (Hodges & Lehmann 1963). Its interval is the
percentile bootstrap's (Efron & Tibshirani 1993, chapter 13): partnerships and comparison schools
are both drawn anew, so the chance variation of either side is in it.
"""

from __future__ import annotations

import attrs

from impactkit import Estimate, EstimationError

FEWEST = 6
"""With fewer partnerships even the range of their changes holds the centre in less than 95 %."""

DRAWS = 999


@attrs.frozen(kw_only=True)
class TypicalChange:
    """What `fit` found."""

    value: float
    std_error: float
    low: float
    high: float
    level: float
    n_partnerships: int
    n_schools: int
    n_comparison: int

    def estimates(self, *, metric="", measure="", unit=""):
        """Return the one estimate."""
        return [
            Estimate(
                metric=metric,
                measure=measure,
                unit=unit,
                estimand="typical change of a partnership",
                value=self.value,
                std_error=self.std_error,
                ci_low=self.low,
                ci_high=self.high,
                level=self.level,
                n_schools=self.n_schools,
                n_partnerships=self.n_partnerships,
                n_comparison=self.n_comparison,
                method="devon.typical_change",
                variance="bootstrap of partnerships and comparison schools",
            )
        ]


def fit(frame, *, unit, time, cohort, outcome, cluster, level=0.95, seed=0):
    """Return the typical change.

    Raises
    ------
    EstimationError
        When fewer than six partnerships have years on both sides of joining, or every school
        joined.
    """
    import numpy as np
    import polars as pl

    keys = {unit: "unit", time: "time", cohort: "cohort", outcome: "outcome", cluster: "cluster"}
    rows = frame.select(pl.col(old).alias(new) for old, new in keys.items()).drop_nulls("outcome")
    joined = rows.filter(pl.col("cohort").is_not_null())
    never = rows.filter(pl.col("cohort").is_null()).drop("cohort")
    if never.is_empty():
        raise EstimationError("every school joined, so there is nothing to compare with")
    treated = _changes(joined)
    cohorts = treated.select("cohort").unique().sort("cohort")
    others = _changes(never.join(cohorts, how="cross"))
    wide = others.pivot("cohort", index="unit", values="change").sort("unit").drop("unit")
    wide = wide.select(str(c) for c in cohorts["cohort"])
    # A partnership whose schools joined in several years takes their comparisons in proportion.
    shares = treated.pivot("cohort", index="cluster", values="unit", aggregate_function="len")
    shares = shares.sort("cluster").select(str(c) for c in cohorts["cohort"]).fill_null(0)
    mix = shares.to_numpy() / shares.to_numpy().sum(axis=1, keepdims=True)
    own = treated.group_by("cluster").agg(pl.col("change").mean()).sort("cluster")["change"]
    if len(own) < FEWEST:
        raise EstimationError(
            f"partnerships with years before and after joining: {len(own)}; it takes {FEWEST}"
        )
    changes, comparison = own.to_numpy(), wide.to_numpy()
    value = centre(changes - mix @ np.nanmean(comparison, axis=0))
    rng = np.random.default_rng(seed)
    draws = np.empty(DRAWS)
    for i in range(DRAWS):
        p = rng.integers(len(changes), size=len(changes))
        c = rng.integers(len(comparison), size=len(comparison))
        draws[i] = centre(changes[p] - mix[p] @ np.nanmean(comparison[c], axis=0))
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return TypicalChange(
        value=value,
        std_error=float(draws.std(ddof=1)),
        low=float(low),
        high=float(high),
        level=level,
        n_partnerships=len(changes),
        n_schools=treated.height,
        n_comparison=len(comparison),
    )


def _changes(rows):
    """Return each unit's mean from its cohort's year on, less its mean before."""
    import polars as pl

    after = pl.col("time") >= pl.col("cohort")
    change = pl.col("outcome").filter(after).mean() - pl.col("outcome").filter(~after).mean()
    found = rows.group_by("unit", "cluster", "cohort").agg(change=change)
    return found.drop_nulls("change").sort("unit", "cohort")


def centre(values):
    """Return the Hodges-Lehmann estimate of the centre of some numbers."""
    import numpy as np

    first, second = np.triu_indices(len(values))
    return float(np.median((values[first] + values[second]) / 2))
