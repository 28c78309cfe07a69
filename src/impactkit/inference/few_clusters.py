"""Which inference to trust, by the number of treated clusters.

Clustered standard errors fail with few *treated* clusters, however many clusters there are in all.
With n treated clusters that vary alike, and comparison clusters in plenty, an interval made of the
normal distribution covers the effect with the probability

    analytic (CRV1, influence function)    P(|t_{n-1}| < z sqrt((n - 1) / n))
    CRV3 (cluster jackknife)               P(|t_{n-1}| < z sqrt(n / (n - 1)))

since the one takes the treated clusters' variance as their sum of squares over n^2, the other over
(n - 1)^2 (to a factor that goes to 1 with the number of all clusters). The thresholds are the least
n at which a nominal 95% is at least 93%: 22 and 10. CR2 with Satterthwaite's degrees of freedom,
which `att_gt` has, has no such formula: its threshold, 8, is the least number at which its
intervals held the truth in 93% or more in every design of few treated clusters that was simulated
(``docs/explanation/monte-carlo.md``).
With fewer, a regression has the restricted wild bootstrap, not to be relied on below about six
treated clusters and hardly ever rejecting with two or three; everything else has randomisation
inference, exact under its assignment.

Sources: MacKinnon & Webb (2018), "The wild bootstrap for few (treated) clusters", Econometrics
Journal 21(2); MacKinnon & Webb (2020), "Randomization inference for difference-in-differences with
few treated clusters", Journal of Econometrics 218(2); MacKinnon, Nielsen & Webb (2023),
"Cluster-robust inference: a guide to empirical practice", Journal of Econometrics 232(2).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

import attrs

InferenceMethod = Literal["analytic", "cr2", "crv3", "wild", "randomisation", "none"]

_WORDS = {
    "analytic": "clustered standard errors",
    "cr2": "clustered standard errors corrected for few clusters, CR2",
    "crv3": "the cluster jackknife, CRV3",
    "wild": "the restricted wild cluster bootstrap",
    "randomisation": "randomisation inference",
    "none": "no test",
}


@attrs.frozen(kw_only=True)
class Thresholds:
    """The least number of treated clusters at which each method is used."""

    analytic: int = 22
    cr2: int = 8
    crv3: int = 10
    wild: int = 6


def warn_of_few(treated: int | None, enough: int = Thresholds().cr2) -> tuple[str, ...]:
    """Warn of an interval that rests on fewer treated clusters than its method needs.

    The count itself is beside the estimate: a small number in a sentence could be one of people.

    Examples
    --------
    >>> warn_of_few(3, Thresholds().crv3)
    ('fewer than 10 clusters were treated: the interval is likely to be too narrow',)
    >>> warn_of_few(8), warn_of_few(None)
    ((), ())
    """
    if treated is None or treated >= enough:
        return ()
    return (f"fewer than {enough} clusters were treated: the interval is likely to be too narrow",)


@attrs.frozen(kw_only=True)
class Choice:
    """A method and, in a sentence, why."""

    method: InferenceMethod
    reason: str
    n_treated_clusters: int
    n_clusters: int

    def __str__(self) -> str:
        return self.reason


def coverage_with_few_treated(
    n_treated_clusters: int, method: Literal["analytic", "crv3"], level: float = 0.95
) -> float:
    """Return how often a normal interval of nominal `level` covers, by the formulas above.

    Examples
    --------
    >>> for n in (4, 8, 12, 40):
    ...     both = [coverage_with_few_treated(n, m) for m in ("analytic", "crv3")]
    ...     print(n, *(f"{c:.3f}" for c in both))
    4 0.812 0.891
    8 0.891 0.926
    12 0.913 0.935
    40 0.940 0.946
    """
    from scipy.special import stdtr

    n = n_treated_clusters
    z = NormalDist().inv_cdf(0.5 + level / 2)
    ratio = (n - 1) / n if method == "analytic" else n / (n - 1)
    return float(1 - 2 * stdtr(n - 1, -z * math.sqrt(ratio)))


def choose_inference(
    n_treated_clusters: int,
    n_clusters: int,
    *,
    estimator: Literal["regression", "att_gt", "other"] = "other",
    level: float = 0.95,
    thresholds: Thresholds | None = None,
) -> Choice:
    """Choose how to test an effect, and say why.

    Parameters
    ----------
    n_treated_clusters
        Partnerships that share schools are one. A school in no partnership is a cluster of its own
        and, never treated, does not count here.
    n_clusters
        Of all that take part, comparison schools included.
    estimator
        ``regression`` (`event_study`, `did_2x2` and their kind), for which the cluster jackknife
        and the wild bootstrap exist; ``att_gt`` for what has CR2, `att_gt` and `imputation`; or
        ``other`` (`two_stage`, synthetic controls).
    level
        Of the interval; a test with fewer possible assignments than 1 / (1 - level) is no test.
    thresholds
        Other than those that the head of this file derives.

    Raises
    ------
    ValueError
        When the numbers of clusters make no sense.

    Examples
    --------
    >>> print(choose_inference(40, 240))
    40 of 240 clusters are treated: clustered standard errors, which need 22.
    >>> choose_inference(8, 240, estimator="regression").method
    'wild'
    >>> choose_inference(8, 240, estimator="att_gt").method
    'cr2'
    >>> choose_inference(8, 240).method
    'randomisation'
    >>> print(choose_inference(1, 6))
    1 of 6 clusters is treated: no test, since treatment could have fallen in 6 ways only, and a
    test at 0.05 needs 20.
    """
    limits = thresholds or Thresholds()
    treated, total = n_treated_clusters, n_clusters
    if not 0 < treated < total:
        raise ValueError(
            f"{treated} treated clusters of {total}: there must be some treated and some not"
        )
    fewest = min(treated, total - treated)
    verb = "is" if treated == 1 else "are"
    start = f"{treated:,} of {total:,} clusters {verb} treated: "
    side = "" if fewest == treated else f" (only {fewest:,} are untreated, which limits as much)"

    def choice(method: InferenceMethod, why: str) -> Choice:
        return Choice(
            method=method,
            reason=f"{start}{_WORDS[method]}, {why}{side}.",
            n_treated_clusters=treated,
            n_clusters=total,
        )

    if fewest >= limits.analytic:
        return choice("analytic", f"which need {limits.analytic}")
    if estimator == "att_gt" and fewest >= limits.cr2:
        return choice("cr2", f"which need {limits.cr2}; without correction {limits.analytic}")
    if estimator == "regression" and fewest >= limits.crv3:
        return choice(
            "crv3", f"which needs {limits.crv3}; plain clustered errors need {limits.analytic}"
        )
    if estimator == "regression" and fewest >= limits.wild:
        return choice("wild", f"which needs {limits.wild}; the jackknife needs {limits.crv3}")
    ways, needed = math.comb(total, treated), math.ceil(1 / (1 - level) - 1e-9)
    if ways < needed:
        return choice(
            "none",
            f"since treatment could have fallen in {ways:,} ways only, and a test at "
            f"{1 - level:.3g} needs {needed:,}",
        )
    least = {"regression": limits.wild, "att_gt": limits.cr2, "other": limits.analytic}[estimator]
    return choice("randomisation", f"since anything else needs {least}")
