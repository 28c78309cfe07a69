from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from impactkit.report.answers import answer, no_difference, verdict
from impactkit.report.phrases import (
    clean,
    count,
    digits_for,
    event_time,
    moved,
    note_text,
    number,
    unit_words,
)
from impactkit.results import Estimate, Note


def att(value: float, low: float, high: float, **fields: object) -> Estimate:
    """Make an effect on a percentage, unless told otherwise."""
    fields.setdefault("unit", "percent")
    return Estimate(
        estimand="ATT overall (dynamic)",
        value=value,
        ci_low=low,
        ci_high=high,
        **fields,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [
        (att(2.0, 0.5, 3.5), "higher"),
        (att(-2.0, -3.5, -0.5), "lower"),
        (att(2.0, -0.5, 4.5), "unclear"),
        (att(2.0, 0.0, 4.0), "unclear"),
        (att(2.0, 0.5, 3.5, p_adjusted=0.2), "unclear"),
        (att(2.0, 0.5, 3.5, p_adjusted=0.05), "unclear"),
        (att(2.0, 0.5, 3.5, p_adjusted=0.04), "higher"),
        (Estimate(estimand="ATT", value=2.0, reason="one cluster"), "no_interval"),
        (Estimate(estimand="ATT", status="not_estimable", reason="no data"), "not_estimable"),
        (Estimate(estimand="ATT", status="withheld", reason="people"), "withheld"),
        (Estimate(estimand="Retention", value=78.0, ci_low=60.0, ci_high=90.0), "level"),
        (Estimate(estimand="rate ratio", value=1.5, ci_low=0.9, ci_high=2.0), "unclear"),
        (Estimate(estimand="rate ratio", value=1.5, ci_low=1.1, ci_high=2.0), "higher"),
    ],
)
def test_a_direction_is_claimed_only_when_the_interval_leaves_out_no_difference(
    estimate: Estimate, expected: str
) -> None:
    """A boundary at zero, or an adjusted p-value at the limit, is not yet clear."""
    assert verdict(estimate) == expected


def test_a_null_result_is_told_as_a_result_with_its_interval() -> None:
    """The words stand with the estimate, and warn against saying that nothing changed."""
    said = answer(att(-0.4, -2.0, 1.2), "Attendance", "higher")
    assert said.headline == (
        "Attendance: no effect was found (the estimate is 0.4 percentage points lower; "
        "95% interval: 2.0 lower to 1.2 higher)."
    )
    assert "does not show that nothing changed" in said.support
    assert said.support.endswith("Higher is better here.")


@pytest.mark.parametrize("grade", [None, 0, 1, 2, 3, 4, 5])
def test_verbs_follow_the_grade_and_never_say_impact(grade: int | None) -> None:
    """Below grade 3 nothing is called an effect; "impact" and "caused" are never said."""
    said = answer(att(2.0, 0.5, 3.5, grade=grade), "Attendance").headline
    assert not re.search(r"\b(impact|caused|proves?|led to)\b", said)
    assert ("effect" in said) == (grade is not None and grade >= 3)
    assert ("estimated effect" in said) == (grade is not None and grade >= 4)


def test_a_difference_between_percentages_is_in_percentage_points() -> None:
    """3 percentage points are not 3%: only levels have the per cent sign."""
    difference = answer(att(3.0, 1.0, 5.0), "Attendance").headline
    level = answer(
        Estimate(estimand="Retention", value=78.0, ci_low=60.0, ci_high=90.0, unit="percent"),
        "Heads",
    ).headline
    assert "3.0 percentage points higher" in difference
    assert "%" not in difference.replace("95%", "")
    assert level == "Heads: 78% (95% interval: 60% to 90%)."
    assert unit_words("percent", contrast=True) == "percentage points"


def test_adjustment_for_many_outcomes_is_said_in_words() -> None:
    """An interval without zero that multiplicity takes back is explained, not hidden."""
    said = answer(att(2.0, 0.5, 3.5, p_adjusted=0.2), "Attendance")
    assert "no effect was found" in said.headline
    assert "among this many outcomes" in said.support


def test_an_estimate_without_an_interval_says_why() -> None:
    """The reason is in the sentence, and what it means for the reader."""
    said = answer(Estimate(estimand="ATT", value=2.0, unit="points", reason="one cluster"), "Maths")
    assert "without an interval (one cluster)" in said.headline
    assert "chance is not known" in said.headline


@pytest.mark.parametrize("status", ["not_estimable", "withheld"])
def test_no_number_is_said_of_an_estimate_that_has_none(status: str) -> None:
    """Only the reason stands in its place."""
    estimate = Estimate(estimand="ATT", status=status, reason="the reason.")  # type: ignore[arg-type]
    said = answer(estimate, "Maths").headline
    assert "the reason" in said
    assert not re.search(r"\d", said)


def test_counts_say_what_an_estimate_rests_on() -> None:
    """Small counts are words; schools sit in partnerships and beside their comparison."""
    said = answer(
        att(2.0, 0.5, 3.5, n_schools=24, n_partnerships=9, n_comparison=434), "Attendance"
    )
    assert said.support == (
        "It rests on 24 schools in nine partnerships, compared with 434 schools."
    )


@pytest.mark.parametrize(
    ("width", "digits"), [(0.004, 4), (0.06, 3), (0.6, 2), (6.0, 1), (60.0, 0), (600.0, 0)]
)
def test_digits_follow_the_interval(width: float, digits: int) -> None:
    """Two significant figures of the half-width: more would claim what the data don't know."""
    assert digits_for([Estimate(value=1.0, ci_low=1 - width, ci_high=1 + width)]) == digits


