"""Numbers in words: masking what could be a small count of people, and names that are safe."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Collection, Mapping

MASK = "[withheld]"

# fmt: off
_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen", "twenty",
)
# fmt: on

# A capital in front belongs to a name (KS2, P8, FSM6); dates and academic years are whole tokens,
# so that their parts aren't taken for counts.
_NUMBER = re.compile(
    r"(?P<name>[A-Z])?"
    r"(?P<number>\d{4}-\d{2}-\d{2}|\d{4}[/-]\d{2}(?!\d)|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|\d+)"
)
# Words that say a number without naming it. They count people only where a text speaks of some:
# elsewhere "both" joins two things, and "single" tells a kind of school.
_QUANTITIES = {
    r"(?:an? )?(?:single|sole|lone|solitary)": 1,
    r"both(?: of)?|twice(?! as\b)|neither(?! \w+ nor\b)|(?:an? )?(?:couple|pair|duo)(?: of)?": 2,
    r"thrice|(?:an? )?trio(?: of)?": 3,
    r"half an? dozen|an? half[- ]dozen": 6,
    r"(?:an? )?dozen": 12,
}
# What a number says that it counts. Spans of time are no counts; schools, partnerships and what
# they do are public ones. "Per cent" is neither: the share of a few gives their number back.
_SPANS = "years?|terms?|months?|weeks?|days?|hours?|minutes?"
_THINGS = (
    "schools|partnerships|clusters|federations|chains|trusts|alliances|authorities|boards|cohorts"
    "|waves|events|meetings|visits|reviews|comparisons|measures|outcomes|metrics|estimates|files"
)
_KINDS = "whole|full|academic|school|calendar|treated|untreated|comparison|other|further|more|such"
# A school has one head, so "two schools lost theirs" does count people: where a text speaks of any,
# only spans of time keep their numbers.
_PEOPLE = re.compile(
    r"\b(?:\w*heads?|\w*teachers?|deput(?:y|ies)|assistants?|leaders?|governors?|chairs?|trustees?"
    r"|clerks?|staff|\w*managers?|pupils?|students?|child(?:ren)?|boys?|girls?|m[ae]n|wom[ae]n"
    r"|parents?|mentors?|coach(?:es)?|specialists?|bursars?|secretar(?:y|ies)|adults?|members?"
    r"|respondents?|leavers?|starters?|joiners?|candidates?|applicants?|successors?|colleagues?"
    r"|persons?|people|\w*body|\w*one|who\w*|posts?|th(?:ey|eirs?|em)|left|leav\w+|he|she|his|hers?)\b",
    re.IGNORECASE,
)
_RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{i}" for d in ("com", "lpt") for i in range(1, 10))}


def number_word(n: int) -> str:
    """Return a whole number as text: a word up to twenty, digits beyond.

    Examples
    --------
    >>> number_word(6), number_word(1200)
    ('six', '1,200')
    """
    return _WORDS[n] if 0 <= n < len(_WORDS) else f"{n:,}"


def fewer_than(threshold: int) -> str:
    """Return the words for a protected count.

    Examples
    --------
    >>> fewer_than(5)
    'fewer than six'
    """
    return f"fewer than {number_word(threshold + 1)}"


def _plain(text: str) -> str:
    """Make plain digits and letters of circled, raised and full-width ones; ½ stays a half."""
    out = []
    for char in text:
        plain = unicodedata.normalize("NFKC", char)
        out.append(plain if plain.isalnum() or unicodedata.digit(char, -1) >= 0 else char)
    return "".join(out)


def _small(number: str, threshold: int) -> bool:
    try:
        value = float(number.replace(",", ""))
    except ValueError:  # a date or an academic year
        return False
    return value.is_integer() and 1 <= value <= threshold


def _words(threshold: int) -> re.Pattern[str]:
    words = "|".join(_WORDS[1 : threshold + 1])
    return re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])", re.IGNORECASE)


def _quantities(threshold: int) -> re.Pattern[str]:
    """Match the words for 1 to `threshold`; "half a dozen" is no dozen."""
    words = "|".join(how for how, n in _QUANTITIES.items() if n <= threshold)
    return re.compile(rf"(?<!half )(?<!half a )(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE)


def _no_people(nouns: str) -> re.Pattern[str]:
    """Match a number that says itself what it counts, as "two to three whole years" does."""
    n = rf"(?:\d+|{'|'.join((*_WORDS[1:], *_QUANTITIES))})"
    return re.compile(
        rf"(?<![\w.,'’-]){n}(?:\s?[-–]\s?{n}|\s(?:to|or)\s{n}|\sor\s(?:more|fewer|less))?"
        rf"(?:\s(?:{_KINDS}))*\s(?:{nouns})(?![\w'’-])",
        re.IGNORECASE,
    )


_TIME = _no_people(_SPANS)
_TIME_OR_THINGS = _no_people(f"{_SPANS}|{_THINGS}")


def speaks_of_people(text: str) -> bool:
    """Tell whether a text names people in any way, so that its numbers may count them.

    Examples
    --------
    >>> speaks_of_people("In 2 schools the head left"), speaks_of_people("2 schools joined")
    (True, False)
    """
    return _PEOPLE.search(_plain(text)) is not None


def mask_numbers(text: str, threshold: int, *, whole: bool = True) -> str:
    """Replace every number in `text` that could be a count of 1 to `threshold` people.

    Whole numbers in digits of any script, also written ``3.0``, number words and, in a text that
    speaks of people, "both", "a couple" and the like. Numbers that belong to a name (``KS2``),
    dates, academic years and fractions stay; so do numbers that say themselves that they count
    years or other spans of time and, in a text that speaks of no person, schools, partnerships and
    what they do. `whole` is False for a part of a text, of which nobody can tell of whom the rest
    speaks.

    Examples
    --------
    >>> mask_numbers("Of 20 heads 3 left in 2019/20, and two at KS2", 5)
    'Of 20 heads [withheld] left in 2019/20, and [withheld] at KS2'
    >>> mask_numbers("Three partnerships began two years ago; 4 others ended", 5)
    'Three partnerships began two years ago; [withheld] others ended'
    >>> mask_numbers("Both heads left within a single year", 5)
    '[withheld] heads left within a single year'
    """
    plain = _plain(text)
    people = not whole or speaks_of_people(plain)
    own = _TIME if people else _TIME_OR_THINGS
    out, at = [], 0
    for match in own.finditer(plain):
        out += [_masked(plain[at : match.start()], threshold, people), match[0]]
        at = match.end()
    masked = "".join([*out, _masked(plain[at:], threshold, people)])
    return text if masked == plain else masked


def _masked(text: str, threshold: int, people: bool) -> str:
    def replace(match: re.Match[str]) -> str:
        if match["name"] or not _small(match["number"], threshold):
            return match[0]
        return MASK

    if people:
        text = _quantities(threshold).sub(MASK, text)
    return _words(threshold).sub(MASK, _NUMBER.sub(replace, text))


def mask_template(text: str, mask: Callable[[str], str]) -> str:
    """Mask a format string: what is typed, not the ``{fields}``, which are judged by value.

    Examples
    --------
    >>> mask_template("3 of {n:,} heads", lambda typed: mask_numbers(typed, 5, whole=False))
    '[withheld] of {n:,} heads'
    """
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:  # no template at all; the report would show it as it stands
        return mask(text)
    out = []
    for literal, field, spec, conversion in parts:
        out.append(_escape(mask(literal)))
        if field is not None:
            out.append(_field(field, spec, conversion))
    return "".join(out)


def plain_fields(text: str, names: Collection[str]) -> str:
    """Drop the number format of the fields called `names`, which now hold words.

    Examples
    --------
    >>> plain_fields("{n:,} of {m:,}", ["n"])
    '{n} of {m:,}'
    """
    out = []
    for literal, field, spec, conversion in string.Formatter().parse(text):
        out.append(_escape(literal))
        if field is not None:
            out.append(_field(field, *(("", None) if field in names else (spec, conversion))))
    return "".join(out)


def rename_fields(text: str, names: Mapping[str, str]) -> str:
    """Give the fields of a format string the new `names` of what they stand for.

    Examples
    --------
    >>> rename_fields("{three_left:,} of {n}", {"three_left": "withheld_left"})
    '{withheld_left:,} of {n}'
    """
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:  # no template at all
        return text
    out = []
    for literal, field, spec, conversion in parts:
        out.append(_escape(literal))
        if field is not None:
            name = re.match(r"[^.\[]*", field)[0]  # type: ignore[index]
            out.append(_field(names.get(name, name) + field[len(name) :], spec, conversion))
    return "".join(out)


def _escape(literal: str) -> str:
    return literal.replace("{", "{{").replace("}", "}}")


def _field(name: str, spec: str | None, conversion: str | None) -> str:
    return f"{{{name}{'!' + conversion if conversion else ''}{':' + spec if spec else ''}}}"


def mask_id(text: str, threshold: int) -> str:
    """Mask an identifier, where any run of digits could be a count (``left_3``, ``heads3``).

    Examples
    --------
    >>> mask_id("left_3_2019", 5)
    'left_withheld_2019'
    """
    plain = _plain(text)
    masked = re.sub(
        r"\d+", lambda m: "withheld" if _small(m[0], threshold) else m[0], plain, flags=re.UNICODE
    )
    return _words(threshold).sub("withheld", masked)


def safe_id(text: str) -> str:
    """Return `text` as a name for a file: lower case, ASCII, at most 80 characters, never empty.

    Examples
    --------
    >>> safe_id("Léavers by Level!"), safe_id("../../etc/passwd"), safe_id("")
    ('leavers_by_level', 'etc_passwd', 'unnamed')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9_-]+", "_", plain).strip("_-")[:80].rstrip("_-")
    if name in _RESERVED:  # Windows keeps these for devices
        return f"{name}_"
    return name or "unnamed"
