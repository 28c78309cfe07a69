"""Survival curves and tests against published numbers and other packages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.errors import DataError, EstimationError, UsageError
from impactkit.estimators import aalen_johansen, kaplan_meier, log_rank

# Weeks of remission of leukaemia (Freireich et al. 1963, as in Cox 1972); 0: still in remission.
SIX_MP = [
    *[(6, 1), (6, 1), (6, 1), (6, 0), (7, 1), (9, 0), (10, 1), (10, 0), (11, 0), (13, 1), (16, 1)],
    *[(17, 0), (19, 0), (20, 0), (22, 1), (23, 1), (25, 0), (32, 0), (32, 0), (34, 0), (35, 0)],
]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]

# Kaplan-Meier and Greenwood for 6-MP, as printed in Cox & Oakes (1984), Collett (2015) and the
# output of R's survfit.
PRINTED = [
    (6, 21, 3, 0.8571, 0.0764),
    (7, 17, 1, 0.8067, 0.0869),
    (10, 15, 1, 0.7529, 0.0963),
    (13, 12, 1, 0.6902, 0.1068),
    (16, 11, 1, 0.6275, 0.1141),
    (22, 7, 1, 0.5378, 0.1282),
    (23, 6, 1, 0.4482, 0.1346),
]


def remission() -> pl.DataFrame:
    """Return both arms, a row a patient."""
    rows = [("6-MP", *x) for x in SIX_MP] + [("placebo", x, 1) for x in PLACEBO]
    return pl.DataFrame(rows, schema=["arm", "weeks", "relapse"], orient="row")


def test_remission_under_6_mp_is_as_printed() -> None:
    """At risk, relapses, share and Greenwood's standard error, to the digits printed."""
    curve = kaplan_meier(remission(), duration="weeks", event="relapse", group="arm")
    rows = curve.to_frame().filter(pl.col("subgroup") == "6-MP")
    found = rows.select("time", "at_risk", "ended", "value", "std_error").rows()
    for got, printed in zip(found, PRINTED, strict=True):
        assert got[:3] == printed[:3]
        assert got[3:] == pytest.approx(printed[3:], abs=6e-5)


def test_median_remission_is_as_printed() -> None:
    """23 weeks against 8; Stata and SAS print 13 to no upper bound, and 4 to 11 (log-log)."""
    curve = kaplan_meier(remission(), duration="weeks", event="relapse", group="arm")
    assert curve.median() == {"6-MP": (23.0, (13.0, None)), "placebo": (8.0, (4.0, 11.0))}


def test_arms_differ_as_printed() -> None:
    """Expected 19.25 and 10.75, chi-squared 16.79 on 1 degree of freedom (R's survdiff)."""
    test = log_rank(remission(), duration="weeks", event="relapse", group="arm")
    assert test.observed == (9, 21)
    assert test.expected == pytest.approx((19.25, 10.75), abs=5e-3)
    assert test.statistic == pytest.approx(16.79, abs=5e-3)
    assert test.p_value == pytest.approx(4.17e-5, rel=5e-3)


def careers(seed: int, n: int = 400) -> pl.DataFrame:
    """Return spells of three groups that end by two causes, in whole years, some watched late."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c"], n)
    end = 1 + rng.geometric(np.where(group == "a", 0.2, 0.3))
    return pl.DataFrame(
        {
            "group": group,
            "phase": rng.choice(["first", "second"], n),
            "entry": np.where(rng.random(n) < 0.3, 1, 0),
            "end": np.minimum(end, 9),
            "cause": np.where(end > 9, 0, rng.choice([0, 1, 2], n, p=[0.2, 0.3, 0.5])),
        }
    )


LIFELINES = """
from lifelines import KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test
f = frames["spells"]
out = {"km": {}}
for g, part in f.groupby("group"):
    km = KaplanMeierFitter().fit(part["end"], part["cause"] > 0, entry=part["entry"])
    ci = km.confidence_interval_survival_function_
    out["km"][g] = {str(t): [float(km.survival_function_.loc[t].iloc[0]), *map(float, ci.loc[t])]
                    for t in sorted(set(part["end"][part["cause"] > 0]))}
