"""Every outcome row is in the panel or set aside for one stated reason, worked by hand."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import polars as pl
import pytest

from impactkit.lineage import build_lineage
from impactkit.metrics import Panel
from impactkit.panel import build_panel, trace_rows, unaccounted_rows

NONE = build_lineage(None)
SCHEMA = {
    "urn": pl.Int64,
    "year": pl.Int32,
    "value": pl.Float64,
    "status": pl.String,
    "measure": pl.String,
    "subgroup": pl.String,
}
Row = tuple[int | None, int | None, float | None, str]


def _outcomes(*rows: Row) -> pl.DataFrame:
    return pl.DataFrame([(*row, "ratio", "all") for row in rows], schema=SCHEMA, orient="row")


def _members(*rows: tuple[str, int, dt.date], role: str = "peer") -> pl.DataFrame:
    return pl.DataFrame(
        [(*row, role) for row in rows],
        schema={
            "partnership_id": pl.String,
            "urn": pl.Int64,
            "joined": pl.Date,
            "role": pl.String,
        },
        orient="row",
    )


PAIR = _members(("A", 100001, dt.date(2014, 9, 1)), ("A", 100002, dt.date(2014, 9, 1)))


def _reasons(panel: Panel) -> dict[str, int | None]:
    assert unaccounted_rows(panel) == 0
    return {e.reason: e.n_rows for e in panel.exclusions if e.stage == "panel"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((100001, 2015, None, "supp"), "status_supp"),
        ((100001, 2015, 0.0, "na"), "status_na"),
        ((100001, 2015, None, "ok"), "no_value"),
        ((100001, 2015, math.nan, "ok"), "not_a_number"),
        ((100001, 2015, math.inf, "ok"), "not_a_number"),
        ((None, 2015, 1.0, "ok"), "no_school"),
        ((100001, None, 1.0, "ok"), "no_school"),
        ((100001, 2010, 1.0, "ok"), "outside_years"),
        ((100001, 2010, None, "supp"), "outside_years"),
        ((100001, 2016, 1.0, "ok"), "year_left_out"),
    ],
)
def test_a_row_that_cannot_be_used_has_its_reason(row: Row, reason: str) -> None:
    """One row in, one count out, and nothing of it in the panel."""
    panel = build_panel(
        _outcomes(row), PAIR, NONE, measure="ratio", years=(2011, 2017), leave_out=[2016]
    )
    assert _reasons(panel) == {reason: 1}
    assert panel.frame.is_empty()
    assert panel.counts["schools"] == 0


def test_other_measures_and_subgroups_are_none_of_this_panel() -> None:
    """They are not exclusions: they are other panels' rows."""
    rows = _outcomes((100001, 2014, 1.0, "ok"), (100002, 2014, 2.0, "ok")).with_columns(
        measure=pl.Series(["ratio", "absence"])
    )
    panel = build_panel(rows, PAIR, NONE, measure="ratio")
    assert panel.counts["rows"] == panel.frame.height == 1


def test_the_number_that_goes_on_is_kept_where_two_report() -> None:
    """Of 100001 and its successor 100000 in 2015 the successor's value stands."""
    lineage = build_lineage(
        pl.DataFrame({"urn": [100001], "link_urn": [100000], "link_type": ["Successor"]})
    )
    rows = _outcomes(
        (100001, 2014, 10.0, "ok"),
        (100001, 2015, 11.0, "ok"),
        (100000, 2015, 20.0, "ok"),
        (100001, 2016, 12.0, "ok"),
        (100000, 2016, None, "supp"),
    )
    panel = build_panel(rows, PAIR, lineage, measure="ratio")
    assert panel.frame.select("school_key", "year", "value").rows() == [
        ("100001", 2014, 10.0),
        ("100001", 2015, 20.0),
        ("100001", 2016, 12.0),
    ]
    assert _reasons(panel) == {"status_supp": 1, "doubled_school_year": 1}
    assert panel.counts["doubled_school_years"] == 1
    assert panel.counts["urns"] == 2
    assert any("Two URNs of one school" in w for w in panel.warnings)