def test_no_difference_is_one_for_a_ratio_and_nothing_for_a_level() -> None:
    """A pupil-teacher ratio is a measure, not a ratio of two groups."""
    assert no_difference(Estimate(estimand="ATT overall", unit="ratio")) == 0.0
    assert no_difference(Estimate(estimand="Rate ratio, governors to leaders")) == 1.0
    assert no_difference(Estimate(estimand="Retention", unit="percent")) is None


def test_a_ratio_of_two_rates_is_told_as_times() -> None:
    """A rate ratio of 1.5 is half as much again, not "1.5 higher"."""
    ratio = Estimate(estimand="Rate ratio", value=1.5, ci_low=1.1, ci_high=2.1)
    assert answer(ratio, "Meetings").headline == (
        "Meetings: the estimate is 1.50 times as high (95% interval: 1.10 to 2.10)."
    )


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(0, 4))
def test_a_printed_number_reads_back_as_itself(value: float, digits: int) -> None:
    """Rounding moves it by half a unit at most, and zero never has a sign."""
    text = number(value, digits)
    back = float(text.replace("−", "-").replace(",", ""))
    assert abs(back - value) <= 0.5000001 * 10**-digits + abs(value) * 1e-12
    assert back != 0 or not text.startswith("−")


@given(st.text())
def test_cleaned_text_is_printable_and_stays_so(text: str) -> None:
    """No control or direction-changing character survives, and cleaning twice changes nothing."""
    once = clean(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", once)
    assert clean(once) == once
    once.encode("utf-8")


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"])))
def test_ordinary_text_of_any_language_is_left_alone(text: str) -> None:
    """Only characters that deceive or break files are touched."""
    assert clean(text) == text


def test_a_note_that_does_not_fit_its_values_is_shown_as_written() -> None:
    """A plugin's slip costs its sentence, not the report."""
    assert note_text(Note(text="{n} of {m}", values={"n": 14, "m": 20})) == "14 of 20"
    assert note_text(Note(text="{n} of {missing}", values={"n": 14})) == "{n} of {missing}"
    assert note_text(Note(text="share {s}", values={"s": 2 / 3})) == "share 0.6667"


@pytest.mark.parametrize(
    ("low", "high", "unit", "words"),
    [
        (1.0, 3.0, "points", "1.0 to 3.0 higher"),
        (-3.0, -1.0, "points", "1.0 to 3.0 lower"),
        (-1.0, 3.0, "points", "1.0 lower to 3.0 higher"),
        (0.0, 3.0, "points", "0 to 3.0 higher"),
        (100.0, 300.0, "gbp", "100 to 300 higher"),
    ],
)
def test_an_interval_says_its_direction_once(low, high, unit, words) -> None:
    """Twice only where its ends lie on both sides; the end nearer to no difference comes first."""
    e = Estimate(estimand="ATT", value=(low + high) / 2, ci_low=low, ci_high=high, unit=unit)
    assert f"95% interval: {words}" in answer(e, "Maths").headline


@pytest.mark.parametrize(
    "estimand",
    [
        "ATT in chains less ATT in pairs",
        "Effect of ten days more of help, given results before",
        "Effect of ten kilometres more",
    ],
)
def test_other_contrasts_are_not_told_as_the_effect_of_joining(estimand: str) -> None:
    """That chains did better than pairs does not say what being in a partnership did."""
    e = Estimate(estimand=estimand, value=2.0, ci_low=1.0, ci_high=3.0, unit="points", grade=4)
    said = answer(e, "Chains").headline
    assert "being in a partnership" not in said
    assert "effect of partnership" not in said
    assert "the estimate is 2.0 points higher" in said


def test_small_counts_are_words_and_event_times_are_read_out() -> None:
    """Singular and plural agree; year zero has a name."""
    assert count(1, "person", "people") == "one person"
    assert count(2, "person", "people") == "two people"
    assert count(10, "school") == "10 schools"
    assert event_time("-2") == "2 years before joining"
    assert event_time("2016") == "2016"
    assert moved(-0.0004, "points", 2) == "about 0 points"


def test_a_unit_in_words_is_said_once() -> None:
    """Beside the figure; a per cent sign is short enough to stand with each number."""
    e = Estimate(estimand="Events", value=0.89, ci_low=0.77, ci_high=1.01, unit="events a year")
    assert (
        answer(e, "Events").headline == "Events: 0.89 events a year (95% interval: 0.77 to 1.01)."
    )
    e = Estimate(estimand="Events", value=0.89, ci_low=0.77, ci_high=1.01, unit="percent")
    assert "0.77% to 1.01%" in answer(e, "Events").headline


def test_a_result_that_only_the_number_of_tests_takes_away_says_so() -> None:
    """Beside an interval that leaves out no difference, "none was found" alone would puzzle."""
    e = Estimate(estimand="ATT", value=2.0, ci_low=1.0, ci_high=3.0, p_adjusted=0.3, unit="points")
    said = answer(e, "Maths").headline
    assert said.startswith("Maths: no effect was found that stands out among this many tests (")


def test_since_less_before_is_a_difference_and_a_count_is_whole() -> None:
    """A change of nearly nothing is told as such; 42 partnerships are not 42.0."""
    e = Estimate(estimand="Questions since less before", value=-0.05, ci_low=-0.2, ci_high=0.1)
    assert "no clear difference was found" in answer(e, "Questions").headline
    e = Estimate(estimand="At work", value=42.0, unit="partnerships", reason="a register")
    assert answer(e, "At work").headline == "At work: 42 partnerships (no interval: a register)."
    e = Estimate(estimand="Turnover", value=32.8, ci_low=31.3, ci_high=34.2, unit="percent of all")
    assert "32.8% of all (95% interval: 31.3 to 34.2)" in answer(e, "Turnover").headline
