"""Results, destinations and finance as declared forms: years, symbols, subgroups, aggregates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from impactkit.declarations import ReadResult, load_code
from impactkit.readers import core_readers, recognise_file
from impactkit.readers.performance import TableOptions
from impactkit.tables import core_measures, core_tables, validate

READERS = {reader.id: reader for reader in core_readers()}
SPECS = {spec.name: spec for spec in core_tables()}

KS2_2010 = (
    "RECTYPE\tLEA\tESTAB\tURN\tSCHNAME\tTELIG\tPTENGX\tPTMATX\tPTENGMATX\tTAPS\tPERCTOT\n"
    "1\t936\t2000\t125001\tCafé School\t30\t84%\t80%\t78%\t27.5\t5.1\n"
    "1\t936\t2001\t125002\tAsh\t<\t<\t<\t<\t<\t<\n"
    "1\t936\t2002\t125003\tBeech\t!\t!\t!\t!\t!\t!\n"
    "3\t936\t\t\tSurrey\t9000\t85%\t83%\t78%\t28.1\t5.0\n"
    "4\t\t\t\t\t580000\t81%\t79%\t73%\t27.4\t5.3\n"
)
KS2_2015 = """RECTYPE,LEA,ESTAB,URN,TELIG,BELIG,TFSMCLA1A,PTREADWRITTAMATX,\
PTREADWRITTAMATX_FSM6CLA1A
1,936,2000,125001,30,14,6,80%,67%
"""
KS2_2024 = """RECTYPE,LEA,ESTAB,URN,TELIG,PTRWM_EXP,PTRWM_EXP_23,PTRWM_EXP_22,READ_AVERAGE,READPROG
1,936,2000,125001,30,61%,60%,59%,105,
1,936,2001,125002,3,SUPP,SUPP,SUPP,SUPP,SUPP
5,,,,,61%,60%,59%,105,
"""
KS4_2014 = """RECTYPE,LEA,ESTAB,URN,TPUP,PTAC5EM_PTQ,PTL2BASICS_PTQ,PTEBACC_PTQ
1,936,4000,125101,180,61%,63%,24%
7,,,,,56.6%,59.1%,24.2%
"""
KS4_2022 = """RECTYPE,LEA,ESTAB,URN,TPUP,P8PUP,ATT8SCR,ATT8SCR_BOYS,ATT8SCR_MID,P8MEA,PTL2BASICS_95
1,936,4000,125101,180,171,51.2,49.9,47.0,0.12,55%
1,936,4001,125102,20,12,SUPP,SUPP,SUPP,LOWCOV,SUPP
4,936,,,12000,11000,52.1,50.0,47.5,0.2,58%
5,,,,600000,,48.8,,,,50%
7,,,,580000,550000,48.9,,,-0.03,50%
"""
KS5_2013 = """RECTYPE,LEA,ESTAB,URN,SCHNAME,TPUP1618,TALLPUPA,TALLPUP_ALEVA,APSFTE_ALEVA,\
TALLPPE_ALEVA
1,936,4000,125101,Ash,200,90,80,780.2,214.5
"""
KS5_2024 = """RECTYPE,LEA,ESTAB,URN,TALLPUP_ALEV_1618,TALLPPE_ALEV_1618,VA_INS_ALEV,TB3PTSE,\
PTAAB_2FAC
1,936,4000,125101,80,35.61,0.12,36.1,12.5%
1,936,4001,125102,SUPP,SUPP,NE,SUPP,SUPP
3,936,9000,,10,30.0,NA,30,1%
4,936,,,800,36.0,NA,36,15%
7,,,,300000,34.4,NA,35,15%
"""
KS4_2023 = """RECTYPE,LEA,ESTAB,URN,TPUP,ATT8SCR,ATT8SCR_21,ATT8SCR_22,P8MEA,P8MEA_22
1,936,4000,125101,180,51.2,,50.1,0.12,0.1
"""
KS5_2025 = """RECTYPE,LEA,ESTAB,URN,TALLPUP_ALEV_1618,TALLPPE_ALEV_1618,TINCLUDE_AAB_2FAC,\
PTAAB_2FAC,TALLPUP_AGEN,TALLPPE_AGEN,T_SCOPEEX_E,PROGEX_E,T_InScope_ALEV_Ret,PT_Retained_ALEV_Ret,\
TALLPUP_ALEV_1618_DIS,TALLPPE_ALEV_1618_DIS,T_InScope_ALEV_Ret_NOTDIS,PT_Retained_ALEV_Ret_NOTDIS,\
TALLPPE_ALEV_1618_24,TALLPPE_ALEV_1618_23,TALLPPE_ALEV_1618_22
1,936,4000,125101,80,35.61,64,4.50%,20,28.1,5,0.3,75,96.00%,9,30.2,60,97.10%,34,33,38
7,,,,,34.38,,17.50%,,29.91,,0.17,,93.10%,,31.01,,94.00%,34.4,34.2,37.9
"""
KS4_DESTINATIONS = """RECTYPE,LEA,ESTAB,URN,COHORT,OVERALL_DESTPER,SCH_6THPER,{marks}
1,936,4000,125101,168,99%,77%,168,167
2,936,7000,125102,5,SUPP,SP,8,9
LA,936,,,13202,96%,61%,12882,12379
NAT,,,,562393,94%,38%,543029,524062
"""
KS5_DESTINATIONS = """RECTYPE,LEA,ESTAB,URN,TOT_COHORT,TOT_OVERALLPER,TOT_HEPER,TOT_OVERALLPER_DIS
1,936,4000,125101,90,88%,40%,80%
3,936,9000,,40,90%,41%,SUPP
7,,,,350000,87%,36%,82%
"""
HE = """RECTYPE,LEA,ESTAB,URN,ALL_COHORT,ALL_PROGRESSED,ALL_HE,ALL_TOP3RD,ALL_APPREN,ALL_HTECH
1,936,4000,125101,80,66.1%,60.2%,20.5%,SUPP,SUPP
"""
RETURNS = """URN,LAEstab,School Name,Total Income   I01 to I18,E01  Teaching Staff,\
Total Expenditure  E01 to E32,Revenue Reserve   B01 plus B02 plus B06
125001,9362000,Ash,"1,200,000","£650,000","1,180,000",-5000
125002,9362001,Beech,DNS,DNS,DNS,DNS
"""


def save(folder: Path, content: str, name: str, encoding: str = "utf-8") -> Path:
    """Save a file under a folder of its own and return its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding=encoding)
    return path


