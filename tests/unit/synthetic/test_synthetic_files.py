"""The files of the county, read back with plain polars."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from impactkit.errors import UsageError
from impactkit.synthetic import County, county, files as files_module

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "england"
YEARS = range(2011, 2020)
SWF, ABS = "england_swf.csv", "england_abs.csv"


@pytest.fixture(scope="module")
def here() -> County:
    """Draw one county for the module."""
    return county(seed=6, n_schools=200, years=(2011, 2019), not_submitted=0.03, suppress_below=10)


@pytest.fixture(scope="module")
def folder(here, tmp_path_factory) -> Path:
    """Write the county once for the module."""
    target = tmp_path_factory.mktemp("county") / "official"
    here.write(target)
    return target


def text(path: Path) -> pl.DataFrame:
    """Read a CSV file as text, blanks as empty text."""
    return pl.read_csv(path, infer_schema=False).fill_null("")


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def published(here: County, measure: str, year: int) -> dict[str, float | None]:
    """Return the published values of one measure and year by URN."""
    rows = here.tables["outcomes"].filter((pl.col("measure") == measure) & (pl.col("year") == year))
    return dict(zip(rows["urn"].cast(pl.String), rows["value"], strict=True))


@pytest.mark.parametrize("registers", ["csv", "xlsx"])
def test_the_same_seed_gives_the_same_bytes(tmp_path, registers):
    """The same seed gives the same bytes."""
    for name in ("one", "two"):
        county(seed=1, n_schools=60).write(tmp_path / name, registers=registers)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert len(one) > 20
    assert one == two


def test_another_seed_gives_another_county(tmp_path):
    """Another seed gives another county."""
    for seed in (1, 2):
        county(seed=seed, n_schools=60).write(tmp_path / str(seed))
    one, two = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert one.keys() == two.keys()
    same = {name for name in one if one[name] == two[name]}
    # What the test of the county is does not depend on chance.
    assert same == {"measures.csv"}


@pytest.mark.parametrize("year", YEARS)
def test_workforce_files_hold_the_ratios_to_one_decimal(here, folder, year):
    """Workforce files hold the ratios to one decimal."""
    frame = text(folder / "dfe_performance_tables" / str(year) / SWF)
    ratio = next(
        name for name in frame.columns if name in ("RATPUPTEA", "Pupil:     Teacher Ratio")
    )
    la = frame.columns[0]
    schools = frame.filter(pl.col(la) != "NAT")
    expected = published(here, "pupil_teacher_ratio", year)
    if year == 2015:
        secondary = here.tables["outcomes"].filter(pl.col("phase") == "Secondary")["urn"]
        expected = {urn: v for urn, v in expected.items() if int(urn) not in set(secondary)}
    assert schools["URN"].is_unique().all()
    assert set(schools["URN"]) == set(expected)
    missing = {2014: "DNS", 2015: "DNS", 2016: "DNS"}.get(year, "NA")
    for urn, shown in schools.select("URN", ratio).iter_rows():
        if expected[urn] is None:
            assert shown == missing
        else:
            assert abs(float(shown) - expected[urn]) <= 0.05 + 1e-9
            assert len(shown.partition(".")[2]) == 1


@pytest.mark.parametrize("year", [2011, 2012, 2013, 2014, 2017, 2018, 2019])
def test_absence_files_hold_absence_to_one_decimal(here, folder, year):
    """Absence files hold absence to one decimal."""
    frame = text(folder / "dfe_performance_tables" / str(year) / ABS)
    schools = frame.filter(pl.col("LA") != "NAT")
    expected = published(here, "overall_absence", year)
    assert set(schools["URN"]) == set(expected)
    for urn, shown in schools.select("URN", "PERCTOT").iter_rows():
        value = expected[urn]
        assert shown == "" if value is None else abs(float(shown) - value) <= 0.05 + 1e-9
    persistent = next(name for name in frame.columns if name.startswith("PPERSABS"))
    assert "SUPP" in set(schools[persistent])


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("name", [SWF, ABS])
def test_the_form_is_that_of_the_real_file(folder, year, name):
    """Header, byte order mark, line ends and the national rows, against the Department's own."""
    real = SHARED / "dfe_performance_tables" / str(year) / name
    ours = folder / "dfe_performance_tables" / str(year) / name
    if not SHARED.exists():
        pytest.skip("the real files are not beside this checkout")
    if not real.exists():
        assert not ours.exists()
        return
    mine, theirs = ours.read_bytes(), real.read_bytes()
    assert mine.splitlines()[0] == theirs.splitlines()[0]
    assert (b"\r\n" in mine) == (b"\r\n" in theirs)

    def national(data: bytes) -> set[tuple[bytes, ...]]:
        lines = [line.split(b",") for line in data.splitlines() if line.startswith(b"NAT")]
        return {tuple(fields[:3]) if name == ABS else tuple(fields[:2]) for fields in lines}

    assert national(mine) <= national(theirs)
    assert national(mine)


