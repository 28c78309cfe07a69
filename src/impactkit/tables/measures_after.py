"""Measures of what comes after: destinations, inspections, and results of whole trusts."""

from __future__ import annotations

from typing import Any

from impactkit.tables.measures_results import (
    AFTER_THE_PANDEMIC,
    FROM_JANUARY,
    KS2_GAPS,
    KS2_NO_PROGRESS,
    KS4_GAPS,
    KS5_GAPS,
    NEW_GRADES,
    NO_PROGRESS_8,
)
from impactkit.tables.national_figures import national_figures
from impactkit.types import Break, Measure

DESTINATIONS = "Pupil destinations, in the performance tables"
INSPECTIONS = "Ofsted, management information on state-funded schools"
TRUSTS = "Trusts' results, in the performance tables (england_{stage}-mats-performance.csv)"

_KS4_TO = {
    "sustained": "Stayed in education or work",
    "education": "Stayed in education",
    "further_education": "At a further education college",
    "school_sixth_form": "In a school's sixth form",
    "sixth_form_college": "At a sixth form college",
    "other_education": "In other education",
    "apprenticeship": "In an apprenticeship",
    "employment": "In work",
    "not_sustained": "Did not stay in education or work",
    "unknown": "Not found in any record",
}
_KS5_TO = {
    "sustained": "Stayed in education or work",
    "education": "Stayed in education",
    "higher_education": "In higher education (level 4 and above)",
    "further_education": "In further education (to level 3)",
    "other_education": "In other education",
    "apprenticeship": "In an apprenticeship",
    "employment": "In work",
    "not_sustained": "Did not stay in education or work",
    "unknown": "Not found in any record",
}
_HE = {
    "progressed": "Went on to higher education or training",
    "degree": "Went on to study for a degree",
    "top_third": "Went on to a university of the top third",
    "apprenticeship": "Went on to a higher apprenticeship",
    "higher_technical": "Went on to higher technical study",
}
_WORSE = ("not_sustained", "unknown")
_BETTER = ("sustained", "education", "progressed", "top_third", "degree")


def _destinations(stage: str, labels: dict[str, str]) -> tuple[Measure, ...]:
    return tuple(
        Measure(
            id=f"{stage}_{name}",
            label=label,
            unit="percent",
            direction="lower" if name in _WORSE else "higher" if name in _BETTER else "none",
            low=0,
            high=100,
            phase="Secondary" if stage == "ks4_to" else "16 to 19",
            measured="October to March after pupils finished, counted to the year they finished in",
            national=national_figures(f"{stage}_{name}"),
            source=DESTINATIONS,
        )
        for name, label in labels.items()
    )


GRADED = {
    "overall": "Overall effectiveness",
    "education": "Quality of education",
    "behaviour": "Behaviour and attitudes",
    "personal_development": "Personal development",
    "leadership": "Effectiveness of leadership and management",
    "early_years": "Early years provision (where applicable)",
    "sixth_form": "Sixth form provision (where applicable)",
    "teaching": "Quality of teaching, learning and assessment",
    "outcomes": "Outcomes for children and learners",
    "welfare": "Personal development, behaviour and welfare",
}
CARD = {
    "inclusion": "Inclusion",
    "curriculum": "Curriculum and teaching",
    "achievement": "Achievement",
    "attendance": "Attendance and behaviour",
    "wellbeing": "Personal development and wellbeing",
    "governance": "Leadership and governance",
    "card_early_years": "Early years (where applicable)",
    "post_16": "Post-16 provision (where applicable)",
}
"""Judgements by grades and by report cards: our names, and as the files call them."""

_FRAMEWORKS = (
    Break(2013, "Grade 3 is no longer satisfactory, but requires improvement.", hard=False),
    Break(2020, "Another framework: quality of education in place of teaching.", hard=False),
)


def _inspected(name: str, label: str, *, card: bool) -> Measure:
    return Measure(
        id=f"ofsted_{name}",
        label=f"{label} ({'report card' if card else 'grade'})",
        unit="grade",
        direction="higher" if card else "lower",
        low=1,
        high=5 if card else 4,
        first_year=2026 if card else None,
        last_year=None if card else 2025,
        breaks=() if card else _FRAMEWORKS,
        measured="on the day of an inspection, in years that differ by school",
        source=INSPECTIONS,
    )


