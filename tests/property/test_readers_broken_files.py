"""Broken files of every kind: no reader crashes, makes a number up, or loses a row in silence."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from impactkit.declarations import ReadResult, load_code
from impactkit.errors import DataError, Problem
from impactkit.readers import core_readers, recognise_file
from impactkit.tables import core_measures, core_tables, validate
from impactkit.tables.symbols import STATUS_OF

READERS = {reader.id: reader for reader in core_readers()}
SPECS = {spec.name: spec for spec in core_tables()}
QUICK = settings(deadline=None, max_examples=60)

WHOLE = {
    "dfe.ks2": (
        "RECTYPE,LEA,ESTAB,URN,TELIG,PTRWM_EXP,READ_AVERAGE\n"
        "1,936,2000,125001,30,61%,105\n1,936,2001,125002,20,55%,103\n"
        "1,936,2002,125003,4,SUPP,SUPP\n5,,,,644967,65%,104\n"
    ),
    "dfe.absence": (
        "LA,ESTAB,URN,PERCTOT,PPERSABS10\n815,2000,140018,6.1,16.4\n815,2001,141393,3.9,SUPP\n"
        "815,2002,141394,4.2,9.9\nNAT,PRI,,4.0,8.2\n"
    ),
    "gias.group_links": (
        "URN,Group UID,Group Name,Group Type,Joined date,LA (code)\n"
        "121293,17558,Synergy,Federation,19-07-2021,815\n"
        "121306,1896,Nawton,Federation,01-01-1900,815\n125001,2000,Ash,Trust,01-09-2010,936\n"
    ),
    "gias.links": (
        "URN,LinkURN,LinkType,LinkEstablishedDate\n121293,121472,Successor - merged,13-04-2026\n"
        "121294,144678,Successor,\n121295,144679,Predecessor,01-09-2011\n"
    ),
    "dfe.ees": (
        "time_period,time_identifier,geographic_level,school_urn,sex,sess_overall_percent\n"
        "202324,Academic year,School,125001,Total,4.1\n"
        "202324,Academic year,School,125002,Total,5.2\n"
        "202324,Academic year,National,,Total,5.5\n"
    ),
    "ofsted.inspections": (
        "URN,Inspection start date,Overall effectiveness\n125001,12/03/2019,2\n"
        "125002,13/03/2019,4\n125003,NULL,NULL\n"
    ),
    "dfe.mats": (
        "TIME_PERIOD,TRUST_NAME,TRUST_UID,READ_PROGSCORE_EM_ADJ_WGTAVG\n202223,Ash,2044,0.4\n"
        "202223,Beech,2045,SUPP\n202223,Elm,2046,-1.2\n"
    ),
    "dfe.school_information": (
        "URN,LA,LAESTAB,SCHNAME,SCHSTATUS,ISPRIMARY,ISSECONDARY,ISPOST16,AGELOW,AGEHIGH\n"
        "125001,936,9362000,Ash,Open,1,0,0,3,11\n125002,936,9364000,Beech,Closed,0,1,1,11,18\n"
        "125003,936,9364001,Elm,Open,1,1,1,4,18\n"
    ),
    "gias.establishments": (
        "URN,EstablishmentName,EstablishmentStatus (name),PhaseOfEducation (name),OpenDate\n"
        "125001,Ash,Open,Primary,01-09-1990\n125002,Beech,Closed,16 plus,\n"
        "125003,Elm,Open,Secondary,01-09-2011\n"
    ),
}
"""A file of each kind that is in order, three rows of schools or more."""


def read(reader: str, content: bytes, name: str = "2023/file.csv") -> ReadResult:
    """Read bytes from a folder that is named by a year."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        result: ReadResult = load_code(READERS[reader].read)(path, None)
        return result


def errors(result: ReadResult) -> list[Problem]:
    """Return the problems that stop a reading."""
    return [problem for problem in result.problems if problem.severity == "error"]


def accounted(result: ReadResult) -> set[int]:
    """Return the rows of the file that ended somewhere."""
    rows = set(result.frame["source_row"]) if result.frame.width else set()
    if result.national is not None:
        rows |= set(result.national["source_row"])
    if result.set_aside is not None:
        rows |= set(result.set_aside["row"].drop_nulls())
    return rows


def cells(frame: pl.DataFrame) -> set[tuple[Any, ...]]:
    """Return the figures, or the rows, of a frame without their place in the file."""
    kept = [name for name in frame.columns if name not in ("source_row", "source")]
    return {tuple(map(str, row)) for row in frame.select(sorted(kept)).rows()}


kinds = st.sampled_from(sorted(WHOLE))
noise = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.sampled_from(
        [
            b"\0",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b'"',
            b'""',
            b",",
            b"\t",
            b"\n",
            b"\r",
            b";;",
            b"\xe9",
        ]
    ),
)


@pytest.mark.parametrize("reader", sorted(WHOLE))
def test_the_whole_files_are_in_order(reader: str) -> None:
    """What the other tests break is whole: its reader takes it, and every row has its place."""
    content = WHOLE[reader].encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "2023_file.csv"
        path.write_bytes(content)
        assert recognise_file(path, READERS.values())[0][0].id == reader
    result = read(reader, content)
    assert errors(result) == []
    assert result.frame.height
    assert accounted(result) == set(range(2, content.count(b"\n") + 1))


