"""Sentences about people: words in place of the numbers that would give a few of them away."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping
from typing import Any

from impactkit.declarations import DisclosureProfile
from impactkit.disclosure.text import MASK, fewer_than, plain_fields
from impactkit.disclosure.values import as_number, evolve
from impactkit.results import Note


def word_note(note: Note, hidden: Collection[float], profile: DisclosureProfile) -> Note:
    """Put words in place of a note's numbers that are, or would give away, a protected count.

    Small counts, the larger part beside a small rest, "all" or "none" of a small group, numbers
    withheld elsewhere, and the share of any of these.

    Examples
    --------
    >>> from impactkit.disclosure import core_profiles
    >>> note = Note(text="{n} of {m} heads stayed", values={"n": 3, "m": 20}, of="people")
    >>> print(word_note(note, (), core_profiles()[0]))
    fewer than six of 20 heads stayed
    """
    numbers = {k: n for k, v in note.values.items() if (n := as_number(v)) is not None}
    if note.of not in ("", "people") or not numbers:
        return note
    rates = {k: v for k, v in numbers.items() if not v.is_integer()}
    # Outside notes about people a whole number may be a year; a fraction that matches is no chance.
    looked_at = numbers if note.of == "people" else rates
    gone = {k for k, v in looked_at.items() if any(_same(v, h) for h in hidden)}
    if note.of == "people":
        rates |= {k: numbers[k] for k in _percentages(note.text) if k in numbers}
        counts = {k: v for k, v in numbers.items() if k not in rates}
        gone |= _giveaways(counts, profile) | _telling_rates(rates, counts, profile)
        gone |= _complements(counts, gone)
        gone |= set(rates) if gone else set()
    words: dict[str, Any] = {}
    for key in gone:
        value = numbers[key]
        small = value <= profile.threshold
        words[key] = MASK if key in rates else fewer_than(profile.threshold) if small else "some"
    if not words:
        return note
    return evolve(note, text=_plain(note.text, words), values={**dict(note.values), **words})


def _plain(text: str, words: Mapping[str, str]) -> str:
    try:
        return plain_fields(text, words)
    except ValueError:  # not a template: the report shows it as it stands, without the values
        return text


def _same(shown: float, true: float) -> bool:
    """Tell whether `shown` is `true`, perhaps rounded to the digits that it has."""
    digits = len(repr(shown).partition(".")[2]) if not shown.is_integer() else 0
    return abs(shown - true) <= (0.5 * 10**-digits if digits else 1e-9)


def _giveaways(numbers: Mapping[str, float], profile: DisclosureProfile) -> set[str]:
    gone = {k for k, v in numbers.items() if 0 < v <= profile.threshold}
    for (a, x), (b, y) in itertools.combinations(numbers.items(), 2):
        part, low, high = (a, x, y) if x <= y else (b, y, x)
        extreme = low in (0, high) and 0 < high < profile.extreme_shares_below
        if 0 < high - low <= profile.threshold or extreme:
            gone.add(part)
    return gone


def _percentages(text: str) -> set[str]:
    """Return the fields of a template that are followed by a per cent sign, or the words."""
    return set(re.findall(r"\{(\w+)[^{}]*\}\s*(?:%|per ?cent\b)", text))


def _telling_rates(
    rates: Mapping[str, float], counts: Mapping[str, float], profile: DisclosureProfile
) -> set[str]:
    """Return the rates that, with a count beside them, give a protected number of people."""
    gone = set()
    for (key, rate), whole in itertools.product(rates.items(), counts.values()):
        if 0 <= rate <= 100:
            part = float(round(rate / 100 * whole))
            if _giveaways({"whole": whole, "part": part}, profile):
                gone.add(key)
    return gone


def _complements(counts: Mapping[str, float], gone: Collection[str]) -> set[str]:
    """Return the counts that are what a total has beyond one that is gone."""
    return {
        rest
        for part, whole, rest in itertools.permutations(counts, 3)
        if part in gone and counts[part] + counts[rest] == counts[whole]
    }
