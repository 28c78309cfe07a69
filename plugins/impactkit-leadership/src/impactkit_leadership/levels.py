"""Levels of leadership: their order, their names, and the phases that go together."""

from __future__ import annotations

from typing import Any

LADDER = ("middle", "senior_assistant", "senior_deputy", "head", "executive_head")
"""Posts in order of seniority. School business managers (`sbm`) stand beside the ladder."""

SENIOR = ("head", "senior_deputy", "senior_assistant")
"""What the Department calls senior leadership; `head` counts executive heads of schools too."""

LABELS = {
    "middle": "middle leader",
    "senior_assistant": "assistant head",
    "senior_deputy": "deputy head",
    "head": "head",
    "executive_head": "executive head",
    "sbm": "business manager",
}

PHASES = {
    "nursery": "primary",
    "primary": "primary",
    "middle deemed primary": "primary",
    "secondary": "secondary",
    "middle deemed secondary": "secondary",
    "all-through": "secondary",
    "16 plus": "secondary",
    "16 to 19": "secondary",
}
"""GIAS phases as the workforce statistics group them; anything else (special, alternative
provision) stands for itself. All-through schools counted as secondary is our reading."""


def posts_of(level: str) -> tuple[str, ...]:
    """Return the posts that make somebody a leader of `level`.

    Examples
    --------
    >>> posts_of("head")
    ('head', 'executive_head')
    >>> posts_of("senior_deputy")
    ('senior_deputy',)
    """
    return ("head", "executive_head") if level == "head" else (level,)


def posts_at_or_above(level: str) -> tuple[str, ...]:
    """Return the posts of the same level or a higher one.

    Examples
    --------
    >>> posts_at_or_above("senior_deputy")
    ('senior_deputy', 'head', 'executive_head')
    >>> posts_at_or_above("sbm")
    ('sbm',)
    """
    return LADDER[LADDER.index(level) :] if level in LADDER else (level,)


def check_levels(_: Any, __: Any, value: tuple[str, ...]) -> None:
    """Refuse levels that there are not: an attrs validator.

    Raises
    ------
    ValueError
        When a level is unknown, or none is given.
    """
    unknown = [level for level in value if level not in LABELS]
    if unknown or not value:
        raise ValueError(f"levels has {unknown or 'nothing'}; choose from {', '.join(LABELS)}")
