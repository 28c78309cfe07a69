"""The real registers, read here in the plainest way, against what others found in them.

The expected numbers come from an independent reading that is handed down with the data (its
README, and the issue that asks for this room); single values can be looked up in the files.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
from pathlib import Path

import polars as pl
import pytest

from impactkit.lineage import Lineage, build_lineage
from impactkit.metrics import Panel
from impactkit.panel import balance_costs, build_panel, exposure, trace_rows, unaccounted_rows

DATA = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "england"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the Department's files are not beside this checkout"
)
RATIOS = ("RATPUPTEA", "Pupil:     Teacher Ratio")
MEMBERS = {"partnership_id": pl.String, "urn": pl.Int64, "joined": pl.Date}


def _read(path: Path) -> list[dict[str, str]]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig", errors="replace"))))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _ratios(paths: dict[int, Path]) -> pl.DataFrame:
    rows = []
    for year, path in paths.items():
        for row in _read(path):
            if row["URN"].strip().isdigit():  # the last rows of a file are national figures
                text = next(row[name] for name in RATIOS if name in row).strip()
                value = _number(text)
                status = "ok" if value is not None else {"DNS": "na"}.get(text, text.lower())
                rows.append((int(row["URN"]), year, value, status))
    return pl.DataFrame(rows, schema=["urn", "year", "value", "status"], orient="row")


def _links(path: Path) -> pl.DataFrame:
    rows = [(int(r["URN"]), int(r["LinkURN"]), r["LinkType"]) for r in _read(path)]
    return pl.DataFrame(rows, schema=["urn", "link_urn", "link_type"], orient="row")


def _groups(
    path: Path, kind: str, group: str = "Group UID", form: str = "%Y-%m-%d"
) -> pl.DataFrame:
    rows = [
        (r[group], int(r["URN"]), dt.datetime.strptime(r["Joined date"], form).date())
        for r in _read(path)
        if r["Group Type"] == kind
    ]
    return pl.DataFrame(rows, schema=MEMBERS, orient="row")


@pytest.fixture(scope="module")
def outcomes() -> pl.DataFrame:
    """Pupil to teacher ratio of both counties, 2011 to 2019."""
    folder = DATA / "dfe_performance_tables"
    return _ratios({year: folder / str(year) / "england_swf.csv" for year in range(2011, 2020)})


@pytest.fixture(scope="module")
def lineage(outcomes: pl.DataFrame) -> Lineage:
    """Both counties' links."""
    register = _links(DATA / "gias" / "2026-08-21" / "links_edubasealldata.csv")
    return build_lineage(register, outcomes["urn"])


@pytest.fixture(scope="module")
def federations() -> pl.DataFrame:
    """Federations open in August 2022, with the dates of joining."""
    return _groups(DATA / "gias" / "2022-08_group_links_NEU_resave.csv", "Federation")


@pytest.fixture(scope="module")
def trusts() -> pl.DataFrame:
    """Multi-academy trusts of March 2024; the date is that of the school's current trust."""
    path = DATA / "gias" / "2024-03-29" / "grouplinks_edubaseallacademiesandfree.csv"
    return _groups(path, "Multi-academy trust", group="Linked UID", form="%d-%m-%Y")


def _counts(panel: Panel, *names: str) -> list[int]:
    assert unaccounted_rows(panel) == 0
    return [panel.counts[name] for name in names]


def test_federations_in_two_counties(
    outcomes: pl.DataFrame, federations: pl.DataFrame, lineage: Lineage
) -> None:
    """1,016 URNs, 777 schools, 57 ever federated, 45 by 2019, 24 with two years on either side."""
    panel = build_panel(outcomes, federations, lineage, measure="ratio")
    assert _counts(
        panel,
        "urns",
        "schools",
        "ever_treated",
        "treated_in_window",
        "two_before_two_after",
        "never_treated",
    ) == [1016, 777, 57, 45, 24, 720]
    assert [panel.counts[n] for n in ("placeholder_dates", "one_school_groups")] == [0, 0]


def test_trusts_in_two_counties(
    outcomes: pl.DataFrame, trusts: pl.DataFrame, lineage: Lineage
) -> None:
    """343 schools ever in a trust, 166 with two years on either side, 434 never."""
    panel = build_panel(outcomes, trusts, lineage, measure="ratio", min_schools=1)
    assert _counts(panel, "ever_treated", "two_before_two_after", "never_treated") == [
        343,
        166,
        434,
    ]


