"""The wild cluster bootstrap against one that fits every draw again."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from impactkit.estimators import wild_cluster_bootstrap

_SPEC = importlib.util.spec_from_file_location(
    "wild_oracle", Path(__file__).with_name("wild_oracle.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
ORACLE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(ORACLE)


def rows_of(
    seed: int,
    *,
    clusters: int,
    missing: float = 0.0,
    weights: bool = False,
    covariate: bool = False,
) -> list[dict[str, Any]]:
    """Return two to four units a cluster over four periods; half the clusters are treated."""
    draw = random.Random(seed)
    rows = []
    for c in range(clusters):
        cohort = [2, None, 3, None][c % 4]
        for i in range(draw.choice([2, 3, 4])):
            size = draw.uniform(0.5, 2) if weights else 1.0
            shock, level = draw.gauss(0, 0.7), draw.gauss(0, 1)
            for time in (1, 2, 3, 4):
                if draw.random() < missing and time not in (1, 3):
                    continue
                d = float(cohort is not None and time >= cohort)
                x = draw.gauss(0, 1)
                rows.append(
                    {
                        "unit": f"{c}-{i}",
                        "time": time,
                        "cohort": cohort,
                        "cluster": c,
                        "d": d,
                        "x": [x] if covariate else [],
                        "w": size * draw.uniform(0.8, 1.2) if weights else 1.0,
                        "y": level + 0.3 * time + 0.5 * x + d * (0.8 + shock) + draw.gauss(0, 0.6),
                    }
                )
    return rows


def fit(rows: list[dict[str, Any]], **options: Any) -> Any:
    """Call the estimator on the oracle's rows."""
    frame = pl.DataFrame({k: [r[k] for r in rows] for k in rows[0] if k != "x"})
    if rows[0]["x"]:
        frame = frame.with_columns(x=pl.Series([r["x"][0] for r in rows]))
        options["covariates"] = ["x"]
    return wild_cluster_bootstrap(
        frame,
        unit="unit",
        time="time",
        cohort="cohort",
        outcome="y",
        weights="w",
        cluster="cluster",
        draws=99_999,
        seed=1,
        **options,
    )


SHAPES: dict[str, dict[str, Any]] = {
    "balanced": {},
    "unbalanced": {"missing": 0.3},
    "weighted": {"weights": True},
    "everything": {"missing": 0.3, "weights": True, "covariate": True},
}


@pytest.mark.parametrize("null", [0.0, 0.5])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("distribution", "clusters"), [("rademacher", 8), ("mammen", 6), ("webb", 4)]
)
def test_p_value_is_that_of_fitting_every_draw_again(
    distribution: str, clusters: int, shape: str, null: float
) -> None:
    """All patterns of multipliers, each with its probability: the p-values are equal."""
    rows = rows_of(clusters, clusters=clusters, **SHAPES[shape])
    found = fit(rows, distribution=distribution, null=null)
    assert found.exact
    assert found.estimate.p_value == pytest.approx(
        ORACLE.p_value(rows, null, distribution), abs=1e-9
    )
    y, d, W, labels = ORACLE.regression(rows)
    coefficient, _ = ORACLE.t_of(y, ORACLE.np.column_stack([W, d]), labels, 0.0)
    assert found.estimate.value == pytest.approx(coefficient, abs=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_interval_ends_where_the_p_value_crosses(shape: str) -> None:
    """Just inside a bound the refitted bootstrap does not reject; just outside it does."""
    rows = rows_of(3, clusters=8, **SHAPES[shape])
    e = fit(rows, level=0.9).estimate
    assert e.ci_low is not None
    assert e.ci_low < e.value < e.ci_high
    step = 1e-5 * e.std_error
    for bound, outward in ((e.ci_low, -1), (e.ci_high, 1)):
        assert ORACLE.p_value(rows, bound - outward * step, "rademacher") > 0.1
        assert ORACLE.p_value(rows, bound + outward * step, "rademacher") <= 0.1


def test_dose_and_indicator_columns_are_the_same_regression() -> None:
    """The treatment column that holds the indicator gives the default's numbers."""
    rows = rows_of(5, clusters=8, missing=0.2)
    by_default, by_column = fit(rows), fit(rows, treatment="d")
    assert by_column.estimate.value == pytest.approx(by_default.estimate.value, abs=1e-12)
    assert by_column.estimate.p_value == pytest.approx(by_default.estimate.p_value)
    assert by_column.estimate.ci_low == pytest.approx(by_default.estimate.ci_low)
