"""Adjusting p-values when several tests are read together."""

from __future__ import annotations

from collections.abc import Sequence


def _checked(p_values: Sequence[float | None]) -> list[tuple[float, int]]:
    tested = [(p, i) for i, p in enumerate(p_values) if p is not None]
    for p, i in tested:
        if not 0 <= p <= 1:
            raise ValueError(f"p-value {i} is {p}; a p-value is between 0 and 1")
    return sorted(tested)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's adjusted p-values, which control the chance of any false rejection.

    Valid under any dependence between the tests. A None, for a test that could not be made, stays
    None and is not counted among the tests.

    Raises
    ------
    ValueError
        When a p-value is not between 0 and 1.

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal
    of Statistics 6, 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, None, 0.03])
    [0.03, 0.06, None, 0.06]
    """
    ordered = _checked(p_values)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, i) in enumerate(ordered):
        highest = max(highest, min(1.0, (len(ordered) - rank) * p))
        adjusted[i] = highest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Benjamini and Hochberg's adjusted p-values, which control the false discovery rate.

    Valid when the tests are independent or positively dependent. A None stays None.

    Raises
    ------
    ValueError
        When a p-value is not between 0 and 1.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate. Journal of the
    Royal Statistical Society B 57, 289-300.

    Examples
    --------
    >>> [round(p, 6) for p in benjamini_hochberg([0.01, 0.04, 0.03, 0.5])]
    [0.04, 0.053333, 0.053333, 0.5]
    """
    ordered = _checked(p_values)
    adjusted: list[float | None] = [None] * len(p_values)
    lowest = 1.0
    for rank, (p, i) in reversed(list(enumerate(ordered, start=1))):
        lowest = min(lowest, p * len(ordered) / rank)
        adjusted[i] = lowest
    return adjusted
