"""Standard errors and t-tests when few clusters are treated.

An effect is a mean over treated clusters less one over comparison clusters. Residuals about a mean
of few are too small, and normal quantiles too short. With h a cluster's share of the mean,

    scale   its contribution counts 1 / sqrt(1 - h) (CR2): with G equal clusters that multiplies the
            variance by G / (G - 1)
    df      1 / (sum h^2 + sum_{c != d} q_c q_d),  q = h^2 / (1 - h), of one side; G - 1 with G
            equal clusters. The two sides are combined by their variances (Satterthwaite): those
            estimated, or those of clusters that all vary alike, whichever gives fewer

Where one cluster is most of a side its estimated variance is often far too small, and the other
side's many degrees of freedom would count: hence the second (Imbens & Kolesar's way), which takes
nothing from the outcomes.

In an average over cohorts h is the cluster's share in all of them, since contributions hold how
far a cohort's effect is from the average (the cohorts' shares being estimated): a cohort of one
cluster varies as it differs from the others.

Sources: Bell & McCaffrey (2002), Survey Methodology 28, 169-181, for CR2 and its degrees of freedom
(theirs for a mean, with independent units of equal variance as working model); Satterthwaite
(1946), Biometrics Bulletin 2, 110-114; Imbens & Kolesar (2016), Review of Economics and Statistics
98(4), 701-712. That they carry over to averages of group-time effects is shown by simulation only.
"""

from __future__ import annotations

import math

import attrs
import numpy as np

from impactkit.inference.contributions import Contributions
from impactkit.inference.influence import Floats

_ALL = 1 - 1e-12  # a sum of shares that is one but for rounding


@attrs.frozen(kw_only=True, eq=False)
class ClusterShares:
    """Each cluster's share of the weight of each treated cohort, and of the never treated.

    Clusters with treated units come first: `treated` has shape (cohorts, treated clusters), and
    `others` the remaining ones.
    """

    treated: Floats
    others: Floats


@attrs.frozen(kw_only=True, eq=False)
class Corrected:
    """Standard errors and degrees of freedom, and the scaled contributions behind them.

    Shapes are (estimates,) and (estimates, columns); `df` is zero where unknown.
    """

    std_errors: Floats
    df: Floats
    columns: Floats


def cluster_scale(share: Floats) -> Floats:
    """Return what clusters' contributions to a mean are multiplied by, given their shares of it.

    A cluster that is the whole mean has no residual, and is left alone.

    Examples
    --------
    >>> (cluster_scale(np.full(4, 0.25)) ** 2).round(4).tolist()
    [1.3333, 1.3333, 1.3333, 1.3333]
    """
    left = np.where(share < _ALL, 1 - share, 1.0)
    result: Floats = 1 / np.sqrt(left)
    return result


def mean_df(share: Floats) -> float:
    """Return the degrees of freedom of the CR2 variance of a mean, zero for one cluster.

    Examples
    --------
    >>> round(mean_df(np.full(8, 1 / 8)), 6), round(mean_df(np.array([0.75, 0.125, 0.125])), 2)
    (7.0, 1.32)
    """
    if not 0 < share.max(initial=0.0) < _ALL:
        return 0.0
    q = np.sort(share**2 / (1 - share))
    # Each pair once, the small ones first: one large q would swallow the others in q.sum() ** 2.
    pairs = q[1:] @ np.cumsum(q)[:-1]
    return float(1 / ((share**2).sum() + 2 * pairs))


def alike(treated: Floats, others: Floats) -> tuple[float, float]:
    """Return both sides' variances where all clusters vary alike, given shares, up to a factor.

    Examples
    --------
    >>> alike(np.full(4, 1 / 4), np.full(16, 1 / 16))
    (0.25, 0.0625)
    """
    return float((treated**2).sum()), float((others**2).sum())


