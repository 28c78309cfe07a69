"""Key stage 4 results, provisional and final: ``england_ks4final.csv`` and its kin.

Five good passes and the basics at A* to C to 2016, Attainment 8 and Progress 8 from 2016 (from 2015
for schools that chose them early), the basics at grades 9 to 4 and 9 to 5 from 2017. Provisional
and final files have the same columns: the name of the file tells which it is.

Headers: the provisional files of 2017 to 2019, the final ones of 2022 to 2025, and for other years
the Department's metadata (2017) and what users of each year's file have. Final files of 2018 to
2023 have earlier years beside the figures (``ATT8SCR_22`` in 2023), which tell the file's own.
"""

from __future__ import annotations

from impactkit.readers.forms import Aggregate, Form, Header, YearMark, headers
from impactkit.readers.performance import EARLY_SYMBOLS, form_reader

_BASICS = {
    "boys": "PBL2BASICS_{}",
    "girls": "PGL2BASICS_{}",
    "low_prior": "PTBASICSLO_{}",
    "mid_prior": "PTBASICSAV_{}",
    "high_prior": "PTBASICSHI_{}",
    "fsm6": "PTFSM6CLA1ABASICS_{}",
    "non_fsm6": "PTNOTFSM6CLA1ABASICS_{}",
    "eal": "PTL2BASICSEAL_{}",
}
_EBACC = {
    "boys": "PBEBACC_{}",
    "girls": "PGEBACC_{}",
    "low_prior": "PTEBACCLO_{}",
    "mid_prior": "PTEBACCAV_{}",
    "high_prior": "PTEBACCHI_{}",
    "eal": "PTEBACCEAL_{}",
}
_ENTERED = {
    "boys": "PBEBACC_E_PTQ_EE",
    "girls": "PGEBACC_E_PTQ_EE",
    "low_prior": "PTEBACC_ELO_PTQ_EE",
    "mid_prior": "PTEBACC_EAV_PTQ_EE",
    "high_prior": "PTEBACC_EHI_PTQ_EE",
    "fsm6": "PTEBACC_EFSM6CLA1A_PTQ_EE",
    "non_fsm6": "PTEBACC_ENFSM6CLA1A_PTQ_EE",
    "eal": "PTEBACC_EEAL_PTQ_EE",
}


def _inside() -> dict[str, tuple[Header, ...]]:
    """Return the headers that have the subgroup in their middle."""
    found = {f"ks4_ebacc_entered|{group}": headers(name) for group, name in _ENTERED.items()}
    for measure, names in (("basics", _BASICS), ("ebacc", _EBACC)):
        for grade in ("94", "95"):
            for group, name in names.items():
                found[f"ks4_{measure}_{grade}|{group}"] = headers(name.format(grade), first=2017)
    return found


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
    inside=_inside(),
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
    marks=(YearMark(r"ATT8SCR_(\d\d)"),),
    named={
        "provisional": "By its name it is provisional: the final results replace it.",
        "revised": "By its name it is revised, but not final.",
    },
)

READER = form_reader(
    FORM,
    id="dfe.ks4",
    title="Key stage 4 results, from the performance tables",
    years=(*range(2010, 2020), 2022, 2023, 2024, 2025),
    source="Department for Education, school performance tables",
    notes=(
        "Provisional files of 2017 to 2019 were at hand, and columns and symbols were compared "
        "with published final files of 2022 to 2025; for other years the headers are from "
        "published metadata. Give either the provisional or the final file of a year. "
        "No Progress 8 in 2020, 2021, 2025 and 2026."
    ),
)
