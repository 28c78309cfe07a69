"""Rubric R1: each criterion by itself, its gates, and what is no evidence."""

from __future__ import annotations

import datetime as dt

import attrs
import polars as pl
import pytest

from impactkit.evidence.rubric import RubricR1, Working, score_r1
from impactkit.tables.vocabulary import EVALUATION_CRITERIA

START = dt.date(2017, 9, 4)
WORKED = Working(start=START, until=dt.date(2019, 12, 1))
SCHEMA = {
    "partnership_id": pl.String,
    "criterion": pl.String,
    "evidenced_on": pl.Date,
    "evidence_type": pl.String,
    "levels": pl.List(pl.String),
    "reported_to_governors": pl.Boolean,
    "decision_ref": pl.String,
    "evidence_ref": pl.String,
}


def row(criterion, days=30, **about):
    """Make a piece of evidence that counts, so many days after the start."""
    return {
        "partnership_id": "P1",
        "criterion": criterion,
        "evidenced_on": None if days is None else START + dt.timedelta(days=days),
        "evidence_type": "document",
        "levels": None,
        "reported_to_governors": None,
        "decision_ref": None,
        "evidence_ref": "minutes.pdf",
        **about,
    }


def everything():
    """Return evidence that meets all eight criteria: reviews half-yearly, of two whole years."""
    return [
        row("aims"),
        row("baseline", 60),
        row("outcome_each_level", levels=["middle", "head"]),
        row("evidence_types", evidence_type="results"),
        row("evidence_types", evidence_type="survey"),
        row("comparator"),
        *(row("reviews", days) for days in (100, 300, 400, 700)),
        row("reported_to_governors", reported_to_governors=True),
        row("decision_changed", decision_ref="minute 7"),
    ]


def scored(rows, *, involved=("middle", "head"), rubric=None, worked=WORKED):
    """Score one partnership."""
    frame = pl.DataFrame(rows, schema=SCHEMA)
    (found,) = score_r1(frame, {"P1": worked}, involved={"P1": involved}, rubric=rubric)
    return found


def test_all_eight():
    """Meets everything, and is systematic."""
    found = scored(everything())
    assert found.met == (True,) * 8
    assert found.level == "systematic"


@pytest.mark.parametrize("criterion", EVALUATION_CRITERIA)
def test_without_its_evidence_one_criterion_fails_and_no_other(criterion):
    """Seven of eight stay systematic, unless what is missing is a gate."""
    found = scored([r for r in everything() if r["criterion"] != criterion])
    assert [name for name, met in zip(EVALUATION_CRITERIA, found.met, strict=True) if not met] == [
        criterion
    ]
    assert found.systematic == (criterion not in ("baseline", "reviews"))
    assert found.level == ("systematic" if found.systematic else "partial")


@pytest.mark.parametrize(("days", "met"), [(-400, True), (60, True), (61, False)])
def test_baseline_is_a_gate_at_sixty_days(days, met):
    """Before the start is early enough; the sixty-first day is too late."""
    rows = [r for r in everything() if r["criterion"] != "baseline"]
    found = scored([*rows, row("baseline", days)])
    assert found.met[1] is met
    assert found.score == 7 + met
    assert found.systematic is met


@pytest.mark.parametrize(
    ("days", "met"),
    [
        ((100, 300, 400, 700), True),
        ((100, 400, 500, 700), False),  # once in the first year, thrice in the second
        ((100, 100, 400, 700), False),  # one day is one review
        ((100, 300, 400, 729), True),  # the last day of the second year
        ((100, 300, 400, 730), False),  # the first of a third that has not ended
    ],
)
def test_reviews_twice_in_every_whole_year(days, met):
    """Years run from the start; one that has not ended is not asked for."""
    rows = [r for r in everything() if r["criterion"] != "reviews"]
    assert scored([*rows, *(row("reviews", day) for day in days)]).met[5] is met


def test_outcomes_are_wanted_for_each_level_involved():
    """Deputies and assistants are one level, heads and executive heads another."""
    rows = [r for r in everything() if r["criterion"] != "outcome_each_level"]
    rows.append(row("outcome_each_level", levels=["senior_deputy", "executive_head"]))
    assert scored(rows, involved=("senior_assistant", "head")).met[2]
    assert not scored(rows, involved=("middle", "head")).met[2]
    assert scored(rows, involved=("sbm",)).met[2]
    assert not scored(rows, involved=(), rubric=RubricR1(levels=("governor",))).met[2]


def test_two_kinds_of_evidence_not_two_pieces():
    """Two surveys are one kind."""
    rows = [r for r in everything() if r["criterion"] != "evidence_types"]
    surveys = [row("evidence_types", day, evidence_type="survey") for day in (40, 80)]
    assert not scored([*rows, *surveys]).met[3]


@pytest.mark.parametrize(
    "about",
    [{"days": None}, {"evidence_ref": None}, {"evidence_ref": ""}, {"days": 2000}],
)
def test_what_has_no_date_no_reference_or_came_after_the_end_is_no_evidence(about):
    """A criterion that only such rows speak for is not met."""
    rows = [r for r in everything() if r["criterion"] != "comparator"]
    assert not scored([*rows, row("comparator", **about)]).met[4]


def test_references_can_be_left_out_on_request():
    """A study may say that it has none."""
    rows = [{**r, "evidence_ref": None, "decision_ref": None} for r in everything()]
    assert scored(rows).score == 0
    assert scored(rows, rubric=RubricR1(references=False)).score == 8


def test_findings_that_were_not_reported_do_not_count_as_reported():
    """A row that says no is a no."""
    rows = [r for r in everything() if r["criterion"] != "reported_to_governors"]
    no = row("reported_to_governors", reported_to_governors=False)
    assert not scored([*rows, no]).met[6]


def test_levels_of_the_rubric():
    """Fewer than three are ad hoc, three to five partial."""
    easy = ["aims", "comparator", "baseline"]
    assert scored([row(name) for name in easy[:2]]).level == "ad hoc"
    assert scored([row(name) for name in easy]).level == "partial"


def test_a_young_partnership_has_not_met_the_criterion_on_reviews():
    """No whole year has passed in which it could have."""
    young = attrs.evolve(WORKED, until=START + dt.timedelta(days=364 - 1))
    assert young.whole_years() == []
    assert not scored(everything(), worked=young).met[5]


def test_a_partnership_without_any_evidence_is_scored():
    """Nought of eight is a finding, not an omission; rows of others are not its own."""
    frame = pl.DataFrame(everything(), schema=SCHEMA)
    found = score_r1(frame, {"P0": WORKED, "P1": WORKED})
    assert [(s.partnership, s.score) for s in found] == [("P0", 0), ("P1", 8)]
