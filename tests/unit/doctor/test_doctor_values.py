"""Cohort noise against the domain's card, and the checks of values as such."""

from __future__ import annotations

import re

import attrs
import pytest

from impactkit.doctor import Thresholds, catalogue, cohort_noise


@pytest.mark.parametrize(
    ("n", "low", "high", "year_on_year", "one_pupil"),
    [(10, 40, 89, 40, 10), (30, 52, 83, 23, 3.3), (60, 57, 80, 16, 1.7), (180, 63, 76, 9, 0.6)],
)
def test_cohort_noise_is_that_of_the_card(n, low, high, year_on_year, one_pupil):
    """At 70 %: Wilson's interval, the margin between two years, and what one pupil is worth."""
    noise = cohort_noise(0.7, n)
    assert (round(noise.low), round(noise.high)) == (low, high)
    assert round(noise.year_on_year) == year_on_year
    assert round(noise.one_pupil, 1) == one_pupil


def codes(seen):
    """Return the findings by code."""
    return {finding.code: finding for finding in seen.examination.findings}


def spoilt(studies, change):
    """Return the sound study with every outcome row changed by `change`."""
    drawn = studies.clean()
    for row in drawn.tables["outcomes"]:
        row |= change(row) or {}
    return drawn


def test_shares_in_place_of_per_cents_are_an_error(studies, examined):
    """0.7 is no percentage of pupils; changes would come out a hundred times too small."""
    drawn = spoilt(studies, lambda row: {"value": row["value"] / 100} if row["year"] > 2015 else {})
    finding = codes(examined(drawn))["values.share_not_per_cent"]
    assert finding.severity == "error"
    assert finding.numbers == {"years": 4}
    assert "2015/16" in finding.evidence


def test_one_year_under_two_names_is_an_error(studies, examined):
    """Years named by their start in one file and by their end in the other."""
    drawn = studies.clean()
    of = {(r["urn"], r["year"]): r["value"] for r in drawn.tables["outcomes"]}
    for row in drawn.tables["outcomes"]:
        if row["year"] == 2015:
            row["value"] = of[row["urn"], 2014]
    finding = codes(examined(drawn))["values.same_year_twice"]
    assert finding.severity == "error"
    assert "2013/14 and 2014/15" in finding.evidence
    assert finding.numbers["share"] == 1


def test_figures_that_never_change_are_counted(studies, examined):
    """Copied forward for twelve of 120 schools."""
    drawn = spoilt(studies, lambda row: {"value": 71.5} if row["urn"] % 10 == 0 else {})
    assert codes(examined(drawn))["values.constant"].numbers == {"schools": 120, "same": 12}


def test_a_pupil_to_teacher_ratio_of_six_tenths_can_hardly_be_true(studies, examined):
    """It is named with its school where the data are, and not in what may be released."""
    drawn = spoilt(
        studies, lambda row: {"measure": "pupil_teacher_ratio", "value": 15 + row["value"] / 14}
    )
    drawn.tables["outcomes"][500]["value"] = 0.6
    drawn.design["outcome"] = '["pupil_teacher_ratio"]'
    finding = codes(examined(drawn))["values.implausible"]
    urn = str(drawn.tables["outcomes"][500]["urn"])
    assert finding.numbers == {"values": 1}
    assert urn in finding.example
    assert "0.6" in finding.example
    assert urn not in str(finding)


def test_grades_as_an_outcome_are_called_what_they_are(studies, examined):
    """Inspection grades are no amounts."""
    drawn = spoilt(studies, lambda row: {"value": 1 + round(row["value"]) % 4})
    drawn.tables["measures"][0] |= {"unit": "grade", "low": 1, "high": 4}
    assert "values.grades_averaged" in codes(examined(drawn))


def test_large_and_small_schools_that_count_the_same_are_noted(studies, examined):
    """From 60 to 300 pupils: the mean of percentages is not the percentage of pupils."""
    drawn = spoilt(studies, lambda row: {"denominator": 300 if row["urn"] % 3 == 0 else 60})
    finding = codes(examined(drawn))["values.percentages_unweighted"]
    assert finding.severity == "note"
    assert finding.numbers == {"small": 60, "large": 300}


def test_without_pupil_counts_the_page_says_that_it_cannot_tell(studies, examined):
    """Nothing is passed over in silence."""
    drawn = spoilt(studies, lambda row: {"denominator": None})
    for row in drawn.tables["outcomes"]:
        del row["denominator"]
    facts = [f.text for f in examined(drawn).examination.facts if f.section == "Cohort noise"]
    assert facts == ["the files do not say how many pupils each figure rests on"]


def test_schools_that_stop_reporting_after_joining_are_counted(studies, examined):
    """Nine of thirty treated schools have no row in the last year."""
    drawn = studies.clean()
    drawn.tables["outcomes"] = [
        row
        for row in drawn.tables["outcomes"]
        if not (row["urn"] < studies.urn(9) and row["year"] == 2019)
    ]
    finding = codes(examined(drawn))["E4.vanished"]
    assert finding.numbers == {"gone": 9, "treated": 30, "share": 0.3}


def test_few_years_before_joining_and_few_partnerships_are_warned_of(studies, examined):
    """Two partnerships, and one year before each of them."""
    drawn = studies.clean()
    drawn.tables["outcomes"] = [r for r in drawn.tables["outcomes"] if r["year"] >= 2013]
    for row in drawn.tables["memberships"]:
        row["joined"] = "2013-09-01"
        row["partnership_id"] = f"P{int(row['partnership_id'][1:]) % 2}"
    found = codes(examined(drawn))
    assert found["pretrend.short"].severity == "warning"
    assert found["pretrend.short"].numbers == {"treated": 30, "with_enough": 0, "with_two": 0}
    assert found["power.few_partnerships"].numbers == {"clusters": 2}


def test_schools_like_nobody_have_no_overlap(studies, examined):
    """When levels tell treated schools from all others, there is no score, and the page says so."""
    drawn = spoilt(
        studies,
        lambda row: {"value": (80 if row["urn"] < studies.urn(30) else 40) + row["value"] / 10},
    )
    found = codes(examined(drawn))
    assert "overlap.poor" in found
    assert found["balance.not_comparable"].severity == "warning"


def test_the_catalogue_names_every_threshold_and_no_code_twice():
    """A threshold that no kind of finding mentions would be a line drawn in secret."""
    kinds = catalogue()
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert {kind.mistake for kind in kinds} - {""} == {f"E{n}" for n in range(1, 11)}
    assert not any(re.search(r"[{}]", kind.detector + kind.remedy) for kind in kinds)
    for field in attrs.fields(Thresholds):
        assert catalogue(Thresholds(**{field.name: 4321})) != kinds, field.name
