"""Trusts' results, as in the performance tables: ``england_ks2-mats-performance.csv`` and its kin.

One row a trust, weighted by the Department over schools that have been with it for long enough. A
trust is known by its Group UID, as in the register. The headline figures of key stages 2 and 4 and
of 16 to 18 have names of ours; all other columns of figures are read under their published names,
as ``mat_`` and the name.

Headers: the tables of key stages 2 and 4 and of 16 to 18 of 2025, and of key stage 2 of 2023.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from impactkit.declarations import Head, Reader, ReadResult, Recognised
from impactkit.engine.files import TextTable
from impactkit.readers.forms import Form, headers, set_aside
from impactkit.readers.performance import TableOptions, read_form, recognise_form
from impactkit.readers.published import with_published

FORM = Form(
    title="trusts' results (england_ks2-mats-performance.csv and the like)",
    identity={
        "period": headers("TIME_PERIOD"),
        "partnership_id": headers("TRUST_UID", "MAT_UID", "GROUP_UID", "UID", "TRUST_ID"),
        "partnership_name": headers("TRUST_NAME", "MAT_NAME", "GROUP_NAME"),
    },
    measures={
        "mat_ks2_reading_progress": headers("READ_PROGSCORE_EM_ADJ_WGTAVG"),
        "mat_ks2_writing_progress": headers("WRIT_PROGSCORE_EM_ADJ_WGTAVG"),
        "mat_ks2_maths_progress": headers("MAT_PROGSCORE_EM_ADJ_WGTAVG"),
        "mat_ks2_rwm_expected": headers("PRWM_EXP_WGTAVG"),
        "mat_ks4_attainment8": headers("ATT8SCR_WGTAVG"),
        "mat_ks4_progress8": headers("P8MEA_WGTAVG"),
        "mat_ks4_basics_95": headers("PTL2BASICS_95_WGTAVG"),
        "mat_ks4_ebacc_points": headers("EBACCAPS_WGTAVG"),
        "mat_ks4_ebacc_entered": headers("PTEBACC_E_PTQ_EE_WGTAVG"),
        "mat_ks4_ebacc_94": headers("PTEBACC_94_WGTAVG"),
        "mat_ks4_ebacc_95": headers("PTEBACC_95_WGTAVG"),
        "mat_ks5_academic_points": headers("TALLPPE_ACAD_1618"),
        "mat_ks5_academic_progress": headers("VA_ACAD_1618"),
        "mat_ks5_applied_general_points": headers("TALLPPE_AGEN"),
        "mat_ks5_applied_general_progress": headers("VA_AGEN"),
    },
    required=("partnership_id", "partnership_name"),
    foreign=("URN", "school_urn", "Group Type"),
    subgroups={
        "fsm6": ("_FSM6CLA1A", "_DIS"),
        "non_fsm6": ("_NOTFSM6CLA1A", "_NFSM6CLA1A", "_NOTDIS"),
    },
    cohorts={
        "all": headers("TELIG_MATPTINC", "TPUP_MATPTINC"),
        "mat_ks5_academic_points|all": headers("TALLPUP_ACAD_MATPTINC"),
        "mat_ks5_academic_points|fsm6": headers("TALLPUP_ACAD_DIS_MATPTINC"),
        "mat_ks5_academic_points|non_fsm6": headers("TALLPUP_ACAD_NOTDIS_MATPTINC"),
        "mat_ks5_applied_general_points|all": headers("TALLPUP_AGEN_MATPTINC"),
        "mat_ks5_applied_general_points|fsm6": headers("TALLPUP_AGEN_DIS_MATPTINC"),
        "mat_ks5_applied_general_points|non_fsm6": headers("TALLPUP_AGEN_NOTDIS_MATPTINC"),
    },
)
NO_FIGURES = (
    "TIME_IDENTIFIER",
    "TRUST_GROUP_TYPE",
    "TRUST_ID",
    "TRUST_COMPANIES_HOUSE_NUMBER",
    "TRUST_UKPRN",
    "TRUST_LEADREGION",
    "INSTITUTIONS_MATPTINC",
    "INSTITUTIONS_INMAT",
    "GEOGRAPHIC_LEVEL",
    "COUNTRY_CODE",
    "RECTYPE",
)
"""Columns about the trust that may look like figures: its numbers in registers, its schools."""


def recognise(path: Path, head: Head) -> Recognised | None:
    """Tell whether a file has trusts' results."""
    return recognise_form(path, head, FORM, some_measure=False)


def read(
    path: str | Path, options: TableOptions | None = None, spec: Any = None, *, shown: str = ""
) -> ReadResult:
    """Read trusts' results into trust_outcomes."""
    return read_form(
        path, options, FORM, shown=shown, table="trust_outcomes", extend=_extend, split=_split
    )


def _extend(text: TextTable, form: Form) -> Form:
    return with_published(form, text, prefix="mat_", skip=NO_FIGURES)


def _split(frame: pl.DataFrame, form: Form) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Part trusts from rows about all trusts or England, which have no number of a trust."""
    is_trust = pl.col("partnership_id").str.contains(r"^(TR)?\d+$")
    england = pl.col("partnership_name").str.contains(r"(?i)^(england|national|all )")
    others = frame.filter(~is_trust)
    aggregates = others.filter(england).with_columns(
        level=pl.lit("national"), phase=pl.lit("All"), la_code=pl.lit(None, dtype=pl.String)
    )
    aside = set_aside(others.filter(~england), "the row has no number of a trust (UID)")
    return frame.filter(is_trust), aggregates.drop("partnership_id", "partnership_name"), aside


READER = Reader(
    id="dfe.mats",
    title="Trusts' results, from the performance tables",
    table="trust_outcomes",
    recognise=recognise,
    read=read,
    options=TableOptions,
    years=(2018, 2019, 2022, 2023, 2024, 2025),
    measures=tuple(FORM.measures),
    source="Department for Education, school performance tables",
    notes=(
        "Columns and symbols were compared with published tables of 2025, for key stages 2 and 4 "
        "and for 16 to 18; other years have other columns too. Figures that have no name of ours "
        "are read under their published names."
    ),
)
