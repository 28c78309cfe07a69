"""What a study may say to a reader, made strict: one text or several, authorities by number."""

from __future__ import annotations

from typing import Any


def texts(value: Any) -> tuple[str, ...]:
    """Return one text or several as a tuple.

    Raises
    ------
    TypeError
        It is neither.

    Examples
    --------
    >>> texts("Federation"), texts(["Federation", "Trust"])
    (('Federation',), ('Federation', 'Trust'))
    """
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise TypeError("expected a text in quotes, or a list of them")


def la_codes(value: Any) -> tuple[str, ...]:
    """Return the numbers of local authorities as codes of three digits.

    Raises
    ------
    TypeError
        Something else than numbers was given.

    Examples
    --------
    >>> la_codes([936, "815"])
    ('936', '815')
    """
    items = value if isinstance(value, (list, tuple)) else (value,)
    codes = tuple(str(item).zfill(3) for item in items if isinstance(item, (int, str)))
    if len(codes) < len(items) or not all(code.isdigit() and len(code) == 3 for code in codes):
        raise TypeError("expected the number of a local authority, or a list of them: [936, 815]")
    return codes