def test_link_files_have_the_real_form(folder):
    """Link files have the real form."""
    if not SHARED.exists():
        pytest.skip("the real files are not beside this checkout")
    for ours, theirs in (
        ("gias/2019-09_group_links.csv", "gias/2022-08_group_links_NEU_resave.csv"),
        (
            "gias/2019-09-30/links_edubasealldata.csv",
            "gias/2026-08-21/links_edubasealldata.csv",
        ),
    ):
        mine = (folder / ours).read_bytes().splitlines()
        real = (SHARED / theirs).read_bytes().splitlines()
        assert mine[0] == real[0]
        assert mine[1].count(b'"') == real[1].count(b'"')


def test_figures_have_pounds_and_thousands_as_the_real_ones_do(folder):
    """Figures have pounds and thousands as the real ones do."""
    late = text(folder / "dfe_performance_tables/2018" / SWF)
    assert (
        late.filter(pl.col(late.columns[0]) != "NAT")[late.columns[-1]]
        .str.contains(r"^(£\d{2},\d{3}|SUPP|NA)$")
        .all()
    )
    early = text(folder / "dfe_performance_tables/2014" / SWF)
    assert early.filter(pl.col("LA") != "NAT")["SALARY"].str.contains(r"^(\d{5}|SUPP|DNS)$").all()


def test_links_round_trip(here, folder):
    """Links round trip."""
    links = pl.read_csv(folder / "gias/2019-09-30/links_edubasealldata.csv")
    table = here.tables["school_links"]
    assert links["URN"].to_list() == table["urn"].to_list()
    assert links["LinkURN"].to_list() == table["link_urn"].to_list()
    assert links["LinkType"].to_list() == table["link_type"].to_list()
    dates = links["LinkEstablishedDate"].str.to_date("%d-%m-%Y")
    assert dates.to_list() == table["link_date"].to_list()


def test_group_links_are_the_federations_with_their_traps(here, folder):
    """Group links are the federations with their traps."""
    rows = text(folder / "gias/2019-09_group_links.csv")
    members = here.tables["memberships"].filter(pl.col("role") != "supporter")
    sizes = rows.group_by("Group UID").len()
    alone = rows.join(sizes.filter(pl.col("len") == 1), on="Group UID")
    assert alone.height == 2
    assert rows.height == members.height + 2
    now = here.tables["schools"].select(pl.col("urn").cast(pl.String).alias("URN"), "school_key")
    both = rows.join(now, on="URN").join(members, on="school_key")
    assert both.height == members.height
    lost = both.filter(pl.col("Joined date") == "1900-01-01")
    assert lost.height == round(0.06 * members.height) > 0
    kept = both.filter(pl.col("Joined date") != "1900-01-01")
    assert (kept["Joined date"].str.to_date() == kept["joined"]).all()


def test_the_authoritys_own_results_have_symbols_for_missing_values(here, folder):
    """The authority's own results have symbols for missing values."""
    rows = text(folder / "outcomes.csv")
    table = here.tables["outcomes"].filter(pl.col("measure") == "attainment")
    assert rows.height == table.height
    for shown, value, status in zip(rows["value"], table["value"], table["status"], strict=True):
        if status == "ok":
            assert abs(float(shown) - value) <= 0.05 + 1e-9
        else:
            assert shown == {"supp": "SUPP", "ne": "NE", "x": "DNS"}[status]
    assert {"SUPP", "DNS"} <= set(rows["value"])


