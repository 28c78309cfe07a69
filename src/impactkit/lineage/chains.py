"""From link rows to chains: which rows say that one school follows another, and where it began."""

from __future__ import annotations

import numpy as np
import polars as pl

from impactkit.lineage.kinds import KINDS, NEW_FIRST

__all__ = ["directed", "follow", "singletons"]

A_YEAR = pl.duration(days=366)
"""By how much the dates of one change may differ in the register and still be about it."""

_KEYS = {
    "urn": pl.Int64,
    "school_key": pl.String,
    "chain_position": pl.Int64,
    "chain_length": pl.Int64,
}
_BLANK = {"urn": pl.Int64, "link_urn": pl.Int64, "link_type": pl.String}


def directed(links: pl.DataFrame | None, register: pl.DataFrame | None = None) -> pl.DataFrame:
    """Give every link row its old and its new URN, its kind, and a verdict: null if chained.

    A succession that runs backwards (the later school had closed before the earlier one opened, by
    the `register`) is turned round where that makes no fork; `flipped` says so.
    """
    rows = pl.DataFrame(schema=_BLANK) if links is None else links
    if "link_date" not in rows.columns:
        rows = rows.with_columns(link_date=pl.lit(None, pl.Date))
    word = pl.col("link_type").str.strip_chars().str.to_lowercase()
    kinds = {name.lower(): kind for name, kind in KINDS.items()}
    own_is_new = word.str.starts_with(NEW_FIRST).fill_null(False)
    rows = rows.select(
        pl.when(own_is_new).then("link_urn").otherwise("urn").cast(pl.Int64).alias("old"),
        pl.when(own_is_new).then("urn").otherwise("link_urn").cast(pl.Int64).alias("new"),
        pl.col("link_type"),
        pl.col("link_date"),
        side=word,
        kind=word.replace_strict(kinds, default="tie"),
        counted=pl.lit(True),
    )
    rows = _turned_round(rows, register)
    pairs = _pairs(rows.filter("usable")).with_columns(
        one=(pl.len().over("old") == 1) & (pl.len().over("new") == 1)
    )
    reversed_ = pairs.select(old="new", new="old", contradicted=pl.lit(True))
    judged = rows.join(pairs, on=["old", "new"], how="left").join(
        reversed_, on=["old", "new"], how="left"
    )
    verdict = (
        pl.when(pl.col("kind") != "succession")
        .then("link_" + pl.col("kind"))
        .when(pl.col("old").is_null() | pl.col("new").is_null())
        .then(pl.lit("link_incomplete"))
        .when(pl.col("old") == pl.col("new"))
        .then(pl.lit("link_to_itself"))
        .when(~pl.col("usable"))
        .then(pl.lit("link_backwards"))
        .when(pl.col("contradicted").fill_null(False))
        .then(pl.lit("link_contradictory"))
        .when(~pl.col("one").fill_null(False))
        .then(pl.lit("link_not_one_to_one"))
    )
    return judged.with_columns(verdict=verdict).drop("one", "contradicted", "usable")


def _pairs(rows: pl.DataFrame) -> pl.DataFrame:
    proper = (pl.col("kind") == "succession") & (pl.col("old") != pl.col("new"))
    return rows.filter(proper).select("old", "new").unique()


def _turned_round(rows: pl.DataFrame, register: pl.DataFrame | None) -> pl.DataFrame:
    """Turn backward successions round; where that would make a fork they are not `usable`."""
    as_they_are = rows.with_columns(flipped=pl.lit(False), usable=pl.lit(True))
    if register is None or not {"urn", "open_date", "close_date"} <= set(register.columns):
        return as_they_are
    dates = register.select("urn", "open_date", "close_date").unique("urn", keep="first")
    pairs = (
        _pairs(rows)
        .join(dates.select(old="urn", opened="open_date"), on="old", how="left")
        .join(dates.select(new="urn", closed="close_date"), on="new", how="left")
        .with_columns(back=(pl.col("closed") <= pl.col("opened") + A_YEAR).fill_null(False))
    )
    back = pairs.filter("back").select(old="new", new="old")
    right = pairs.filter(~pl.col("back")).select("old", "new")
    known = pl.concat([right, back]).unique()
    fork = (pl.len().over("old") > 1) | (pl.len().over("new") > 1)
    turned = known.with_columns(fork=fork).join(right, on=["old", "new"], how="anti")
    verdicts = back.join(turned, on=["old", "new"], how="left").select(
        old="new", new="old", back=pl.lit(True), fork="fork"
    )
    judged = as_they_are.join(verdicts, on=["old", "new"], how="left").with_columns(
        pl.col("back", "fork").fill_null(False) & (pl.col("kind") == "succession")
    )
    turn = pl.col("back") & ~pl.col("fork")
    return judged.with_columns(
        old=pl.when(turn).then("new").otherwise("old"),
        new=pl.when(turn).then("old").otherwise("new"),
        flipped=turn,
        usable=~pl.col("fork"),
    ).drop("back", "fork")


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
