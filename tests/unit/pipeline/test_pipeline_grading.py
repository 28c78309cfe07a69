"""Effects that the study's design made are graded by what the run knows, and the line says so."""

from __future__ import annotations

import math
import statistics

import attrs
import polars as pl
import pytest

from impactkit import Card, Design, Estimate, Study, estimating_metric, outcome_metric
from impactkit.pipeline import plan, run
from impactkit.pipeline.core import default_registry
from impactkit.pipeline.execute import prepare
from impactkit.pipeline.facts import facts_of
from impactkit.pipeline.grading import graded
from impactkit.pipeline.metric import run_metric
from impactkit.pipeline.strength import given_as_planned
from impactkit.plugins import PluginInfo
from impactkit.report import render_html, summary_sentences
from impactkit.synthetic import county
from impactkit.theory import Link, Theory

MEASURE = "attainment"
TREATED = "role in ['client', 'peer']"


def study_of(**fields):
    """Return a study of a county's own test, of the one metric and without draws."""
    design = {"outcome": (MEASURE,), "treated": TREATED, "bootstrap": 0, "randomisation": 0}
    design |= fields.pop("design", {})
    given = {"title": "The impact of partnerships", "metrics": {"did.effect": {}}, **fields}
    return Study(design=Design(**design), **given)


def planned(place, study=None, *, registry=None):
    """Return the plan of a county's evaluation."""
    registry = registry or default_registry()
    return plan(study or study_of(), tables=place.tables, registry=registry)


def rules_of(evaluation):
    """Return the rules of the one grade: name -> (found, allows, takes)."""
    [table] = [t for t in evaluation.tables if t.id.startswith("grade_")]
    return {row[0]: row[1:] for row in table.rows}


def headline(evaluation):
    """Return the estimate that did.effect leads with."""
    return evaluation["did.effect"].estimates[0]


@pytest.fixture(scope="module")
def fair():
    """Draw a county whose partnerships were chosen by lot, with an effect of four points."""
    return county(seed=3, selection="random", effect=4.0)


@pytest.fixture(scope="module")
def evaluated(fair):
    """Evaluate it."""
    return run(planned(fair)).evaluation


def facts(place, study=None):
    """Return the facts of a county's effect, the panel that they are of and the estimate."""
    made = planned(place, study)
    _, ground, _ = prepare(made)
    [only] = [p for p in made.metrics if p.metric.id == "did.effect"]
    result = run_metric(only, ground)
    [applied] = ground.applied
    found, _ = facts_of(ground, applied, result, result.estimates[0])
    return found, applied.panel, result


def test_the_headline_has_the_grade_that_its_rules_make(evaluated):
    """The lowest cap less the flaws; nothing else of the metric is graded."""
    rules = rules_of(evaluated)
    cap = min(allows for _, allows, _ in rules.values() if allows is not None)
    taken = min(3, sum(takes or 0 for _, _, takes in rules.values()))
    assert headline(evaluated).grade == max(0, cap - taken)
    assert [e.grade for e in evaluated["did.effect"].estimates[1:]] == [None] * (
        len(evaluated["did.effect"].estimates) - 1
    )
    assert {"design", "precision", "completeness", "balance", "comparability"} <= set(rules)
    assert {"treated clusters", "selection", "plan", "influence", "years before"} <= set(rules)


