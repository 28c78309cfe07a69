"""The list of schools beside performance tables: phases by flags and ages, areas by choice."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from impactkit.declarations import load_code
from impactkit.readers import core_readers, recognise_file, school_information
from impactkit.readers.registers import AreaOptions
from impactkit.tables import core_tables, validate

SPEC = next(spec for spec in core_tables() if spec.name == "schools")
LISTED = """URN,LANAME,LA,ESTAB,LAESTAB,SCHNAME,SCHSTATUS,OPENDATE,CLOSEDATE,MINORGROUP,SCHOOLTYPE,\
ISPRIMARY,ISSECONDARY,ISPOST16,AGELOW,AGEHIGH,RELCHAR
125001,Surrey,936,2000,9362000,Ash,Open,,,Maintained school,Community school,1,0,0,3,11,None
125002,Surrey,936,4000,9364000,Beech,Closed,,31-03-2026,Academy,Academy converter,0,1,1,11,18,
125003,Surrey,936,4001,9364001,Elm,Open,01-09-2020,,Academy,Free schools,1,1,1,4,18,None
125004,Surrey,936,4002,9364002,Fir,Open,,,Maintained school,Foundation school,1,1,0,9,13,
125005,Kent,886,7000,8867000,Gorse,Open,,,Special school,Community special school,1,1,0,3,16,
125006,Kent,886,8600,8868600,Hazel,Open,,,College,Sixth form centres,0,0,1,16,19,
"""


def read(folder: Path, **options: object) -> pl.DataFrame:
    """Read the list by the reader that must be the first to know it, and check its values."""
    path = folder / "england_school_information.csv"
    path.write_text(LISTED, encoding="utf-8")
    assert recognise_file(path, core_readers())[0][0].id == "dfe.school_information"
    result = load_code(school_information.READER.read)(path, AreaOptions(**options))
    assert result.problems == ()
    checked = validate(result.frame, SPEC, register=False)
    assert checked.problems == ()
    return checked.frame


def test_the_phase_is_that_of_the_flags_and_ages(tmp_path: Path) -> None:
    """A special school is one, whatever it teaches; of a middle school no flag tells the kind."""
    assert dict(read(tmp_path)["urn", "phase"].rows()) == {
        125001: "Primary",
        125002: "Secondary",
        125003: "All-through",
        125004: None,
        125005: "Special",
        125006: "16 to 19",
    }


def test_days_are_read_where_they_are_given(tmp_path: Path) -> None:
    """A school that opened long ago has none, and that is not its first day."""
    frame = read(tmp_path)
    assert frame["open_date"].to_list() == [None, None, dt.date(2020, 9, 1), None, None, None]
    assert frame["close_date"].drop_nulls().to_list() == [dt.date(2026, 3, 31)]
    assert frame["status"].to_list()[:2] == ["Open", "Closed"]
    assert frame["laestab"][0] == "9362000"


def test_authorities_can_be_chosen(tmp_path: Path) -> None:
    """By number, as of the register."""
    assert read(tmp_path, la=[886])["urn"].to_list() == [125005, 125006]
