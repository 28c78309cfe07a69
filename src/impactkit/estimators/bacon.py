"""What the two-way fixed-effects coefficient is made of, when treatment starts at several times.

Estimand: none; the coefficient b of y_it = a_i + l_t + b D_it + u_it, taken apart exactly into
comparisons of two groups over two periods, b = sum_j s_j b_j with weights s_j that sum to one.

With n_k the share of units in group k, D_k the share of periods it is treated, n_kl = n_k /
(n_k + n_l), early group k and later group l, U untreated:

    k, U          s ~ (n_k + n_U)^2             n_kU (1 - n_kU) D_k (1 - D_k)
    k, l before   s ~ ((n_k + n_l)(1 - D_l))^2  n_kl (1 - n_kl) (D_k - D_l)(1 - D_k) / (1 - D_l)^2
    l, k after    s ~ ((n_k + n_l) D_k)^2       n_kl (1 - n_kl) D_l (D_k - D_l) / D_k^2

"Later against earlier" comparisons use units already treated as controls; where effects grow
with time they are biased, which is why the coefficient can mislead.

Source: Goodman-Bacon (2021), "Difference-in-differences with variation in treatment timing",
Journal of Econometrics 225(2), theorem 1 and equations 7 to 10; as R bacondecomp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.event_study import require_treatment
from impactkit.estimators.fixed_effects import least_squares
from impactkit.estimators.printing import account
from impactkit.estimators.rectangle import Floats, Rectangle, rectangle
from impactkit.estimators.regression import Combination, to_estimates, without_interval
from impactkit.results import Estimate, Exclusion

if TYPE_CHECKING:
    import polars as pl

UNTREATED = "Treated vs Untreated"
ALWAYS = "Later vs Always Treated"
EARLIER = "Earlier vs Later Treated"
LATER = "Later vs Earlier Treated"


@attrs.frozen(kw_only=True)
class TwoByTwo:
    """One comparison: who is treated, who is compared (None: untreated), value and weight."""

    treated: int
    untreated: int | None
    kind: str
    value: float
    weight: float


@attrs.frozen(kw_only=True)
class BaconDecomposition:
    """The two-way fixed-effects coefficient and its parts.

    Attributes
    ----------
    overall
        The coefficient, with its clustered standard error.
    comparisons
        Every part; values times weights add up to the coefficient.
    exclusions
        Rows and units left out, counted, with reasons.
    """

    overall: Estimate
    comparisons: tuple[TwoByTwo, ...]
    exclusions: tuple[Exclusion, ...] = ()

    def to_frame(self) -> pl.DataFrame:
        """Return one row a comparison: `treated, untreated, kind, value, weight`."""
        import polars as pl

        schema = {
            "treated": pl.Int64,
            "untreated": pl.Int64,
            "kind": pl.String,
            "value": pl.Float64,
            "weight": pl.Float64,
        }
        return pl.DataFrame([attrs.asdict(c) for c in self.comparisons], schema=schema)

    def by_kind(self) -> dict[str, tuple[float, float]]:
        """Return total weight and average value by kind of comparison."""
        found = {}
        for kind in (UNTREATED, ALWAYS, EARLIER, LATER):
            parts = [c for c in self.comparisons if c.kind == kind]
            weight = sum(c.weight for c in parts)
            if weight > 0:
                found[kind] = (weight, sum(c.weight * c.value for c in parts) / weight)
        return found

    def estimates(
        self, metric: str = "", measure: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Return the coefficient, and the average of each kind of comparison without interval."""
        parts = tuple(
            attrs.evolve(
                without_interval(
                    self.overall, "a part of a coefficient; it is here to be looked at, not tested"
                ),
                term=kind,
                estimand=f"TWFE part of weight {weight:.3f}",
                value=value,
            )
            for kind, (weight, value) in self.by_kind().items()
        )
        return tuple(
            attrs.evolve(e, metric=metric, measure=measure, unit=unit)
            for e in (self.overall, *parts)
        )

    def __str__(self) -> str:
        lines = [f"Goodman-Bacon decomposition: {self.overall}"]
        lines += [f"{'weight':>10} {'average':>11}  comparison"]
        lines += [f"{w:>10.4f} {v:>11.5g}  {kind}" for kind, (w, v) in self.by_kind().items()]
        return "\n".join([*lines, *account(self.overall, self.exclusions)])


