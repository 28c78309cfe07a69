"""Tables of one's own, and finding out what a file is."""

from __future__ import annotations

from pathlib import Path

import pytest

from impactkit.declarations import load_code
from impactkit.errors import DataError
from impactkit.readers import core_readers, plain, recognise_file
from impactkit.tables import core_measures, core_tables, validate

SPECS = {spec.name: spec for spec in core_tables()}


def save(folder: Path, content: str, name: str) -> Path:
    """Save a file under a folder of its own and return its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def test_a_register_of_one_s_own_is_read_and_checked(tmp_path: Path) -> None:
    """Rows that do not fit and values that are wrong are all told."""
    content = "partnership_id,urn,role\nP1,100001,client\nP1,100002\nP1,10000,peer\n"
    path = save(tmp_path, content, "members.csv")
    result = plain.read(path, spec=SPECS["memberships"])
    checked = validate(result.frame, SPECS["memberships"], file="members.csv")
    found = [(p.code, p.row) for p in (*result.problems, *checked.problems)]
    assert found == [("row.ragged", 3), ("urn.format", 4)]
    assert (result.table, result.n_rows) == ("memberships", 3)


def test_a_file_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    """And the empty frame adds no error of its own."""
    result = plain.read(tmp_path / "absent.csv", spec=SPECS["memberships"])
    assert [problem.code for problem in result.problems] == ["file.missing"]
    assert validate(result.frame, SPECS["memberships"]).errors == ()


@pytest.mark.parametrize(
    ("name", "content", "reader", "year"),
    [
        (
            "2018/a.csv",
            "LA,ESTAB,URN,PERCTOT,PPERSABS10\n815,2000,140018,1,2\n",
            "dfe.absence",
            2018,
        ),
        ("201415/b.csv", "LA,URN,NTEA,RATPUPTEA,SALARY\n815,140018,1,2,3\n", "dfe.workforce", 2015),
        ("c.csv", "URN,LinkURN,LinkType\n140018,140019,Other\n", "gias.links", None),
        (
            "d.csv",
            "URN,Group UID,Group Type,Joined date\n140018,1,Federation,2019-09-01\n",
            "gias.group_links",
            None,
        ),
        ("e.csv", "staff_key,urn,level,start\na,140018,head,2019-09-01\n", "plain.table", None),
    ],
)
def test_a_file_is_recognised_by_its_content(
    tmp_path: Path, name: str, content: str, reader: str, year: int | None
) -> None:
    """The name of the file has no say, but its year."""
    (best, recognised), *_ = recognise_file(save(tmp_path, content, name), core_readers())
    assert best.id == reader
    assert recognised.year == year
    assert 0.5 < recognised.confidence <= 1


def test_a_file_that_nobody_knows_is_nobody_s(tmp_path: Path) -> None:
    """Not even the plain reader's, which takes our own column names only."""
    path = save(tmp_path, "name,colour\na,red\n", "f.csv")
    assert recognise_file(path, core_readers()) == []
    with pytest.raises(DataError, match="no such file"):
        recognise_file(tmp_path / "absent.csv", core_readers())


def test_readers_and_measures_belong_together() -> None:
    """Every measure that a reader fills is in the registry, once."""
    measures = [measure.id for measure in core_measures()]
    assert len(set(measures)) == len(measures)
    filled = {name for reader in core_readers() for name in reader.measures}
    assert filled == set(measures)
    for reader in core_readers():
        assert load_code(reader.read)
        assert not reader.table or reader.table in SPECS
