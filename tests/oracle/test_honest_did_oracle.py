"""Sensitivity tests against linear programmes and general optimisers; power against scipy."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from scipy.stats import multivariate_normal, norm

from impactkit.estimators import fixed_length, relative_magnitudes
from impactkit.estimators.event_coefficients import EventCoefficients
from impactkit.estimators.normal_box import box
from impactkit.estimators.pretrends_power import pretrends_power

ALPHA = 0.05


def make(seed: int, pre: int, post: int) -> EventCoefficients:
    """Return an event study with correlated coefficients."""
    rng = np.random.default_rng(seed)
    k = pre + post
    root = rng.normal(size=(k, k)) + 2 * np.eye(k)
    times = [*range(-pre - 1, -1), *range(post)]
    return EventCoefficients(
        event_times=times,
        values=rng.normal(size=k) + np.array(times) * 0.1,
        covariance=root @ root.T / 20,
    )


def restrictions(pre: int, post: int, mbar: float, s: int, sign: int) -> Any:
    """Return A of ``A delta <= 0``, rows after the reference only, period by period.

    delta runs from position -pre to -1 and 1 to post; position 0 is zero.
    """
    positions = [*range(-pre, 0), *range(1, post + 1)]

    def change(t: int) -> Any:
        row = np.zeros(pre + post)
        if t in positions:
            row[positions.index(t)] += 1
        if t - 1 in positions:
            row[positions.index(t - 1)] -= 1
        return row

    rows = []
    for t in range(1, post + 1):
        rows.append(change(t) - mbar * sign * change(s))
        rows.append(-change(t) - mbar * sign * change(s))
    return np.array(rows)


def largest(A: Any, Y: Any, post: int, l_post: Any, theta: float, size: Any) -> tuple[float, Any]:
    """Minimise eta so that Y - A_post tau <= size eta for some tau with l'tau = theta."""
    found = linprog(
        [1.0, *[0.0] * post],
        A_ub=np.column_stack([-size, -A[:, -post:]]),
        b_ub=-Y,
        A_eq=[[0.0, *l_post]],
        b_eq=[theta],
        bounds=[(None, None)] * (1 + post),
        method="highs",
    )
    return float(found.fun), -found.ineqlin.marginals


def truncation(
    A: Any, Y: Any, S: Any, post: int, l_post: Any, theta: float, size: Any, gamma: Any, eta: float
) -> tuple[float, float]:
    """Return by bisection how far gamma'Y can go either way with gamma still the best."""
    # The effect of theta is in the equality; gamma'A_post is proportional to l.
    b = S @ gamma / (gamma @ S @ gamma)

    def best(c: float) -> bool:
        value = largest(A, Y + b * (c - eta), post, l_post, theta, size)[0]
        return value <= c + 1e-9

    ends = []
    for direction in (-1.0, 1.0):
        inside, outside = 0.0, 1.0
        while best(eta + direction * outside) and outside < 1e3:
            outside *= 2
        if outside >= 1e3:
            ends.append(direction * np.inf)
            continue
        for _ in range(30):
            middle = (inside + outside) / 2
            if best(eta + direction * middle):
                inside = middle
            else:
                outside = middle
        ends.append(eta + direction * inside)
    return ends[0], ends[1]


@pytest.mark.parametrize(
    ("seed", "pre", "post", "target"),
    [(1, 3, 1, 0), (2, 3, 2, 0), (3, 2, 3, 1), (4, 1, 3, "mean"), (5, 1, 2, "mean")],
)
@pytest.mark.parametrize("mbar", [0.5, 1.5])
def test_hybrid_test_by_linear_programming(
    seed: int, pre: int, post: int, target: Any, mbar: float
) -> None:
    """Each member's statistic, truncation and decision are those of the linear programme."""
    study = make(seed, pre, post)
    l_post = study.target(target)
    draws = relative_magnitudes.error_draws(study)
    found = list(relative_magnitudes.members(study, l_post, mbar, ALPHA, draws))
    chosen = list(itertools.product(range(-pre + 1, 1), (1, -1)))
    assert len(found) == len(chosen)
    centre = float(l_post @ study.values[pre:])
    decisions = set()
    for member, (s, sign) in zip(found, chosen, strict=True):
        A = restrictions(pre, post, mbar, s, sign)
        Y, S = A @ study.values, A @ study.covariance @ A.T
        size = np.sqrt(np.diag(S))
        for theta in centre + np.array([-3.0, -0.4, 0.1, 0.6, 3.0]):
            eta, gamma = largest(A, Y, post, l_post, theta, size)
            moments = member.mean - member.slope * theta
            assert moments.max() == pytest.approx(eta, abs=1e-8)
            low, high = truncation(A, Y, S, post, l_post, theta, size, gamma, eta)
            high = min(high, member.first_stage)
            sd = np.sqrt(gamma @ S @ gamma)
            kappa = ALPHA / 10
            q = 1 - (ALPHA - kappa) / (1 - kappa)
            p_low, p_high = norm.cdf(low / sd), norm.cdf(high / sd)
            critical = sd * norm.ppf(p_low + q * (p_high - p_low))
            if abs(eta - critical) < 1e-4 or abs(eta - member.first_stage) < 1e-4:
                continue  # too close to call for the bisection
            rejected = eta > member.first_stage or eta > max(critical, 0.0)
            accepted = bool(relative_magnitudes.accepts(member, np.array([theta]), ALPHA)[0])
            assert accepted == (not rejected), (s, sign, theta)
            decisions.add(accepted)
    assert decisions == {True, False}


