"""Schools that left the series after joining, counted by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from impactkit.lineage import Vanished, vanished


def _panel(**years: tuple[int | None, list[int]]) -> pl.DataFrame:
    rows = [(key, year, cohort) for key, (cohort, seen) in years.items() for year in seen]
    schema = {"school_key": pl.String, "year": pl.Int64, "cohort": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(value=1.0)


def _fates(found: Vanished, group: str) -> dict[str, int]:
    return found.fates.filter(pl.col("group") == group).drop("group").to_dicts()[0]


def test_counts_treated_and_comparison_from_the_same_start() -> None:
    """Two of three treated and one of four comparison schools had gone: 67 less 25 per cent."""
    panel = _panel(
        a=(2012, [2011, 2012, 2013, 2014]),
        b=(2012, [2011, 2012]),
        c=(2012, [2012, 2013]),
        u=(None, [2011, 2012, 2014]),
        v=(None, [2011, 2012, 2013]),
        w=(None, [2012, 2014]),
        x=(None, [2011, 2014]),
    )
    found = vanished(panel, measure="ratio")
    assert (found.n_treated, found.treated_gone) == (3, 2)
    assert found.treated_share == pytest.approx(2 / 3)
    assert found.comparison_share == pytest.approx(1 / 4)
    assert found.difference == pytest.approx(100 * (2 / 3 - 1 / 4))
    assert _fates(found, "comparison")["there"] == 3


def test_comparison_schools_are_weighted_by_when_the_treated_joined() -> None:
    """Three joined in 2012 and one in 2013: the comparison is 3/4 of one share, 1/4 of the other.

    Of the comparison schools there in 2011 or 2012 one of two had gone; of those there in 2012 or
    2013 one of three.
    """
    panel = _panel(
        a=(2012, [2012, 2014]),
        b=(2012, [2012, 2014]),
        c=(2012, [2012, 2014]),
        d=(2013, [2013, 2014]),
        u=(None, [2012]),
        v=(None, [2012, 2014]),
        w=(None, [2013, 2014]),
    )
    found = vanished(panel)
    assert found.treated_share == 0
    assert found.comparison_share == pytest.approx(3 / 4 * 1 / 2 + 1 / 4 * 1 / 3)


def test_says_what_became_of_each() -> None:
    """Closed by the register, silent in the file, or in no row: every school has one fate."""
    panel = _panel(
        closed=(2012, [2011, 2012]),
        silent=(2012, [2011, 2012]),
        absent=(2012, [2011, 2012]),
        later=(2012, [2011, 2012]),
        stays=(2012, [2011, 2012, 2014]),
        other=(None, [2011, 2014]),
    )
    schools = pl.DataFrame(
        {
            "school_key": ["closed", "later", "stays", "stays"],
            "chain_position": [0, 0, 1, 0],
            "close_date": [dt.date(2013, 8, 31), dt.date(2014, 9, 1), None, dt.date(2012, 1, 1)],
        }
    )
    seen = pl.concat([panel, _panel(silent=(2012, [2014]))]).select("school_key", "year")
    found = vanished(panel, seen=seen, schools=schools)
    assert _fates(found, "treated") == {
        "schools": 5,
        "there": 1,
        "closed": 1,
        "absent": 2,
        "no_value": 1,
    }


def test_whoever_joined_in_the_last_year_had_no_time_to_vanish() -> None:
    """A panel in which everybody joined at its end says so, with no share."""
    found = vanished(_panel(a=(2014, [2013, 2014]), u=(None, [2013])))
    assert (found.n_treated, found.difference, found.selective) == (0, None, False)
    assert found.diagnostic().passed is None


def test_who_had_left_before_joining_is_nobodys_loss() -> None:
    """A treated school without a value in its year of joining or the one before is not at risk."""
    found = vanished(_panel(a=(2013, [2010, 2011]), b=(2013, [2012, 2014]), u=(None, [2012, 2014])))
    assert (found.n_treated, found.treated_gone) == (1, 0)


def test_clearly_different_rates_fail_the_check() -> None:
    """Thirty of sixty treated against none of sixty: survivors only, and the check says it."""
    schools = {f"t{i}": (2012, [2012, 2014] if i % 2 else [2012]) for i in range(60)}
    schools |= {f"u{i}": (None, [2012, 2014]) for i in range(60)}
    found = vanished(_panel(**schools), measure="ratio")
    check = found.diagnostic()
    assert (check.passed, check.value, check.measure) == (False, 50.0, "ratio")
    assert "30 of 60" in check.text
    assert found.table().rows[0] == ("Joined a partnership", 60, 30, 0, 30, 0, 50.0)


def test_an_empty_panel_has_nobody() -> None:
    """No row at all is no error."""
    assert vanished(_panel()).diagnostic().value is None
