r"""Scores of lessons, made comparable between raters.

Some raters are lenient. What a rater gives beyond others for the lessons of the same school and
year is that rater's severity, found by least squares:

.. math:: y_{lr} = c_{s(l), t(l)} + \rho_r + e_{lr}, \quad \sum_r n_r \rho_r = 0

so a score less its rater's :math:`\rho_r` is what an average rater would have given. It takes
raters who share schools and years, directly or by way of others; those who share none with the rest
cannot be told from the lessons that they saw, and are left out.

Source: the linear form of the many-facet model of Linacre (1989), "Many-facet Rasch measurement",
with raters as fixed effects (Searle 1971, "Linear models", chapter 7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import polars as pl


@attrs.frozen(kw_only=True, eq=False)
class Adjusted:
    """Ratings with their `adjusted` score, each rater's `severity`, and how many were left out.

    `severity` is above zero for a lenient rater.
    """

    ratings: pl.DataFrame
    severity: dict[str, float]
    n_unlinked: int


def adjusted(ratings: pl.DataFrame) -> Adjusted:
    """Return ratings (`school_key`, `year`, `rater_key`, `score`) less their raters' severity.

    Examples
    --------
    Two raters see the same two schools; one gives a point more throughout:

    >>> import polars as pl
    >>> ratings = pl.DataFrame({
    ...     "school_key": ["a", "a", "b", "b"], "year": [2019] * 4,
    ...     "rater_key": ["r", "s", "r", "s"], "score": [3.0, 4.0, 5.0, 6.0],
    ... })
    >>> adjusted(ratings).ratings["adjusted"].to_list()
    [3.5, 3.5, 5.5, 5.5]
    """
    import numpy as np
    import polars as pl

    cell, rater = pl.struct("school_key", "year"), pl.col("rater_key")
    rows = ratings.with_columns(
        _cell=cell.rank("dense").cast(pl.Int64) - 1, _rater=rater.rank("dense").cast(pl.Int64) - 1
    )
    linked = _largest_part(rows)
    n_unlinked = rows.height - sum(linked)
    rows = rows.filter(pl.Series(linked, dtype=pl.Boolean)).with_columns(
        _cell=cell.rank("dense").cast(pl.Int64) - 1, _rater=rater.rank("dense").cast(pl.Int64) - 1
    )
    if rows.is_empty():
        whole = rows.drop("_cell", "_rater").with_columns(adjusted=pl.col("score"))
        return Adjusted(ratings=whole, severity={}, n_unlinked=n_unlinked)
    c, r = rows["_cell"].to_numpy(), rows["_rater"].to_numpy()
    y = rows["score"].to_numpy()
    counts = np.zeros((c.max() + 1, r.max() + 1))
    np.add.at(counts, (c, r), 1)
    in_cell, of_rater = counts.sum(axis=1), counts.sum(axis=0)
    # Cells are taken out first: what is left is a small system, as large as there are raters.
    gram = np.diag(of_rater) - counts.T @ (counts / in_cell[:, None])
    away = y - (np.bincount(c, y) / in_cell)[c]
    severity = np.linalg.pinv(gram) @ np.bincount(r, away, len(of_rater))
    severity = severity - of_rater @ severity / of_rater.sum()
    names = rows.sort("_rater").unique("_rater", keep="first", maintain_order=True)["rater_key"]
    return Adjusted(
        ratings=rows.drop("_cell", "_rater").with_columns(
            adjusted=pl.col("score") - pl.Series(severity[r], dtype=pl.Float64)
        ),
        severity=dict(zip(names.to_list(), severity.tolist(), strict=True)),
        n_unlinked=n_unlinked,
    )


def _largest_part(rows: pl.DataFrame) -> list[bool]:
    """Tell which ratings are of the largest part of schools and years that raters link."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if rows.is_empty():
        return []
    c, r = rows["_cell"].to_numpy(), rows["_rater"].to_numpy()
    n = int(c.max()) + 1
    size = n + int(r.max()) + 1
    graph = coo_array((np.ones(len(c)), (c, n + r)), shape=(size, size))
    _, part = connected_components(graph, directed=False)
    most: np.ndarray = part[c] == np.bincount(part[c]).argmax()
    return [bool(one) for one in most]
