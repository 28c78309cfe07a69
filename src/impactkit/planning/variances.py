"""How outcomes vary without treatment: stated, from an ICC, or from untreated school-years only.

The model of a school's outcome in year t, apart from common year effects:

    y_t = level + shock_t + noise_t
    Var(level) = school_sd^2, Cov(shock_s, shock_t) = shock_sd^2 a^|t - s|, Var(noise) = noise_sd^2

and any two schools of a partnership share the part `partnership_correlation` of it all.

From data, half the variance of changes over h years (the variogram) is free of levels:

    v(h) = noise_sd^2 + shock_sd^2 (1 - a^h)

It is taken over pairs of years in which a school is untreated, net of the mean change of the
untreated, and fitted by non-negative least squares over a grid of a. The correlation within
partnerships is the mean product of two partners' changes over the mean square of one's.

Source of the variogram estimator: Diggle, Heagerty, Liang & Zeger (2002), "Analysis of Longitudinal
Data", 2nd ed., sections 5.2 and 5.4. Estimating what power calculations need from pre-period data:
Burlig, Preonas & Woerman (2020), Journal of Development Economics 144, section 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
import polars as pl
from numpy.typing import NDArray

from impactkit.errors import EstimationError
from impactkit.estimators.checks import tidy
from impactkit.estimators.options import check_options
from impactkit.planning.design import panel_design

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_GRID = np.concatenate([np.arange(0.0, 0.95, 0.025), [0.95, 0.97, 0.99]])
_FEWEST = 3
_HEAVY = 9.0
"""That of a t distribution with five degrees of freedom."""


@attrs.frozen(kw_only=True)
class Variances:
    """Standard deviations in the unit of the outcome; see the head of this file.

    Attributes
    ----------
    shock_sd, autocorrelation
        Of a school's yearly deviations that fade: a deviation one year apart keeps the share
        `autocorrelation` of itself.
    noise_sd
        Of yearly deviations that leave no trace, such as which pupils are in the year group.
    school_sd
        Of lasting differences between schools; of no consequence in a complete panel.
    partnership_correlation
        Of two schools of one partnership, in level and in deviation.
    source, log
        Where the numbers come from, and what was counted on the way.

    Raises
    ------
    UsageError
        With every value that makes no sense.
    """

    shock_sd: float = 0.0
    noise_sd: float = 0.0
    school_sd: float = 0.0
    autocorrelation: float = 0.0
    partnership_correlation: float = 0.0
    source: str = "stated"
    log: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])

    def __attrs_post_init__(self) -> None:
        sizes = ("shock_sd", "noise_sd", "school_sd")
        check_options(
            [
                *((not getattr(self, n) >= 0, n, getattr(self, n), "0 or more") for n in sizes),
                (
                    not self.shock_sd + self.noise_sd > 0,
                    "shock_sd",
                    self.shock_sd,
                    "shock_sd or noise_sd above 0",
                ),
                *(
                    (not 0 <= getattr(self, n) <= 1, n, getattr(self, n), "0 to 1")
                    for n in ("autocorrelation", "partnership_correlation")
                ),
            ]
        )

    def covariance(self, years: Sequence[int]) -> tuple[Floats, Floats]:
        """Return the covariance between years, of a school's own part and of its partnership's.

        Both of shape (years, years). They add up to the covariance of one school's outcomes; the
        second is also the covariance between two schools of one partnership.

        Examples
        --------
        >>> own, shared = Variances(shock_sd=2.0, autocorrelation=0.5).covariance([1, 2])
        >>> own.tolist(), shared.tolist()
        ([[4.0, 2.0], [2.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]])
        """
        lag = np.abs(np.subtract.outer(np.array(years), np.array(years)))
        total = (
            self.school_sd**2
            + self.shock_sd**2 * self.autocorrelation**lag
            + self.noise_sd**2 * (lag == 0)
        )
        return (1 - self.partnership_correlation) * total, self.partnership_correlation * total

    def __str__(self) -> str:
        return (
            f"yearly shocks {self.shock_sd:.3g} (autocorrelation {self.autocorrelation:.2g}), "
            f"noise {self.noise_sd:.3g}, lasting differences {self.school_sd:.3g}, correlation "
            f"within partnerships {self.partnership_correlation:.2g}; {self.source}"
        )


def variances_from_icc(
    *,
    icc: float,
    pupils: float,
    year_correlation: float,
    pupil_sd: float = 1.0,
    autocorrelation: float = 0.0,
    partnership_correlation: float = 0.0,
) -> Variances:
    """Turn what education trials report into variances of school means.

    Parameters
    ----------
    icc
        Share of the variance between pupils that lies between schools, in one year.
    pupils
        Pupils a school and year. Their number sets the noise: (1 - icc) pupil_sd^2 / pupils.
    year_correlation
        Correlation, over years, of schools' true means: the share of the variance between schools
        that lasts. The rest is yearly shocks.
    pupil_sd
        Standard deviation of the outcome between all pupils; with 1, effects are effect sizes.
    autocorrelation, partnership_correlation
        See `Variances`.

    Raises
    ------
    UsageError
        With every value that makes no sense.

    Examples
    --------
    >>> print(variances_from_icc(icc=0.15, pupils=30, year_correlation=0.8))
    yearly shocks 0.173 (autocorrelation 0), noise 0.168, lasting differences 0.346, correlation \
