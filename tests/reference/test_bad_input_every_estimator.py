"""What goes wrong in real panels, given to every estimator of panels.

Each answers with an error that has counts or names, or with estimates of which every one that
lacks a value or an interval says why. Never a crash of linear algebra, a NaN, or a silent drop.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.errors import EstimationError, ImpactkitError
from impactkit.estimators import (
    att_gt,
    bacon_decomposition,
    did_2x2,
    etwfe,
    event_study,
    imputation,
    stacked,
    sun_abraham,
    synthetic_control,
    synthetic_did,
    triple_difference,
    two_stage,
    wild_cluster_bootstrap,
)
from impactkit.inference import randomisation_inference
from impactkit.results import Estimate

NAMES: dict[str, Any] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}
PERIODS = (1, 2, 3, 4, 5, 6)


def randomised(frame: pl.DataFrame, **options: Any) -> Any:
    """Test `att_gt`'s average over assignments."""

    def statistic(drawn: pl.DataFrame) -> Estimate:
        return att_gt(drawn, **NAMES, **options).aggregate("simple").overall

    return randomisation_inference(frame, statistic, unit="unit", cohort="cohort", draws=19, seed=1)


Estimator = Callable[..., Any]
WITH_COVARIATES: dict[str, Estimator] = {
    "att_gt, dr": lambda f, **k: att_gt(f, **NAMES, **k),
    "att_gt, reg": lambda f, **k: att_gt(f, **NAMES, method="reg", **k),
    "att_gt, ipw, pairs": lambda f, **k: att_gt(f, **NAMES, method="ipw", gaps="pairs", **k),
    "att_gt, cr2": lambda f, **k: att_gt(f, **NAMES, small_sample="cr2", **k),
    "att_gt, drawn": lambda f, **k: att_gt(f, **NAMES, bootstrap=19, seed=1, **k),
    "event_study": lambda f, **k: event_study(f, **NAMES, **k),
    "event_study, CRV3": lambda f, **k: event_study(f, **NAMES, vcov="CRV3", **k),
    "sun_abraham": lambda f, **k: sun_abraham(f, **NAMES, **k),
    "etwfe": lambda f, **k: etwfe(f, **NAMES, **k),
    "etwfe, nevertreated": lambda f, **k: etwfe(f, **NAMES, control="nevertreated", **k),
    "imputation": lambda f, **k: imputation(f, **NAMES, **k),
    "imputation, leave_out": lambda f, **k: imputation(f, **NAMES, leave_out=True, **k),
    "two_stage": lambda f, **k: two_stage(f, **NAMES, **k),
    "triple_difference": lambda f, **k: triple_difference(f, **NAMES, eligible="eligible", **k),
    "wild_cluster_bootstrap": lambda f, **k: wild_cluster_bootstrap(
        f, **NAMES, draws=99, seed=1, **k
    ),
    "randomisation_inference": randomised,
}
WITH_WEIGHTS = {
    **WITH_COVARIATES,
    "did_2x2": lambda f, **k: did_2x2(f, **NAMES, **k),
    "stacked": lambda f, **k: stacked(f, **NAMES, window=(-2, 1), **k),
}
WITH_CLUSTERS = {
    **WITH_WEIGHTS,
    "bacon_decomposition": lambda f, **k: bacon_decomposition(f, **NAMES, **k),
}
EVERY = {
    **WITH_CLUSTERS,
    "synthetic_control": lambda f: synthetic_control(f, **NAMES, replications=20),
    "synthetic_did": lambda f: synthetic_did(f, **NAMES, replications=20),
    "synthetic_did, jackknife": lambda f: synthetic_did(f, **NAMES, variance="jackknife"),
}


