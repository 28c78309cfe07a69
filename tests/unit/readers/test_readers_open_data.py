"""Registers, inspections, trusts, open data and Welsh files: forms known from their metadata."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from impactkit.declarations import ReadResult, load_code
from impactkit.readers import core_readers, recognise_file
from impactkit.readers.ees import ReleaseOptions
from impactkit.readers.registers import AreaOptions
from impactkit.tables import core_measures, core_tables, validate

READERS = {reader.id: reader for reader in core_readers()}
SPECS = {spec.name: spec for spec in core_tables()}

SCHOOLS = """"URN","LA (code)","EstablishmentNumber","EstablishmentName",\
"TypeOfEstablishment (name)",\
"EstablishmentStatus (name)","ReasonEstablishmentOpened (name)","OpenDate",\
"ReasonEstablishmentClosed (name)","CloseDate","PhaseOfEducation (name)","NumberOfPupils",\
"HeadLastName"
"125001","936","12","Café School","Community school","Open","Not applicable","","","",\
"Primary","200","Bee"
"125002","815","4001","Ash","Academy converter","Closed","Academy Converter","01-04-2012",\
"Swallowed by the sea","31-08-2019","16 plus","","Cee"
"20003","936","","A centre","Children's centre","Open","","","","","Not applicable","",""
"""
GROUPS = """Group UID,Group ID,Group Name,Group Type,Closed Date,Group Status,\
Incorporated on (open date),Open date
2044,TR00001,Ash Trust,Multi-academy trust,,Open,01/04/2012,
1896,,Beech Federation,Federation,31/08/2020,Closed,,01/09/2013
77,SP1,A sponsor,School sponsor,,Open,,01/09/2013
"""
GOVERNORS = """GID,URN,UID,Role,Title,Forename 1,Surname,Date of appointment,\
Date term of office ends/ended,Appointing body
1,125001,,Chair of governors,Ms,Ann,Bee,01/09/2020,31/08/2024,Appointed by GB/board
2,,2044,Trustee,Mr,Cee,Dee,01/09/2020,,Appointed by academy members
3,125001,,Shared local governor (group),Mr,Ell,Eff,01/09/2020,,Appointed by trustees
4,125001,,Grand vizier,Mr,Gee,Aitch,01/09/2020,,Appointed by trustees
5,,,Member,Mr,Eye,Jay,01/09/2020,,Appointed by trustees
"""
INSPECTIONS = """Management information - latest inspections as at 31 Jan 2026
URN,LAESTAB,Ofsted phase,Inspection start date,Inclusion,Achievement,\
Latest OEIF overall effectiveness,\
Latest OEIF quality of education,Inspection start date of latest OEIF graded inspection
125001,9362000,Primary,NULL,NULL,NULL,2,2,31/08/2023
125002,9362001,Primary,18/11/2025,Strong standard,Needs attention,3,Not judged,01/09/2021
125003,9362002,Primary,NULL,NULL,NULL,NULL,NULL,NULL
"""
GRADES = """Web link,URN,Inspection start date,Overall effectiveness,Category of concern,\
Previous inspection start date,Previous full inspection overall effectiveness,\
URN at time of previous full inspection
x,125001,12/03/2019,4,SM,05/02/2014,3,125900
x,125002,13/03/2019,2,NULL,NULL,NULL,NULL
"""
TRUSTS = """TIME_PERIOD,TRUST_NAME,TRUST_UID,TRUST_UKPRN,TELIG_MATPTINC,\
READ_PROGSCORE_EM_ADJ_WGTAVG,\
PRWM_EXP_WGTAVG,PRWM_EXP_WGTAVG_FSM6CLA1A,P8MEA_NEW,BANDING
202223,Ash Trust,2044,10012345,210,0.4,62%,50%,0.1,Average
202223,Beech Trust,2045,10012346,21,SUPP,SUPP,SUPP,SUPP,
202223,England,,,,0.0,60%,44%,0,
"""
RELEASE = """time_period,time_identifier,geographic_level,country_code,country_name,old_la_code,\
la_name,school_urn,school_laestab,school_name,education_phase,sex,sess_overall_percent,enrolments
202324,Academic year,National,E92000001,England,,,,,,State-funded primary,Total,5.5,4000000
202324,Academic year,National,E92000001,England,,,,,,State-funded primary,Girls,5.4,2000000
202324,Academic year,Local authority,E92000001,England,936,Surrey,,,,State-funded primary,Total,\
5.1,9000
202324,Academic year,School,E92000001,England,936,Surrey,125001,9362000,A,State-funded primary,\
Total,4.1,200
202324,Academic year,School,E92000001,England,936,Surrey,125001,9362000,A,State-funded primary,\
Girls,4.0,c
202324,Academic year,School,E92000001,England,936,Surrey,125002,9364000,B,State-funded secondary,\
Total,x,900
202324,Academic year,Ward,E92000001,England,936,Surrey,,,,State-funded primary,Total,4.4,300
"""
WALES = """School Number,School Name,LA Code,Local Authority,Sector,Governance - see notes,\
School Type,Religious Character,\
Postcode,Pupils - see notes
6602130,Ysgol A,660,Isle of Anglesey,Primary,Community,Infants & Juniors,---,LL1 1AA,101
6604025,Ysgol B,660,Isle of Anglesey,Middle,Community,Middle,Roman Catholic,LL1 1AB,600
Total,,,,,,,,,701
"""
LOCAL = """School Number,School,Local Authority,Year,Attendance (%),Capped 9 score
6602130,Ysgol A,Isle of Anglesey,2018/19,94.6,*
6604025,Ysgol B,Isle of Anglesey,2018/19,93.1,355.1
Wales,Wales,,2018/19,94.0,353.0
"""


def read(folder: Path, content: str, reader: str, options: Any = None, name: str = "a.csv") -> Any:
    """Save and read a file, which its reader must also be the first to recognise; validate it."""
    path = folder / name
    path.write_text(content, encoding="utf-8")
    assert recognise_file(path, READERS.values())[0][0].id == reader
    result: ReadResult = load_code(READERS[reader].read)(path, options)
    checked = validate(result.frame, SPECS[result.table], register=False, measures=core_measures())
    assert checked.problems == ()
    assert checked.rejected.height == 0
    return result, checked.frame


def reasons(result: ReadResult) -> dict[str, int]:
    """Return how many rows were set aside, by reason."""
    assert result.set_aside is not None
    return dict(result.set_aside.group_by("reason").len().rows())


def test_schools_keep_their_history_and_lose_no_row_for_a_new_word(tmp_path: Path) -> None:
    """A reason that nobody knows costs the reason and not the school; centres are no schools."""
    result, frame = read(tmp_path, SCHOOLS, "gias.establishments")
    assert frame.select("urn", "laestab", "phase", "status", "open_date", "close_date").rows() == [
        (125001, "9360012", "Primary", "Open", None, None),
        (125002, "8154001", "16 to 19", "Closed", dt.date(2012, 4, 1), dt.date(2019, 8, 31)),
    ]
    assert frame["open_reason"].to_list() == [None, "Academy Converter"]
    assert frame["close_reason"].to_list() == [None, None]
    (problem,) = result.problems
    assert problem.severity == "warning"
    assert "'Swallowed by the sea' (1)" in problem.rule
    assert reasons(result) == {"a children's centre, which is no school": 1}
    assert "Bee" not in str(frame.rows())


def test_a_school_without_a_place_on_the_grid_has_none(tmp_path: Path) -> None:
    """Nought is no place: two such schools are not next door to each other."""
    content = (
        "URN,EstablishmentName,EstablishmentStatus (name),ReasonEstablishmentClosed (name),"
        "Easting,Northing\n125001,A,Open,,0,0\n"
        "125002,B,Closed,Created in Error - application rejected,447694,519237\n"
    )
    _, frame = read(tmp_path, content, "gias.establishments")
    assert frame.select("easting", "northing").rows() == [(None, None), (447694, 519237)]
    assert frame["close_reason"].to_list() == [None, "Created in Error"]


def test_schools_of_some_authorities(tmp_path: Path) -> None:
    """The others are counted."""
    path = tmp_path / "a.csv"
    path.write_text(SCHOOLS, encoding="utf-8")
    result = load_code(READERS["gias.establishments"].read)(path, AreaOptions(la=815))
    assert result.frame["urn"].to_list() == ["125002"]
    assert reasons(result)["in another local authority"] == 1


def test_groups_start_when_they_opened_or_were_incorporated(tmp_path: Path) -> None:
    """Sponsors are left out unless asked for."""
    result, frame = read(tmp_path, GROUPS, "gias.groups")
    assert frame.select("partnership_id", "structure", "start_date", "end_date").rows() == [
        ("2044", "mat", dt.date(2012, 4, 1), None),
        ("1896", "federation", dt.date(2013, 9, 1), dt.date(2020, 8, 31)),
    ]
    assert reasons(result) == {"a type of group that was not asked for": 1}


def test_governors_are_read_without_their_names(tmp_path: Path) -> None:
    """A shared role is a shared board; an unknown role and a row of nobody are told apart."""
    result, frame = read(tmp_path, GOVERNORS, "gias.governance")
    columns = ["board_id", "urn", "role", "shared_board", "person_key"]
    assert frame.select(columns).rows() == [
        ("school 125001", 125001, "Chair of governors", False, "1"),
        ("group 2044", None, "Trustee", False, "2"),
        ("school 125001", 125001, "Shared local governor - group", True, "3"),
    ]
    assert reasons(result) == {
        "neither a school nor a group is named": 1,
        "a role that is not known": 1,
    }
    assert "'Grand vizier' (1)" in result.problems[0].rule
    for name in ("Ann", "Bee", "Cee", "Dee", "Aitch"):
        assert name not in str(frame.rows())


@pytest.mark.parametrize(
    ("published", "role"),
    [
        ("Governance Professional - Federation", "Governance professional for a federation"),
        (
            "Governance Professional - Multi-Academy Trust (MAT)",
            "Governance professional for a multi-academy trust (MAT)",
        ),
        (
            "Local Governance Professional - Individual Academy or Free School",
            "Local governance professional for an individual academy or free school",
        ),
        ("Shared Governance Professional - Group", "Shared governance professional - group"),
        ("Shared Chair of Local Governing Body - Establishment", None),
        ("Member - Organisation", "Member"),
        ("Chair of Local Governing Body", None),
    ],
)
def test_roles_are_known_as_the_register_spells_them(
    tmp_path: Path, published: str, role: str | None
) -> None:
    """With dashes and capitals; without another name given it is the table's but for capitals."""
    content = GOVERNORS.splitlines()[0] + f"\n1,125001,,{published},Ms,A,B,01/09/2020,,\n"
    _, frame = read(tmp_path, content, "gias.governance")
    assert frame["role"].to_list() == [role or published.capitalize()]


