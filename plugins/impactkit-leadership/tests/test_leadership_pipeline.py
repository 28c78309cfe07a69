"""leadership.pipeline: promotion and leaving compete, and the clock starts on being seen."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import polars as pl
import pytest

from impactkit import Estimate, Exclusion, MetricContext, Table
from impactkit_leadership.pipeline import LEFT, PROMOTED, PipelineParams, pipeline
from impactkit_leadership.shares import IN, OUT

synthetic = pytest.importorskip("impactkit.synthetic")
talent = pytest.importorskip("impactkit.synthetic.talent")


def run(tables, **params):
    """Run the metric and return what it yields, by kind."""
    found = defaultdict(list)
    context = MetricContext(
        metric="leadership.pipeline", tables=tables, params=PipelineParams(**params)
    )
    for part in pipeline(context):
        found[type(part)].append(part)
    return found


def one(found, estimand, subgroup="all"):
    """Return one estimate."""
    (e,) = [e for e in found[Estimate] if (e.estimand, e.subgroup) == (estimand, subgroup)]
    return e


def incidence(people, cause, years):
    """Return the cumulative incidence of a cause by a plain loop over times of ending."""
    alive, share = 1.0, 0.0
    for t in sorted({t for t, end in people if end}):
        if t > years:
            break
        at_risk = sum(other >= t for other, _ in people)
        share += alive * sum(end == cause and other == t for other, end in people) / at_risk
        alive *= 1 - sum(end is not None and other == t for other, end in people) / at_risk
    return 100 * share


def test_incidence_by_a_loop():
    """Aalen and Johansen's sum over times, of a county's whole pool."""
    pool = synthetic.county(seed=3, full=True).tables["talent_pool"]
    people = []
    for seen, promoted, left, until in pool.select(
        "identified_on", "promoted_on", "left_on", "observed_until"
    ).rows():
        end = "promoted" if promoted else "left" if left else None
        people.append((((promoted or left or until) - seen).days / 365.25, end))
    found = run({"talent_pool": pool})
    assert one(found, PROMOTED).value == pytest.approx(incidence(people, "promoted", 3))
    assert one(found, LEFT).value == pytest.approx(incidence(people, "left", 3))


def test_what_was_planted_is_recovered():
    """Promotion within three years in and out of partnerships: nine of ten or more."""
    near = 0
    for seed in range(5):
        made = synthetic.county(seed=seed, full=True, n_schools=500)
        found = run(made.tables)
        for group, name in ((IN, "partnership"), (OUT, "other")):
            truth = 100 * made.truth.planted[f"talent.promoted_in_3_{name}"]
            e = one(found, PROMOTED, group)
            near += abs(e.value - truth) < 2 * e.std_error
    assert near >= 9


def test_no_difference_is_found_where_none_was_planted(monkeypatch):
    """The same chances in and out: at most one of six intervals misses zero."""
    monkeypatch.setattr(talent, "PROMOTED", {"partnership": 0.18, "other": 0.18})
    missed = 0
    for seed in range(6):
        made = synthetic.county(seed=seed, full=True, n_schools=300)
        e = one(run(made.tables), f"{PROMOTED}: partnership schools less others")
        missed += not e.ci_low <= 0 <= e.ci_high
    assert missed <= 1


def pool(n=20, **more):
    """Return people of ten schools, seen in 2015 and not yet promoted."""
    day = dt.date(2015, 9, 1)
    frame = pl.DataFrame(
        {
            "staff_key": [f"t{k}" for k in range(n)],
            "school_key": [f"s{k % 10}" for k in range(n)],
            "identified_on": [day] * n,
            "promoted_on": [None if k % 2 else dt.date(2017, 9, 1) for k in range(n)],
            "left_on": [dt.date(2016, 9, 1) if k % 4 == 1 else None for k in range(n)],
            "observed_until": [dt.date(2020, 8, 31)] * n,
        }
    )
    return {"talent_pool": frame.with_columns(**more)}


def test_the_clock_starts_on_being_seen_whatever_the_programme():
    """When somebody began a programme changes nothing: until then nobody could have left."""
    late = pool(started_on=pl.lit(dt.date(2017, 8, 1)))
    assert one(run(late), PROMOTED).value == one(run(pool()), PROMOTED).value
    # A quarter left after a year, half were promoted after two: nobody else's time ended.
    assert one(run(pool()), PROMOTED).value == pytest.approx(50.0)
    assert one(run(pool()), LEFT).value == pytest.approx(25.0)


def test_one_person_counts_once_and_strays_are_counted():
    """Seen again, seen after being promoted, and without a day."""
    tables = pool()
    again = tables["talent_pool"].head(2).with_columns(identified_on=pl.lit(dt.date(2016, 1, 1)))
    blank = (
        tables["talent_pool"]
        .tail(1)
        .with_columns(staff_key=pl.lit("x"), identified_on=pl.lit(None, pl.Date))
    )
    before = (
        tables["talent_pool"]
        .head(1)
        .with_columns(staff_key=pl.lit("y"), identified_on=pl.lit(dt.date(2018, 1, 1)))
    )
    frame = pl.concat([tables["talent_pool"], again, blank, before])
    found = run({"talent_pool": frame})
    assert one(found, PROMOTED).value == pytest.approx(50.0)
    lost = {e.reason: e.n_rows for e in found[Exclusion]}
    assert lost == {
        "leadership.incomplete_pool": 1,
        "leadership.seen_again": 2,
        "leadership.backward_pool": 1,
    }


def test_few_people_or_schools_are_not_shown():
    """Nobody, few, and few schools: each says why."""
    assert one(run(pool(0)), PROMOTED).status == "not_estimable"
    assert one(run(pool(6)), PROMOTED).status == "not_estimable"
    assert one(run(pool(12), min_schools=11), PROMOTED).status == "withheld"


def test_half_is_not_said_to_be_out_of_reach_where_nobody_may_know():
    """Too few people have no half either, for the same reason; and a half says whose it is."""
    half = "Years until half had been promoted"
    few, share = one(run(pool(6)), half), one(run(pool(6)), PROMOTED)
    assert (few.status, few.reason) == (share.status, share.reason)
    assert one(run(pool(12), min_schools=11), half).status == "withheld"
    reached = one(run(pool()), half)
    assert (reached.value, reached.n_people) == (pytest.approx(2, abs=0.01), 20)


def test_no_two_points_of_the_curve_tell_of_a_few_people():
    """One of twelve promoted in a year was to be read from 8.3 %; so were four later on."""

    def years(promoted, n=40):
        rows = pool(n)["talent_pool"].with_columns(
            promoted_on=pl.Series(
                [dt.date(2015 + y, 9, 1) - dt.timedelta(days=9) for y in promoted]
                + [None] * (n - len(promoted)),
                dtype=pl.Date,
            ),
            left_on=pl.lit(None, pl.Date),
        )
        (table,) = [t for t in run({"talent_pool": rows})[Table] if t.id == "pipeline_years"]
        return [(year, round(percent, 1)) for _, year, percent in table.rows]

    assert years([1] + [3] * 11) == [(0, 0.0), (3, 30.0)]
    assert years([1] * 10 + [2] * 10) == [(0, 0.0), (1, 25.0), (2, 50.0)]
    # Four more later: with all who were ever promoted they would be told by the second point.
    assert years([1] * 10 + [2] * 10 + [4] * 4) == [(0, 0.0), (1, 25.0), (4, 60.0)]
    assert years([1] * 10 + [2] * 4) == [(0, 0.0), (4, 35.0)]
    assert years([1] * 3) == [(0, 0.0)]


def test_the_funnel_adds_up():
    """Promoted, left and neither are all who were seen."""
    table = next(
        t for t in run(synthetic.county(seed=1, full=True).tables)[Table] if t.id == "pipeline"
    )
    for _, seen, promoted, left, neither, *_ in table.rows:
        assert seen == promoted + left + neither
