"""Masking of numbers in words, and safe names."""

from __future__ import annotations

import re

import pytest

from impactkit.disclosure import safe_id
from impactkit.disclosure.intake import Masker
from impactkit.disclosure.text import (
    MASK,
    mask_id,
    mask_numbers,
    plain_fields,
    rename_fields,
)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("3 heads left", f"{MASK} heads left"),
        ("Three heads and FIVE governors", f"{MASK} heads and {MASK} governors"),
        ("n=4, or 3.0, or 1,2 and 5", f"n={MASK}, or {MASK}, or {MASK},{MASK} and {MASK}"),
        ("heads3", f"heads{MASK}"),
        ("３ heads, ② deputies, x² ٣", f"{MASK} heads, {MASK} deputies, x{MASK} {MASK}"),
        ("-2 (5%)", f"-{MASK} ({MASK}%)"),
        ("left_3_heads", f"left_{MASK}_heads"),
    ],
)
def test_small_counts_are_masked(text: str, masked: str) -> None:
    """Digits of any script and number words, wherever they stand."""
    assert mask_numbers(text, 5) == masked


@pytest.mark.parametrize(
    "text",
    [
        "KS2 and P8 and FSM6",
        "6 heads, 10, 15, 20, 1,234 and 2019",
        "2019/20 and 2026-09-01",
        "0.5 or 3.5 of 0",
        "someone, bone, sixty",
        "½ day",
    ],
)
def test_what_is_no_small_count_stays(text: str) -> None:
    """Names, larger numbers, years, dates, fractions and words that merely contain one."""
    assert mask_numbers(text, 5) == text


@pytest.mark.parametrize(
    "text",
    [
        "3 heads left after two years",
        "Of 12 pupils, two to three whole terms later, 5 were there",
    ],
)
def test_spans_of_time_stay_beside_people(text: str) -> None:
    """How long is no count of anybody; the count beside it goes all the same."""
    masked = mask_numbers(text, 5)
    assert MASK in masked
    assert ("two years" in masked) or ("two to three whole terms" in masked)
    assert not re.search(r"3 heads|, 5 were", masked)


@pytest.mark.parametrize(
    "text",
    [
        "Only 3 partnerships were treated; two or more schools joined in each",
        "two to four clusters, 2 other comparisons",
    ],
)
def test_public_counts_stay_in_a_text_without_people(text: str) -> None:
    """Schools and partnerships are public facts, where the number says that it counts them."""
    assert mask_numbers(text, 5) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("In 2 schools the head left", f"In {MASK} schools the head left"),
        ("Two schools lost theirs", f"{MASK} schools lost theirs"),
        ("Of 20 schools 3 left", f"Of 20 schools {MASK} left"),
        ("3 schools' results", f"{MASK} schools' results"),
        ("4 school posts", f"{MASK} school posts"),
        ("3 and 2 years", f"{MASK} and 2 years"),
        ("1, 3 years, 5", f"{MASK}, 3 years, {MASK}"),
        ("3 year-olds; 5 per cent of 40", f"{MASK} year-olds; {MASK} per cent of 40"),
    ],
)
def test_schools_do_not_stand_in_for_their_people(text: str, masked: str) -> None:
    """A school has one head: where a text speaks of people, its counts of schools go as well."""
    assert mask_numbers(text, 5) == masked


def template(text: str) -> str:
    """Mask a template as a note's text is masked."""
    return Masker(threshold=5, declared=()).template(text)


def test_a_part_of_a_text_keeps_spans_of_time_only() -> None:
    """Beside a field nobody can tell of whom the rest speaks."""
    assert template("3 schools {x} for 2 years") == f"{MASK} schools {{x}} for 2 years"


def test_the_threshold_decides() -> None:
    """A stricter profile masks more."""
    assert mask_numbers("nine of 9, ten of 10", 9) == f"{MASK} of {MASK}, ten of 10"
    assert mask_numbers("five of 5", 4) == "five of 5"