def test_report_cards_and_grades_are_of_the_year_of_their_inspection(tmp_path: Path) -> None:
    """31 August is the old year, 1 September the new; nothing is told of a school without one."""
    result, frame = read(tmp_path, INSPECTIONS, "ofsted.inspections")
    assert set(frame.select("urn", "year", "measure", "value", "status").rows()) == {
        (125002, 2026, "ofsted_inclusion", 4.0, "ok"),
        (125002, 2026, "ofsted_achievement", 2.0, "ok"),
        (125001, 2023, "ofsted_overall", 2.0, "ok"),
        (125001, 2023, "ofsted_education", 2.0, "ok"),
        (125002, 2022, "ofsted_overall", 3.0, "ok"),
        (125002, 2022, "ofsted_education", None, "na"),
    }
    assert reasons(result) == {"no report card is told": 2, "no graded inspection is told": 1}
    registry = {measure.id: measure for measure in core_measures()}
    assert registry["ofsted_overall"].direction == "lower"
    assert registry["ofsted_inclusion"].direction == "higher"


def test_an_earlier_inspection_is_of_the_school_of_its_time(tmp_path: Path) -> None:
    """Under its URN then; in a category of concern is 1, in none 0."""
    _, frame = read(tmp_path, GRADES, "ofsted.inspections")
    assert set(frame.select("urn", "year", "measure", "value").rows()) == {
        (125001, 2019, "ofsted_overall", 4.0),
        (125001, 2019, "ofsted_category", 1.0),
        (125002, 2019, "ofsted_overall", 2.0),
        (125002, 2019, "ofsted_category", 0.0),
        (125900, 2014, "ofsted_overall", 3.0),
    }


