"""The peers' jobs, run by their Python: ``python peer_jobs.py PACKAGE NAME FOLDER SMALL_FOLDER``.

Each does what our job of that name does, by the peer's own documented call, with a time-constant
covariate for att_gt and none for the others. Nothing of impactkit is imported.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from child import found, report

STAGGERED = {"unit": "unit", "time": "time", "first_treat": "cohort"}


def events(frame):
    """Add event time with the reference, -1, for units that are never treated."""
    e = np.where(frame["cohort"] > 0, frame["time"] - frame["cohort"], -1)
    return frame.assign(e=e.astype(int))


def csdid(frame, draws=0):
    from csdid.att_gt import ATTgt

    np.random.seed(1)
    fit = ATTgt(
        yname="y", tname="time", idname="unit", gname="cohort", data=frame.copy(),
        control_group=["nevertreated"], xformla="y~x", allow_unbalanced_panel=False,
        biters=max(draws, 1),
    ).fit(est_method="dr", bstrap=draws > 0)  # fmt: skip
    dynamic = fit.aggte("dynamic", bstrap=draws > 0, cband=draws > 0, biters=max(draws, 1)).atte
    return found(dynamic["overall_att"], np.ravel(dynamic["overall_se"])[0])


def diff_diff(frame, draws=0):
    from diff_diff import CallawaySantAnna

    fit = CallawaySantAnna(
        control_group="never_treated", estimation_method="dr", n_bootstrap=draws, seed=1
    ).fit(frame, outcome="y", **STAGGERED, covariates=["x"], aggregate="event_study")
    late = [e["effect"] for t, e in fit.event_study_effects.items() if t >= 0]
    return found(np.mean(late))


def moderndid(frame, draws=0):
    from moderndid import aggte, att_gt

    fit = att_gt(
        data=frame, yname="y", tname="time", idname="unit", gname="cohort", xformla="~ x",
        control_group="nevertreated", est_method="dr", boot=draws > 0, biters=max(draws, 1),
        cband=draws > 0, random_state=1,
    )  # fmt: skip
    dynamic = aggte(fit, type="dynamic")
    return found(dynamic.overall_att, dynamic.overall_se)


def pyfixest_twfe(frame):
    import pyfixest

    fit = pyfixest.feols("y ~ i(e, ref=-1) | unit + time", events(frame), vcov={"CRV1": "unit"})
    table = fit.tidy()
    row = table.loc[next(n for n in table.index if n in ("e::0", "e[T.0]", "C(e)[T.0]"))]
    return found(row["Estimate"], row["Std. Error"])


def pyfixest_cohorts(frame):
    import pyfixest

    data = events(frame)
    none = (data["cohort"] == 0) | (data["e"] == -1)
    data["cell"] = np.where(none, -1, data["cohort"] * 1000 + data["time"]).astype(int)
    fit = pyfixest.feols("y ~ i(cell, ref=-1) | unit + time", data, vcov={"CRV1": "unit"})
    names = {int(float(n.split("::")[-1].split("[")[-1].strip("T.]"))): i
             for i, n in enumerate(fit._coefnames)}  # fmt: skip
    at = [i for cell, i in names.items() if cell // 1000 == cell % 1000]
    size = np.array([(data["cell"] == c).sum() for c in names if c // 1000 == c % 1000], float)
    share = size / size.sum()
    covariance = fit._vcov[np.ix_(at, at)]
    return found(share @ fit._beta_hat[at], np.sqrt(share @ covariance @ share))


def pyfixest_wild(frame):
    import pyfixest

    data = frame.assign(d=((frame["cohort"] > 0) & (frame["time"] >= frame["cohort"])).astype(int))
    fit = pyfixest.feols("y ~ d | unit + time", data, vcov={"CRV1": "region"})
    test = fit.wildboottest(param="d", reps=9_999, cluster="region", seed=1)
    return found(fit._beta_hat[0], test["Pr(>|t|)"])


def linearmodels_twfe(frame):
    from linearmodels.panel import PanelOLS

    data = events(frame).set_index(["unit", "time"])
    dummies = pd.get_dummies(data["e"], prefix="e", dtype=float).drop(columns="e_-1")
    fit = PanelOLS(data["y"], dummies, entity_effects=True, time_effects=True).fit(
        cov_type="clustered", cluster_entity=True
    )
    return found(fit.params["e_0"], fit.std_errors["e_0"])


def diff_diff_study(frame, kind=""):
    import diff_diff

    fit = getattr(diff_diff, kind)().fit(
        frame, outcome="y", **STAGGERED,
        **({} if kind == "SunAbraham" else {"aggregate": "event_study"}),
    )  # fmt: skip
    effect = fit.event_study_effects[0]
    return found(effect["effect"], effect["se"])


JOBS = {
    ("csdid", "att_gt"): csdid,
    ("csdid", "att_gt, 999 draws"): partial(csdid, draws=999),
    ("diff-diff", "att_gt"): diff_diff,
    ("diff-diff", "att_gt, 999 draws"): partial(diff_diff, draws=999),
    ("moderndid", "att_gt"): moderndid,
    ("moderndid", "att_gt, 999 draws"): partial(moderndid, draws=999),
    ("pyfixest", "TWFE event study"): pyfixest_twfe,
    ("linearmodels", "TWFE event study"): linearmodels_twfe,
    ("pyfixest", "Sun-Abraham"): pyfixest_cohorts,
    ("diff-diff", "Sun-Abraham"): partial(diff_diff_study, kind="SunAbraham"),
    ("diff-diff", "imputation"): partial(diff_diff_study, kind="ImputationDiD"),
    ("diff-diff", "two-stage"): partial(diff_diff_study, kind="TwoStageDiD"),
    ("pyfixest", "wild bootstrap"): pyfixest_wild,
}


def load(path):
    with np.load(path) as columns:
        return pd.DataFrame(dict(columns))


def main(package, name, *folders):
    file = "regional.npz" if name == "wild bootstrap" else "panel.npz"
    report(load, JOBS[package, name], *[Path(folder) / file for folder in folders])


if __name__ == "__main__":
    main(*sys.argv[1:])
