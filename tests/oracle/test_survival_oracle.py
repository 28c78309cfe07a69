"""Survival curves and the log-rank test against loops and numerical derivatives."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.estimators import aalen_johansen, kaplan_meier, log_rank

_SPEC = importlib.util.spec_from_file_location(
    "survival_oracle", Path(__file__).with_name("survival_oracle.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
ORACLE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(ORACLE)


def spells_of(seed: int, n: int, *, late: bool, clusters: int | None) -> list[dict[str, Any]]:
    """Return spells of one to eight years that end by two causes, some watched late."""
    draw = random.Random(seed)
    spells = []
    for i in range(n):
        cluster = i if clusters is None else draw.randrange(clusters)
        end = draw.randint(2, 8)
        spells.append(
            {
                "entry": draw.choice([None, 1]) if late else None,
                "end": end,
                "cause": draw.choice(["promotion", "leaving", None]),
                "cluster": cluster,
                "group": draw.choice("abc"),
                "stratum": draw.choice("xy"),
            }
        )
    return spells


def frame_of(
    spells: list[dict[str, Any]], *, clustered: bool
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return the frame and the options that name its columns."""
    frame = pl.DataFrame(spells, infer_schema_length=None).with_columns(
        pl.col("entry").cast(pl.Int64).fill_null(0), left=pl.col("cause").is_not_null()
    )
    options: dict[str, Any] = {"duration": "end"}
    if any(s["entry"] for s in spells):
        options["entry"] = "entry"
    if clustered:
        options["cluster"] = "cluster"
    return frame, options


CASES = [(1, False, None), (2, True, None), (3, False, 12), (4, True, 12), (5, True, 25)]


@pytest.mark.parametrize(("seed", "late", "clusters"), CASES)
def test_curves_and_errors_are_those_of_loops(seed: int, late: bool, clusters: int | None) -> None:
    """Values to 1e-12 and standard errors to 1e-8, spells independent or in clusters."""
    spells = spells_of(seed, 90, late=late, clusters=clusters)
    frame, options = frame_of(spells, clustered=clusters is not None)
    curve = kaplan_meier(frame, event="left", **options)
    causes = aalen_johansen(frame, cause="cause", **options)
    for found in (curve, causes):
        assert found.steps
        for e, time in zip(found.steps, found.time, strict=True):
            cause = e.estimand.removeprefix("F(t) of ")

            def estimate(weight: dict[Any, float], time: float = time, cause: str = cause) -> float:
                if cause.startswith("S(t)"):
                    return ORACLE.survivor(spells, time, weight)
                return ORACLE.incidence(spells, time, weight, cause)

            ones = {s["cluster"]: 1.0 for s in spells}
            assert e.value == pytest.approx(estimate(ones), abs=1e-12)
            if e.std_error is not None:
                assert e.std_error == pytest.approx(ORACLE.std_error(estimate, spells), rel=1e-7)
        assert sum(e.std_error is not None for e in found.steps) >= len(found.steps) - 3


@pytest.mark.parametrize(("seed", "late", "clusters"), [c for c in CASES if c[2]])
@pytest.mark.parametrize("strata", [None, "stratum"])
def test_log_rank_with_clusters_is_that_of_loops(
    seed: int, late: bool, clusters: int, strata: str | None
) -> None:
    """The statistic from derivatives by each cluster's weight."""
    spells = spells_of(seed, 90, late=late, clusters=clusters)
    frame, options = frame_of(spells, clustered=True)
    if strata is None:
        spells = [{**s, "stratum": None} for s in spells]
    found = log_rank(frame, event="left", group="group", strata=strata, **options)
    psi, u = [], []
    for group in ("a", "b"):

        def estimate(weight: dict[Any, float], group: str = group) -> float:
            return ORACLE.excess(spells, weight, group)

        psi.append(ORACLE.derivatives(estimate, spells))
        u.append(estimate({s["cluster"]: 1.0 for s in spells}))
    psi_, u_ = np.array(psi), np.array(u)
    assert found.df == 2
    assert found.statistic == pytest.approx(u_ @ np.linalg.solve(psi_ @ psi_.T, u_), rel=1e-7)
    for g, (o, e) in enumerate(zip(found.observed[:2], found.expected[:2], strict=True)):
        assert o - e == pytest.approx(u[g], abs=1e-10)


def test_clusters_of_one_give_greenwood() -> None:
    """A cluster a spell is the same as no clusters, to the last digits."""
    spells = spells_of(9, 60, late=True, clusters=None)
    frame, options = frame_of(spells, clustered=False)
    alone = kaplan_meier(frame, event="left", **options)
    clustered = kaplan_meier(frame, event="left", cluster="cluster", **options)
    for a, b in zip(alone.steps, clustered.steps, strict=True):
        assert (a.value, a.reason) == (b.value, b.reason)
        if a.std_error is not None:
            assert b.std_error == pytest.approx(a.std_error, rel=1e-12)


def test_curves_add_up() -> None:
    """At every time the share that lasts and the shares ended by cause are one together."""
    frame, options = frame_of(spells_of(11, 80, late=True, clusters=None), clustered=False)
    lasts = kaplan_meier(frame, event="left", **options)
    ended = aalen_johansen(frame, cause="cause", **options)
    for time in range(1, 9):
        total = sum(e.value or 0.0 for e in (*lasts.at(time), *ended.at(time)))
        assert total == pytest.approx(1.0)


def test_the_same_people_twice_in_new_clusters_halve_the_variance() -> None:
    """There is no small-sample factor."""
    spells = spells_of(12, 80, late=False, clusters=15)
    frame, options = frame_of(spells, clustered=True)
    twice = pl.concat([frame, frame.with_columns(pl.col("cluster") + 100)])
    once = kaplan_meier(frame, event="left", **options)
    for a, b in zip(once.steps, kaplan_meier(twice, event="left", **options).steps, strict=True):
        assert a.value == pytest.approx(b.value)
        if a.std_error is not None:
            assert a.std_error == pytest.approx(b.std_error * 2**0.5)


def test_order_of_rows_does_not_matter() -> None:
    """To the last bit."""
    frame, options = frame_of(spells_of(13, 80, late=True, clusters=10), clustered=True)
    one = kaplan_meier(frame, event="left", group="group", **options)
    other = kaplan_meier(
        frame.sample(fraction=1.0, shuffle=True, seed=1), event="left", group="group", **options
    )
    assert one.steps == other.steps
