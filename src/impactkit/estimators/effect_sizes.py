"""Differences in units of a standard deviation: Hedges' g, Glass's delta; and the ICC.

Estimand: the difference of means of two arms over the standard deviation of *pupils*, which is the
root of the total variance, between and within schools, in a model without covariates (`arms`):

    d = (mean_T - mean_C) / sigma_T        g = J d,    J = 1 - 3 / (4 df - 1)

    SE^2 = J^2 (SE(difference)^2 / sigma_T^2 + d^2 / (2 df))

The difference may come from a model, with its standard error; sigma_T never does, or effect sizes
of different models could not be compared. Without one its variance is, in each arm of N people,
sigma_w^2 / N + sigma_b^2 sum n^2 / N^2. Intervals are of Student's t, with two degrees of freedom
fewer than schools (than people where there are no schools). Glass's delta divides by the comparison
arm's standard deviation, for when treatment may change the spread.

Dividing by the standard deviation of *school means* gives a larger number that is comparable with
nothing; it is given where there is no other, and says so.

Sources: Hedges (1981), Journal of Educational Statistics 6(2); Glass (1976), Educational Researcher
5(10); Hedges (2007), Journal of Educational and Behavioral Statistics 32(4); Education Endowment
Foundation (2022), "Statistical analysis guidance" (total unconditional variance); Searle (1971),
"Linear models", 9.9 (interval of the ICC).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import attrs
import numpy as np

from impactkit.errors import EstimationError
from impactkit.estimators.arms import Cells, Floats, Spread, cells_of_people, spread
from impactkit.estimators.options import a_level, check_options
from impactkit.estimators.printing import notes
from impactkit.inference.cluster_variance import t_interval
from impactkit.results import Estimate, Exclusion, estimates_to_frame

if TYPE_CHECKING:
    import polars as pl

People = Literal["pupil", "school"]
SCHOOL_LEVEL = (
    "school-level effect size: it divides by the spread of school means, not of pupils, and is "
    "not comparable with those of the EEF or in the literature"
)


@attrs.frozen(kw_only=True, eq=False)
class EffectSize:
    """An effect size with its interval, and what it was divided by.

    Attributes
    ----------
    estimate
        Value, standard error, interval, counts and the formula of the variance.
    sd, icc
        The standard deviation divided by, in the unit of the outcome; the share of the variance
        between schools. None where they have no part in it.
    basis
        Whether rows were pupils or schools.
    exclusions, warnings
        Rows left out, counted; what a reader must know.
    """

    estimate: Estimate
    sd: float | None = None
    icc: float | None = None
    basis: People = "pupil"
    exclusions: tuple[Exclusion, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_frame(self) -> pl.DataFrame:
        """Return one row, columns as the fields of `Estimate`."""
        return estimates_to_frame([self.estimate])

    def estimates(
        self, metric: str = "", measure: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Return the estimate, labelled for a report; its own unit unless another is given."""
        e = self.estimate
        return (attrs.evolve(e, metric=metric, measure=measure, unit=unit or e.unit),)

    def __str__(self) -> str:
        e = self.estimate
        clusters = "" if e.n_clusters is None else f"; {e.n_clusters:,} clusters"
        lines = [f"{e}", f"Method: {e.method}.", f"Variance: {e.variance}{clusters}."]
        if self.sd is not None:
            share = "" if self.icc is None else f", of its square {self.icc:.1%} between schools"
            lines.append(f"Standard deviation: {self.sd:.4g}{share}.")
        lines += [f"Set aside: {x.n_rows:,} rows ({x.text})." for x in self.exclusions]
        return "\n".join([*lines, *notes(self.warnings)])

    __repr__ = __str__