def correct(own: Contributions, loadings: Floats, shares: ClusterShares) -> Corrected:
    """Correct the standard errors of several estimates.

    Parameters
    ----------
    own
        Contributions to the estimates, in groups by cohort, the never treated last.
    loadings
        Weight of each treated cohort in each estimate, shape (estimates, cohorts).
    shares
        Of the clusters.

    Examples
    --------
    Four equal clusters of one cohort, against comparison units that hardly vary:

    >>> own = Contributions(
    ...     columns=np.array([[1.0, -1.0, 1.0, -1.0, 0.0]]), group=np.array([0, 0, 0, 0, 1]),
    ...     cluster=np.arange(5),
    ... )
    >>> shares = ClusterShares(treated=np.full((1, 4), 0.25), others=np.ones(1))
    >>> found = correct(own, np.array([[1.0]]), shares)
    >>> (found.std_errors**2).round(4).tolist(), found.df.round(4).tolist()
    ([5.3333], [3.0])
    """
    by_cluster = np.flatnonzero(own.cluster >= 0)
    cluster = own.cluster[by_cluster]
    of_treated = own.group < len(shares.treated)
    others_scale, others_df = cluster_scale(shares.others), mean_df(shares.others)
    columns, df = own.columns.copy(), np.zeros(len(loadings))
    for i, loading in enumerate(loadings):
        share = loading @ shares.treated / (loading.sum() or 1.0)
        scale = np.concatenate([cluster_scale(share), others_scale])
        columns[i, by_cluster] *= scale[cluster]
        squares = columns[i] ** 2
        own_df = mean_df(share)
        found = squares[of_treated].sum(), squares[~of_treated].sum()
        df[i] = min(
            satterthwaite((variances[0], own_df), (variances[1], others_df))
            for variances in (found, alike(share, shares.others))
        )
    return Corrected(std_errors=np.sqrt((columns**2).sum(axis=1)), df=df, columns=columns)


def satterthwaite(treated: tuple[float, float], comparison: tuple[float, float]) -> float:
    """Return degrees of freedom of a difference from each side's variance and degrees of freedom.

    Zero where those of the treated side are; a comparison side without any is left out.

    Examples
    --------
    >>> satterthwaite((1.0, 9), (1.0, 9)), round(satterthwaite((1.0, 9), (0.05, 180)), 1)
    (18.0, 9.9)
    """
    if not treated[1] > 0:
        return 0.0
    # Of shares of the variance, since squares of small variances vanish.
    total = treated[0] + comparison[0] or 1.0
    noise = sum((v / total) ** 2 / df for v, df in (treated, comparison) if df > 0)
    return 1 / noise if noise > 0 else math.inf


def joint_df(df: Floats, shares: Floats) -> float:
    """Return the degrees of freedom of the covariance of several estimates of one side.

    Estimates may rest on different clusters, and then so do the entries of their covariance. With
    entry (s, t) of variance A_st (twice that on the diagonal) if the covariance is the identity,

        q (q + 1) / (sum A_st + sum A_ss),   A_st = sum_c h_sc h_tc / |h_s| |h_t| / sqrt(v_s v_t)

    which is v where all rest on the same clusters alike. Source: Pustejovsky & Tipton (2018),
    Journal of Business & Economic Statistics 36(4), 672-683, section 3.2: as their approximation of
    Hotelling's T by moments, with shares h in place of a working model.

    Parameters
    ----------
    df
        v, of each estimate, shape (estimates,).
    shares
        h, of clusters in each estimate, shape (estimates, clusters).

    Examples
    --------
    >>> round(joint_df(np.array([7.0, 7.0]), np.full((2, 8), 1 / 8)), 6)
    7.0

    The second rests on half of the clusters:

    >>> half = np.concatenate([np.full(4, 1 / 4), np.zeros(4)])
    >>> round(joint_df(np.array([7.0, 3.0]), np.stack([np.full(8, 1 / 8), half])), 2)
    4.76
    """
    size = np.sqrt((shares**2).sum(axis=1) * df)
    variances = (shares @ shares.T) / np.outer(size, size)
    q = len(df)
    return float(q * (q + 1) / (variances.sum() + np.trace(variances)))


def t_critical(level: float, df: Floats) -> Floats:
    """Return two-sided critical values of Student's t.

    Examples
    --------
    >>> t_critical(0.95, np.array([4.0])).round(3).tolist()
    [2.776]
    """
    from scipy.special import stdtrit

    result: Floats = stdtrit(df, 0.5 + level / 2)
    return result


def t_p_value(value: float, std_error: float, df: float) -> float:
    """Return the two-sided p-value of Student's t.

    Examples
    --------
    >>> round(t_p_value(2.776, 1.0, 4.0), 3)
    0.05
    """
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(value / std_error)))


def hotelling(wald: float, restrictions: int, df: float) -> tuple[float, float]:
    """Return F and its p-value from a Wald statistic whose covariance has `df` degrees of freedom.

    F has `restrictions` and ``df - restrictions + 1`` degrees of freedom. Source: Hotelling (1931),
    Annals of Mathematical Statistics 2, 360-378.

    Examples
    --------
    With one restriction it is the square of a t-test:

    >>> f, p = hotelling(2.776**2, 1, 4.0)
    >>> round(f, 3), round(p, 3)
    (7.706, 0.05)
    """
    from scipy.special import fdtrc

    left = df - restrictions + 1
    f = wald * left / (df * restrictions)
    return f, float(fdtrc(restrictions, left, f))
