"""Plain words for numbers, units, years and names. What an estimate says is `report.answers`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from impactkit.results import Estimate, Note
from impactkit.types import Period

SYMBOLS = {
    "c": "withheld to protect people",
    "x": "not available: it could not be estimated, or was not recorded",
    "z": "not applicable",
    "low": "rounds to 0, but is not 0",
    "k": "rounds to 0, but is not 0",
    "u": "of low reliability",
}
"""Shorthand of Explore Education Statistics; shown in square brackets where people read it."""

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_UNITS = {
    "percent": ("%", "percentage points"),
    "points": (" points", "points"),
    "scaled": (" scaled-score points", "scaled-score points"),
    "grade": (" grades", "grades"),
    "fte": (" full-time equivalents", "full-time equivalents"),
    "sd": (" standard deviations", "standard deviations"),
    "rate": ("", ""),
    "ratio": ("", ""),
    "count": ("", ""),
    "points of the ratio": ("", ""),
}
MONEY = ("gbp", "pounds")
"""Units of money."""

_CHECKS = {"pretest": "Test of the years before joining", "recovery": "Allowing for recovery"}


def clean(text: object) -> str:
    r"""Return `text` fit to print: no control, bidirectional-override or unpaired characters.

    Such characters can make a name look like another one, or make a file unreadable.

    Examples
    --------
    >>> clean("St Mary\u202e\x00's\tSchool")
    "St Mary's School"
    """
    text = str(text)
    if text.isprintable():
        return text
    spaced = re.sub(r"[\t\r\n\x0b\x0c\u2028\u2029]+", " ", text)
    paired = re.sub(r"[\ud800-\udfff]", "\ufffd", spaced)
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]", "", paired)


def count(n: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun, in words below ten.

    Examples
    --------
    >>> count(1, "school"), count(9, "school"), count(0, "school"), count(1016, "school")
    ('one school', 'nine schools', 'no schools', '1,016 schools')
    """
    return f"{word(n)} {noun if n == 1 else plural or noun + 's'}"


def word(n: int) -> str:
    """Return a count as a word below ten, in figures from there on."""
    return _WORDS[n] if 0 <= n < len(_WORDS) else number(n, 0)


