"""How long barriers last: Kaplan-Meier curves, their medians, and clear against unclear starts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import attrs
import polars as pl

from impactkit import Chart, Diagnostic, Estimate, EstimationError, Table, kaplan_meier, log_rank
from impactkit_partnership import columns as c
from impactkit_partnership.barrier_rates import CLEAR, UNCLEAR

DAYS = "Days until a barrier was out of the way, median"


def lasting(rows: pl.DataFrame, starts: dict[str, str], until: dt.date) -> Iterator[Any]:
    """Yield the medians and curves of days to resolution, and the test of clear against unclear."""
    spells = rows.with_columns(
        # A barrier that was gone on the day it was written down took part of that day.
        pl.max_horizontal(
            (pl.min_horizontal("resolved_on", pl.lit(until)) - pl.col("raised_on")).dt.total_days(),
            pl.lit(0.5),
        ).alias("days"),
        (pl.col("resolved_on") <= pl.lit(until)).fill_null(value=False).alias("gone"),
        pl.col("partnership_id")
        .replace_strict(starts, default=None, return_dtype=pl.String)
        .alias("start"),
    ).sort("partnership_id", "raised_on", "days")
    sides = [("all", spells), *((g, spells.filter(pl.col("start") == g)) for g in (CLEAR, UNCLEAR))]
    steps: list[tuple[Any, ...]] = []
    for group, part in sides:
        if group != "all" and not starts:
            continue
        try:
            curve = kaplan_meier(
                part.with_columns(group=pl.lit(group)),
                duration="days",
                event="gone",
                group="group",
                cluster="partnership_id",
            )
        except EstimationError as error:
            yield _median(group, part, None, (None, None), str(error))
            continue
        middle, bounds = curve.median()[group]
        median = _median(group, part, middle, bounds, "half of them were not yet out of the way")
        yield attrs.evolve(median, warnings=curve.warnings)
        if starts and group == "all":  # the picture compares the two
            continue
        steps.append((group, 0.0, 100.0, None, None))
        steps += (
            (
                group,
                row["time"],
                100 * row["value"],
                *(_percent(row[k]) for k in ("ci_low", "ci_high")),
            )
            for row in curve.to_frame().iter_rows(named=True)
        )
    yield Table(
        id="resolution",
        title="Barriers not yet out of the way",
        columns=(
            c.what("start", "Start of the partnership"),
            c.number("days", "Days", "days", digits=0),
            c.number("left", "Still there, %", "percent"),
            *c.INTERVAL,
        ),
        rows=steps,
        note="Kaplan-Meier curve; intervals are pointwise and allow for partnerships.",
    )
    yield Chart(
        id="resolution",
        kind="step",
        title="Barriers not yet out of the way",
        data="resolution",
        x="days",
        y="left",
        low="low",
        high="high",
        series="start",
        x_title="Days since it was written down",
        y_title="Percent still there",
    )
    told = spells.drop_nulls("start")
    if told["start"].n_unique() == 2 and told["gone"].any():
        test = log_rank(
            told, duration="days", event="gone", group="start", cluster="partnership_id"
        )
        yield Diagnostic(
            name="days to resolution, clear against unclear start (log-rank)",
            value=test.statistic,
            p_value=test.p_value,
            text=test.reason or f"Chi-squared; variance: {test.variance}.",
        )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _median(
    group: str,
    part: pl.DataFrame,
    middle: float | None,
    bounds: tuple[float | None, float | None],
    reason: str,
) -> Estimate:
    names: dict[str, Any] = {
        "estimand": DAYS,
        "term": "resolution",
        "subgroup": group,
        "unit": "days",
        "n_partnerships": part["partnership_id"].n_unique() if part.height else 0,
    }
    if middle is None:
        return Estimate(**names, status="not_estimable", reason=reason)
    whole = None not in bounds
    return Estimate(
        **names,
        value=middle,
        ci_low=bounds[0] if whole else None,
        ci_high=bounds[1] if whole else None,
        n_clusters=names["n_partnerships"],
        method="median of the Kaplan-Meier curve; Brookmeyer-Crowley interval",
        variance="cluster-robust by partnership",
        reason="" if whole else "the bounds of the curve do not both come down to a half",
    )
