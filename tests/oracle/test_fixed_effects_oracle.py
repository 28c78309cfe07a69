"""The fixed-effects family against regressions with every effect written out as a column."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from impactkit.estimators.bacon import bacon_decomposition
from impactkit.estimators.did_2x2 import did_2x2
from impactkit.estimators.etwfe import etwfe
from impactkit.estimators.event_study import event_study
from impactkit.estimators.stacked import stacked
from impactkit.estimators.sun_abraham import sun_abraham
from impactkit.estimators.triple_difference import triple_difference

_SPEC = importlib.util.spec_from_file_location(
    "ols_oracle", Path(__file__).with_name("ols_oracle.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
ORACLE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(ORACLE)

NAMES: dict[str, str] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}


def make(seed: int, *, missing: float = 0.0, cohorts: tuple[int | None, ...] = (4, 5, None)) -> Any:
    """Return 40 units over six periods: effects that grow, a trend with x, clusters of units."""
    rng = np.random.default_rng(seed)
    n, T = 40, 6
    unit, time = np.repeat(np.arange(n), T), np.tile(np.arange(1, T + 1), n)
    cohort = [cohorts[i % len(cohorts)] for i in unit]
    x = rng.normal(size=n)[unit]
    event = np.array([-9 if g is None else t - g for t, g in zip(time, cohort, strict=True)])
    y = rng.normal(size=n)[unit] + 0.2 * x * time + np.where(event >= 0, 1 + 0.3 * event, 0)
    frame = pl.DataFrame(
        {
            "unit": unit,
            "time": time,
            "cohort": cohort,
            "y": y + rng.normal(size=n * T),
            "x": x,
            "z": rng.normal(size=n * T) + 0.3 * y,
            "w": rng.integers(1, 5, size=n)[unit] / 2,
            "wt": rng.uniform(0.5, 2, size=n * T),
            "group": unit // 3,
            "level": [f"{a}" for a in rng.integers(0, 6, size=n * T)],
            "nested": [f"{u % 4} {t}" for u, t in zip(unit, time, strict=True)],
        }
    )
    return frame.filter(pl.Series(rng.random(n * T) >= missing))


def cell(row: dict[str, Any], e: int) -> float:
    """Say whether the row is at event time e."""
    return float(row["cohort"] is not None and row["time"] - row["cohort"] == e)


def close(found: Any, values: Any, covariance: Any, rel: float = 1e-9) -> None:
    """Compare values and standard errors of estimates with the oracle's."""
    errors = np.sqrt(np.diag(covariance))
    assert [e.value for e in found] == pytest.approx(list(values), rel=rel, abs=1e-10)
    assert [e.std_error for e in found] == pytest.approx(list(errors), rel=rel)


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "clustered": {"cluster": "group"},
    "weighted": {"weights": "w", "cluster": "group"},
    "weights that change": {"weights": "wt"},
    "covariate": {"covariates": ["z"], "weights": "wt"},
    "extra effect": {"fixed_effects": ["level"]},
    "extra effect that holds the periods": {"fixed_effects": ["nested"], "cluster": "group"},
    "CRV3": {"vcov": "CRV3", "cluster": "group"},
    "CRV3, own clusters, weights, covariate": {
        "vcov": "CRV3",
        "weights": "wt",
        "covariates": ["z"],
    },
    "HC1": {"vcov": "HC1", "weights": "w"},
    "iid": {"vcov": "iid", "covariates": ["z"]},
    "areg": {"small_sample": "stata", "cluster": "group"},
    "no factor": {"small_sample": "none", "cluster": "group"},
}


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("case", OPTIONS)
def test_event_study_is_least_squares_with_every_effect_written_out(
    case: str, missing: float
) -> None:
    """Terms, their mean and every variance are those of the regression with all indicators."""
    options = OPTIONS[case]
    frame = make(1, missing=missing)
    found = event_study(frame, **NAMES, **options)
    rows = frame.to_dicts()
    times = [int(e.term) for e in found.terms if e.term != "-1"]
    columns = [[cell(r, e) for r in rows] for e in times]
    columns += [[r[c] for r in rows] for c in options.get("covariates", [])]
    effects = [[r[c] for r in rows] for c in ("unit", "time", *options.get("fixed_effects", []))]
    values, covariance = ORACLE.ols(
        frame["y"].to_list(),
        columns,
        effects,
        w=frame[options["weights"]].to_list() if "weights" in options else None,
        cluster=frame[options["cluster"]].to_list() if "cluster" in options else None,
        vcov=options.get("vcov", "CRV1"),
        small_sample=options.get("small_sample", "fixest"),
    )
    k = len(times)
    close([e for e in found.terms if e.term != "-1"], values[:k], covariance[:k, :k])
    before = [i for i, e in enumerate(times) if e < 0]
    b, V = values[before], covariance[np.ix_(before, before)]
    assert found.pretest is not None
    assert found.pretest.value == pytest.approx(b @ np.linalg.inv(V) @ b / len(b), rel=1e-7)
    df = (frame[options["cluster"]] if "cluster" in options else frame["unit"]).n_unique() - 1
    if options.get("vcov") not in ("HC1", "iid"):
        p = stats.f.sf(found.pretest.value, len(b), df)
        assert found.pretest.p_value == pytest.approx(p, rel=1e-9)
        t = stats.t.sf(abs(found.terms[0].value / found.terms[0].std_error), df)
        assert found.terms[0].p_value == pytest.approx(2 * t, rel=1e-9)
    after = np.array([float(e >= 0) for e in times])
    after /= after.sum()
    close([found.overall], [after @ values[:k]], [[after @ covariance[:k, :k] @ after]])


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, "wt"])
def test_sun_abraham_is_a_saturated_regression_averaged_by_rows(
    weights: str | None, missing: float
) -> None:
    """Cells are a saturated regression's; averages weigh them by rows."""
    frame = make(2, missing=missing)
    found = sun_abraham(frame, **NAMES, weights=weights, cluster="group")
    rows = frame.to_dicts()
    cells = sorted({(r["cohort"], r["time"]) for r in rows if r["cohort"] is not None})
    cells = [(g, t) for g, t in cells if t - g != -1]
    w = [1.0 if weights is None else r[weights] for r in rows]
    values, covariance = ORACLE.ols(
        frame["y"].to_list(),
        [[float((r["cohort"], r["time"]) == c) for r in rows] for c in cells],
        [frame["unit"].to_list(), frame["time"].to_list()],
        w=w,
        cluster=frame["group"].to_list(),
    )
    known = [e for e, c in zip(found.cells, found.index, strict=True) if c in cells]
    close(known, values, covariance)
    size = [
        sum(a for a, r in zip(w, rows, strict=True) if (r["cohort"], r["time"]) == c) for c in cells
    ]

    def averaged(chosen: list[bool]) -> np.ndarray:
        share = np.array([n * c for n, c in zip(size, chosen, strict=True)], dtype=float)
        return share / share.sum()

    def check(estimate: Any, share: np.ndarray) -> None:
        close([estimate], [share @ values], [[share @ covariance @ share]])

    by = {
        "simple": lambda g, t, term: t >= g,
        "dynamic": lambda g, t, term: t - g == term,
        "group": lambda g, t, term: t >= g and g == term,
        "calendar": lambda g, t, term: t >= g and t == term,
    }
    members = {
        g: sum({r["unit"]: a for a, r in zip(w, rows, strict=True) if r["cohort"] == g}.values())
        for g in (4, 5)
    }
    for kind, chooses in by.items():
        aggregation = found.aggregate(kind)
        shares = {
            e.term: averaged([chooses(g, t, int(e.term)) for g, t in cells])
            for e in aggregation.terms
        }
        for e in aggregation.terms:
            check(e, shares[e.term])
        if kind == "simple":
            check(aggregation.overall, averaged([t >= g for g, t in cells]))
        elif kind == "group" and weights is None:
            parts = [shares[str(g)] * n / sum(members.values()) for g, n in members.items()]
            check(aggregation.overall, np.sum(parts, axis=0))
        elif kind != "group":
            after = [v for k, v in shares.items() if kind == "calendar" or int(k) >= 0]
            check(aggregation.overall, np.mean(after, axis=0))
    study = found.event_study()
    W = np.array([averaged([t - g == e for g, t in cells]) for e in study.event_times])
    assert study.event_times == (-4, -3, -2, 0, 1, 2)
    np.testing.assert_allclose(study.values, W @ values, rtol=1e-9)
    np.testing.assert_allclose(study.covariance, W @ covariance @ W.T, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("control", ["notyettreated", "nevertreated"])
@pytest.mark.parametrize("x", ["x", "z"])
@pytest.mark.parametrize("weights", [None, "wt"])
def test_etwfe_interacts_covariates_with_periods_cohorts_and_cells(
    weights: str | None, x: str, control: str, missing: float
) -> None:
    """Covariates enter by period, by cohort and, centred at the weighted mean, by cell."""
    frame = make(3, missing=missing)
    found = etwfe(frame, **NAMES, covariates=[x], control=control, weights=weights)
    rows = frame.to_dicts()
    w = [1.0 if weights is None else r[weights] for r in rows]
    cells = [c for c, e in zip(found.index, found.cells, strict=True) if not e.reason]
    mean = {}
    for g in {r["cohort"] for r in rows}:
        own = [(r[x], a) for r, a in zip(rows, w, strict=True) if r["cohort"] == g]
        mean[g] = np.average([v for v, _ in own], weights=[a for _, a in own])
    there = [[float((r["cohort"], r["time"]) == c) for r in rows] for c in cells]
    columns = list(there)
    own = [r[x] - mean[r["cohort"]] for r in rows]
    columns += [[a * b for a, b in zip(own, d, strict=True)] for d in there]
    columns += [[r[x] * (r["time"] == t) for r in rows] for t in range(2, 7)]
    if x == "z":  # x is constant within units, and its cohorts' slopes are in the unit effects
        columns += [[r[x] * (r["cohort"] == g) for r in rows] for g in (4, 5, None)]
    values, covariance = ORACLE.ols(
        frame["y"].to_list(), columns, [frame["unit"].to_list(), frame["time"].to_list()], w=w
    )
    k = len(cells)
    close([e for e in found.cells if not e.reason], values[:k], covariance[:k, :k])
    if control == "notyettreated":
        assert cells == [(4, 4), (4, 5), (4, 6), (5, 5), (5, 6)]


@pytest.mark.parametrize("weighting", ["none", "corrective"])
@pytest.mark.parametrize("missing", [0.0, 0.04])
def test_stacked_is_least_squares_on_the_stack_built_by_hand(
    weighting: str, missing: float
) -> None:
    """Both weightings are a regression on whole windows of treated and clean controls."""
    frame = make(4, missing=missing, cohorts=(3, 4, 4, 5, None))
    found = stacked(frame, **NAMES, window=(-2, 1), weighting=weighting, cluster="group")
    by_unit = {u: d for (u,), d in frame.group_by("unit")}
    stack = []
    for g in (3, 4, 5):
        for u, d in by_unit.items():
            seen = {r["time"]: r for r in d.to_dicts()}
            start = d["cohort"][0]
            if not all(g + e in seen for e in (-2, -1, 0, 1)):
                continue
            if start == g or start is None or start > g + 1:
                stack += [
                    {"y": seen[g + e]["y"], "e": e, "D": start == g, "s": g, "u": u}
                    for e in (-2, -1, 0, 1)
                ]
    n = {(s, d): sum(r["s"] == s and r["D"] == d for r in stack) for s in (3, 4, 5) for d in (0, 1)}
    total = {d: sum(n[s, d] for s in (3, 4, 5)) for d in (0, 1)}
    w = [
        1.0
        if r["D"] or weighting == "none"
        else (n[r["s"], 1] / total[1]) / (n[r["s"], 0] / total[0])
        for r in stack
    ]
    values, covariance = ORACLE.ols(
        [r["y"] for r in stack],
        [[float(r["D"] and r["e"] == e) for r in stack] for e in (-2, 0, 1)],
        [
            [(r["u"], r["s"]) for r in stack],
            [(r["e"], r["s"] if weighting == "none" else 0) for r in stack],
        ],
        w=w,
        cluster=[r["u"] // 3 for r in stack],
    )
    close([e for e in found.terms if e.term != "-1"], values, covariance)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_triple_difference_is_the_regression_with_all_two_way_interactions(missing: float) -> None:
    """Period by treatment and by eligibility are absorbed, beside the units."""
    frame = make(5, missing=missing, cohorts=(4, None)).with_columns(
        eligible=(pl.col("unit") // 2) % 2 == 1
    )
    found = triple_difference(frame, **NAMES, eligible="eligible", weights="wt")
    once = frame.filter(pl.len().over("unit") == 1)
    assert sum(e.n_rows or 0 for e in found.exclusions) == once.height
    frame = frame.filter(pl.len().over("unit") > 1)  # a unit seen once tells nothing of change
    rows = frame.to_dicts()
    post = [r["cohort"] == 4 and r["eligible"] and r["time"] >= 4 for r in rows]
    values, covariance = ORACLE.ols(
        frame["y"].to_list(),
        [[float(p) for p in post]],
        [
            frame["unit"].to_list(),
            [(r["time"], r["cohort"] == 4) for r in rows],
            [(r["time"], r["eligible"]) for r in rows],
        ],
        w=frame["wt"].to_list(),
    )
    close(found.terms, values, covariance)


@pytest.mark.parametrize("unit", ["unit", None])
@pytest.mark.parametrize("weights", [None, "wt"])
def test_did_2x2_is_the_saturated_regression_on_three_indicators(
    unit: str | None, weights: str | None
) -> None:
    """Four means say the same as a constant and three indicators, panel or not."""
    frame = make(6, missing=0.2, cohorts=(4, None))
    names = NAMES | {"unit": unit}
    found = did_2x2(frame, **names, weights=weights, cluster="group")
    rows = frame.to_dicts()
    D, post = [r["cohort"] == 4 for r in rows], [r["time"] >= 4 for r in rows]
    # One unit effect for all rows is the constant, of which none is nested: K = 4.
    values, covariance = ORACLE.ols(
        frame["y"].to_list(),
        [[float(a and b) for a, b in zip(D, post, strict=True)], D, post],
        [[0] * len(rows)],
        w=None if weights is None else frame[weights].to_list(),
        cluster=frame["group"].to_list(),
    )
    close(found.terms, values[:1], covariance[:1, :1])


@pytest.mark.parametrize("cohorts", [(3, 4, 6, None), (1, 3, 5), (2, 3, None, 5)])
def test_bacon_parts_are_two_by_two_regressions_and_add_up_to_the_coefficient(
    cohorts: tuple[int | None, ...],
) -> None:
    """Each part is a TWFE coefficient on its own rows; weights sum to one."""
    frame = make(7, cohorts=cohorts)
    found = bacon_decomposition(frame, **NAMES, cluster="group")
    rows = frame.to_dicts()

    def twfe(rows: list[dict[str, Any]]) -> Any:
        D = [float(r["cohort"] is not None and r["time"] >= r["cohort"]) for r in rows]
        effects = [[r["unit"] for r in rows], [r["time"] for r in rows]]
        clusters = [r["group"] for r in rows]
        return ORACLE.ols([r["y"] for r in rows], [D], effects, cluster=clusters)

    values, covariance = twfe(rows)
    close([found.overall], values, covariance)
    parts = found.comparisons
    assert sum(c.weight for c in parts) == pytest.approx(1, abs=1e-12)
    assert sum(c.weight * c.value for c in parts) == pytest.approx(values[0], abs=1e-12)
    for c in parts:
        some = [r for r in rows if r["cohort"] in (c.treated, c.untreated)]
        if c.kind == "Earlier vs Later Treated":
            some = [r for r in some if r["time"] < c.untreated]
        elif c.kind == "Later vs Earlier Treated":
            some = [r for r in some if r["time"] >= c.untreated]
        assert c.value == pytest.approx(twfe(some)[0][0], abs=1e-9)
