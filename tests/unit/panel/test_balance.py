"""What each choice of balance keeps, worked by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from impactkit.lineage import build_lineage
from impactkit.metrics import Panel
from impactkit.panel import balance_costs, build_panel, unaccounted_rows
from impactkit.panel.balance import Balance

# Years seen: a treated in 2013 with all; b treated in 2013 without 2012; c treated after the
# window; d never treated, with all but 2013; e never treated, with all.
SEEN = {
    "a": [2011, 2012, 2013, 2014],
    "b": [2011, 2013, 2014],
    "c": [2011, 2012],
    "d": [2011, 2012, 2014],
    "e": [2011, 2012, 2013, 2014],
}
OUTCOMES = pl.DataFrame(
    [(key, year, 1.0) for key, years in SEEN.items() for year in years],
    schema=["school_key", "year", "value"],
    orient="row",
)
MEMBERS = pl.DataFrame(
    {
        "partnership_id": ["P", "P", "P"],
        "school_key": ["a", "b", "c"],
        "joined": [dt.date(2012, 9, 1), dt.date(2012, 9, 1), dt.date(2015, 9, 1)],
    }
)


def _panel(balance: Balance, before: int = 2, after: int = 2) -> Panel:
    return build_panel(
        OUTCOMES,
        MEMBERS,
        build_lineage(None),
        measure="own",
        balance=balance,
        min_before=before,
        min_after=after,
    )


@pytest.mark.parametrize(
    ("balance", "before", "after", "kept"),
    [
        ("none", 2, 2, "abcde"),
        ("complete", 2, 2, "ae"),
        ("window", 2, 2, "acde"),
        ("window", 1, 2, "acde"),
        ("window", 0, 2, "abcde"),
        ("window", 2, 1, "acde"),
        ("window", 2, 3, "cde"),
        ("window", 3, 1, "cde"),
    ],
)
def test_which_schools_each_choice_keeps(
    balance: Balance, before: int, after: int, kept: str
) -> None:
    """The window asks treated schools only; complete asks everyone for all four years."""
    panel = _panel(balance, before, after)
    assert "".join(sorted(set(panel.frame["school_key"]))) == kept
    assert unaccounted_rows(panel) == 0


def test_a_school_that_joins_in_the_last_year_is_asked_for_its_window() -> None:
    """To 2013, a and b have one year from joining, not two: they leave, c (later) stays."""
    panel = build_panel(
        OUTCOMES,
        MEMBERS,
        build_lineage(None),
        measure="own",
        years=(2011, 2013),
        balance="window",
        min_before=1,
        min_after=2,
    )
    assert sorted(set(panel.frame["school_key"])) == ["c", "d", "e"]


def test_what_is_left_out_for_balance_is_counted() -> None:
    """Complete leaves out b, c and d: 3 + 2 + 3 rows, two of them members."""
    (exclusion,) = _panel("complete").exclusions
    assert (exclusion.reason, exclusion.n_schools, exclusion.n_rows, exclusion.treated) == (
        "incomplete_years",
        3,
        8,
        2,
    )


def test_costs_are_those_of_the_panels_themselves() -> None:
    """The table's rows agree with the panels that each choice makes.

    2012 and 2013 each cost one school that has all other years (b, d): the earlier is named.
    """
    table = balance_costs(_panel("none"))
    names = [str(row[0]).split(":")[0] for row in table.rows]
    assert names == ["none", "window", "complete", "complete, 2011/12 left out"]
    assert [row[1:] for row in table.rows] == [
        (5, 2, 2, 16),
        (4, 1, 1, 13),
        (2, 1, 1, 8),
        (3, 2, 2, 9),
    ]
    for row, balance in zip(table.rows, ("none", "window", "complete"), strict=False):
        panel = _panel(balance)
        assert row[1] == panel.frame["school_key"].n_unique()
        assert row[4] == panel.frame.height


def test_a_treated_school_last_seen_before_it_joins_has_not_both() -> None:
    """Of two treated in 2013 one has no year from joining, the other none before."""
    frame = pl.DataFrame(
        {
            "school_key": ["x", "x", "y"],
            "year": [2011, 2012, 2014],
            "value": 1.0,
            "cohort": [2013, 2013, 2013],
        }
    )
    assert balance_costs(Panel(frame=frame, measure="own")).rows[0][1:] == (2, 2, 0, 3)


def test_a_year_left_out_is_left_out_of_the_panel() -> None:
    """What the last row of the table promises can be had."""
    panel = build_panel(
        OUTCOMES, MEMBERS, build_lineage(None), measure="own", balance="complete", leave_out=[2012]
    )
    assert sorted(set(panel.frame["school_key"])) == ["a", "b", "e"]
    assert panel.frame.height == 9
    assert {e.reason: e.n_rows for e in panel.exclusions} == {
        "year_left_out": 4,
        "incomplete_years": 3,
    }


def test_a_balanced_panel_costs_nothing() -> None:
    """There is no year to leave out."""
    table = balance_costs(_panel("complete"))
    assert [str(row[0]).split(":")[0] for row in table.rows] == ["none", "window", "complete"]
    assert {row[4] for row in table.rows} == {8}


def test_an_empty_panel_has_costs_of_nought() -> None:
    """No rows, no crash."""
    panel = build_panel(OUTCOMES.clear(), MEMBERS, build_lineage(None), measure="own")
    assert {row[1:] for row in balance_costs(panel).rows} == {(0, 0, 0, 0)}
