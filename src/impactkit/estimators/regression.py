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

from impactkit.estimators.fixed_effects import Fit, Vcov
from impactkit.estimators.options import Option, a_level, one_of
from impactkit.estimators.printing import account, counted, notes, table
from impactkit.estimators.rectangle import Floats, Rectangle
from impactkit.estimators.summaries import UNKNOWN
from impactkit.inference.cluster_variance import f_test, t_interval, t_p_value
from impactkit.inference.few_clusters import Thresholds
from impactkit.results import Diagnostic, Estimate, Exclusion, estimates_to_frame

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

FEW_TREATED = Thresholds().analytic
"""Treated clusters below which intervals of CRV1 hold the truth too seldom (`few_clusters`)."""


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
        """Return the overall estimate, if there is one, and the terms, labelled for a report.

        The warnings go with the first.
        """
        found = self.terms if self.overall is None else (self.overall, *self.terms)
        return tuple(
            attrs.evolve(
                e,
                metric=metric,
                measure=measure,
                unit=unit,
                warnings=() if i else self.warnings,
            )
            for i, e in enumerate(found)
        )

    def __str__(self) -> str:
        first = self.overall or self.terms[0]
        lines = [table(self.title, self.terms, "term")]
        lines += [f"{self.overall}"] if self.overall else []
        lines += [*account(first, self.exclusions), *notes(self.warnings)]
        return "\n".join(lines)

    __repr__ = __str__


def inference_options(vcov: str, small_sample: str, level: float) -> list[Option]:
    """Return the checks of the arguments of inference, for `check_options`."""
    return [
        one_of("vcov", vcov, ("CRV1", "CRV3", "HC1", "iid")),
        one_of("small_sample", small_sample, ("fixest", "stata", "none")),
        a_level(level),
    ]


def to_estimates(
    fit: Fit, panel: Rectangle, combinations: Sequence[Combination], *, level: float, method: str
) -> tuple[Estimate, ...]:
    """Give each combination its value, standard error, interval and counts.

    `n_schools` are the units treated in the combination, `n_comparison` all others of the
    regression; clusters likewise. A cluster with a treated unit is a treated cluster.
    """
    return tuple(_estimate(fit, panel, c, level, method) for c in combinations)


def _estimate(fit: Fit, panel: Rectangle, c: Combination, level: float, method: str) -> Estimate:
    at = fit.at(c.names)
    variance, df = None, float(fit.df)
    if fit.covariance is not None:
        variance = float(c.weights @ fit.covariance[np.ix_(at, at)] @ c.weights)
    if fit.few is not None and len(at):
        weights = np.zeros((1, len(fit.beta)))
        weights[0, at] = c.weights
        corrected = fit.few(weights)
        variance, df = float(corrected.std_errors[0] ** 2), float(corrected.df[0])
    counted = Estimate(
        estimand=c.estimand,
        term=c.term,
        value=float(c.weights @ fit.beta[at]),
        level=level,
        n_schools=int(c.treated.sum()),
        n_comparison=int((~c.treated).sum()),
        n_clusters=fit.n_clusters,
        n_treated_clusters=clusters_of(panel, c.treated),
        method=method,
        variance=fit.variance,
        reason=fit.reason,
    )
    return with_interval(counted, variance, df, fit.rounding, clusters_of(panel, ~c.treated))


def with_interval(
    e: Estimate, variance: float | None, df: float, rounding: float, comparison_clusters: int
) -> Estimate:
    """Give a counted estimate its standard error and interval, or the reason for none.

    Parameters
    ----------
    e
        With value, counts and level; a reason given already stays.
    variance, df
        Of the estimate, None when there is none; degrees of freedom of t.
    rounding
        Standard errors up to this are rounding.
    comparison_clusters
        Clusters on the other side.
    """
    reason = e.reason
    error = None if variance is None else float(np.sqrt(max(variance, 0.0)))
    if error is not None and error <= rounding:
        error = None
        reason = "the outcome does not vary about the fit, so there is no standard error"
    sides = (
        ("treated", e.n_schools, e.n_treated_clusters, "pool cohorts"),
        ("comparison", e.n_comparison, comparison_clusters, "add comparison units"),
    )
    for side, units, clusters, remedy in sides:
        if clusters == 1 and not reason:
            what = "unit" if units == 1 else f"cluster (of {units:,} units)"
            reason = (
                f"one {side} {what} only: how such {what.split()[0]}s vary cannot be estimated, "
                f"and any standard error leaves that part out; {remedy}, or use randomisation "
                "inference"
            )
    reason = reason if df > 0 else reason or UNKNOWN
    if error is None or reason or e.value is None:
        return attrs.evolve(e, std_error=error, reason=reason)
    low, high = t_interval(e.value, error, df, e.level)
    p = t_p_value(e.value, error, df)
    return attrs.evolve(e, std_error=error, ci_low=low, ci_high=high, df=df, p_value=p)


def clusters_of(panel: Rectangle, units: NDArray[np.bool_]) -> int:
    """Count the clusters that these units are in."""
    if panel.cluster is None:
        return int(units.sum())
    there = np.zeros(int(panel.cluster.max()) + 1, dtype=bool)
    there[panel.cluster[units]] = True
    return int(there.sum())


def not_estimable(estimate: Estimate, reason: str) -> Estimate:
    """Return the same quantity without a value, and why."""
    return attrs.evolve(without_interval(estimate, reason), value=None, status="not_estimable")


def without_interval(estimate: Estimate, reason: str) -> Estimate:
    """Return the same value without standard error, interval and p-value, and why."""
    return attrs.evolve(
        estimate,
        std_error=None,
        ci_low=None,
        ci_high=None,
        df=None,
        p_value=None,
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
        why = fit.reason or (
            f"{counted(len(names), 'coefficient')}, {counted(fit.n_clusters, 'cluster')}"
        )
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
            f"Joint test of {counted(len(names), 'coefficient')} before treatment: "
            f"F({len(names)}, {fit.df}) = {statistic:.4g}, p = {p:.3g}. "
            "Passing it does not show that trends are parallel."
        ),
    )


def few_treated(treated_clusters: int) -> tuple[str, ...]:
    """Warn of CRV1 where it misleads: more than one treated cluster, but few."""
    if not 1 < treated_clusters < FEW_TREATED:
        return ()
    return (
        f"fewer than {FEW_TREATED} clusters were treated, and with so few "
        "intervals of CRV1 are often too narrow (MacKinnon & Webb 2018, Econometrics Journal "
        "21(2)); use vcov='CRV3', wild_cluster_bootstrap or randomisation_inference "
        "(choose_inference says which)",
    )


def common_warnings(fit: Fit, panel: Rectangle, vcov: Vcov) -> tuple[str, ...]:
    """Return what every regression must say: few treated clusters, covariates left out."""
    never = len(panel.cohorts)
    treated = clusters_of(panel, panel.cohort < never)
    found: list[str] = []
    if vcov == "CRV1":
        found += few_treated(treated)
    if vcov in ("HC1", "iid"):
        found.append(
            f"{vcov} takes a unit's years for independent, which they seldom are; its intervals "
            "are then too narrow (Bertrand, Duflo & Mullainathan 2004, QJE 119(1))"
        )
    lost = [name for name in fit.dropped if name in panel.names]
    if lost:
        found.append(
            f"{', '.join(lost)} took no part: constant within units or determined by the "
            "other covariates, so that the fixed effects hold it already"
        )
    return tuple(found)
