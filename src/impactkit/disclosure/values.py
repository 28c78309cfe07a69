"""Two small tools of this room: read a number, and change a frozen object."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import attrs

T = TypeVar("T")


def as_number(value: object) -> float | None:
    """Return a finite number, also when it is written as text; None for anything else.

    Examples
    --------
    >>> as_number("3"), as_number(True), as_number(float("nan"))
    (3.0, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def evolve(thing: T, **changes: Any) -> T:
    """Return a copy with `changes`; unlike `attrs.evolve` it leaves converters out of the typing.

    Examples
    --------
    >>> from impactkit.results import Note
    >>> evolve(Note(text="a"), text="b").text
    'b'
    """
    return attrs.evolve(thing, **changes)  # type: ignore[misc]
