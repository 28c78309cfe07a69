"""From link rows to chains: which rows say that one school follows another, and where it began."""

from __future__ import annotations

import numpy as np
import polars as pl

__all__ = ["directed", "follow", "singletons"]

OLD_FIRST = "successor"
NEW_FIRST = "predecessor"
"""The two link types that say one school follows another: the row's own URN is the old one in a
*Successor* row and the new one in a *Predecessor* row (GIAS, `links_edubasealldata`)."""

_KEYS = {
    "urn": pl.Int64,
    "school_key": pl.String,
    "chain_position": pl.Int64,
    "chain_length": pl.Int64,
}


def directed(links: pl.DataFrame | None) -> pl.DataFrame:
    """Give every link row its old and its new URN, and a verdict: null where it can be chained."""
    if links is None:
        links = pl.DataFrame(schema={"urn": pl.Int64, "link_urn": pl.Int64, "link_type": pl.String})
    if "link_date" not in links.columns:
        links = links.with_columns(link_date=pl.lit(None, pl.Date))
    kind = pl.col("link_type").str.strip_chars().str.to_lowercase()
    rows = links.select(
        pl.when(kind == NEW_FIRST).then("link_urn").otherwise("urn").cast(pl.Int64).alias("old"),
        pl.when(kind == NEW_FIRST).then("urn").otherwise("link_urn").cast(pl.Int64).alias("new"),
        pl.col("link_type"),
        pl.col("link_date"),
        kind=kind,
        succession=kind.is_in([OLD_FIRST, NEW_FIRST]).fill_null(False),
        counted=pl.lit(True),
    )
    pairs = (
        rows.filter("succession", pl.col("old") != pl.col("new"))
        .select("old", "new")
        .unique()
        .with_columns(one=(pl.len().over("old") == 1) & (pl.len().over("new") == 1))
    )
    reversed_ = pairs.select(old="new", new="old", contradicted=pl.lit(True))
    judged = rows.join(pairs, on=["old", "new"], how="left").join(
        reversed_, on=["old", "new"], how="left"
    )
    verdict = (
        pl.when(~pl.col("succession"))
        .then(pl.lit("link_not_succession"))
        .when(pl.col("old").is_null() | pl.col("new").is_null())
        .then(pl.lit("link_incomplete"))
        .when(pl.col("old") == pl.col("new"))
        .then(pl.lit("link_to_itself"))
        .when(pl.col("contradicted").fill_null(False))
        .then(pl.lit("link_contradictory"))
        .when(~pl.col("one").fill_null(False))
        .then(pl.lit("link_not_one_to_one"))
    )
    return judged.with_columns(verdict=verdict).drop("one", "contradicted", "succession")


def follow(pairs: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Follow every link to the start of its chain; also return the URNs that go in a circle.

    Each URN has at most one predecessor, so doubling the step of a pointer finds every start in
    log2(n) passes over an array (Wyllie 1979), without a loop over schools.
    """
    urns = pl.concat([pairs["old"], pairs["new"].alias("old")]).unique().sort().to_numpy()
    old = np.searchsorted(urns, pairs["old"].to_numpy())
    new = np.searchsorted(urns, pairs["new"].to_numpy())
    before = np.arange(len(urns))
    before[new] = old
    steps = (before != np.arange(len(urns))).astype(np.int64)
    has_predecessor = steps.astype(bool)
    for _ in range(len(urns).bit_length()):
        steps = steps + steps[before]
        before = before[before]
    circular = has_predecessor[before]
    keys = (
        pl.DataFrame({"urn": urns, "start": urns[before], "chain_position": steps})
        .filter(pl.Series(~circular))
        .select(
            pl.col("urn"),
            pl.col("start").cast(pl.String).alias("school_key"),
            pl.col("chain_position"),
            pl.len().over("start").cast(pl.Int64).alias("chain_length"),
        )
    )
    return keys.cast(_KEYS), pl.Series("urn", urns[circular], dtype=pl.Int64)  # type: ignore[arg-type]


def singletons(urns: pl.Series) -> pl.DataFrame:
    """Return the keys of schools that have no link: each is a chain of one."""
    return pl.DataFrame({"urn": urns}).select(
        pl.col("urn"),
        pl.col("urn").cast(pl.String).alias("school_key"),
        pl.lit(0, pl.Int64).alias("chain_position"),
        pl.lit(1, pl.Int64).alias("chain_length"),
    )
