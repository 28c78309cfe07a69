"""Schools that merged, split or were amalgamated, worked by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from impactkit import Study, default_registry, evaluate
from impactkit.errors import InputError
from impactkit.lineage import (
    Lineage,
    Reorganised,
    build_lineage,
    combined,
    disagreements,
    reorganised,
    without,
)

INFANT, JUNIOR, PRIMARY, OTHER = 100001, 100002, 140003, 100009
YEARS = (2011, 2016)
SCHEMA = {"urn": pl.Int64, "year": pl.Int64, "value": pl.Float64}


def _outcomes(rows: dict[int, dict[int, float | None]], measure: str = "ratio") -> pl.DataFrame:
    flat = [(urn, year, value) for urn, of in rows.items() for year, value in of.items()]
    return pl.DataFrame(flat, schema=SCHEMA, orient="row").with_columns(
        measure=pl.lit(measure),
        subgroup=pl.lit("all"),
        status=pl.when(pl.col("value").is_null()).then(pl.lit("supp")).otherwise(pl.lit("ok")),
    )


def _merged(date: dt.date | None = dt.date(2013, 9, 1), kind: str = "Successor") -> pl.DataFrame:
    return pl.DataFrame(
        {"urn": [INFANT, JUNIOR], "link_urn": [PRIMARY, PRIMARY], "link_type": [kind] * 2}
    ).with_columns(link_date=pl.lit(date, pl.Date))


ROWS: dict[int, dict[int, float | None]] = {
    INFANT: {2012: 20.0, 2013: 22.0},
    JUNIOR: {2012: 26.0, 2013: None},
    PRIMARY: {2014: 25.0, 2015: 24.0},
    OTHER: {2012: 18.0, 2015: 18.0},
}


def _found(
    links: pl.DataFrame,
    outcomes: pl.DataFrame,
    schools: pl.DataFrame | None = None,
    **options: Any,
) -> tuple[Lineage, pl.DataFrame, Reorganised]:
    lineage = build_lineage(links, outcomes["urn"])
    rows = lineage.apply(outcomes)
    about = None if schools is None else lineage.apply(schools)
    return lineage, rows, reorganised(lineage, rows, about, years=YEARS, **options)


def test_predecessors_and_successor_are_one_unit_with_weights_that_sum_to_one() -> None:
    """Infant and junior school into a primary: three schools, each a third without a register."""
    _, _, found = _found(_merged(), _outcomes(ROWS))
    assert found.parts["unit"].unique().to_list() == [str(INFANT)]
    assert found.parts["weight"].sum() == pytest.approx(1)
    assert found.parts["basis"].to_list() == ["equal"] * 3


@pytest.mark.parametrize(
    ("pupils", "capacity", "basis", "infant"),
    [
        ([100, 300, 400], [1, 1, 1], "pupils", 1 / 8),
        ([None, 300, 400], [120, 240, 360], "capacity", 1 / 6),
        ([None, 300, 400], [None, 240, 360], "equal", 1 / 3),
    ],
)
def test_weights_are_pupils_or_else_places_or_else_equal(
    pupils: list[int | None], capacity: list[int | None], basis: str, infant: float
) -> None:
    """A size counts only when every part has one; the table says which was used."""
    schools = pl.DataFrame(
        {"urn": [INFANT, JUNIOR, PRIMARY], "pupils": pupils, "capacity": capacity}
    )
    _, _, found = _found(_merged(), _outcomes(ROWS), schools)
    assert set(found.parts["basis"]) == {basis}
    weights = dict(found.parts.select("school_key", "weight").iter_rows())
    assert weights[str(INFANT)] == pytest.approx(infant)


def test_combined_is_the_weighted_mean_of_the_parts_of_each_year() -> None:
    """2012: (1 x 20 + 3 x 26) / 4; 2013 lacks the junior school; from 2014 it is the primary."""
    schools = pl.DataFrame({"urn": [INFANT, JUNIOR, PRIMARY], "pupils": [100, 300, 400]})
    _, rows, found = _found(_merged(), _outcomes(ROWS), schools)
    together, (counted,) = combined(rows, found, {"ratio": "ratio"})
    unit = together.filter(pl.col("school_key") == str(INFANT)).sort("year")
    assert unit.select("year", "value", "status", "urn").rows() == [
        (2012, 24.5, "ok", None),
        (2013, None, "supp", None),
        (2014, 25.0, "ok", None),
        (2015, 24.0, "ok", None),
    ]
    assert (counted.n_schools, counted.n_rows) == (3, 2)
    assert rows.height - together.height == counted.n_rows
    assert together.filter(pl.col("urn") == OTHER).height == 2


def test_counts_are_added_up_but_not_where_old_and_new_overlap() -> None:
    """Teachers of 2012 are those of both schools; in a year of handing over nobody knows."""
    values: dict[int, dict[int, float | None]] = {
        INFANT: {2012: 5.0, 2013: 5.0},
        JUNIOR: {2012: 7.0, 2013: 7.0},
        PRIMARY: {2013: 12.0, 2014: 11.0},
    }
    _, rows, found = _found(_merged(), _outcomes(values, "teachers"))
    together, _ = combined(rows, found, {"teachers": "count"})
    assert together.sort("year").select("year", "value", "status").rows() == [
        (2012, 12.0, "ok"),
        (2013, None, "x"),
        (2014, 11.0, "ok"),
    ]


def test_pounds_are_not_combined() -> None:
    """Whether they add up depends on what they are of, so there is no value."""
    _, rows, found = _found(_merged(), _outcomes(ROWS))
    together, _ = combined(rows, found, {"ratio": "gbp"})
    unit = together.filter(pl.col("school_key") == str(INFANT))
    assert unit["value"].null_count() == unit.height


def test_excluded_schools_leave_the_outcomes_and_are_counted() -> None:
    """All three go, with six rows; the school beside them stays."""
    _, rows, found = _found(_merged(), _outcomes(ROWS))
    left, (counted,) = without(rows, found)
    assert (counted.reason, counted.n_schools, counted.n_rows) == ("reorganised", 3, 6)
    assert left["urn"].unique().to_list() == [OTHER]


@pytest.mark.parametrize(
    ("date", "n"),
    [
        (dt.date(2010, 8, 31), 0),
        (dt.date(2010, 9, 1), 3),
        (dt.date(2016, 8, 31), 3),
        (dt.date(2016, 9, 1), 0),
        (None, 3),
    ],
)
def test_only_links_within_the_years_count(date: dt.date | None, n: int) -> None:
    """A merger before or after the study changed nothing in it; one without a date may have."""
    _, _, found = _found(_merged(date), _outcomes(ROWS))
    assert found.parts.height == n


def test_an_undated_link_of_schools_that_both_went_on_changed_nothing() -> None:
    """Both report in the first and in the last year: nothing can have happened between."""
    values: dict[int, dict[int, float | None]] = {
        urn: dict.fromkeys(range(2011, 2017), 1.0) for urn in (INFANT, JUNIOR)
    }
    links = pl.DataFrame({"urn": [INFANT], "link_urn": [JUNIOR], "link_type": ["Expansion"]})
    assert _found(links, _outcomes(values))[2].parts.is_empty()


def test_an_announced_merger_has_not_happened() -> None:
    """Links dated after the day of the register are announcements."""
    found = _found(_merged(), _outcomes(ROWS), as_of=dt.date(2013, 3, 1))[2]
    assert found.parts.is_empty()


def test_a_tie_moves_no_pupils() -> None:
    """A shared sixth form makes nobody one school."""
    assert _found(_merged(kind="Sixth Form Centre Link"), _outcomes(ROWS))[2].parts.is_empty()


@pytest.mark.parametrize(
    ("mergers", "schools", "reason"),
    [("apart", 4, None), ("exclude", 1, "reorganised"), ("combine", 2, "combined")],
)
def test_a_study_chooses(mergers: str, schools: int, reason: str | None) -> None:
    """The key `mergers` reaches the panel, and what it did is counted in the evaluation."""
    study = Study.parse(
        {
            "study": {"title": "T"},
            "design": {"outcome": "overall_absence", "mergers": mergers, "randomisation": 0},
            "metrics": {},
        }
    )
    tables = {
        "outcomes": _outcomes(ROWS, "overall_absence"),
        "memberships": pl.DataFrame(
            {
                "urn": [INFANT, OTHER],
                "partnership_id": ["P", "P"],
                "role": ["peer", "peer"],
                "joined": [dt.date(2013, 9, 1)] * 2,
            }
        ),
        "school_links": _merged(),
    }
    found = evaluate(study, tables=tables, registry=default_registry())
    assert found.exclusions["schools"]["overall_absence"] == schools
    reasons = {e.reason for e in found.excluded if e.stage == "lineage"}
    assert reasons == {"link_not_one_to_one", *([reason] if reason else [])}


def test_one_number_under_two_keys_is_caught() -> None:
    """A key of one's own in one table and none in the other would part a school from its data."""
    outcomes = _outcomes({OTHER: {2012: 1.0}})
    memberships = pl.DataFrame(
        {"urn": [OTHER], "school_key": ["ours"], "partnership_id": ["P"], "role": ["peer"]}
    )
    study = Study.parse({"study": {"title": "T"}, "design": {"outcome": "ratio"}, "metrics": {}})
    tables = {"outcomes": outcomes, "memberships": memberships}
    with pytest.raises(InputError, match="stands under the key '100009' in outcomes"):
        evaluate(study, tables=tables, registry=default_registry())
    agreed = {name: frame.with_columns(school_key=pl.lit("ours")) for name, frame in tables.items()}
    assert disagreements(agreed) == ()