def hedges_g(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    outcome: str,
    treated: str,
    cluster: str | None = None,
    rows: People = "pupil",
    difference: float | None = None,
    std_error: float | None = None,
    level: float = 0.95,
) -> EffectSize:
    """Return Hedges' g on the total unconditional variance, as the EEF asks for.

    Parameters
    ----------
    frame
        One row a pupil. (With one row a school, see `rows`.)
    outcome, treated
        Columns: a number; true (or 1) for the treated arm.
    cluster
        Column of schools, whose pupils are not independent; a school is in one arm.
    rows
        ``school`` when rows are schools. It is also noticed when each cluster has one row.
    difference, std_error
        The effect in the unit of the outcome and its standard error, from a model such as one
        adjusted for prior attainment; by default the difference of means.
    level
        Of the interval.

    Raises
    ------
    UsageError, DataError
        When arguments make no sense; with every fault of the frame.
    EstimationError
        When an arm has fewer than two people or, with `cluster`, two schools; or nothing varies.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "score": [4.0, 5.0, 6.0, 7.0, 3.0, 4.0, 5.0, 6.0], "taught": [1] * 4 + [0] * 4,
    ... })
    >>> print(hedges_g(frame, outcome="score", treated="taught").estimate)
    Hedges' g: 0.6736 [-0.9044, 2.252] sd
    """
    cells = cells_of_people(frame, outcome=outcome, arm=treated, cluster=cluster)
    return _standardised(
        cells, spread(cells), "Hedges' g", "total", rows, difference, std_error, level
    )


def glass_delta(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    outcome: str,
    treated: str,
    cluster: str | None = None,
    rows: People = "pupil",
    difference: float | None = None,
    std_error: float | None = None,
    level: float = 0.95,
) -> EffectSize:
    """Return Glass's delta: as `hedges_g`, over the comparison arm's standard deviation.

    Parameters and errors are those of `hedges_g`; the same small-sample factor J is applied, with
    the comparison arm's degrees of freedom.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "score": [4.0, 6.0, 8.0, 10.0, 3.0, 4.0, 5.0, 6.0], "taught": [1] * 4 + [0] * 4,
    ... })
    >>> print(glass_delta(frame, outcome="score", treated="taught").estimate)
    Glass's delta: 1.408 [-1.028, 3.845] sd
    """
    cells = cells_of_people(frame, outcome=outcome, arm=treated, cluster=cluster)
    return _standardised(
        cells,
        spread(cells.of_arm(0)),
        "Glass's delta",
        "the comparison arm's total",
        rows,
        difference,
        std_error,
        level,
    )


def _standardised(
    cells: Cells,
    sigma: Spread,
    name: str,
    what: str,
    rows: People,
    difference: float | None,
    std_error: float | None,
    level: float,
) -> EffectSize:
    check_options(
        [
            (rows not in ("pupil", "school"), "rows", rows, "'pupil' or 'school'"),
            a_level(level),
            (
                (difference is None) != (std_error is None),
                "std_error",
                std_error,
                "both the difference and its standard error, or neither",
            ),
            (std_error is not None and not std_error > 0, "std_error", std_error, "above zero"),
        ]
    )
    arms = [cells.of_arm(a) for a in (1, 0)]
    schools = [len(a.n) for a in arms]
    if cells.clustered and min(schools) < 2:
        raise EstimationError(
            f"{schools[0]} treated and {schools[1]} comparison schools: how schools vary cannot be "
            "told from one; add schools"
        )
    if not sigma.total > 0:
        raise EstimationError(
            "outcomes do not vary, so there is no standard deviation to divide by"
        )
    if difference is None or std_error is None:
        difference = arms[0].mean - arms[1].mean
        own = [spread(a) for a in arms] if name.startswith("Glass") else [spread(cells)] * 2
        variance = sum(
            s.within / a.n.sum() + s.between * (a.n**2).sum() / a.n.sum() ** 2
            for s, a in zip(own, arms, strict=True)
        )
        std_error, source = math.sqrt(variance), "difference of means"
    else:
        source = "difference from a model"
    sd = math.sqrt(sigma.total)
    J = 1 - 3 / (4 * sigma.df - 1)
    g = J * difference / sd
    error = math.sqrt((J * std_error / sd) ** 2 + g**2 / (2 * sigma.df))
    df = sum(schools) - 2
    low, high = t_interval(g, error, df, level)
    school_level = rows == "school" or (cells.clustered and bool((cells.n == 1).all()))
    warnings = [SCHOOL_LEVEL] if school_level else []
    if not cells.clustered and not school_level:
        warnings.append(
            "pupils are taken as independent; where they share schools the interval is too "
            "narrow: give cluster"
        )
    n = [int(a.n.sum()) for a in arms]
    return EffectSize(
        estimate=Estimate(
            estimand=name,
            value=g,
            std_error=error,
            ci_low=low,
            ci_high=high,
            level=level,
            df=df,
            unit="sd",
            n_people=None if school_level else sum(n),
            n_schools=schools[0] if cells.clustered or school_level else None,
            n_comparison=schools[1] if cells.clustered or school_level else None,
            n_clusters=sum(schools) if cells.clustered else None,
            n_treated_clusters=schools[0] if cells.clustered else None,
            method=f"{source} over {what} standard deviation of "
            f"{'school means' if school_level else 'pupils'}, without covariates, times "
            f"1 - 3/(4 df - 1), df = {sigma.df:.4g}",
            variance=f"J^2 SE(difference)^2/sd^2 + g^2/(2 df); t with {df} degrees of freedom",
            warnings=tuple(warnings),
        ),
        sd=sd,
        icc=sigma.between / sigma.total if cells.clustered and not school_level else None,
        basis="school" if school_level else "pupil",
        exclusions=cells.exclusions,
        warnings=tuple(warnings),
    )