def read(path: Path, reader: str, **options: Any) -> ReadResult:
    """Read a file, which its reader must also be the first to recognise."""
    assert recognise_file(path, READERS.values())[0][0].id == reader
    result: ReadResult = load_code(READERS[reader].read)(path, TableOptions(**options))
    assert [p for p in result.problems if p.severity == "error"] == []
    checked = validate(result.frame, SPECS[result.table], register=False, measures=core_measures())
    assert checked.problems == ()
    assert checked.rejected.height == 0
    return result


def of(result: ReadResult, measure: str) -> list[tuple]:
    """Return the figures of one measure."""
    names = ["urn", "subgroup", "value", "status"]
    return [row[1:] for row in result.frame["measure", *names].rows() if row[0] == measure]


def told(result: ReadResult, measure: str) -> set[tuple]:
    """Return the published figures of one measure."""
    assert result.national is not None
    rows = result.national["measure", "level", "la_code", "phase", "value"].rows()
    return {row[1:] for row in rows if row[0] == measure and row[4] is not None}


def test_tab_separated_levels_of_2010_with_the_signs_of_their_time(tmp_path: Path) -> None:
    """A `.csv` with tabs in Windows letters; a small and a new school have no figures."""
    path = save(tmp_path, KS2_2010, "2010/england_ks2.csv", "cp1252")
    result = read(path, "dfe.ks2")
    assert result.year == 2010
    assert of(result, "ks2_english_maths_level4") == [
        ("125001", "all", 78.0, "ok"),
        ("125002", "all", None, "supp"),
        ("125003", "all", None, "na"),
    ]
    assert told(result, "ks2_average_points") == {
        ("la", "936", "All", 28.1),
        ("national", None, "All", 27.4),
    }


