"""Measures of results: key stages 2 and 4, and 16 to 18.

What changed when is from the Department's releases where a break or gap says that it was checked;
what has only been said by people who know the field is marked as not checked.
"""

from __future__ import annotations

from typing import Any

from impactkit.tables.national_figures import SFR39, national_figures
from impactkit.types import Break, Gap, Measure

DFE = "Department for Education"
FROM_JANUARY = "01-01"
"""A start after 1 January counts for the results of the next academic year: four months before the
tests are too few for an effect. The rule is ours; a study can set another."""

KS2 = "Key stage 2 results, in the performance tables (england_ks2final.csv)"
KS4 = "Key stage 4 results, in the performance tables (england_ks4final.csv)"
KS5 = "16 to 18 results, in the performance tables (england_ks5final.csv)"

SCALED, LEVELS = 2016, 2015
"""First year of scaled scores against the new curriculum, and last year of levels."""

NO_TESTS = tuple(
    Gap(year, "No tests were held.", source=DFE, checked=True) for year in (2020, 2021)
)
KS2_GAPS = (
    *NO_TESTS,
    Gap(
        2022,
        "Only figures for England and its regions were published, none by school.",
        source=DFE,
        checked=True,
    ),
)
KS2_NO_PROGRESS = (
    *KS2_GAPS,
    *(
        Gap(
            year,
            "Not produced: its pupils had no tests at key stage 1, in 2020 and 2021.",
            source=DFE,
            checked=True,
        )
        for year in (2024, 2025)
    ),
)
WRITING_2018 = Break(
    2018,
    "Teachers assess writing by another framework: less of it has to be met for the standard.",
    hard=False,
    source="Education Policy Institute (2018)",
    checked=True,
)
NEW_CURRICULUM = Break(
    SCALED,
    "A new curriculum, with scaled scores and an expected standard in place of levels: not "
    "comparable with earlier years. In England 53% met the standard in reading, writing and "
    "mathematics in 2016, and 80% reached level 4 in 2015: a fall by definition alone.",
    source=SFR39,
    checked=True,
)


def _ks2(name: str, label: str, unit: str = "percent", **about: Any) -> Measure:
    given = {"low": 0, "high": 100} | about
    return Measure(
        id=f"ks2_{name}",
        label=label,
        unit=unit,
        direction="higher",
        phase="Primary",
        exposed_by=FROM_JANUARY,
        measured="tests in May",
        national=national_figures(f"ks2_{name}"),
        source=KS2,
        **given,
    )


def _scaled(name: str, label: str, unit: str = "percent", before: str = "") -> Measure:
    writing = (WRITING_2018,) if name.startswith(("rwm", "writing")) else ()
    return _ks2(
        name,
        label,
        unit,
        first_year=SCALED,
        gaps=KS2_GAPS,
        breaks=(*((NEW_CURRICULUM,) if before else ()), *writing),
        continues=f"ks2_{before}" if before else "",
        **({"low": 80, "high": 120} if unit == "scaled" else {}),
    )


def _progress(subject: str) -> Measure:
    label = f"Progress in {subject} since key stage 1"
    limits = {"low": -50, "high": 50}
    return _ks2(
        f"{subject}_progress", label, "points", first_year=SCALED, gaps=KS2_NO_PROGRESS, **limits
    )


def _level(name: str, label: str) -> Measure:
    return _ks2(name, label, last_year=LEVELS)


