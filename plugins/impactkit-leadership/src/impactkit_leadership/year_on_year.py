"""All leaders in post, new or not, from one census to the next: for schools in partnerships or not.

New leaders are few, and of those in a small authority's partnerships next to nothing can be
published. Whoever is in post can leave, so this rests on several times as many, and on every year.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from impactkit import Chart, Estimate, wilson
from impactkit_leadership.cohorts import RETAINED
from impactkit_leadership.shares import (
    IN,
    OUT,
    Limits,
    difference_estimate,
    share_estimate,
    tally,
)

if TYPE_CHECKING:
    from impactkit_leadership.retention import RetentionParams

METRIC = "leadership.retention"
YEAR_ON_YEAR = "All leaders in post: still at the same level or higher a year on"
EVERY = "all levels"
UNADJUSTED = (
    "Schools in partnerships may differ from others in ways that matter for retention; this "
    "difference adjusts for none of them.",
)


def year_on_year(
    rows: pl.DataFrame, params: RetentionParams, *, has_groups: bool
) -> Iterator[Estimate]:
    """Yield the share a year on, of all levels and of each, in and out of partnerships.

    The first census has nobody, as among new leaders.

    `rows` has one row a leader, level and census that was followed by another, with `level` (in
    words), `fate`, `in_partnership`, `school_key` and `cluster`.
    """
    limits = Limits(params.min_cohort, params.min_schools, params.min_clusters)
    followed = rows.filter("observed")
    for level in (EVERY, *followed["level"].unique().sort()):
        part = followed if level == EVERY else followed.filter(pl.col("level") == level)
        groups = {"all": part}
        if has_groups:
            groups |= {
                IN: part.filter("in_partnership"),
                OUT: part.filter(~pl.col("in_partnership")),
            }
        counted = {
            name: tally(
                of,
                pl.col("fate").is_in(RETAINED),
                limits,
                what="leaders who could be followed from one census to the next",
            )
            for name, of in groups.items()
        }
        for name, share in counted.items():
            yield share_estimate(
                share,
                wilson,
                interval_name="Wilson score interval; somebody counts once a year",
                metric=METRIC,
                estimand=YEAR_ON_YEAR,
                term=level,
                subgroup=name,
            )
        if has_groups:
            yield difference_estimate(
                counted[IN],
                counted[OUT],
                warnings=UNADJUSTED,
                metric=METRIC,
                estimand=f"{YEAR_ON_YEAR}: partnership schools less others",
                term=level,
            )


def chart() -> Chart:
    """Return the picture: in and out of partnerships, levels together."""
    return Chart(
        id="year_on_year",
        kind="interval",
        title="All leaders in post who stayed at their level or rose, a year on",
        x="subgroup",
        y="value",
        low="ci_low",
        high="ci_high",
        where={"estimand": YEAR_ON_YEAR, "term": EVERY},
        x_title="School was",
        y_title="Percent",
    )
