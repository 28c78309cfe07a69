"""imputation and two_stage against regressions with every unit and period written out."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.errors import UsageError
from impactkit.estimators.imputation import imputation
from impactkit.estimators.two_stage import two_stage

_SPEC = importlib.util.spec_from_file_location(
    "imputation_oracle", Path(__file__).with_name("imputation_oracle.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
ORACLE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(ORACLE)

NAMES: dict[str, Any] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "clustered": {"cluster": "group"},
    "covariates": {"covariates": ["x", "z"]},
    "weights that change, clustered, covariate": {
        "weights": "w",
        "cluster": "group",
        "covariates": ["x"],
    },
    "anticipation": {"anticipation": 1, "weights": "w"},
}


def make(seed: int, missing: float, never: bool = True, lone: bool = False) -> pl.DataFrame:
    """Return 30 units over six periods, effects that differ by cohort and unit."""
    rng = np.random.default_rng(seed)
    n, T = 30, 6
    unit, time = np.repeat(np.arange(n), T), np.tile(np.arange(1, T + 1), n)
    start = [3, 4, 6, None] if never else [3, 4, 6]
    cohort = [5 if lone and i == 29 else start[i % len(start)] for i in unit]
    event = np.array([-9 if g is None else t - g for g, t in zip(cohort, time, strict=True)])
    x = rng.normal(size=n * T) + 0.2 * time
    y = rng.normal(size=n)[unit] + 0.3 * time + 0.4 * x + rng.normal(size=n * T)
    y += np.where(event >= 0, 1 + 0.3 * event + rng.normal(size=n)[unit], 0)
    frame = pl.DataFrame(
        {
            "unit": unit,
            "time": time,
            "cohort": pl.Series(cohort, dtype=pl.Int64),
            "y": y,
            "x": x,
            "z": rng.normal(size=n * T),
            "w": rng.uniform(0.5, 2, size=n * T),
            "group": unit // 3,
        }
    )
    return frame.filter(pl.Series(rng.random(n * T) >= missing))


def rows_of(frame: pl.DataFrame, case: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the oracle's rows, without those that neither stage can use."""
    rows = [
        {
            **r,
            "x": [r[c] for c in case.get("covariates", [])],
            "w": r["w"] if "weights" in case else 1.0,
            "cluster": r["group"] if "cluster" in case else r["unit"],
        }
        for r in frame.to_dicts()
    ]
    a = case.get("anticipation", 0)
    open_units = {r["unit"] for r in rows if ORACLE.untreated(r, a)}
    open_times = {r["time"] for r in rows if ORACLE.untreated(r, a)}
    return [r for r in rows if r["unit"] in open_units and r["time"] in open_times]


def event(row: dict[str, Any]) -> int | None:
    """Return the event time of a row."""
    return None if row["cohort"] is None else row["time"] - row["cohort"]


@pytest.mark.parametrize(("missing", "never"), [(0.0, True), (0.15, True), (0.1, False)])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("leave_out", "lone"), [(False, False), (True, False), (True, True)])
def test_imputation_is_the_papers_linear_estimator(
    case: str, missing: float, never: bool, leave_out: bool, lone: bool
) -> None:
    """Event times, cohorts, cells and their variances are those of the plain-loop version."""
    options = CASES[case]
    frame = make(3, missing, never, lone)
    found = imputation(frame, **NAMES, **options, leave_out=leave_out)
    rows = rows_of(frame, options)
    w = np.array([r["w"] for r in rows])

    def average(members: list[bool]) -> list[float]:
        chosen = w * np.array(members)
        return list(chosen / chosen.sum())

    dynamic, group = found.aggregate("dynamic"), found.aggregate("group")
    wanted = {f"event {e.term}": [event(r) == int(e.term) for r in rows] for e in dynamic.terms}
    wanted |= {
        f"cohort {e.term}": [r["cohort"] == int(e.term) and r["time"] >= r["cohort"] for r in rows]
        for e in group.terms
    }
    wanted["all"] = [event(r) is not None and event(r) >= 0 for r in rows]
    got = {f"event {e.term}": e for e in dynamic.terms}
    got |= {f"cohort {e.term}": e for e in group.terms}
    got["all"] = found.aggregate("simple").overall
    for (g, t), cell in zip(found.index, found.cells, strict=True):
        if cell.status == "ok":
            wanted[f"{g} {t}"] = [r["cohort"] == g and r["time"] == t for r in rows]
            got[f"{g} {t}"] = cell
    values, covariance = ORACLE.imputation(
        rows,
        [average(members) for members in wanted.values()],
        anticipation=options.get("anticipation", 0),
        leave_out=leave_out,
    )
    for k, name in enumerate(wanted):
        assert got[name].value == pytest.approx(values[k], rel=1e-9, abs=1e-10), name
        error = np.sqrt(covariance[k, k])
        assert got[name].std_error == pytest.approx(error, rel=1e-9), name