def test_trusts_with_one_school_here_are_the_whole_difference(
    outcomes: pl.DataFrame, trusts: pl.DataFrame, lineage: Lineage
) -> None:
    """Groups of one are counted, so that those not treated by them explain 343 to the school."""
    panel = build_panel(outcomes, trusts, lineage, measure="ratio")
    treated, alone, never = _counts(
        panel, "ever_treated", "schools_in_one_school_groups", "never_treated"
    )
    assert alone > 0
    assert (treated + alone, never - alone) == (343, 434)


def test_a_merger_entered_as_succession_keeps_the_school_that_goes_on(
    outcomes: pl.DataFrame, federations: pl.DataFrame, lineage: Lineage
) -> None:
    """Weybourne Infant (125041) closed into William Cobbett (125077); in 2015 both reported.

    24.6 and 20.5 in england_swf.csv of 2015: the second is in the panel, the first is set aside.
    """
    rows = trace_rows(outcomes, federations, lineage, measure="ratio").filter(
        pl.col("urn").is_in([125041, 125077]), pl.col("year") == 2015
    )
    assert rows.sort("urn").select("urn", "school_key", "value", "reason").rows() == [
        (125041, "125041", 24.6, "doubled_school_year"),
        (125077, "125041", 20.5, None),
    ]


def test_the_year_of_primary_schools_only_is_seen(
    outcomes: pl.DataFrame, federations: pl.DataFrame, lineage: Lineage
) -> None:
    """The files of 2015 hold no secondary school: a warning, and the year that costs most."""
    panel = build_panel(outcomes, federations, lineage, measure="ratio")
    (thin,) = (warning for warning in panel.warnings if "fewer schools" in warning)
    assert thin.startswith("In 2014/15")
    names = [str(row[0]) for row in balance_costs(panel).rows]
    assert names[-1].startswith("complete, 2014/15 left out")


def test_links_of_all_england() -> None:
    """12,710 of 17,244 links are one to one; the one that its own successor denies is set aside.

    Rows of the register: 122057 has the successor 122060, and 122060 the successor 122057.
    """
    register = _links(DATA / "national" / "2026-08-21_links_edubasealldata.csv.gz")
    lineage = build_lineage(register)
    reasons = {e.reason: e.n_rows for e in lineage.exclusions}
    assert lineage.counts["chained_pairs"] == 12_710 - 1
    assert reasons["link_contradictory"] == 2
    assert lineage.counts["link_rows_chained"] + sum(n or 0 for n in reasons.values()) == len(
        register
    )
    assert lineage.links.filter(pl.col("old").is_in([122057, 122060])).is_empty()


def test_federations_of_all_england() -> None:
    """62 placeholder dates and 12 groups of one school, as the data's own notes say."""
    members = _groups(DATA / "national" / "2022-08_group_links.csv.gz", "Federation")
    lineage = build_lineage(_links(DATA / "national" / "2026-08-21_links_edubasealldata.csv.gz"))
    found = exposure(members, lineage)
    assert members.height == 1057
    assert members.filter(pl.col("joined") == dt.date(1900, 1, 1)).height == 62
    unknown = set(found.schools.filter(pl.col("standing") == "date_unknown")["school_key"])
    alone = set(found.one_school["school_key"])
    undated = lineage.apply(members.filter(pl.col("joined") == dt.date(1900, 1, 1)))
    assert set(undated["school_key"]) == unknown | (set(undated["school_key"]) & alone)
    assert found.one_school["partnership_id"].n_unique() == 12


def test_ratios_of_all_england_close_their_account() -> None:
    """Four years, 20,000 schools: every row with a URN is used or set aside for one reason."""
    outcomes = _ratios(
        {year: DATA / "national" / f"{year}_england_swf.csv.gz" for year in range(2016, 2020)}
    )
    members = _groups(DATA / "national" / "2022-08_group_links.csv.gz", "Federation")
    lineage = build_lineage(_links(DATA / "national" / "2026-08-21_links_edubasealldata.csv.gz"))
    panel = build_panel(outcomes, members, lineage, measure="ratio")
    assert unaccounted_rows(panel) == 0
    assert panel.counts["rows"] == outcomes.height
    kinds = ("ever_treated", "never_treated", "placeholder_dates", "beside_treated")
    assert sum(panel.counts[kind] for kind in kinds) == panel.counts["schools"]
