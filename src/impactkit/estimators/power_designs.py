"""The precision of two standard designs, by formula.

**Clusters, outcome measured once after** (`ClusterDesign`). With K clusters of J schools of n
pupils in an arm, c and b the shares of variance between clusters and between schools within them,
and r the correlation of pre-test and outcome at each level:

    s^2 = sd^2 sum over both arms of [c (1 - r_c^2) / K + b (1 - r_b^2) / (K J)
                                      + (1 - c - b) (1 - r_p^2) / (K J n)]

**Panel, difference-in-differences with one start** (`DidDesign`). With m years before and r after,
N schools in an arm, v the variance of a school's yearly deviation and psi its average covariance
between two years before (B), two after (A), one before and one after (X):

    s^2 = sum over both arms of d/N [(m + r)/(m r) v + (m-1)/m psi_B + (r-1)/r psi_A - 2 psi_X]

where d = 1 + (J - 1) w is the design effect of J schools a cluster whose deviations correlate by w.

The arms' variances differ when few schools are treated, so degrees of freedom are Satterthwaite's:
K - 2 for equal arms, close to the *treated* clusters less one beside a large comparison group.

Sources: Dong & Maynard (2013), "PowerUp!", Journal of Research on Educational Effectiveness 6(1),
designs CRA2_2r and CRA3_3r (1/(P(1 - P)K) there is the sum of both arms' 1/K); Burlig, Preonas &
Woerman (2020), "Panel data and experimental design", Journal of Development Economics 144 (their
serial-correlation-robust formula); Satterthwaite (1946), Biometrics Bulletin 2(6).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import attrs

from impactkit.errors import EstimationError
from impactkit.estimators.options import check_options
from impactkit.estimators.power import Precision
from impactkit.inference.small_sample import satterthwaite


@attrs.frozen(kw_only=True)
class ClusterDesign:
    """Two arms, outcome measured once after: pupils in schools, in partnerships if there are any.

    Attributes
    ----------
    treated, comparison
        Clusters in each arm, two or more: partnerships, or schools where each stands alone.
    treated_schools, comparison_schools
        Schools a cluster, in each arm.
    pupils
        Pupils a school with an outcome.
    icc_school, icc_cluster
        Shares of the outcome's variance between schools (of one cluster), and between clusters.
    pre_post_pupil, pre_post_school, pre_post_cluster
        Correlation of pre-test and outcome at each level, if the analysis adjusts for it.
    covariates
        Covariates at the level of clusters; each costs a degree of freedom.
    sd, unit
        Standard deviation of the outcome between all pupils; with 1 the effect is an effect size.

    Raises
    ------
    UsageError
        With every value that makes no sense.

    Examples
    --------
    The example of PowerUpR's ``mdes.cra2r2(rho2=.17, n=15, J=20)``, which prints 0.629:

    >>> from impactkit.estimators.power import minimum_detectable_effect
    >>> design = ClusterDesign(treated=10, comparison=10, pupils=15, icc_school=0.17)
    >>> print(minimum_detectable_effect(design))
    A true effect of 0.6289 sd is found with probability 0.8 (95% level).
    Standard error 0.2123 on 18 degrees of freedom; 10 treated schools, 10 comparison schools, \
