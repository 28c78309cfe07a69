"""leadership.coaching_dose: hours a leader and term, and what goes with them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

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
    dose_by_school,
    mixed_slope,
)

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


def test_dose_by_hand():
    """Ten days of six hours over two leaders and a year of three terms: ten hours; odd rows out."""
    start, end = dt.date(2018, 9, 1), dt.date(2019, 9, 1)
    names = ["school_key", "type", "dose_delivered", "dose_unit", "start", "end"]
    interventions = pl.DataFrame(
        [
            ("a", "head_mentoring", 10.0, "days", start, end),
            ("a", "middle_leader_coaching", 6.0, "hours", start, end),
            ("a", "joint_cpd", 99.0, "days", start, end),
            ("a", "head_mentoring", 1.0, "fte_terms", start, end),
            ("a", "head_mentoring", 1.0, "days", start, None),
            ("b", "head_mentoring", 1.0, "days", start, end),
        ],
        schema=names,
        orient="row",
    )
    spells = pl.DataFrame(
        {
            "staff_key": ["x", "y", "z"],
            "school_key": ["a"] * 3,
            "level": ["head", "middle", "middle"],
            "start": [dt.date(2015, 9, 1)] * 2 + [dt.date(2019, 1, 1)],
            "end": [None] * 3,
        },
        schema_overrides={"end": pl.Date},
    )
    found, lost = dose_by_school(interventions, spells, CoachingParams())
    terms = 365 / 365.25 * 3
    assert found.rows() == [("a", pytest.approx(60 / terms / 2 + 6 / terms / 2))]
    assert {e.reason: e.n_rows for e in lost} == {
        "leadership.no_hours": 1,
        "leadership.no_time": 1,
        "leadership.no_leaders": 1,
    }


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
    interventions = made.tables["interventions"]
    found, _ = dose_by_school(interventions, made.tables["leadership_spells"], CoachingParams())
    assert found["dose"].min() > 0


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
