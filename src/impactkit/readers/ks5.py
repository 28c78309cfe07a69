"""Results at 16 to 18: ``england_ks5final.csv``.

Points changed their scale in 2016 (a grade A at A level: 270 points before, 50 since), so figures
before and after cannot be compared. In 2011 and 2012 points are for all level 3 qualifications.

Headers: the files of 2017, 2022 and 2025, and for 2011 to 2013 the Department's published names,
as users of those files have them. Since 2022 earlier years stand beside the figures
(``TALLPPE_ALEV_1618_24`` in 2025), which tell the file's own.
"""

from __future__ import annotations

from impactkit.readers.forms import Aggregate, Form, Header, YearMark, headers
from impactkit.readers.performance import EARLY_SYMBOLS, form_reader

_COHORTS = {
    "ks5_alevel_points": ("TALLPUP_ALEV_1618", "TALLPUP_ALEV", "TALLPUP_ALEVA"),
    "ks5_academic_points": ("TALLPUP_ACAD_1618", "TALLPUP_ACAD", "TALLPUP_ACADA"),
    "ks5_applied_general_points": ("TALLPUP_AGEN_1618", "TALLPUP_AGEN"),
    "ks5_tech_level_points": ("TALLPUP_TLEV_1618", "TALLPUP_TLEV"),
    "ks5_entry_points": ("TALLPUPA",),
    "ks5_student_points": ("TALLPUPA",),
    "ks5_best3_points": ("TINCLUDE_B3",),
    "ks5_aab": ("TINCLUDE_AAB_2FAC",),
    "ks5_alevel_retained": ("T_INSCOPE_ALEV_RET",),
    "ks5_english_progress": ("T_SCOPEEX_E",),
    "ks5_maths_progress": ("T_SCOPEEX_M",),
}
_SUBGROUPS = {"fsm6": ("_DIS",), "non_fsm6": ("_NOTDIS", "_NONDIS")}


def _cohorts() -> dict[str, tuple[Header, ...]]:
    """Return the students behind each figure, all of them and by the endings of subgroups."""
    return {
        f"{measure}|{subgroup}": headers(*(name + ending for name in names for ending in endings))
        for measure, names in _COHORTS.items()
        for subgroup, endings in {"all": ("",), **_SUBGROUPS}.items()
    }


FORM = Form(
    title="results at 16 to 18 (england_ks5final.csv)",
    identity={
        "rectype": headers("RECTYPE", "RECTYP"),
        "la": headers("LEA", "LA"),
        "estab": headers("ESTAB"),
        "urn": headers("URN"),
    },
    measures={
        "ks5_alevel_points": headers("TALLPPE_ALEV_1618", "TALLPPE_ALEV", "TALLPPE_ALEVA"),
        "ks5_academic_points": headers("TALLPPE_ACAD_1618", "TALLPPE_ACAD", "TALLPPE_ACADA"),
        "ks5_applied_general_points": headers("TALLPPE_AGEN_1618", "TALLPPE_AGEN", first=2016),
        "ks5_tech_level_points": headers("TALLPPE_TLEV_1618", "TALLPPE_TLEV", first=2016),
        "ks5_entry_points": headers("TALLPPEA", last=2015),
        "ks5_student_points": headers("TALLPPSA", last=2015),
        "ks5_alevel_student_points": headers("APSFTE_ALEVA", "APSFTE_ALEV", last=2015),
        "ks5_best3_points": headers("TB3PTSE", first=2016),
        "ks5_aab": headers("PTAAB_2FAC"),
        "ks5_alevel_retained": headers("PT_RETAINED_ALEV_RET"),
        "ks5_alevel_progress": headers("VA_INS_ALEV"),
        "ks5_academic_progress": headers("VA_INS_ACAD"),
        "ks5_applied_general_progress": headers("VA_INS_AGEN"),
        "ks5_english_progress": headers("PROGEX_E"),
        "ks5_maths_progress": headers("PROGEX_M"),
    },
    subgroups=_SUBGROUPS,
    cohorts=_cohorts(),
    aggregates=(
        Aggregate(
            "rectype", "3", reason="the row is about a consortium, whose schools have their own"
        ),
        Aggregate("rectype", "4", "la"),
        Aggregate("rectype", "5", "national"),
        Aggregate("rectype", "7", "national", phase="State-funded"),
    ),
    symbols=EARLY_SYMBOLS,
    marks=(YearMark(r"TALLPPE_ALEV_1618_(\d\d)"),),
    named={"provisional": "By its name it is provisional: the final results replace it."},
)

READER = form_reader(
    FORM,
    id="dfe.ks5",
    title="Results at 16 to 18, from the performance tables",
    years=(*range(2011, 2020), 2022, 2023, 2024, 2025),
    source="Department for Education, school performance tables",
    notes=(
        "Columns, symbols and totals were compared with published files of 2017, 2022 and 2025; "
        "for other years the headers are from published names. Points before 2016 cannot be "
        "compared with those since."
    ),
)
