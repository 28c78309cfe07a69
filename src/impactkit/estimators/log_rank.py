"""The log-rank test, whether spells of several groups last equally long.

Null: at every time the chance of ending is the same in all groups, within each stratum. With n_g at
risk in group g, d_g ended, n and d over all groups, at each time of an event,

    U_g = sum (d_g - n_g d/n)

Spells independent: U has the hypergeometric covariance, sum d (n - d)/(n - 1) (n_g/n)(1{g=h} -
n_h/n). Clusters: cluster c contributes, with d_cg and n_cg of its own and d_c, n_c over groups,

    psi_cg = sum (d_cg - n_cg d/n) - (n_g/n)(d_c - n_c d/n)

and the covariance is the sum of psi psi' over clusters, without a small-sample factor. The
statistic U' V^- U is chi-squared with one degree of freedom fewer than groups.

Sources: Mantel (1966), Cancer Chemotherapy Reports 50; Peto & Peto (1972), Journal of the Royal
Statistical Society A 135; Lin & Wei (1989), "The robust inference for the Cox proportional hazards
model", JASA 84, of which the score test with clusters is the one here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import polars as pl

from impactkit.errors import EstimationError
from impactkit.estimators.survival_counts import Floats, check_spells, count

if TYPE_CHECKING:
    from impactkit.results import Exclusion


@attrs.frozen(kw_only=True, eq=False)
class LogRank:
    """The test, and by group how many ended and how many were expected to under the null.

    `p_value` and `statistic` are None where `reason` says why.
    """

    statistic: float | None
    df: int
    p_value: float | None
    groups: tuple[str, ...]
    n: tuple[int, ...]
    observed: tuple[int, ...]
    expected: tuple[float, ...]
    variance: str
    n_clusters: int
    reason: str
    exclusions: tuple[Exclusion, ...]

    def to_frame(self) -> pl.DataFrame:
        """Return one row a group: `group`, `n`, `observed`, `expected`."""
        return pl.DataFrame(
            {
                "group": self.groups,
                "n": self.n,
                "observed": self.observed,
                "expected": self.expected,
            },
            schema={
                "group": pl.String,
                "n": pl.Int64,
                "observed": pl.Int64,
                "expected": pl.Float64,
            },
        )

    def __str__(self) -> str:
        lines = ["Log-rank test", f"{'group':>16} {'spells':>8} {'ended':>8} {'expected':>9}"]
        lines += [
            f"{g:>16} {n:>8,} {o:>8,} {e:>9.2f}"
            for g, n, o, e in zip(self.groups, self.n, self.observed, self.expected, strict=True)
        ]
        lines.append(
            f"No test: {self.reason}."
            if self.statistic is None
            else f"chi-squared {self.statistic:.4g} on {self.df} degrees of freedom, "
            f"p = {self.p_value:.3g}"
        )
        lines.append(f"Variance: {self.variance}; {self.n_clusters:,} clusters.")
        lines += [f"Set aside: {x.n_rows:,} spells ({x.text})." for x in self.exclusions]
        return "\n".join(lines)

    __repr__ = __str__


def log_rank(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    duration: str,
    event: str,
    group: str,
    strata: str | None = None,
    entry: str | None = None,
    cluster: str | None = None,
) -> LogRank:
    """Test whether spells of two groups or more last equally long.

    Parameters
    ----------
    frame, duration, event, entry, cluster
        As `kaplan_meier`.
    group
        Column whose values are compared.
    strata
        Column: groups are compared within each of its values, such as phases.

    Raises
    ------
    DataError
        With every fault of the frame.
    EstimationError
        When there is one group only, or no spell ended.

    Examples
    --------
    >>> frame = pl.DataFrame({
    ...     "years": [1, 2, 2, 3, 3, 4, 5, 5], "left": [1, 1, 1, 1, 0, 1, 0, 0],
    ...     "partnership": ["no"] * 4 + ["yes"] * 4,
    ... })
    >>> test = log_rank(frame, duration="years", event="left", group="partnership")
    >>> test.observed, [round(e, 3) for e in test.expected], round(test.p_value, 4)
    ((4, 1), [1.557, 3.443], 0.0069)
    """
    spells = check_spells(
        frame,
        duration=duration,
        event=event,
        group=group,
        entry=entry,
        cluster=cluster,
        strata=strata,
    )
    rows = spells.rows
    groups = tuple(rows["group"].unique().sort())
    if len(groups) < 2:
        raise EstimationError(f"there is one group only, {groups[0]}; a comparison needs two")
    if not spells.causes:
        raise EstimationError(f"none of {rows.height:,} spells ended; there is nothing to compare")
    if strata is None:
        rows = rows.with_columns(stratum=pl.lit(""))
    names = rows["cluster"].unique().sort() if cluster else None
    G = len(groups)
    observed, expected, V = np.zeros(G), np.zeros(G), np.zeros((G, G))
    psi = np.zeros((0 if names is None else len(names), G))
    for (_,), part in rows.group_by("stratum", maintain_order=True):
        times = part.filter(pl.col("cause").is_not_null())["end"].unique().sort().to_numpy()
        each = [part.filter(pl.col("group") == g) for g in groups]
        counts = [count(p, spells.causes, times) for p in each]
        d_g = np.array([c.total_ended[:, 0] for c in counts])
        n_g = np.array([c.total_at_risk for c in counts])
        d, n = d_g.sum(axis=0), n_g.sum(axis=0)
        share, h = n_g / n, d / n
        observed += d_g.sum(axis=1)
        expected += (n_g * h).sum(axis=1)
        if names is None:
            # With one at risk there is nothing to divide between groups.
            w = d * (n - d) / np.maximum(n - 1, 1)
            V += np.diag((w * share).sum(axis=1)) - (w * share) @ share.T
            continue
        for g, (p, c) in enumerate(zip(each, counts, strict=True)):
            surprise = c.ended[:, :, 0] - c.at_risk * h
            at = names.search_sorted(p["cluster"].unique().sort()).to_numpy()
            psi[at, g] += surprise.sum(axis=1)
            psi[at] -= surprise @ share.T
    if names is not None:
        V = psi.T @ psi
    statistic = _quadratic(observed - expected, V)
    reason = "" if statistic is not None else _why(names is not None, len(psi), G)
    from scipy.special import chdtrc

    return LogRank(
        statistic=statistic,
        df=G - 1,
        p_value=None if statistic is None else float(chdtrc(G - 1, statistic)),
        groups=groups,
        n=tuple(rows.filter(pl.col("group") == g).height for g in groups),
        observed=tuple(int(o) for o in observed),
        expected=tuple(expected.tolist()),
        variance=(
            f"contributions summed by {cluster}, no small-sample factor"
            if cluster
            else "hypergeometric, spells independent"
        ),
        n_clusters=rows.height if names is None else len(names),
        reason=reason,
        exclusions=spells.exclusions,
    )


def _quadratic(U: Floats, V: Floats) -> float | None:
    """Return U'V^-1 U without the last group, which the others determine; None when singular."""
    V, U = V[:-1, :-1], U[:-1]
    size = np.sqrt(np.diag(V))
    if not bool((size > 1e-9).all()):
        return None
    correlation = V / np.outer(size, size)
    if np.linalg.cond(correlation) > 1e12:
        return None
    z = U / size
    return float(z @ np.linalg.solve(correlation, z))


def _why(clustered: bool, n_clusters: int, groups: int) -> str:
    if clustered and n_clusters <= groups:
        return f"{n_clusters} clusters cannot tell how {groups} groups vary"
    return "whenever a spell ended only one group was at risk"
