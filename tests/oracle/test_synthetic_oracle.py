"""Weights against a general optimiser, and variances against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize

from impactkit.estimators.simplex_weights import Task, solve
from impactkit.estimators.synthetic_control import synthetic_control
from impactkit.estimators.synthetic_did import synthetic_did

NAMES: dict[str, Any] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}


def make(seed: int, starts: list[int | None], periods: int = 8) -> pl.DataFrame:
    """Return a complete panel with two common factors, one unit an entry of `starts`."""
    rng = np.random.default_rng(seed)
    n = len(starts)
    load, factor = rng.uniform(0.5, 1.5, size=(n, 2)), rng.normal(size=(2, periods)).cumsum(axis=1)
    y = 10 + rng.normal(size=(n, 1)) + load @ factor + 0.3 * rng.normal(size=(n, periods))
    rows = []
    for i, g in enumerate(starts):
        for t in range(periods):
            effect = 0.0 if g is None or t + 1 < g else 2.0
            rows.append({"unit": i, "time": t + 1, "cohort": g, "y": y[i, t] + effect})
    return pl.DataFrame(rows, schema_overrides={"cohort": pl.Int64}, infer_schema_length=None)


def best(A: Any, b: Any, zeta2: float) -> Any:
    """Minimise over the simplex with a general optimiser."""
    k = A.shape[1]
    found = minimize(
        lambda w: ((A @ w - b) ** 2).mean() + zeta2 * w @ w,
        np.full(k, 1 / k),
        jac=lambda w: 2 * A.T @ (A @ w - b) / len(b) + 2 * zeta2 * w,
        bounds=[(0, 1)] * k,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(k)},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 2000},
    )
    return found.x


def sdid(other: Any, treated: Any, T0: int, noise: float | None = None) -> tuple[Any, Any, Any]:
    """Return the effect by period and both sets of weights, from the paper's equations 4 to 6."""
    sigma = np.diff(other[:, :T0], axis=1).std(ddof=1) if noise is None else noise
    zeta2 = sigma**2 * np.sqrt(len(treated) * (other.shape[1] - T0))
    A, b = other[:, :T0].T, treated[:, :T0].mean(axis=0)
    w = best(A - A.mean(axis=0), b - b.mean(), zeta2)
    A, b = other[:, :T0], other[:, T0:].mean(axis=1)
    lam = best(A - A.mean(axis=0), b - b.mean(), 1e-12 * sigma**2)
    gap = treated.mean(axis=0) - w @ other
    return gap - gap[:T0] @ lam, w, lam


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("n", "k"), [(6, 4), (5, 12), (20, 8)])
def test_exact_weights_are_the_minimum(seed: int, n: int, k: int) -> None:
    """The active set reaches what a general optimiser reaches, with and without a ridge."""
    rng = np.random.default_rng(seed)
    A, b = rng.normal(size=(n, k)), rng.normal(size=n)
    for zeta in (0.0, 0.7) if n > k else (0.3,):
        task = Task(A=A, b=b, zeta=zeta, start=np.full(k, 1 / k), tolerance=1e-9)
        (found,) = solve([task], "exact")
        assert found.sum() == pytest.approx(1, abs=1e-12)
        assert found.min() >= 0
        assert found == pytest.approx(best(A, b, zeta**2), abs=1e-5)
        assert ((A @ found - b) ** 2).mean() + zeta**2 * found @ found <= (
            ((A @ best(A, b, zeta**2) - b) ** 2).mean()
            + zeta**2 * best(A, b, zeta**2) @ best(A, b, zeta**2)
            + 1e-12
        )
        # Frank-Wolfe, given time, goes to the same place.
        (stepped,) = solve([task], "frank_wolfe")
        assert stepped == pytest.approx(found, abs=0.02)


def test_tasks_side_by_side_do_not_disturb_one_another() -> None:
    """Weights are the same alone and in a batch with tasks of other sizes."""
    rng = np.random.default_rng(3)
    tasks = [
        Task(
            A=rng.normal(size=(n, k)),
            b=rng.normal(size=n),
            zeta=0.1,
            start=np.full(k, 1 / k),
            tolerance=1e-7,
        )
        for n, k in ((4, 3), (9, 14), (6, 6))
    ]
    together = solve(tasks, "frank_wolfe")
    for task, weights in zip(tasks, together, strict=True):
        (alone,) = solve([task], "frank_wolfe")
        assert weights == pytest.approx(alone, abs=1e-12)