KS2_MEASURES = (
    _scaled(
        "rwm_expected", "Expected standard in reading, writing and mathematics", before="rwm_level4"
    ),
    _scaled(
        "rwm_higher", "Higher standard in reading, writing and mathematics", before="rwm_level5"
    ),
    _scaled("reading_expected", "Expected standard in reading", before="reading_level4"),
    _scaled("reading_higher", "Higher standard in reading", before="reading_level5"),
    _scaled("maths_expected", "Expected standard in mathematics", before="maths_level4"),
    _scaled("maths_higher", "Higher standard in mathematics", before="maths_level5"),
    _scaled("gps_expected", "Expected standard in grammar, punctuation and spelling"),
    _scaled("gps_higher", "Higher standard in grammar, punctuation and spelling"),
    _scaled(
        "writing_expected",
        "Expected standard in writing (teachers' assessment)",
        before="writing_level4",
    ),
    _scaled(
        "writing_higher", "Greater depth in writing (teachers' assessment)", before="writing_level5"
    ),
    _scaled(
        "science_expected",
        "Expected standard in science (teachers' assessment)",
        before="science_level4",
    ),
    _scaled("reading_scaled", "Average scaled score in reading", "scaled"),
    _scaled("maths_scaled", "Average scaled score in mathematics", "scaled"),
    _scaled("gps_scaled", "Average scaled score in grammar and spelling", "scaled"),
    _progress("reading"),
    _progress("writing"),
    _progress("maths"),
    _level("rwm_level4", "Level 4 or above in reading, writing and mathematics"),
    _level("rwm_level4b", "Level 4B or above in reading, writing and mathematics"),
    _level("rwm_level5", "Level 5 or above in reading, writing and mathematics"),
    _level("english_maths_level4", "Level 4 or above in English and mathematics"),
    _level("english_maths_level5", "Level 5 or above in English and mathematics"),
    _level("english_level4", "Level 4 or above in English"),
    _level("english_level5", "Level 5 or above in English"),
    _level("reading_level4", "Level 4 or above in reading"),
    _level("reading_level5", "Level 5 or above in reading"),
    _level("writing_level4", "Level 4 or above in writing"),
    _level("writing_level5", "Level 5 or above in writing"),
    _level("maths_level4", "Level 4 or above in mathematics"),
    _level("maths_level5", "Level 5 or above in mathematics"),
    _level("science_level4", "Level 4 or above in science"),
    _ks2("average_points", "Average point score", "points", high=45, last_year=LEVELS),
    _level("english_two_levels", "Two levels' progress or more in English"),
    _level("reading_two_levels", "Two levels' progress or more in reading"),
    _level("writing_two_levels", "Two levels' progress or more in writing"),
    _level("maths_two_levels", "Two levels' progress or more in mathematics"),
)

KS4_GAPS = (
    Gap(
        2020,
        "Grades were given by schools; no school's results were published.",
        source=DFE,
        checked=True,
    ),
    Gap(2021, "Grades were given by teachers; no school's results were published."),
)
NO_PROGRESS_8 = (
    *KS4_GAPS,
    *(
        Gap(year, "Not produced: its pupils had no tests at key stage 2.", source=DFE, checked=True)
        for year in (2025, 2026)
    ),
)
REFORM_2014 = Break(
    2014, "Fewer qualifications count, each for less, and only a pupil's first entry counts."
)
CHOSEN_EARLY = Break(
    2016, "Of all schools; before, only of those that chose the measure a year early.", hard=False
)
NEW_GRADES = (
    Break(2017, "First grades 9 to 1, in English and mathematics.", hard=False),
    Break(2018, "Grades 9 to 1 in most other subjects.", hard=False),
)
AFTER_THE_PANDEMIC = (
    Break(2022, "Grading was set midway between 2019 and 2021.", hard=False),
    Break(2023, "Grading returned to the standard of before the pandemic.", hard=False),
)


def _ks4(name: str, label: str, unit: str = "percent", **about: Any) -> Measure:
    gaps = () if "last_year" in about else KS4_GAPS
    given = {"low": 0, "high": 100 if unit == "percent" else None, "gaps": gaps} | about
    return Measure(
        id=f"ks4_{name}",
        label=label,
        unit=unit,
        direction="higher",
        phase="Secondary",
        exposed_by=FROM_JANUARY,
        measured="examinations in May and June",
        national=national_figures(f"ks4_{name}"),
        source=KS4,
        **given,
    )


def _new_grades(name: str, label: str, unit: str = "percent", first: int = 2017) -> Measure:
    return _ks4(name, label, unit, first_year=first, breaks=AFTER_THE_PANDEMIC)


_EIGHT = (CHOSEN_EARLY, *NEW_GRADES, *AFTER_THE_PANDEMIC)

