"""What each of the register's eighteen link types means for a school's history."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["KINDS", "NEW_FIRST", "OLD_FIRST", "TREATMENT"]

OLD_FIRST = "successor"
NEW_FIRST = "predecessor"
"""The two link types that say one school follows another: the row's own URN is the old one in a
*Successor* row and the new one in a *Predecessor* row (GIAS, `links_edubasealldata`)."""

KINDS: Mapping[str, str] = {
    "Predecessor": "succession",
    "Successor": "succession",
    "Predecessor - Split School": "reorganisation",
    "Successor - Split School": "reorganisation",
    "Predecessor - merged": "reorganisation",
    "Successor - merged": "reorganisation",
    "Predecessor - amalgamated": "reorganisation",
    "Successor - amalgamated": "reorganisation",
    "Result of Amalgamation": "reorganisation",
    "Merged - change in age range": "reorganisation",
    "Merged - expansion of school capacity": "reorganisation",
    "Merged - expansion in school capacity and changer in age range": "reorganisation",
    "Expansion": "reorganisation",
    "Closure": "reorganisation",
    "Sixth Form Centre Link": "tie",
    "Sixth Form Centre School": "tie",
    "Children's Centre Link": "tie",
    "Other": "tie",
}
"""The kind of each link type, spelt as in the extract.

A *succession* that is one to one makes a chain; one that is not is a *reorganisation*, as are
mergers, splits and amalgamations: pupils of several schools came together or apart. *Expansion* and
*Closure* (three rows each, of 35,239) say that one school took in what was another's, so they count
as such. A *tie* moves no pupils between schools."""

TREATMENT: Mapping[str, str] = {
    "succession": "followed as one school, if one to one",
    "reorganisation": "left apart, left out or combined, as `mergers` in the study says",
    "tie": "not followed: no school became another",
}
"""What becomes of each kind, in words."""
