"""Claims as people write them: what is understood, and what is refused with a remedy."""

from __future__ import annotations

import pytest
from hypothesis import example, given, strategies as st

from impactkit.errors import UsageError
from impactkit.evidence.claims import given_claim, read_claim


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("improved three to four times faster", 3, 4),
        ("Improved 3-4x the rate elsewhere", 3, 4),
        ("improved 3–4 times as fast", 3, 4),
        ("2.5 times as much", 2.5, 2.5),
        ("a four-fold increase", 4, 4),
        ("improved twice as fast", 2, 2),
        ("almost twice as fast", 1.8, 2),
        ("results doubled", 2, 2),
        ("more than twice", 2, None),
        ("at least 3 times", 3, None),
        ("up to four times faster", None, 4),
        ("half as much", 0.5, 0.5),
        ("half the rate elsewhere", 0.5, 0.5),
    ],
)
def test_multiples_are_understood(text, low, high):
    """As words or digits, as ranges, and with the hedges that change what is claimed."""
    claim = read_claim(text)
    assert (claim.kind, claim.low, claim.high) == ("ratio", low, high)
    assert claim.text == text


@pytest.mark.parametrize(
    ("text", "low", "high", "unit"),
    [
        ("rose by 8 percentage points", 8, 8, "percentage points"),
        ("8pp more", 8, 8, "percentage points"),
        ("5 points more", 5, 5, "points"),
        ("between some 2 to 3 points", 2, 3, "points"),
        ("fell by 3 points", -3, -3, "points"),
        ("absence is 0.5 percentage points lower", -0.5, -0.5, "percentage points"),
        ("-2 pp", -2, -2, "percentage points"),
        ("up to 4 points", None, 4, "points"),
        ("fell by up to 4 points", -4, None, "points"),
    ],
)
def test_differences_are_understood(text, low, high, unit):
    """With their unit and their sign."""
    claim = read_claim(text)
    assert (claim.kind, claim.low, claim.high, claim.unit) == ("difference", low, high, unit)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("8 per cent more pupils reached level 4", "per cent has two meanings"),
        ("improved by 8%", "per cent has two meanings"),
        ("improved a lot", "--ratio LOW[:HIGH]"),
        ("", "--difference X"),
        ("four to three times faster", "runs backwards"),
        ("doubled, and rose by 8 points", "2 claims"),
        ("did not double", "denies"),
        ("improved 1,000 times", "no multiple"),
        ("half as likely to leave", "how likely"),
        ("twice the odds", "how likely"),
    ],
)
def test_what_has_no_meaning_or_two_is_refused(text, part):
    """By name, with what to write instead; nothing is guessed."""
    with pytest.raises(UsageError, match=part.replace("[", r"\[")):
        read_claim(text)


@pytest.mark.parametrize(
    ("text", "whom", "other"),
    [
        ("up to four times faster than other programmes", "other programmes", True),
        ("three times faster than elsewhere", "elsewhere", False),
        ("three times faster than the national average", "the national average", False),
        ("more than twice as fast", "", False),
        ("three to four times the rate of improvement elsewhere", "", False),
    ],
)
def test_the_comparator_is_noticed(text, whom, other):
    """A claim about other programmes is not one about schools elsewhere."""
    claim = read_claim(text)
    assert (claim.comparator, claim.other_comparator) == (whom, other)


def test_numbers_can_be_given_in_place_of_words():
    """A range, one number, or a difference; the words stay for the report."""
    assert given_claim("much faster", ratio="3:4").words == "3 to 4 times"
    assert given_claim(ratio="3").low == given_claim(ratio="3").high == 3
    assert given_claim("by a third", difference=-1.5).words == "-1.5 points"
    assert given_claim("twice as fast").low == 2


@pytest.mark.parametrize("ratio", ["x", "4:3", "1:2:3", "-1", ":", "nan", "1:inf"])
def test_numbers_that_are_none_are_refused(ratio):
    """So is a range that runs backwards."""
    with pytest.raises(UsageError, match="--ratio 3:4"):
        given_claim(ratio=ratio)


def test_a_ratio_and_a_difference_at_once_are_refused():
    """One claim at a time."""
    with pytest.raises(UsageError, match="Give one of them"):
        given_claim(ratio="3", difference=2.0)


WORDS = [
    "three",
    "to",
    "four",
    "4",
    "times",
    "x",
    "twice",
    "up to",
    "-",
    "8",
    "per cent",
    "points",
    "not",
]


@given(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join) | st.text(max_size=40))
@example("²x 3")
@example("٣ times")
def test_whatever_is_written_is_read_or_refused(text):
    """A range that runs forwards, or a refusal with a remedy; never anything else."""
    try:
        claim = read_claim(text)
    except UsageError as error:
        claim, remedies = None, [problem.remedy for problem in error.problems]
    if claim is None:
        assert all(remedies)
        return
    assert claim.low is not None or claim.high is not None
    if claim.low is not None and claim.high is not None:
        assert claim.low <= claim.high
    assert claim.words
