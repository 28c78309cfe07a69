"""A locked plan against a run: what counts as kept, changed, added, dropped or carried on."""

from __future__ import annotations

import attrs
import pytest

from impactkit.planning import (
    LockedPlan,
    Reading,
    decided,
    plan_name,
    read_plan,
    readings,
    record_reading,
    standing,
    write_plan,
)
from impactkit.study import Study

METRICS = {"did.effect": {}, "kent.size": {"from": 3}}


def content(metrics=None, study=None, **design):
    """Return what a study decides."""
    base = {"outcome": ["a", "b"], "years": [2012, 2019]}
    values = {"study": {"title": "Two", **(study or {})}, "design": {**base, **design}}
    return decided(Study.parse(values), METRICS if metrics is None else metrics)


@pytest.fixture
def plan(tmp_path):
    """Return a plan that was locked before any outcome was read."""
    return write_plan(LockedPlan(created="2020-01-01T00:00:00+00:00", content=content()), tmp_path)


def kinds(found):
    """Return the deviations that are not as planned."""
    return {d.key: d.kind for d in found.deviations if d.kind != "as planned"}


def test_a_plan_read_back_is_the_plan_that_was_locked(plan, tmp_path):
    """Nothing is lost on the way through the file, and the hash is right."""
    again = read_plan(tmp_path)
    assert again == plan
    assert again.intact
    assert not attrs.evolve(again, created="2019-01-01T00:00:00+00:00").intact
    assert not kinds(standing(again, content(), None))


@pytest.mark.parametrize(
    ("run", "key", "kind", "planned"),
    [
        (content(comparison="never"), "design.comparison", "changed", (False, False)),
        (content(years=[2012, 2018]), "design.years", "changed", (False, False)),
        (content(years=[2012, 2020]), "design.years", "carried on", (True, True)),
        (content(years=[2011, 2020]), "design.years", "changed", (False, False)),
        (content(study={"seed": 5}), "seed", "changed", (True, True)),
        (content(study={"max_rejected": 0.5}), "max_rejected", "changed", (False, False)),
        (content({**METRICS, "kent.size": {"from": 4}}), "metrics.kent.size", "changed",
         (True, False)),
        (content({"kent.size": {"from": 3}}), "metrics.did.effect", "dropped", (True, True)),
        (content(outcome=["a"]), "design.outcome.b", "dropped", (True, True)),
    ],
)  # fmt: skip
def test_each_departure_is_named_and_costs_what_it_touches(plan, run, key, kind, planned):
    """A changed design costs all results, a changed metric its own, a formality none."""
    found = standing(plan, run, None)
    assert kinds(found)[key] == kind
    assert (found.planned("did.effect", "a"), found.planned("kent.size", "kent.size")) == planned


def test_a_metric_added_is_not_planned_and_the_others_are(plan):
    """What the plan does not have is exploratory, whatever it finds."""
    found = standing(plan, content({**METRICS, "kent.noise": {}}), None)
    assert not found.planned("kent.noise", "kent.noise")
    assert found.planned("did.effect", "a")
    assert found.counts()["added"] == 1


def test_order_is_taken_from_the_record_and_not_from_clocks(plan, tmp_path):
    """A plan counts when outcomes were first read under it, or under one that it replaces."""
    assert not standing(plan, content(), None).late
    assert not standing(plan, content(), Reading(at="2001-01-01", plans=["x", plan.sha256])).late
    assert standing(plan, content(), Reading(at="2099-01-01")).late
    later = write_plan(attrs.evolve(plan, replaces=(plan.sha256,), created="2021"), tmp_path)
    assert not standing(later, content(), Reading(at="x", plans=[plan.sha256])).late
    known = attrs.evolve(plan, read_before=Reading(at="2019-12-31"))
    assert "2019-12-31" in standing(known, content(), None).late
    assert not standing(known, content(), None).planned("did.effect", "a")


def test_a_look_is_recorded_once_under_each_plan_and_for_each_year(plan, tmp_path, monkeypatch):
    """The record does not grow with every run, and its first line stays."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    for name, through in (("", 2019), ("", 2019), ("plan.json", 2019), ("", 2020), ("", 2020)):
        (tmp_path / "run").mkdir(exist_ok=True)
        if name:
            write_plan(plan, tmp_path / "run", name)
        record_reading(tmp_path / "run", through)
    assert readings(tmp_path / "run") == tuple(
        Reading(at="1970-01-01T00:00:00+00:00", plans=plans, through=through)
        for plans, through in (((), 2019), ((plan.sha256,), 2019), ((plan.sha256,), 2020))
    )


def test_two_studies_in_one_folder_have_plans_of_their_own(plan, tmp_path):
    """Both plans were there at the first look, so both count."""
    other = write_plan(attrs.evolve(plan, created="2021"), tmp_path, plan_name("absence.toml"))
    record_reading(tmp_path, 2019)
    [first] = readings(tmp_path)
    assert not standing(plan, content(), first).late
    assert not standing(other, content(), first).late
    assert read_plan(tmp_path) == plan
    assert read_plan(tmp_path, "absence.plan.json") == other
