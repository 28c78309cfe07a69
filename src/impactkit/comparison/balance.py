"""How alike treated and comparison schools were at baseline, judged by the WWC's thresholds.

For a covariate that is a number, Hedges' g; for one that is yes or no, the Cox index:

    g   = w (m_T - m_C) / s       s^2 = ((n_T - 1) s_T^2 + (n_C - 1) s_C^2) / (n_T + n_C - 2)
    d   = w (ln p_T/(1 - p_T) - ln p_C/(1 - p_C)) / 1.65         w = 1 - 3 / (4 (n_T + n_C) - 9)

Means and shares are weighted; s is not, so weights cannot flatter a comparison by widening it. Up
to 0.05 no adjustment is needed, up to 0.25 the analysis has to adjust, beyond that the groups are
not comparable. It is about the schools that are analysed: give the frame after exclusions.

Source: What Works Clearinghouse (2022), "Procedures and Standards Handbook", version 5.0, chapter
on baseline equivalence and appendix on effect sizes. Standard deviations here are of schools, so a
difference looks larger than it would between pupils.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
import polars as pl

from impactkit.comparison.schools import Floats, schools
from impactkit.errors import DataError, Problem
from impactkit.results import Column, Diagnostic, Estimate, Exclusion, Table

NO_ADJUSTMENT = 0.05
COMPARABLE = 0.25

_VERDICTS = {
    "balanced": "no adjustment needed",
    "adjust": "adjustment required",
    "unbalanced": "not comparable",
    "unknown": "cannot be told",
}


@attrs.frozen(kw_only=True)
class Balance:
    """One covariate: its (weighted) means, and the difference in standard deviations.

    `measure` is ``hedges_g`` or ``cox_index``. `verdict` is ``balanced``, ``adjust``,
    ``unbalanced`` or, with a reason, ``unknown``.
    """

    covariate: str
    measure: str
    mean_treated: float
    mean_comparison: float
    difference: float | None
    variance_ratio: float | None
    verdict: str
    reason: str = ""


@attrs.frozen(kw_only=True, repr=False)
class BalanceTable:
    """Balance of every covariate, and of all together: the worst of them decides."""

    rows: tuple[Balance, ...]
    n_treated: int
    n_comparison: int
    weighted: bool
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def worst(self) -> Balance:
        """The covariate farthest from balance; one that cannot be told counts as farthest."""
        return max(self.rows, key=lambda r: math.inf if r.difference is None else abs(r.difference))

    @property
    def verdict(self) -> str:
        """The verdict on the worst covariate."""
        return self.worst.verdict

    def to_frame(self) -> pl.DataFrame:
        """Return one row a covariate, columns as the fields of `Balance`."""
        return pl.DataFrame([attrs.asdict(r) for r in self.rows], infer_schema_length=None)

    def estimates(
        self, metric: str = "", measure: str = "", unit: str = "sd"
    ) -> tuple[Estimate, ...]:
        """Return the differences as estimates; they describe these schools, so have no interval."""
        return tuple(
            Estimate(
                metric=metric,
                measure=measure,
                estimand=f"baseline difference, {r.measure.replace('_', ' ')}",
                term=r.covariate,
                value=r.difference,
                unit=unit,
                n_schools=self.n_treated,
                n_comparison=self.n_comparison,
                method="weighted means" if self.weighted else "means",
                status="ok" if r.difference is not None else "not_estimable",
                reason=r.reason or "a description of the schools compared, not an inference",
            )
            for r in self.rows
        )

    def diagnostic(self) -> Diagnostic:
        """Return the worst difference as a check; passed when groups are comparable at all."""
        worst = self.worst
        known = worst.difference is not None
        return Diagnostic(
            name="balance",
            value=worst.difference,
            passed=worst.verdict in ("balanced", "adjust") if known else None,
            text=(
                f"Largest baseline difference: {worst.covariate}, "
                + (f"{worst.difference:.3g} sd" if known else worst.reason)
                + f" ({_VERDICTS[worst.verdict]})."
            ),
        )

    def table(self, name: str = "balance") -> Table:
        """Return the table for a report, under an id."""
        numbers = (
            ("mean_treated", "Treated"),
            ("mean_comparison", "Comparison"),
            ("difference", "Difference (sd)"),
            ("variance_ratio", "Ratio of variances"),
        )
        return Table(
            id=name,
            title="Treated and comparison schools at baseline",
            columns=(
                Column(name="covariate", label="Covariate", kind="dimension"),
                *(Column(name=column, label=text, digits=3) for column, text in numbers),
                Column(name="verdict", label="Verdict", kind="text"),
            ),
            rows=[
                (
                    r.covariate,
                    *(getattr(r, column) for column, _ in numbers),
                    _VERDICTS[r.verdict] + (f": {r.reason}" if r.reason else ""),
                )
                for r in self.rows
            ],
            note=(
                f"{self.n_treated:,} treated and {self.n_comparison:,} comparison schools"
                + (", weighted. " if self.weighted else ". ")
                + f"Up to {NO_ADJUSTMENT} no adjustment is needed; up to {COMPARABLE} the analysis "
                "has to adjust; beyond that the groups are not comparable."
            ),
            source="thresholds of the What Works Clearinghouse",
        )

    def __str__(self) -> str:
        lines = [
            f"Balance of {self.n_treated:,} treated and {self.n_comparison:,} comparison schools"
            + (", weighted" if self.weighted else ""),
            f"{'covariate':>24} {'treated':>9} {'comparison':>10} {'diff (sd)':>9}  verdict",
        ]
        for r in self.rows:
            difference = "" if r.difference is None else f"{r.difference:.3f}"
            lines.append(
                f"{r.covariate:>24} {r.mean_treated:>9.4g} {r.mean_comparison:>10.4g} "
                f"{difference:>9}  {_VERDICTS[r.verdict]}" + (f" ({r.reason})" if r.reason else "")
            )
        return "\n".join(lines)

    __repr__ = __str__


def balance_table(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    treated: str,
    covariates: Sequence[str],
    weights: str | None = None,
) -> BalanceTable:
    """Compare covariates of treated and comparison schools at baseline.

    Parameters
    ----------
    frame
        One row a school, those that are analysed.
    unit, treated
        Columns: the school, and whether it is treated.
    covariates
        Columns of numbers or categories; each category after the first is a row of its own.
    weights
        Column of weights; schools of weight zero are left out, counted.

    Raises
    ------
    DataError
        With every fault of the frame.
    EstimationError
        When no treated or no comparison school is left.

    Examples
    --------
    >>> frame = pl.DataFrame({"urn": range(6), "treated": [True] * 3 + [False] * 3,
    ...                       "fsm": [20.0, 30.0, 40.0, 22.0, 30.0, 36.0]})
    >>> balance_table(frame, unit="urn", treated="treated", covariates=["fsm"])
    Balance of 3 treated and 3 comparison schools
                   covariate   treated comparison diff (sd)  verdict
                         fsm        30      29.33     0.062  adjustment required
    """
    rows = frame.lazy().collect()
    exclusions: tuple[Exclusion, ...] = ()
    if weights is not None and weights in rows.columns:
        rows, exclusions = _weighted_only(rows, weights, treated)
    checked = schools(
        rows,
        unit=unit,
        treated=treated,
        covariates=covariates,
        others=[weights] if weights else [],
    )
    w = (
        checked.rows[weights].cast(pl.Float64).to_numpy()
        if weights
        else np.ones(checked.rows.height)
    )
    T = checked.treated
    return BalanceTable(
        rows=tuple(
            _compare(name, x[T], x[~T], w[T], w[~T])
            for name, x in zip(checked.names, checked.X.T, strict=True)
        ),
        n_treated=int(T.sum()),
        n_comparison=int((~T).sum()),
        weighted=weights is not None,
        exclusions=(*exclusions, *checked.exclusions),
    )


def _weighted_only(
    rows: pl.DataFrame, weights: str, treated: str
) -> tuple[pl.DataFrame, tuple[Exclusion, ...]]:
    column = rows[weights]
    sound = column.dtype.is_numeric() and bool(
        (column.is_not_null() & column.is_finite() & (column >= 0)).all()
    )
    if not sound:
        raise DataError(
            Problem(
                code="weight.negative",
                file="the frame of schools",
                column=weights,
                rule="a weight is a finite number, zero or more, in every row",
            )
        )
    gone = rows.filter(pl.col(weights) == 0)
    if gone.is_empty():
        return rows, ()
    flag = gone[treated].cast(pl.Boolean, strict=False) if treated in gone.columns else None
    return rows.filter(pl.col(weights) > 0), (
        Exclusion(
            reason="weight",
            text="a weight of zero",
            n_schools=gone.height,
            n_rows=gone.height,
            treated=None if flag is None else int(flag.sum()),
            stage="comparison",
        ),
    )


def _compare(name: str, one: Floats, other: Floats, w1: Floats, w0: Floats) -> Balance:
    n1, n0 = len(one), len(other)
    m1, m0 = float(w1 @ one / w1.sum()), float(w0 @ other / w0.sum())
    v1 = float(w1 @ (one - m1) ** 2 / w1.sum())
    v0 = float(w0 @ (other - m0) ** 2 / w0.sum())
    omega = 1 - 3 / (4 * (n1 + n0) - 9)
    binary = bool(np.isin(np.concatenate([one, other]), (0.0, 1.0)).all())
    difference, reason = None, ""
    if n1 + n0 < 4:
        reason = f"{n1 + n0} schools are too few for a standard deviation"
    elif binary and 0 < m1 < 1 and 0 < m0 < 1:
        difference = omega * (math.log(m1 / (1 - m1)) - math.log(m0 / (1 - m0))) / 1.65
    elif binary and m1 == m0:
        difference = 0.0
    elif binary:
        reason = "all or none on one side, so the odds ratio is not defined"
    else:
        squares = float(((one - one.mean()) ** 2).sum() + ((other - other.mean()) ** 2).sum())
        pooled = math.sqrt(squares / (n1 + n0 - 2))
        if pooled > 0:
            difference = omega * (m1 - m0) / pooled
        elif m1 == m0:
            difference = 0.0
        else:
            reason = "it does not vary within the groups"
    size = None if difference is None else abs(difference)
    return Balance(
        covariate=name,
        measure="cox_index" if binary else "hedges_g",
        mean_treated=m1,
        mean_comparison=m0,
        difference=difference,
        variance_ratio=v1 / v0 if v0 > 0 and not binary else None,
        verdict="unknown"
        if size is None
        else "balanced"
        if size <= NO_ADJUSTMENT
        else "adjust"
        if size <= COMPARABLE
        else "unbalanced",
        reason=reason,
    )