def test_a_table_without_urns_is_read_with_the_register_beside_it(tmp_path: Path) -> None:
    """The school that had the number in that year, not the academy that has it now."""
    lines = [line.split("\t") for line in KS2_2010.splitlines()]
    content = "".join("\t".join(line[:3] + line[4:]) + "\n" for line in lines)
    path = save(tmp_path, content, "tables/2010/england_ks2.csv", "cp1252")
    (problem,) = [
        p for p in load_code(READERS["dfe.ks2"].read)(path, None).problems if p.severity == "error"
    ]
    assert (problem.code, problem.column) == ("column.missing", "URN")
    assert "register = " in problem.remedy
    register = """URN,LA (code),EstablishmentNumber,EstablishmentName,EstablishmentStatus (name),\
OpenDate,CloseDate
125001,936,2000,Café,Closed,,31-08-2012
140001,936,2000,Café Academy,Open,01-09-2012,
125002,936,2001,Ash,Open,,
125003,936,2002,Beech,Open,,
125009,936,2002,Also Beech,Open,,
"""
    save(tmp_path, register, "gias/edubasealldata.csv")
    result = read(path, "dfe.ks2", register="gias/edubasealldata.csv")
    assert of(result, "ks2_english_level4") == [
        ("125001", "all", 84.0, "ok"),
        ("125002", "all", None, "supp"),
    ]
    assert [p.code for p in result.problems] == ["urn.unknown"]
    assert result.problems[0].rule.startswith("1 row has a number")
    assert result.set_aside is not None
    assert result.set_aside.select("row", "reason").rows() == [(4, "the row has no URN")]
    assert told(result, "ks2_average_points") >= {("national", None, "All", 27.4)}


def test_levels_and_scaled_scores_are_different_measures(tmp_path: Path) -> None:
    """2015 and 2016 have no measure in common, and the registry says so too."""
    old = read(save(tmp_path, KS2_2015, "2015/england_ks2final.csv"), "dfe.ks2")
    new = read(save(tmp_path, KS2_2024, "2024/england_ks2final.csv"), "dfe.ks2")
    assert set(old.frame["measure"]).isdisjoint(new.frame["measure"])
    registry = {measure.id: measure for measure in core_measures()}
    assert {registry[name].last_year for name in set(old.frame["measure"])} == {2015}
    assert {registry[name].first_year for name in set(new.frame["measure"])} == {2016}


def test_subgroups_are_read_when_asked_for_with_their_own_cohorts(tmp_path: Path) -> None:
    """The header of 2015 misses a 6; it is the published one."""
    path = save(tmp_path, KS2_2015, "2015/england_ks2final.csv")
    result = read(path, "dfe.ks2", subgroups=["all", "fsm6"])
    assert set(result.frame["subgroup", "value", "denominator"].rows()) == {
        ("all", 80.0, 30),
        ("fsm6", 67.0, 6),
    }


def test_earlier_years_beside_the_figures_are_not_read_twice(tmp_path: Path) -> None:
    """`PTRWM_EXP_23` is last year's figure; of the file's year it tells only which it is."""
    path = save(tmp_path, KS2_2024, "2024/england_ks2final.csv")
    assert of(read(path, "dfe.ks2"), "ks2_rwm_expected") == [
        ("125001", "all", 61.0, "ok"),
        ("125002", "all", None, "supp"),
    ]


def test_columns_tell_the_year_where_nothing_else_does(tmp_path: Path) -> None:
    """And the reader says that they did."""
    path = save(tmp_path, KS2_2024, "england_ks2final.csv")
    result = read(path, "dfe.ks2")
    assert result.year == 2024
    assert [(p.code, p.severity) for p in result.problems] == [("year.columns", "note")]