def bacon_decomposition(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    time: str,
    cohort: str,
    outcome: str,
    cluster: str | None = None,
    level: float = 0.95,
) -> BaconDecomposition:
    """Take the two-way fixed-effects coefficient apart into two-by-two comparisons.

    Parameters
    ----------
    frame
        One row a unit and period, balanced.
    unit, time, cohort, outcome, cluster, level
        As in `event_study`.

    Raises
    ------
    DataError
        With every fault of the frame.
    EstimationError
        When the panel is unbalanced, or treatment does not vary.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "urn": [1, 1, 1, 2, 2, 2, 3, 3, 3],
    ...     "year": [2021, 2022, 2023] * 3,
    ...     "first_year": [2022] * 3 + [2023] * 3 + [None] * 3,
    ...     "score": [1.0, 2.0, 6.0, 3.0, 5.0, 8.0, 2.0, 3.0, 3.0],
    ... })
    >>> found = bacon_decomposition(
    ...     frame, unit="urn", time="year", cohort="first_year", outcome="score")
    >>> round(sum(c.weight * c.value for c in found.comparisons), 9) == round(
    ...     found.overall.value, 9)
    True
    """
    panel = rectangle(frame, unit=unit, time=time, cohort=cohort, outcome=outcome, cluster=cluster)
    require_treatment(panel)
    if not panel.balanced:
        lacking = int((np.asarray(panel.share) == 0).any(axis=1).sum())
        raise EstimationError(
            f"{lacking:,} of {panel.n_units:,} units lack a row in some of the "
            f"{len(panel.periods)} periods, and the decomposition is exact for balanced panels "
            "only; keep units or periods that are complete"
        )
    parts = _decompose(panel)
    if not parts:
        raise EstimationError(
            f"all {panel.n_units:,} units start at one time, or before {panel.periods[0]}: no two "
            "groups differ in when they are treated; add units treated at other times or never"
        )
    starts = np.array([*panel.cohorts, np.iinfo(np.int64).max])
    treated = np.array(panel.periods)[None, :] >= starts[:, None]
    fit = least_squares(
        panel,
        lambda units: treated[panel.cohort[units]][:, :, None].astype(np.float64),
        ["treated"],
        key=panel.cohort,
    )
    (overall,) = to_estimates(
        fit,
        panel,
        [
            Combination(
                estimand="TWFE coefficient",
                names=["treated"],
                weights=np.ones(1),
                treated=np.asarray(treated.any(axis=1))[panel.cohort],
            )
        ],
        level=level,
        method="two-way fixed effects, one coefficient for all cohorts and event times",
    )
    return BaconDecomposition(overall=overall, comparisons=parts, exclusions=panel.exclusions)


def _decompose(panel: Rectangle) -> tuple[TwoByTwo, ...]:
    """Return every comparison, those with the untreated first."""
    periods = np.array(panel.periods)
    first, last = periods[0], periods[-1]
    starts = [g for g in panel.cohorts if first < g <= last]
    start = panel.start
    always, untreated = start <= first, start > last
    mean = {g: panel.y[start == g].mean(axis=0) for g in starts}
    n = {g: float((start == g).mean()) for g in starts}
    D = {g: float((periods >= g).mean()) for g in starts}
    found = []

    def did(one: Floats, other: Floats, since: int, among: np.ndarray) -> float:
        after, before = among & (periods >= since), among & (periods < since)
        change = one - other
        return float(change[after].mean() - change[before].mean())

    every = np.ones(len(periods), dtype=bool)
    for group, kind in ((untreated, UNTREATED), (always, ALWAYS)):
        if group.any():
            size, level = float(group.mean()), panel.y[group].mean(axis=0)
            for g in starts:
                share = n[g] / (n[g] + size)
                weight = (n[g] + size) ** 2 * share * (1 - share) * D[g] * (1 - D[g])
                value = did(mean[g], level, g, every)
                found.append((g, None if kind == UNTREATED else int(first), kind, value, weight))
    for k in starts:
        for later in (g for g in starts if g > k):
            size = n[k] + n[later]
            both = size**2 * (n[k] / size) * (n[later] / size)
            gap = D[k] - D[later]
            value = did(mean[k], mean[later], k, periods < later)
            found.append((k, later, EARLIER, value, both * gap * (1 - D[k])))
            value = did(mean[later], mean[k], later, periods >= k)
            found.append((later, k, LATER, value, both * D[later] * gap))
    total = sum(row[-1] for row in found)
    return tuple(
        TwoByTwo(treated=g, untreated=u, kind=kind, value=value, weight=weight / total)
        for g, u, kind, value, weight in found
    )
