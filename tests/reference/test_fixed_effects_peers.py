"""Event study, Sun-Abraham, ETWFE, stacked and triple difference against pyfixest, live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.estimators.etwfe import etwfe
from impactkit.estimators.event_study import event_study
from impactkit.estimators.stacked import stacked
from impactkit.estimators.sun_abraham import sun_abraham

NAMES: dict[str, str] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}

SHAPES: dict[str, dict[str, Any]] = {
    "balanced": {},
    "unbalanced": {"missing": 0.2},
    "a cohort of one": {"singleton": True},
    "a cohort of one, unbalanced": {"missing": 0.1, "singleton": True},
}

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "clustered": {"cluster": "group"},
    "weighted": {"weights": "w"},
    "weights that change": {"weights": "wt", "cluster": "group"},
    "covariate": {"covariates": ["z"], "cluster": "group"},
    "collinear covariates": {"covariates": ["z", "twice", "x"]},
    "covariate, weighted": {"covariates": ["z"], "weights": "wt"},
}

PEER = """
import numpy as np
import pyfixest as pf

out = []
for shape, options, kind in argument:
    data = frames[shape].copy()
    data["e"] = (data["time"] - data["cohort"]).fillna(-1).astype(int)
    if kind == "event study":
        data["cell"] = data["e"]
    elif kind == "Sun-Abraham":
        none = data["cohort"].isna() | (data["e"] == -1)
        cell = data["cohort"].fillna(0) * 1000 + data["time"]
        data["cell"] = np.where(none, -1, cell).astype(int)
    x = "".join(f" + {name}" for name in options.get("covariates", []))
    fit = pf.feols(
        f"y ~ i(cell, ref=-1){x} | unit + time", data, weights=options.get("weights"),
        vcov={"CRV1": options.get("cluster", "unit")}, fixef_tol=1e-13)
    names = [n for n in fit._coefnames if n.startswith("cell")]
    at = [fit._coefnames.index(n) for n in names]
    cells = [int(float(n.split("::")[-1].split("[")[-1].replace("T.", "").strip("]")))
             for n in names]
    w = data[options["weights"]] if "weights" in options else pd.Series(1.0, index=data.index)
    size = [float(w[data["cell"] == c].sum()) for c in cells]
    t = fit.tidy()
    out.append({"cells": cells, "size": size,
                "beta": fit._beta_hat[at].tolist(),
                "cov": fit._vcov[np.ix_(at, at)].tolist(),
                "p": t.loc[names, "Pr(>|t|)"].tolist()})
answer(out)
"""


def make(seed: int, *, missing: float = 0.0, singleton: bool = False) -> pl.DataFrame:
    """Return 200 units over seven periods, no unit seen once."""
    rng = np.random.default_rng(seed)
    n, T = 200, 7
    unit, time = np.repeat(np.arange(n), T), np.tile(np.arange(1, T + 1), n)
    start = rng.choice([3, 4, 6, 99], n)
    if singleton:
        start[0] = 5
    event = time - start[unit]
    y = rng.normal(size=n)[unit] + 0.2 * time + np.where(event >= 0, 1 + 0.2 * event, 0)
    frame = pl.DataFrame(
        {
            "unit": unit,
            "time": time,
            "cohort": [None if g == 99 else int(g) for g in start[unit]],
            "y": y + rng.normal(size=n * T),
            "x": rng.normal(size=n)[unit],
            "z": rng.normal(size=n * T) + 0.3 * y,
            "w": rng.integers(1, 5, size=n)[unit] / 2,
            "wt": rng.uniform(0.5, 2, size=n * T),
            "group": rng.integers(0, 25, size=n)[unit],
        }
    ).with_columns(twice=2 * pl.col("z"))
    return frame.filter(pl.Series(rng.random(n * T) >= missing)).filter(pl.len().over("unit") > 1)


@pytest.fixture
def frames() -> dict[str, pl.DataFrame]:
    """Return a panel of each shape."""
    return {name: make(i, **shape) for i, (name, shape) in enumerate(SHAPES.items())}


def test_event_study_agrees_with_pyfixest(
    peer: Callable[..., Any], frames: dict[str, pl.DataFrame]
) -> None:
    """Coefficients, standard errors and p-values agree to 1e-9 in the fixest convention."""
    calls = [(shape, options, "event study") for shape in SHAPES for options in OPTIONS.values()]
    for (shape, options, _), expected in zip(calls, peer(PEER, frames, calls), strict=True):
        found = event_study(frames[shape], **NAMES, **options)
        got = {int(e.term): e for e in found.terms}
        assert set(got) == {*expected["cells"], -1}, (shape, options)
        errors = np.sqrt(np.diag(expected["cov"]))
        for e, value, error, p in zip(
            expected["cells"], expected["beta"], errors, expected["p"], strict=True
        ):
            assert got[e].value == pytest.approx(value, abs=1e-9), (shape, options)
            assert got[e].std_error == pytest.approx(error, abs=1e-9), (shape, options)
            if got[e].p_value is not None:
                assert got[e].p_value == pytest.approx(p, abs=1e-9)


def test_sun_abraham_agrees_with_pyfixest(
    peer: Callable[..., Any], frames: dict[str, pl.DataFrame]
) -> None:
    """Cells, and averages with row shares taken as fixed, agree to 1e-9."""
    calls = [(shape, options, "Sun-Abraham") for shape in SHAPES for options in OPTIONS.values()]
    for (shape, options, _), expected in zip(calls, peer(PEER, frames, calls), strict=True):
        found = sun_abraham(frames[shape], **NAMES, **options)
        cells = [divmod(c, 1000) for c in expected["cells"]]
        beta, cov = np.array(expected["beta"]), np.array(expected["cov"])
        got = dict(zip(found.index, found.cells, strict=True))
        for cell, value, error in zip(cells, beta, np.sqrt(np.diag(cov)), strict=True):
            assert got[cell].value == pytest.approx(value, abs=1e-9), (shape, options)
            assert got[cell].std_error == pytest.approx(error, abs=1e-9), (shape, options)
        for term in found.aggregate("dynamic").terms:
            share = np.array(
                [
                    n * (t - g == int(term.term))
                    for n, (g, t) in zip(expected["size"], cells, strict=True)
                ]
            )
            share /= share.sum()
            assert term.value == pytest.approx(share @ beta, abs=1e-9)
            assert term.std_error == pytest.approx(np.sqrt(share @ cov @ share), abs=1e-9)


ETWFE = """
import numpy as np
import pyfixest as pf