within partnerships 0; stated: ICC 0.15, 30 pupils, correlation of years 0.8
    """
    check_options(
        [
            (not 0 <= icc < 1, "icc", icc, "a share from 0 to below 1"),
            (not pupils >= 1, "pupils", pupils, "1 or more"),
            (not 0 <= year_correlation <= 1, "year_correlation", year_correlation, "0 to 1"),
            (not pupil_sd > 0, "pupil_sd", pupil_sd, "above 0"),
        ]
    )
    between = icc * pupil_sd**2
    return Variances(
        school_sd=math.sqrt(between * year_correlation),
        shock_sd=math.sqrt(between * (1 - year_correlation)),
        noise_sd=math.sqrt((1 - icc) * pupil_sd**2 / pupils),
        autocorrelation=autocorrelation,
        partnership_correlation=partnership_correlation,
        source=f"stated: ICC {icc:g}, {pupils:g} pupils, correlation of years {year_correlation:g}",
    )


def estimate_variances(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unit: str,
    time: str,
    cohort: str,
    outcome: str,
    cluster: str | None = None,
    anticipation: int = 0,
) -> Variances:
    """Estimate variances from untreated school-years; treated outcomes are filtered out unread.

    Parameters
    ----------
    frame
        One row a school and year.
    unit, time, cohort, outcome, cluster
        Columns, as in `panel_design`.
    anticipation
        Years before treatment that are left out as well.

    Raises
    ------
    DataError
        With every fault of the frame, the outcomes of treated years excepted.
    EstimationError
        When fewer than three schools are untreated in the same two years.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> n, years = 300, 6
    >>> frame = pl.DataFrame({
    ...     "urn": np.repeat(np.arange(n), years), "year": np.tile(np.arange(years), n),
    ...     "first": pl.Series([None] * n * years, dtype=pl.Int64),
    ...     "score": rng.normal(0, 2, n * years) + np.repeat(rng.normal(50, 5, n), years)})
    >>> found = estimate_variances(frame, unit="urn", time="year", cohort="first", outcome="score")
    >>> abs((found.noise_sd**2 + found.shock_sd**2) ** 0.5 - 2) < 0.2, abs(found.school_sd - 5) < 1
    (True, True)
    """
    # Structure first, so that the filter below meets columns of the right type.
    whole = panel_design(frame, unit=unit, time=time, cohort=cohort, cluster=cluster)
    untreated = pl.col(cohort).is_null() | (pl.col(time) < pl.col(cohort) - anticipation)
    rows = tidy(
        frame.lazy().filter(untreated),
        unit=unit,
        time=time,
        cohort=cohort,
        outcome=outcome,
        cluster=cluster,
    ).rows
    y, groups, years = _rectangle(rows)
    changes = _changes(y, groups, years)
    if not changes.lags:
        raise EstimationError(
            f"variances need {_FEWEST} schools that are untreated in the same two years; the frame "
            f"has {len(y):,} schools with an untreated outcome, in {len(years)} years. State the "
            "variances instead"
        )
    if not changes.squares:
        raise EstimationError(
            f"all {len(y):,} schools change alike from year to year while untreated, so there is "
            "no variance to estimate. Is the outcome the same in every school? Else state the "
            "variances"
        )
    a, noise, shock = _fit(changes)
    counted = [column[~np.isnan(column)] for column in y.T]
    levels = float(np.mean([column.var(ddof=1) for column in counted if len(column) > 1]))
    correlation = 0.0
    if changes.partners:
        squares = changes.squares / changes.df
        correlation = min(max(changes.products / changes.partners / squares, 0.0), 1.0)
    return Variances(
        shock_sd=math.sqrt(shock),
        noise_sd=math.sqrt(noise),
        school_sd=math.sqrt(max(levels - shock - noise, 0.0)),
        autocorrelation=a,
        partnership_correlation=correlation,
        source="estimated from untreated school-years",
        log=(
            f"variances were estimated from {rows.height:,} untreated school-years of {len(y):,} "
            f"schools, {years[0]} to {years[-1]}",
            f"{whole.frame.height - rows.height:,} treated or empty school-years were not used",
            f"the correlation within partnerships rests on {changes.partners:,} pairs of changes"
            if changes.partners
            else "no two schools of a partnership are untreated in the same two years; the "
            "correlation within partnerships is taken as 0",
            *_tails(changes),
        ),
    )


@attrs.define(eq=False)
class _Changes:
    """Sums over pairs of years: half the variance of changes by lag, and partners' products."""

    lags: list[int] = attrs.field(factory=list)
    halves: list[float] = attrs.field(factory=list)
    weights: list[int] = attrs.field(factory=list)
    squares: float = 0.0
    fourths: float = 0.0
    df: int = 0
    products: float = 0.0
    partners: int = 0


