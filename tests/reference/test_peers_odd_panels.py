"""Peers on odd panels: a cohort of one, gaps, weights, collinear covariates, large clusters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.estimators import att_gt, event_study, sun_abraham
from impactkit.estimators.imputation import imputation
from impactkit.estimators.two_stage import two_stage

NAMES: dict[str, Any] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}

SHAPES: dict[str, dict[str, Any]] = {
    "balanced": {},
    "gaps": {"missing": 0.15},
    "one": {"singleton": True},
    "one gaps": {"missing": 0.1, "singleton": True},
}


def make(seed: int, *, missing: float = 0.0, singleton: bool = False) -> pl.DataFrame:
    """Return 200 units over six periods; never treated is 0, and unit 7 may be its own cohort."""
    rng = np.random.default_rng(seed)
    n, T = 200, 6
    unit, time = np.repeat(np.arange(n), T), np.tile(np.arange(1, T + 1), n)
    start = rng.choice([3, 4, 0], size=n)
    if singleton:
        start[7] = 5
    cohort, x = start[unit], rng.normal(size=n)[unit]
    treated = (cohort > 0) & (time >= cohort)
    y = rng.normal(size=n)[unit] + 0.3 * time + 0.1 * x * time + treated + rng.normal(size=n * T)
    frame = pl.DataFrame(
        {
            "unit": unit,
            "time": time,
            "cohort": cohort,
            "y": y,
            "x": x,
            "twice": 2 * x,
            "w": rng.uniform(0.5, 2, n)[unit],
            "group": rng.integers(0, 25, n)[unit],
        }
    )
    return frame.filter(pl.Series(rng.random(n * T) >= missing)).filter(pl.len().over("unit") > 1)


def null(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with never treated as null."""
    return frame.with_columns(cohort=pl.when(pl.col("cohort") > 0).then("cohort"))


@pytest.fixture
def frames() -> dict[str, pl.DataFrame]:
    """Return a panel of each shape."""
    return {name: make(i, **shape) for i, (name, shape) in enumerate(SHAPES.items())}


CSDID = """
import contextlib, io
import numpy as np
from csdid.att_gt import ATTgt

out = {}
for name, frame in frames.items():
    for formula in ("y~1", "y~x+twice"):
        with contextlib.redirect_stdout(io.StringIO()):
            fit = ATTgt(yname="y", tname="time", idname="unit", gname="cohort", data=frame.copy(),
                        control_group=["nevertreated"], xformla=formula, weights_name="w",
                        clustervar="group", allow_unbalanced_panel=True,
                        ).fit(est_method="dr", bstrap=False)
        r = fit.results
        out[name + formula] = [
            [int(g), int(t), None if np.isnan(a) else float(a), None if np.isnan(s) else float(s)]
            for g, t, a, s in zip(r["group"], r["year"], r["att"], r["se"])]
answer(out)
"""


def test_weighted_and_clustered_effects_agree_with_csdid(
    peer: Callable[..., Any], frames: dict[str, pl.DataFrame]
) -> None:
    """Cells agree to 1e-9, a cohort of one included; where csdid has NaN we say what is wrong."""
    found = peer(CSDID, frames)
    options: dict[str, Any] = {**NAMES, "control": "nevertreated", "weights": "w"}
    for name, frame in frames.items():
        fit = att_gt(null(frame), **options, cluster="group")
        got = dict(zip(fit.index, fit.cells, strict=True))
        for g, t, value, error in found[name + "y~1"]:
            assert (value is None) == (got[g, t].status == "not_estimable"), (name, g, t)
            if value is None:
                assert "none of the 1 units of cohort 5" in got[g, t].reason
            else:
                assert got[g, t].value == pytest.approx(value, abs=1e-9), (name, g, t)
                assert got[g, t].std_error == pytest.approx(error, abs=1e-9), (name, g, t)
        collinear = att_gt(null(frame), **options, cluster="group", covariates=["x", "twice"])
        assert {value for _, _, value, _ in found[name + "y~x+twice"]} == {None}
        assert {cell.status for cell in collinear.cells} == {"not_estimable"}
        assert "twice is constant or determined" in collinear.cells[0].reason


MODERNDID = """
import contextlib, io
from moderndid import __version__, aggte, att_gt

# Before 0.4 it takes weights otherwise, forgets clusters, and stops where a panel has gaps.
recent = tuple(map(int, __version__.split(".")[:2])) >= (0, 4)
every = [{}, {"weightsname": "w"}, {"clustervars": ["group"]}]
out = []
for name in list(frames) if recent else ["balanced", "one"]:
    for options in every if recent else every[:1]:
        with contextlib.redirect_stdout(io.StringIO()):
            fit = att_gt(data=frames[name], yname="y", tname="time", idname="unit", gname="cohort",
                         control_group="nevertreated", boot=False, cband=False,
                         allow_unbalanced_panel=True, **options)
            simple = aggte(fit, type="simple")
        out.append([name, options, float(simple.overall_att), float(simple.overall_se)])
answer(out)
"""


