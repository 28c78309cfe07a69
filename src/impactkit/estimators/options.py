"""Arguments that make no sense, all told at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from impactkit.errors import Problem, UsageError

Option = tuple[bool, str, Any, str]
"""Whether an argument is wrong, its name, its value, and what was expected."""


def one_of(name: str, value: object, allowed: Sequence[str]) -> Option:
    """Return the check that an argument is one of some words.

    Examples
    --------
    >>> one_of("control", "never", ("notyettreated", "nevertreated"))[3]
    "'notyettreated' or 'nevertreated'"
    """
    words = [f"'{word}'" for word in allowed]
    return value not in allowed, name, value, " or ".join([", ".join(words[:-1]), words[-1]])


def a_level(level: float) -> Option:
    """Return the check of the level of an interval."""
    return not 0 < level < 1, "level", level, "a share between 0 and 1, such as 0.95"


def a_count(name: str, value: object, what: str) -> Option:
    """Return the check that an argument is a whole number, 0 or more."""
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return not whole, name, value, what


def check_options(problems: Iterable[Option]) -> None:
    """Raise every wrong argument at once.

    Raises
    ------
    UsageError
        When any entry is wrong.

    Examples
    --------
    >>> check_options([(True, "level", 95, "a share between 0 and 1, such as 0.95")])
    Traceback (most recent call last):
    ...
    impactkit.errors.UsageError: 1 problem:
      `level` is '95'; expected a share between 0 and 1, such as 0.95.
    """
    found = [
        Problem(code=f"argument.{name}", column=name, value=str(value), rule=f"expected {rule}")
        for wrong, name, value, rule in problems
        if wrong
    ]
    if found:
        raise UsageError(found)