@pytest.mark.parametrize(
    ("content", "name", "header"),
    [
        (KS2_2024, "2019/england_ks2final.csv", "PTRWM_EXP_23"),
        (KS2_2024, "2025/england_ks2final.csv", "PTRWM_EXP_23"),
        (KS2_2015, "2019/england_ks2final.csv", "PTREADWRITTAMATX"),
        (KS4_2022, "2014/england_ks4final.csv", "ATT8SCR"),
        (KS4_2014, "2019/england_ks4final.csv", "PTAC5EM_PTQ"),
        (KS4_2023, "2024/england_ks4final.csv", "ATT8SCR_22"),
        (KS4_2023, "2022/england_ks4final.csv", "ATT8SCR_22"),
        (KS5_2025, "2024/england_ks5final.csv", "TALLPPE_ALEV_1618_24"),
    ],
)
def test_a_wrong_year_in_the_name_is_betrayed_by_the_columns(
    tmp_path: Path, content: str, name: str, header: str
) -> None:
    """With the column that tells, and the remedy; unless the user insists."""
    path = save(tmp_path, content, name)
    reader = READERS[f"dfe.{path.name[8:11]}"]
    result = load_code(reader.read)(path, None)
    (problem,) = [p for p in result.problems if p.severity == "error"]
    assert (problem.code, problem.column, problem.file) == ("year.header", header, path.name)
    assert "wrong folder" in problem.remedy
    assert result.frame.height == 0
    insisted = load_code(reader.read)(path, TableOptions(year=int(path.parent.name)))
    assert {p.severity for p in insisted.problems if p.code == "year.header"} == {"warning"}
    assert insisted.frame.height


def test_key_stage_4_before_and_after_attainment_8(tmp_path: Path) -> None:
    """Rows about England are of all schools (5) or of state-funded ones (7)."""
    old = read(save(tmp_path, KS4_2014, "2014/england_ks4final.csv"), "dfe.ks4")
    assert of(old, "ks4_five_ac") == [("125101", "all", 61.0, "ok")]
    assert told(old, "ks4_five_ac") == {("national", None, "State-funded", 56.6)}
    new = read(
        save(tmp_path, KS4_2022, "2022/england_ks4final.csv"),
        "dfe.ks4",
        subgroups=["all", "boys", "mid_prior"],
    )
    assert of(new, "ks4_progress8") == [
        ("125101", "all", 0.12, "ok"),
        ("125102", "all", None, "x"),
    ]
    assert of(new, "ks4_attainment8")[0::2] == [
        ("125101", "all", 51.2, "ok"),
        ("125101", "boys", 49.9, "ok"),
        ("125101", "mid_prior", 47.0, "ok"),
    ]
    assert told(new, "ks4_attainment8") >= {
        ("la", "936", "All", 52.1),
        ("national", None, "All", 48.8),
        ("national", None, "State-funded", 48.9),
    }
    people = dict(new.frame.filter(urn="125101", subgroup="all")["measure", "denominator"].rows())
    assert people["ks4_attainment8"] == 180
    assert people["ks4_progress8"] == 171


KS4_GAPS = """RECTYPE,LEA,ESTAB,URN,TPUP,TFSM6CLA1A,PTL2BASICS_95,PTFSM6CLA1ABASICS_95,\
PTNOTFSM6CLA1ABASICS_95,PBL2BASICS_95,PTBASICSLO_95,PTEBACC_E_PTQ_EE,PTEBACC_EFSM6CLA1A_PTQ_EE,\
PTEBACC_94,PTEBACCEAL_94,PTEBACC_94_FSM6CLA1A
1,936,4000,125101,104,37,24%,16%,28%,25%,0%,15%,5%,11%,36%,3%
"""
KS2_GAPS = """RECTYPE,LEA,ESTAB,URN,TELIG,BELIG,TFSMCLA,PTENGMATX,PBENGMATX,PTFSMCLAENGMATX,\
PTNotFSMCLAENGMATX
1,936,2000,125001,30,14,6,80%,78%,67%,84%
"""