def test_averages_agree_with_moderndid(
    peer: Callable[..., Any], frames: dict[str, pl.DataFrame]
) -> None:
    """The simple average and its standard error agree to 1e-9 wherever its release is right."""
    found = peer(MODERNDID, frames)
    assert len(found) >= 2
    for name, options, value, error in found:
        cluster = "group" if "clustervars" in options else None
        fit = att_gt(
            null(frames[name]), **NAMES, control="nevertreated", cluster=cluster,
            weights=options.get("weightsname"),
        )  # fmt: skip
        simple = fit.aggregate("simple").overall
        assert simple.value == pytest.approx(value, abs=1e-9), (name, options)
        assert simple.std_error == pytest.approx(error, abs=1e-9), (name, options)


PAIRS = """
from diff_diff import CallawaySantAnna

out = {}
for name, frame in frames.items():
    fit = CallawaySantAnna(control_group="never_treated", cluster="group").fit(
        frame, outcome="y", unit="unit", time="time", first_treat="cohort")
    out[name] = [[int(g), int(t), float(e["effect"]), float(e["se"])]
                 for (g, t), e in fit.group_time_effects.items()]
answer(out)
"""


def test_effects_of_pairs_agree_with_diff_diff(
    peer: Callable[..., Any], frames: dict[str, pl.DataFrame]
) -> None:
    """In panels with gaps cells agree to 1e-9, and errors up to its factor for few clusters."""
    found = peer(PAIRS, frames)
    clusters = 25
    assert found["gaps"]
    for name, cells in found.items():
        fit = att_gt(
            null(frames[name]), **NAMES, control="nevertreated", cluster="group", gaps="pairs"
        )
        got = dict(zip(fit.index, fit.cells, strict=True))
        for g, t, value, error in cells:
            assert got[g, t].value == pytest.approx(value, abs=1e-9), (name, g, t)
            factor = (clusters / (clusters - 1)) ** 0.5
            assert got[g, t].std_error * factor == pytest.approx(error, abs=1e-9), (name, g, t)


DIFF_DIFF = """
import diff_diff

out = {}
for name, frame in frames.items():
    for kind in ("ImputationDiD", "TwoStageDiD", "SunAbraham"):
        asked = {} if kind == "SunAbraham" else {"aggregate": "event_study"}
        fit = getattr(diff_diff, kind)().fit(
            frame, outcome="y", unit="unit", time="time", first_treat="cohort", **asked)
        out[name + "/" + kind] = [
            [int(e), float(v["effect"]), float(v["se"])]
            for e, v in fit.event_study_effects.items() if e >= 0]
answer(out)
"""


def test_event_times_agree_with_diff_diff(
    peer: Callable[..., Any], frames: dict[str, pl.DataFrame]
) -> None:
    """Values agree to 1e-7 (theirs iterate) and standard errors to 1e-6, gaps or none.

    Not compared: Sun-Abraham with gaps, where diff-diff weights cohorts by their units and we, as
    fixest, by their rows; and imputation's standard errors with a cohort of one, whose effect
    diff-diff measures from itself and we from the mean of its event time.
    """
    compared = 0
    for name, terms in peer(DIFF_DIFF, frames).items():
        shape, kind = name.split("/")
        if kind == "SunAbraham" and "gaps" in shape:
            continue
        frame = null(frames[shape])
        if kind == "ImputationDiD":
            study = imputation(frame, **NAMES).aggregate("dynamic").terms
        elif kind == "TwoStageDiD":
            study = two_stage(frame, **NAMES).terms
        else:
            study = sun_abraham(frame, **NAMES).aggregate("dynamic").terms
        got = {int(e.term): e for e in study}
        for e, value, error in terms:
            assert got[e].value == pytest.approx(value, abs=1e-7), (name, e)
            if not (kind == "ImputationDiD" and "one" in shape):
                assert got[e].std_error == pytest.approx(error, rel=1e-6), (name, e)
            compared += 1
    assert compared >= 40


LINEARMODELS = """
from linearmodels.panel import PanelOLS

out = {}
for name, frame in frames.items():
    frame["e"] = (frame["time"] - frame["cohort"]).where(frame["cohort"] > 0, -1)
    data = frame.set_index(["unit", "time"])
    dummies = pd.get_dummies(data["e"], dtype=float).drop(columns=-1)
    dummies.columns = [f"e{c}" for c in dummies.columns]
    fit = PanelOLS(data["y"], dummies, entity_effects=True, time_effects=True).fit(
        cov_type="clustered", cluster_entity=True)
    out[name] = [[int(n[1:]), float(fit.params[n]), float(fit.std_errors[n])]
                 for n in dummies.columns]
answer(out)
"""


def test_event_study_agrees_with_linearmodels(
    peer: Callable[..., Any], frames: dict[str, pl.DataFrame]
) -> None:
    """Coefficients agree to 1e-9, standard errors but for one factor, the same for all terms.

    linearmodels counts absorbed unit effects, which are nested in the clusters, as parameters.
    """
    for name, terms in peer(LINEARMODELS, frames).items():
        got = {int(e.term): e for e in event_study(null(frames[name]), **NAMES).terms}
        ratios = []
        for e, value, error in terms:
            assert got[e].value == pytest.approx(value, abs=1e-9), (name, e)
            ratios.append(error / got[e].std_error)
        assert ratios == pytest.approx([ratios[0]] * len(ratios), rel=1e-9)
        assert 1 < ratios[0] < 1.15
