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
from impactkit.readers.performance import TableOptions
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
    *(
        ("dfe.census", f"dfe_performance_tables/{y}/england_census.csv")
        for y in (2011, 2013, 2015, 2017, 2019)
    ),
    *(("dfe.ks2", f"ks2_original_by_la/{y - 1}-{y}_936_ks2final.csv") for y in (2017, 2018, 2019)),
    *(
        ("dfe.ks4", f"dfe_performance_tables/{y}/england_ks4provisional.csv")
        for y in (2017, 2018, 2019)
    ),
    *(
        ("dfe.ks4_destinations", f"dfe_performance_tables/{y}/england_ks4-pupdest.csv")
        for y in (2017, 2018, 2019, 2021)
    ),
    *(
        ("dfe.finance_per_pupil", f"dfe_performance_tables/{y}/815_{y}_cfr.csv")
        for y in (2017, 2018, 2019)
    ),
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
    assert told <= {"header.extra", "row.short"}
    assert checked.rejected.height == 0
    records = independently(path)
    assert result.n_rows == len(records)
    assert recognised.year == result.year
    in_frame = checked.frame["source_row"].n_unique()
    apart = 0 if result.national is None else result.national["source_row"].n_unique()
    aside = 0 if result.set_aside is None else result.set_aside.height
    assert in_frame + apart + aside == len(records)
    if apart:
        schools = {int(r["URN"]) for r in records if r.get("URN", "").strip().isdigit()}
        assert set(checked.frame["urn"]) == schools


STATUSES = {"SUPP": "supp", "SP": "supp", "NE": "ne", "NA": "na", "NEW": "na", "NP": "x", "": "x"}
"""Symbols of results, destinations, census and finance, and the statuses that they stand for."""


@pytest.mark.parametrize(
    ("reader", "pattern", "columns"),
    [
        (
            "dfe.ks2",
            "ks2_original_by_la/*.csv",
            {"ks2_rwm_expected": "PTRWM_EXP", "ks2_reading_scaled": "READ_AVERAGE"},
        ),
        ("dfe.ks2", "ks2_original_by_la/*.csv", {"ks2_maths_progress": "MATPROG"}),
        (
            "dfe.ks4",
            "dfe_performance_tables/*/england_ks4provisional.csv",
            {"ks4_attainment8": "ATT8SCR", "ks4_progress8": "P8MEA", "ks4_basics_95": None},
        ),
        (
            "dfe.ks4_destinations",
            "dfe_performance_tables/*/england_ks4-pupdest.csv",
            {"ks4_to_sustained": "OVERALL_DESTPER", "ks4_to_apprenticeship": "APPRENPER"},
        ),
        (
            "dfe.finance_per_pupil",
            "dfe_performance_tables/*/815_*_cfr.csv",
            {"finance_income_per_pupil": "TOTALINCOME"},
        ),
    ],
)
def test_figures_are_those_of_the_files_cell_by_cell(
    reader: str, pattern: str, columns: dict[str, str | None]
) -> None:
    """Every school's cell, read by Python's csv alone, is the figure or the reason for none."""
    files = sorted(DATA.glob(pattern))
    assert len(files) > 2
    for path in files:
        frame = load_code(READERS[reader].read)(path, None).frame
        schools = [r for r in independently(path) if r.get("URN", "").strip().isdigit()]
        for measure, header in columns.items():
            rows = frame.filter(pl.col("measure") == measure)
            mine = {urn: tuple(rest) for urn, *rest in rows["urn", "value", "status"].rows()}
            assert set(mine) == {r["URN"].strip() for r in schools}
            for record in schools:
                text = record.get(header or "PTL2BASICS_95", "").strip()
                digits = text.replace(",", "").rstrip("%")
                figure = digits.lstrip("-").replace(".", "", 1).isdigit()
                expected = (float(digits), "ok") if figure else (None, STATUSES[text])
                assert mine[record["URN"].strip()] == expected, (path.name, record["URN"])


@pytest.mark.parametrize(
    ("year", "rwm", "cohort"), [(2017, 61, 599728), (2018, 64, 619703), (2019, 65, 644967)]
)
def test_reading_writing_and_maths_in_england_is_the_published_figure(
    year: int, rwm: float, cohort: int
) -> None:
    """61, 64 and 65 per cent, for all schools and for state-funded ones."""
    path = DATA / f"ks2_original_by_la/{year - 1}-{year}_936_ks2final.csv"
    result = load_code(READERS["dfe.ks2"].read)(path, None)
    assert result.national is not None
    england = result.national.filter(
        pl.col("level") == "national", pl.col("measure") == "ks2_rwm_expected"
    )
    assert set(england.select("phase", "value").rows()) == {("All", rwm), ("State-funded", rwm)}
    state = [r for r in independently(path) if r["RECTYPE"] == "5"]
    assert [int(r["TELIG"]) for r in state] == [cohort]


def test_cohorts_are_the_pupils_who_were_eligible() -> None:
    """The number of pupils goes with every figure; a subgroup has its own."""
    path = DATA / "ks2_original_by_la/2018-2019_936_ks2final.csv"
    options = TableOptions(measures="ks2_rwm_expected", subgroups=["all", "girls", "fsm6"])
    frame = load_code(READERS["dfe.ks2"].read)(path, options).frame
    columns = {
        "all": ("TELIG", "PTRWM_EXP"),
        "girls": ("GELIG", "PTRWM_EXP_G"),
        "fsm6": ("TFSM6CLA1A", "PTRWM_EXP_FSM6CLA1A"),
    }
    assert set(frame["subgroup"]) == set(columns)
    records = {r["URN"].strip(): r for r in independently(path)}
    for urn, subgroup, value, people in frame["urn", "subgroup", "value", "denominator"].rows():
        cohort, percent = (records[urn].get(name, "").strip() for name in columns[subgroup])
        assert people == (int(cohort) if cohort.isdigit() else None)
        assert value == (float(percent[:-1]) if percent.endswith("%") else None)


def test_destinations_are_of_those_who_left_two_years_before() -> None:
    """As many pupils in England as had results in that year, within a percentage point."""
    tested = 0
    for year in (2019, 2021):
        after = DATA / f"dfe_performance_tables/{year}/england_ks4-pupdest.csv"
        result = load_code(READERS["dfe.ks4_destinations"].read)(after, None)
        assert result.year == year - 2
        results = DATA / f"dfe_performance_tables/{year - 2}/england_ks4provisional.csv"
        (leavers,) = [r["COHORT"] for r in independently(after) if r["RECTYPE"] == "NAT"]
        (pupils,) = [r["TPUP"] for r in independently(results) if r["RECTYPE"] == "7"]
        assert abs(int(leavers) / int(pupils) - 1) < 0.01
        tested += 1
    assert tested == 2


def test_all_national_files_are_read_in_three_seconds_of_processor_time() -> None:
    """Ten files, a quarter of a million rows."""
    import time

    names = [(reader, name) for reader, name in FILES if name.startswith("national/")]
    load_code(READERS["dfe.workforce"].read)(DATA / names[0][1], None)  # imports, once
    start = time.process_time()
    for reader, name in names:
        load_code(READERS[reader].read)(DATA / name, None)
    assert len(names) == 10
    assert time.process_time() - start < 3


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