def test_a_subgroup_in_the_middle_of_a_header_is_read_as_one_at_its_end(tmp_path: Path) -> None:
    """The gap in English and mathematics is what schools are asked about first."""
    path = save(tmp_path, KS4_GAPS, "2023/england_ks4final.csv")
    some = ["fsm6", "non_fsm6", "boys", "low_prior", "eal"]
    frame = read(path, "dfe.ks4", subgroups=some).frame
    assert set(frame["measure", "subgroup", "value", "denominator"].rows()) == {
        ("ks4_basics_95", "fsm6", 16.0, 37),
        ("ks4_basics_95", "non_fsm6", 28.0, None),
        ("ks4_basics_95", "boys", 25.0, None),
        ("ks4_basics_95", "low_prior", 0.0, None),
        ("ks4_ebacc_entered", "fsm6", 5.0, 37),
        ("ks4_ebacc_94", "eal", 36.0, None),
        ("ks4_ebacc_94", "fsm6", 3.0, 37),
    }
    assert set(read(path, "dfe.ks4").frame["subgroup"]) == {"all"}
    old = save(tmp_path, KS2_GAPS, "2012/england_ks2.csv")
    frame = read(old, "dfe.ks2", subgroups=["boys", "fsm6", "non_fsm6"]).frame
    assert set(frame["measure", "subgroup", "value", "denominator"].rows()) == {
        ("ks2_english_maths_level4", "boys", 78.0, 14),
        ("ks2_english_maths_level4", "fsm6", 67.0, 6),
        ("ks2_english_maths_level4", "non_fsm6", 84.0, None),
    }


def test_a_provisional_file_is_told_by_its_name(tmp_path: Path) -> None:
    """Its columns are those of the final one."""
    path = save(tmp_path, KS4_2022, "2022/england_ks4provisional.csv")
    ((_, recognised), *_) = recognise_file(path, READERS.values())
    assert any("provisional" in note and "final" in note for note in recognised.notes)


def test_results_at_16_to_18_of_2013_and_of_2024(tmp_path: Path) -> None:
    """Two scales of points under two headers; a consortium's row is none of a school."""
    old = read(save(tmp_path, KS5_2013, "2013/ks5_attainment.csv"), "dfe.ks5")
    assert of(old, "ks5_alevel_points") == [("125101", "all", 214.5, "ok")]
    new = read(save(tmp_path, KS5_2024, "2023-2024_england_ks5final.csv"), "dfe.ks5")
    assert new.year == 2024
    assert of(new, "ks5_alevel_points") == [
        ("125101", "all", 35.61, "ok"),
        ("125102", "all", None, "supp"),
    ]
    assert new.set_aside is not None
    assert new.set_aside["row"].to_list() == [4]
    assert "consortium" in new.set_aside["reason"][0]
    assert told(new, "ks5_alevel_points") == {
        ("la", "936", "All", 36.0),
        ("national", None, "State-funded", 34.4),
    }
    registry = {measure.id: measure for measure in core_measures()}
    assert registry["ks5_alevel_points"].break_years == (2016,)


def test_each_figure_at_16_to_18_has_the_number_of_its_own_students(tmp_path: Path) -> None:
    """Those who took A levels are not those in scope for English, nor the disadvantaged."""
    path = save(tmp_path, KS5_2025, "2025/england_ks5final.csv")
    result = read(path, "dfe.ks5", subgroups=["all", "fsm6", "non_fsm6"])
    assert result.year == 2025
    found = {
        row[:2]: row[2:]
        for row in result.frame["measure", "subgroup", "value", "denominator"].rows()
    }
    assert found == {
        ("ks5_alevel_points", "all"): (35.61, 80),
        ("ks5_aab", "all"): (4.5, 64),
        ("ks5_applied_general_points", "all"): (28.1, 20),
        ("ks5_english_progress", "all"): (0.3, 5),
        ("ks5_alevel_retained", "all"): (96.0, 75),
        ("ks5_alevel_points", "fsm6"): (30.2, 9),
        ("ks5_alevel_retained", "non_fsm6"): (97.1, 60),
    }