def icc(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    outcome: str,
    cluster: str,
    within: str | None = None,
    level: float = 0.95,
) -> EffectSize:
    """Return the intraclass correlation: the share of the variance that lies between schools.

    Parameters
    ----------
    frame
        One row a pupil.
    outcome, cluster
        Columns: a number, the school.
    within
        Column, true or false, of arms whose difference shall not count as one between schools.
    level
        Of the interval: exact for schools of one size, with n0 in its place otherwise.

    Raises
    ------
    DataError
        With every fault of the frame.
    EstimationError
        When there are fewer than two schools (of an arm), each has one pupil, or nothing varies.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"school": [1, 1, 2, 2, 3, 3], "score": [0, 2, 2, 4, 4, 6]})
    >>> print(icc(frame, outcome="score", cluster="school").estimate)
    ICC: 0.6 [-0.6009, 0.9873]
    """
    return _icc(cells_of_people(frame, outcome=outcome, arm=within, cluster=cluster), level)


def icc_from_sums(
    n: Sequence[float] | Floats,
    total: Sequence[float] | Floats,
    squares: Sequence[float] | Floats,
    *,
    level: float = 0.95,
) -> EffectSize:
    """Return the intraclass correlation from each school's n, sum and sum of squares.

    Subtract a number near the mean from every outcome before summing: raw squares of large numbers
    lose their digits.

    Parameters
    ----------
    n, total, squares
        Number of pupils, sum of their outcomes and of the squares, shape (schools,).
    level
        As `icc`.

    Raises
    ------
    UsageError
        When the three differ in length, or a school has no pupils.
    EstimationError
        As `icc`.

    Examples
    --------
    >>> print(icc_from_sums([2, 2, 2], [2, 6, 10], [4, 20, 52]).estimate)
    ICC: 0.6 [-0.6009, 0.9873]
    """
    arrays = [np.asarray(x, dtype=np.float64) for x in (n, total, squares)]
    sound = len({a.shape for a in arrays}) == 1 and all(bool(np.isfinite(a).all()) for a in arrays)
    check_options(
        [
            (
                not sound or not bool((arrays[0] >= 1).all()),
                "n",
                f"{len(arrays[0])} numbers",
                "as many finite totals and squares as schools, each with one pupil or more",
            )
        ]
    )
    return _icc(
        Cells(
            n=arrays[0],
            total=arrays[1],
            squares=arrays[2],
            arm=np.zeros(len(arrays[0]), dtype=np.int64),
            shift=0.0,
            clustered=True,
        ),
        level,
    )


def _icc(cells: Cells, level: float) -> EffectSize:
    from scipy.special import fdtri

    check_options([a_level(level)])
    s = spread(cells)
    if s.df_between < 1 or s.df_within < 1:
        raise EstimationError(
            f"{len(cells.n):,} schools with {round(float(cells.n.sum())):,} pupils: an ICC needs "
            "two schools or more, and two pupils in one of them"
        )
    if s.f is None:
        raise EstimationError("pupils of a school do not differ at all, so there is no ICC to test")

    def share(f: float) -> float:
        return (f - 1) / (f + s.n0 - 1)

    tail = 0.5 + level / 2
    return EffectSize(
        estimate=Estimate(
            estimand="ICC",
            value=share(s.f),
            ci_low=share(s.f / float(fdtri(s.df_between, s.df_within, tail))),
            ci_high=share(s.f * float(fdtri(s.df_within, s.df_between, tail))),
            level=level,
            n_people=round(float(cells.n.sum())),
            n_clusters=len(cells.n),
            method="one-way analysis of variance",
            variance=f"F with {s.df_between:,} and {s.df_within:,} degrees of freedom (Searle)",
        ),
        exclusions=cells.exclusions,
    )
