"""M40: one test of the gap, from published results and from pupils' records."""

from __future__ import annotations

import datetime as dt
import statistics

import numpy as np
import polars as pl
import pytest

from impactkit import Design, MetricContext, improvement
from impactkit_pupils.common import estimate, joint
from impactkit_pupils.standing import placed
from impactkit_pupils.subgroup import GAP, OF_GROUP, RAW, subgroup_gap

SEEDS = range(6)
YEARS = (2016, 2017, 2018)


def small(*, seed=0, n=12, joined=8, gain=5.0, pupils=30):
    """Return results of both groups; in schools that joined in 2018 the one gains `gain` more."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n):
        for year in YEARS:
            level = 60 + 3 * rng.standard_normal()
            more = gain if k < joined and year == 2018 else 0.0
            for subgroup, value in (
                ("all", level),
                ("fsm6", level - 15 + more + rng.standard_normal()),
                ("non_fsm6", level + 4 + rng.standard_normal()),
            ):
                rows.append((100001 + k, year, "ready", subgroup, value, pupils))
    names = ["urn", "year", "measure", "subgroup", "value", "denominator"]
    members = [(f"P{k // 2}", 100001 + k, dt.date(2017, 9, 1)) for k in range(joined)]
    return {
        "outcomes": pl.DataFrame(rows, schema=names, orient="row"),
        "memberships": pl.DataFrame(
            members, schema=["partnership_id", "urn", "joined"], orient="row"
        ),
        "measures": pl.DataFrame({"measure": ["ready"], "label": ["Ready"], "unit": ["percent"]}),
    }


def of(result, estimand, **where):
    """Return the one estimate of that name."""
    (found,) = [
        e
        for e in result.estimates
        if e.estimand == estimand and all(getattr(e, k) == v for k, v in where.items())
    ]
    return found


def by_hand(tables, scaled):
    """Return the change of the gap in joined schools less that elsewhere, by plain loops."""
    cell = {(k, y, g): v for k, y, _, g, v, _ in tables["outcomes"].iter_rows()}
    schools = sorted({k for k, _, _ in cell})
    sd = {y: statistics.stdev(cell[k, y, "all"] for k in schools) if scaled else 1.0 for y in YEARS}
    inside = set(tables["memberships"]["urn"])

    def change(k):
        gaps = [(cell[k, y, "fsm6"] - cell[k, y, "non_fsm6"]) / sd[y] for y in (2017, 2018)]
        return gaps[1] - gaps[0]

    return statistics.mean(change(k) for k in schools if k in inside) - statistics.mean(
        change(k) for k in schools if k not in inside
    )


def test_the_change_of_the_gap_is_that_of_plain_loops(evaluated):
    """In standard deviations of schools' results for all pupils, and as published."""
    tables = small()
    result = evaluated(subgroup_gap, tables, outcome="ready")
    assert of(result, GAP).value == pytest.approx(by_hand(tables, scaled=True))
    assert of(result, RAW).value == pytest.approx(by_hand(tables, scaled=False))
    assert of(result, RAW).unit == "percentage points"
    assert of(result, GAP).unit == "school standard deviations"
    assert any("not comparable with effect sizes" in w for w in of(result, GAP).warnings)


def test_groups_have_no_p_values_of_their_own(evaluated):
    """Their difference is the gap's; it alone is tested."""
    result = evaluated(subgroup_gap, small(), outcome="ready")
    groups = [of(result, OF_GROUP, subgroup=name) for name in ("fsm6", "non_fsm6")]
    # A summary reads out what has no term: the gap, and not either group.
    assert {e.estimand for e in result.estimates if not e.term} == {GAP, RAW}
    assert [e.p_value for e in groups] == [None, None]
    assert groups[0].value - groups[1].value == pytest.approx(of(result, GAP).value)
    assert of(result, GAP).p_value is not None