@pytest.mark.parametrize(
    ("year", "marks"),
    [
        (2018, "COHORT_17,COHORT_16"),
        (2021, "COHORT_19,COHORT_18"),
        (2022, "COHORT_20,COHORT_19"),
        (2024, "COHORT_22,COHORT_21"),
        (2025, "COHORT_22,COHORT_21"),
    ],
)
def test_destinations_after_key_stage_4_in_every_year_that_names_earlier_ones(
    tmp_path: Path, year: int, marks: str
) -> None:
    """The published names of earlier years are one, two or three years older than the tables."""
    content = KS4_DESTINATIONS.format(marks=marks)
    result = read(save(tmp_path, content, f"{year}/936_ks4-pupdest.csv"), "dfe.ks4_destinations")
    assert result.year == year - 2
    assert of(result, "ks4_to_school_sixth_form") == [
        ("125101", "all", 77.0, "ok"),
        ("125102", "all", None, "supp"),
    ]
    assert told(result, "ks4_to_sustained") == {
        ("la", "936", "All", 96.0),
        ("national", None, "State-funded", 94.0),
    }


def test_destinations_after_16_to_18_and_progression(tmp_path: Path) -> None:
    """The year is that of the leavers: two, and for progression three years before the tables."""
    left = read(save(tmp_path, KS5_DESTINATIONS, "2025/studest.csv"), "dfe.ks5_destinations")
    assert left.year == 2023
    assert of(left, "ks5_to_higher_education") == [("125101", "all", 40.0, "ok")]
    assert left.frame["year"].unique().to_list() == [2023]
    gone_on = read(save(tmp_path, HE, "2025/studest-he.csv"), "dfe.he_progression")
    assert gone_on.year == 2022
    assert of(gone_on, "he_top_third") == [("125101", "all", 20.5, "ok")]


def test_financial_returns_are_read_by_the_names_of_their_lines(tmp_path: Path) -> None:
    """Pounds with separators, debts, and a school that did not submit."""
    result = read(save(tmp_path, RETURNS, "2023/cfr.csv"), "dfe.finance")
    assert of(result, "finance_reserve") == [
        ("125001", "all", -5000.0, "ok"),
        ("125002", "all", None, "x"),
    ]
    assert of(result, "finance_teachers")[0] == ("125001", "all", 650000.0, "ok")


def test_returns_that_are_not_of_one_school_and_one_year_are_set_aside(tmp_path: Path) -> None:
    """One for a whole federation, one for nobody, one of five months, one never made."""
    content = """LA,LAEstab,URN,Did Not Supply flag,Lead school in federation,\
Period covered by return,Federated submission,E01 Teaching staff,Total Income: I01:I18 - E30,\
Total Expenditure: (E01:E29 + E31 + E32),Revenue Reserve: B01 + B02 + B06,\
In-year Balance: Total Income (I01:I18 - E30) - Total Expenditure (E01:E29 + E31 + E32)
936,9362001,125001,N,0,12,No,500000,1000000,1000100,-5000,-100
936,9362002,125002,,9362002,12,Lead school,900000,3000000,2900000,100,100000
936,9362003,125003,Y,9362002,12,Non returning school,0,0,0,0,0
936,9362004,125004,,0,5,,200000,400000,300000,10,100000
936,9362005,125005,DNS,0,12,,0,0,0,0,0
936,9362006,125006,,0,12,,NS,SUPP,DNS,1,2
"""
    result = read(save(tmp_path, content, "CFR_2022-23_Full_Data.csv"), "dfe.finance")
    assert result.year == 2023
    assert of(result, "finance_income") == [
        ("125001", "all", 1000000.0, "ok"),
        ("125006", "all", None, "supp"),
    ]
    assert of(result, "finance_balance")[0] == ("125001", "all", -100.0, "ok")
    assert of(result, "finance_teachers")[1] == ("125006", "all", None, "x")
    assert result.set_aside is not None
    assert sorted(result.set_aside.select("row", "reason").rows()) == [
        (3, "one return is made for all schools of a federation"),
        (4, "one return is made for all schools of a federation"),
        (5, "the return covers another time than a year"),
        (6, "the school made no return"),
    ]


