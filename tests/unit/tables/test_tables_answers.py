"""Answers to questionnaires: reversed, held to their scale, and nothing lost in silence."""

from __future__ import annotations

import polars as pl
import pytest

from impactkit import scored_answers

INSTRUMENTS = pl.DataFrame(
    {
        "instrument_id": ["c"] * 3 + ["other"],
        "item": ["c1", "c2", "c3", "c1"],
        "reverse": [False, True, None, True],
        "scale_low": [1.0] * 4,
        "scale_high": [5.0] * 4,
    }
)


def responses(*rows, **more):
    """Return answers to the instrument: (item, wave, respondent, value)."""
    frame = pl.DataFrame(
        list(rows),
        schema={"item": pl.String, "wave": pl.Int64, "respondent_key": pl.String, "value": float},
        orient="row",
    )
    return frame.with_columns(pl.lit("c").alias("instrument_id"), **more)


def test_an_item_is_turned_round_within_its_own_scale():
    """Five of one to five becomes one; items of another instrument say nothing here."""
    given = responses(("c1", 1, "r", 5.0), ("c2", 1, "r", 5.0), ("c3", 1, "r", 2.0))
    found = scored_answers(given, INSTRUMENTS, "c")
    assert dict(found.frame.select("item", "value").rows()) == {"c1": 5.0, "c2": 1.0, "c3": 2.0}
    assert found.reversed_items == ("c2",)
    assert (found.low, found.high) == (1.0, 5.0)


def test_each_row_set_aside_is_counted_once_under_its_reason():
    """Rows kept and rows counted add up to the rows given."""
    given = responses(
        ("c1", 1, "r", 4.0),
        ("c1", 1, "r", 3.0),
        ("c1", 2, "r", None),
        ("c9", 1, "r", 3.0),
        ("c3", 1, "r", 55.0),
        ("c3", 1, None, 3.0),
    )
    found = scored_answers(given, INSTRUMENTS, "c")
    lost = {e.reason: e.n_rows for e in found.exclusions}
    assert lost == dict.fromkeys(
        [f"answers.{why}" for why in ("unknown_item", "nobody", "blank", "off_scale", "repeated")],
        1,
    )
    assert found.frame.height + sum(lost.values()) == given.height


def test_order_of_rows_does_not_matter():
    """Of two answers to one question the same one stays, whichever came first."""
    given = responses(("c1", 1, "r", 4.0), ("c1", 1, "r", 3.0), ("c3", 1, "r", 3.0))
    one = scored_answers(given, INSTRUMENTS, "c").frame
    assert one.equals(scored_answers(given.reverse(), INSTRUMENTS.reverse(), "c").frame)


def test_a_mean_needs_most_of_the_items():
    """Somebody who left out two of three has no mean; one of three left out is a mean of two."""
    given = responses(
        *[(item, 1, "full", 4.0) for item in ("c1", "c3")],
        ("c2", 1, "full", 1.0),
        ("c1", 1, "half", 4.0),
        ("c3", 1, "half", 2.0),
        ("c1", 1, "one", 2.0),
    )
    found = scored_answers(given, INSTRUMENTS, "c").means()
    means = dict(found.select("respondent_key", "value").rows())
    assert means == {"full": pytest.approx(13 / 3), "half": 3.0}


def test_an_item_that_runs_against_the_others_is_named():
    """One that the table of instruments forgot to reverse; once reversed, it is not."""
    rows = []
    for person in range(12):
        level = 1.0 + person % 5
        rows += [(item, 1, f"r{person}", level) for item in ("c1", "c3")]
        rows.append(("c2", 1, f"r{person}", 6 - level))
    assert scored_answers(responses(*rows), INSTRUMENTS, "c").contrary(1) == ()
    forgot = INSTRUMENTS.with_columns(reverse=pl.lit(False))
    assert "c2" in scored_answers(responses(*rows), forgot, "c").contrary(1)


def test_nothing_asked_is_no_fault():
    """An empty table has no items, no ends and no means."""
    found = scored_answers(responses(), INSTRUMENTS, "c")
    assert found.items == ()
    assert found.low is None
    assert found.means().is_empty()
    assert found.wide(1).is_empty()


def test_how_many_were_asked_is_of_each_school_and_level_once():
    """The largest number that its rows name; nobody's where one has none; never fewer than came."""
    given = responses(
        ("c1", 1, "r", 4.0), ("c3", 1, "r", 4.0), ("c1", 1, "s", 3.0), ("c1", 2, "t", 3.0)
    ).with_columns(
        school_key=pl.Series(["a", "a", "b", "b"]),
        invited=pl.Series([5, 6, 0, None], dtype=pl.Int64),
    )
    found = scored_answers(given, INSTRUMENTS, "c")
    assert found.asked(1) == 6
    assert found.asked(2) is None
    assert found.asked(3) is None
    few = scored_answers(given.with_columns(invited=pl.lit(0)), INSTRUMENTS, "c")
    assert few.asked(1) == 2