test = multivariate_logrank_test(f["end"], f["group"], f["cause"] > 0)
out["logrank"] = [float(test.test_statistic), float(test.p_value)]
answer(out)
"""


def test_agreement_with_lifelines(peer: Callable[..., Any]) -> None:
    """Late-watched spells: values and log-log intervals; and the test of three groups."""
    spells = careers(1).with_columns(left=pl.col("cause") > 0)
    expected = peer(LIFELINES, {"spells": spells})
    curve = kaplan_meier(spells, duration="end", event="left", group="group", entry="entry")
    checked = 0
    for e, time in zip(curve.steps, curve.time, strict=True):
        value, low, high = expected["km"][e.subgroup][str(int(time))]
        assert e.value == pytest.approx(value, abs=1e-10)
        if e.ci_low is not None:
            assert (e.ci_low, e.ci_high) == pytest.approx((low, high), abs=1e-9)
            checked += 1
    assert checked > 15
    test = log_rank(spells, duration="end", event="left", group="group")
    assert (test.statistic, test.p_value) == pytest.approx(expected["logrank"], rel=1e-9)


SKSURV = """
import numpy as np
from sksurv.nonparametric import cumulative_incidence_competing_risks as cif
f = frames["spells"]
time, F, ci = cif(f["cause"].to_numpy(), f["end"].to_numpy(float), conf_level=0.95,
                  conf_type="log-log", var_type="Dinse_Approx")
answer({"time": time.tolist(), "F": F.tolist(), "ci": ci.tolist()})
"""


def test_agreement_with_scikit_survival(peer: Callable[..., Any]) -> None:
    """Incidence by cause with Dinse & Larson's first-order variance, log-log intervals."""
    spells = careers(2)
    expected = peer(SKSURV, {"spells": spells})
    label = pl.when(pl.col("cause") > 0).then(pl.col("cause"))
    curves = aalen_johansen(spells.with_columns(cause=label), duration="end", cause="cause")
    for e, time in zip(curves.steps, curves.time, strict=True):
        k, t = int(e.estimand.removeprefix("F(t) of ")), expected["time"].index(time)
        assert e.value == pytest.approx(expected["F"][k][t], abs=1e-12)
        low, high = (expected["ci"][k][side][t] for side in (0, 1))
        assert (e.ci_low, e.ci_high) == pytest.approx((low, high), abs=1e-9)


SURVDIFF = """
from statsmodels.duration.survfunc import survdiff
f = frames["spells"]
chi2, p = survdiff(f["end"], f["cause"] > 0, f["group"], entry=f["entry"])
strat, _ = survdiff(f["end"], f["cause"] > 0, f["group"], strata=f["phase"])
answer([float(chi2), float(p), float(strat)])
"""


def test_agreement_with_statsmodels(peer: Callable[..., Any]) -> None:
    """The test with spells watched late, and within phases."""
    spells = careers(3).with_columns(left=pl.col("cause") > 0)
    chi2, p, stratified = peer(SURVDIFF, {"spells": spells})
    late = log_rank(spells, duration="end", event="left", group="group", entry="entry")
    assert (late.statistic, late.p_value) == pytest.approx((chi2, p), rel=1e-9)
    within = log_rank(spells, duration="end", event="left", group="group", strata="phase")
    assert within.statistic == pytest.approx(stratified, rel=1e-9)


def test_a_curve_says_nothing_after_the_last_spell_was_watched() -> None:
    """Nor does it fall to zero there; before the first end it is one."""
    frame = pl.DataFrame({"years": [2, 3, 4], "left": [True, False, False]})
    curve = kaplan_meier(frame, duration="years", event="left")
    assert [curve.at(t)[0].value for t in (1, 2, 4)] == [
        1.0,
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
    ]
    beyond = curve.at(5)[0]
    assert (beyond.value, beyond.status) == (None, "not_estimable")
    assert "beyond 4" in beyond.reason


