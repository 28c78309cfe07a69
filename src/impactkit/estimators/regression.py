"""From coefficients and their covariance to `Estimate`s, and the result that regressions share.

An interval needs variation among the treated. With one treated cluster its scores sum to zero, and
the standard error holds the comparison side's part only; it is given, since other packages give
it, but no interval or p-value is made of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np

from impactkit.estimators.checks import check_options
from impactkit.estimators.fixed_effects import Fit, Vcov
from impactkit.estimators.rectangle import Floats, Rectangle
from impactkit.estimators.summaries import table
from impactkit.inference.cluster_variance import f_test, t_interval, t_p_value
from impactkit.results import Diagnostic, Estimate, Exclusion, estimates_to_frame

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

FEW_TREATED = 10
"""Treated clusters below which cluster-robust tests reject too often (MacKinnon & Webb 2018)."""


@attrs.frozen(kw_only=True, eq=False)
class Combination:
    """A weighted sum of coefficients, and the units that are treated in it, shape (N,)."""

    estimand: str
    term: str = ""
    names: Sequence[str]
    weights: Floats
    treated: NDArray[np.bool_]


@attrs.frozen(kw_only=True, eq=False)
class Regression:
    """A regression's effects, one `Estimate` each.

    Attributes
    ----------
    title
        What was estimated.
    terms
        The coefficients of interest, by event time where there are event times.
    overall
        One number for all; None when there is but one term.
    values, covariance
        Of the terms estimated (the reference is not one), shapes (k,) and (k, k), in the order of
        `terms`; the covariance is None where there is none.
    event_times
        Of `values`; empty where terms are no event times.
    pretest
        Joint test of the coefficients before treatment, None where there are none.
    exclusions, warnings
        Rows and units left out, counted, with reasons; what a reader must know, in sentences.
    """

    title: str
    terms: tuple[Estimate, ...]
    overall: Estimate | None = None
    values: Floats
    covariance: Floats | None
    event_times: tuple[int, ...] = ()
    pretest: Diagnostic | None = None
    exclusions: tuple[Exclusion, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_frame(self) -> pl.DataFrame:
        """Return one row a term, columns as the fields of `Estimate`."""
        return estimates_to_frame(self.terms)

    def estimates(
        self, metric: str = "", measure: str = "", unit: str = ""
    ) -> tuple[Estimate, ...]:
        """Return the overall estimate, if there is one, and the terms, labelled for a report."""
        found = self.terms if self.overall is None else (self.overall, *self.terms)
        return tuple(attrs.evolve(e, metric=metric, measure=measure, unit=unit) for e in found)

    def __str__(self) -> str:
        first = self.overall or self.terms[0]
        lines = [table(self.title, self.terms, "term")]
        lines += [f"{self.overall}"] if self.overall else []
        lines += [*account(first, self.exclusions), *(f"Note: {w}." for w in self.warnings)]
        return "\n".join(lines)

    __repr__ = __str__


def account(first: Estimate, exclusions: Sequence[Exclusion]) -> list[str]:
    """Return the lines that say how the numbers were made and what was left out."""
    return [
        f"Method: {first.method}.",
        f"Variance: {first.variance}; {first.n_clusters:,} clusters, "
        f"{first.n_treated_clusters:,} of them treated.",
        *(
            f"Set aside: {e.n_rows:,} rows, {e.n_schools:,} whole units ({e.text})."
            for e in exclusions
        ),
    ]


def check_regression_options(vcov: str, small_sample: str, level: float) -> None:
    """Raise `UsageError` naming every argument of inference that is wrong."""
    check_options(
        [
            (
                vcov not in ("CRV1", "CRV3", "HC1", "iid"),
                "vcov",
                vcov,
                "'CRV1', 'CRV3', 'HC1' or 'iid'",
            ),
            (
                small_sample not in ("fixest", "stata", "none"),
                "small_sample",
                small_sample,
                "'fixest', 'stata' or 'none'",
            ),
            (not 0 < level < 1, "level", level, "a share between 0 and 1, such as 0.95"),
        ]
    )


def to_estimates(
    fit: Fit, panel: Rectangle, combinations: Sequence[Combination], *, level: float, method: str
) -> tuple[Estimate, ...]:
    """Give each combination its value, standard error, interval and counts.

    `n_schools` are the units treated in the combination, `n_comparison` all others of the
    regression; clusters likewise. A cluster with a treated unit is a treated cluster.
    """
    # Below this residuals are rounding: the outcome doesn't vary.
    floor = 1e-12 * max(float(panel.y.max()), -float(panel.y.min()))
    return tuple(_estimate(fit, panel, c, level, method, floor) for c in combinations)


def _estimate(
    fit: Fit, panel: Rectangle, c: Combination, level: float, method: str, floor: float
) -> Estimate:
    at = fit.at(c.names)
    value = float(c.weights @ fit.beta[at])
    treated = int(c.treated.sum())
    treated_clusters = _clusters(panel, c.treated)
    error, reason = None, fit.reason
    if fit.covariance is not None:
        variance = float(c.weights @ fit.covariance[np.ix_(at, at)] @ c.weights)
        error = float(np.sqrt(max(variance, 0.0)))
        if error <= floor:
            error, reason = None, "the outcome does not vary about the fit, so no std_error"
    if not reason and treated_clusters == 1:
        what = "unit" if treated == 1 else f"cluster (of {treated:,} units)"
        reason = (
            f"one treated {what} only: how such {what.split()[0]}s vary cannot be estimated, and "
            "any std_error leaves that part out; pool cohorts, or use randomisation inference"
        )
    low = high = p = None
    if error is not None and not reason:
        low, high = t_interval(value, error, fit.df, level)
        p = t_p_value(value, error, fit.df)
    return Estimate(
        estimand=c.estimand,
        term=c.term,
        value=value,
        std_error=error,
        ci_low=low,
        ci_high=high,
        level=level,
        p_value=p,
        n_schools=treated,
        n_comparison=panel.n_units - treated,
        n_clusters=fit.n_clusters,
        n_treated_clusters=treated_clusters,
        method=method,
        variance=fit.variance,
        reason=reason,
    )


def _clusters(panel: Rectangle, units: NDArray[np.bool_]) -> int:
    """Count the clusters that these units are in."""
    if panel.cluster is None:
        return int(units.sum())
    there = np.zeros(int(panel.cluster.max()) + 1, dtype=bool)
    there[panel.cluster[units]] = True
    return int(there.sum())


def not_estimable(estimate: Estimate, reason: str) -> Estimate:
    """Return the same quantity without a value, and why."""
    return attrs.evolve(
        estimate,
        value=None,
        std_error=None,
        ci_low=None,
        ci_high=None,
        p_value=None,
        status="not_estimable",
        reason=reason,
    )


def pretest(fit: Fit, names: Sequence[str]) -> Diagnostic | None:
    """Test jointly that these coefficients, all before treatment, are zero (Wald, as F)."""
    if not names:
        return None
    at = fit.at(names)
    found = (
        None
        if fit.covariance is None
        else f_test(fit.beta[at], fit.covariance[np.ix_(at, at)], fit.df)
    )
    if found is None:
        why = fit.reason or f"{len(names)} coefficients, {fit.n_clusters} clusters"
        return Diagnostic(
            name="pretest",
            text=f"Coefficients before treatment were not tested: their covariance is singular "
            f"or missing ({why}).",
        )
    statistic, p = found
    return Diagnostic(
        name="pretest",
        value=statistic,
        p_value=p,
        passed=p >= 0.05,
        text=(
            f"Joint test of {len(names)} coefficients before treatment: F({len(names)}, {fit.df}) "
            f"= {statistic:.4g}, p = {p:.3g}. Passing it does not show that trends are parallel."
        ),
    )


def common_warnings(fit: Fit, panel: Rectangle, vcov: Vcov) -> tuple[str, ...]:
    """Return what every regression must say: few treated clusters, covariates left out."""
    never = len(panel.cohorts)
    treated = _clusters(panel, panel.cohort < never)
    found = []
    if vcov == "CRV1" and 1 < treated < FEW_TREATED:
        found.append(
            f"there are {treated} treated clusters, and with fewer than {FEW_TREATED} intervals "
            "of CRV1 are too narrow (MacKinnon & Webb 2018, Econometrics Journal 21(2)); use "
            "wild_cluster_bootstrap, vcov='CRV3' or randomisation_inference"
        )
    if vcov in ("HC1", "iid"):
        found.append(
            f"{vcov} takes a unit's years for independent, which they seldom are; its intervals "
            "are then too narrow (Bertrand, Duflo & Mullainathan 2004, QJE 119(1))"
        )
    if fit.dropped:
        found.append(
            f"{', '.join(fit.dropped)} took no part: constant within units or determined by the "
            "other covariates, so that the fixed effects hold it already"
        )
    return tuple(found)