def test_accounts_of_academies_have_codes_above_the_names(tmp_path: Path) -> None:
    """The codes are of the sums only; in a workbook and as CSV it is the names that count."""
    names = ["LAEstab", "URN", "Period covered by return", "Teaching staff", "Energy", "Rent"]
    names += ["Staff total", "Total Income", "Total Expenditure", "In year balance"]
    codes = ["", "", "", *(f"BAE0{i}0" for i in range(7))]
    rows = [[9362001 + i, 136001 + i, 12, *range(100 + i, 107 + i)] for i in range(4)]
    path = tmp_path / "AAR_2022-23_download.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Academies")
        for at, row in enumerate([codes, names, *rows]):
            sheet.write_row(at, 0, row)
    lines = [",".join(map(str, row)) for row in [codes, names, *rows]]
    text = save(tmp_path, "\n".join(lines), "AAR_2022-23_download.csv")
    for file in (path, text):
        result = read(file, "dfe.finance")
        assert of(result, "finance_teachers")[0] == ("136001", "all", 100.0, "ok")
        assert of(result, "finance_balance")[3] == ("136004", "all", 109.0, "ok")
        assert result.n_rows == 4
        assert result.n_rejected == 0


def test_a_table_that_nobody_declared_is_read_under_its_own_names(tmp_path: Path) -> None:
    """Figures become measures; a sign that nobody explained is still an error."""
    content = "RECTYPE,LEA,ESTAB,URN,TELNUM,NEWTHING,GRADE\n1,936,4000,125101,0,12.5,B\n"
    path = save(tmp_path, content, "2023/england_vaqual.csv")
    result = read(path, "dfe.other")
    assert of(result, "dfe_newthing") == [("125101", "all", 12.5, "ok")]
    assert set(result.frame["measure"]) == {"dfe_newthing"}
    worse = save(
        tmp_path, content + "1,936,4001,125102,0,HIDDEN,C\n1,936,4002,125103,0,3,C\n", path.name
    )
    result = load_code(READERS["dfe.other"].read)(worse, TableOptions(year=2023))
    (problem,) = [p for p in result.problems if p.severity == "error"]
    assert (problem.row, problem.column, problem.value) == (3, "NEWTHING", "HIDDEN")


def test_a_table_with_several_rows_a_school_is_refused_with_the_row(tmp_path: Path) -> None:
    """Value added by subject: which row to take is for the user to say."""
    content = (
        "RECTYPE,LEA,ESTAB,URN,SUBJECT,ENTRIES\n1,936,4000,125101,Biology,22\n"
        "1,936,4001,125102,Biology,12\n1,936,4000,125101,Chemistry,18\n4,936,,,Biology,99\n"
    )
    path = save(tmp_path, content, "2025/england_vaqual.csv")
    result = load_code(READERS["dfe.other"].read)(path, None)
    (problem,) = result.problems
    assert (problem.code, problem.row, problem.value) == ("school.several", 4, "125101")
    assert "one row for each school" in problem.remedy
    assert result.frame.height == 0


