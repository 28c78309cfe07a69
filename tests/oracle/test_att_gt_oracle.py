"""att_gt against plain loops over rows, on seeded panels of many shapes."""

from __future__ import annotations

import importlib.util
import itertools
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from impactkit.estimators import att_gt

_SPEC = importlib.util.spec_from_file_location(
    "att_gt_oracle", Path(__file__).with_name("att_gt_oracle.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
ORACLE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(ORACLE)


def rows_of(
    seed: int,
    *,
    units: int,
    periods: tuple[int, ...] = (1, 2, 3, 4, 5),
    cohorts: tuple[int | None, ...] = (3, 4, None),
    missing: float = 0.0,
    weights: bool = False,
    clusters: int | None = None,
    covariates: int = 0,
    panel: bool = True,
) -> list[dict[str, Any]]:
    """Return rows for the oracle: every cohort has units, effects and trends differ."""
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for unit in range(units):
        cohort = cohorts[unit % len(cohorts)]
        level, size = draw.gauss(0, 1), draw.uniform(0.5, 2) if weights else 1.0
        x = [1.0, *(draw.gauss(0.2 * (cohort is None), 1) for _ in range(covariates))]
        cluster = unit if clusters is None else draw.randrange(clusters)
        for time in periods:
            if draw.random() < missing:
                continue
            effect = 0.0 if cohort is None or time < cohort else 1 + 0.3 * (time - cohort)
            y = level + 0.2 * time + effect + 0.1 * time * sum(x[1:]) + draw.gauss(0, 0.7)
            moved = [1.0, *(v + 0.1 * draw.gauss(0, 1) for v in x[1:])]
            rows.append(
                {
                    "unit": unit if panel else len(rows),
                    "time": time,
                    "cohort": cohort,
                    "y": y,
                    "w": size * (draw.uniform(0.8, 1.2) if weights else 1.0),
                    "cluster": cluster if panel or clusters else len(rows),
                    "x": moved,
                }
            )
    return rows


def fit(rows: list[dict[str, Any]], *, weights: bool = False, **options: Any) -> Any:
    """Call att_gt on the oracle's rows."""
    k = len(rows[0]["x"])
    frame = pl.DataFrame(
        {
            **{c: [r[c] for r in rows] for c in ("unit", "time", "cohort", "y", "w", "cluster")},
            **{f"x{j}": [r["x"][j] for r in rows] for j in range(1, k)},
        }
    )
    return att_gt(
        frame,
        unit="unit",
        time="time",
        cohort="cohort",
        outcome="y",
        covariates=[f"x{j}" for j in range(1, k)],
        weights="w" if weights else None,
        cluster="cluster",
        **options,
    )


def assert_same(found: Any, expected: dict[Any, tuple[float, float]], within: float) -> None:
    """Compare every effect and aggregation; one that the oracle lacks must be not estimable."""
    got = {("cell", *name): cell for name, cell in zip(found.index, found.cells, strict=True)}
    for kind in ("simple", "dynamic", "group", "calendar"):
        aggregation = found.aggregate(kind)
        got[kind] = aggregation.overall
        got |= {(kind, int(e.term)): e for e in aggregation.terms}
    assert {name for name, e in got.items() if e.status == "ok"} == set(expected)
    for name, (value, error) in expected.items():
        assert got[name].value == pytest.approx(value, abs=within), name
        if error == 0:
            assert got[name].std_error is None, name
        else:
            assert got[name].std_error == pytest.approx(error, abs=within), name


DESIGNS = [
    pytest.param(*design, id="-".join(map(str, design)))
    for design in itertools.product(
        ("nevertreated", "notyettreated"), ("varying", "universal"), (0, 1)
    )
]
SHAPES: dict[str, dict[str, Any]] = {
    "balanced": {},
    "weighted": {"weights": True},
    "unbalanced": {"missing": 0.15},
    "unbalanced weighted clustered": {"missing": 0.15, "weights": True, "clusters": 9},
    "gap year": {"periods": (1, 2, 4, 5, 7), "cohorts": (4, 5, 6, None)},
    "cross-sections": {"panel": False},
    "cross-sections weighted clustered": {"panel": False, "weights": True, "clusters": 9},
}


@pytest.mark.parametrize(("control", "base_period", "anticipation"), DESIGNS)
@pytest.mark.parametrize("shape", SHAPES)
def test_without_covariates(shape: str, control: str, base_period: str, anticipation: int) -> None:
    """Effects, standard errors and aggregations agree to 1e-11 in every design."""
    options = SHAPES[shape]
    rows = rows_of(len(shape), units=32, **options)
    design = {"control": control, "base_period": base_period, "anticipation": anticipation}
    panel = options.get("panel", True)
    expected = ORACLE.oracle(rows, **design, method="reg", panel=panel)
    found = fit(rows, weights=options.get("weights", False), panel=panel, **design)
    assert_same(found, expected, within=1e-11)


@pytest.mark.parametrize(("control", "base_period", "anticipation"), DESIGNS)
@pytest.mark.parametrize("weights", [False, True])
def test_pairs_without_covariates(
    weights: bool, control: str, base_period: str, anticipation: int
) -> None:
    """In a panel with many gaps effects of the units seen in both periods agree to 1e-11."""
    rows = rows_of(12, units=32, missing=0.3, weights=weights, clusters=9 if weights else None)
    design = {"control": control, "base_period": base_period, "anticipation": anticipation}
    expected = ORACLE.oracle(rows, **design, method="reg", panel=True, gaps="pairs")
    found = fit(rows, weights=weights, gaps="pairs", **design)
    assert_same(found, expected, within=1e-11)


@pytest.mark.parametrize("method", ["dr", "reg", "ipw"])
@pytest.mark.parametrize("control", ["nevertreated", "notyettreated"])
def test_pairs_with_covariates(control: str, method: str) -> None:
    """Regressions and scores of the units seen in both periods agree to 1e-9."""
    rows = rows_of(
        7, units=90, periods=(1, 2, 3), cohorts=(2, 3, None), covariates=2, weights=True,
        clusters=10, missing=0.1,
    )  # fmt: skip
    design = {"control": control, "base_period": "universal", "anticipation": 0, "method": method}
    expected = ORACLE.oracle(rows, **design, panel=True, gaps="pairs")
    assert_same(fit(rows, weights=True, gaps="pairs", **design), expected, within=1e-9)


def test_pairs_count_units_seen_in_both_periods() -> None:
    """Counts are of those that an effect rests on, and one without any such unit says so."""
    rows = rows_of(3, units=30, periods=(1, 2, 3), cohorts=(2, 3, None), missing=0.2)
    rows = [r for r in rows if not (r["cohort"] == 3 and r["time"] == 2 and r["unit"] != 1)]
    rows = [r for r in rows if not (r["unit"] == 1 and r["time"] == 3)]
    found = fit(rows, gaps="pairs", control="nevertreated")
    seen = {(r["unit"], r["time"]) for r in rows}
    for (g, t), e in zip(found.index, found.cells, strict=True):
        base = t - 1 if t < g else g - 1
        cohort = {r["unit"]: r["cohort"] for r in rows}
        both = [c for u, c in cohort.items() if (u, t) in seen and (u, base) in seen]
        assert (e.n_schools, e.n_comparison) == (both.count(g), both.count(None))
        assert (e.status == "ok") == (both.count(g) > 0)
    assert found.cells[-1].reason.startswith("none of the 10 units of cohort 3 has an outcome")
    assert "in both 2 and 3" in found.cells[-1].reason


@pytest.mark.parametrize("method", ["dr", "reg", "ipw"])
@pytest.mark.parametrize("control", ["nevertreated", "notyettreated"])
@pytest.mark.parametrize(
    "shape",
    [
        {"weights": True, "clusters": 10},
        {"weights": True, "clusters": 10, "missing": 0.1},
        {"weights": True, "clusters": 10, "panel": False},
    ],
    ids=["balanced", "unbalanced", "cross-sections"],
)
def test_with_covariates(shape: dict[str, Any], control: str, method: str) -> None:
    """Regressions and propensity scores, and their own uncertainty, agree to 1e-9."""
    rows = rows_of(7, units=90, periods=(1, 2, 3), cohorts=(2, 3, None), covariates=2, **shape)
    design = {"control": control, "base_period": "varying", "anticipation": 0, "method": method}
    panel = shape.get("panel", True)
    expected = ORACLE.oracle(rows, **design, panel=panel)
    found = fit(rows, weights=True, panel=panel, **design)
    assert_same(found, expected, within=1e-9)


@pytest.mark.parametrize("control", ["nevertreated", "notyettreated"])
@pytest.mark.parametrize("base_period", ["varying", "universal"])
def test_with_two_periods_of_anticipation(control: str, base_period: str) -> None:
    """Both periods that may anticipate treatment are compared with the last one before them."""
    rows = rows_of(5, units=32, periods=(1, 2, 3, 4, 5, 6), cohorts=(4, 5, None))
    design = {"control": control, "base_period": base_period, "anticipation": 2}
    expected = ORACLE.oracle(rows, **design, method="reg", panel=True)
    assert_same(fit(rows, **design), expected, within=1e-11)


@pytest.mark.parametrize("method", ["dr", "ipw"])
def test_comparison_units_of_extreme_propensity_are_trimmed(method: str) -> None:
    """One of 301 units with the covariate is untreated: its propensity of 0.9967 is trimmed."""
    draw = random.Random(1)
    rows = [
        {
            "unit": unit,
            "time": time,
            "cohort": 2 if unit > 0 and (unit < 301 or unit % 2) else None,
            "y": draw.gauss(0, 1),
            "w": 1.0,
            "cluster": unit % 6,
            "x": [1.0, float(unit < 301)],
        }
        for unit in range(360)
        for time in (1, 2)
    ]
    design = {"control": "nevertreated", "base_period": "varying", "anticipation": 0}
    expected = ORACLE.oracle(rows, **design, method=method, panel=True)
    assert_same(fit(rows, **design, method=method), expected, within=1e-9)
