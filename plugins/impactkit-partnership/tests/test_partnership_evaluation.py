"""Evaluation coverage and clarity of agreements: planted, published and counted by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from impactkit_partnership.agreement_clarity import EVER, INDEX, ITEMS, agreement_clarity
from impactkit_partnership.evaluation_coverage import evaluation_coverage
from impactkit_partnership.evaluation_tables import LABELS, SYSTEMATIC

START = dt.date(2017, 9, 4)


def evidence(partnership, criterion, days, **about):
    """Make a piece of evidence, so many days after the start."""
    return {
        "partnership_id": partnership,
        "criterion": criterion,
        "evidenced_on": START + dt.timedelta(days=days),
        "evidence_ref": "minutes.pdf",
        "evidence_type": about.get("type", "document"),
        "levels": ["head"] if criterion == "outcome_each_level" else None,
        "reported_to_governors": True,
        "decision_ref": None,
        "coder": about.get("coder"),
    }


def whole(partnership, **about):
    """Make evidence for all eight criteria of two years."""
    return [
        *(evidence(partnership, name, 30, **about) for name in LABELS if name != "reviews"),
        evidence(partnership, "evidence_types", 40, **{**about, "type": "survey"}),
        *(evidence(partnership, "reviews", day, **about) for day in (100, 300, 400, 729)),
    ]


def tables(rows, names):
    """Make the tables of some partnerships that began on one day."""
    types = {
        **dict.fromkeys(("evidence_ref", "evidence_type", "decision_ref", "coder"), pl.String),
        "levels": pl.List(pl.String),
        "evidenced_on": pl.Date,
    }
    return {
        "evaluation_activity": pl.DataFrame(rows, schema_overrides=types),
        "partnerships": pl.DataFrame({"partnership_id": names, "start_date": [START] * len(names)}),
    }


def test_eleven_of_twenty_has_the_published_interval(run, find):
    """55 per cent, 34 to 74 (Wilson), as the founding note has it; the scorecard has 20 rows."""
    names = [f"P{i:02d}" for i in range(20)]
    rows = [row for name in names[:11] for row in whole(name)]
    rows += [evidence(name, "aims", 20) for name in names[11:]]
    result = run(evaluation_coverage, tables(rows, names))
    e = find(result, SYSTEMATIC)
    assert (round(e.ci_low), round(e.value), round(e.ci_high)) == (34, 55, 74)
    scorecard = next(t for t in result.tables if t.id == "scorecard").to_frame()
    assert scorecard.height == 20
    assert scorecard["level"].to_list() == ["systematic"] * 11 + ["ad hoc"] * 9
    ofsted = next(t for t in result.tables if t.id == "coverage").to_frame().row(1, named=True)
    assert (ofsted["systematic"], ofsted["partnerships"], round(ofsted["share"])) == (11, 20, 55)


@pytest.mark.parametrize("seed", range(8))
def test_the_county_s_systematic_partnerships_are_found_each_by_name(run, here, seed):
    """Those that fail by a late baseline, or by one review a year, are not taken in."""
    made = here(seed)
    result = run(evaluation_coverage, made.tables)
    scorecard = next(t for t in result.tables if t.id == "scorecard").to_frame()
    found = scorecard.filter(pl.col("level") == "systematic")["partnership"].to_list()
    assert found == list(made.truth.systematic)


def test_without_any_systematic_partnership_none_is_found(run, find, here):
    """A planted nought is nought, and its interval starts there."""
    e = find(run(evaluation_coverage, here(3, systematic=0).tables), SYSTEMATIC)
    assert (e.value, e.ci_low) == (0, 0)


def test_the_course_over_the_years_counts_only_what_was_there_then(run, find):
    """A partnership whose second year had one review was systematic after the first."""
    rows = [r for r in whole("P1") if r["evidenced_on"] != START + dt.timedelta(days=729)]
    result = run(evaluation_coverage, tables(rows, ["P1"]), observed_until=dt.date(2019, 12, 31))
    assert find(result, SYSTEMATIC).value == 0
    assert find(result, SYSTEMATIC, "2018/19").value == 100
    assert find(result, SYSTEMATIC, "2019/20").value == 0


def test_young_undated_and_foreign_evidence_is_counted(run):
    """Nothing is dropped in silence."""
    given = tables([*whole("P1"), evidence("P9", "aims", 3)], ["P1", "P2", "P3"])
    given["partnerships"] = given["partnerships"].with_columns(
        start_date=pl.Series([START, dt.date(2019, 8, 1), None])
    )
    result = run(evaluation_coverage, given)
    counts = {x.reason: x.n_rows for x in result.exclusions}
    assert counts == {
        "partnership.no_start": 1,
        "partnership.unknown_partnership": 1,
        "partnership.young": 1,
    }


def test_two_coders_must_agree_and_their_kappa_is_that_of_scikit_learn(run, find):
    """A criterion is met if both found it met; kappa is over criteria and partnerships."""
    metrics = pytest.importorskip("sklearn.metrics")
    names = [f"P{i}" for i in range(6)]
    rows = [row for name in names for row in whole(name, coder="a")]
    late = [
        {**row, "coder": "b"}
        for i, name in enumerate(names)
        for row in whole(name)
        if not (row["criterion"] == "comparator" and i < 2) and row["criterion"] != "aims"
    ]
    gone = [r for r in rows if not (r["partnership_id"] == "P0" and r["criterion"] == "comparator")]
    result = run(evaluation_coverage, tables([*gone, *late], names))
    one = [not (i == 0 and c == "comparator") for i in range(6) for c in LABELS]
    two = [not (c == "aims" or (i < 2 and c == "comparator")) for i in range(6) for c in LABELS]
    e = find(result, "Agreement of two coders (kappa)", "criteria")
    assert e.value == pytest.approx(metrics.cohen_kappa_score(one, two))
    scorecard = next(t for t in result.tables if t.id == "scorecard").to_frame()
    assert scorecard["aims"].to_list() == [False] * 6
    assert scorecard["comparator"].to_list() == [False, False, True, True, True, True]


def test_levels_at_work_come_from_the_log(run, find):
    """An outcome for heads alone does not do where deputies were at work too."""
    given = tables(whole("P1"), ["P1"])
    log = pl.DataFrame({"partnership_id": ["P1", "P1"], "level": ["head", "senior_deputy"]})
    scored = [
        run(evaluation_coverage, {**given, **more}).tables[0].to_frame()["outcome_each_level"][0]
        for more in ({}, {"activity": log})
    ]
    assert scored == [True, False]


def settled(rows):
    """Make an agreement of one partnership from item, days and coder."""
    return pl.DataFrame(
        [
            {
                "partnership_id": "P1",
                "item": item,
                "present": days is not None,
                "evidenced_on": None if days is None else START + dt.timedelta(days=days),
                "doc_ref": "agreement.pdf",
                "coder": coder,
            }
            for item, days, coder in rows
        ],
        schema_overrides={"evidenced_on": pl.Date, "coder": pl.String},
    )


ONE = pl.DataFrame({"partnership_id": ["P1"], "start_date": [START]})


def test_an_item_counts_up_to_the_sixtieth_day(run, find):
    """Day 60 is in time, day 61 is later; what is not there is neither."""
    rows = settled([("aims", 60, None), ("roles", 61, None), ("exit", None, None)])
    result = run(agreement_clarity, {"agreements": rows, "partnerships": ONE})
    assert find(result, INDEX).value == pytest.approx(10)
    assert find(result, EVER, "any time").value == pytest.approx(20)
    strict = run(agreement_clarity, {"agreements": rows, "partnerships": ONE}, settled_within=59)
    assert find(strict, INDEX).value == 0


def test_an_item_without_a_reference_does_not_count(run, find):
    """Self-report flatters; a study may say that it has no references."""
    rows = settled([("aims", 1, None)]).with_columns(doc_ref=pl.lit(None, pl.String))
    given = {"agreements": rows, "partnerships": ONE}
    assert find(run(agreement_clarity, given), INDEX).value == 0
    assert find(run(agreement_clarity, given, references=False), INDEX).value == pytest.approx(10)


def test_two_coders_are_averaged(run, find):
    """One saw two items settled, the other one of them."""
    rows = settled([("aims", 1, "a"), ("roles", 1, "a"), ("aims", 1, "b"), ("roles", None, "b")])
    result = run(agreement_clarity, {"agreements": rows, "partnerships": ONE})
    assert find(result, INDEX).value == pytest.approx(15)


def test_index_and_items_are_those_of_a_plain_loop(run, find, here):
    """Over the county, coder by coder."""
    made = here(5)
    starts = dict(made.tables["partnerships"].select("partnership_id", "start_date").rows())
    scores, both = {}, {}
    for row in made.tables["agreements"].rows(named=True):
        limit = starts[row["partnership_id"]] + dt.timedelta(days=60)
        early = bool(row["present"]) and row["evidenced_on"] <= limit
        of = scores.setdefault(row["partnership_id"], {}).setdefault(row["coder"], [])
        of.append(early)
        both.setdefault((row["item"], row["partnership_id"]), []).append(early)
    index = [sum(sum(of) / 10 for of in by.values()) / len(by) for by in scores.values()]
    result = run(agreement_clarity, made.tables)
    assert find(result, INDEX).value == pytest.approx(100 * sum(index) / len(index))
    items = next(t for t in result.tables if t.id == "items").to_frame()
    for item, label in ITEMS.items():
        loop = sum(all(of) for (name, _), of in both.items() if name == item)
        assert items.filter(pl.col("item") == label)["early"].item() == loop


def test_planted_clarity_is_recovered(recovered):
    """Twelve counties: nine intervals or more hold it; at 95 % fewer have a chance of 0.3 %.

    The share planted is that of the first coder; the second differs on one item in ten.
    """
    assert recovered(agreement_clarity, "reviews.clarity", INDEX, scale=100) >= 9


def test_planted_agreement_of_coders_is_recovered(run, find, here):
    """Items flipped with a chance of one in ten: the plain share of agreement, over counties."""
    pairs = []
    for seed in range(8):
        made = here(seed)
        wide = made.tables["agreements"].pivot(
            "coder", index=["partnership_id", "item"], values="present"
        )
        pairs += wide.drop_nulls().select("coder_1", "coder_2").rows()
        kappa = find(
            run(agreement_clarity, made.tables),
            "Agreement of two coders (kappa)",
            "items of agreements",
        )
        assert 0.4 < kappa.value < 1
    agree = sum(a == b for a, b in pairs) / len(pairs)
    assert agree == pytest.approx(0.9, abs=2 * (0.9 * 0.1 / len(pairs)) ** 0.5)