def test_trusts_are_no_schools_and_unknown_columns_keep_their_names(tmp_path: Path) -> None:
    """Key stage 2 under our names, all else under the published ones; a UKPRN is no figure."""
    result, frame = read(tmp_path, TRUSTS, "dfe.mats")
    assert result.table == "trust_outcomes"
    assert set(frame.filter(partnership_id="2044").select("year", "measure", "value").rows()) == {
        (2023, "mat_ks2_reading_progress", 0.4),
        (2023, "mat_ks2_rwm_expected", 62.0),
        (2023, "mat_p8mea_new", 0.1),
    }
    assert set(frame.filter(partnership_id="2045")["status"]) == {"supp"}
    assert result.national is not None
    assert set(result.national["level"]) == {"national"}
    ours = frame.filter(partnership_id="2044", measure="mat_ks2_rwm_expected")
    assert ours["denominator"].to_list() == [210]


def test_open_data_gives_totals_by_school_and_published_figures_beside(tmp_path: Path) -> None:
    """A breakdown is settled by its total; the phase differs between schools but not within one."""
    result, frame = read(tmp_path, RELEASE, "dfe.ees")
    assert set(frame.select("urn", "year", "measure", "value", "status").rows()) == {
        (125001, 2024, "overall_absence", 4.1, "ok"),
        (125001, 2024, "enrolments", 200.0, "ok"),
        (125002, 2024, "overall_absence", None, "x"),
        (125002, 2024, "enrolments", 900.0, "ok"),
    }
    assert reasons(result) == {
        "another breakdown by sex": 2,
        "about a place that is neither school, authority, region nor England": 1,
    }
    assert result.national is not None
    absence = result.national.filter(measure="overall_absence")
    assert set(absence.select("level", "la_code", "phase", "value").rows()) == {
        ("national", None, "State-funded primary", 5.5),
        ("la", "936", "State-funded primary", 5.1),
    }