def panel(cohorts: tuple[int | None, ...] = (4, 4, None, None)) -> pl.DataFrame:
    """Return 48 units over six periods in clusters of four, half of them eligible."""
    rng = np.random.default_rng(2)
    unit, time = np.repeat(np.arange(48), 6), np.tile(PERIODS, 48)
    return pl.DataFrame(
        {
            "unit": unit,
            "time": time,
            "cohort": [cohorts[i // 2 % len(cohorts)] for i in unit],
            "y": rng.normal(size=48)[unit] + rng.normal(size=288),
            "x": rng.normal(size=288),
            "w": rng.uniform(0.5, 2, size=48)[unit],
            "group": unit // 4,
            "eligible": unit % 2,
        },
        schema_overrides={"cohort": pl.Int64},
    )


def of_unit(unit: int, value: Any, column: str) -> pl.Expr:
    """Replace a column in the rows of one unit."""
    return pl.when(pl.col("unit") == unit).then(value).otherwise(column).alias(column)


NEVER = pl.col("cohort").is_null()
TREATED = (~NEVER & (pl.col("time") >= pl.col("cohort"))).fill_null(False)
DESIGNS: dict[str, pl.DataFrame] = {
    "no row": panel()[:0],
    "one row": panel()[:1],
    "one unit": panel()[:6],
    "nobody treated": panel((None,)),
    "nobody untreated at any time": panel((3,)),
    "all treated in the first year": panel((1,)),
    "treated before the first year, or never": panel((0, None)),
    "nobody never treated": panel((3, 4, 5, 6)),
    "no comparison but one unit": panel((4,)).with_columns(of_unit(0, None, "cohort")),
    "a cohort of one": panel().with_columns(of_unit(0, 5, "cohort")),
    "one treated unit": panel((None,)).with_columns(of_unit(0, 4, "cohort")),
    "treated after the last year": panel((9, None)),
    "a period missing": panel().filter(pl.col("time") != 3),
    "the period of treatment missing": panel().filter(pl.col("time") != 4),
    "one period": panel().filter(pl.col("time") == 4),
    "two periods": panel().filter(pl.col("time").is_in([3, 4])),
    "no period before": panel().filter(pl.col("time") >= 4),
    "the treated are never seen before": panel().filter(NEVER | (pl.col("time") >= 4)),
    "the treated are never seen after": panel().filter(NEVER | (pl.col("time") < 4)),
    "many gaps": panel().filter(pl.Series(np.random.default_rng(0).random(288) < 0.4)),
    "treatment switches off": panel().with_columns(
        cohort=pl.when(pl.col("time") < 6).then("cohort")
    ),
    "two starts": panel().with_columns(cohort=pl.col("cohort") + (pl.col("time") > 5)),
    "rows twice": pl.concat([panel(), panel()[:3]]),
    "zero for never treated": panel().with_columns(pl.col("cohort").fill_null(0)),
    "an outcome that never varies": panel().with_columns(y=pl.lit(3.0)),
    "an outcome that is treatment": panel().with_columns(y=TREATED.cast(pl.Float64)),
    "outcomes missing": panel()
    .with_columns(of_unit(0, None, "y"))
    .with_columns(of_unit(3, math.nan, "y")),
    "infinite outcomes": panel().with_columns(of_unit(0, math.inf, "y")),
    "no outcome at all": panel().with_columns(y=pl.lit(None, dtype=pl.Float64)),
    "huge outcomes": panel().with_columns(pl.col("y") * 1e150),
    "tiny outcomes": panel().with_columns(pl.col("y") * 1e-150),
    "outcomes far from zero": panel().with_columns(pl.col("y") + 1e9),
    "text for an outcome": panel().with_columns(pl.col("y").cast(pl.String)),
    "text for a year": panel().with_columns(pl.col("time").cast(pl.String)),
    "half years": panel().with_columns(pl.col("time") + 0.5),
    "no unit": panel().with_columns(of_unit(0, None, "unit")),
    "no year": panel().with_columns(of_unit(0, None, "time")),
    "no such column": panel().drop("y"),
}
COVARIATES: dict[str, tuple[list[str], pl.Expr]] = {
    "constant": (["z"], pl.lit(1.0).alias("z")),
    "constant in a cell": (
        ["z"],
        pl.when(NEVER | (pl.col("time") != 4)).then("x").otherwise(0).alias("z"),
    ),
    "constant within units": (["z"], (pl.col("unit") % 7).alias("z")),
    "collinear": (["x", "z"], (2 * pl.col("x") - 1).alias("z")),
    "missing in rows": (["z"], of_unit(0, None, "x").alias("z")),
    "missing everywhere": (["z"], pl.lit(None, dtype=pl.Float64).alias("z")),
    "infinite": (["z"], of_unit(0, math.inf, "x").alias("z")),
    "tells the groups apart": (
        ["z"],
        (pl.col("x") + 50 * ~NEVER).alias("z"),
    ),
    "treatment itself": (["z"], TREATED.cast(pl.Float64).alias("z")),
    "a category of its own each": (["z"], pl.col("unit").cast(pl.String).alias("z")),
    "the outcome": (["z"], pl.col("y").alias("z")),
    "vast": (["z"], (pl.col("x") * 1e200).alias("z")),
}
WEIGHTS: dict[str, pl.Expr] = {
    "negative": of_unit(0, -1.0, "w"),
    "nothing": pl.lit(0.0).alias("w"),
    "nothing for the treated": pl.when(NEVER).then("w").otherwise(0).alias("w"),
    "nothing for the others": pl.when(NEVER).then(0).otherwise("w").alias("w"),
    "missing": of_unit(0, None, "w"),
    "not a number": of_unit(0, math.nan, "w"),
    "infinite": of_unit(0, math.inf, "w"),
    "all on one unit": of_unit(0, 1e12, "w"),
}
CLUSTERS: dict[str, pl.Expr] = {
    "one": pl.lit("all").alias("group"),
    "one treated": pl.when(NEVER).then("group").otherwise(-1).alias("group"),
    "one untreated": pl.when(NEVER).then(-1).otherwise("group").alias("group"),
    "two": NEVER.alias("group"),
    "changing within a unit": (pl.col("unit") + pl.col("time")).alias("group"),
    "missing": of_unit(0, None, "group"),
}


def understandable(error: ImpactkitError) -> None:
    """Require counts or names, and what to do."""
    said = str(error)
    assert re.search(r"\d|covariate z", said), said
    assert not isinstance(error, EstimationError) or re.search(r"[;.] \w", said), said
    assert not re.search(r"\bnan\b|singular matrix|LinAlg|Traceback|array\(", said), said


def answered(estimate: Estimator, frame: pl.DataFrame, **options: Any) -> None:
    """Require an error in plain words, or estimates without a gap in their account."""
    try:
        found = estimate(frame, **options)
        every, text = [*estimates_of(found)], str(found)
    except ImpactkitError as error:
        understandable(error)
        return
    assert every
    assert not re.search(r"\bnan\b", text), text
    for e in every:
        numbers = (e.value, e.std_error, e.ci_low, e.ci_high, e.p_value, e.band_low, e.band_high)
        assert all(v is None or math.isfinite(v) for v in numbers), e
        assert (e.value is None) == (e.status == "not_estimable"), e
        assert e.reason or e.ci_low is not None or e.p_value is not None, e
        assert e.std_error is None or e.std_error > 0, e
        assert e.df is None or (e.df > 0 and e.ci_low is not None), e
    lost = getattr(found, "exclusions", None)
    if lost is not None and "y" in frame.columns:
        empty = frame.filter(~pl.col("y").cast(pl.Float64).is_finite().fill_null(False)).height
        assert empty <= sum(x.n_rows or 0 for x in lost)
        assert all(x.text and (x.n_rows is not None or x.n_schools is not None) for x in lost)


def estimates_of(found: Any) -> Iterable[Estimate]:
    """Return every estimate that a result holds."""
    yield from getattr(found, "cells", ())
    if hasattr(found, "estimates"):
        yield from found.estimates()
    for kind in ("group", "calendar"):
        if hasattr(found, "aggregate"):
            yield from found.aggregate(kind).estimates()
    if hasattr(found, "estimate"):
        yield found.estimate


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", EVERY)
def test_designs_that_go_wrong(name: str, design: str) -> None:
    """Nobody to compare, treatment that switches off, gaps, duplicates, odd outcomes."""
    answered(EVERY[name], DESIGNS[design])


@pytest.mark.parametrize("fault", COVARIATES)
@pytest.mark.parametrize("name", WITH_COVARIATES)
def test_covariates_that_go_wrong(name: str, fault: str) -> None:
    """Constant, collinear, missing, separating, or made of the treatment or the outcome."""
    columns, change = COVARIATES[fault]
    answered(WITH_COVARIATES[name], panel().with_columns(change), covariates=columns)


@pytest.mark.parametrize("fault", WEIGHTS)
@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_weights_that_go_wrong(name: str, fault: str) -> None:
    """Negative, missing, infinite, or nothing for one side."""
    answered(WITH_WEIGHTS[name], panel().with_columns(WEIGHTS[fault]), weights="w")


@pytest.mark.parametrize("fault", CLUSTERS)
@pytest.mark.parametrize("name", WITH_CLUSTERS)
def test_clusters_that_go_wrong(name: str, fault: str) -> None:
    """One cluster in all or on a side, clusters that units change, or none."""
    answered(WITH_CLUSTERS[name], panel().with_columns(CLUSTERS[fault]), cluster="group")
