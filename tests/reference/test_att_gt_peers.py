"""att_gt against csdid, live, when a Python that has csdid is named in IMPACTKIT_PEERS_PYTHON.

csdid needs pandas, which is never installed beside impactkit: give the interpreter of another
environment with ``csdid==0.4.3``.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.estimators import att_gt

PYTHON = os.environ.get("IMPACTKIT_PEERS_PYTHON", "")

pytestmark = pytest.mark.skipif(
    not PYTHON, reason="IMPACTKIT_PEERS_PYTHON does not name a Python with csdid"
)

PEER = """
import contextlib, io, json, sys, warnings
import numpy as np, pandas as pd
from csdid.att_gt import ATTgt

warnings.simplefilter("ignore")
frame, cases = pd.read_csv(sys.argv[1]), json.loads(sys.argv[2])

def plain(values):
    return [None if np.isnan(v) else float(v) for v in np.atleast_1d(np.asarray(values, float))]

out = []
for case in cases:
    with contextlib.redirect_stdout(io.StringIO()):
        fit = ATTgt(yname="y", tname="time", idname="unit", gname="cohort", data=frame.copy(),
                    **case["init"]).fit(bstrap=False, **case["fit"])
        found = {f"{g:.0f} {t:.0f}": [a, s] for g, t, a, s in zip(
            fit.results["group"], fit.results["year"], plain(fit.results["att"]),
            plain(fit.results["se"]))}
        for kind in ("simple", "dynamic", "group", "calendar"):
            agg = fit.aggte(kind, na_rm=True, bstrap=False, cband=False).atte
            found[kind] = [*plain(agg["overall_att"]), *plain(agg["overall_se"])]
            if agg["egt"] is None:
                continue
            for e, a, s in zip(agg["egt"], plain(agg["att_egt"]), plain(np.ravel(agg["se_egt"]))):
                found[f"{kind} {e:.0f}"] = [a, s]
    out.append(found)
print(json.dumps(out))
"""


def make(
    seed: int, *, missing: float = 0.0, never: bool = True, panel: bool = True
) -> pl.DataFrame:
    """Return 300 units over six periods, with weights and a covariate that change over time."""
    rng = np.random.default_rng(seed)
    n, periods = 300, 6
    unit, time = np.repeat(np.arange(n), periods), np.tile(np.arange(1, periods + 1), n)
    cohort = rng.choice([3, 4, 6, 0] if never else [3, 4, 6], size=n)[unit]
    x = rng.normal(size=n)[unit] + 0.2 * (cohort == 3) + 0.2 * rng.normal(size=unit.size)
    treated = (cohort > 0) & (time >= cohort)
    y = (
        rng.normal(size=n)[unit]
        + 0.3 * time
        + 0.1 * x * time
        + treated
        + rng.normal(size=unit.size)
    )
    frame = pl.DataFrame(
        {
            "unit": unit if panel else np.arange(unit.size),
            "time": time,
            "cohort": cohort,
            "y": y,
            "x": x,
            "phase": rng.choice(["first", "middle", "upper"], size=n)[unit],
            "size": rng.uniform(0.5, 2, size=n)[unit] * rng.uniform(0.8, 1.2, size=unit.size),
            "group": rng.integers(0, 25, size=n)[unit],
        }
    )
    return frame.filter(pl.Series(rng.random(frame.height) >= missing))


def cases(controls: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return combinations of control, covariates, method, base and anticipation."""
    return [
        {"control": control, "covariates": covariates, "method": method, "base": b, "ahead": a}
        for control in controls
        for covariates in ([], ["x"], ["x", "phase"])
        for method in (("dr", "reg", "ipw") if covariates else ("dr",))
        for b, a in (("varying", 0), ("universal", 1))
    ]


SAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "balanced": ({}, {}),
    "weighted": ({}, {"weights": "size"}),
    "unbalanced": ({"missing": 0.15}, {}),
    "unbalanced weighted clustered": ({"missing": 0.15}, {"weights": "size", "cluster": "group"}),
    "made balanced": ({"missing": 0.04}, {"allow_unbalanced_panel": False}),
    "cross-sections": ({"panel": False}, {"panel": False}),
    "nobody never treated": ({"never": False}, {}),
    "nobody never treated, unbalanced": ({"never": False, "missing": 0.1}, {}),
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_agreement_with_csdid(sample: str, tmp_path: Path) -> None:
    """Every effect, standard error and aggregation agrees to 1e-9 in every case."""
    shape, options = SAMPLES[sample]
    frame = make(len(sample), **shape)
    listed = cases(
        ("nevertreated", "notyettreated") if shape.get("never", True) else ("notyettreated",)
    )
    frame.write_csv(tmp_path / "frame.csv")
    calls = [
        {
            "init": {
                "control_group": [case["control"]],
                "xformla": "y~" + ("+".join(case["covariates"]) or "1"),
                "panel": options.get("panel", True),
                "allow_unbalanced_panel": options.get("allow_unbalanced_panel", True),
                "clustervar": options.get("cluster"),
                "weights_name": options.get("weights"),
                "anticipation": case["ahead"],
            },
            "fit": {"est_method": case["method"], "base_period": case["base"]},
        }
        for case in listed
    ]
    done = subprocess.run(
        [PYTHON, "-c", PEER, str(tmp_path / "frame.csv"), json.dumps(calls)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    null = pl.when(pl.col("cohort") == 0).then(None).otherwise("cohort")
    for case, expected in zip(listed, json.loads(done.stdout), strict=True):
        found = att_gt(
            frame.with_columns(cohort=null),
            unit="unit",
            time="time",
            cohort="cohort",
            outcome="y",
            covariates=case["covariates"],
            control=case["control"],
            method=case["method"],
            base_period=case["base"],
            anticipation=case["ahead"],
            **options,
        )
        got = {f"{g} {t}": cell for (g, t), cell in zip(found.index, found.cells, strict=True)}
        for kind in ("simple", "dynamic", "group", "calendar"):
            aggregation = found.aggregate(kind)
            got[kind] = aggregation.overall
            got |= {f"{kind} {e.term}": e for e in aggregation.terms}
        assert {name for name, e in got.items() if e.status == "ok"} == set(expected)
        for name, (value, error) in expected.items():
            assert got[name].value == pytest.approx(value, abs=1e-9), (case, name)
            assert got[name].std_error == (error and pytest.approx(error, abs=1e-9)), (case, name)
