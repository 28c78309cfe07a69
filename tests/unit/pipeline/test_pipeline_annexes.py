"""What an evaluation says of the schools themselves."""

from __future__ import annotations

import datetime as dt

import polars as pl

from impactkit import Study, default_registry, evaluate
from impactkit.results import Evaluation, Table

CONVERTED, ACADEMY, PARTNER, GONE, FIRST_OTHER = 100001, 140001, 100002, 100003, 100010


def _evaluation(*, links: bool = True) -> Evaluation:
    rows = [(CONVERTED, y) for y in range(2012, 2015)] + [(ACADEMY, y) for y in range(2015, 2018)]
    rows += [(PARTNER, y) for y in range(2012, 2018)] + [(GONE, y) for y in range(2012, 2015)]
    rows += [(FIRST_OTHER + i, y) for i in range(6) for y in range(2012, 2018)]
    outcomes = pl.DataFrame(rows, schema=["urn", "year"], orient="row").with_columns(
        value=4.0 + pl.col("year") % 2,
        measure=pl.lit("overall_absence"),
        subgroup=pl.lit("all"),
    )
    members = pl.DataFrame({"urn": [CONVERTED, PARTNER, GONE]}).with_columns(
        partnership_id=pl.lit("P"), role=pl.lit("peer"), joined=pl.lit(dt.date(2013, 9, 1))
    )
    schools = pl.DataFrame(
        {
            "urn": [CONVERTED, ACADEMY, GONE],
            "name": ["Hill School", "Hill Academy", "Dale School"],
            "close_date": [dt.date(2014, 8, 31), None, dt.date(2014, 8, 31)],
            "close_reason": ["Academy Converter", None, "Closure"],
        }
    )
    tables = {"outcomes": outcomes, "memberships": members, "schools": schools}
    if links:
        tables["school_links"] = pl.DataFrame(
            {"urn": [CONVERTED], "link_urn": [ACADEMY], "link_type": ["Successor"]}
        ).with_columns(link_date=pl.lit(dt.date(2014, 9, 1)))
    study = Study.parse(
        {"study": {"title": "T"}, "design": {"outcome": "overall_absence"}, "metrics": {}}
    )
    return evaluate(study, tables=tables, registry=default_registry())


def _table(evaluation: Evaluation, name: str) -> Table | None:
    return next((t for t in evaluation.tables if t.id == name), None)


def test_the_history_of_a_partner_that_changed_its_number_is_told() -> None:
    """Both numbers with names, the day, and why the first one closed."""
    table = _table(_evaluation(), "histories")
    assert table is not None
    assert table.rows == (
        ("100001", "100001", "Hill School", "", "Academy Converter"),
        ("100001", "140001", "Hill Academy", "2014-09-01", ""),
    )
    assert "comparison schools 0" in table.note


def test_without_a_change_there_is_no_such_table() -> None:
    """Two numbers without a link are two schools, and no history."""
    assert _table(_evaluation(links=False), "histories") is None


def test_who_left_the_series_is_counted_by_what_the_register_says() -> None:
    """Of three that joined one had closed by the last year; of six others none had."""
    table = _table(_evaluation(), "vanished_overall_absence")
    assert table is not None
    assert [row[:4] for row in table.rows] == [
        ("Joined a partnership", 3, 2, 1),
        ("Comparison", 6, 6, 0),
    ]
