"""The Department's own files, as published, where a checkout of the sample data is at hand."""

from __future__ import annotations

import csv
import functools
import gzip
import io
from pathlib import Path

import polars as pl
import pytest

from impactkit.declarations import load_code
from impactkit.readers import core_readers, recognise_file
from impactkit.readers.gias_groups import GroupOptions
from impactkit.tables import core_tables, validate

DATA = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "england"
READERS = {reader.id: reader for reader in core_readers()}
SPECS = {spec.name: spec for spec in core_tables()}
FILES = [
    *(("dfe.workforce", f"dfe_performance_tables/{y}/england_swf.csv") for y in range(2011, 2020)),
    *(
        ("dfe.absence", f"dfe_performance_tables/{y}/england_abs.csv")
        for y in (2011, 2012, 2013, 2014, 2017, 2018, 2019)
    ),
    *(("dfe.workforce", f"national/{y}_england_swf.csv.gz") for y in range(2016, 2020)),
    *(("dfe.absence", f"national/{y}_england_abs.csv.gz") for y in range(2017, 2020)),
    ("gias.group_links", "gias/2022-08_group_links_NEU_resave.csv"),
    ("gias.group_links", "gias/2024-03-29/grouplinks_edubaseallacademiesandfree.csv"),
    ("gias.group_links", "national/2022-08_group_links.csv.gz"),
    ("gias.group_links", "national/2024-03-29_grouplinks_edubaseallacademiesandfree.csv.gz"),
    ("gias.links", "gias/2026-08-21/links_edubasealldata.csv"),
    ("gias.links", "national/2026-08-21_links_edubasealldata.csv.gz"),
]

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the sample of real files is not here")


@functools.cache
def independently(path: Path) -> list[dict[str, str]]:
    """Return the records of a file by Python's own csv reader, under trimmed headers."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    return [dict(zip(header, row, strict=False)) for row in rows]


@pytest.mark.parametrize(("reader", "name"), FILES, ids=[name for _, name in FILES])
def test_every_file_is_recognised_and_read_without_an_unexplained_problem(
    reader: str, name: str
) -> None:
    """Each record is a school's, an aggregate, or set aside for a stated reason."""
    path = DATA / name
    (best, recognised), *_ = recognise_file(path, READERS.values())
    assert best.id == reader
    result = load_code(best.read)(path, None, shown=name)
    spec = SPECS[result.table]
    checked = validate(result.frame, spec, file=name, register=False)
    told = {p.code for p in (*result.problems, *checked.problems)}
    assert told <= {"header.extra"}
    assert checked.rejected.height == 0
    records = independently(path)
    assert result.n_rows == len(records)
    assert recognised.year == result.year
    in_frame = checked.frame["source_row"].n_unique()
    apart = 0 if result.national is None else result.national["source_row"].n_unique()
    aside = 0 if result.set_aside is None else result.set_aside.height
    assert in_frame + apart + aside == len(records)
    if apart:
        schools = {int(r["URN"]) for r in records if r["URN"].strip().isdigit()}
        assert set(checked.frame["urn"]) == schools


@pytest.mark.parametrize("name", [name for reader, name in FILES if reader == "dfe.workforce"])
def test_ratios_are_those_of_the_file_cell_by_cell(name: str) -> None:
    """Values that read as numbers have the file's number; all others have a status and none."""
    result = load_code(READERS["dfe.workforce"].read)(DATA / name, None)
    ratio = result.frame.filter(pl.col("measure") == "pupil_teacher_ratio")
    mine = {urn: (value, status) for urn, value, status in ratio["urn", "value", "status"].rows()}
    (column,) = [
        header
        for header in independently(DATA / name)[0]
        if header == "RATPUPTEA" or header.startswith("Pupil:")
    ]
    statuses = {"SUPP": "supp", "NA": "na", "DNS": "x"}
    schools = [r for r in independently(DATA / name) if r["URN"].strip().isdigit()]
    assert len(mine) == len(schools)
    for record in schools:
        text = record[column]
        expected = (None, statuses[text]) if text in statuses else (float(text), "ok")
        assert mine[record["URN"]] == expected


@pytest.mark.parametrize(
    ("reader", "name", "measure", "expected"),
    [
        (
            "dfe.workforce",
            "national/2018_england_swf.csv.gz",
            "pupil_teacher_ratio",
            {"Primary": 20.9, "Secondary": 16.0},
        ),
        (
            "dfe.absence",
            "national/2019_england_abs.csv.gz",
            "overall_absence",
            {"Primary": 4.0, "Secondary": 5.5, "Special": 10.1},
        ),
    ],
)
def test_national_figures_are_the_published_ones(
    reader: str, name: str, measure: str, expected: dict[str, float]
) -> None:
    """Pupil to teacher ratio 2018 and absence 2019, as in the notes beside the data."""
    result = load_code(READERS[reader].read)(DATA / name, None)
    rows = result.national.filter(pl.col("measure") == measure)
    assert dict(rows.select("phase", "value").rows()) == expected


def test_the_two_counties_have_1016_urns_with_a_ratio() -> None:
    """An independent reading of 2011 to 2019 found as many."""
    urns: set[str] = set()
    for year in range(2011, 2020):
        path = DATA / f"dfe_performance_tables/{year}/england_swf.csv"
        frame = load_code(READERS["dfe.workforce"].read)(path, None).frame
        ok = frame.filter(pl.col("status") == "ok", pl.col("measure") == "pupil_teacher_ratio")
        urns |= set(ok["urn"])
    assert len(urns) == 1016


def test_federations_nationally_have_62_placeholder_dates_of_1057() -> None:
    """1900-01-01 is kept as it is; the panel decides what it means."""
    path = DATA / "national/2022-08_group_links.csv.gz"
    result = load_code(READERS["gias.group_links"].read)(
        path, GroupOptions(group_type="Federation")
    )
    frame = validate(result.frame, SPECS["memberships"], register=False).frame
    assert frame.height == 1057
    assert frame.filter(pl.col("joined") == pl.date(1900, 1, 1)).height == 62
