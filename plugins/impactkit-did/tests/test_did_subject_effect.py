"""did.subject_effect: a specialist's planted effect, and who is compared with whom."""

from __future__ import annotations

import datetime as dt
from functools import cache

import polars as pl
import pytest

from impactkit import Design, Study, evaluate

county = pytest.importorskip("impactkit.synthetic").county

BEYOND = "ATT with a specialist less ATT in other partnership schools"
PLAIN = {"conversions": 0.0, "closures": 0.0, "merges": 0, "selection": "random", "full": True}


@cache
def here(seed, size=4.0):
    """Invent a full county in which specialists raise mathematics."""
    return county(seed=seed, n_schools=400, effect={"mathematics": size}, **PLAIN)


def run(tables, **params):
    """Evaluate did.subject_effect on frames in memory."""
    names = ("outcomes", "memberships", "interventions", "measures")
    study = Study(
        title="Mathematics",
        design=Design(
            outcome="mathematics", treated="role != 'supporter'", bootstrap=0, randomisation=0
        ),
        metrics={"did.subject_effect": params},
    )
    return evaluate(study, tables={n: tables[n] for n in names if n in tables})[
        "did.subject_effect"
    ]


@pytest.mark.parametrize("size", [4.0, 0.0])
def test_what_was_planted_is_recovered_both_ways(size):
    """Beyond schools in no partnership, and beyond partnership schools without a specialist.

    Partnerships do nothing to mathematics by themselves, so both are the specialist's. Six
    authorities: ten of twelve or more within two standard errors.
    """
    near = 0
    for seed in range(6):
        found = run(here(seed, size).tables).estimates
        (beyond,) = [e for e in found if e.estimand == BEYOND]
        for e in (found[0], beyond):
            near += abs(e.value - size) < 2 * e.std_error
    assert near >= 10


def test_the_schools_are_those_with_a_specialist():
    """The headline rests on them, and on no school of a partnership for comparison."""
    made = here(0)
    found = run(made.tables)
    head = found.estimates[0]
    assert head.n_schools == made.truth.planted["subjects.n_specialist_schools"]
    inside = made.tables["memberships"]["school_key"].n_unique()
    assert head.n_comparison <= 400 - inside + head.n_schools


def test_another_subject_is_not_estimated_from_this_one():
    """Specialists of mathematics say nothing on English; the reason names what to supply."""
    found = run(here(1).tables, subject="english")
    (only,) = found.estimates
    assert only.status == "not_estimable"
    assert "english" in only.reason
    found = run(here(1).tables, measure="sciense")
    assert "sciense" in found.estimates[0].reason
    assert "mathematics" in found.estimates[0].reason


def exact(came, *, of_partnership=0.0):
    """Evaluate twelve pairs of schools that follow their paths without noise; eight join in 2014.

    `came` has the year in which a specialist came to a pair (adding two points from the next
    summer on), `of_partnership` is what joining adds by itself.
    """
    outcomes, memberships, interventions = [], [], []
    for p in range(12):
        for urn in (100001 + 2 * p, 100002 + 2 * p):
            for year in range(2012, 2020):
                value = 100.0 + p % 4 + 0.5 * (year - 2012)
                value += 2.0 * (year > came.get(p, 2100)) + of_partnership * (p < 8 and year > 2014)
                row = {"urn": urn, "year": year, "measure": "mathematics", "value": value}
                outcomes.append(row)
            if p < 8:
                joined = dt.date(2014, 9, 1)
                memberships.append({"partnership_id": f"p{p}", "urn": urn, "joined": joined})
            if p in came:
                specialist = {"type": "specialist_teacher", "subject": "Mathematics"}
                about = {"intervention_id": f"i{urn}", "partnership_id": f"p{p}", "urn": urn}
                interventions.append({**about, **specialist, "start": dt.date(came[p], 9, 1)})
    about = {"measure": "mathematics", "label": "Mathematics", "unit": "points"}
    tables = {
        "outcomes": pl.DataFrame(outcomes),
        "memberships": pl.DataFrame(memberships),
        "interventions": pl.DataFrame(interventions),
        "measures": pl.DataFrame([{**about, "direction": "higher", "low": 0.0, "high": 200.0}]),
    }
    design = Design(outcome="mathematics", bootstrap=0, randomisation=0)
    study = Study(title="Exact", design=design, metrics={"did.subject_effect": {}})
    return evaluate(study, tables=tables)["did.subject_effect"]


def test_a_specialist_who_comes_later_starts_later():
    """Who comes in the second year is compared with the year before, not with joining."""
    found = exact(dict.fromkeys((0, 2, 4, 6), 2015)).estimates
    assert found[0].value == pytest.approx(2.0, abs=1e-9)
    by_term = {e.term: e.value for e in found if e.estimand.startswith("ATT, event")}
    assert by_term["0"] == pytest.approx(2.0, abs=1e-9)
    (beyond,) = [e for e in found if e.estimand == BEYOND]
    assert beyond.value == pytest.approx(2.0, abs=1e-9)


def test_a_school_is_no_comparison_once_it_is_in_a_partnership():
    """Not even while it waits for its specialist: what joining adds would be taken for usual.

    Pairs that get her with joining gain five points, those that get her later two more than they
    had. The years that are left out are counted.
    """
    result = exact({0: 2014, 2: 2014, 4: 2016, 6: 2016}, of_partnership=3.0)
    by_cohort = {e.term: e.value for e in result.estimates if e.estimand.startswith("ATT, cohort")}
    assert by_cohort == pytest.approx({"2015": 5.0, "2017": 2.0}, abs=1e-9)
    (lost,) = [x for x in result.exclusions if x.reason == "did.before_specialist"]
    assert lost.n_rows == 4 * len(range(2012, 2016))