def test_template_keeps_its_fields() -> None:
    """Fields, their formats and literal braces survive; typed digits don't."""
    masked = template("{{3}} {n:5.1f} of {m!r} {0} {by_3}")
    assert masked == "{{" + MASK + "}} {n:5.1f} of {m!r} {0} {by_3}"
    assert template("broken {n 3") == f"broken {{n {MASK}"
    assert plain_fields("{n:.1f} {m:.1f}", {"n"}).format(n="some", m=2.0) == "some 2.0"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("left_3", "left_withheld"),
        ("heads3", "headswithheld"),
        ("left-two", "left-withheld"),
        ("by_2019_12", "by_2019_12"),
    ],
)
def test_ids_lose_small_counts(name: str, safe: str) -> None:
    """In an id any run of digits could be a count."""
    assert mask_id(name, 5) == safe


@pytest.mark.parametrize(
    "hostile",
    [
        "../../etc/passwd",
        "C:\\x",
        "a/b",
        "",
        "...",
        "CON",
        "nul",
        "x" * 500,
        "é" * 9,
        "a\0b\n",
        "~",
    ],
)
def test_safe_id_is_a_plain_file_name_everywhere(hostile: str) -> None:
    """No folder, no device, nothing hidden, nothing endless."""
    name = safe_id(hostile)
    assert 1 <= len(name) <= 80
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")
    assert name not in ("con", "nul")
    assert name == safe_id(name)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Both heads left", f"{MASK} heads left"),
        ("Both of the deputies left", f"{MASK} the deputies left"),
        ("A couple of governors and a single teacher", f"{MASK} governors and {MASK} teacher"),
        ("The sole applicant; neither mentor", f"The {MASK} applicant; {MASK} mentor"),
        ("The head changed twice, a trio of heads", f"The head changed {MASK}, {MASK} heads"),
        ("A pair of leavers", f"{MASK} leavers"),
    ],
)
def test_words_that_imply_a_small_count_of_people_are_masked(text: str, masked: str) -> None:
    """A number need not be named to be told."""
    assert mask_numbers(text, 5) == masked


def test_a_dozen_goes_where_twelve_would() -> None:
    """Each word counts what it counts: half a dozen is six, and a dozen twelve."""
    text = "half a dozen heads, a dozen heads, both heads"
    assert mask_numbers(text, 5) == f"half a dozen heads, a dozen heads, {MASK} heads"
    assert mask_numbers(text, 9) == f"{MASK} heads, a dozen heads, {MASK} heads"
    assert mask_numbers(text, 12) == f"{MASK} heads, {MASK} heads, {MASK} heads"


@pytest.mark.parametrize(
    "text",
    [
        "It has an outcome in both periods, and neither side is worse",
        "A single school; single-sex schools; partnerships listed twice",
        "Leaders were asked in both years, twice as many as in a single term",
        "It names neither school nor head",
    ],
)
def test_words_that_imply_no_count_of_people_stay(text: str) -> None:
    """Where nobody is spoken of, of spans of time, of ratios, and where "neither" joins."""
    assert mask_numbers(text, 5) == text


def test_of_whom_a_text_speaks_is_judged_across_ids() -> None:
    """An id in the middle of a text does not part its people from their count."""
    masker = Masker(threshold=5, declared=["kent.stay"])
    assert (
        masker.text("Heads of kent.stay: in 2 schools") == f"Heads of kent.stay: in {MASK} schools"
    )


def test_keys_of_a_note_are_masked_with_their_fields() -> None:
    """A key is written to files as well as its value; the sentence still fits."""
    assert rename_fields("{a_3.x:,} {b!r} {{a_3}}", {"a_3": "a"}) == "{a.x:,} {b!r} {{a_3}}"
    assert rename_fields("broken {a_3", {"a_3": "a"}) == "broken {a_3"