def test_the_joint_covariance_gives_the_standard_error_of_the_gap_itself():
    """An identity: the interaction of two stacked series is the effect on their difference."""
    rng = np.random.default_rng(3)
    rows = [
        (
            f"s{k:02}",
            year,
            [2018, 2019, None][k // 6 if k < 12 else 2],
            f"P{k // 3}" if k < 12 else f"s{k:02}",
            rng.standard_normal(),
            rng.standard_normal(),
        )
        for k in range(22)
        for year in range(2016, 2021)
    ]
    names = ["school_key", "year", "cohort", "cluster", "a", "b"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    frames = {name: frame.with_columns(value=pl.col(name)) for name in ("a", "b")}
    context = MetricContext(metric="pupils.subgroup_gap", design=Design(outcome=("a",)))
    both = joint(frames, context, before=(-1, -1), after=(0, 9))
    found = estimate(context, GAP, both, both.weights(a=1.0, b=-1.0))
    direct = improvement(frame.with_columns(value=pl.col("a") - pl.col("b")), after=(0, 9))
    fit = direct.regress()
    assert found.value == pytest.approx(float(fit.values[0]))
    assert found.std_error == pytest.approx(float(fit.std_errors[0]))
    assert found.n_schools == 12
    assert found.n_partnerships == 4
    assert found.n_comparison == direct.n_comparison


def test_too_few_pupils_of_a_group_are_told_of_without_a_figure(evaluated):
    """A group of ten in all schools that joined is under the eleven that are asked for."""
    tables = small(n=6, joined=2, pupils=1)
    (only,) = evaluated(subgroup_gap, tables, outcome="ready").estimates
    assert only.status == "not_estimable"
    assert only.value is None


def test_school_years_with_one_group_are_counted(evaluated):
    """A suppressed group takes its school-year with it, and that is told."""
    tables = small(n=20)
    hidden = (pl.col("urn") > 100016) & (pl.col("subgroup") == "fsm6") & (pl.col("year") > 2016)
    tables["outcomes"] = tables["outcomes"].with_columns(
        value=pl.when(hidden).then(None).otherwise("value")
    )
    result = evaluated(subgroup_gap, tables, outcome="ready")
    (lost,) = [x for x in result.exclusions if x.reason == "pupils.incomplete"]
    assert lost.n_rows == 8
    assert of(result, GAP).n_comparison == 8


def test_without_the_groups_it_says_which_rows_to_give(evaluated):
    """No group is made of what is not there."""
    tables = small()
    tables["outcomes"] = tables["outcomes"].filter(subgroup="all")
    (only,) = evaluated(subgroup_gap, tables, outcome="ready").estimates
    assert only.status == "not_estimable"
    assert "fsm6" in only.reason


def test_results_told_twice_are_nobodys_and_counted():
    """A school that goes on under another number has two results of each group in that year."""
    outcomes = small()["outcomes"].with_columns(school_key=pl.col("urn").cast(pl.String))
    twin = outcomes.filter((pl.col("urn") == 100001) & (pl.col("year") == 2017))
    tables = {"outcomes": pl.concat([outcomes, twin])}
    context = MetricContext(metric="pupils.subgroup_gap", tables=tables)
    found = placed(context, "ready", "fsm6", "non_fsm6")
    (lost,) = [x for x in found.exclusions if x.reason == "pupils.told_twice"]
    assert lost.n_rows == 2 * twin.height
    assert found.frame.filter(school_key="100001", year=2017).is_empty()


def test_records_of_pupils_are_placed_among_pupils(evaluated):
    """With records the scale is the spread of pupils, and the values are means of their scores."""
    rng = np.random.default_rng(5)
    tables = small(n=8, joined=4)
    rows = [
        (
            f"p{k}{y}{j}",
            100001 + k,
            y,
            "maths",
            float(rng.normal(100 - 8 * (j % 2), 15)),
            j % 2 == 1,
        )
        for k in range(8)
        for y in YEARS
        for j in range(10)
    ]
    names = ["pupil_key", "urn", "year", "measure", "score", "fsm6"]
    tables["pupils"] = pl.DataFrame(rows, schema=names, orient="row")
    found = of(evaluated(subgroup_gap, tables, outcome="ready"), GAP, measure="maths")
    assert found.unit == "pupil standard deviations"
    assert found.n_people == 4 * 3 * 5
    sd = {y: statistics.stdev(s for _, _, year, _, s, _ in rows if year == y) for y in YEARS}

    def gap(k, y):
        def mean(poor):
            return statistics.mean(
                r[4] for r in rows if (r[1], r[2], r[5]) == (100001 + k, y, poor)
            )

        return (mean(poor=True) - mean(poor=False)) / sd[y]

    change = [gap(k, 2018) - gap(k, 2017) for k in range(8)]
    by_loops = statistics.mean(change[:4]) - statistics.mean(change[4:])
    assert found.value == pytest.approx(by_loops)


@pytest.mark.parametrize(
    ("measure", "planted"),
    [("expected_standard", "subjects.fsm6_gap_effect"), ("mathematics", "pupils.fsm6_gap_effect")],
)
def test_a_narrower_gap_is_recovered(on_county, measure, planted):
    """Six counties, from published shares and from records: five or more within two errors."""
    near = 0
    for seed in SEEDS:
        here, result = on_county(subgroup_gap, seed, n_schools=240, effect={"fsm6_gap": -9.0})
        found = of(result, RAW, measure=measure)
        near += abs(found.value + here.truth.planted[planted]) < 2 * found.std_error
    assert near >= 5


def test_no_change_is_found_where_none_was_planted(on_county):
    """Six counties, two measures each: at most two of twelve intervals miss zero."""
    missed = 0
    for seed in SEEDS:
        _, result = on_county(subgroup_gap, seed)
        both = [e for e in result.estimates if e.estimand == GAP]
        assert len(both) == 2
        missed += sum(not e.ci_low <= 0 <= e.ci_high for e in both)
    assert missed <= 2
