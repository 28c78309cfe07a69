"""The second axis beside the grade: how well it is thought through why partnership should work.

A theory of change is a chain of arrows from what is done to what is hoped for. Its strength is T0
without one; T1 when it is written down; T2 when at least half of its arrows have evidence; T3 when
besides there is a contribution story that looks for what would speak against it (after Mayne's
contribution analysis). It says nothing of effects, and no effect raises it.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

LEVELS = {
    0: "no theory of change is written down",
    1: "a theory of change is written down",
    2: "at least half of its links have evidence",
    3: "a contribution story, with what speaks against it",
}


@attrs.frozen(kw_only=True)
class Link:
    """One arrow: from what, to what, and the grade of the evidence for it (None: none)."""

    cause: str
    effect: str
    grade: int | None = None
    note: str = ""


@attrs.frozen(kw_only=True)
class Theory:
    """A theory of change: its arrows, and whether its story has what speaks against it."""

    links: tuple[Link, ...] = attrs.field(default=(), converter=tuple[Link, ...])
    story: bool = False
    disconfirming: bool = False

    @property
    def evidenced(self) -> int:
        """How many arrows have evidence of any grade above 0."""
        return sum(1 for link in self.links if link.grade)

    @property
    def strength(self) -> int:
        """From 0 to 3.

        Examples
        --------
        >>> arrows = [Link(cause="coaching", effect="confidence", grade=2)]
        >>> Theory(links=arrows).strength, Theory().strength
        (2, 0)
        """
        if not self.links:
            return 0
        if 2 * self.evidenced < len(self.links):
            return 1
        return 3 if self.story and self.disconfirming else 2

    def __str__(self) -> str:
        return f"T{self.strength}: {LEVELS[self.strength]}"


def headline(grade: int | None, theory: Theory | None, fidelity: Iterable[float] = ()) -> str:
    """Return the one line that stands over an evaluation.

    `fidelity` are shares of help given as planned, from 0 to 1.

    Examples
    --------
    >>> headline(3, Theory(), [0.7, 0.8])
    'Evidence of effect 3/5 · Theory T0 · Given as planned 75 %'
    >>> headline(None, None)
    'Evidence of effect not graded · Theory T0'
    """
    shares = list(fidelity)
    parts = [
        "Evidence of effect " + ("not graded" if grade is None else f"{grade}/5"),
        f"Theory T{theory.strength if theory else 0}",
    ]
    if shares:
        parts.append(f"Given as planned {100 * sum(shares) / len(shares):.0f} %")
    return " · ".join(parts)
