"""Masking of numbers in words, and safe names."""

from __future__ import annotations

import pytest

from impactkit.disclosure import safe_id
from impactkit.disclosure.text import MASK, mask_id, mask_numbers, mask_template, plain_fields


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


def test_the_threshold_decides() -> None:
    """A stricter profile masks more."""
    assert mask_numbers("nine of 9, ten of 10", 9) == f"{MASK} of {MASK}, ten of 10"
    assert mask_numbers("five of 5", 4) == "five of 5"


def test_template_keeps_its_fields() -> None:
    """Fields, their formats and literal braces survive; typed digits don't."""
    masked = mask_template("{{3}} {n:5.1f} of {m!r} {0}", 5)
    assert masked == "{{" + MASK + "}} {n:5.1f} of {m!r} {0}"
    assert mask_template("broken {n 3", 5) == f"broken {{n {MASK}"
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