def test_facts_are_those_of_plain_loops_over_the_panel(fair):
    """Width in standard deviations of untreated schools, years before, and who is treated."""
    found, panel, result = facts(fair)
    rows = panel.frame.to_dicts()
    last = max(r["year"] for r in rows)
    first = min(r["year"] for r in rows)
    phase = {
        s["school_key"]: s["phase"]
        for s in fair.tables["schools"].sort("school_key").to_dicts()
        if s["phase"]
    }
    apart = {}
    for r in rows:
        joins = r["cohort"] is not None and r["cohort"] <= last
        if joins and r["cohort"] <= first:
            continue
        if r["cohort"] is None or r["year"] < r["cohort"]:
            apart.setdefault((r["year"], phase.get(r["school_key"])), []).append(r["value"])
    spreads = [statistics.stdev(v) for v in apart.values() for _ in v if len(v) > 1]
    e = result.estimates[0]
    half = (e.ci_high - e.ci_low) / 2 / statistics.median(spreads)
    assert found.half_width == pytest.approx(half, rel=0.02)
    before = {}
    for r in rows:
        if r["cohort"] is not None and first < r["cohort"] <= last:
            before.setdefault(r["school_key"], 0)
            before[r["school_key"]] += r["year"] < r["cohort"]
    enough = sum(n >= found.pre_years for n in before.values())
    more = sum(n >= found.pre_years + 1 for n in before.values())
    assert 2 * enough >= len(before) > 2 * more
    assert found.treated_clusters == e.n_treated_clusters
    assert found.selected_on_outcome is False
    assert found.flips is False


def test_a_wider_level_does_not_change_the_width_that_is_judged(fair):
    """Precision is judged by the 95 % interval, whatever level the study reports."""
    at_95, _, _ = facts(fair)
    at_80, _, result = facts(fair, study_of(design={"level": 0.8}))
    assert result.estimates[0].level == 0.8
    assert at_80.half_width == pytest.approx(at_95.half_width, rel=0.05)


def test_schools_that_balance_leaves_out_are_lost_to_the_evidence(fair):
    """Complete histories only: the rest of the treated schools cannot be followed."""
    loose, whole_panel, _ = facts(fair)
    strict, panel, _ = facts(fair, study_of(design={"balance": "complete"}))

    def treated(frame):
        return frame.filter(pl.col("cohort").is_not_null())["school_key"].n_unique()

    kept = treated(panel.frame) / treated(whole_panel.frame)
    assert kept < 1
    assert strict.lost == pytest.approx(1 - (1 - loose.lost) * kept)


def test_one_partnership_that_decides_the_sign_is_found():
    """One of six partnerships gains fifteen points, and the others lose three."""
    place = county(seed=3, selection="random", effect=0.0, n_partnerships=6)
    members = place.tables["memberships"].filter(pl.col("role").is_in(["client", "peer"]))
    sizes = members["partnership_id"].value_counts().sort("count", "partnership_id")
    joined = members.group_by("school_key").agg(
        since=pl.col("joined").min().dt.year() + 1,
        gains=pl.when((pl.col("partnership_id") == sizes[-1, 0]).any()).then(15.0).otherwise(-3.0),
    )
    after = (pl.col("year") >= pl.col("since")) & (pl.col("measure") == MEASURE)
    outcomes = (
        place.tables["outcomes"]
        .join(joined, on="school_key", how="left")
        .with_columns(value=pl.col("value") + pl.when(after).then("gains").otherwise(0.0))
        .drop("since", "gains")
    )
    changed = attrs.evolve(place, tables={**place.tables, "outcomes": outcomes})
    found, panel, result = facts(changed)
    assert result.estimates[0].value > 0
    assert panel.frame.filter(pl.col("cohort").is_not_null())["cluster"].n_unique() == 6
    assert found.flips is True


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_nothing_was_done_the_summary_says_that_no_effect_was_found(seed):
    """Schools chosen at their lowest recover: the headline rises, and what is left is nothing."""
    place = county(seed=seed, effect=0.0, selection="worst")
    evaluation = run(planned(place)).evaluation
    first = headline(evaluation)
    assert first.ci_low > 0  # the rise that a report without this would have led with
    assert first.grade <= 1
    assert rules_of(evaluation)["selection"][2] == 1
    summary = " ".join(summary_sentences(evaluation))
    assert "Beyond what schools with such results gain without a partnership, no effect" in summary
    [table] = [t for t in evaluation.tables if t.id.startswith("recovery_")]
    change = {row[0]: row[1] for row in table.rows}
    raw, trend, recovery = list(change.values())[:3]
    left = change["Change beyond trend and recovery"]
    assert math.isclose(raw, trend + recovery + left, abs_tol=1e-9)


