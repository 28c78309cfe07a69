"""Hypothesis strategies for every table, made from its spec.

Hypothesis draws how many schools there are and a seed; the rows follow from those. So an example is
made at once, and a failing one is shown with as few schools as will do.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from impactkit.declarations import TableSpec
from impactkit.errors import did_you_mean
from impactkit.testing.invented import MEASURES, rows

__all__ = ["table"]


def table(
    spec: TableSpec | str,
    *,
    min_schools: int = 0,
    max_schools: int = 5,
    measures: tuple[str, ...] = MEASURES,
    unicode: bool = True,
) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return a strategy for rows of a table: lists of dictionaries that pass its checks.

    Parameters
    ----------
    spec
        A core table's name, or the `TableSpec` of your own.
    min_schools, max_schools
        How many schools the rows are about.
    measures
        The measures of a table by school, year and measure.
    unicode
        Whether some examples have keys and text of letters beyond English.

    Raises
    ------
    KeyError
        When core has no table of that name.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, database=None)
    ... @given(table("outcomes", min_schools=1, max_schools=2))
    ... def test_there_is_a_school_in_every_row(rows):
    ...     assert all(row["school_key"] for row in rows)
    >>> test_there_is_a_school_in_every_row()
    """
    if isinstance(spec, str):
        from impactkit.tables import core_tables

        known = {each.name: each for each in core_tables()}
        if spec not in known:
            raise KeyError(f"there is no table {spec!r}. {did_you_mean(spec, known)}")
        spec = known[spec]
    return st.builds(
        rows,
        st.just(spec),
        seed=st.integers(0, 2**32 - 1),
        schools=st.integers(min_schools, max_schools),
        measures=st.just(measures),
        unicode=st.booleans() if unicode else st.just(False),
    )
