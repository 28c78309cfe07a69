"""Key stage 2 results, as in the performance tables: ``england_ks2final.csv`` and its kin.

Levels to 2015, scaled scores against a new curriculum from 2016: no column of the one is a column
of the other. Disadvantaged pupils are those of free school meals in the last six years, looked
after or adopted from care (`fsm6`; looked after and adopted from 2011 and 2015 on).

Headers: the files of 2017 to 2019 and 2023, and for other years the Department's metadata
(``ks2_meta``) of 2013 to 2015, 2023 and 2025. The signs ``<`` and ``!`` are those of its
specification for 2008.
"""

from __future__ import annotations

from impactkit.readers.forms import Aggregate, Form, YearMark, headers
from impactkit.readers.performance import EARLY_SYMBOLS, form_reader
from impactkit.tables.measures_results import LEVELS, SCALED

_NEW = {
    "ks2_rwm_expected": ("PTRWM_EXP",),
    "ks2_rwm_higher": ("PTRWM_HIGH",),
    "ks2_reading_expected": ("PTREAD_EXP",),
    "ks2_reading_higher": ("PTREAD_HIGH",),
    "ks2_maths_expected": ("PTMAT_EXP",),
    "ks2_maths_higher": ("PTMAT_HIGH",),
    "ks2_gps_expected": ("PTGPS_EXP",),
    "ks2_gps_higher": ("PTGPS_HIGH",),
    "ks2_writing_expected": ("PTWRITTA_EXP",),
    "ks2_writing_higher": ("PTWRITTA_HIGH",),
    "ks2_science_expected": ("PTSCITA_EXP",),
    "ks2_reading_scaled": ("READ_AVERAGE",),
    "ks2_maths_scaled": ("MAT_AVERAGE",),
    "ks2_gps_scaled": ("GPS_AVERAGE",),
    "ks2_reading_progress": ("READPROG",),
    "ks2_writing_progress": ("WRITPROG",),
    "ks2_maths_progress": ("MATPROG",),
}
_OLD = {
    "ks2_rwm_level4": ("PTREADWRITTAMATX", "PTREADWRITMATX"),
    "ks2_rwm_level4b": ("PTREADWRITTAMAT4B",),
    "ks2_rwm_level5": ("PTREADWRITTAMATAX", "PTREADWRITMATAX"),
    "ks2_english_maths_level4": ("PTENGMATX",),
    "ks2_english_maths_level5": ("PTENGMATAX",),
    "ks2_english_level4": ("PTENGX",),
    "ks2_english_level5": ("PTENGAX",),
    "ks2_reading_level4": ("PTREADX",),
    "ks2_reading_level5": ("PTREADAX",),
    "ks2_writing_level4": ("PTWRITXTA", "PTWRITX"),
    "ks2_writing_level5": ("PTWRITAXTA", "PTWRITAX"),
    "ks2_maths_level4": ("PTMATX",),
    "ks2_maths_level5": ("PTMATAX",),
    "ks2_science_level4": ("PTSCIXTA", "PTSCIX"),
    "ks2_average_points": ("TAPS",),
    "ks2_english_two_levels": ("PT2ENG12", "PTENG12"),
    "ks2_reading_two_levels": ("PT2READ12", "PT2READ"),
    "ks2_writing_two_levels": ("PT2WRITTA12", "PT2WRITTA"),
    "ks2_maths_two_levels": ("PT2MATH12", "PT2MATH", "PTMATH12"),
}

_LEVELS_OF = {
    "ks2_english_maths_level4": "ENGMATX",
    "ks2_english_maths_level5": "ENGMATAX",
    "ks2_rwm_level4": "READWRITTAMATX",
    "ks2_rwm_level4b": "READWRITTAMAT4B",
    "ks2_rwm_level5": "READWRITTAMATAX",
}
_SOME = {"boys": "PB", "girls": "PG", "fsm6": "PTFSMCLA", "non_fsm6": "PTNotFSMCLA"}
"""How headers of levels begin for some of the pupils."""

FORM = Form(
    title="key stage 2 results (england_ks2final.csv)",
    identity={
        "rectype": headers("RECTYPE", "RECTYP"),
        "la": headers("LEA", "LA"),
        "estab": headers("ESTAB"),
        "urn": headers("URN"),
    },
    measures={
        **{name: headers(*known, first=SCALED) for name, known in _NEW.items()},
        **{name: headers(*known, last=LEVELS) for name, known in _OLD.items()},
    },
    subgroups={
        "boys": ("_B",),
        "girls": ("_G",),
        "low_prior": ("_L",),
        "mid_prior": ("_M",),
        "high_prior": ("_H",),
        "fsm6": ("_FSM6CLA1A", "_FSMCLA"),
        "non_fsm6": ("_NotFSM6CLA1A", "_NotFSMCLA"),
        "eal": ("_EAL", "_EALY"),
    },
    inside={
        f"{measure}|{group}": headers(start + name, last=LEVELS)
        for measure, name in _LEVELS_OF.items()
        for group, start in _SOME.items()
    },
    cohorts={
        "all": headers("TELIG"),
        "boys": headers("BELIG"),
        "girls": headers("GELIG"),
        "low_prior": headers("TKS1GROUP_L", "TKS1EXP_L"),
        "mid_prior": headers("TKS1GROUP_M", "TKS1EXP_M"),
        "high_prior": headers("TKS1GROUP_H", "TKS1EXP_H"),
        "fsm6": headers("TFSM6CLA1A", "TFSMCLA1A", "TFSMCLA"),
        "non_fsm6": headers("TNotFSM6CLA1A", "TNotFSMCLA"),
        "eal": headers("TEALGRP2"),
    },
    aggregates=(
        Aggregate("rectype", "3", "la"),
        Aggregate("rectype", "4", "national"),
        Aggregate("rectype", "5", "national", phase="State-funded"),
    ),
    symbols=EARLY_SYMBOLS,
    marks=(YearMark(r"PTRWM_EXP_(\d\d)"),),
    named={
        "provisional": "By its name it is provisional, and may have been revised.",
        "revised": "By its name it is revised, but not final.",
    },
)

READER = form_reader(
    FORM,
    id="dfe.ks2",
    title="Key stage 2 results, from the performance tables",
    years=(*range(2010, 2020), 2023, 2024, 2025),
    source="Department for Education, school performance tables",
    notes=(
        "Files of 2017 to 2019 were at hand, and columns and symbols were compared with the "
        "published file of 2023; of other years the headers are from published metadata. None of "
        "2020 to 2022 were published by school. Levels (to 2015) and scaled scores (from 2016) are "
        "different measures."
    ),
)
