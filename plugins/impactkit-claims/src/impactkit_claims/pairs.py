"""How far a school is from the school that leads its partnership: in kilometres, and in kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from impactkit_claims.common import joined_with

if TYPE_CHECKING:
    import polars as pl

    from impactkit import MetricContext

NUMBERS = ("pct_fsm6", "pct_eal", "pupils")
KINDS = ("phase", "religious_character", "urban_rural")
ABOUT = ("urn", "easting", "northing", *NUMBERS, *KINDS)


def pairs(context: MetricContext) -> pl.DataFrame:
    """Return `school_key`, its partner's key, `km` and `gower` (0: alike, 1: unlike in all).

    The partner is a school that supports the partnership, or else the one that leads it; a school
    without such a partner, or that leads itself, has none. Distance is on the national grid, as the
    crow flies.

    Gower's dissimilarity (1971, Biometrics 27, 857-871) is the mean over what is known of both: of
    numbers, their difference over the range of all schools; of kinds, 0 if equal and 1 if not.
    """
    import polars as pl

    schools = _schools(context)
    partner = _partners(context, schools)
    own = joined_with(context).select("school_key", "partnership_id")
    both = own.join(partner, on="partnership_id", how="inner").filter(
        pl.col("school_key") != pl.col("partner")
    )
    theirs = schools.select(pl.all().name.suffix("_p")).rename({"school_key_p": "partner"})
    rows = both.join(schools, on="school_key").join(theirs, on="partner")
    across = pl.col("easting") - pl.col("easting_p")
    along = pl.col("northing") - pl.col("northing_p")
    parts: list[pl.Expr] = []
    for name in NUMBERS:
        low, high = schools[name].min(), schools[name].max()
        if low is not None and high is not None and high > low:  # type: ignore[operator]
            apart = (pl.col(name) - pl.col(f"{name}_p")).abs()
            parts.append(apart / (high - low))  # type: ignore[operator]
    parts += [(pl.col(name) != pl.col(f"{name}_p")).cast(pl.Float64) for name in KINDS]
    return rows.select(
        "school_key",
        "partner",
        km=(across.pow(2) + along.pow(2)).sqrt() / 1000,
        gower=pl.mean_horizontal(parts),
    ).sort("school_key")


def _schools(context: MetricContext) -> pl.DataFrame:
    """Return one row a school, every column of it there; a later URN's row stands."""
    import polars as pl

    from impactkit import typed_columns

    types: dict[str, Any] = {
        **dict.fromkeys(("school_key", *KINDS), pl.String),
        **dict.fromkeys(("easting", "northing", *NUMBERS), pl.Float64),
        "urn": pl.Int64,
    }
    return (
        typed_columns(context.table("schools"), types)
        .sort("school_key", "urn")
        .unique("school_key", keep="last", maintain_order=True)
        .drop("urn")
    )


def _partners(context: MetricContext, schools: pl.DataFrame) -> pl.DataFrame:
    """Return the school that supports or leads each partnership."""
    import polars as pl

    members = context.table("memberships")
    role = pl.col("role") if "role" in members.columns else pl.lit("")
    helps = (
        members.filter((role == "supporter").fill_null(False))
        .select(pl.col("partnership_id", "school_key").cast(pl.String))
        .drop_nulls()
        .sort("partnership_id", "school_key")
        .group_by("partnership_id", maintain_order=True)
        .agg(partner=pl.col("school_key").first())
    )
    led = context.tables.get("partnerships")
    if led is None or "lead_urn" not in led.columns:
        return helps
    keys = context.table("schools").select(
        pl.col("urn").cast(pl.Int64), partner=pl.col("school_key").cast(pl.String)
    )
    leads = (
        led.select(pl.col("partnership_id").cast(pl.String), urn=pl.col("lead_urn").cast(pl.Int64))
        .join(keys.unique("urn"), on="urn")
        .select("partnership_id", "partner")
        .sort("partnership_id", "partner")
        .unique("partnership_id", keep="first", maintain_order=True)
    )
    return pl.concat([helps, leads.join(helps, on="partnership_id", how="anti")])
