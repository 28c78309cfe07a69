"""Comparison groups against plain loops, independent optimisers and the papers' conditions."""

from __future__ import annotations

import importlib.util
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize

from impactkit.comparison import entropy_balance, nearest_neighbour, propensity, trim_overlap

_SPEC = importlib.util.spec_from_file_location(
    "comparison_oracle", Path(__file__).with_name("comparison_oracle.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
ORACLE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(ORACLE)

NAMES = {"unit": "urn", "treated": "treated"}


def drawn(seed: int, *, treated: int = 7, others: int = 16, ties: bool = False) -> pl.DataFrame:
    """Return schools with two related covariates, with equal values if `ties`."""
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for i in range(treated + others):
        flag = i < treated
        fsm = draw.gauss(2 if flag else 0, 3)
        ks2 = draw.gauss(60, 5) - 0.5 * fsm
        rows.append(
            {
                "urn": 100_000 + (i * 37) % 101,
                "treated": flag,
                "fsm": float(round(fsm)) if ties else fsm,
                "ks2": float(round(ks2)) if ties else ks2,
                "phase": draw.choice(["primary", "secondary"]),
            }
        )
    draw.shuffle(rows)
    return pl.DataFrame(rows)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("on", [["fsm"], ["fsm", "ks2"]])
@pytest.mark.parametrize(
    ("ratio", "replace", "calliper", "exact", "ties"),
    [
        (1, False, None, [], False),
        (1, True, 0.7, [], True),
        (2, False, 1.2, ["phase"], False),
        (3, True, 0.8, ["phase"], True),
        (4, False, None, [], True),
    ],
)
def test_matches_are_those_of_looking_through_all_pairs(
    seed: int,
    on: list[str],
    ratio: int,
    replace: bool,
    calliper: float | None,
    exact: list[str],
    ties: bool,
) -> None:
    """The same pairs at the same distances in the same ranks, ties included."""
    frame = drawn(seed, ties=ties)
    found = nearest_neighbour(
        frame, on=on, exact=exact, calliper=calliper, ratio=ratio, replace=replace, **NAMES
    )
    expected = ORACLE.closest_first(
        frame.to_dicts(), on, exact=exact, calliper=calliper, ratio=ratio, replace=replace
    )
    assert found.pairs is not None
    assert found.pairs.select("urn", "comparison", "rank").rows() == [
        (t, c, rank) for t, c, _, rank in expected
    ]
    assert found.pairs["distance"].to_list() == pytest.approx([d for _, _, d, _ in expected])
    counts: dict[int, int] = {}
    for t, _, _, _ in expected:
        counts[t] = counts.get(t, 0) + 1
    weight: dict[int, float] = dict.fromkeys(counts, 1.0)
    for t, c, _, _ in expected:
        weight[c] = weight.get(c, 0.0) + 1 / counts[t]
    assert dict(found.weights.rows()) == pytest.approx(weight)


def test_the_euclidean_metric_ignores_correlation() -> None:
    """The same by loops with the off-diagonal covariance set to zero."""
    frame = drawn(9)
    found = nearest_neighbour(frame, on=["fsm", "ks2"], metric="euclidean", **NAMES)
    expected = ORACLE.closest_first(
        frame.to_dicts(),
        ["fsm", "ks2"],
        exact=[],
        calliper=None,
        ratio=1,
        replace=False,
        euclidean=True,
    )
    assert found.pairs is not None
    assert found.pairs.select("urn", "comparison").rows() == [(t, c) for t, c, _, _ in expected]
    assert found.pairs["distance"].to_list() == pytest.approx([d for _, _, d, _ in expected])


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_newtons_method_by_loops(seed: int) -> None:
    """A logit on two numbers and a category, to 1e-9; odds weights add up to the treated."""
    frame = drawn(seed, treated=40, others=80).with_columns(urn=pl.int_range(pl.len()))
    found = propensity(frame, covariates=["fsm", "ks2", "phase"], **NAMES)
    rows = frame.to_dicts()
    x = [[1.0, r["fsm"], r["ks2"] - 60, float(r["phase"] == "secondary")] for r in rows]
    beta = ORACLE.logit(x, [r["treated"] for r in rows])
    score = [1 / (1 + math.exp(-sum(b * v for b, v in zip(beta, row, strict=True)))) for row in x]
    assert found.frame["score"].to_list() == pytest.approx(score, abs=1e-9)
    comparison = found.frame.filter(~pl.col("treated"))
    odds = [s / (1 - s) for s, r in zip(score, rows, strict=True) if not r["treated"]]
    assert comparison["weight"].to_list() == pytest.approx(
        [40 * o / sum(odds) for o in odds], rel=1e-8
    )


@pytest.mark.parametrize("seed", range(8))
def test_scores_are_at_the_greatest_likelihood(seed: int) -> None:
    """What is left of treatment is orthogonal to every covariate, within 1e-10 a school."""
    frame = drawn(seed, treated=60, others=400).with_columns(urn=pl.int_range(pl.len()))
    scored = propensity(frame, covariates=["fsm", "ks2"], **NAMES).frame
    left = pl.col("treated").cast(pl.Float64) - pl.col("score")
    centred = [(pl.col(c) - pl.col(c).mean()) / pl.col(c).std() for c in ("fsm", "ks2")]
    sums = scored.select(left.sum().alias("one"), *((x * left).sum() for x in centred)).row(0)
    assert sums == pytest.approx((0.0, 0.0, 0.0), abs=1e-10 * scored.height)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("moments", [1, 2])
def test_balancing_weights_solve_the_dual_and_meet_the_moments(seed: int, moments: int) -> None:
    """Means (and variances) to 1e-8; weights those of BFGS on the dual, written anew here."""
    frame = drawn(seed, treated=30, others=200).with_columns(urn=pl.int_range(pl.len()))
    found = entropy_balance(frame, covariates=["fsm", "ks2"], moments=moments, **NAMES).frame
    treated, other = found.filter("treated"), found.filter(~pl.col("treated"))
    w = other["weight"].to_numpy()
    assert w.sum() == pytest.approx(30)
    assert (w > 0).all()
    Z = []
    for name in ("fsm", "ks2"):
        target = treated[name].mean()
        assert isinstance(target, float)
        assert w @ other[name].to_numpy() / 30 == pytest.approx(target, abs=1e-8)
        Z.append(other[name].to_numpy() - target)
        if moments == 2:
            spread = ((treated[name] - target) ** 2).mean()
            assert isinstance(spread, float)
            assert w @ (other[name].to_numpy() - target) ** 2 / 30 == pytest.approx(
                spread, abs=1e-7
            )
            Z.append((other[name].to_numpy() - target) ** 2 - spread)
    z = np.stack([c / c.std() for c in Z], axis=1)

    def dual(multiplier: np.ndarray) -> tuple[float, np.ndarray]:
        mass = np.exp(-z @ multiplier)
        return float(np.log(mass.sum())), -(mass @ z) / mass.sum()

    best = minimize(dual, np.zeros(z.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-9})
    mass = np.exp(-z @ best.x)
    assert w == pytest.approx(30 * mass / mass.sum(), rel=1e-5)


def test_no_other_balancing_weights_are_as_even() -> None:
    """Any feasible step away from the solution raises sum w log w."""
    frame = drawn(3, treated=20, others=60).with_columns(urn=pl.int_range(pl.len()))
    found = entropy_balance(frame, covariates=["fsm", "ks2"], **NAMES).frame
    other = found.filter(~pl.col("treated"))
    w = other["weight"].to_numpy()
    Z = np.column_stack([np.ones(60), other.select("fsm", "ks2").to_numpy()])
    rng = np.random.default_rng(1)
    entropy = float(w @ np.log(w))
    for _ in range(50):
        step = rng.normal(size=60)
        step -= Z @ np.linalg.lstsq(Z, step, rcond=None)[0]
        moved = w + 0.2 * w.min() * step / np.abs(step).max()
        assert float(moved @ np.log(moved)) > entropy


@pytest.mark.parametrize("estimand", ["ate", "att"])
@pytest.mark.parametrize("seed", range(8))
def test_trimming_is_the_best_of_all_subsets(seed: int, estimand: str) -> None:
    """Among the 1,023 subsets of ten schools none has a smaller variance bound."""
    draw = random.Random(seed)
    e = [min(max(draw.betavariate(0.5, 0.5), 1e-4), 1 - 1e-4) for _ in range(10)]
    _, chosen = ORACLE.best_subset(e, estimand)
    kept = set(chosen)
    frame = pl.DataFrame(
        {"urn": range(10), "score": e, "treated": [i in sorted(kept)[:1] for i in range(10)]}
    )
    if len(kept) < 2:
        pytest.skip("one school is the best subset, and leaves nothing to compare")
    found = trim_overlap(frame, estimand=estimand, **NAMES)  # type: ignore[arg-type]
    assert set(found.frame["urn"]) == kept


def test_trimming_meets_the_papers_condition() -> None:
    """Schools are kept where 1/(e(1-e)) is at most twice its mean among those kept (theorem 1)."""
    rng = np.random.default_rng(5)
    e = np.clip(rng.beta(0.3, 0.6, size=5_000), 1e-6, 1 - 1e-6)
    frame = pl.DataFrame({"urn": range(5_000), "score": e, "treated": rng.random(5_000) < e})
    found = trim_overlap(frame, estimand="ate", **NAMES)
    kept = found.frame["score"].to_numpy()
    cost = 1 / (e * (1 - e))
    limit = 2 * np.mean(1 / (kept * (1 - kept)))
    assert set(np.flatnonzero(cost <= limit)) == set(found.frame["urn"])
    assert found.n_treated + found.n_comparison + sum(
        x.n_schools or 0 for x in found.exclusions
    ) == len(e)
