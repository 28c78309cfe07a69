"""What became of every link row: counts, exclusions by reason, and oddities."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import polars as pl

from impactkit.errors import Problem
from impactkit.results import Exclusion

__all__ = ["count", "exclusions", "findings"]

_TEXTS = {
    "link_reorganisation": "The register records a merger, split or amalgamation: several schools "
    "came together or apart, so the number of one is not the other continued.",
    "link_tie": "The register records a tie between schools that moved no pupils.",
    "link_incomplete": "The row does not name both schools.",
    "link_to_itself": "The register links a school to itself.",
    "link_contradictory": "The register says of two schools that each followed the other.",
    "link_not_one_to_one": "The register gives a school more than one predecessor or successor; "
    "no single history can be followed, so each URN is a school of its own.",
    "link_backwards": "The later school had closed before the earlier one opened, and there is "
    "another link in its place.",
    "link_circular": "The links lead back to where they started.",
}


def exclusions(rows: pl.DataFrame) -> tuple[Exclusion, ...]:
    """Count the rows that make no chain by their verdict, and name their link types."""
    out = rows.filter(pl.col("verdict").is_not_null())
    found = out.group_by("verdict").agg(
        pl.len().alias("n_rows"),
        pl.concat([pl.col("old"), pl.col("new")]).drop_nulls().n_unique().alias("n_schools"),
        pl.col("link_type").value_counts(sort=True, name="n"),
    )
    by_reason = {row["verdict"]: row for row in found.to_dicts()}
    exclusions = []
    for reason, text in _TEXTS.items():
        if reason not in by_reason:
            continue
        row = by_reason[reason]
        types = sorted(row["link_type"], key=lambda t: (-t["n"], t["link_type"] or ""))
        kinds = ", ".join(f"{t['link_type'] or 'no type given'} {t['n']:,}" for t in types)
        exclusions.append(
            Exclusion(
                reason=reason,
                text=f"{text} ({kinds})",
                n_schools=row["n_schools"],
                n_rows=row["n_rows"],
                stage="lineage",
            )
        )
    return tuple(exclusions)


def findings(rows: pl.DataFrame, as_of: dt.date | None) -> Iterable[Problem]:
    """Yield one warning for each kind of oddity among the chained links, with its first case."""
    chained = rows.filter(pl.col("verdict").is_null())
    pairs = chained.group_by("old", "new").agg(
        pl.col("side").n_unique().alias("sides"),
        pl.col("link_date").max(),
        pl.col("flipped").any(),
    )
    other = rows.filter(pl.col("verdict").is_in(["link_reorganisation", "link_tie"]))
    tied = pl.concat([other["old"], other["new"].alias("old")]).implode()
    cases = [
        (
            "links.one_sided",
            pl.col("sides") == 1,
            "only one of the two schools records the link; it was used",
            "Nothing to do, unless you know that the schools are not the same.",
        ),
        (
            "links.beside_other_tie",
            pl.col("old").is_in(tied) | pl.col("new").is_in(tied),
            "one of the two schools also takes part in a merger, split or other tie",
            "Check that the later school is the earlier one continued.",
        ),
        (
            "links.future",
            pl.lit(False) if as_of is None else pl.col("link_date") > as_of,
            f"the link is dated after the day of the register, {as_of}; it was used",
            "Nothing to do: a school keeps its key when a successor opens.",
        ),
        (
            "links.flipped",
            pl.col("flipped"),
            "the register has this the other way round, but by its dates the second school had "
            "closed before the first one opened; it was turned round",
            "Check the dates of both schools in the register.",
        ),
    ]
    for code, condition, rule, remedy in cases:
        found = pairs.filter(condition).sort("old", "new")
        if found.height:
            yield Problem(
                code=code,
                column="link_urn",
                value="{} to {}".format(*found.row(0)[:2]),
                rule=rule,
                remedy=remedy,
                severity="warning",
                count=found.height,
            )


def count(rows: pl.DataFrame, keys: pl.DataFrame) -> dict[str, int]:
    """Count link rows, those chained, and the pairs and chains that they make."""
    chained = rows.filter(pl.col("verdict").is_null())
    touched = pl.concat([chained["old"], chained["new"].alias("old")]).unique()
    starts = keys.filter(pl.col("urn").is_in(touched.implode()))["school_key"]
    return {
        "link_rows": rows.height,
        "link_rows_chained": chained.height,
        "chained_pairs": chained.select("old", "new").n_unique() if chained.height else 0,
        "chains": starts.n_unique(),
    }
