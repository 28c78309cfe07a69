"""Clusters: partnerships that share a school are one, since their schools' fortunes are linked."""

from __future__ import annotations

import numpy as np
import polars as pl


def cluster_labels(memberships: pl.DataFrame) -> pl.DataFrame:
    """Return one cluster label a school: connected components of partnerships that share schools.

    Parameters
    ----------
    memberships
        One row a membership, with `school_key` and `partnership_id`; repeated rows do no harm.

    Returns
    -------
    polars.DataFrame
        `school_key` and `cluster`, one row a school, sorted by school. The label is the first
        (in sorting order) of the component's partnership ids, so that it doesn't depend on the
        order of rows. A school without a membership is not in it: it is a cluster of its own,
        which is the caller's to fill in.

    Raises
    ------
    DataError
        When a column is missing, or a school or partnership is null.

    Examples
    --------
    >>> frame = pl.DataFrame({
    ...     "school_key": ["a", "b", "b", "c", "d"],
    ...     "partnership_id": ["P2", "P2", "P1", "P1", "P3"],
    ... })
    >>> cluster_labels(frame).rows()
    [('a', 'P1'), ('b', 'P1'), ('c', 'P1'), ('d', 'P3')]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    from impactkit.errors import DataError, Problem

    missing = [c for c in ("school_key", "partnership_id") if c not in memberships.columns]
    if missing:
        raise DataError(
            Problem(
                code="memberships.column",
                column=c,
                rule="this column is missing",
                file="memberships",
            )
            for c in missing
        )
    edges = memberships.select("school_key", "partnership_id").unique()
    empty = [c for c in edges.columns if edges[c].null_count()]
    if empty:
        raise DataError(
            Problem(
                code="memberships.null",
                file="memberships",
                column=c,
                rule="it is empty in at least one row",
                remedy="Every membership names a school and a partnership.",
            )
            for c in empty
        )
    schools = edges["school_key"].unique().sort()
    partnerships = edges["partnership_id"].unique().sort()
    if edges.is_empty():
        return pl.DataFrame({"school_key": schools, "cluster": partnerships})
    left = schools.search_sorted(edges["school_key"]).to_numpy()
    right = partnerships.search_sorted(edges["partnership_id"]).to_numpy() + len(schools)
    size = len(schools) + len(partnerships)
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    # The first occurrence of a component among the sorted partnerships names it.
    _, first = np.unique(component[len(schools) :], return_index=True)
    return pl.DataFrame(
        {"school_key": schools, "cluster": partnerships.gather(first[component[: len(schools)]])}
    )
