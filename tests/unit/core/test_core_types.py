"""The domain's objects refuse what cannot be, and a year is named by its end."""

from __future__ import annotations

import datetime as dt

import attrs
import pytest

from impactkit.types import (
    INTERVENTION_TYPES,
    PURPOSES,
    ROLES,
    STATUSES,
    STRUCTURES,
    UNITS,
    Intervention,
    Measure,
    Membership,
    Outcome,
    Partnership,
    Period,
    School,
)

DAY = dt.date(2019, 9, 1)


@pytest.mark.parametrize(
    "text", ["2023/24", "2023-24", "2023/2024", "202324", "2024", " 2023/24 ", "2023 / 24"]
)
def test_an_academic_year_is_read_in_every_form_of_the_field(text):
    """All of these are the year that ends in August 2024."""
    assert Period.parse(text) == Period(2024)


@pytest.mark.parametrize(
    ("text", "year"), [("1999/00", 2000), ("1999/2000", 2000), ("199900", 2000)]
)
def test_the_turn_of_the_century_is_a_year_like_any_other(text, year):
    """00 follows 99."""
    assert Period.parse(text).year == year


@pytest.mark.parametrize(
    "text", ["2023/25", "2023/23", "2023/2023", "202325", "23/24", "", "year", "20232024", "2023.0"]
)
def test_what_is_no_academic_year_is_refused(text):
    """A year that does not follow, or a form that nobody uses, is not guessed at."""
    with pytest.raises(ValueError, match=r"does not follow|is not an academic year"):
        Period.parse(text)


@pytest.mark.parametrize(
    ("day", "year"), [((2023, 8, 31), 2023), ((2023, 9, 1), 2024), ((2024, 1, 1), 2024)]
)
def test_the_year_turns_on_the_first_of_september(day, year):
    """The last day of August belongs to the year that ends."""
    assert Period.of(dt.date(*day)).year == year


@pytest.mark.parametrize("year", [1999, 2000, 2009, 2024])
def test_first_day_last_day_and_label_belong_to_the_year(year):
    """Round trips through day and label come home."""
    period = Period(year)
    assert Period.of(period.start) == Period.of(period.end) == period
    assert Period.parse(period.label) == period
    assert (period.end - period.start).days in (364, 365)


@pytest.mark.parametrize("year", [1899, "2024", 2024.0, None])
def test_a_year_is_a_whole_number_of_our_time(year):
    """Text and fractions are not coerced in silence."""
    with pytest.raises((TypeError, ValueError)):
        Period(year)


def test_periods_are_in_order():
    """So that they can be sorted."""
    assert Period(2019) < Period(2020)


@pytest.mark.parametrize("urn", [99_999, 1_000_000])
def test_a_urn_has_six_digits(urn):
    """One more or fewer is somebody else's number."""
    with pytest.raises(ValueError, match="urn"):
        School(school_key="1", urn=urn)


@pytest.mark.parametrize(
    ("make", "wrong", "words"),
    [
        (lambda word: Partnership(partnership_id="P", structure=word), "club", STRUCTURES),
        (lambda word: Partnership(partnership_id="P", purpose=word), "fun", PURPOSES),
        (lambda word: Membership(partnership_id="P", school_key="1", role=word), "clinet", ROLES),
        (
            lambda word: Intervention(
                intervention_id="I", partnership_id="P", school_key="1", type=word
            ),
            "tea",
            INTERVENTION_TYPES,
        ),
        (lambda word: Measure(id="m", label="M", unit=word), "miles", UNITS),
    ],
)
def test_a_closed_list_takes_each_of_its_words_and_no_other(make, wrong, words):
    """Enumerations are those of the module."""
    for word in words:
        assert make(word)
    with pytest.raises(ValueError, match=wrong):
        make(wrong)


def test_nothing_ends_before_it_starts():
    """On one day it may do both."""
    for day, fine in ((DAY, True), (DAY - dt.timedelta(days=1), False)):
        for make in (
            lambda end: Partnership(partnership_id="P1", start_date=DAY, end_date=end),
            lambda end: Membership(partnership_id="P1", school_key="1", joined=DAY, left=end),
        ):
            if fine:
                assert make(day)
            else:
                with pytest.raises(ValueError, match=r"P1 .*before it"):
                    make(day)


@pytest.mark.parametrize("status", [s for s in STATUSES if s != "ok"])
def test_an_outcome_has_a_value_or_the_reason_why_not(status):
    """Both, or neither, is a contradiction."""
    told = {"school_key": "1", "year": 2019, "measure": "m"}
    assert Outcome(**told, status=status).value is None
    assert Outcome(**told, value=0.0).status == "ok"
    with pytest.raises(ValueError, match="has no value"):
        Outcome(**told, value=1.0, status=status)
    with pytest.raises(ValueError, match="must say why"):
        Outcome(**told)


def test_objects_are_frozen():
    """What was validated stays valid."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Period(2024).year = 2025
