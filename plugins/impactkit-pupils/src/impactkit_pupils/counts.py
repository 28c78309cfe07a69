"""Pupils tested and pupils who reached a threshold, before their school joined and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from impactkit import Exclusion
from impactkit_pupils.common import Window

if TYPE_CHECKING:
    import polars as pl

EXACT_BELOW = 30
"""Pupils below which the interval of a change is exact."""


@attrs.frozen(kw_only=True)
class Side:
    """Pupils tested before or after, how many reached the threshold, and pupils tested a year."""

    reached: int
    tested: int
    a_year: float


def counts(outcomes: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return tested pupils and those who reached the threshold, by school, year and measure.

    Where only the percentage was given, the number is worked out from it. A school with several
    results of a year has none that is its own; how many rows that leaves out is told by measure.
    """
    import polars as pl

    given = pl.col("numerator") if "numerator" in outcomes.columns else pl.lit(None, pl.Int64)
    worked_out = (pl.col("value") * pl.col("denominator") / 100).round().cast(pl.Int64)
    rows = (
        outcomes.filter(
            pl.col("subgroup").fill_null("all") == "all",
            pl.col("value").is_between(0, 100),
            pl.col("denominator") > 0,
        )
        .with_columns(
            pl.col("school_key", "measure").cast(pl.String),
            tested=pl.col("denominator").cast(pl.Int64),
            reached=pl.coalesce(given.cast(pl.Int64), worked_out),
        )
        .filter(pl.col("reached") <= pl.col("tested"))
        .select("school_key", "year", "measure", "tested", "reached")
        .sort("measure", "school_key", "year")
    )
    key = ["school_key", "year", "measure"]
    once = rows.unique(key, keep="none", maintain_order=True)
    twice = rows.join(once, on=key, how="anti")["measure"].value_counts()
    return once, dict(twice.rows())


def followed(
    joined: pl.DataFrame, rows: pl.DataFrame, before: Window, after: Window
) -> tuple[pl.DataFrame, tuple[Exclusion, ...]]:
    """Return counts before and after of each joining school that has both."""
    import polars as pl

    event = pl.col("year") - pl.col("cohort")
    found = joined.join(rows, on="school_key").with_columns(
        pl.when(event.is_between(*before))
        .then(pl.lit("before"))
        .when(event.is_between(*after))
        .then(pl.lit("after"))
        .alias("when")
    )
    sides = [
        found.filter(pl.col("when") == when)
        .group_by("school_key", "cluster")
        .agg(
            pl.col("reached").sum().alias(f"reached_{when}"),
            pl.col("tested").sum().alias(f"tested_{when}"),
            pl.len().cast(pl.Float64).alias(f"years_{when}"),
        )
        for when in ("before", "after")
    ]
    both = sides[0].join(sides[1], on=["school_key", "cluster"]).sort("cluster", "school_key")
    n = joined.height - both.height
    lost = Exclusion(
        reason="pupils.not_counted",
        text="schools that joined, without numbers of pupils before or after",
        n_schools=n,
        treated=n,
        stage="counts",
    )
    return both, (lost,) if n else ()


def side(rows: pl.DataFrame, when: str) -> Side:
    """Return the pupils of some schools, before or after."""
    return Side(
        reached=int(rows[f"reached_{when}"].sum()),
        tested=int(rows[f"tested_{when}"].sum()),
        a_year=float((rows[f"tested_{when}"] / rows[f"years_{when}"]).sum()),
    )


def interval(now: Side, was: Side, level: float) -> tuple[float, float]:
    """Return the interval of a change in percentage points: exact for few pupils."""
    from impactkit import newcombe
    from impactkit_pupils.exact import exact_difference

    if min(now.tested, was.tested) < EXACT_BELOW:
        low, high = exact_difference(now.reached, now.tested, was.reached, was.tested, level)
    else:
        shares = (now.reached / now.tested, now.tested, was.reached / was.tested, was.tested)
        low, high = newcombe(*shares, level)
    return 100 * low, 100 * high
