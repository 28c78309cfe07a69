"""Why partnership should work: the ``[theory]`` table of a study.

A theory of change is a chain of arrows from what is done to what is hoped for. Its strength is T0
without one; T1 when it is written down; T2 when at least half of its arrows have evidence; T3 when
besides there is a contribution story that looks for what would speak against it (after Mayne's
contribution analysis). It says nothing of effects, and no effect raises it.
"""

from __future__ import annotations

import attrs

from impactkit.tomlkeys import Keys, texts

STRONGEST = 5
"""The highest grade of the evidence for an arrow, on the scale of the grade of an effect."""

LEVELS = {
    0: "no theory of change is written down",
    1: "a theory of change is written down",
    2: "at least half of its links have evidence",
    3: "a contribution story, with what speaks against it",
}


@attrs.frozen(kw_only=True)
class Link:
    """One arrow of a theory of change.

    Attributes
    ----------
    cause
        From what: something that is done, or comes of what is done.
    effect
        To what.
    evidence
        What the evidence for this arrow is: a survey, a study elsewhere.
    grade
        How strong that evidence is, from 0 to 5, by the same rules as an effect's; 0: there is
        none, or nobody has judged it.
    """

    cause: str
    effect: str
    evidence: str = ""
    grade: int = 0


@attrs.frozen(kw_only=True)
class Theory:
    """A theory of change.

    Attributes
    ----------
    links
        The arrows, in the order in which they should be read.
    story
        Whether, and how, the partnerships brought about what was seen, in a few sentences.
    disconfirming
        What was looked for that would speak against the story, and what was found.
    """

    links: tuple[Link, ...] = attrs.field(default=(), converter=tuple[Link, ...])
    story: str = ""
    disconfirming: tuple[str, ...] = attrs.field(default=(), converter=texts)

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
        return 3 if self.story.strip() and any(self.disconfirming) else 2

    def __str__(self) -> str:
        return f"T{self.strength}: {LEVELS[self.strength]}"


def theory_of(keys: Keys) -> Theory | None:
    """Read the ``[theory]`` table; None where there is none."""
    links = tuple(_link(entry) for entry in keys.entries("links"))
    story, disconfirming = keys.text("story"), keys.texts("disconfirming")
    if not (links or story or disconfirming):
        return None
    return Theory(links=links, story=story, disconfirming=disconfirming)


def _link(keys: Keys) -> Link:
    return Link(
        cause=keys.text("from", required=True),
        effect=keys.text("to", required=True),
        evidence=keys.text("evidence"),
        grade=keys.whole("grade", 0, low=0, high=STRONGEST),
    )