KS4_MEASURES = (
    _ks4("attainment8", "Attainment 8", "points", high=120, first_year=2015, breaks=_EIGHT),
    _ks4(
        "attainment8_english",
        "Attainment 8: English",
        "points",
        high=24,
        first_year=2015,
        breaks=(CHOSEN_EARLY, NEW_GRADES[0], *AFTER_THE_PANDEMIC),
    ),
    _ks4(
        "attainment8_maths",
        "Attainment 8: mathematics",
        "points",
        high=24,
        first_year=2015,
        breaks=(CHOSEN_EARLY, NEW_GRADES[0], *AFTER_THE_PANDEMIC),
    ),
    _ks4(
        "progress8",
        "Progress 8",
        "points",
        low=-10,
        high=10,
        first_year=2015,
        breaks=(
            CHOSEN_EARLY,
            Break(2018, "The lowest scores of single pupils are limited.", hard=False),
        ),
        gaps=NO_PROGRESS_8,
    ),
    _new_grades("basics_94", "Grade 4 or above in English and mathematics"),
    _new_grades("basics_95", "Grade 5 or above in English and mathematics"),
    _new_grades("five_94", "Five or more grades 4 with English and mathematics"),
    _ks4("ebacc_entered", "Entered for the English Baccalaureate"),
    _new_grades("ebacc_94", "English Baccalaureate at grade 4 or above"),
    _new_grades("ebacc_95", "English Baccalaureate at grade 5 or above"),
    _new_grades("ebacc_points", "Average points in the English Baccalaureate", "points", 2018),
    _ks4(
        "five_ac",
        "Five or more A* to C with English and mathematics",
        last_year=2016,
        breaks=(REFORM_2014,),
    ),
    _ks4("basics_ac", "A* to C in English and mathematics", last_year=2016),
    _ks4("ebacc_ac", "English Baccalaureate at A* to C", last_year=2016),
    _ks4(
        "capped_points",
        "Points in the best eight",
        "points",
        last_year=2016,
        breaks=(REFORM_2014,),
    ),
)

KS5_GAPS = tuple(
    Gap(year, "Grades were given by teachers; no school's results were published.")
    for year in (2020, 2021)
)
NEW_POINTS = (
    Break(2016, "Points have another scale: a grade A at A level is 50, before it was 270."),
)


def _ks5(name: str, label: str, unit: str = "points", **about: Any) -> Measure:
    given = {"low": 0, "gaps": () if "last_year" in about else KS5_GAPS, **about}
    return Measure(
        id=f"ks5_{name}",
        label=label,
        unit=unit,
        direction="higher",
        phase="16 to 19",
        exposed_by=FROM_JANUARY,
        measured="examinations in May and June",
        source=KS5,
        **given,
    )


def _ks5_progress(name: str, label: str) -> Measure:
    return _ks5(name, label, low=-20, high=20, first_year=2016)


KS5_MEASURES = (
    _ks5("alevel_points", "Points for each A level entry", breaks=NEW_POINTS),
    _ks5("academic_points", "Points for each academic entry", breaks=NEW_POINTS),
    _ks5("applied_general_points", "Points for each applied general entry", first_year=2016),
    _ks5("tech_level_points", "Points for each tech level entry", first_year=2016),
    _ks5("entry_points", "Points for each entry at level 3", last_year=2015),
    _ks5("student_points", "Points for each student at level 3", last_year=2015),
    _ks5("alevel_student_points", "A level points for each student", last_year=2015),
    _ks5("best3_points", "Points in the best three A levels", first_year=2016),
    _ks5("aab", "AAB or better with two facilitating subjects", "percent", high=100),
    _ks5("alevel_retained", "A level students retained", "percent", high=100, first_year=2016),
    _ks5_progress("alevel_progress", "A level progress (value added)"),
    _ks5_progress("academic_progress", "Academic progress (value added)"),
    _ks5_progress("applied_general_progress", "Applied general progress (value added)"),
    _ks5_progress("english_progress", "Progress in English of those without a good pass"),
    _ks5_progress("maths_progress", "Progress in mathematics of those without a good pass"),
)

MEASURES = (*KS2_MEASURES, *KS4_MEASURES, *KS5_MEASURES)
