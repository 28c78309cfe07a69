"""att_gt against csdid, live, on random panels with random options: whatever nobody thought of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.errors import EstimationError
from impactkit.estimators import att_gt

PANELS = 60

CSDID = """
import contextlib, io
import numpy as np
from csdid.att_gt import ATTgt

def plain(values):
    return [None if np.isnan(v) else float(v) for v in np.ravel(np.asarray(values, float))]

out = {}
for name, o in argument.items():
    found = {}
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            fit = ATTgt(yname="y", tname="time", idname="unit", gname="cohort", data=frames[name],
                        control_group=[o["control"]], xformla="y~" + ("+".join(o["x"]) or "1"),
                        panel=o["panel"], allow_unbalanced_panel=o["allow"],
                        clustervar=o["cluster"], weights_name=o["weights"],
                        anticipation=o["ahead"]).fit(
                            est_method=o["method"], base_period=o["base"], bstrap=False)
            r = fit.results
            for g, t, a, s in zip(r["group"], r["year"], plain(r["att"]), plain(r["se"])):
                found[f"{g:.0f} {t:.0f}"] = [a, s]
            for kind in ("simple", "dynamic", "group", "calendar"):
                some = o["window"] if kind == "dynamic" else {}
                agg = fit.aggte(kind, na_rm=True, bstrap=False, cband=False, **some).atte
                found[kind] = [*plain(agg["overall_att"]), *plain(agg["overall_se"])]
                if agg["egt"] is not None:
                    for e, a, s in zip(agg["egt"], plain(agg["att_egt"]), plain(agg["se_egt"])):
                        found[f"{kind} {e:.0f}"] = [a, s]
        except ValueError as error:
            found["refused"] = str(error)
    out[name] = found
answer(out)
"""


def draw(seed: int) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return a panel and options: gaps, a missing year, zero weights, cohorts beyond both ends."""
    rng = np.random.default_rng(seed)

    def chance(p: float) -> bool:
        return bool(rng.random() < p)

    n, years = int(rng.integers(40, 250)), np.arange(2010, 2010 + int(rng.integers(4, 9)))
    if chance(0.15) and len(years) > 5:
        years = np.delete(years, rng.integers(1, len(years) - 1))
    T = len(years)
    starts = list(range(2010, 2011 + T)) if chance(0.3) else list(range(2012, 2010 + T))
    cohorts = rng.choice(starts, min(len(starts), int(rng.integers(1, 5))), replace=False)
    never = chance(0.85)
    share = rng.dirichlet(np.ones(len(cohorts)) * 3) * (1 - rng.uniform(0.2, 0.7) * never)
    cohort = rng.choice([*cohorts, 0], n, p=[*share, max(0.0, 1 - share.sum())])
    unit, time, g = np.repeat(np.arange(n), T), np.tile(years, n), np.repeat(cohort, T)
    x = rng.normal(size=n)[unit] + 0.2 * rng.normal(size=n * T) * chance(0.5)
    w = rng.uniform(0.3, 3, n)[unit] * (rng.uniform(0.7, 1.3, n * T) if chance(0.5) else 1.0)
    if chance(0.1):
        w = w * (rng.random(n) > 0.1)[unit]
    y = rng.normal(size=n)[unit] + 0.2 * (x + 1) * (time - 2010) + rng.normal(size=n * T)
    panel = chance(0.85)
    frame = pl.DataFrame(
        {
            "unit": unit if panel else np.arange(n * T),
            "time": time,
            "cohort": g,
            "y": y + ((g > 0) & (time >= g)) * (1 + 0.3 * (time - g)),
            "x": x,
            "z": (rng.random(n) < 0.4)[unit].astype(int),
            "w": w,
            "group": rng.integers(0, int(rng.integers(8, 40)), n)[unit],
        }
    ).filter(pl.Series(rng.random(n * T) >= rng.choice([0, 0, 0.03, 0.1, 0.25])))
    window = {
        "min_e": int(rng.integers(-3, 1)) if chance(0.4) else None,
        "max_e": int(rng.integers(0, 4)) if chance(0.4) else None,
        "balance_e": int(rng.integers(0, 4)) if chance(0.4) else None,
    }
    return frame, {
        "control": "nevertreated" if never and chance(0.5) else "notyettreated",
        "base": str(rng.choice(["varying", "universal"])),
        "ahead": int(rng.choice([0, 0, 0, 1, 2])),
        "method": str(rng.choice(["dr", "reg", "ipw"])),
        "x": [[], ["x"], ["x", "z"]][int(rng.integers(3))],
        "weights": "w" if chance(0.4) else None,
        "cluster": "group" if chance(0.4) else None,
        "panel": panel,
        "allow": chance(0.7),
        "window": {k: v for k, v in window.items() if v is not None},
    }


def ours(frame: pl.DataFrame, o: dict[str, Any]) -> dict[str, Any]:
    """Return every estimate by name, or nothing where nothing can be compared."""
    try:
        fit = att_gt(
            frame.with_columns(cohort=pl.when(pl.col("cohort") > 0).then("cohort")),
            unit="unit", time="time", cohort="cohort", outcome="y", covariates=o["x"],
            weights=o["weights"], cluster=o["cluster"], control=o["control"], method=o["method"],
            base_period=o["base"], anticipation=o["ahead"], panel=o["panel"],
            allow_unbalanced_panel=o["allow"],
        )  # fmt: skip
    except EstimationError:
        return {}
    found = {f"{g} {t}": e for (g, t), e in zip(fit.index, fit.cells, strict=True)}
    for kind in ("simple", "dynamic", "group", "calendar"):
        average = fit.aggregate(kind, **(o["window"] if kind == "dynamic" else {}))
        found[kind] = average.overall
        found |= {f"{kind} {e.term}": e for e in average.terms}
    return found


def test_every_effect_of_random_calls_agrees_with_csdid(peer: Callable[..., Any]) -> None:
    """Values and standard errors agree to 1e-6, and what csdid cannot estimate we refuse too.

    What csdid refuses as a whole (few never treated, nothing after treatment, an event window
    without effects) is not compared.
    """
    drawn = {f"p{seed}": draw(seed) for seed in range(PANELS)}
    expected = peer(
        CSDID, {k: f for k, (f, _) in drawn.items()}, {k: o for k, (_, o) in drawn.items()}
    )
    compared = 0
    for name, (frame, options) in drawn.items():
        got = ours(frame, options)
        if not got:
            assert "refused" in expected[name], (name, options)
        for term, pair in expected[name].items():
            if term == "refused" or not got:
                continue
            value, error = pair
            assert (got[term].value is None) == (value is None), (name, term, options)
            if value is not None:
                close = pytest.approx(value, rel=1e-6, abs=1e-6)
                assert got[term].value == close, (name, term, options)
                assert (got[term].std_error or 0.0) == pytest.approx(
                    error or 0.0, rel=1e-6, abs=1e-6
                ), (name, term, options)
                compared += 1
    assert compared > 20 * PANELS