def test_open_data_of_a_subgroup_is_taken_when_asked_for(tmp_path: Path) -> None:
    """`filters` names the value."""
    options = ReleaseOptions(filters={"sex": "Girls"}, measures="overall_absence")
    _, frame = read(tmp_path, RELEASE, "dfe.ees", options)
    assert frame.select("urn", "value").rows() == [(125001, 4.0)]


def test_metadata_beside_the_file_says_what_is_a_filter(tmp_path: Path) -> None:
    """A filter of figures (an age) is no indicator if the publisher says so."""
    meta = "col_name,col_type,label\nage,Filter,Age\nrate,Indicator,Rate\n"
    (tmp_path / "a.meta.csv").write_text(meta, encoding="utf-8")
    content = (
        "time_period,time_identifier,geographic_level,school_urn,age,rate\n"
        "202324,Academic year,School,125001,11,4.1\n202324,Academic year,School,125002,12,4.2\n"
    )
    _, frame = read(tmp_path, content, "dfe.ees")
    assert set(frame["measure"]) == {"rate"}


TERMS = (
    "time_period,time_identifier,geographic_level,school_urn,sess_overall_percent,fte_all_teachers\n"
    "202324,Autumn term,School,125001,3.9,10\n"
    "202324,Academic year,School,125001,4.1,10\n"
    "202324,Autumn term,National,,6.9,\n"
    "202324,Academic year,National,,7.1,\n"
)


def test_a_term_is_not_taken_for_its_year(tmp_path: Path) -> None:
    """Both stand under one period; the whole year counts, unless a term is asked for."""
    result, frame = read(tmp_path, TERMS, "dfe.ees")
    assert set(frame.select("urn", "year", "measure", "value").rows()) == {
        (125001, 2024, "overall_absence", 4.1),
        (125001, 2024, "teachers_fte", 10.0),
    }
    assert reasons(result) == {"another breakdown by time_identifier": 2}
    assert result.national is not None
    assert 6.9 not in result.national["value"].to_list()
    options = ReleaseOptions(filters={"time_identifier": "Autumn term"})
    _, frame = read(tmp_path, TERMS, "dfe.ees", options)
    assert frame.filter(measure="overall_absence")["value"].to_list() == [3.9]