def test_the_same_file_twice_counts_once() -> None:
    """Equal rows are one row; the second is counted as repeated."""
    rows = _outcomes((100001, 2014, 10.0, "ok"), (100001, 2014, 10.0, "ok"))
    panel = build_panel(rows, PAIR, NONE, measure="ratio")
    assert panel.frame["value"].to_list() == [10.0]
    assert _reasons(panel) == {"repeated_row": 1}


def test_different_numbers_of_one_urn_are_not_chosen_between() -> None:
    """Nothing says which is right, so neither is used."""
    rows = _outcomes((100001, 2014, 10.0, "ok"), (100001, 2014, 11.0, "ok"))
    panel = build_panel(rows, PAIR, NONE, measure="ratio")
    assert panel.frame.is_empty()
    assert _reasons(panel) == {"conflicting_rows": 2}


def test_unknown_dates_and_neighbours_of_the_treated_leave_both_groups() -> None:
    """Neither treated nor comparison, and each is said, with how many were members."""
    members = pl.concat(
        [
            _members(("A", 100001, dt.date(1900, 1, 1)), ("A", 100002, dt.date(2014, 9, 1))),
            _members(("A", 100003, dt.date(2014, 9, 1)), role="supporter"),
        ]
    )
    rows = _outcomes(*((100000 + i, 2015, 1.0 * i, "ok") for i in (1, 2, 3, 4)))
    panel = build_panel(rows, members, NONE, measure="ratio", treated=pl.col("role") == "peer")
    assert panel.frame.select("school_key", "cohort", "cluster").rows() == [
        ("100002", 2015, "A"),
        ("100004", None, "school:100004"),
    ]
    assert [(e.reason, e.n_schools, e.treated) for e in panel.exclusions] == [
        ("date_unknown", 1, 1),
        ("beside_treated", 1, 0),
        ("already_treated", 1, 1),
    ]
    counts = {k: panel.counts[k] for k in ("schools", "ever_treated", "never_treated")}
    assert counts == {"schools": 4, "ever_treated": 1, "never_treated": 1}
    assert (panel.counts["placeholder_dates"], panel.counts["beside_treated"]) == (1, 1)


def test_schools_beside_the_treated_keep_the_years_before_they_were() -> None:
    """Apart from the panel, up to the first date known; where one is unknown, there are none."""
    helps = _members(
        ("A", 100003, dt.date(2015, 9, 1)),
        ("B", 100003, dt.date(2014, 9, 1)),
        ("A", 100004, dt.date(2014, 9, 1)),
        ("B", 100004, dt.date(1900, 1, 1)),
        ("C", 100003, dt.date(2012, 9, 1)),
        role="supporter",
    )
    peers = _members(("A", 100001, dt.date(2014, 9, 1)), ("B", 100002, dt.date(2014, 9, 1)))
    rows = _outcomes(
        *((100000 + i, y, 1.0 * y, "ok") for i in (1, 2, 3, 4) for y in (2013, 2014, 2015, 2016))
    )
    panel = build_panel(
        rows,
        pl.concat([peers, helps]),
        NONE,
        measure="ratio",
        treated=pl.col("role") == "peer",
    )
    assert panel.frame["school_key"].unique().sort().to_list() == ["100001", "100002"]
    assert panel.beside.columns == panel.frame.columns
    assert panel.beside.select("school_key", "year", "cohort").rows() == [
        ("100003", 2013, None),
        ("100003", 2014, None),
    ]
    alone = build_panel(rows, peers, NONE, measure="ratio", min_schools=1)
    assert alone.beside.is_empty()


def test_counts_of_treatment_by_the_window() -> None:
    """Of cohorts 2012, 2013, 2014 and 2016 in 2012 to 2015: three by the end, one from the start.

    A school-year counts as after from the first exposed year on, so cohort 2014 has two before and
    two after, cohort 2013 one before. Cohort 2016 is a cluster of its own until it joins.
    """
    joined = {1: 2011, 2: 2012, 3: 2013, 4: 2015}
    members = _members(*(("A", 100000 + i, dt.date(y, 9, 1)) for i, y in joined.items()))
    rows = _outcomes(
        *((100000 + i, year, 1.0, "ok") for i in range(1, 6) for year in range(2012, 2016))
    )
    panel = build_panel(rows, members, NONE, measure="ratio")
    names = (
        "schools",
        "ever_treated",
        "treated_in_window",
        "already_treated",
        "never_treated",
        "two_before_two_after",
        "panel_treated",
        "treated_clusters",
        "clusters",
    )
    assert [panel.counts[n] for n in names] == [5, 4, 3, 1, 1, 1, 2, 1, 3]
    assert [e.reason for e in panel.exclusions] == ["already_treated"]
    assert panel.frame.height == 20