def listed(items: Sequence[str]) -> str:
    """Return items as people list them.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join(part for part in (", ".join(items[:-1]), *items[-1:]) if part)


def number(value: float, digits: int) -> str:
    """Return a number with `digits` decimals, a true minus sign and thousands separated.

    Examples
    --------
    >>> number(-1234.5, 1), number(-0.001, 2), number(12, 0)
    ('−1,234.5', '0.00', '12')
    """
    text = f"{value:,.{digits}f}"
    if text.startswith("-"):
        text = text[1:] if float(text.replace(",", "")) == 0 else "−" + text[1:]
    return text


def figures_shown(values: Iterable[float]) -> int:
    """Return how many decimals to show of numbers without an error: three figures of the largest.

    Examples
    --------
    >>> figures_shown([0.2, -4.21]), figures_shown([12_000.0]), figures_shown([0.0])
    (2, 0, 2)
    """
    largest = max((abs(v) for v in values), default=0.0)
    return min(6, max(0, 2 - math.floor(math.log10(largest)))) if largest else 2


def digits_for(estimates: Iterable[Estimate]) -> int:
    """Return how many decimals to show: two significant figures of a typical interval's half-width.

    More would claim a precision that the estimates don't have.

    Examples
    --------
    >>> digits_for([Estimate(value=0.8, ci_low=0.3, ci_high=1.3)])
    2
    >>> digits_for([Estimate(value=80, ci_low=60, ci_high=100)])
    0

    Without an interval, what is counted in whole has none:

    >>> digits_for([Estimate(value=3.0, unit="years")])
    0
    """
    estimates = list(estimates)
    widths = sorted(
        (e.ci_high - e.ci_low) / 2
        for e in estimates
        if e.ci_low is not None and e.ci_high is not None and e.ci_high > e.ci_low
    )
    scale = widths[len(widths) // 2] if widths else 0.0
    if not math.isfinite(scale) or scale <= 0:
        values = [abs(e.value) for e in estimates if e.value]
        if values and all(float(value).is_integer() for value in values):
            return 0
        return 1 if not values or max(values) >= 10 else 2
    return min(4, max(0, 1 - math.floor(math.log10(scale))))


def unit_words(unit: str, *, contrast: bool) -> str:
    """Return a unit in words, for a heading: a difference between percentages is in points.

    Examples
    --------
    >>> unit_words("percent", contrast=True), unit_words("percent", contrast=False)
    ('percentage points', '%')
    >>> unit_words("gbp", contrast=True), unit_words("days", contrast=False)
    ('£', 'days')
    """
    if unit in MONEY:
        return "£"
    level, difference = _UNITS.get(unit, (" " + clean(unit), clean(unit)))
    return difference if contrast else level.strip()


def quantity(value: float, unit: str, digits: int, *, contrast: bool) -> str:
    """Return a number with its unit: ``3.2 percentage points``, ``78%``, ``£1,200``.

    Examples
    --------
    >>> quantity(3.2, "percent", 1, contrast=True), quantity(-78, "percent", 0, contrast=False)
    ('3.2 percentage points', '−78%')
    >>> quantity(1200, "gbp", 0, contrast=True), quantity(0.82, "ratio", 2, contrast=True)
    ('£1,200', '0.82')
    """
    text = number(value, digits)
    if unit in MONEY:
        return f"−£{text[1:]}" if text.startswith("−") else f"£{text}"
    level, difference = _UNITS.get(unit, (" " + clean(unit) if unit else "", clean(unit)))
    if unit.startswith("percent of "):
        level, difference = f"%{clean(unit)[7:]}", "percentage points"
    if not contrast:
        return text + level
    return f"{text} {difference}".rstrip()


def moved(value: float, unit: str, digits: int) -> str:
    """Return a difference as a direction: ``0.82 lower``, ``3.2 percentage points higher``.

    Examples
    --------
    >>> moved(-0.82, "ratio", 2), moved(3.2, "percent", 1), moved(0.001, "points", 1)
    ('0.82 lower', '3.2 percentage points higher', 'about 0 points')
    """
    if round(value, digits) == 0:
        return f"about {quantity(0, unit, 0, contrast=True)}"
    size = quantity(abs(value), unit, digits, contrast=True)
    return f"{size} {'higher' if value > 0 else 'lower'}"


def level_words(level: float) -> str:
    """Return a confidence level as people write it: ``95%``."""
    return f"{level * 100:g}%"


def event_time(term: str) -> str:
    """Return an event time in words; any other term as it is.

    Examples
    --------
    >>> event_time("0"), event_time("-1"), event_time("3"), event_time("head")
    ('Year of joining', '1 year before joining', '3 years after joining', 'head')
    """
    if not re.fullmatch(r"[-−+]?\d{1,2}", term):
        return clean(term)
    years = int(term.replace("−", "-"))
    if years == 0:
        return "Year of joining"
    size = abs(years)
    return f"{size} year{'' if size == 1 else 's'} {'before' if years < 0 else 'after'} joining"


def year_words(year: int) -> str:
    """Return an academic year as schools write it: ``2023/24``."""
    return Period(year).label


def humanise(name: str) -> str:
    """Turn an identifier into words: ``pupil_teacher_ratio`` -> ``Pupil teacher ratio``."""
    words = clean(name).replace("_", " ").replace(".", ": ").strip()
    return words[:1].upper() + words[1:]


def sentence(text: str) -> str:
    """Return `text` as a sentence: a capital at its start and a stop at its end."""
    text = clean(text).strip()
    ended = text if text.endswith((".", "?", "!")) or not text else f"{text}."
    return ended[:1].upper() + ended[1:]


def p_words(p: float) -> str:
    """Return a p-value as papers write it.

    Examples
    --------
    >>> p_words(0.0), p_words(0.0312)
    ('p < 0.001', 'p = 0.031')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def check_name(name: str) -> str:
    """Return the name of a check in words."""
    return _CHECKS.get(name, humanise(name))


def note_text(note: Note) -> str:
    """Return a note's sentence; a template that doesn't fit its values is shown as it was written.

    A plugin's slip in a sentence must not cost the whole report.
    """
    values: Mapping[str, Any] = {
        k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in note.values.items()
    }
    try:
        return clean(Note(text=note.text, values=values))
    except (KeyError, ValueError, IndexError, AttributeError, TypeError):
        return clean(note.text)
