"""Whether a plugin was written for this version of impactkit, without a library to tell."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CLAUSE = re.compile(r"(~=|==|!=|<=|>=|<|>)\s*v?(\d+(?:\.\d+)*)(\.\*)?[\w.+-]*")
_OURS = re.compile(r"impactkit\s*(?:\[[^\]]*\])?\s*\(?\s*([^;)]*)\)?\s*(;.*)?", re.IGNORECASE)


def requirement(lines: Iterable[str] | None) -> str:
    """Return what a distribution's requirements say of impactkit itself.

    Examples
    --------
    >>> requirement(["polars>=2", "impactkit>=0.1,<0.2", "impactkit-did; extra == 'test'"])
    '>=0.1,<0.2'
    >>> requirement(["impactkit (>=0.1)"]), requirement(None)
    ('>=0.1', '')
    """
    found = (_OURS.fullmatch(line.strip()) for line in lines or ())
    return ",".join(m[1].strip() for m in found if m and "extra" not in (m[2] or ""))


def satisfies(version: str, requirement: str) -> bool:
    """Tell whether a version is within a requirement such as ``>=0.1,<0.2``; empty: any is.

    Only the numbers count: ``0.2.0.dev1`` is 0.2.0.

    Raises
    ------
    ValueError
        When the requirement is none.

    Examples
    --------
    >>> satisfies("0.1.4", ">=0.1,<0.2"), satisfies("0.2.0", ">=0.1,<0.2"), satisfies("3.0", "")
    (True, False, True)
    >>> satisfies("0.1.9", "~=0.1.4"), satisfies("0.2.0", "~=0.1.4"), satisfies("0.10", ">0.9")
    (True, False, True)
    """
    have = _numbers(version)
    return all(_holds(have, clause.strip()) for clause in requirement.split(",") if clause.strip())


def _holds(have: tuple[int, ...], clause: str) -> bool:
    match = _CLAUSE.fullmatch(clause)
    if match is None:
        raise ValueError(f"{clause!r} is no requirement; write one like '>=0.1,<0.2'")
    sign, text, series = match.groups()
    want = tuple(int(part) for part in text.split("."))
    width = max(len(have), len(want))
    a, b = _padded(have, width), _padded(want, width)
    same = a[: len(want)] == want if series else a == b
    return {
        "==": same,
        "!=": not same,
        "<": a < b,
        "<=": a <= b,
        ">": a > b,
        ">=": a >= b,
        "~=": a >= b and a[: len(want) - 1] == want[:-1],
    }[sign]


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in match[1].split(".")) if match else (0,)


def _padded(parts: tuple[int, ...], width: int) -> tuple[int, ...]:
    return parts + (0,) * (width - len(parts))
