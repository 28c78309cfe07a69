"""How long senior posts stood open, those that still do among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from impactkit import Estimate, EstimationError, kaplan_meier
from impactkit_leadership.appointment_tables import ALL, KINDS, METRIC, SOURCES, WITHIN

if TYPE_CHECKING:
    from impactkit_leadership.appointments import AppointmentParams

WAIT = "Days from advertisement to appointment, median"


def estimates(posts: pl.DataFrame, params: AppointmentParams) -> Iterator[Estimate]:
    """Yield the median wait over all posts, and of those filled from within and from outside.

    `posts` has `school_key`, `cluster`, `source`, `filled` (null: still open) and `days`, the
    days from the advertisement until the post was filled or last seen.
    """
    filled = pl.col("filled").is_not_null()
    inside = pl.col("source").is_in(KINDS[WITHIN])
    known = pl.col("source").is_in(list(SOURCES))
    yield _wait(posts, "all", params)
    yield _wait(posts.filter(filled, inside), "appointed from within", params)
    yield _wait(posts.filter(filled, known, ~inside), "appointed from outside", params)


def _wait(posts: pl.DataFrame, group: str, params: AppointmentParams) -> Estimate:
    """Return the median days; its people are those appointed."""
    spells = posts.drop_nulls("days").with_columns(
        # A post that was filled on the day it was advertised took part of that day.
        pl.max_horizontal("days", pl.lit(0.5)).alias("days"),
        pl.col("filled").is_not_null().alias("event"),
    )
    common: dict[str, Any] = {
        "metric": METRIC,
        "estimand": WAIT,
        "term": ALL,
        "subgroup": group,
        "unit": "days",
        "n_people": int(spells["event"].sum()),
        "n_schools": spells["school_key"].n_unique() if spells.height else 0,
    }

    def unknown(reason: str) -> Estimate:
        return Estimate(**common, status="not_estimable", reason=reason)

    if common["n_people"] < params.min_appointments:
        return unknown(
            f"there are fewer than {params.min_appointments} appointments with both dates"
        )
    try:
        curve = kaplan_meier(spells, duration="days", event="event", cluster="cluster")
    except EstimationError as error:
        return unknown(str(error))
    middle, bounds = curve.median()["all"]
    if middle is None:
        return unknown("half of the posts were not yet filled on the last day in the table")
    whole = None not in bounds
    return Estimate(
        **common,
        value=middle,
        ci_low=bounds[0] if whole else None,
        ci_high=bounds[1] if whole else None,
        n_clusters=spells["cluster"].n_unique(),
        method="median of the Kaplan-Meier curve; Brookmeyer-Crowley interval",
        variance="cluster-robust by partnership, or school in none",
        reason="" if whole else "the bounds of the curve do not both come down to a half",
        warnings=curve.warnings,
    )
