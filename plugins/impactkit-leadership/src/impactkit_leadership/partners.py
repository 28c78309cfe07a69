"""Which schools were in a partnership on a day, and which schools hang together for inference."""

from __future__ import annotations

import polars as pl

from impactkit import typed_columns

MEMBERSHIPS = {
    "partnership_id": pl.String,
    "school_key": pl.String,
    "joined": pl.Date,
    "left": pl.Date,
}


def members(memberships: pl.DataFrame | None) -> pl.DataFrame:
    """Return the usable memberships. No `joined` means from before the records, no `left` ongoing.

    Rows without a school or partnership, or that end before they begin, are no memberships.
    """
    frame = typed_columns(memberships, MEMBERSHIPS)
    return frame.filter(
        pl.col("partnership_id").is_not_null()
        & pl.col("school_key").is_not_null()
        & ~(pl.col("left") < pl.col("joined")).fill_null(False)
    )


def on(day: pl.Expr) -> pl.Expr:
    """Tell whether a membership holds on `day`: from the day of joining to that of leaving."""
    return (pl.col("joined").is_null() | (pl.col("joined") <= day)) & (
        pl.col("left").is_null() | (pl.col("left") >= day)
    )


def in_partnership(rows: pl.DataFrame, memberships: pl.DataFrame, day: str) -> pl.Series:
    """Tell for each row whether its `school_key` was in any partnership on the date in `day`."""
    numbered = rows.select("school_key", day).with_row_index("_row")
    found = numbered.join(memberships, on="school_key").filter(on(pl.col(day))).get_column("_row")
    return numbered.get_column("_row").is_in(found.unique().implode()).alias("in_partnership")


def share_partnership(
    rows: pl.DataFrame, memberships: pl.DataFrame, other: str, day: str
) -> pl.Series:
    """Tell for each row whether `school_key` and the school in `other` had a partnership in common.

    Both must have been members on the date in `day`.
    """
    numbered = rows.select("school_key", other, day).with_row_index("_row")
    own = numbered.join(memberships, on="school_key").filter(on(pl.col(day)))
    both = own.select("_row", other, day, "partnership_id").join(
        memberships, left_on=[other, "partnership_id"], right_on=["school_key", "partnership_id"]
    )
    found = both.filter(on(pl.col(day))).get_column("_row")
    return numbered.get_column("_row").is_in(found.unique().implode()).alias("partners")


def cluster_labels(memberships: pl.DataFrame) -> dict[str, str]:
    """Return the cluster of each school that was ever in a partnership.

    Partnerships that share a school hang together. A school in none is a cluster of its own and is
    not among the keys.

    Examples
    --------
    >>> frame = pl.DataFrame(
    ...     {"partnership_id": ["P", "P", "Q", "R"], "school_key": ["a", "b", "b", "c"]}
    ... )
    >>> cluster_labels(frame)
    {'a': 'P', 'b': 'P', 'c': 'R'}
    """
    root: dict[str, str] = {}

    def find(name: str) -> str:
        while root.setdefault(name, name) != name:
            name = root[name]
        return name

    first: dict[str, str] = {}
    pairs = memberships.select("school_key", "partnership_id").unique().sort(pl.all()).rows()
    for school, partnership in pairs:
        a, b = find(first.setdefault(school, partnership)), find(partnership)
        root[max(a, b)] = min(a, b)
    return {school: find(partnership) for school, partnership in first.items()}