@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("case", CASES)
def test_few_treated_clusters_are_corrected_as_a_mean_of_clusters(
    case: str, missing: float
) -> None:
    """Standard errors and degrees of freedom of averages are those of matrices and plain loops."""
    options = CASES[case]
    frame = make(6, missing)
    found = imputation(frame, **NAMES, **options, small_sample="cr2")
    rows = rows_of(frame, options)
    w = np.array([r["w"] for r in rows])
    dynamic = found.aggregate("dynamic")
    wanted = {e.term: [event(r) == int(e.term) for r in rows] for e in dynamic.terms}
    wanted["all"] = [event(r) is not None and event(r) >= 0 for r in rows]
    got = {e.term: e for e in dynamic.terms} | {"all": found.aggregate("simple").overall}
    compared = 0
    for name, members in wanted.items():
        chosen = w * np.array(members)
        value, error, df = ORACLE.few(
            rows, list(chosen / chosen.sum()), anticipation=options.get("anticipation", 0)
        )
        assert got[name].value == pytest.approx(value, rel=1e-9)
        assert got[name].std_error == pytest.approx(error, rel=1e-9)
        assert got[name].df == pytest.approx(df, rel=1e-9)
        compared += 1
    assert compared >= 4


def test_a_correction_is_made_once() -> None:
    """Leaving out and CR2 together would be two."""
    with pytest.raises(UsageError, match="leave_out"):
        imputation(make(6, 0.0), **NAMES, leave_out=True, small_sample="cr2")


@pytest.mark.parametrize(("missing", "never"), [(0.0, True), (0.15, True), (0.1, False)])
@pytest.mark.parametrize("case", CASES)
def test_two_stage_is_the_papers_moment_estimator(case: str, missing: float, never: bool) -> None:
    """Terms, the overall effect and GMM variances are those of both stages written out."""
    options = CASES[case]
    frame = make(4, missing, never)
    found = two_stage(frame, **NAMES, **options)
    rows = rows_of(frame, options)
    a = options.get("anticipation", 0)
    times = [int(e.term) for e in found.terms]
    assert set(times) == {event(r) for r in rows} - {None}
    values, covariance = ORACLE.two_stage(
        rows, [[event(r) == e for r in rows] for e in times], anticipation=a
    )
    errors = np.sqrt(np.diag(covariance))
    assert [e.value for e in found.terms] == pytest.approx(list(values), rel=1e-9, abs=1e-10)
    assert [e.std_error for e in found.terms] == pytest.approx(list(errors), rel=1e-9)
    assert found.covariance == pytest.approx(covariance, rel=1e-8, abs=1e-12)
    values, covariance = ORACLE.two_stage(
        rows, [[event(r) is not None and event(r) >= 0 for r in rows]], anticipation=a
    )
    assert found.overall is not None
    assert found.overall.value == pytest.approx(values[0], rel=1e-9)
    assert found.overall.std_error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-9)


def test_what_cannot_be_imputed_is_counted_and_named() -> None:
    """Cohorts treated from the first period, and periods without untreated units, are accounted."""
    frame = make(5, 0.0, never=False).with_columns(
        cohort=pl.when(pl.col("unit") == 0).then(1).otherwise("cohort").cast(pl.Int64)
    )
    found = imputation(frame, **NAMES)
    counted = {e.reason: (e.n_rows, e.n_schools) for e in found.exclusions}
    assert counted == {"no_untreated_period": (6, 1), "no_comparison": (29, 0)}
    lost = {where: c for where, c in zip(found.index, found.cells, strict=True) if c.value is None}
    assert set(lost) == {(3, 6), (4, 6), (6, 6)}
    assert all("no untreated unit" in c.reason for c in lost.values())
