"""The register's extracts: groups with their members, and links between URNs."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from impactkit.readers import core_readers, gias_groups, gias_links, recognise_file
from impactkit.readers.gias_groups import GroupOptions
from impactkit.tables import core_tables, validate

SPECS = {spec.name: spec for spec in core_tables()}
FORM_2022 = """,URN,Group UID,Group ID,Group Name,Group Type (code),Group Type,Closed Date,\
Group Status,Joined date,EstablishmentName,LA (code)
0,20003,80637,,Central,8,Children's Centres Group,,Open,1900-01-01,Central,852
1,121293,17558,,Synergy Schools,1,Federation,,Open,2021-07-19,Leeming,815
2,121306,1896,,Nawton,1,Federation,,Open,1900-01-01,Nawton,815
3,125001,1999,,Old Trust,2,Trust,2014-11-30,Closed,2010-09-01,Old,936
4,125001,2000,,A Sponsor,5,School sponsor,,Open,2010-09-01,Old,936
"""
FORM_2024 = """"URN","Linked UID","Group Name","Group Type","Joined date","LA (code)","HasSharedHT"
136338,2718,"CLEVES ACADEMY TRUST","Single-academy trust","01-11-2010","936"
136497,16579,"Café Trust","Multi-academy trust","19-01-2017","815"
136497,16580,"Café Trust","School sponsor","19-01-2017","815"
"""
MEMBERS = ["partnership_id", "urn", "role", "joined", "structure"]


def save(folder: Path, content: str, encoding: str = "utf-8") -> Path:
    """Save a file and return its path."""
    path = folder / "extract.csv"
    path.write_text(content, encoding=encoding)
    return path


def members(path: Path, **options: object) -> pl.DataFrame:
    """Return memberships as validated."""
    result = gias_groups.read(path, GroupOptions(**options))  # type: ignore[arg-type]
    checked = validate(result.frame, SPECS["memberships"], register=False)
    assert checked.rejected.height == 0
    return checked.frame


def test_the_form_of_2022_gives_federations_and_trusts_but_no_sponsors(tmp_path: Path) -> None:
    """Sponsors repeat the schools of trusts; children's centres are no schools."""
    path = save(tmp_path, FORM_2022)
    frame = members(path)
    assert frame.select(MEMBERS).rows() == [
        ("17558", 121293, "peer", dt.date(2021, 7, 19), "federation"),
        ("1896", 121306, "peer", dt.date(1900, 1, 1), "federation"),
        ("1999", 125001, "peer", dt.date(2010, 9, 1), "other"),
    ]
    assert frame["left"].to_list() == [None, None, dt.date(2014, 11, 30)]
    result = gias_groups.read(path)
    assert result.set_aside is not None
    assert result.set_aside.select("row", "detail").rows() == [
        (2, "Children's Centres Group"),
        (6, "School sponsor"),
    ]
    assert result.n_rows == result.frame.height + result.set_aside.height


def test_group_types_and_authorities_can_be_chosen(tmp_path: Path) -> None:
    """Both by the words and numbers of the register; what is left out is counted."""
    path = save(tmp_path, FORM_2022)
    assert members(path, group_type="federation")["urn"].to_list() == [121293, 121306]
    assert members(path, la=[936])["urn"].to_list() == [125001]
    result = gias_groups.read(path, GroupOptions(la=936))
    assert result.set_aside is not None
    assert dict(result.set_aside.group_by("reason").len().rows()) == {
        "a type of group that was not asked for": 2,
        "in another local authority": 2,
    }


def test_the_form_of_2024_is_read_under_its_own_headers(tmp_path: Path) -> None:
    """Windows letters, day-first dates, and a header with one column too many."""
    path = save(tmp_path, FORM_2024, encoding="cp1252")
    frame = members(path)
    assert frame.select(MEMBERS).rows() == [
        ("2718", 136338, "peer", dt.date(2010, 11, 1), "sat"),
        ("16579", 136497, "peer", dt.date(2017, 1, 19), "mat"),
    ]
    assert frame["partnership_name"].to_list()[1] == "Café Trust"
    assert [problem.code for problem in gias_groups.read(path).problems] == ["header.extra"]


def test_a_group_type_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    """With the one that was meant."""
    result = gias_groups.read(save(tmp_path, FORM_2022), GroupOptions(group_type="Federations"))
    assert [problem.code for problem in result.problems] == ["group_type.unknown"]
    assert "'Federation'" in result.problems[0].remedy


@pytest.mark.parametrize("wrong", [{"la": "Surrey"}, {"la": 9.5}, {"group_type": 7}])
def test_options_are_strict(wrong: dict[str, object]) -> None:
    """Numbers of authorities, words of the register."""
    with pytest.raises(TypeError, match="expected"):
        GroupOptions(**wrong)  # type: ignore[arg-type]


