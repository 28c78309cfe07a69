"""Dates as parameters of metrics: TOML has them, JSON and quotes do not."""

from __future__ import annotations

import datetime as dt
from typing import Any


def as_day(value: Any) -> dt.date | None:
    """Return a date, ISO text for one, or None: an attrs converter.

    Raises
    ------
    ValueError
        When it is none of these.

    Examples
    --------
    >>> as_day("2024-08-31"), as_day(None)
    (datetime.date(2024, 8, 31), None)
    """
    if value is None or isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is no date; write one like 2024-08-31") from None
