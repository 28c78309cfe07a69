"""imputation and two_stage against diff-diff and pyfixest, live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.estimators.imputation import imputation
from impactkit.estimators.two_stage import two_stage

NAMES: dict[str, Any] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}

DIFF_DIFF = """
import diff_diff
out = {}
for name, kind in (("imputation", diff_diff.ImputationDiD), ("two", diff_diff.TwoStageDiD)):
    for covariates in (None, ["x"]):
        fit = kind(cluster=argument).fit(
            frames["panel"], outcome="y", unit="unit", time="time", first_treat="cohort",
            covariates=covariates, aggregate="event_study")
        found = {"": [float(fit.overall_att), float(fit.overall_se)]}
        for e, effect in fit.event_study_effects.items():
            if e >= 0:
                found[str(e)] = [float(effect["effect"]), float(effect["se"])]
        out[name + (" x" if covariates else "")] = found
answer(out)
"""

PYFIXEST = """
import numpy as np
import pyfixest
frame = frames["panel"]
frame["d"] = ((frame.cohort > 0) & (frame.time >= frame.cohort)).astype(int)
frame["event"] = np.where(frame.cohort > 0, frame.time - frame.cohort, np.inf)
out = {}
for first in ("~ 0 | unit + time", "~ x | unit + time"):
    for second in ("~ d", "~ i(event, ref=np.inf)"):
        fit = pyfixest.did2s(frame, yname="y", first_stage=first, second_stage=second,
                             treatment="d", cluster=argument)
        out[first + second] = fit.tidy()[["Estimate", "Std. Error"]].values.tolist()
answer(out)
"""


def make(n: int) -> pl.DataFrame:
    """Return a balanced staggered panel over seven periods; never treated is zero."""
    rng = np.random.default_rng(n)
    T = 7
    unit, time = np.repeat(np.arange(n), T), np.tile(np.arange(1, T + 1), n)
    cohort = rng.choice([0, 3, 4, 6], size=n)[unit]
    group = rng.integers(0, 40, size=n)
    x = rng.normal(size=n * T) + 0.1 * time
    treated = (cohort > 0) & (time >= cohort)
    y = rng.normal(size=n)[unit] + 0.2 * time + 0.5 * x + rng.normal(size=n * T)
    y += treated * (1 + 0.2 * (time - cohort) + 0.5 * (cohort == 4))
    return pl.DataFrame(
        {"unit": unit, "time": time, "cohort": cohort, "group": group[unit], "x": x, "y": y}
    )


def null(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with never treated as null."""
    return frame.with_columns(cohort=pl.when(pl.col("cohort") == 0).then(None).otherwise("cohort"))


@pytest.mark.parametrize(("n", "cluster"), [(400, "unit"), (2_000, "unit"), (400, "group")])
def test_agreement_with_diff_diff(peer: Callable[..., Any], n: int, cluster: str) -> None:
    """Values agree to 1e-8 (theirs iterate), standard errors to 1e-9.

    Not compared: imputation's standard errors clustered above the unit, for which diff-diff
    averages effects by unit and the paper's equation 8 by cluster (the oracle has that case).
    """
    frame = make(n)
    expected = peer(DIFF_DIFF, {"panel": frame}, cluster)
    for name, terms in expected.items():
        options = {**NAMES, "covariates": ["x"] if name.endswith(" x") else []}
        options["cluster"] = None if cluster == "unit" else cluster
        if name.startswith("two"):
            study = two_stage(null(frame), **options)
            assert study.overall is not None
            got = {"": study.overall, **{e.term: e for e in study.terms}}
        else:
            found = imputation(null(frame), **options)
            got = {"": found.aggregate("simple").overall}
            got |= {e.term: e for e in found.aggregate("dynamic").terms}
        assert set(terms) <= set(got)
        for term, (value, error) in terms.items():
            assert got[term].value == pytest.approx(value, abs=1e-8), (name, term)
            if name.startswith("two") or cluster == "unit":
                assert got[term].std_error == pytest.approx(error, rel=1e-9), (name, term)


@pytest.mark.parametrize("cluster", ["unit", "group"])
def test_two_stage_agrees_with_pyfixest(peer: Callable[..., Any], cluster: str) -> None:
    """Values and standard errors agree to 1e-4: the first stage of pyfixest iterates, loosely."""
    frame = make(300)
    expected = peer(PYFIXEST, {"panel": frame}, cluster)
    for name, rows in expected.items():
        study = two_stage(
            null(frame),
            **NAMES,
            covariates=["x"] if name.startswith("~ x") else [],
            cluster=None if cluster == "unit" else cluster,
        )
        got = [study.overall] if name.endswith("d") else list(study.terms)
        for e, (value, error) in zip(got, rows, strict=True):
            assert e is not None
            assert e.value == pytest.approx(value, abs=1e-4), (name, e.term)
            assert e.std_error == pytest.approx(error, rel=1e-4), (name, e.term)