@pytest.mark.parametrize("name", ["period", "year", "urn", "place", "level", "phase"])
def test_a_filter_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Also one that rows have for themselves."""
    content = (
        f"time_period,time_identifier,geographic_level,school_urn,{name},sess_overall_percent\n"
        "202324,Academic year,School,125001,Total,4.1\n"
        "202324,Academic year,School,125001,Some,4.9\n"
        "202324,Academic year,National,,Total,7.1\n"
    )
    result, frame = read(tmp_path, content, "dfe.ees")
    assert frame.select("urn", "value").rows() == [(125001, 4.1)]
    assert result.national is not None
    assert result.national["value"].to_list() == [7.1]


def test_terms_without_a_year_have_to_be_chosen_between(tmp_path: Path) -> None:
    """Which of two terms is meant is for the study to say."""
    path = tmp_path / "a.csv"
    path.write_text(TERMS.replace("Academic year", "Spring term"), encoding="utf-8")
    result = load_code(READERS["dfe.ees"].read)(path, None)
    (problem,) = [p for p in result.problems if p.severity == "error"]
    assert problem.code == "filter.unsettled"
    assert 'filters = { time_identifier = "Autumn term" }' in problem.remedy


@pytest.mark.parametrize(
    ("options", "content", "code", "words"),
    [
        ({"filters": {"sexx": "Girls"}}, RELEASE, "filter.unknown", "Did you mean 'sex'?"),
        ({"filters": {"sex": "Girl"}}, RELEASE, "filter.unknown", "Did you mean 'Girls'?"),
        ({"measures": "overal_absence"}, RELEASE, "measure.unknown", "'overall_absence'?"),
        ({}, RELEASE.replace("Total", "Boys"), "filter.unsettled", 'filters = { sex = "Boys" }'),
        ({}, RELEASE.replace("202324", "2023/25"), "period.format", "202324 for 2023/24"),
        ({}, RELEASE.replace(",4.1,", ",hidden,"), "symbol.unknown", "symbols"),
    ],
)
def test_what_open_data_leaves_unsettled_is_an_error_with_a_remedy(
    tmp_path: Path, options: dict[str, Any], content: str, code: str, words: str
) -> None:
    """File, column and what to write."""
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf-8")
    result = load_code(READERS["dfe.ees"].read)(path, ReleaseOptions(**options))
    (problem,) = [p for p in result.problems if p.severity == "error"]
    assert problem.code == code
    assert problem.file == "a.csv"
    assert words in str(problem)


def test_filters_are_strict() -> None:
    """By column, with the value as text."""
    with pytest.raises(TypeError, match="filters by column"):
        ReleaseOptions(filters=["Girls"])


def test_welsh_schools_are_known_by_their_numbers(tmp_path: Path) -> None:
    """A middle school is all-through here; the row of totals is set aside."""
    result, frame = read(tmp_path, WALES, "wales.schools")
    assert frame.select("school_key", "phase", "la_code", "pupils", "region").rows() == [
        ("6602130", "Primary", "660", 101, "Wales"),
        ("6604025", "All-through", "660", 600, "Wales"),
    ]
    assert frame["religious_character"].to_list() == [None, "Roman Catholic"]
    assert reasons(result) == {"the row has no number of a Welsh school": 1}


def test_welsh_figures_are_read_under_their_own_names(tmp_path: Path) -> None:
    """A star is confidential; the row of Wales is a published figure."""
    result, frame = read(tmp_path, LOCAL, "wales.my_local_school")
    columns = ["school_key", "year", "measure", "value", "status"]
    assert set(frame.select(columns).rows()) == {
        ("6602130", 2019, "wales_attendance_percent", 94.6, "ok"),
        ("6604025", 2019, "wales_attendance_percent", 93.1, "ok"),
        ("6602130", 2019, "wales_capped_9_score", None, "c"),
        ("6604025", 2019, "wales_capped_9_score", 355.1, "ok"),
    }
    assert result.national is not None
    assert set(result.national.select("level", "measure", "value").rows()) == {
        ("wales", "wales_attendance_percent", 94.0),
        ("wales", "wales_capped_9_score", 353.0),
    }


def test_an_english_file_is_never_taken_for_a_welsh_one(tmp_path: Path) -> None:
    """A column `School Number` alone says nothing: its numbers do."""
    path = tmp_path / "own.csv"
    path.write_text("School Number,Score\n17,3\n18,4\n", encoding="utf-8")
    assert recognise_file(path, READERS.values()) == []
