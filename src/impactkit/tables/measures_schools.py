"""Measures of schools as places of work and learning: staff, absence, pupils, money."""

from __future__ import annotations

from typing import Any

from impactkit.tables.national_figures import national_figures
from impactkit.types import Break, Measure

WORKFORCE = "School Workforce Census, in the performance tables (england_swf.csv)"
ABSENCE = "Pupil absence, in the performance tables (england_abs.csv)"
CENSUS = "School census, in the performance tables (england_census.csv)"
PER_PUPIL = "Consistent Financial Reporting for each pupil, in the performance tables (cfr.csv)"
RETURNS = "Consistent Financial Reporting and Academies Accounts Return, workbooks of all data"

LOWER_THRESHOLD = Break(
    2016,
    "Persistently absent is who misses 10% of sessions or more; before, it was 15%. That it "
    "changed in this year, between the files that were at hand, is from memory.",
    source="headers of england_abs.csv, 2014 and 2017",
    checked=True,
)


def _workforce(name: str, label: str, unit: str, low: float, high: float, **about: Any) -> Measure:
    return Measure(
        id=name,
        label=label,
        unit=unit,
        low=low,
        high=high,
        measured="a census in November",
        national=national_figures(name),
        source=WORKFORCE,
        **about,
    )


def _absence(name: str, label: str, **about: Any) -> Measure:
    return Measure(
        id=name,
        label=label,
        unit="percent",
        direction="lower",
        low=0,
        high=100,
        measured="over the school year",
        national=national_figures(name),
        source=ABSENCE,
        **about,
    )


def _census(name: str, label: str, unit: str = "percent", **about: Any) -> Measure:
    given = {"high": 100, **about}
    return Measure(
        id=f"census_{name}",
        label=label,
        unit=unit,
        low=0,
        measured="a census in January",
        national=national_figures(f"census_{name}"),
        source=CENSUS,
        **given,
    )


def _money(name: str, label: str, source: str) -> Measure:
    return Measure(
        id=f"finance_{name}",
        label=label,
        unit="gbp",
        measured="over a financial year",
        source=source,
    )


_FOR_EACH_PUPIL = {
    "income": "All income",
    "grants": "Grant funding",
    "own_income": "Self-generated income",
    "expenditure": "All expenditure",
    "teachers": "Teaching staff",
    "supply_teachers": "Supply teachers",
    "support_staff": "Education support staff",
    "other_staff": "Other staff",
    "back_office": "Back office",
    "premises": "Premises",
    "catering": "Catering",
    "energy": "Energy",
    "learning_resources": "Learning resources",
    "ict": "ICT",
    "bought_in": "Bought-in professional services",
}
_IN_ALL = {
    "income": "All income",
    "expenditure": "All expenditure",
    "balance": "Balance in the year",
    "reserve": "Revenue reserve",
    "teachers": "Teaching staff",
    "supply_teachers": "Supply teaching staff",
}

MEASURES = (
    _workforce(
        "pupil_teacher_ratio", "Pupils for each teacher", "ratio", 0, 200, direction="lower"
    ),
    _workforce("teachers_headcount", "Teachers (headcount)", "count", 0, 1000),
    _workforce("teachers_fte", "Teachers (full-time equivalent)", "fte", 0, 1000),
    _workforce(
        "teaching_assistants_fte", "Teaching assistants (full-time equivalent)", "fte", 0, 1000
    ),
    _workforce(
        "mean_teacher_salary",
        "Mean gross full-time salary of teachers",
        "gbp",
        1000,
        250_000,
    ),
    _absence("overall_absence", "Sessions missed"),
    _absence("unauthorised_absence", "Sessions missed without leave"),
    # Three measures, because a school's figure jumps where the threshold falls: no year of one can
    # stand for the other.
    _absence(
        "persistent_absence_10",
        "Pupils who missed 10% of sessions or more",
        first_year=2016,
        breaks=(LOWER_THRESHOLD,),
        continues="persistent_absence_15",
    ),
    _absence("persistent_absence_15", "Pupils who missed 15% of sessions or more", last_year=2015),
    _absence("persistent_absence_20", "Pupils who missed 20% of sessions or more", last_year=2011),
    _census("pupils", "Pupils on roll", "count", high=20_000),
    _census("girls", "Girls"),
    _census("fsm", "Pupils eligible for free school meals"),
    _census(
        "fsm6",
        "Pupils eligible for free school meals in the last six years",
        breaks=(
            Break(
                2019,
                "Since 2018 a pupil who was eligible stays so, which raises the share each year.",
                hard=False,
            ),
        ),
    ),
    _census("eal", "Pupils with English as an additional language"),
    _census("sen_support", "Pupils with SEN support", first_year=2015),
    _census("sen_plan", "Pupils with a statement or a plan for their needs", first_year=2015),
    _census("sen_action", "Pupils at School Action", last_year=2014),
    _census("sen_action_plus", "Pupils with a statement or at School Action Plus", last_year=2014),
    *(
        _money(f"{name}_per_pupil", f"{label}, for each pupil", PER_PUPIL)
        for name, label in _FOR_EACH_PUPIL.items()
    ),
    *(_money(name, label, RETURNS) for name, label in _IN_ALL.items()),
)
