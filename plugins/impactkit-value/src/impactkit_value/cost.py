"""What partnerships cost a pupil and year, partnership by partnership, from joining on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from impactkit import EstimationError, Exclusion, MetricContext

if TYPE_CHECKING:
    import polars as pl

    from impactkit_value.ledger import Ledger


@attrs.frozen(kw_only=True, eq=False)
class Spent:
    """Per cluster: `cost`, `saving` (GBP), `pupils` (pupil-years), and who was left out."""

    rows: pl.DataFrame
    exclusions: tuple[Exclusion, ...]


def spent(context: MetricContext, books: Ledger, joined: pl.DataFrame, years: int) -> Spent:
    """Return what each cluster of joining schools spent and saved, and on how many pupils.

    `joined` has `school_key`, `cohort` and `cluster`. What was spent before joining counts too:
    starting up is part of the cost. Years after the last that has an amount have no pupils either,
    and of a year that amounts cover in part its pupils count in that part.

    Raises
    ------
    EstimationError
        When no amount belongs to a school that joined, or nobody's pupils are known.
    """
    import polars as pl

    stage = context.metric
    where = _clusters(context, joined)
    of_school = joined.select("school_key", "cluster", first=pl.col("cohort"))
    rows = books.rows.join(of_school, on="school_key", how="left", maintain_order="left").join(
        where, on="partnership_id", how="left", suffix="_of", maintain_order="left"
    )
    rows = rows.with_columns(
        pl.coalesce("cluster", "cluster_of"), first=pl.coalesce("first", "first_of")
    )
    lost = _counted(
        rows["cluster"].null_count(),
        "not_theirs",
        "amounts of no partnership whose schools are compared",
        stage,
    )
    rows = rows.drop_nulls("cluster")
    late = rows.filter(pl.col("year") - pl.col("first") >= years)
    lost += _counted(late.height, "later", "amounts of later years than are asked for", stage)
    within = rows.filter(pl.col("year") - pl.col("first") < years)
    saving = (pl.col("kind") == "cashable_saving") & pl.col("evidenced")
    sums = (
        within.sort("cluster", "year", "kind", "line", "amount")
        .group_by("cluster", maintain_order=True)
        .agg(
            cost=pl.col("amount").filter(pl.col("kind") == "cost").sum(),
            saving=pl.col("amount").filter(saving).sum(),
        )
        .filter(pl.col("cost") > 0)
    )
    if sums.is_empty():
        raise EstimationError(
            "no cost belongs to a partnership whose schools are compared; give rows of kind 'cost' "
            "with their `partnership_id` in `finance`"
        )
    pupils = _pupils(context, joined, years, books)
    both = sums.join(pupils, on="cluster").sort("cluster")
    left = joined.filter(~pl.col("cluster").is_in(both["cluster"].implode()))
    if both.is_empty():
        raise EstimationError(
            "nobody's pupils are known; give `pupils` in `school_years` or in `schools`"
        )
    if left.height:
        lost += (
            Exclusion(
                reason="value.no_cost",
                text="schools of partnerships whose cost, or whose pupils, nobody entered",
                n_schools=left.height,
                treated=left.height,
                stage=stage,
            ),
        )
    return Spent(rows=both, exclusions=lost)


def _counted(n: int, reason: str, text: str, stage: str) -> tuple[Exclusion, ...]:
    found = Exclusion(reason=f"value.{reason}", text=text, n_rows=n, stage=stage)
    return (found,) if n else ()


def _clusters(context: MetricContext, joined: pl.DataFrame) -> pl.DataFrame:
    """Return the cluster of each partnership, and the first year of any of its schools."""
    import polars as pl

    members = context.table("memberships").select(
        pl.col("school_key", "partnership_id").cast(pl.String)
    )
    return (
        members.join(joined, on="school_key")
        .sort("partnership_id", "cohort", "cluster")
        .group_by("partnership_id", maintain_order=True)
        .agg(pl.col("cluster").first(), first=pl.col("cohort").min())
    )


def _pupils(
    context: MetricContext, joined: pl.DataFrame, years: int, books: Ledger
) -> pl.DataFrame:
    """Return pupil-years by cluster, in the years from joining on."""
    import polars as pl

    from impactkit_value.ledger import covered

    last = int(books.rows["year"].max())  # type: ignore[arg-type]
    parts = covered(books.rows).group_by("year").agg(pl.col("share").max())
    counted = context.tables.get("school_years")
    schools = context.tables.get("schools")
    if counted is not None and {"school_key", "year", "pupils"} <= set(counted.columns):
        roll = counted.select(
            pl.col("school_key").cast(pl.String), pl.col("year").cast(pl.Int64), "pupils"
        )
    elif schools is not None and {"school_key", "pupils"} <= set(schools.columns):
        first = joined["cohort"].min()
        span = pl.DataFrame({"year": range(int(first or 0), last + 1)})  # type: ignore[arg-type]
        roll = schools.select(pl.col("school_key").cast(pl.String), "pupils").join(
            span.cast(pl.Int64), how="cross"
        )
    else:
        roll = pl.DataFrame(
            schema={"school_key": pl.String, "year": pl.Int64, "pupils": pl.Float64}
        )
    roll = roll.drop_nulls().unique(["school_key", "year"], keep="none")
    event = pl.col("year") - pl.col("cohort")
    return (
        joined.join(roll, on="school_key")
        .filter(event.is_between(0, years - 1), pl.col("year") <= last)
        .join(parts, on="year", how="left", maintain_order="left")
        .group_by("cluster")
        .agg((pl.col("pupils").cast(pl.Float64) * pl.col("share").fill_null(1.0)).sum())
        .filter(pl.col("pupils") > 0)
    )