HISTORY = """URN,EstablishmentName,EstablishmentStatus (name),Establishment OpenDate,LA (code),\
Group UID,Group ID,Group Name,Group Type,Group Closed Date,Date Joined Group,Date Left Group
136001,Ash,Open,2011-04-01,936,2001,TR01,ASH TRUST,Single-academy trust,2016-12-31,2011-04-01,\
2016-08-31
136001,Ash,Open,2011-04-01,936,2002,TR02,OAK TRUST,Multi-academy trust,,2016-09-01,
136002,Birch,Open,2012-01-01,815,2002,TR02,OAK TRUST,Multi-academy trust,,2013-01-01,2014-08-31
136002,Birch,Open,2012-01-01,815,2002,TR02,OAK TRUST,Multi-academy trust,,2012-01-01,2013-06-30
136002,Birch,Open,2012-01-01,815,2002,TR02,OAK TRUST,Multi-academy trust,,2018-01-01,
136002,Birch,Open,2012-01-01,815,2002,TR02,OAK TRUST,Multi-academy trust,,2018-01-01,
136003,Cedar,Closed,2012-01-01,815,2003,TR03,ELM TRUST,Multi-academy trust,2015-08-31,2012-01-01,
136004,Dogwood,Open,2012-01-01,815,2002,TR02,OAK TRUST,Multi-academy trust,,2016-01-01,2015-01-01
"""


def test_the_history_of_trusts_has_every_trust_a_school_was_in(tmp_path: Path) -> None:
    """When it joined and left; a group that closed ended for those without a day of leaving."""
    path = save(tmp_path, HISTORY, encoding="cp1252")
    result = gias_groups.read(path)
    checked = validate(result.frame, SPECS["memberships"], register=False)
    ash, birch, cedar, dogwood = 136001, 136002, 136003, 136004
    assert checked.frame.select("urn", "partnership_id", "joined", "left").rows() == [
        (ash, "2001", dt.date(2011, 4, 1), dt.date(2016, 8, 31)),
        (ash, "2002", dt.date(2016, 9, 1), None),
        (birch, "2002", dt.date(2012, 1, 1), dt.date(2014, 8, 31)),
        (birch, "2002", dt.date(2018, 1, 1), None),
        (cedar, "2003", dt.date(2012, 1, 1), dt.date(2015, 8, 31)),
    ]
    assert result.set_aside is not None
    assert result.set_aside.select("row", "reason").rows() == [
        (4, "another row has the school in this group at the same time"),
        (7, "another row has the school in this group at the same time"),
    ]
    assert dogwood not in checked.frame["urn"].to_list(), "it left before it joined"
    assert checked.rejected["row"].to_list() == [9]


def test_the_history_of_trusts_is_not_taken_for_a_register_of_schools(tmp_path: Path) -> None:
    """It has the names and states of schools too, but a school stands in it several times."""
    found = recognise_file(save(tmp_path, HISTORY), core_readers())
    assert [reader.id for reader, _ in found] == ["gias.group_links"]


LINKS = """"URN","LinkURN","LinkName","LinkType","LinkEstablishedDate"
121293,121472,"Leeming St. John's","Successor - merged","13-04-2026"
121294,144678,"Glaisdale","Successor",""
"""


def test_links_are_read_with_their_types(tmp_path: Path) -> None:
    """A date may be blank; the name is not needed."""
    result = gias_links.read(save(tmp_path, LINKS))
    checked = validate(result.frame, SPECS["school_links"], register=False)
    assert checked.problems == ()
    assert checked.frame.drop("source", "source_row").rows() == [
        (121293, 121472, "Successor - merged", dt.date(2026, 4, 13)),
        (121294, 144678, "Successor", None),
    ]


def test_an_unknown_link_type_is_set_aside_and_told(tmp_path: Path) -> None:
    """The row costs nothing but itself."""
    result = gias_links.read(save(tmp_path, LINKS.replace('"Successor"', '"Sucessor"')))
    checked = validate(result.frame, SPECS["school_links"], register=False)
    assert checked.rejected["row"].to_list() == [3]
    assert "Did you mean 'Successor'?" in str(checked.problems[0])
    assert checked.frame.height == 1


def test_another_extract_is_refused(tmp_path: Path) -> None:
    """Every column that is missing is named."""
    result = gias_links.read(save(tmp_path, FORM_2022))
    assert [problem.column for problem in result.problems] == ["LinkURN", "LinkType"]
    assert result.frame.height == 0