def test_a_group_of_one_school_leaves_it_for_comparison_and_says_so() -> None:
    """Counted as a group and as a school, and its rows stay."""
    panel = build_panel(
        _outcomes((100001, 2014, 1.0, "ok")),
        _members(("A", 100001, dt.date(2014, 9, 1))),
        NONE,
        measure="ratio",
    )
    assert panel.frame.rows() == [("100001", 2014, 1.0, None, "school:100001")]
    assert panel.counts["one_school_groups"] == panel.counts["schools_in_one_school_groups"] == 1
    assert [(e.reason, e.n_schools, e.stage) for e in panel.exclusions] == [
        ("one_school_groups", 1, "exposure")
    ]


def test_a_tidy_frame_with_weights_is_enough() -> None:
    """A metric's own frame: no URN, status, measure or subgroup; rows of no weight are counted."""
    frame = pl.DataFrame(
        {
            "school_key": ["100001", "x", "y", "z"],
            "year": 2015,
            "value": [1.0, 2.0, 3.0, None],
            "weight": [30.0, 0.0, None, 1.0],
            "cohort": 1,
        }
    )
    panel = build_panel(frame, PAIR, NONE, measure="own", unit="percent")
    assert panel.frame.columns == ["school_key", "year", "value", "cohort", "cluster", "weight"]
    assert panel.frame.rows() == [("100001", 2015, 1.0, 2015, "A", 30.0)]
    assert _reasons(panel) == {"status_x": 1, "no_weight": 2}
    assert "urns" not in panel.counts


def test_trace_shows_every_row_in_order_with_its_reason() -> None:
    """Row by row, with the columns that lead back to the file."""
    rows = _outcomes(
        (100001, 2014, 1.0, "ok"), (100001, 2015, None, "supp"), (100009, 2014, 2.0, "ok")
    ).with_columns(source_row=pl.Series([2, 3, 4]))
    traced = trace_rows(rows, PAIR, NONE, measure="ratio")
    assert traced.select("source_row", "school_key", "reason").rows() == [
        (2, "100001", None),
        (3, "100001", "status_supp"),
        (4, "100009", None),
    ]


def test_order_of_rows_does_not_matter() -> None:
    """The same rows shuffled give the same panel and the same counts."""
    rows = _outcomes(
        (100001, 2014, 1.0, "ok"),
        (100002, 2014, 2.0, "ok"),
        (100002, 2014, 2.0, "ok"),
        (100003, 2014, 3.0, "ok"),
    )
    one = build_panel(rows, PAIR, NONE, measure="ratio")
    other = build_panel(rows.reverse(), PAIR.reverse(), NONE, measure="ratio")
    assert one.frame.equals(other.frame)
    assert (one.counts, one.exclusions) == (other.counts, other.exclusions)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(100003, 2014, 1.0, "ok")], "No school was first exposed"),
        ([(100001, 2014, 1.0, "ok"), (100001, 2015, 1.0, "ok")], "No school is never treated"),
        (
            [(100003 + i, 2014, 1.0, "ok") for i in range(10)]
            + [(100003 + i, 2015, 1.0, "ok") for i in range(8)],
            "In 2014/15 fewer schools have a value (8) than in the fullest year (10)",
        ),
    ],
)
def test_warnings_say_what_stands_in_the_way(rows: list[Row], words: str) -> None:
    """Nobody treated, nobody to compare with, or a year with other schools."""
    panel = build_panel(_outcomes(*rows), PAIR, NONE, measure="ratio")
    assert any(words in w for w in panel.warnings)


@pytest.mark.parametrize("bad", [{"balance": "some"}, {"min_before": -1}, {"min_schools": 0}])
def test_settings_that_mean_nothing_are_refused(bad: dict[str, Any]) -> None:
    """A misspelt balance does not quietly become none."""
    with pytest.raises(ValueError, match=next(iter(bad))):
        build_panel(_outcomes(), PAIR, NONE, measure="ratio", **bad)
