"""Other packages' estimates and intervals.

``python montecarlo_peers.py PACKAGE FOLDER WEIGHTS``, run by the peers' Python; imports nothing of
impactkit. Analytic errors, clustered above the unit by each package's own argument. Prints a
line of [estimate, low, high], null where there is none.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd


def normal(value, error):
    """Return the interval of a package that prints a standard error only."""
    half = 1.959963984540054 * error if error is not None and error > 0 else np.nan
    return value, value - half, value + half


def csdid(frame, weights):
    from csdid.att_gt import ATTgt

    fit = ATTgt(
        yname="y", tname="time", idname="unit", gname="cohort", data=frame,
        control_group=["notyettreated"], xformla="y~1", clustervar="cluster",
        weights_name=weights, allow_unbalanced_panel=True,
    ).fit(est_method="dr", bstrap=False)  # fmt: skip
    simple = fit.aggte("simple", bstrap=False, cband=False).atte
    return normal(simple["overall_att"], np.ravel(simple["overall_se"])[0])


def diff_diff(frame, weights):
    from diff_diff import CallawaySantAnna, SurveyDesign

    survey = SurveyDesign(weights=weights, psu="cluster") if weights else None
    fit = CallawaySantAnna(
        control_group="not_yet_treated", cluster=None if weights else "cluster"
    ).fit(
        frame, outcome="y", unit="unit", time="time", first_treat="cohort",
        **({"survey_design": survey} if survey else {}),
    )  # fmt: skip
    return fit.overall_att, *fit.overall_conf_int


def moderndid(frame, weights):
    from moderndid import aggte, att_gt

    fit = att_gt(
        data=frame, yname="y", tname="time", idname="unit", gname="cohort",
        control_group="notyettreated", clustervars=["cluster"], weightsname=weights,
        allow_unbalanced_panel=True, boot=False, cband=False,
    )  # fmt: skip
    simple = aggte(fit, type="simple")
    return normal(simple.overall_att, simple.overall_se)


PACKAGES = {"csdid": csdid, "diff-diff": diff_diff, "moderndid": moderndid}


def main(package, folder, weights):
    warnings.simplefilter("ignore")
    answers = []
    with contextlib.redirect_stdout(io.StringIO()):
        for path in sorted(Path(folder).glob("*.npz"), key=lambda p: int(p.stem)):
            frame = pd.DataFrame(dict(np.load(path)))
            found = np.array(PACKAGES[package](frame, weights or None), dtype=float)
            answers.append([None if np.isnan(x) else x for x in found.tolist()])
    print("FOUND" + json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