def test_first_stage_critical_value_is_that_of_the_programme() -> None:
    """The quantile of the programme's value over normal draws agrees, within Monte Carlo error."""
    study = make(6, 2, 3)
    l_post = study.target("mean")
    draws = relative_magnitudes.error_draws(study)
    found = next(relative_magnitudes.members(study, l_post, 1.0, 0.5, draws))
    A = restrictions(2, 3, 1.0, -1, 1)
    size = np.sqrt(np.diag(A @ study.covariance @ A.T))
    rng = np.random.default_rng(5)
    errors = rng.multivariate_normal(np.zeros(5), study.covariance, size=1000)
    values = [largest(A, A @ e, 3, l_post, 0.0, size)[0] for e in errors]
    # alpha = 0.5, so that the first stage's level, a tenth of it, is seen often enough.
    share = np.mean(np.array(values) > found.first_stage)
    assert share == pytest.approx(0.05, abs=0.021)


def worst_bias(study: EventCoefficients, u: Any, m: float) -> float:
    """Maximise the bias of u'beta_hat over paths whose bends are at most m, by programming."""
    pre, post = len(study.pre), len(study.post)
    n = pre + post + 1  # with the reference
    rows, limits = [], []
    for t in range(1, n - 1):
        row = np.zeros(n)
        row[t - 1 : t + 2] = [1, -2, 1]
        rows += [row, -row]
        limits += [m, m]
    weights = np.insert(u, pre, 0.0)
    zero = np.zeros((1, n))
    zero[0, pre] = 1
    # The effect is not part of the bias: only delta is chosen, on both sides.
    found = linprog(
        -weights,
        A_ub=np.array(rows),
        b_ub=limits,
        A_eq=zero,
        b_eq=[0],
        bounds=[(None, None)] * n,
        method="highs",
    )
    return np.inf if found.status != 0 else float(-found.fun)


@pytest.mark.parametrize(
    ("seed", "pre", "post", "target"),
    [(1, 2, 1, 0), (2, 3, 2, 0), (3, 2, 3, 2), (4, 3, 2, "mean"), (5, 1, 1, 0)],
)
@pytest.mark.parametrize("m", [0.0, 0.05])
def test_fixed_length_interval_is_the_shortest(
    seed: int, pre: int, post: int, target: Any, m: float
) -> None:
    """A general search over weights, with bias from a linear programme, finds none shorter."""
    study = make(seed, pre, post)
    l_post = study.target(target)
    low, high = fixed_length.interval(study, l_post, m, 0.95)

    def half(v: Any) -> float:
        # The first weight is set so that a linear trend drops out.
        first = (-(l_post @ study.post) - v @ study.pre[1:]) / study.pre[0]
        u = np.concatenate([[first], v, l_post])
        sd = np.sqrt(u @ study.covariance @ u)
        bias = worst_bias(study, u, m) / sd if m else 0.0
        q = np.linspace(bias, bias + 2.5, 2)
        for _ in range(60):
            middle = q.mean()
            covered = norm.cdf(middle - bias) - norm.cdf(-middle - bias)
            q = np.array([middle, q[1]]) if covered < 0.95 else np.array([q[0], middle])
        return float(sd * q.mean())

    if pre == 1:
        assert (high - low) / 2 == pytest.approx(half(np.zeros(0)), abs=1e-9)
        return
    searches = [
        minimize(
            half,
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-7, "fatol": 1e-10, "maxiter": 4000, "maxfev": 4000},
        ).fun
        for start in (np.zeros(pre - 1), np.full(pre - 1, 0.2))
    ]
    assert (high - low) / 2 == pytest.approx(min(searches), rel=2e-4)
    assert (high - low) / 2 <= min(searches) + 1e-7


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_chance_of_a_box_and_mean_inside(k: int) -> None:
    """They agree with scipy's integral and with a large simulation."""
    rng = np.random.default_rng(k)
    root = rng.normal(size=(k, k)) + np.eye(k)
    sigma, mean = root @ root.T, rng.normal(size=k)
    bound = 1.5 * np.sqrt(np.diag(sigma))
    chance, inside = box(mean, sigma, bound)
    expected = multivariate_normal(mean, sigma).cdf(bound, lower_limit=-bound)
    assert chance == pytest.approx(expected, abs=2e-4)
    draws = rng.multivariate_normal(mean, sigma, size=400_000)
    kept = draws[(np.abs(draws) <= bound).all(axis=1)]
    assert inside == pytest.approx(kept.mean(axis=0), abs=0.02)


def test_power_and_bias_of_a_trend_by_simulation() -> None:
    """The slope has the power asked for, and the mean after passing is that of passing studies."""
    study = make(8, 3, 2)
    found = pretrends_power(study, power=0.5)
    rng = np.random.default_rng(9)
    beta = found.slope * study.positions
    draws = rng.multivariate_normal(beta, study.covariance, size=400_000)
    bound = norm.ppf(0.975) * np.sqrt(np.diag(study.covariance))[:3]
    passed = (np.abs(draws[:, :3]) <= bound).all(axis=1)
    assert 1 - passed.mean() == pytest.approx(0.5, abs=0.005)
    assert found.power == pytest.approx(0.5, abs=1e-6)
    assert found.after_passing == pytest.approx(draws[passed][:, 3:].mean(axis=0), abs=0.01)
    null = rng.multivariate_normal(np.zeros(5), study.covariance, size=400_000)
    size = 1 - (np.abs(null[:, :3]) <= bound).all(axis=1).mean()
    assert found.size == pytest.approx(size, abs=0.005)
    assert found.bayes_factor == pytest.approx(0.5 / (1 - size), abs=0.02)
    pre = study.covariance[:3, :3]
    ratio = multivariate_normal(beta[:3], pre).pdf(study.values[:3]) / multivariate_normal(
        np.zeros(3), pre
    ).pdf(study.values[:3])
    assert found.likelihood_ratio == pytest.approx(ratio, rel=1e-9)
