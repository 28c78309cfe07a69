"""Shares of people as `Estimate`s: the value, an honest interval, or the reason there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import attrs
import polars as pl

from impactkit import EffectiveSample, Estimate, effective_sample, newcombe

IN, OUT = "in a partnership", "in no partnership"
"""The groups that are compared, as readers see them."""


@attrs.frozen
class Limits:
    """What a share must rest on; `min_clusters` is what it takes to allow for clustering."""

    min_people: int
    min_schools: int
    min_clusters: int


@attrs.frozen(kw_only=True)
class Tally:
    """Successes among some people, or the reason why no share can be given of them."""

    people: int
    schools: int
    successes: int
    worth: EffectiveSample | None = None
    status: Literal["ok", "not_estimable", "withheld"] = "ok"
    reason: str = ""


def tally(rows: pl.DataFrame, success: pl.Expr, limits: Limits, *, what: str) -> Tally:
    """Count successes among `rows`, one row a person, with `school_key` and `cluster`.

    `what` names the people in the plural, for the reason.
    """
    by_cluster = (
        rows.select("school_key", "cluster", success.alias("success"))
        .group_by("cluster")
        .agg(pl.len().alias("n"), pl.col("success").sum())
        .sort("cluster")
    )
    people = rows.height
    schools = rows["school_key"].n_unique() if people else 0
    counts: dict[str, Any] = {
        "people": people,
        "schools": schools,
        "successes": int(by_cluster["success"].sum()),
    }
    if people == 0:
        return Tally(**counts, status="not_estimable", reason=f"there are no {what}")
    if people < limits.min_people:
        return Tally(
            **counts,
            status="not_estimable",
            reason=f"there are fewer than {limits.min_people} {what}, too few for a share",
        )
    if schools < limits.min_schools:
        return Tally(
            **counts,
            status="withheld",
            reason=f"the {what} come from fewer than {limits.min_schools} schools, "
            "where one person could be recognised",
        )
    worth = effective_sample(
        by_cluster["success"].to_list(), by_cluster["n"].to_list(), min_clusters=limits.min_clusters
    )
    return Tally(**counts, worth=worth)


def variance_words(worth: EffectiveSample) -> str:
    """Say what the interval allows for."""
    if not worth.clustered:
        return "binomial; people taken as independent"
    return "cluster-robust: people divided by the design effect of partnerships and schools"


def few_clusters(worth: EffectiveSample) -> tuple[str, ...]:
    """Warn where people hang together in clusters too few to allow for."""
    if worth.clustered:
        return ()
    return (
        "People of the same school or partnership are not independent, and there are too few "
        "clusters to allow for that: the interval is likely too narrow.",
    )


def share_estimate(
    counted: Tally,
    interval: Callable[[float, float], tuple[float, float]],
    *,
    interval_name: str,
    warnings: tuple[str, ...] = (),
    **names: Any,
) -> Estimate:
    """Return a share in percent; `names` are further fields of the `Estimate`."""
    common = {"unit": "percent", **names}
    if counted.worth is None:
        people = counted.people if counted.status == "not_estimable" else None
        return Estimate(
            **common,
            status=counted.status,
            reason=counted.reason,
            n_people=people,
            n_schools=counted.schools,
            warnings=warnings,
        )
    worth = counted.worth
    low, high = interval(worth.share, worth.n_effective)
    return Estimate(
        **common,
        value=100 * worth.share,
        std_error=None if worth.std_error is None else 100 * worth.std_error,
        ci_low=100 * low,
        ci_high=100 * high,
        n_people=counted.people,
        n_schools=counted.schools,
        n_clusters=worth.n_clusters,
        method=f"share of people pooled over years; {interval_name}",
        variance=variance_words(worth),
        warnings=(*warnings, *few_clusters(worth)),
    )


def difference_estimate(
    first: Tally, second: Tally, *, warnings: tuple[str, ...] = (), **names: Any
) -> Estimate:
    """Return the first share less the second, in percentage points, with Newcombe's interval."""
    common = {
        "unit": "percentage points",
        "n_people": first.people + second.people,
        "n_schools": first.schools,
        "n_comparison": second.schools,
        **names,
    }
    if first.worth is None or second.worth is None:
        missing = first if first.worth is None else second
        return Estimate(
            **{**common, "n_people": None},
            status=missing.status,
            reason=f"a share of one side is missing: {missing.reason}",
        )
    one, two = first.worth, second.worth
    low, high = newcombe(one.share, one.n_effective, two.share, two.n_effective)
    errors = (one.std_error, two.std_error)
    both = None if None in errors else 100 * sum(e * e for e in errors if e is not None) ** 0.5
    return Estimate(
        **common,
        value=100 * (one.share - two.share),
        std_error=both,
        ci_low=100 * low,
        ci_high=100 * high,
        n_clusters=one.n_clusters + two.n_clusters,
        n_treated_clusters=one.n_clusters,
        method="difference of two shares; Newcombe's hybrid score interval",
        variance=variance_words(min(one, two, key=lambda side: side.clustered)),
        warnings=(*warnings, *dict.fromkeys((*few_clusters(one), *few_clusters(two)))),
    )
