"""Our jobs. ``python -m benchmarks.jobs NAME FOLDER SMALL_FOLDER`` runs one and prints its cost."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import polars as pl
from benchmarks.child import found, report

from impactkit.estimators import att_gt, event_study, sun_abraham, wild_cluster_bootstrap
from impactkit.estimators.imputation import imputation
from impactkit.estimators.two_stage import two_stage

NAMES = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}


def floor(path):
    """Read three columns and group once: what no estimator can do without."""
    rows = pl.read_parquet(path, columns=["cohort", "time", "y"])
    table = rows.group_by("cohort", "time").agg(pl.col("y").mean(), pl.len())
    return found(table["y"].mean())


def overall(estimate):
    return found(estimate.value, estimate.std_error)


def staggered(frame, bootstrap=0):
    fit = att_gt(
        frame, **NAMES, covariates=["x"], control="nevertreated", bootstrap=bootstrap, seed=1
    )
    return overall(fit.aggregate("dynamic").overall)


def twfe(frame):
    study = event_study(frame, **NAMES)
    return overall(next(e for e in study.terms if e.term == "0"))


def cohort_average(frame):
    dynamic = sun_abraham(frame, **NAMES).aggregate("dynamic")
    return overall(next(e for e in dynamic.terms if e.term == "0"))


def imputed(frame):
    dynamic = imputation(frame, **NAMES).aggregate("dynamic")
    return overall(next(e for e in dynamic.terms if e.term == "0"))


def two_stages(frame):
    return overall(next(e for e in two_stage(frame, **NAMES).terms if e.term == "0"))


def wild(frame):
    test = wild_cluster_bootstrap(frame, **NAMES, cluster="region", draws=9_999, seed=1)
    return found(test.estimate.value, test.estimate.p_value)


JOBS = {
    "att_gt": staggered,
    "att_gt, 999 draws": partial(staggered, bootstrap=999),
    "TWFE event study": twfe,
    "Sun-Abraham": cohort_average,
    "imputation": imputed,
    "two-stage": two_stages,
    "wild bootstrap": wild,
}


def main(name, *folders):
    file = "regional.parquet" if name == "wild bootstrap" else "panel.parquet"
    paths = [Path(folder) / file for folder in folders]
    if name == "floor":
        report(lambda path: path, floor, *paths)
    else:
        report(pl.read_parquet, JOBS[name], *paths)


if __name__ == "__main__":
    main(*sys.argv[1:])
