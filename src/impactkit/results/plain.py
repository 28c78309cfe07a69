"""Results as JSON values: the same result gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from impactkit.results.tables import Table

UNTOLD = ("cpu_seconds",)
"""Fields that would differ between two runs of the same inputs."""


def to_plain(value: Any) -> Any:
    """Turn attrs objects into JSON values; times are left out."""
    if attrs.has(type(value)):
        out = {}
        for field in attrs.fields(type(value)):
            item = getattr(value, field.name)
            if field.name in UNTOLD:
                continue
            if isinstance(value, Table) and field.name == "marks":
                item = [[row, column, mark] for (row, column), mark in sorted(item.items())]
            out[field.name] = to_plain(item)
        return out
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, Sequence | set | frozenset):
        return [
            to_plain(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)
        ]
    return str(value)
