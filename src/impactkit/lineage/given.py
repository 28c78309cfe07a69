"""School keys of one's own: what they must not contradict."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from impactkit.errors import Problem

__all__ = ["disagreements"]


def disagreements(frames: Mapping[str, pl.DataFrame]) -> tuple[Problem, ...]:
    """Find URNs that stand under one school in one row and under another in the next.

    A table may bring its own `school_key`. Where another table knows the same URN under another
    key, say because it has no key and got that of the register, the two would not be joined, and
    the school would lose its outcomes or its memberships in silence.

    Parameters
    ----------
    frames
        The tables of a study by name, each with `urn` and `school_key`, and `source` and
        `source_row` where they came from files.

    Examples
    --------
    >>> frames = {
    ...     "outcomes": pl.DataFrame({"urn": [100001], "school_key": ["100001"]}),
    ...     "memberships": pl.DataFrame({"urn": [100001], "school_key": ["mine"]})}
    >>> print(disagreements(frames)[0])
    memberships: `school_key` is 'mine'; the URN 100001 stands under the key '100001' in outcomes. \
    Give one key to one school in every table, or leave `school_key` out.
    """
    keyed = {n: f for n, f in frames.items() if {"urn", "school_key"} <= set(f.columns)}
    if not keyed:
        return ()
    every = pl.concat(f.select(pl.col("urn").cast(pl.Int64), "school_key") for f in keyed.values())
    torn = every.unique().filter(pl.col("school_key").drop_nulls().n_unique().over("urn") > 1)
    known: dict[int, tuple[str, str]] = {}
    problems = []
    for name, frame in keyed.items() if torn.height else ():
        columns = [c for c in ("source", "source_row") if c in frame.columns]
        pairs = frame.drop_nulls(["urn", "school_key"]).filter(
            pl.col("urn").is_in(torn["urn"].implode())
        )
        wrong = []
        for row in pairs.select("urn", "school_key", *columns).iter_rows(named=True):
            key, where = known.setdefault(row["urn"], (row["school_key"], name))
            if key != row["school_key"]:
                wrong.append((row, key, where))
        if wrong:
            row, key, where = wrong[0]
            problems.append(
                Problem(
                    code="school_key.disagrees",
                    file=row.get("source") or name,
                    row=row.get("source_row"),
                    column="school_key",
                    value=row["school_key"],
                    rule=f"the URN {row['urn']} stands under the key {key!r} in {where}",
                    remedy="Give one key to one school in every table, or leave `school_key` out.",
                    count=len(wrong),
                )
            )
    return tuple(problems)
