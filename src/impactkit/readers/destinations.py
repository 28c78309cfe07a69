"""Where pupils went: after key stage 4 (``england_ks4-pupdest.csv``) and after 16 to 18.

The tables of a year are about pupils who finished two years before (three, for progression to
higher education): the tables of 2019 have those who left in 2017. The year of an outcome is the
one in which its pupils finished, because that is when a partnership can have helped them. The
number of pupils bears it out: the tables of 2019 have 528,139 of them in England, as the results
of 2017 have 528,959, and those of 2021 have 543,029, as the results of 2019 have 542,831. The
Department's metadata of 2022, 2024 and 2025 say the same. Earlier years stand beside the figures
under names that are up to three years older than the tables.

A destination is sustained if it lasts from October to March of the year after.
"""

from __future__ import annotations

from collections.abc import Mapping

from impactkit.readers.forms import Aggregate, Form, Header, YearMark, headers
from impactkit.readers.performance import form_reader

_KS4 = {
    "sustained": headers("OVERALL_DESTPER"),
    "education": headers("EDUCATIONPER"),
    "further_education": headers("FEPER"),
    "school_sixth_form": headers("SCH_6THPER"),
    "sixth_form_college": headers("SIXTH_COLPER", "6TH_COLPER"),
    "other_education": headers("OTHER_EDUPER"),
    "apprenticeship": headers("APPRENPER"),
    "employment": headers("EMPLOYMENTPER"),
    "not_sustained": headers("NOT_SUSTAINEDPER"),
    "unknown": headers("UNKNOWNPER"),
}
_KS5 = {
    "sustained": headers("TOT_OVERALLPER"),
    "education": headers("TOT_EDUCATIONPER"),
    "higher_education": headers("TOT_HEPER"),
    "further_education": headers("TOT_FEPER"),
    "other_education": headers("TOT_OTHER_EDUPER"),
    "apprenticeship": headers("TOT_APPRENPER"),
    "employment": headers("TOT_EMPLOYMENTPER"),
    "not_sustained": headers("TOT_NOT_SUSTAINEDPER"),
    "unknown": headers("TOT_NOT_CAPTUREDPER"),
}
_HE = {
    "progressed": headers("ALL_PROGRESSED"),
    "degree": headers("ALL_HE"),
    "top_third": headers("ALL_TOP3RD"),
    "apprenticeship": headers("ALL_APPREN"),
    "higher_technical": headers("ALL_HTECH"),
}


def _columns(stage: str, known: Mapping[str, tuple[Header, ...]]) -> dict[str, tuple[Header, ...]]:
    return {f"{stage}_{name}": texts for name, texts in known.items()}


IDENTITY = {
    "rectype": headers("RECTYPE"),
    "la": headers("LEA", "LA"),
    "estab": headers("ESTAB"),
    "urn": headers("URN"),
}
AGGREGATES = (
    Aggregate("rectype", "LA|4", "la"),
    Aggregate("rectype", "NAT|7", "national", phase="State-funded"),
    Aggregate("rectype", "5", "national"),
)
CONSORTIUM = Aggregate(
    "rectype", "3", reason="the row is about a consortium, whose schools have their own"
)
SUBGROUPS = {"fsm6": ("_DIS",), "non_fsm6": ("_NONDIS",)}

KS4 = Form(
    title="pupils' destinations after key stage 4 (england_ks4-pupdest.csv)",
    identity=IDENTITY,
    measures=_columns("ks4_to", _KS4),
    required=("urn", "ks4_to_school_sixth_form"),
    subgroups=SUBGROUPS,
    cohorts={
        "all": headers("COHORT"),
        "fsm6": headers("COHORT_DIS"),
        "non_fsm6": headers("COHORT_NONDIS"),
    },
    aggregates=AGGREGATES,
    lag=2,
    marks=(YearMark(r"COHORT_(\d\d)", gaps=(1, 2, 3)),),
)
KS5 = Form(
    title="students' destinations after 16 to 18 (england_ks5-studest.csv)",
    identity=IDENTITY,
    measures=_columns("ks5_to", _KS5),
    subgroups=SUBGROUPS,
    cohorts={
        "all": headers("TOT_COHORT"),
        "fsm6": headers("TOT_COHORT_DIS"),
        "non_fsm6": headers("TOT_COHORT_NONDIS"),
    },
    aggregates=(*AGGREGATES, CONSORTIUM),
    lag=2,
)
HE = Form(
    title="progression to higher education or training (england_ks5-studest-he.csv)",
    identity=IDENTITY,
    measures=_columns("he", _HE),
    cohorts={"all": headers("ALL_COHORT")},
    aggregates=(*AGGREGATES, CONSORTIUM),
    lag=3,
)

PUBLISHER = "Department for Education, school performance tables"
KS4_READER = form_reader(
    KS4,
    id="dfe.ks4_destinations",
    title="Destinations after key stage 4, from the performance tables",
    years=(*range(2017, 2020), *range(2021, 2026)),
    source=PUBLISHER,
    notes=(
        "Files of 2017 to 2019 and 2021 were at hand; columns, symbols and totals were compared "
        "with published files of 2022 and 2025. The year is that in which pupils left."
    ),
)
KS5_READER = form_reader(
    KS5,
    id="dfe.ks5_destinations",
    title="Destinations after 16 to 18, from the performance tables",
    years=tuple(range(2020, 2026)),
    source=PUBLISHER,
    notes=(
        "Columns and symbols were compared with published files of 2022 and 2025. The year is that "
        "in which students left. Of all levels of study together."
    ),
)
HE_READER = form_reader(
    HE,
    id="dfe.he_progression",
    title="Progression to higher education or training, from the performance tables",
    years=tuple(range(2020, 2026)),
    source=PUBLISHER,
    notes=(
        "Columns, symbols and totals were compared with the published file of 2025. The year is "
        "that in which students left."
    ),
)