def test_plain_files_hold_every_table_unrounded(here, tmp_path):
    """Plain files hold every table unrounded."""
    here.write(tmp_path / "plain", formats="plain")
    assert not (tmp_path / "plain" / "gias").exists()
    for name, table in here.tables.items():
        frame = pl.read_csv(tmp_path / "plain" / f"{name}.csv", try_parse_dates=True)
        assert frame.columns == table.columns
        assert frame.height == table.height
    frame = pl.read_csv(tmp_path / "plain" / "outcomes.csv")
    assert frame["value"].to_list() == here.tables["outcomes"]["value"].to_list()
    boards = pl.read_csv(tmp_path / "plain" / "governor_activity.csv")["boards"].str.split("; ")
    assert boards.to_list() == here.tables["governor_activity"]["boards"].to_list()


def test_registers_can_be_workbooks(here, tmp_path):
    """Registers can be workbooks."""
    paths = here.write(tmp_path / "books", registers="xlsx")
    assert {path.suffix for path in paths} == {".csv", ".txt", ".xlsx"}
    frame = pl.read_excel(tmp_path / "books" / "memberships.xlsx")
    table = here.tables["memberships"]
    for column in ("partnership_id", "urn", "role", "joined", "left"):
        assert frame[column].to_list() == table[column].to_list(), column


def test_every_file_written_is_returned(folder, here, tmp_path):
    """Every file written is retURNed."""
    paths = here.write(tmp_path / "out")
    assert sorted(str(path.relative_to(tmp_path / "out")) for path in paths) == sorted(
        contents(tmp_path / "out")
    )
    assert contents(folder) == contents(tmp_path / "out")


def test_the_readme_says_it_is_fiction_and_what_was_not_written(tmp_path):
    """The README says it is fiction and what was not written."""
    county(n_schools=60, years=(2014, 2021)).write(tmp_path / "out")
    readme = (tmp_path / "out" / "README.txt").read_text()
    assert "invented" in readme
    assert "england_swf.csv: 2020, 2021" in readme
    assert "england_abs.csv: 2015, 2016, 2020, 2021" in readme
    assert not (tmp_path / "out/dfe_performance_tables/2020").exists()


def test_an_occupied_folder_is_left_alone(here, tmp_path):
    """An occupied folder is left alone."""
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="Name a new folder"):
        here.write(tmp_path)
    assert contents(tmp_path) == {"mine.txt": b"keep"}


def test_unknown_formats_are_refused_all_at_once(here, tmp_path):
    """Unknown formats are refused all at once."""
    with pytest.raises(UsageError) as caught:
        here.write(tmp_path / "out", formats="parquet", registers="ods")
    assert [problem.column for problem in caught.value.problems] == ["formats", "registers"]
    assert not (tmp_path / "out").exists()


def test_a_failure_leaves_nothing_half_made(here, tmp_path, monkeypatch):
    """A failure leaves nothing half made."""
    written = []

    def full_disk(self: Path, data: bytes) -> int:
        if written:
            raise OSError("no space left on device")
        written.append(self)
        return len(data)

    monkeypatch.setattr(files_module.Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="no space"):
        here.write(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_national_rows_are_means_of_the_schools_shown(here, folder):
    """National rows are means of the schools shown."""
    frame = text(folder / "dfe_performance_tables/2019" / SWF)
    shown = frame.filter((pl.col("LA Number") != "NAT") & (pl.col("School Phase") == "Primary"))
    mean = shown["Pupil:     Teacher Ratio"].cast(pl.Float64, strict=False).mean()
    total = frame.filter(pl.col("Establishment Number") == "PRI")["Pupil:     Teacher Ratio"].item()
    assert abs(float(total) - mean) < 0.11


def test_every_school_in_every_file_is_of_the_invented_range(folder):
    """Every school in every file is of the invented range."""
    paths = sorted((folder / "dfe_performance_tables").rglob("*.csv"))
    assert len(paths) == 16
    for path in paths:
        assert text(path)["URN"].cast(pl.Int64, strict=False).drop_nulls().min() > 900_000
