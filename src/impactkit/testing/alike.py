"""Whether two runs of a metric gave the same: to the last bit, or save for the order of sums."""

from __future__ import annotations

import math
from typing import Any

import attrs

from impactkit.results import MetricResult


def same(one: Any, other: Any, *, exact: bool) -> bool:
    """Tell whether two runs gave the same: to the last bit, or save for the order of sums."""
    if isinstance(one, MetricResult):
        return one == other if exact else _near(_plain(one), _plain(other))
    if one.columns != other.columns or one.shape != other.shape:
        return False
    # The order of rows is nobody's promise: polars' group_by gives another each time.
    one, other = (frame.sort("school_key", "year") for frame in (one, other))
    return bool(one.equals(other)) if exact else _near(one.rows(), other.rows())


def _plain(result: MetricResult) -> list[Any]:
    """Return the numbers of a result and of its tables, in an order of their own."""
    told: list[tuple[Any, ...]] = [attrs.astuple(estimate) for estimate in result.estimates]
    told += [(table.id, *row) for table in result.tables for row in table.rows]
    return sorted(told, key=lambda row: [str(cell) for cell in row if not isinstance(cell, float)])


def _near(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_near, one, other))
    return bool(one == other)
