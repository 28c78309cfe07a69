"""Many clusters are kept as square roots of their products: nothing changes but the memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.estimators import att_gt
from impactkit.inference import contributions
from impactkit.inference.contributions import Collector, square_root
from impactkit.inference.multiplier import multiplier_draws, normal_draws


def panel(units_in_cluster: int, *, gaps: bool) -> pl.DataFrame:
    """Return 120 units over five periods, in clusters that partly span cohorts."""
    rng = np.random.default_rng(units_in_cluster)
    n, periods = 120, 5
    cohort = np.array([2, 3, -1])[np.arange(n) % 3 if gaps else np.arange(n) // 40]
    frame = pl.DataFrame(
        {
            "unit": np.repeat(np.arange(n), periods),
            "time": np.tile(np.arange(periods), n),
            "cohort": pl.Series(np.repeat(cohort, periods)).replace(-1, None),
            "cluster": np.repeat(np.arange(n) // units_in_cluster, periods),
            "x": np.repeat(rng.normal(size=n), periods),
            "y": rng.normal(size=n * periods),
        }
    )
    return frame.filter(pl.Series(rng.random(frame.height) >= 0.1 * gaps))


def fit(frame: pl.DataFrame) -> Any:
    """Call att_gt with a covariate."""
    return att_gt(
        frame,
        unit="unit",
        time="time",
        cohort="cohort",
        outcome="y",
        covariates=["x"],
        cluster="cluster",
    )


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("units_in_cluster", [1, 2, 7])
@pytest.mark.parametrize("most", [1, 7, 30])
def test_the_limit_of_clusters_has_no_say(
    units_in_cluster: int, gaps: bool, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard errors of effects, aggregations and pre-test are the same to 1e-11."""
    frame = panel(units_in_cluster, gaps=gaps)
    found = []
    for limit in (4096, most):
        monkeypatch.setattr(contributions, "MOST_CLUSTERS", limit)
        monkeypatch.setattr("impactkit.estimators.att_gt_table.MOST_CLUSTERS", limit)
        result = fit(frame)
        errors = [e.std_error for e in result.cells]
        for kind in ("simple", "dynamic", "group", "calendar"):
            errors += [e.std_error for e in result.aggregate(kind).estimates()]
        found.append([*errors, result.pretest("chi2").value])
    assert found[0] == pytest.approx(found[1], abs=1e-11)


def test_a_square_root_has_the_same_products() -> None:
    """Also when rows depend on each other, or are zero."""
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(5, 40))
    columns[2] = columns[0] - 2 * columns[1]
    columns[3] = 0.0
    root = square_root(columns @ columns.T)
    assert root.shape == (5, 3)
    assert root @ root.T == pytest.approx(columns @ columns.T)


def test_signs_and_normal_multipliers_draw_from_the_same_distribution() -> None:
    """For 2,000 clusters quantiles agree within four Monte Carlo errors of 20,000 draws each."""
    columns = np.random.default_rng(2).normal(size=(2, 2000)) / 2000**0.5
    signs = multiplier_draws(columns, 20_000, seed=1)
    normal = normal_draws(square_root(columns @ columns.T), 20_000, seed=1)
    levels = np.linspace(0.05, 0.95, 19)
    for k in range(2):
        assert np.quantile(signs[:, k], levels) == pytest.approx(
            np.quantile(normal[:, k], levels), abs=0.08
        )
    largest = [np.quantile(np.abs(d).max(axis=1), 0.95) for d in (signs, normal)]
    assert largest[0] == pytest.approx(largest[1], abs=0.08)


def test_pieces_of_a_cluster_add_up_in_any_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Units may come in several pieces, and a cluster's in several places of one."""
    monkeypatch.setattr(contributions, "MOST_CLUSTERS", 3)
    rng = np.random.default_rng(3)
    group = np.array([0, 0, 0, 0, 1])
    cluster = np.array([0, 2, 1, 0, 2, 3, 3, 4])
    phi = rng.normal(size=(2, 8))
    collector = Collector(2, group)
    for some in (slice(0, 3), slice(3, 5), slice(5, 8)):
        collector.add(np.array([0, 1]), phi[:, some], cluster[some])
    found = collector.result()
    expected = np.zeros((2, 5))
    np.add.at(expected.T, cluster, phi.T)
    assert sorted(found.group.tolist()) == [0, 0, 1]
    assert found.columns @ found.columns.T == pytest.approx(expected @ expected.T)
