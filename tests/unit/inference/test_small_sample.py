"""Corrections for few treated clusters against their matrix definitions and Welch's t-test."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.linalg import fractional_matrix_power
from scipy.stats import ttest_ind

from impactkit.estimators import att_gt, imputation
from impactkit.inference.contributions import Contributions
from impactkit.inference.small_sample import (
    ClusterShares,
    cluster_scale,
    correct,
    hotelling,
    joint_df,
    mean_df,
    t_critical,
)


def bell_mccaffrey(sizes: list[int]) -> tuple[np.ndarray, float]:
    """Return CR2 scales and degrees of freedom of a mean, from the definition with matrices.

    With H = 11'/n the residuals are (I - H)e; cluster c's are multiplied by (I - H_cc)^(-1/2), and
    the variance is e'Qe, whose degrees of freedom are (sum of eigenvalues)^2 / sum of squares.
    """
    n = sum(sizes)
    annihilator = np.eye(n) - np.ones((n, n)) / n
    columns, scales, first = [], [], 0
    for size in sizes:
        own = slice(first, first + size)
        power = fractional_matrix_power(np.eye(size) - np.ones((size, size)) / n, -0.5)
        columns.append(annihilator[:, own] @ power @ np.ones(size) / n)
        scales.append((power @ np.ones(size))[0])
        first += size
    eigenvalues = np.linalg.eigvalsh(np.array(columns) @ np.array(columns).T)
    return np.array(scales), float(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())


@pytest.mark.parametrize("sizes", [[3, 3, 3], [1, 2, 5, 1], [6, 1], [1] * 9, [4, 4, 1, 7, 2, 2]])
def test_scales_and_degrees_of_freedom_are_those_of_bell_and_mccaffrey(sizes: list[int]) -> None:
    """Closed forms agree with square roots of matrices and eigenvalues."""
    share = np.array(sizes) / sum(sizes)
    scales, df = bell_mccaffrey(sizes)
    assert cluster_scale(share) == pytest.approx(scales)
    assert mean_df(share) == pytest.approx(df)


def test_one_cluster_has_no_degrees_of_freedom() -> None:
    """It cannot be scaled either."""
    assert mean_df(np.array([1.0, 0.0])) == 0.0
    assert cluster_scale(np.array([1.0])).tolist() == [1.0]


def two_periods(seed: int, treated: int, others: int) -> tuple[pl.DataFrame, Any, Any]:
    """Return a panel of two periods, and each side's changes."""
    rng = np.random.default_rng(seed)
    n = treated + others
    change = rng.normal(size=n) * np.where(np.arange(n) < treated, 2.0, 0.5)
    frame = pl.DataFrame(
        {
            "unit": np.repeat(np.arange(n), 2),
            "time": np.tile([1, 2], n),
            "cohort": pl.Series(np.repeat(np.where(np.arange(n) < treated, 2, -1), 2)).replace(
                -1, None
            ),
            "y": np.column_stack([np.zeros(n), change]).ravel(),
        }
    )
    return frame, change[:treated], change[treated:]


@pytest.mark.parametrize(("treated", "others"), [(3, 4), (6, 30), (2, 12)])
def test_with_two_periods_the_correction_is_welchs_t_test(treated: int, others: int) -> None:
    """Interval and p-value are those of two means with unequal variances, in every aggregation.

    (The treated vary more here: else there may be fewer degrees of freedom than Welch's.)
    """
    frame, one, zero = two_periods(treated, treated, others)
    expected = ttest_ind(one, zero, equal_var=False)
    interval = expected.confidence_interval(0.9)
    names = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}
    fits = [fit(frame, **names, small_sample="cr2", level=0.9) for fit in (att_gt, imputation)]
    for e in (
        *(found.cells[0] for found in fits),
        *(found.aggregate(k).overall for found in fits for k in ("simple", "group")),
    ):
        assert e.p_value == pytest.approx(expected.pvalue)
        assert (e.ci_low, e.ci_high) == pytest.approx((interval.low, interval.high))
        assert e.df == pytest.approx(expected.df)
        assert "CR2" in e.variance