def test_a_curve_that_reaches_zero_has_no_interval_there() -> None:
    """Greenwood would say that zero is certain."""
    curve = kaplan_meier(
        pl.DataFrame({"years": [1, 2], "left": [1, 1]}), duration="years", event="left"
    )
    last = curve.steps[-1]
    assert (last.value, last.std_error, last.ci_low) == (0.0, None, None)
    assert "had ended" in last.reason


def test_what_is_left_out_is_counted() -> None:
    """Missing ends, missing events, and spells that ended before they were watched."""
    frame = pl.DataFrame(
        {
            "years": [1.0, None, 3.0, 4.0, 2.0],
            "left": [True, True, None, False, True],
            "from": [0, 0, 0, 0, 2],
        }
    )
    curve = kaplan_meier(frame, duration="years", event="left", entry="from")
    assert [(x.reason, x.n_rows) for x in curve.exclusions] == [
        ("missing", 1),
        ("missing", 1),
        ("not_watched", 1),
    ]
    assert curve.steps[0].n_people == 2
    assert "1 spells (ended before they were watched)" in str(curve)


GOOD = pl.DataFrame(
    {"years": [1, 2, 3], "left": [1, 0, 1], "who": ["a", "b", None], "one": ["a"] * 3}
)


@pytest.mark.parametrize(
    ("call", "frame", "options", "error", "words"),
    [
        (kaplan_meier, GOOD, {"duration": "year", "event": "left"}, DataError, "no such column"),
        (kaplan_meier, GOOD, {"duration": "one", "event": "left"}, DataError, "expected numbers"),
        (kaplan_meier, GOOD, {"duration": "years", "event": "years"}, DataError, "true or false"),
        (
            kaplan_meier,
            GOOD.with_columns(years=-pl.col("years")),
            {"duration": "years", "event": "left", "group": "who"},
            DataError,
            "2 problems",
        ),
        (
            kaplan_meier,
            GOOD.with_columns(left=pl.lit(0)),
            {"duration": "years", "event": "left"},
            EstimationError,
            "none of 3 spells ended",
        ),
        (
            kaplan_meier,
            GOOD.with_columns(left=pl.lit(None, pl.Boolean)),
            {"duration": "years", "event": "left"},
            EstimationError,
            "no spell is left .3: no value of left",
        ),
        (
            kaplan_meier,
            GOOD,
            {"duration": "years", "event": "left", "level": 95},
            UsageError,
            "0.95",
        ),
        (
            log_rank,
            GOOD,
            {"duration": "years", "event": "left", "group": "one"},
            EstimationError,
            "one group only",
        ),
    ],
)
def test_what_cannot_be_estimated_is_an_error_in_words(
    call: Callable[..., Any],
    frame: pl.DataFrame,
    options: dict[str, Any],
    error: type[Exception],
    words: str,
) -> None:
    """Each message names the column, or counts the spells."""
    with pytest.raises(error, match=words):
        call(frame, **options)


def test_times_too_fine_to_hold_are_refused_with_a_remedy() -> None:
    """20,000 people, each with a time of their own, would take gigabytes."""
    times = np.random.default_rng(1).random(20_000)
    frame = pl.DataFrame({"years": times, "left": [1] * 20_000})
    with pytest.raises(EstimationError, match=r"20,000 different times.*whole periods"):
        kaplan_meier(frame, duration="years", event="left")


def test_groups_never_at_risk_together_are_not_tested() -> None:
    """No statistic, and the reason."""
    frame = pl.DataFrame(
        {
            "years": [1, 2, 5, 6],
            "from": [0, 0, 4, 4],
            "left": [1] * 4,
            "group": ["a", "a", "b", "b"],
        }
    )
    test = log_rank(frame, duration="years", event="left", group="group", entry="from")
    assert test.statistic is None
    assert "only one group was at risk" in test.reason