def test_chosen_by_lot_and_without_an_effect_none_is_found():
    """No sentence claims anything, and the word of the title is not in the summary."""
    place = county(seed=5, effect=0.0, selection="random")
    evaluation = run(planned(place)).evaluation
    summary = " ".join(summary_sentences(evaluation))
    assert "no effect was found" in summary
    assert not [t for t in evaluation.tables if t.id.startswith("recovery_")]


def test_a_plan_takes_the_flaw_away_and_its_lack_is_one(fair):
    """The lock of a plan marks estimates as planned before they are graded."""
    made = planned(fair)
    _, ground, _ = prepare(made)
    [only] = [p for p in made.metrics if p.metric.id == "did.effect"]
    result = run_metric(only, ground)
    told = {}
    for planned_so in (None, False, True):
        estimates = [attrs.evolve(e, planned=planned_so) for e in result.estimates]
        [done], [rules, *_] = graded(ground, [attrs.evolve(result, estimates=estimates)])
        told[planned_so] = {row[0]: row[3] for row in rules.rows}["plan"]
        assert done.estimates[0].grade is not None
    assert told == {None: 1, False: 1, True: None}


def test_the_design_is_graded_for_any_metric_and_nothing_else_is(fair):
    """A local outcome has a grade; an estimate of a metric's own making has none."""

    @outcome_metric(
        id="kent.twice",
        title="Twice the score",
        needs={"outcomes": ["school_key", "year", "measure", "value"]},
        card=Card(definition="Twice."),
    )
    def twice(context):
        rows = context.table("outcomes").filter(pl.col("measure") == MEASURE)
        return rows.select("school_key", "year", value=2 * pl.col("value"))

    @estimating_metric(id="kent.own", title="Its own", card=Card(definition="Its own."))
    def own(context):
        yield Estimate(estimand="ATT of its own", value=1.0, ci_low=0.5, ci_high=1.5)

    class Local:
        def impactkit_metrics(self):
            return (twice, own)

    from impactkit import hookimpl

    Local.impactkit_metrics = hookimpl(Local.impactkit_metrics)
    registry = default_registry()
    registry.register(Local(), PluginInfo(name="kent", version="1", source="the test"))
    study = study_of(metrics={"kent.twice": {}, "kent.own": {}})
    evaluation = run(planned(fair, study, registry=registry)).evaluation
    assert evaluation["kent.twice"].estimates[0].grade is not None
    assert [t.id for t in evaluation.tables if t.id.startswith("grade_")] == ["grade_kent_twice"]
    assert evaluation["kent.own"].estimates[0].grade is None


def test_the_line_has_grade_theory_and_what_was_given(fair):
    """Three axes; the picture of the theory is in the page, with what speaks against it."""
    theory = Theory(
        links=[
            Link(cause="Coaching", effect="Confidence", evidence="the survey", grade=2),
            Link(cause="Confidence", effect="Results"),
        ],
        story="Coaching came first.",
        disconfirming="Results rose before coaching began",
    )
    evaluation = run(planned(fair, study_of(theory=theory))).evaluation
    shares = [
        min(1.0, row["dose_delivered"] / row["dose_planned"])
        for row in fair.tables["interventions"].to_dicts()
        if row["dose_planned"] and row["dose_delivered"] is not None
    ]
    assert given_as_planned(fair.tables["interventions"]) == pytest.approx(shares)
    line = (
        f"Evidence of effect {headline(evaluation).grade}/5 · Theory T3 · "
        f"Given as planned {100 * statistics.mean(shares):.0f}%"
    )
    assert evaluation.tables[0].title == line
    page = render_html(evaluation)
    assert line in page
    assert "evidence 2/5: the survey" in page
    assert "no evidence given" in page
    assert page.count('<li class="node">Confidence</li>') == 1
    assert "Results rose before coaching began." in page


def test_an_evaluation_without_an_effect_says_that_nothing_was_graded(fair):
    """With help that was recorded, there is a line all the same."""
    study = study_of(metrics={"partnership.landscape": {}})
    evaluation = run(planned(fair, study)).evaluation
    assert evaluation.tables[0].title.startswith("Evidence of effect not graded · Theory T0")
