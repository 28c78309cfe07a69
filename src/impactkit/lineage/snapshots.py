"""Several extracts of one register of groups: who was in which group, since when, until when.

The register shows a school's current trust only, with the day it joined that one. A school that
moved in 2023 seems to have joined a trust in 2023, whatever it was in before. Earlier extracts know
better, so the earliest date of a school in a group counts, and a real date beats a placeholder.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from impactkit.errors import Problem

__all__ = ["CURRENT_ONLY", "combine_snapshots", "snapshot_findings"]

CURRENT_ONLY = ("mat", "sat")
"""Kinds of group of which the register shows a school's current one only: a trust, large or not."""

_KEY = ("school_key", "partnership_id", "role")


def combine_snapshots(
    memberships: pl.DataFrame,
    extracts: Mapping[str, dt.date | None],
    *,
    placeholder_before: dt.date,
) -> pl.DataFrame:
    """Make one row of what several extracts say of a school, a group and a role.

    `joined` is the earliest real date, and `left` the latest extract's word. A school that a later
    extract shows in another group of the same kind left the first when it joined the second; trusts
    of one academy and of several are of one kind. That a later extract does not have a school at
    all says nothing: it may not cover such groups. Where an extract has several rows for a school
    and a group, as a history has for one that left and came back, its rows are all that counts.

    Parameters
    ----------
    memberships
        `school_key`, `partnership_id`, `role`, `joined`, `source`; `left` and `structure` if known.
    extracts
        The day of each extract, by the name of the file as in `source`. Rows from other sources,
        say a register of one's own, are left as they are.
    placeholder_before
        Dates before it stand for a date that is not known.

    Examples
    --------
    >>> rows = pl.DataFrame({"school_key": ["a", "a"], "partnership_id": ["1", "2"],
    ...     "role": "peer", "structure": "mat", "source": ["2019.csv", "2024.csv"],
    ...     "joined": [dt.date(2014, 9, 1), dt.date(2023, 9, 1)]})
    >>> days = {"2019.csv": dt.date(2019, 1, 1), "2024.csv": dt.date(2024, 1, 1)}
    >>> found = combine_snapshots(rows, days, placeholder_before=dt.date(1944, 8, 3))
    >>> found.select("partnership_id", "joined", "left").rows()
    [('1', datetime.date(2014, 9, 1), datetime.date(2023, 9, 1)), \
('2', datetime.date(2023, 9, 1), None)]
    """
    ours = pl.col("source").is_in(list(extracts))
    rows, rest = memberships.filter(ours), memberships.filter(~ours.fill_null(False))
    for name, kind in (("left", pl.Date()), ("structure", pl.String())):
        if name not in rows.columns:
            rows = rows.with_columns(pl.lit(None, kind).alias(name))
    # Extracts without a day in their name stand in the order of their names.
    order = {
        name: place
        for place, name in enumerate(
            sorted(extracts, key=lambda name: (extracts[name] or dt.date.min, name))
        )
    }
    rows = rows.with_columns(_at=pl.col("source").replace_strict(order, return_dtype=pl.Int64))
    real = pl.col("joined").filter(pl.col("joined") >= placeholder_before).min()
    others = [name for name in rows.columns if name not in (*_KEY, "joined", "_at")]
    spells, rows = _told_in_spells(rows)
    one = (
        rows.sort("_at", maintain_order=True)
        .group_by(*_KEY, maintain_order=True)
        .agg(
            pl.coalesce(real, pl.col("joined").min()).alias("joined"),
            *(pl.col(name).last() for name in others),
            pl.col("_at").max(),
        )
    )
    one = pl.concat([one, spells.select(one.columns)])
    trust = pl.col("structure").is_in(CURRENT_ONLY)
    one = one.with_columns(_kind=pl.when(trust).then(pl.lit("trust")).otherwise("structure"))
    later = one.select(
        "school_key",
        "_kind",
        _next="joined",
        _group="partnership_id",
        _later="_at",
    )
    moved = (
        one.join(later, on=["school_key", "_kind"], how="inner", nulls_equal=False)
        .filter(
            pl.col("_group") != pl.col("partnership_id"),
            pl.col("_later") > pl.col("_at"),
            pl.col("_next") > pl.col("joined"),
        )
        .group_by(*_KEY)
        .agg(_moved=pl.col("_next").min())
    )
    one = one.join(moved, on=list(_KEY), how="left", maintain_order="left").with_columns(
        left=pl.coalesce("left", "_moved")
    )
    kept = [*memberships.columns, *(["left"] if "left" not in memberships.columns else [])]
    return pl.concat([rest, one], how="diagonal_relaxed").select(kept)


def _told_in_spells(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of the latest extract with several for a school and group, and all others."""
    several = pl.when(pl.len().over(*_KEY, "_at") > 1).then("_at").max().over(_KEY)
    rows = rows.with_columns(_spells=several)
    spells = rows.filter(pl.col("_spells") == pl.col("_at"))
    return spells.drop("_spells"), rows.filter(pl.col("_spells").is_null()).drop("_spells")


def snapshot_findings(
    before: pl.DataFrame, after: pl.DataFrame, extracts: Mapping[str, dt.date | None]
) -> tuple[Problem, ...]:
    """Say what one extract cannot know, or what several made of each other.

    Parameters
    ----------
    before, after
        The memberships as read, and as `combine_snapshots` made them.
    """
    if len(extracts) > 1:
        merged = before.height - after.height
        rule = (
            f"{len(extracts)} extracts of the register were put together; {merged:,} rows said "
            "again what another one says, and the earliest date of a school in a group counts"
        )
        return (Problem(code="memberships.snapshots", rule=rule, severity="note"),)
    if "structure" not in before.columns or not extracts:
        return ()
    current = before.filter(pl.col("structure").is_in(CURRENT_ONLY))
    if current.is_empty() or _has_history(current):
        return ()
    (file,) = extracts
    return (
        Problem(
            code="memberships.current_trust",
            file=file,
            column="joined",
            rule="the date is that of a school's current trust: who had been in another one before "
            "seems to have joined later than it did",
            remedy="Give the register's history of trusts (academiesmatmembership) instead, or "
            "earlier extracts beside this one.",
            severity="warning",
            count=current["school_key"].n_unique(),
        ),
    )


def _has_history(current: pl.DataFrame) -> bool:
    """Tell whether rows of trusts know of former ones: some school is in one after another."""
    if "left" not in current.columns:
        return False
    trusts = pl.col("partnership_id").n_unique().over("school_key")
    return not current.filter(trusts > 1, pl.col("left").is_not_null()).is_empty()
