"""Several extracts of the register of groups, put together by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from impactkit.lineage import combine_snapshots, snapshot_findings
from impactkit.panel.exposure import PLACEHOLDER_BEFORE
from impactkit.pipeline import default_registry, inspect_study, plan
from impactkit.study import Study

DAYS = {"a.csv": dt.date(2019, 3, 1), "b.csv": dt.date(2022, 8, 31), "c.csv": dt.date(2024, 3, 29)}
D2012, D2014, D2021, D2023 = (dt.date(year, 9, 1) for year in (2012, 2014, 2021, 2023))
UNKNOWN = dt.date(1900, 1, 1)
Row = tuple[str, str, dt.date | None, dt.date | None, str]


def _combined(*rows: Row, structure: str = "mat") -> list[tuple[object, ...]]:
    frame = pl.DataFrame(
        rows,
        schema={
            "school_key": pl.String,
            "partnership_id": pl.String,
            "joined": pl.Date,
            "left": pl.Date,
            "source": pl.String,
        },
        orient="row",
    ).with_columns(role=pl.lit("peer"), structure=pl.lit(structure))
    found = combine_snapshots(frame, DAYS, placeholder_before=PLACEHOLDER_BEFORE)
    return found.select("school_key", "partnership_id", "joined", "left").rows()


def test_the_earliest_date_of_a_school_in_a_group_counts() -> None:
    """A later extract gives another date for the same trust, and a third none at all."""
    assert _combined(
        ("s", "T", D2014, None, "a.csv"),
        ("s", "T", D2021, None, "b.csv"),
        ("s", "T", None, None, "c.csv"),
    ) == [("s", "T", D2014, None)]


@pytest.mark.parametrize("files", [("a.csv", "b.csv"), ("b.csv", "a.csv")])
def test_a_real_date_beats_a_placeholder(files: tuple[str, str]) -> None:
    """1900-01-01 is earlier than any date, and none."""
    first, second = files
    assert _combined(("s", "T", UNKNOWN, None, first), ("s", "T", D2014, None, second)) == [
        ("s", "T", D2014, None)
    ]
    assert _combined(("s", "T", UNKNOWN, None, first)) == [("s", "T", UNKNOWN, None)]


def test_who_moved_left_the_first_trust_when_it_joined_the_second() -> None:
    """Both memberships stay, so that the school is treated since it joined the first."""
    assert _combined(
        ("s", "T", D2012, None, "a.csv"),
        ("s", "T", D2012, None, "b.csv"),
        ("s", "U", D2023, None, "c.csv"),
    ) == [("s", "T", D2012, D2023), ("s", "U", D2023, None)]


def test_who_joined_a_larger_trust_left_its_own() -> None:
    """An academy is in one trust at a time, whether that has other academies or not."""
    frame = pl.DataFrame(
        {
            "school_key": ["s", "s"],
            "partnership_id": ["T", "U"],
            "role": "peer",
            "structure": ["sat", "mat"],
            "joined": [D2012, D2023],
            "left": pl.Series([None, None], dtype=pl.Date),
            "source": ["b.csv", "c.csv"],
        }
    )
    found = combine_snapshots(frame, DAYS, placeholder_before=PLACEHOLDER_BEFORE)
    assert found.select("partnership_id", "left").rows() == [("T", D2023), ("U", None)]


def test_who_left_and_came_back_was_away_between() -> None:
    """A history has two rows for that; what an extract of one day says of it adds nothing."""
    assert sorted(
        _combined(
            ("s", "T", D2012, None, "a.csv"),
            ("s", "T", D2021, None, "b.csv"),
            ("s", "T", D2012, D2014, "b.csv"),
            ("t", "T", D2014, None, "a.csv"),
        ),
        key=str,
    ) == [("s", "T", D2012, D2014), ("s", "T", D2021, None), ("t", "T", D2014, None)]


def test_two_groups_in_one_extract_are_two_memberships() -> None:
    """A school may be in several at once: nobody left anything."""
    assert _combined(("s", "T", D2012, None, "c.csv"), ("s", "U", D2023, None, "c.csv")) == [
        ("s", "T", D2012, None),
        ("s", "U", D2023, None),
    ]


def test_missing_from_a_later_extract_says_nothing() -> None:
    """The extract of academies has no federations: their schools have left nothing."""
    assert _combined(
        ("s", "F", D2012, None, "b.csv"), ("t", "G", D2014, None, "c.csv"), structure="federation"
    ) == [("s", "F", D2012, None), ("t", "G", D2014, None)]


def test_the_latest_extract_says_when_a_group_closed() -> None:
    """An end that an extract gives is kept."""
    assert _combined(("s", "T", D2012, None, "a.csv"), ("s", "T", D2012, D2021, "b.csv")) == [
        ("s", "T", D2012, D2021)
    ]


def test_rows_of_ones_own_register_are_left_alone() -> None:
    """Two rows for two spells are two spells, where the user says so."""
    own: list[Row] = [
        ("s", "P", D2012, D2014, "own.csv"),
        ("s", "P", D2021, None, "own.csv"),
    ]
    assert len(_combined(*own)) == 2


HEADER = "URN,Group UID,Group Name,Group Type,Joined date\n"


def _study(folder: Path, files: dict[str, str]) -> list[str]:
    for name, rows in files.items():
        (folder / name).write_text(HEADER + rows, encoding="utf-8")
    study = Study.parse(
        {
            "study": {"title": "T"},
            "tables": {"memberships": {"reader": "gias.group_links", "path": "*.csv"}},
            "design": {},
            "metrics": {},
        },
        folder=folder,
    )
    seen = inspect_study(plan(study, registry=default_registry(deny=["*"])))
    return [p.code for p in seen.problems if p.code.startswith("memberships.")]


def test_one_extract_with_trusts_warns_and_two_are_put_together(tmp_path: Path) -> None:
    """What one extract cannot know is said; federations have no such trouble."""
    trust = "100001,17,Hill Trust,Multi-academy trust,2023-09-01\n"
    federation = "100002,18,Dale Federation,Federation,2013-09-01\n"
    for name in ("one", "two", "federations"):
        (tmp_path / name).mkdir()
    assert _study(tmp_path / "federations", {"2024-03-29.csv": federation}) == []
    assert _study(tmp_path / "one", {"2024-03-29.csv": trust + federation}) == [
        "memberships.current_trust"
    ]
    earlier = trust.replace("2023-09-01", "2014-09-01")
    assert _study(tmp_path / "two", {"2022-08.csv": earlier, "2024-03-29.csv": trust}) == [
        "memberships.snapshots"
    ]


def test_a_history_of_trusts_needs_no_earlier_extracts(tmp_path: Path) -> None:
    """It knows the trusts that a school was in before: nothing is missing."""
    (tmp_path / "academiesmatmembership20260418.csv").write_text(
        "URN,Group UID,Group Name,Group Type,Date Joined Group,Date Left Group\n"
        "100001,17,Hill Trust,Single-academy trust,2012-09-01,2023-08-31\n"
        "100001,18,Dale Trust,Multi-academy trust,2023-09-01,\n",
        encoding="utf-8",
    )
    assert _study(tmp_path, {}) == []


def test_the_real_extracts_of_2022_and_2024_know_more_together() -> None:
    """Schools in trusts in both: none is later than either says, and some moved between."""
    data = Path(__file__).resolve().parents[4] / "shared" / "data" / "england" / "national"
    if not data.is_dir():
        pytest.skip("the real files are not at hand")
    from impactkit.readers import gias_groups
    from impactkit.readers.gias_groups import GroupOptions
    from impactkit.tables import core_tables, validate

    spec = next(spec for spec in core_tables() if spec.name == "memberships")
    trusts = GroupOptions(group_type=["Multi-academy trust", "Single-academy trust"])
    names = (
        "2022-08_group_links.csv.gz",
        "2024-03-29_grouplinks_edubaseallacademiesandfree.csv.gz",
    )
    parts = [
        validate(
            gias_groups.read(data / name, trusts, shown=name).frame, spec, file=name, register=False
        ).frame
        for name in names
    ]
    both = pl.concat(parts, how="diagonal_relaxed").with_columns(
        school_key=pl.col("urn").cast(pl.String)
    )
    days = dict(zip(names, (dt.date(2022, 8, 31), dt.date(2024, 3, 29)), strict=True))
    found = combine_snapshots(both, days, placeholder_before=PLACEHOLDER_BEFORE)
    key = ["school_key", "partnership_id", "role"]
    assert found.height == both.select(key).n_unique()
    least = both.group_by(key).agg(pl.col("joined").min())
    assert found.join(least, on=[*key, "joined"], how="anti", nulls_equal=True).is_empty()
    in_both = set(parts[0]["urn"]) & set(parts[1]["urn"])
    trust = [dict(part.select("urn", "partnership_id").iter_rows()) for part in parts]
    moved = {urn for urn in in_both if trust[0][urn] != trust[1][urn]}
    ended = set(found.filter(pl.col("left").is_not_null())["urn"])
    assert moved
    assert ended <= moved | set(both.filter(pl.col("left").is_not_null())["urn"])
    assert snapshot_findings(both, found, days)[0].code == "memberships.snapshots"


@pytest.mark.parametrize(
    ("name", "as_of", "announced"),
    [
        ("links_edubasealldata20260821.csv", None, True),
        ("links_edubasealldata20280821.csv", None, False),
        ("links_edubasealldata.csv", None, False),
        ("links_edubasealldata.csv", dt.date(2026, 8, 21), True),
        ("links_edubasealldata20260821.csv", dt.date(2028, 1, 1), False),
    ],
)
def test_the_day_of_the_register_is_in_its_name_or_in_the_study(
    tmp_path: Path, name: str, as_of: dt.date | None, announced: bool
) -> None:
    """A link of 2027 is announced, unless the register is later; the study has the last word."""
    header = "URN,LinkURN,LinkName,LinkType,LinkEstablishedDate\n"
    row = "100001,140001,Hill Academy,Successor,01-09-2027\n"
    (tmp_path / name).write_text(header + row, encoding="utf-8")
    design = {} if as_of is None else {"as_of": as_of}
    study = Study.parse(
        {
            "study": {"title": "T"},
            "tables": {"school_links": {"reader": "gias.links", "path": name}},
            "design": design,
            "metrics": {},
        },
        folder=tmp_path,
    )
    seen = inspect_study(plan(study, registry=default_registry(deny=["*"])))
    assert ("links.future" in {p.code for p in seen.problems}) is announced
