"""Claims about improvement as people write them, read by a grammar, and judged against data.

The grammar is in ``docs/howto/claims.md``: multiples ("three to four times faster", "3-4x",
"almost twice", "doubled", "half as much") and differences in percentage points or points ("by 8
percentage points"). Everything else is refused, with what to give instead: a claim that is guessed
at is a claim that is put into somebody's mouth.
"""

from __future__ import annotations

import re
from typing import Literal

import attrs

from impactkit.errors import Problem, UsageError

Kind = Literal["ratio", "difference"]

ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty"),
)
WORDS = {word: float(k) for k, word in enumerate(ONES)} | {"half": 0.5, "quarter": 0.25, "a": 1.0}
SINGLE = {
    "twice": 2.0,
    "double": 2.0,
    "doubled": 2.0,
    "doubling": 2.0,
    "thrice": 3.0,
    "triple": 3.0,
    "tripled": 3.0,
    "trebled": 3.0,
    "quadrupled": 4.0,
    "halved": 0.5,
}
ALMOST, AT_LEAST, UP_TO = "almost", "at least", "up to"
HEDGES = {
    **dict.fromkeys(("almost", "nearly", "close to", "just under"), ALMOST),
    **dict.fromkeys(("at least", "more than", "over", "upwards of"), AT_LEAST),
    **dict.fromkeys(("up to", "as much as"), UP_TO),
    **dict.fromkeys(("about", "around", "some", "roughly"), ""),
}

NUMBER = (
    r"(?:(?<![\d.,])\d+(?:\.\d+)?|"
    + "|".join(sorted(WORDS.keys() - {"a", "half", "quarter"}))
    + ")"
)
RANGE = rf"(?P<low>{NUMBER})(?:\s*(?:to|-|–|or)\s*(?P<high>{NUMBER}))?"
HEDGE = r"(?:(?P<hedge>" + "|".join(HEDGES) + r")\s+)?"
TIMES = re.compile(rf"\b{HEDGE}{RANGE}\s*(?:times\b|-?fold\b|x\b|×)")
ONE_WORD = re.compile(rf"\b{HEDGE}(?P<word>{'|'.join(SINGLE)})\b")
FRACTION = re.compile(rf"\b{HEDGE}(?:a\s+)?(?P<word>half|quarter)\s+(?:as|the|of)\b")
POINTS = re.compile(
    rf"{HEDGE}(?P<sign>[-+−]\s*)?{RANGE}\s*(?:(?P<unit>percentage[\s-]points?|pp\b|ppts?\b|points?\b))"
)
PER_CENT = re.compile(rf"{HEDGE}{RANGE}\s*(?:%|per\s?cent\b|percent\b)")
FEWER = re.compile(r"\b(?:fewer|less|lower|fell|worse|down|declined|dropped)\b")
OTHERS = re.compile(r"\b(?:faster|quicker|better|more|higher|lower) than\s+(?P<who>[^,.;]+)")
DENIED = re.compile(r"\b(?:not|never|no|without|hardly)\b|n['’]t\b")
LIKELY = re.compile(r"\b(?:un)?(?:likely|likelihood|likelier|odds|chances?|probab\w+|risks?)\b")
NATIONAL = re.compile(r"\b(?:elsewhere|national|nationally|average|all schools|other schools)\b")


@attrs.frozen(kw_only=True)
class Claim:
    """What is claimed: a ratio of two changes, or a difference between them.

    Attributes
    ----------
    kind
        ``ratio`` or ``difference``.
    low, high
        The range claimed; equal when one number is. None in `low`: "up to"; in `high`: "at least".
    unit
        Of a difference: ``percentage points`` or ``points``.
    text
        As it was written; empty when numbers were given.
    comparator
        What the claim says it is beside ("other programmes"); empty when it does not say.
    """

    kind: Kind
    low: float | None
    high: float | None
    unit: str = ""
    text: str = ""
    comparator: str = ""

    @property
    def other_comparator(self) -> bool:
        """Whether the claim compares with somebody else than schools elsewhere."""
        return bool(self.comparator) and not NATIONAL.search(self.comparator)

    @property
    def words(self) -> str:
        """What is claimed, in numbers."""
        unit = " times" if self.kind == "ratio" else f" {self.unit or 'points'}"
        if self.low is None:
            return f"up to {self.high:g}{unit}"
        if self.high is None:
            return f"at least {self.low:g}{unit}"
        if self.low == self.high:
            return f"{self.low:g}{unit}"
        return f"{self.low:g} to {self.high:g}{unit}"