def _rectangle(rows: pl.DataFrame) -> tuple[Floats, Ints, list[int]]:
    """Return outcomes by school and year, NaN where there is none; clusters; and the years."""
    years = [int(t) for t in rows["time"].unique().sort()]
    unit = rows["unit"].rank("dense").to_numpy().astype(np.int64) - 1
    y = np.full((int(unit.max(initial=-1)) + 1, len(years)), np.nan)
    y[unit, np.searchsorted(years, rows["time"].to_numpy())] = rows["outcome"].to_numpy()
    groups = np.arange(len(y))
    if "cluster" in rows.columns:
        groups[unit] = rows["cluster"].rank("dense").to_numpy().astype(np.int64) - 1
    return y, groups, years


def _changes(y: Floats, groups: Ints, years: list[int]) -> _Changes:
    found = _Changes()
    for s in range(len(years)):
        for t in range(s + 1, len(years)):
            change = y[:, t] - y[:, s]
            seen = ~np.isnan(change)
            n = int(seen.sum())
            if n < _FEWEST:
                continue
            change = change[seen] - change[seen].mean()
            square = float(change @ change)
            found.lags.append(years[t] - years[s])
            found.halves.append(square / (n - 1) / 2)
            found.weights.append(n)
            found.squares += square
            found.fourths += float((change**4).sum())
            found.df += n - 1
            together = np.bincount(groups[seen], change)
            found.products += float(together @ together) - square
            sizes = np.bincount(groups[seen])
            found.partners += int((sizes * (sizes - 1)).sum())
    return found


def _tails(changes: _Changes) -> tuple[str, ...]:
    """Say so when changes have far heavier tails than the normal draws of a simulation."""
    kurtosis = changes.fourths * changes.df / changes.squares**2 if changes.squares else 3.0
    if kurtosis < _HEAVY:
        return ()
    return (
        f"untreated changes have heavy tails (kurtosis {kurtosis:.0f}, normal 3): a few schools "
        "make most of the variance, and real estimates may vary more than normal draws; look at "
        "the largest changes first",
    )


def _fit(changes: _Changes) -> tuple[float, float, float]:
    """Return autocorrelation, and variances of noise and shock, that fit the variogram.

    A shock that hardly fades is much like a lasting difference, so among autocorrelations that
    fit about equally well (by an F-test of roughly 5%) the smallest is taken.
    """
    from scipy.optimize import nnls

    lags, halves = np.array(changes.lags), np.array(changes.halves)
    root = np.sqrt(np.array(changes.weights, dtype=float))
    fits = []
    for a in _GRID:
        columns = np.stack([np.ones(len(lags)), 1 - a**lags], axis=1)
        (noise, shock), misfit = nnls(root[:, None] * columns, root * halves)
        fits.append((float(misfit) ** 2, float(a), float(noise), float(shock)))
    enough = min(fit[0] for fit in fits) * (1 + 4 / max(len(lags) - 3, 1)) + 1e-18
    _, a, noise, shock = next(fit for fit in fits if fit[0] <= enough)
    return a, noise, shock
