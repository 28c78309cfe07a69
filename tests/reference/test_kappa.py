"""Cohen's kappa against scikit-learn, against its own sampling, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from impactkit.estimators import cohen_kappa

sklearn = pytest.importorskip("sklearn.metrics")


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("seed", range(6))
def test_value_is_that_of_scikit_learn(classes, seed):
    """For any number of classes, to rounding."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, classes, 60)
    second = np.where(rng.random(60) < 0.6, first, rng.integers(0, classes, 60))
    found = cohen_kappa(zip(first.tolist(), second.tolist(), strict=True))
    assert found.value == pytest.approx(sklearn.cohen_kappa_score(first, second), abs=1e-12)
    assert found.agreement == pytest.approx((first == second).mean())
    assert found.n == 60


def test_standard_error_is_the_spread_of_repeated_samples():
    """Of 4,000 samples of 200 things, unequal margins: within 5 %, Monte Carlo error being 1 %."""
    rng = np.random.default_rng(1)
    cells = [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")]
    draws = rng.multinomial(200, [0.55, 0.1, 0.05, 0.3], 4000)
    found = [
        cohen_kappa(pair for pair, count in zip(cells, draw, strict=True) for _ in range(count))
        for draw in draws.tolist()
    ]
    values = np.array([kappa.value for kappa in found])
    errors = np.array([kappa.std_error for kappa in found])
    assert errors.mean() == pytest.approx(values.std(), rel=0.05)


def test_interval_covers_the_truth_as_often_as_it_says():
    """Nominal 95 %, 2,000 samples of 300 things, true kappa by hand: P = .85, E = .65*.6+.35*.4."""
    rng = np.random.default_rng(2)
    truth = (0.85 - 0.53) / (1 - 0.53)
    cells = [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")]
    covered = 0
    for draw in rng.multinomial(300, [0.55, 0.1, 0.05, 0.3], 2000).tolist():
        low, high = cohen_kappa(
            pair for pair, count in zip(cells, draw, strict=True) for _ in range(count)
        ).interval()
        covered += low <= truth <= high
    assert 0.93 < covered / 2000 < 0.97


@pytest.mark.parametrize(
    ("pairs", "words"),
    [([], "nothing was judged"), ([(1, 1)] * 9, "both said the same of everything")],
)
def test_no_value_without_anything_to_tell(pairs, words):
    """No number stands for agreement that could not have failed."""
    found = cohen_kappa(pairs)
    assert found.value is None
    assert found.interval() is None
    assert words in found.reason


def test_full_agreement_and_full_disagreement():
    """Plus one, and minus one where the classes are equally common."""
    assert cohen_kappa([(0, 0), (1, 1)] * 5).value == 1
    assert cohen_kappa([(0, 1), (1, 0)] * 5).value == -1
