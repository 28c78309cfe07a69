"""Where two groups of pupils of a school stand in a year, on one scale for both.

With pupils' records the scale is the spread of all pupils of the year; without, that of schools'
results for all their pupils. Either way both groups are placed by the same mean and spread, so the
distance between them is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from impactkit import EstimationError, Exclusion, MetricContext
from impactkit_pupils.common import effect_unit

if TYPE_CHECKING:
    import polars as pl

PUPIL_SD, SCHOOL_SD = "pupil standard deviations", "school standard deviations"
SIDES = ("group", "others")
FLAGS = {
    "fsm6": ("fsm6", "true"),
    "non_fsm6": ("fsm6", "false"),
    "boys": ("sex", "boys"),
    "girls": ("sex", "girls"),
}
"""Groups that pupils' records tell apart: by which column, and by which value of it."""


@attrs.frozen(kw_only=True, eq=False)
class Placed:
    """Both groups by school and year: `z_` and `raw_` values and numbers `n_` of `group`, `others`.

    `scale` is the unit of the one and `unit` that of the other.
    """

    frame: pl.DataFrame
    scale: str
    unit: str
    exclusions: tuple[Exclusion, ...] = ()
    warnings: tuple[str, ...] = ()


def measures_of(context: MetricContext, group: str, others: str) -> tuple[str, ...]:
    """Return the measures that have results of both groups, in order."""
    import polars as pl

    have = [
        set(_published(context).filter(pl.col("subgroup") == name)["measure"])
        for name in (group, others)
    ]
    records = _records(context, group, others)
    of_pupils = set() if records is None else set(records["measure"])
    return tuple(sorted((have[0] & have[1]) | of_pupils))


def placed(context: MetricContext, measure: str, group: str, others: str) -> Placed:
    """Return both groups' places in a measure: from pupils' records where there are any.

    Raises
    ------
    EstimationError
        When a group has no results, or nothing is there to place it by.
    """
    import polars as pl

    records = _records(context, group, others)
    warnings: tuple[str, ...] = ()
    twice = 0
    if records is not None and (records["measure"] == measure).any():
        rows, everyone = _of_pupils(records.filter(pl.col("measure") == measure))
        scale = PUPIL_SD
    else:
        rows, everyone, twice = _of_schools(context, measure, group, others)
        scale = SCHOOL_SD
        warnings = ("school standard deviations: not comparable with effect sizes of pupils",)
    both = rows.drop_nulls(["raw_group", "raw_others"]).join(everyone, on="year")
    if both.is_empty():
        raise EstimationError(
            f"no school and year has results of both {group} and {others}, and of all pupils, "
            f"in {measure}"
        )
    lost = rows.height - both.height
    known = context.measures.get(measure)
    return Placed(
        frame=both.with_columns(
            ((pl.col(f"raw_{side}") - pl.col("mean")) / pl.col("sd")).alias(f"z_{side}")
            for side in SIDES
        ).sort("school_key", "year"),
        scale=scale,
        unit=effect_unit(known.unit if known is not None else ""),
        warnings=warnings,
        exclusions=tuple(
            Exclusion(reason=reason, text=text, n_rows=n, measure=measure, stage="groups")
            for reason, text, n in (
                ("pupils.incomplete", "school-years in which a group has no results", lost),
                (
                    "pupils.told_twice",
                    "results of a school that has several of the same year and group",
                    twice,
                ),
            )
            if n
        ),
    )


def _published(context: MetricContext) -> pl.DataFrame:
    """Return results with a value."""
    import polars as pl

    rows = context.table("outcomes")
    n = pl.col("denominator") if "denominator" in rows.columns else pl.lit(None)
    return rows.select(
        pl.col("school_key", "measure", "subgroup").cast(pl.String),
        pl.col("year").cast(pl.Int64),
        pl.col("value").cast(pl.Float64),
        n=n.cast(pl.Int64),
    ).drop_nulls(["school_key", "year", "measure", "subgroup", "value"])


def _of_schools(
    context: MetricContext, measure: str, group: str, others: str
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Return both groups by school and year, the spread of schools, and results told twice."""
    import polars as pl

    told = _published(context).filter(pl.col("measure") == measure)
    rows = told.unique(["school_key", "year", "subgroup"], keep="none")
    of_groups = pl.col("subgroup").is_in([group, others, "all"])
    twice = told.filter(of_groups).height - rows.filter(of_groups).height
    side = [
        rows.filter(pl.col("subgroup") == name).select(
            "school_key", "year", pl.col("value").alias(f"raw_{as_}"), pl.col("n").alias(f"n_{as_}")
        )
        for name, as_ in ((group, "group"), (others, "others"))
    ]
    joined = side[0].join(side[1], on=["school_key", "year"], how="full", coalesce=True)
    return joined, _spread(rows.filter(pl.col("subgroup") == "all"), "value"), twice


def _records(context: MetricContext, group: str, others: str) -> pl.DataFrame | None:
    """Return pupils with a score and a known group; None where the study has no such records."""
    import polars as pl

    rows = context.tables.get("pupils")
    if rows is None or group not in FLAGS or others not in FLAGS:
        return None
    (column, one), (again, other) = FLAGS[group], FLAGS[others]
    needed = {"pupil_key", "school_key", "year", "measure", "score", column}
    if column != again or not needed <= set(rows.columns):
        return None
    found = rows.select(
        *("pupil_key", "school_key", "year", "measure", "score"),
        side=pl.col(column)
        .cast(pl.String)
        .replace_strict({one: "group", other: "others"}, default=None),
    ).drop_nulls(["school_key", "year", "measure", "score"])
    return found if found["side"].drop_nulls().len() else None


def _of_pupils(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    import polars as pl

    side = pl.col("side")
    found = (
        rows.drop_nulls("side")
        .sort("school_key", "year", "pupil_key")
        .group_by("school_key", "year", maintain_order=True)
        .agg(
            *(pl.col("score").filter(side == s).mean().alias(f"raw_{s}") for s in SIDES),
            *((side == s).sum().cast(pl.Int64).alias(f"n_{s}") for s in SIDES),
        )
    )
    return found, _spread(rows, "score")


def _spread(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return mean and standard deviation by year, of years in which values differ."""
    import polars as pl

    # In an order of their own, so that sums do not depend on that of the rows.
    return (
        rows.sort("year", column)
        .group_by("year", maintain_order=True)
        .agg(mean=pl.col(column).mean(), sd=pl.col(column).std())
        .filter(pl.col("sd") > 0)
    )