def read_claim(text: str) -> Claim:
    """Read a claim by the grammar.

    Raises
    ------
    UsageError
        When it is not in the grammar, has two meanings, or a range that runs backwards; with what
        to give instead.

    Examples
    --------
    >>> read_claim("improved three to four times faster").words
    '3 to 4 times'
    >>> read_claim("improved up to four times faster than other programmes").comparator
    'other programmes'
    >>> read_claim("results rose by 8 percentage points").words
    '8 percentage points'
    """
    lower = " ".join(text.casefold().split())
    if DENIED.search(lower):
        raise _refused(text, "it denies something", "Write the claim that is to be checked.")
    if LIKELY.search(lower):
        raise _refused(
            text,
            "it is about how likely something is, and what is checked here is how much a measure "
            "changed",
            "Say how much it changed, or give --ratio or --difference of the change.",
        )
    found = [*_ratios(lower), *_differences(lower)]
    if not found:
        if PER_CENT.search(lower):
            raise _refused(
                text,
                "per cent has two meanings: so many percentage points more, or so many per cent of "
                "what there was before (from 50%, 8 per cent more is 54%, and 8 points are 58%)",
                'Say "by 8 percentage points", or give --difference 8.',
            )
        raise _refused(
            text,
            "it has no multiple and no difference that the grammar knows",
            "Give --ratio LOW[:HIGH] (--ratio 3:4) or --difference X (in the unit of the measure).",
        )
    if len(found) > 1:
        raise _refused(
            text,
            f"it has {len(found)} claims: {' and '.join(claim.words for claim in found)}",
            "Check them one at a time.",
        )
    [claim] = found
    if claim.low is not None and claim.high is not None and claim.low > claim.high:
        raise _refused(
            text, f"the range {claim.words} runs backwards", "Write the lower one first."
        )
    return attrs.evolve(claim, text=text, comparator=_comparator(lower))


def given_claim(text: str = "", *, ratio: str = "", difference: float | None = None) -> Claim:
    """Return the claim of a text, or of numbers given in its place.

    Raises
    ------
    UsageError
        As `read_claim`; and when `ratio` is not ``LOW`` or ``LOW:HIGH``, or both are given.

    Examples
    --------
    >>> given_claim("improved much faster", ratio="3:4").words
    '3 to 4 times'
    """
    comparator = _comparator(text.casefold())
    if ratio and difference is not None:
        raise _refused(text, "both --ratio and --difference are given", "Give one of them.")
    if difference is not None:
        return Claim(
            kind="difference", low=difference, high=difference, text=text, comparator=comparator
        )
    if not ratio:
        return read_claim(text)
    try:
        low, high = [float(part) for part in ratio.split(":")] * (1 if ":" in ratio else 2)
        if not 0 <= low <= high < float("inf"):
            raise ValueError
    except ValueError:
        raise _refused(
            ratio, "--ratio is no number or range of numbers", "Write --ratio 3 or --ratio 3:4."
        ) from None
    return Claim(kind="ratio", low=low, high=high, text=text, comparator=comparator)


def _comparator(text: str) -> str:
    """Return whom a claim compares with: "faster than other programmes", not "more than twice"."""
    than = OTHERS.search(text)
    if not than or re.match(rf"{NUMBER}|{'|'.join(SINGLE)}", than["who"]):
        return ""
    return than["who"].strip()


def _ratios(text: str) -> list[Claim]:
    claims = [
        _claim("ratio", m["hedge"], _number(m["low"]), m["high"]) for m in TIMES.finditer(text)
    ]
    claims += [
        _claim("ratio", m["hedge"], SINGLE[m["word"]], None) for m in ONE_WORD.finditer(text)
    ]
    return claims + [
        _claim("ratio", m["hedge"], WORDS[m["word"]], None) for m in FRACTION.finditer(text)
    ]


def _differences(text: str) -> list[Claim]:
    claims = []
    for m in POINTS.finditer(text):
        claim = _claim("difference", m["hedge"], _number(m["low"]), m["high"])
        down = (m["sign"] or "").strip() in ("-", "−") or bool(FEWER.search(text))
        if down:
            low, high = claim.high, claim.low
            claim = attrs.evolve(
                claim, low=None if low is None else -low, high=None if high is None else -high
            )
        unit = "points" if m["unit"].startswith("point") else "percentage points"
        claims.append(attrs.evolve(claim, unit=unit))
    return claims


def _claim(kind: Kind, hedge: str | None, low: float, high: str | None) -> Claim:
    to = low if high is None else _number(high)
    meant = HEDGES.get(hedge or "", "")
    if meant == UP_TO:
        return Claim(kind=kind, low=None, high=to)
    if meant == AT_LEAST:
        return Claim(kind=kind, low=low, high=None)
    # "almost twice" is a little under two: nine tenths of it at the least.
    return Claim(kind=kind, low=0.9 * low if meant == ALMOST else low, high=to)


def _number(text: str) -> float:
    return WORDS[text] if text in WORDS else float(text)


def _refused(value: str, rule: str, remedy: str) -> UsageError:
    return UsageError(Problem(code="claim.unread", value=value, rule=rule, remedy=remedy))