data = frames["balanced"]
data["xdm"] = data["x"] - data.groupby(data["cohort"].fillna(0))["x"].transform("mean")
on = data["cohort"].notna() & (data["time"] >= data["cohort"])
data["cell"] = np.where(on, data["cohort"].fillna(0) * 1000 + data["time"], 0).astype(int)
cells = sorted(c for c in data["cell"].unique() if c)
for c in cells:
    data[f"d{c}"] = (data["cell"] == c) * 1.0
    data[f"dx{c}"] = data[f"d{c}"] * data["xdm"]
for t in range(2, 8):
    data[f"x{t}"] = data["x"] * (data["time"] == t)
terms = [f"d{c}" for c in cells] + [f"dx{c}" for c in cells] + [f"x{t}" for t in range(2, 8)]
fit = pf.feols("y ~ " + " + ".join(terms) + " | unit + time", data, vcov={"CRV1": "group"},
               fixef_tol=1e-13)
size = np.array([(data["cell"] == c).sum() for c in cells], float)
at = [fit._coefnames.index(f"d{c}") for c in cells]
share = size / size.sum()
answer({"value": float(share @ fit._beta_hat[at]),
        "error": float(np.sqrt(share @ fit._vcov[np.ix_(at, at)] @ share)),
        "cells": [int(c) for c in cells], "beta": fit._beta_hat[at].tolist()})
"""


def test_etwfe_agrees_with_the_same_regression_in_pyfixest(
    peer: Callable[..., Any], frames: dict[str, pl.DataFrame]
) -> None:
    """Cells and the simple average, with its standard error, agree to 1e-9."""
    expected = peer(ETWFE, frames)
    found = etwfe(frames["balanced"], **NAMES, covariates=["x"], cluster="group")
    got = {1000 * g + t: e.value for (g, t), e in zip(found.index, found.cells, strict=True)}
    assert [got[c] for c in expected["cells"]] == pytest.approx(expected["beta"], abs=1e-9)
    simple = found.aggregate("simple").overall
    assert simple.value == pytest.approx(expected["value"], abs=1e-9)
    assert simple.std_error == pytest.approx(expected["error"], abs=1e-9)


STACKED = """
import pyfixest as pf

data = frames["balanced"]
parts = []
for g in (3, 4, 6):
    some = data[(data["time"] >= g - 2) & (data["time"] <= g + 1)]
    some = some[some["cohort"].isna() | (some["cohort"] == g) | (some["cohort"] > g + 1)].copy()
    some["e"], some["D"], some["s"] = some["time"] - g, (some["cohort"] == g) * 1.0, g
    parts.append(some)
stack = pd.concat(parts)
for e in (-2, 0, 1):
    stack[f"D{e + 2}"] = stack["D"] * (stack["e"] == e)
stack["us"] = stack["unit"] * 10 + stack["s"]
stack["es"] = stack["e"] * 10 + stack["s"]
fit = pf.feols("y ~ D0 + D2 + D3 | us + es", stack, vcov={"CRV1": "group"}, fixef_tol=1e-13)
answer({"beta": fit._beta_hat.tolist(), "error": fit._se.tolist()})
"""


def test_stacked_agrees_with_pyfixest_on_the_same_stack(
    peer: Callable[..., Any], frames: dict[str, pl.DataFrame]
) -> None:
    """Coefficients agree to 1e-9; standard errors but for how absorbed levels are counted.

    Stack by period effects of three stacks have three redundant levels, each nested in its own
    stack's unit effects. We count the rank; fixest counts one redundant level for both effects.
    """
    expected = peer(STACKED, frames)
    found = stacked(
        frames["balanced"], **NAMES, window=(-2, 1), weighting="none", cluster="group",
        small_sample="none",
    )  # fmt: skip
    terms = [e for e in found.terms if e.term != "-1"]
    assert [e.value for e in terms] == pytest.approx(expected["beta"], abs=1e-9)
    assert not found.exclusions
    ratios = np.array(expected["error"]) / np.array([e.std_error for e in terms])
    assert ratios == pytest.approx([ratios[0]] * 3, rel=1e-9)