MATS_KS4 = """TIME_PERIOD,TRUST_NAME,TRUST_UID,TPUP_MATPTINC,PSEN_ALL4_MATPTINC,ATT8SCR_WGTAVG,\
P8MEA_WGTAVG,PTL2BASICS_95_WGTAVG,ATT8SCR_WGTAVG_FSM6CLA1A,ATT8SCR_WGTAVG_NFSM6CLA1A,\
P8CILOW,P8CILOW_FSM6CLA1A
"202425","Ash Trust","2046","587","12.00%","45.1","NA","42.10%","36.4","49.1","0.1","0.2"
"""
MATS_KS5 = """TIME_PERIOD,TRUST_NAME,TRUST_UID,INSTITUTIONS_MATPTINC,TALLPUP_ACAD_MATPTINC,\
TALLPPE_ACAD_1618,TALLPPE_GRD_ACAD_1618,VA_ACAD_1618,TALLPUP_ACAD_DIS_MATPTINC,\
TALLPPE_ACAD_1618_DIS,perc_DIS_ACAD
"202425","ARETÉ TRUST","5622","146969, 141930","183","33.77","C+","0.01","17","29.11","9%"
"202425","Beech Trust","2363","139765","298","25.77","C-","-0.35","SUPPM","SUPPM","SUPPM"
"""


def test_trusts_at_key_stage_4_have_names_of_ours_and_subgroups_apart(tmp_path: Path) -> None:
    """A figure of disadvantaged pupils is never one of all pupils."""
    path = save(tmp_path, MATS_KS4, "2025/england_ks4-mats-performance.csv")
    all_pupils = read(path, "dfe.mats").frame
    assert set(all_pupils["measure", "value", "status"].rows()) == {
        ("mat_ks4_attainment8", 45.1, "ok"),
        ("mat_ks4_progress8", None, "na"),
        ("mat_ks4_basics_95", 42.1, "ok"),
        ("mat_psen_all4_matptinc", 12.0, "ok"),
        ("mat_p8cilow", 0.1, "ok"),
    }
    assert set(all_pupils["denominator"]) == {587}
    some = read(path, "dfe.mats", subgroups=["fsm6", "non_fsm6"]).frame
    assert set(some["measure", "subgroup", "value"].rows()) == {
        ("mat_ks4_attainment8", "fsm6", 36.4),
        ("mat_ks4_attainment8", "non_fsm6", 49.1),
        ("mat_p8cilow", "fsm6", 0.2),
    }


def test_trusts_at_16_to_18_have_a_symbol_of_their_own(tmp_path: Path) -> None:
    """`SUPPM` is suppressed; a grade in letters and a list of schools are no figures."""
    path = save(tmp_path, MATS_KS5, "2025/england_ks5-mats-performance.csv")
    frame = read(path, "dfe.mats", subgroups=["all", "fsm6"]).frame
    rows = frame.filter(measure="mat_ks5_academic_points")
    found = rows["partnership_id", "subgroup", "value", "status", "denominator"].rows()
    assert set(found) == {
        ("5622", "all", 33.77, "ok", 183),
        ("5622", "fsm6", 29.11, "ok", 17),
        ("2363", "all", 25.77, "ok", 298),
        ("2363", "fsm6", None, "supp", None),
    }
    assert set(frame["measure"]) == {
        "mat_ks5_academic_points",
        "mat_ks5_academic_progress",
        "mat_perc_dis_acad",
    }


@pytest.mark.parametrize("reader", [r for r in core_readers() if r.measures], ids=lambda r: r.id)
def test_every_measure_of_a_reader_is_in_the_registry(reader: Any) -> None:
    """With its unit and range: nothing that core reads by name is unexplained."""
    assert set(reader.measures) <= {measure.id for measure in core_measures()}


def test_no_measure_is_declared_twice() -> None:
    """One id, one meaning."""
    ids = [measure.id for measure in core_measures()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("reader", core_readers(), ids=lambda r: r.id)
def test_a_reader_that_has_met_no_real_file_says_so_on_its_card(reader: Any) -> None:
    """In words, where a person will see them."""
    if reader.id in ("dfe.other", "plain.table"):
        return
    assert ("has not met a real file" in reader.notes) == (not reader.met_real_file)