def _trusts(stage: str, name: str, label: str, unit: str = "percent", **about: Any) -> Measure:
    given = {"low": 0, "high": 100, **about}
    return Measure(
        id=f"mat_{stage}_{name}",
        label=label,
        unit=unit,
        direction="higher",
        exposed_by=FROM_JANUARY,
        source=TRUSTS.format(stage=stage),
        **given,
    )


_KS2_OF_TRUSTS: dict[str, Any] = {
    "phase": "Primary",
    "measured": "tests in May",
    "first_year": 2018,
}
_KS4_OF_TRUSTS: dict[str, Any] = {
    "phase": "Secondary",
    "measured": "examinations in May and June",
    "gaps": KS4_GAPS,
    "breaks": AFTER_THE_PANDEMIC,
}
_KS5_OF_TRUSTS: dict[str, Any] = {
    "phase": "16 to 19",
    "measured": "examinations in May and June",
    "gaps": KS5_GAPS,
}
_KS4_SHARES = {
    "basics_95": "Grade 5 or above in English and mathematics",
    "ebacc_entered": "Entered for the English Baccalaureate",
    "ebacc_94": "English Baccalaureate at grade 4 or above",
    "ebacc_95": "English Baccalaureate at grade 5 or above",
}
_KS5_ROUTES = {"academic": "academic", "applied_general": "applied general"}

TRUST_MEASURES = (
    *(
        _trusts(
            "ks2",
            f"{subject}_progress",
            f"Progress in {subject} of a trust's pupils since key stage 1",
            "points",
            low=-50,
            high=50,
            gaps=KS2_NO_PROGRESS,
            **_KS2_OF_TRUSTS,
        )
        for subject in ("reading", "writing", "maths")
    ),
    _trusts(
        "ks2",
        "rwm_expected",
        "Expected standard in reading, writing and mathematics among a trust's pupils",
        gaps=KS2_GAPS,
        **_KS2_OF_TRUSTS,
    ),
    _trusts(
        "ks4",
        "attainment8",
        "Attainment 8 of a trust's pupils",
        "points",
        **{**_KS4_OF_TRUSTS, "high": 120, "breaks": (NEW_GRADES[1], *AFTER_THE_PANDEMIC)},
    ),
    _trusts(
        "ks4",
        "progress8",
        "Progress 8 of a trust's pupils",
        "points",
        **{**_KS4_OF_TRUSTS, "low": -10, "high": 10, "gaps": NO_PROGRESS_8, "breaks": ()},
    ),
    _trusts(
        "ks4",
        "ebacc_points",
        "Average points in the English Baccalaureate of a trust's pupils",
        "points",
        **{**_KS4_OF_TRUSTS, "high": None},
    ),
    *(
        _trusts("ks4", name, f"{label}, among a trust's pupils", **_KS4_OF_TRUSTS)
        for name, label in _KS4_SHARES.items()
    ),
    *(
        _trusts(
            "ks5",
            f"{name}_points",
            f"Points for each {route} entry of a trust's students",
            "points",
            **{**_KS5_OF_TRUSTS, "high": None},
        )
        for name, route in _KS5_ROUTES.items()
    ),
    *(
        _trusts(
            "ks5",
            f"{name}_progress",
            f"{route.capitalize()} progress (value added) of a trust's students",
            "points",
            **{**_KS5_OF_TRUSTS, "low": -20, "high": 20},
        )
        for name, route in _KS5_ROUTES.items()
    ),
)


MEASURES = (
    *_destinations("ks4_to", _KS4_TO),
    *_destinations("ks5_to", _KS5_TO),
    *_destinations("he", _HE),
    *TRUST_MEASURES,
    *(_inspected(name, label, card=False) for name, label in GRADED.items()),
    *(_inspected(name, label, card=True) for name, label in CARD.items()),
    Measure(
        id="ofsted_category",
        label="In a category of concern after the inspection (1) or not (0)",
        unit="grade",
        direction="lower",
        low=0,
        high=1,
        measured="on the day of an inspection, in years that differ by school",
        source=INSPECTIONS,
    ),
)
