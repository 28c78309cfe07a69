"""leadership.coaching_dose: hours a leader and term, and what goes with them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from impactkit import Estimate, Exclusion, MetricContext
from impactkit_leadership.coaching import (
    BY_DOSE,
    DOSE,
    SLOPE,
    CoachingParams,
    coaching_dose,
    mixed_slope,
)
from impactkit_leadership.coaching_hours import dose_by_school

synthetic = pytest.importorskip("impactkit.synthetic")
staffroom = pytest.importorskip("impactkit.synthetic.staffroom")


def run(tables, **params):
    """Run the metric and return what it yields, by kind."""
    found = defaultdict(list)
    context = MetricContext(
        metric="leadership.coaching_dose", tables=tables, params=CoachingParams(**params)
    )
    for part in coaching_dose(context):
        found[type(part)].append(part)
    return found


def one(found, estimand, term=""):
    """Return one estimate."""
    (e,) = [e for e in found[Estimate] if (e.estimand, e.term) == (estimand, term)]
    return e


NAMES = ["school_key", "type", "dose_delivered", "dose_unit", "start", "end"]
START, END = dt.date(2018, 9, 1), dt.date(2019, 9, 1)
TERMS = 365 / 365.25 * 3


def doses(*rows, surveyed=(dt.date(2018, 9, 1), dt.date(2021, 7, 1))):
    """Return dose by school, and rows left out by reason; schools `a`, `c` and `d` have leaders."""
    spells = pl.DataFrame(
        {
            "staff_key": ["x", "y", "z", "c", "d"],
            "school_key": ["a", "a", "a", "c", "d"],
            "level": ["head", "middle", "middle", "head", "head"],
            "start": [dt.date(2015, 9, 1)] * 2 + [dt.date(2019, 1, 1)] + [dt.date(2015, 9, 1)] * 2,
            "end": [None] * 5,
        },
        schema_overrides={"end": pl.Date},
    )
    found, lost = dose_by_school(
        pl.DataFrame(rows, schema=NAMES, orient="row"),
        spells,
        pl.DataFrame(
            [(school, *surveyed) for school in "abcd"],
            schema={"school_key": pl.String, "first": pl.Date, "last": pl.Date},
            orient="row",
        ),
        CoachingParams(),
    )
    return dict(found.rows()), {e.reason: e.n_rows for e in lost}


def test_dose_by_hand():
    """Ten days of six hours and six hours over two leaders and a year; other help is not coaching.

    A part of unknown size makes the school's dose unknown: it had coaching, and not none.
    """
    found, lost = doses(
        ("a", "head_mentoring", 10.0, "days", START, END),
        ("a", "middle_leader_coaching", 6.0, "hours", START, END),
        ("a", "joint_cpd", 99.0, "days", START, END),
        ("b", "head_mentoring", 1.0, "days", START, END),
        ("c", "head_mentoring", 10.0, "days", START, END),
        ("c", "head_mentoring", 1.0, "fte_terms", START, END),
        ("d", "head_mentoring", 1.0, "days", START, None),
    )
    assert found == {"a": pytest.approx((60 + 6) / 2 / TERMS), "b": None, "c": None, "d": None}
    assert lost == {
        "leadership.no_hours": 1,
        "leadership.no_time": 1,
        "leadership.no_leaders": 1,
    }


def test_coaching_year_after_year_is_no_more_in_a_term():
    """Thirty hours a year for two years are ten in a term, as they are for one year."""
    again = dt.date(2020, 9, 1)
    found, _ = doses(
        ("c", "head_mentoring", 30.0, "hours", START, END),
        ("c", "head_mentoring", 30.0, "hours", END, again),
    )
    assert found["c"] == pytest.approx(60 / (TERMS * (again - START).days / 365))
    assert found["c"] == pytest.approx(10, rel=0.01)


def test_coaching_at_another_time_goes_with_no_change():
    """What ended before the first survey, or began after the last, is left out and counted."""
    found, lost = doses(
        ("c", "head_mentoring", 30.0, "hours", START, END),
        ("c", "head_mentoring", 90.0, "hours", dt.date(2016, 9, 1), dt.date(2017, 9, 1)),
        ("d", "head_mentoring", 90.0, "hours", dt.date(2021, 9, 1), None),
    )
    assert found == {"c": pytest.approx(30 / TERMS)}
    assert lost == {"leadership.another_time": 2}


def test_schools_of_unknown_coaching_are_not_taken_for_uncoached():
    """Their leaders are in no figure, and are counted."""
    made = synthetic.county(seed=1, full=True).tables
    before = one(run(made), SLOPE)
    coached = made["interventions"].filter(pl.col("type") == "head_mentoring")["school_key"][0]
    unknown = made["interventions"].with_columns(
        dose_delivered=pl.when(pl.col("school_key") == coached)
        .then(None)
        .otherwise("dose_delivered")
    )
    found = run({**made, "interventions": unknown})
    lost = {e.reason: e.n_rows for e in found[Exclusion]}
    assert lost["leadership.dose_not_known"] > 0
    after = one(found, SLOPE)
    assert after.n_people == before.n_people - lost["leadership.dose_not_known"]


def by_gls(change, dose, school):
    """Return the slope by full generalised least squares over people, variances by moments."""
    names = sorted(set(school))
    n = {s: (school == s).sum() for s in names}
    mean = {s: change[school == s].mean() for s in names}
    within = sum(((change[school == s] - mean[s]) ** 2).sum() for s in names)
    within /= len(change) - len(names)
    X = np.array([[1.0, dose[school == s][0]] for s in names])
    y = np.array([mean[s] for s in names])
    hat = X @ np.linalg.inv(X.T @ X) @ X.T
    left = 1 - np.diag(hat)
    residual = y - hat @ y
    size = np.array([n[s] for s in names])
    between = max(0.0, ((residual**2).sum() - within * (left / size).sum()) / left.sum())
    omega = within * np.eye(len(change)) + between * (school[:, None] == school[None, :])
    full = np.stack([np.ones(len(change)), dose], axis=1)
    inverse = np.linalg.inv(omega)
    return np.linalg.solve(full.T @ inverse @ full, full.T @ inverse @ change)


def test_the_slope_is_that_of_the_mixed_model_over_people():
    """School means with their weights give what least squares over every person gives."""
    rng = np.random.default_rng(1)
    school = np.repeat(np.arange(15), rng.integers(2, 9, 15))
    dose = rng.exponential(2, 15)[school]
    change = 0.3 + 0.1 * dose + rng.normal(0, 0.3, 15)[school] + rng.normal(0, 0.5, len(school))
    found = mixed_slope(change, dose, school)
    assert found == pytest.approx(tuple(by_gls(change, dose, school)))


@pytest.mark.parametrize("slope", [staffroom.SLOPE, 0.0])
def test_a_planted_slope_is_recovered(slope, monkeypatch):
    """Six of eight counties or more within two standard errors; fewer has a chance of 0.6 %.

    Answers are whole numbers from one to five, so a steep slope is flattened a little at the top.
    """
    monkeypatch.setattr(staffroom, "SLOPE", slope)
    near = 0
    for seed in range(8):
        made = synthetic.county(seed=seed, full=True, n_schools=400)
        e = one(run(made.tables), SLOPE)
        near += abs(e.value - slope) < 2 * e.std_error
        assert any("not what it did" in w for w in e.warnings)
    assert near >= 6


def test_the_dose_of_a_county_is_the_one_that_was_planted():
    """The median of schools with coaching whose leaders answered both times."""
    made = synthetic.county(seed=1, full=True)
    e = one(run(made.tables), DOSE)
    assert e.status == "ok"
    assert e.ci_low <= e.value <= e.ci_high
    assert run(made.tables)[Exclusion] == []
    planted = staffroom.coached(SimpleNamespace(tables=made.tables))
    answered = set(made.tables["survey_responses"]["school_key"])
    doses = sorted(dose for school, dose in planted.items() if school in answered)
    assert e.n_schools <= len(doses)
    assert min(doses) <= e.value <= max(doses)


def test_thirds_hold_everybody_who_answered_twice():
    """The people of the thirds are those of the slope."""
    found = run(synthetic.county(seed=2, full=True, n_schools=400).tables)
    thirds = [e for e in found[Estimate] if e.estimand == BY_DOSE and e.status == "ok"]
    assert len(thirds) >= 2
    assert sum(e.n_people for e in thirds) <= one(found, SLOPE).n_people


def test_nobody_coached_or_nobody_asked_is_told_as_such():
    """Without variation nothing goes with coaching; without answers there is nothing."""
    tables = synthetic.county(seed=1, full=True).tables
    none = tables["interventions"].filter(pl.col("type") == "joint_cpd")
    e = one(run({**tables, "interventions": none}), SLOPE)
    assert e.status == "not_estimable"
    assert "same amount" in e.reason
    silent = tables["survey_responses"].clear()
    e = one(run({**tables, "survey_responses": silent}), SLOPE)
    assert e.status == "not_estimable"
    assert "questionnaire" in e.reason