def test_staggered_cohorts_are_averaged_by_treated_unit_periods() -> None:
    """Each cohort has weights of its own; the overall effect weighs cohorts by rows."""
    starts: list[int | None] = [5, 5, 7, *[None] * 12]
    frame = make(1, starts)
    y = frame["y"].to_numpy().reshape(-1, 8)
    other = y[3:]
    paths = {4: sdid(other, y[:2], 4)[0], 6: sdid(other, y[2:3], 6)[0]}
    found = synthetic_did(frame, **NAMES, variance="none", solver="exact")
    overall = (2 * paths[4][4:].sum() + paths[6][6:].sum()) / (2 * 4 + 2)
    assert found.overall.value == pytest.approx(overall, abs=1e-4)
    by_event = [(2 * paths[4][4 + e] + paths[6][6 + e]) / 3 for e in (0, 1)]
    by_event += [paths[4][6], paths[4][7]]
    assert [e.value for e in found.terms] == pytest.approx(by_event, abs=1e-4)
    assert [e.n_schools for e in found.terms] == [3, 3, 2, 2]


def test_jackknife_keeps_weights_and_leaves_out_each_unit() -> None:
    """The variance is (N - 1)/N times the sum of squares about the mean of the leave-outs."""
    starts: list[int | None] = [6, 6, 6, *[None] * 10]
    frame = make(2, starts)
    y = frame["y"].to_numpy().reshape(-1, 8)
    found = synthetic_did(frame, **NAMES, variance="jackknife", solver="exact")
    w = found.unit_weights["weight"].to_numpy()
    lam = found.time_weights["weight"].to_numpy()
    values = []
    for left in range(13):
        kept = [i for i in range(13) if i != left]
        others = [i for i in kept if i >= 3]
        scaled = np.array([w[i - 3] for i in others]) / sum(w[i - 3] for i in others)
        gap = np.mean([y[i] for i in kept if i < 3], axis=0) - scaled @ y[others]
        values.append(gap[5:].mean() - lam @ gap[:5])
    spread = sum((v - np.mean(values)) ** 2 for v in values)
    assert found.overall.std_error == pytest.approx(np.sqrt(12 / 13 * spread), rel=1e-9)


def test_placebo_with_one_treated_unit_is_the_spread_of_all_placebos() -> None:
    """With many draws the variance is that over each unit in turn playing the treated one."""
    frame = make(4, [6, *[None] * 11])
    y = frame["y"].to_numpy().reshape(-1, 8)[1:]
    noise = np.diff(y[:, :5], axis=1).std(ddof=1)
    values = [
        sdid(np.delete(y, i, axis=0), y[i : i + 1], 5, noise)[0][5:].mean() for i in range(11)
    ]
    found = synthetic_did(frame, **NAMES, replications=3000, solver="exact")
    assert found.overall.std_error == pytest.approx(np.std(values), rel=0.04)


def test_bootstrap_draws_units_and_weighs_again() -> None:
    """The variance agrees with an independent bootstrap, within Monte Carlo error."""
    starts: list[int | None] = [6] * 4 + [None] * 8
    frame = make(5, starts)
    y = frame["y"].to_numpy().reshape(-1, 8)
    noise = np.diff(y[4:, :5], axis=1).std(ddof=1)
    rng = np.random.default_rng(77)
    values = []
    while len(values) < 300:
        drawn = rng.integers(0, 12, size=12)
        if (drawn < 4).any() and (drawn >= 4).sum() >= 2:
            found = sdid(y[drawn[drawn >= 4]], y[drawn[drawn < 4]], 5, noise)
            values.append(found[0][5:].mean())
    got = synthetic_did(
        frame, **NAMES, variance="bootstrap", replications=1000, solver="exact"
    ).overall
    assert got.std_error == pytest.approx(np.std(values), rel=0.15)


def test_control_weights_do_without_a_level() -> None:
    """The synthetic control's weights are the minimum of the plain squared gap."""
    frame = make(6, [6, 6, *[None] * 4])
    y = frame["y"].to_numpy().reshape(-1, 8)
    found = synthetic_control(frame, **NAMES, variance="none", solver="exact")
    w = best(y[2:, :5].T, y[:2, :5].mean(axis=0), 0.0)
    assert found.unit_weights["weight"].to_numpy() == pytest.approx(w, abs=1e-4)
    assert found.unit_weights["unit"].to_list() == [2, 3, 4, 5]
    gap = y[:2].mean(axis=0) - w @ y[2:]
    assert found.overall.value == pytest.approx(gap[5:].mean(), abs=1e-3)
    assert found.pre_rmse[6] == pytest.approx(np.sqrt((gap[:5] ** 2).mean()), abs=1e-4)