10 treated clusters.
    Method: two-level cluster design (Dong & Maynard 2013), Satterthwaite degrees of freedom.
    """

    treated: int
    comparison: int
    pupils: float
    icc_school: float
    icc_cluster: float = 0.0
    treated_schools: float = 1
    comparison_schools: float = 1
    pre_post_pupil: float = 0.0
    pre_post_school: float = 0.0
    pre_post_cluster: float = 0.0
    covariates: int = 0
    sd: float = 1.0
    unit: str = "sd"

    def __attrs_post_init__(self) -> None:
        ones = ("treated_schools", "comparison_schools", "pupils")
        pre_post = ("pre_post_pupil", "pre_post_school", "pre_post_cluster")
        icc = self.icc_school + self.icc_cluster
        check_options(
            [
                *_arms(self.treated, self.comparison),
                *_wrong(self, ones, lambda v: v >= 1, "1 or more"),
                *_wrong(self, ("icc_school", "icc_cluster"), lambda v: v >= 0, "0 or more"),
                (not icc <= 1, "icc_school", icc, "no more than 1 together with icc_cluster"),
                *_wrong(self, pre_post, lambda v: -1 < v < 1, "a correlation"),
                *_wrong(self, ("covariates",), lambda v: v >= 0, "0 or more"),
                *_wrong(self, ("sd",), lambda v: v > 0, "above 0"),
            ]
        )

    def precision(self) -> Precision:
        """Return standard error and degrees of freedom; formula at the head of this file.

        Raises
        ------
        EstimationError
            When covariates leave no degree of freedom.
        """
        left = [1 - r**2 for r in (self.pre_post_cluster, self.pre_post_school)]
        pupil = (1 - self.icc_cluster - self.icc_school) * (1 - self.pre_post_pupil**2)

        def side(clusters: int, schools: float) -> float:
            within = self.icc_school * left[1] + pupil / self.pupils
            return self.sd**2 * (self.icc_cluster * left[0] + within / schools) / clusters

        arms = (
            (side(self.treated, self.treated_schools), self.treated - 1),
            (side(self.comparison, self.comparison_schools), self.comparison - 1),
        )
        levels = "three" if self.treated_schools > 1 or self.icc_cluster > 0 else "two"
        return Precision(
            std_error=math.sqrt(arms[0][0] + arms[1][0]),
            df=_less(satterthwaite(*arms), self.covariates),
            unit=self.unit,
            method=(
                f"{levels}-level cluster design (Dong & Maynard 2013), "
                "Satterthwaite degrees of freedom"
            ),
            n_schools=round(self.treated * self.treated_schools),
            n_comparison=round(self.comparison * self.comparison_schools),
            n_clusters=self.treated + self.comparison,
            n_treated_clusters=self.treated,
        )


@attrs.frozen(kw_only=True)
class DidDesign:
    """A panel with one start: mean after less mean before, treated less comparison.

    Attributes
    ----------
    treated, comparison
        Clusters in each arm, two or more: partnerships, or schools where each stands alone.
    treated_schools, comparison_schools
        Schools a cluster, in each arm.
    before, after
        Years observed before and after the start.
    sd
        Standard deviation of a school's yearly deviation from its own level and the common trend,
        in `unit`. For a mean of n pupils it is at least the pupils' own divided by sqrt(n).
    autocorrelation
        Of deviations one year apart; h years apart it is this to the power h.
    cluster_correlation
        Of the deviations of two schools of one cluster in the same year.

    Raises
    ------
    UsageError
        With every value that makes no sense.

    Examples
    --------
    >>> from impactkit.estimators.power import minimum_detectable_effect
    >>> design = DidDesign(treated=10, comparison=200, treated_schools=3, before=4, after=3,
    ...                    sd=5.0, autocorrelation=0.3, unit="points")
    >>> round(minimum_detectable_effect(design).effect, 2)
    2.64
    """

    treated: int
    comparison: int
    before: int
    after: int
    sd: float
    autocorrelation: float = 0.0
    treated_schools: float = 1
    comparison_schools: float = 1
    cluster_correlation: float = 0.0
    unit: str = ""

    def __attrs_post_init__(self) -> None:
        ones = ("treated_schools", "comparison_schools", "before", "after")
        check_options(
            [
                *_arms(self.treated, self.comparison),
                *_wrong(self, ones, lambda v: v >= 1, "1 or more"),
                *_wrong(self, ("sd",), lambda v: v > 0, "above 0"),
                *_wrong(self, ("autocorrelation",), lambda v: -1 < v < 1, "a correlation"),
                *_wrong(self, ("cluster_correlation",), lambda v: 0 <= v <= 1, "0 to 1"),
            ]
        )

    def precision(self) -> Precision:
        """Return standard error and degrees of freedom; formula at the head of this file."""
        m, r = self.before, self.after

        def psi(years: Iterable[tuple[int, int]]) -> float:
            lags = [abs(a - b) for a, b in years]
            return sum(self.autocorrelation**lag for lag in lags) / max(len(lags), 1)

        before, after = range(m), range(m, m + r)
        school = self.sd**2 * (
            (m + r) / (m * r)
            + (m - 1) / m * psi((a, b) for a in before for b in before if a != b)
            + (r - 1) / r * psi((a, b) for a in after for b in after if a != b)
            - 2 * psi((a, b) for a in before for b in after)
        )

        def side(clusters: int, schools: float) -> tuple[float, float]:
            together = 1 + (schools - 1) * self.cluster_correlation
            return school * together / (clusters * schools), clusters - 1

        arms = (
            side(self.treated, self.treated_schools),
            side(self.comparison, self.comparison_schools),
        )
        return Precision(
            std_error=math.sqrt(arms[0][0] + arms[1][0]),
            df=satterthwaite(*arms),
            unit=self.unit,
            method=(
                "difference-in-differences of means before and after (Burlig, Preonas & Woerman "
                "2020), Satterthwaite degrees of freedom"
            ),
            n_schools=round(self.treated * self.treated_schools),
            n_comparison=round(self.comparison * self.comparison_schools),
            n_clusters=self.treated + self.comparison,
            n_treated_clusters=self.treated,
        )


def _arms(treated: int, comparison: int) -> list[tuple[bool, str, Any, str]]:
    rule = "2 clusters or more, since one cannot show how clusters vary"
    return [
        (not treated >= 2, "treated", treated, rule),
        (not comparison >= 2, "comparison", comparison, rule),
    ]


def _wrong(
    design: object, names: Iterable[str], allowed: Any, rule: str
) -> list[tuple[bool, str, Any, str]]:
    values = {name: getattr(design, name) for name in names}
    return [(not allowed(value), name, value, rule) for name, value in values.items()]


def _less(df: float, covariates: int) -> float:
    if df - covariates < 1:
        raise EstimationError(
            f"{covariates} covariates leave less than one of {df:.3g} degrees of freedom; leave "
            "some out, or add clusters"
        )
    return df - covariates