def clustered(rng: np.random.Generator, treated: int, missing: float) -> pl.DataFrame:
    """Return six periods without an effect; partnerships of one to five schools, four cohorts."""
    sizes = rng.integers(1, 6, size=treated)
    cluster = np.concatenate([np.repeat(np.arange(treated), sizes), treated + np.arange(80)])
    n, periods = len(cluster), 6
    cohort = np.where(cluster < treated, 2 + cluster % 4, -1)
    shock = rng.normal(size=(treated + 80, periods))[cluster]
    y = rng.normal(size=(n, 1)) + shock + rng.normal(size=(n, periods))
    frame = pl.DataFrame(
        {
            "unit": np.repeat(np.arange(n), periods),
            "time": np.tile(np.arange(periods), n),
            "cohort": pl.Series(np.repeat(cohort, periods)).replace(-1, None),
            "cluster": np.repeat(cluster, periods),
            "y": y.ravel(),
        }
    )
    return frame.filter(pl.Series(rng.random(frame.height) >= missing))


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_few_treated_clusters_are_covered_and_the_pretest_keeps_its_size(missing: float) -> None:
    """Of 200 data sets with ten treated clusters about 95 % are covered; chi-squared rejects most.

    The tolerance is 3.5 binomial standard errors.
    """
    rng = np.random.default_rng(1)
    covered, rejected, rejected_chi2 = [], [], []
    for _ in range(200):
        found = att_gt(
            clustered(rng, 10, missing),
            unit="unit",
            time="time",
            cohort="cohort",
            outcome="y",
            cluster="cluster",
            small_sample="cr2",
        )
        overall = found.aggregate("simple").overall
        covered.append(overall.ci_low <= 0 <= overall.ci_high)
        rejected.append(found.pretest().p_value < 0.05)
        rejected_chi2.append(found.pretest("chi2").p_value < 0.05)
    tolerance = 3.5 * (0.95 * 0.05 / 200) ** 0.5
    assert np.mean(covered) == pytest.approx(0.95, abs=tolerance)
    assert np.mean(rejected) < 0.05 + tolerance
    assert np.mean(rejected_chi2) > 0.5


@pytest.mark.parametrize("sizes", [[40, *[2] * 7], [60, 20, *[2] * 8], [12, 2, 2, 2], [38, 2]])
@pytest.mark.parametrize("alike", [0.3, 1.0])
def test_one_large_partnership_among_the_treated_does_not_shorten_intervals(
    sizes: list[int], alike: float
) -> None:
    """Means of 4,000 draws are covered by 94.3 % or more (95 less error), however lopsided.

    `alike` is the variance that a cluster's schools share. With the variances as estimated alone
    72 to 92 % were covered.
    """
    rng = np.random.default_rng(len(sizes))
    n, m = np.array(sizes), np.full(72, 3)
    h, g = n / n.sum(), m / m.sum()
    shares = ClusterShares(treated=h[None, :], others=g)
    group, cluster = np.repeat([0, 1], [len(n), len(m)]), np.arange(len(n) + len(m))
    held = 0
    for _ in range(4_000):
        y = rng.normal(size=len(n)) * np.sqrt(alike + (1 - alike) / n)
        z = rng.normal(size=len(m)) * np.sqrt(alike + (1 - alike) / m)
        columns = np.concatenate([h * (y - h @ y), -g * (z - g @ z)])[None, :]
        own = Contributions(columns=columns, group=group, cluster=cluster)
        found = correct(own, np.ones((1, 1)), shares)
        half = t_critical(0.95, found.df) * found.std_errors
        held += bool(abs(h @ y - g @ z) <= half[0])
    assert held >= 4_000 * 0.95 - 2 * (4_000 * 0.95 * 0.05) ** 0.5


@pytest.mark.parametrize(("every", "some"), [(24, 12), (40, 20), (40, 12), (12, 12)])
def test_a_joint_test_of_means_of_different_clusters_keeps_its_size(every: int, some: int) -> None:
    """Three means of all clusters and one of some are rejected in 5 % of 20,000 draws, +- 0.8.

    With the smallest degrees of freedom of the four it would be 1 to 3 % where some are half.
    """
    rng = np.random.default_rng(every + some)
    shares = np.zeros((4, every))
    shares[:3], shares[3, :some] = 1 / every, 1 / some
    columns = rng.normal(size=(20_000, 4, every))
    means = np.einsum("dkc,kc->dk", columns, shares)
    phi = cluster_scale(shares) * shares * (columns - means[:, :, None])
    covariance = phi @ phi.transpose(0, 2, 1)
    wald = np.einsum("dk,dk->d", means, np.linalg.solve(covariance, means[:, :, None])[:, :, 0])
    df = joint_df(np.array([mean_df(h) for h in shares]), shares)
    rejected = np.mean([hotelling(w, 4, df)[1] < 0.05 for w in wald])
    assert rejected == pytest.approx(0.05, abs=0.008)


def test_too_few_treated_clusters_are_not_tested() -> None:
    """With two the pre-test says so instead of giving a p-value."""
    frame = clustered(np.random.default_rng(3), 2, 0.0)
    found = att_gt(
        frame, unit="unit", time="time", cohort="cohort", outcome="y", cluster="cluster"
    ).pretest()
    assert (found.p_value, found.passed) == (None, None)
    assert "2 treated clusters are too few" in found.text


@pytest.mark.parametrize("fit", [att_gt, imputation])
def test_a_cluster_with_all_of_the_weight_but_for_rounding_gives_no_interval(fit: Any) -> None:
    """No degrees of freedom are left to judge it by: the reason says so, and nothing is NaN."""
    frame, _, _ = two_periods(2, 2, 12)
    frame = frame.with_columns(w=pl.when(pl.col("unit") == 1).then(1e-14).otherwise(1.0))
    names = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y", "weights": "w"}
    found = fit(frame, **names, small_sample="cr2").aggregate("simple").overall
    assert found.n_treated_clusters == 2
    assert found.value is not None
    assert (found.ci_low, found.p_value, found.df) == (None, None, None)
    assert found.reason.startswith("one treated cluster has all of the weight")