@QUICK
@given(kinds, st.data())
def test_bytes_in_the_wrong_place_never_crash_a_reader(reader: str, data: st.DataObject) -> None:
    """Whatever is put in, cut out or written over, at any place: rows or problems, in words."""
    content = bytearray(WHOLE[reader].encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 12))
        content[at : at + length] = data.draw(noise)
    result = read(reader, bytes(content))
    spec = SPECS[result.table]
    checked = validate(result.frame, spec, register=False, measures=core_measures())
    for problem in (*result.problems, *checked.problems):
        assert problem.file == "file.csv" or problem in checked.problems
        assert problem.rule
        assert str(problem).endswith((".", "?", "!"))


@QUICK
@given(kinds, st.data())
def test_a_download_that_was_cut_gives_no_figure_that_is_not_in_the_whole(
    reader: str, data: st.DataObject
) -> None:
    """Cut at any byte, only the last record may be in doubt; the others are as they were."""
    content = WHOLE[reader].encode()
    cut = content[: data.draw(st.integers(content.index(b"\n") + 1, len(content) - 1))]
    result = read(reader, cut)
    if errors(result) or not result.frame.height:
        return
    whole = read(reader, content)
    last = 1 + cut.count(b"\n")
    sure = result.frame if cut.endswith(b"\n") else result.frame.filter(pl.col("source_row") < last)
    if sure.columns == whole.frame.columns:
        assert cells(sure) <= cells(whole.frame)


@QUICK
@given(kinds, st.randoms(use_true_random=False))
def test_the_order_of_columns_makes_no_difference(reader: str, random: Any) -> None:
    """Nothing is read by position."""
    rows = [line.split(",") for line in WHOLE[reader].splitlines()]
    order = list(range(len(rows[0])))
    random.shuffle(order)
    shuffled = "".join(",".join(row[i] for i in order) + "\n" for row in rows)
    first, second = read(reader, WHOLE[reader].encode()), read(reader, shuffled.encode())
    assert cells(first.frame) == cells(second.frame)
    assert {p.code for p in first.problems} == {p.code for p in second.problems}


NUMBER = re.compile(r"[+-]?£?(\d{1,3}(,\d{3})+|\d+|)(\.\d+)?([eE][+-]?\d{1,3})?\s?%?")


@QUICK
@given(
    st.sampled_from(["dfe.ks2", "dfe.absence"]),
    st.text(
        st.characters(codec="cp1252", exclude_categories=["Cc"], exclude_characters='",;|'),
        max_size=6,
    ),
)
def test_a_symbol_is_known_or_an_error_that_says_where_it_stands(reader: str, token: str) -> None:
    """Never a number out of nothing, never a blank out of something."""
    content = WHOLE[reader].replace("61%", token, 1).replace("6.1", token, 1)
    result = read(reader, content.encode())
    text = token.strip()
    known = {*STATUS_OF, "<", "!"} if reader == "dfe.ks2" else set(STATUS_OF)
    is_number = bool(NUMBER.fullmatch(text)) and any(c.isdigit() for c in text)
    if text.casefold() in known or is_number:
        assert [p for p in errors(result) if p.code == "symbol.unknown"] == []
        return
    (problem,) = errors(result)
    header = "PTRWM_EXP" if reader == "dfe.ks2" else "PERCTOT"
    assert (problem.code, problem.row, problem.column) == ("symbol.unknown", 2, header)
    assert problem.value == text
    assert problem.file == "file.csv"


@QUICK
@given(kinds, st.integers(1, 3), st.sampled_from(["total", "header", "blank"]))
def test_rows_that_do_not_belong_cost_nothing_but_themselves(
    reader: str, at: int, what: str
) -> None:
    """A total in the middle, the header again, an empty line: the rest is read as before."""
    lines = WHOLE[reader].splitlines()
    width = lines[0].count(",") + 1
    extra = {"total": ",".join(["Total"] + [""] * (width - 1)), "header": lines[0], "blank": ""}
    lines.insert(1 + at, extra[what])
    result = read(reader, ("\n".join(lines) + "\n").encode())
    whole = read(reader, WHOLE[reader].encode())
    checked, before = (
        validate(r.frame, SPECS[r.table], register=False).frame for r in (result, whole)
    )
    assert cells(checked) == cells(before)
    counted = accounted(result) | set(
        validate(result.frame, SPECS[result.table], register=False).rejected["row"]
    )
    if what != "blank":
        assert 2 + at in counted


@QUICK
@given(st.binary(max_size=400))
def test_anything_at_all_is_recognised_refused_or_unknown(content: bytes) -> None:
    """Random bytes are no reason for a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "anything.csv"
        path.write_bytes(content)
        try:
            found = recognise_file(path, READERS.values())
        except DataError as error:
            refused, found = error.problems, []
        else:
            refused = ()
    assert all(problem.file == "anything.csv" and problem.rule for problem in refused)
    assert all(0 < recognised.confidence <= 1 for _, recognised in found)
