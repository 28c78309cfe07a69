"""Key stage 4 results, provisional and final: ``england_ks4final.csv`` and its kin.

Five good passes and the basics at A* to C to 2016, Attainment 8 and Progress 8 from 2016 (from 2015
for schools that chose them early), the basics at grades 9 to 4 and 9 to 5 from 2017. Provisional
and final files have the same columns: the name of the file tells which it is.

Headers: the provisional files of 2017 to 2019, and for other years the Department's metadata as
users of each year's file have it.
"""

from __future__ import annotations

from typing import Any

from impactkit.readers.forms import Aggregate, Form, headers
from impactkit.readers.performance import EARLY_SYMBOLS, form_reader
from impactkit.types import Measure

SOURCE = "Key stage 4 results, in the performance tables (england_ks4final.csv)"
NO_SCHOOLS = (2020, 2021)
"""Grades were given by centres and teachers, and no school's results were published."""

NO_PROGRESS_8 = (*NO_SCHOOLS, 2025, 2026)
"""Pupils of 2025 and 2026 had no tests at key stage 2."""


def _measure(name: str, label: str, unit: str = "percent", **about: Any) -> Measure:
    about = {"low": 0, "high": 100 if unit == "percent" else None, "gap_years": NO_SCHOOLS} | about
    return Measure(
        id=f"ks4_{name}",
        label=label,
        unit=unit,
        direction="higher",
        phase="Secondary",
        source=SOURCE,
        **about,
    )


NEW_GRADES = (2017, 2018)
"""First grades 9 to 1 in English and mathematics, and in most other subjects."""

MEASURES = (
    _measure(
        "attainment8",
        "Attainment 8",
        "points",
        high=120,
        first_year=2016,
        soft_break_years=(*NEW_GRADES, 2022, 2023),
    ),
    _measure("attainment8_english", "Attainment 8: English", "points", high=24, first_year=2016),
    _measure("attainment8_maths", "Attainment 8: mathematics", "points", high=24, first_year=2016),
    _measure(
        "progress8",
        "Progress 8",
        "points",
        low=-10,
        high=10,
        first_year=2016,
        soft_break_years=(2018,),
        gap_years=NO_PROGRESS_8,
    ),
    _measure("basics_94", "Grade 4 or above in English and mathematics", first_year=2017),
    _measure("basics_95", "Grade 5 or above in English and mathematics", first_year=2017),
    _measure("five_94", "Five or more grades 4 with English and mathematics", first_year=2017),
    _measure("ebacc_entered", "Entered for the English Baccalaureate"),
    _measure("ebacc_94", "English Baccalaureate at grade 4 or above", first_year=2017),
    _measure("ebacc_95", "English Baccalaureate at grade 5 or above", first_year=2017),
    _measure(
        "ebacc_points", "Average points in the English Baccalaureate", "points", first_year=2018
    ),
    _measure(
        "five_ac",
        "Five or more A* to C with English and mathematics",
        last_year=2016,
        break_years=(2014,),
    ),
    _measure("basics_ac", "A* to C in English and mathematics", last_year=2016),
    _measure("ebacc_ac", "English Baccalaureate at A* to C", last_year=2016),
    _measure(
        "capped_points", "Points in the best eight", "points", last_year=2016, break_years=(2014,)
    ),
)

FORM = Form(
    title="key stage 4 results (england_ks4final.csv, england_ks4provisional.csv)",
    identity={
        "rectype": headers("RECTYPE", "RECTYP"),
        "la": headers("LEA", "LA"),
        "estab": headers("ESTAB"),
        "urn": headers("URN"),
    },
    measures={
        "ks4_attainment8": headers("ATT8SCR", first=2015),
        "ks4_attainment8_english": headers("ATT8SCRENG", first=2015),
        "ks4_attainment8_maths": headers("ATT8SCRMAT", first=2015),
        "ks4_progress8": headers("P8MEA", first=2015),
        "ks4_basics_94": headers("PTL2BASICS_94", first=2017),
        "ks4_basics_95": headers("PTL2BASICS_95", first=2017),
        "ks4_five_94": headers("PT5EM_94", first=2017),
        "ks4_ebacc_entered": headers("PTEBACC_E_PTQ_EE", "PTEBACC_E_PTQ", "PTEBACC_E"),
        "ks4_ebacc_94": headers("PTEBACC_94", first=2017),
        "ks4_ebacc_95": headers("PTEBACC_95", first=2017),
        "ks4_ebacc_points": headers("EBACCAPS", first=2018),
        "ks4_five_ac": headers("PTAC5EM_PTQ_EE", "PTAC5EM_PTQ", "PTAC5EM", last=2016),
        "ks4_basics_ac": headers(
            "PTL2BASICS_LL_PTQ_EE", "PTL2BASICS_PTQ_EE", "PTL2BASICS_PTQ", "PTL2BASICS", last=2016
        ),
        "ks4_ebacc_ac": headers("PTEBACC_PTQ_EE", "PTEBACC_PTQ", "PTEBACC", last=2016),
        "ks4_capped_points": headers("TTAPSCP_PTQ_EE", "TTAPSCP_PTQ", "TTAPSCP", last=2016),
    },
    subgroups={
        "boys": ("_BOYS",),
        "girls": ("_GIRLS",),
        "low_prior": ("_LO",),
        "mid_prior": ("_AV", "_MID"),
        "high_prior": ("_HI",),
        "fsm6": ("_FSM6CLA1A",),
        "non_fsm6": ("_NFSM6CLA1A",),
        "eal": ("_EAL",),
    },
    cohorts={
        "all": headers("TPUP"),
        "ks4_progress8|all": headers("P8PUP"),
        "boys": headers("BPUP"),
        "girls": headers("GPUP"),
        "low_prior": headers("TPRIORLO"),
        "mid_prior": headers("TPRIORAV"),
        "high_prior": headers("TPRIORHI"),
        "fsm6": headers("TFSM6CLA1A", "TFSMCLA1A", "TFSMCLA"),
        "non_fsm6": headers("TNotFSM6CLA1A", "TNotFSMCLA"),
        "eal": headers("TEALGRP2"),
    },
    aggregates=(
        Aggregate("rectype", "4", "la"),
        Aggregate("rectype", "5", "national"),
        Aggregate("rectype", "7", "national", phase="State-funded"),
    ),
    symbols=EARLY_SYMBOLS,
    named={
        "provisional": "By its name it is provisional: the final results replace it.",
        "revised": "By its name it is revised, but not final.",
    },
    entries=MEASURES,
)

READER = form_reader(
    FORM,
    id="dfe.ks4",
    title="Key stage 4 results, from the performance tables",
    years=(*range(2010, 2020), 2022, 2023, 2024, 2025),
    source="Department for Education, school performance tables",
    notes=(
        "Provisional files of 2017 to 2019 were at hand; for final files and other years the "
        "headers are from published metadata. Give either the provisional or the final file of a "
        "year. No Progress 8 in 2020, 2021, 2025 and 2026."
    ),
)
