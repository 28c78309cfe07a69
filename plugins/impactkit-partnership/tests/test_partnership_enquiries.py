"""Enquiries: what makes one well formed, and what counts of the answers."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from impactkit_partnership.enquiries import (
    ANSWERED,
    CAPTURED,
    FORMED,
    INFORMATIVE_NULLS,
    NULLS,
    SUPPORTED,
    enquiries,
)

WHOLE = {"hypothesis": "h", "measure": "m", "stop_rule": "s"}


def tables(*rows):
    """Make enquiries; what is not said of one is blank."""
    names = ("partnership_id", "hypothesis", "measure", "stop_rule", "result", "learning_ref")
    return {
        "enquiries": pl.DataFrame(
            [{"partnership_id": "P1", **row} for row in rows],
            schema={**dict.fromkeys(names, pl.String), "ended": pl.Date},
        )
    }


@pytest.mark.parametrize("missing", WHOLE)
def test_all_three_parts_are_needed_and_blanks_are_none(run, find, missing):
    """Whichever is missing, or is a space only."""
    result = run(enquiries, tables(WHOLE, {**WHOLE, missing: None}, {**WHOLE, missing: " "}))
    assert find(result, FORMED).value == pytest.approx(100 / 3)


def test_a_study_may_ask_for_less(run, find):
    """Without rules for stopping."""
    rows = tables(WHOLE, {**WHOLE, "stop_rule": None})
    assert find(run(enquiries, rows, parts=("hypothesis", "measure")), FORMED).value == 100


def test_unknown_parts_are_refused():
    """Said when the study is read, not when it runs."""
    with pytest.raises(ValueError, match="in"):
        enquiries.params(parts=("hope",))


def test_answers_are_shares_of_those_that_could_give_them(run, find):
    """Six ended, four of them clearly, three supported; of one no, the lesson was written down."""
    rows = [
        {"result": "supported", "learning_ref": "r"},
        {"result": "supported"},
        {"result": "supported"},
        {"result": "not_supported", "learning_ref": "r"},
        {"result": "unclear"},
        {"ended": dt.date(2019, 5, 1)},
        {},
    ]
    result = run(enquiries, tables(*rows))
    assert find(result, ANSWERED, "clear answer").value == pytest.approx(100 * 4 / 6)
    assert find(result, SUPPORTED, "supported, of clear answers").value == 75
    assert find(result, CAPTURED, "learning written down").value == pytest.approx(100 * 2 / 6)
    assert find(result, INFORMATIVE_NULLS, NULLS).value == 100
    matrix = next(t for t in result.tables if t.id == "matrix").to_frame()
    assert matrix.rows() == [
        ("well formed", 0, 0, 0, 0, 0, 0),
        ("not well formed", 3, 1, 1, 0, 2, 7),
    ]


def test_going_on_is_no_answer(run, find):
    """With nothing ended, three shares have a reason instead."""
    result = run(enquiries, tables(WHOLE))
    assert find(result, FORMED).value == 100
    assert [e.status for e in result.estimates[1:]] == ["not_estimable"] * 4


def test_planted_shares_are_recovered(recovered):
    """Twelve counties each: nine intervals or more (fewer: 0.3 %)."""
    for truth, estimand, term in (
        ("enquiries.well_formed", FORMED, ""),
        ("enquiries.hits", SUPPORTED, "supported, of clear answers"),
        ("enquiries.captured", CAPTURED, "learning written down"),
    ):
        assert recovered(enquiries, truth, estimand, term, scale=100) >= 9, truth


def test_what_well_formed_means_is_told(run):
    """In words, by what the study asked for."""
    result = run(enquiries, tables(WHOLE), parts=("hypothesis", "stop_rule"))
    assert str(result.notes[0]).endswith("hypothesis, rule for stopping.")
