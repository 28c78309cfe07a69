"""leadership.breadth: distinct leaders, the Gini coefficient, and more than one full post."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from functools import cache

import numpy as np
import polars as pl
import pytest

from impactkit import Design, EstimationError, MetricContext, Study, evaluate
from impactkit_leadership.breadth import EFFECT, GINI, SHARE, BreadthParams, breadth, gini, within

synthetic = pytest.importorskip("impactkit.synthetic")


def nothing(*_, **__):
    """Stand for a design that finds nothing to estimate."""
    raise EstimationError("no panel")


def run(tables, **params):
    """Return the estimates, by what they are of and for which group."""
    context = MetricContext(
        metric="leadership.breadth",
        tables=tables,
        params=BreadthParams(**params),
        seed=1,
        run_effect=nothing,
    )
    return {(e.estimand, e.subgroup): e for e in breadth(context) if hasattr(e, "estimand")}


@cache
def here(seed):
    """Draw a full county."""
    return synthetic.county(seed=seed, full=True).tables


def test_gini_is_its_definition():
    """The mean difference of every pair over twice the mean."""
    x = np.random.default_rng(1).exponential(1, 40)
    pairs = sum(abs(a - b) for a in x for b in x)
    assert gini(x) == pytest.approx(pairs / (2 * 40**2 * x.mean()))
    assert gini(np.zeros(3)) is None
    assert gini(np.array([])) is None


def test_a_county_by_a_loop():
    """Distinct people who held a post in the year, over teachers; time by days and hours."""
    tables, year = here(1), 2018
    first, last = dt.date(year - 1, 9, 1), dt.date(year, 8, 31)
    teachers = {
        school: n
        for school, y, n in tables["school_years"].select("school_key", "year", "teachers").rows()
        if y == year
    }
    time, known = defaultdict(float), set()
    for staff, school, start, end, fte in (
        tables["leadership_spells"].select("staff_key", "school_key", "start", "end", "fte").rows()
    ):
        known.add(school)
        begin, stop = max(start, first), min(end or dt.date.max, last)
        if begin <= stop:
            time[staff, school] += fte * ((stop - begin).days + 1) / 365
    staffed = known & teachers.keys()
    led = defaultdict(int)
    for _, school in time:
        led[school] += 1
    leaders = sum(led[s] for s in staffed)
    values = [v for (_, school), v in time.items() if school in staffed]
    values += [0.0] * sum(max(0, teachers[s] - led[s]) for s in staffed)
    found = run(tables, year=year)
    assert found[SHARE, "all"].value == pytest.approx(
        100 * leaders / sum(teachers[s] for s in staffed)
    )
    assert found[GINI, "all"].value == pytest.approx(gini(np.array(values)))


def spells(*rows):
    """Return spells: (person, school, fte, start, end)."""
    names = ["staff_key", "school_key", "fte", "start", "end"]
    return pl.DataFrame(rows, schema=names, orient="row")


def test_posts_that_overlap_to_more_than_one_are_caught_by_name():
    """Somebody with two full posts at once is set aside in that year only; two halves are fine."""
    year = (dt.date(2017, 9, 1), dt.date(2018, 8, 31))
    rows = spells(
        ("a", "s", 1.0, *year),
        ("a", "t", 0.5, dt.date(2018, 3, 1), dt.date(2018, 8, 31)),
        ("b", "s", 0.5, *year),
        ("b", "t", 0.5, *year),
        ("c", "s", 1.0, dt.date(2017, 9, 1), dt.date(2018, 1, 31)),
        ("c", "t", 1.0, dt.date(2018, 2, 1), dt.date(2018, 8, 31)),
    )
    held, (lost,) = within(rows, [2018], 1.0)
    assert set(held["staff_key"]) == {"b", "c"}
    assert lost.reason == "leadership.more_than_full_time"
    assert lost.n_rows == 2
    assert held["time"].sum() == pytest.approx(2.0)


def test_few_schools_give_no_figure():
    """Of four schools none is given."""
    keys = here(1)["leadership_spells"]["school_key"].unique().sort()[:4]
    few = here(1)["school_years"].filter(pl.col("school_key").is_in(keys.implode()))
    found = run({**here(1), "school_years": few})
    assert {e.status for e in found.values()} == {"not_estimable"}


def test_no_effect_is_found_where_none_was_planted():
    """Posts do not depend on partnerships: four of five intervals or more cover zero."""
    covered = 0
    for seed in range(5):
        made = synthetic.county(seed=seed, full=True, selection="random", merges=0)
        study = Study(
            title="Posts",
            design=Design(
                outcome="attainment", treated="role != 'supporter'", bootstrap=0, randomisation=0
            ),
            metrics={"leadership.breadth": {}},
        )
        names = ("outcomes", "memberships", "school_years", "measures", "leadership_spells")
        result = evaluate(study, tables={n: made.tables[n] for n in names})["leadership.breadth"]
        (e,) = [e for e in result.estimates if e.estimand == EFFECT]
        covered += e.ci_low <= 0 <= e.ci_high
    assert covered >= 4


def test_a_wider_circle_of_leaders_is_seen_as_an_effect():
    """One more leader in each of ten, from joining on: ten for a hundred, exactly."""
    rows, years, members = [], [], []
    for k in range(24):
        school, joined = f"s{k}", k < 12
        years += [{"school_key": school, "year": y, "teachers": 10} for y in range(2013, 2019)]
        rows += [(f"{school}a{j}", school, 1.0, dt.date(2011, 9, 1), None) for j in range(3)]
        if joined:
            rows.append((f"{school}n", school, 1.0, dt.date(2015, 9, 1), None))
            members.append(
                {
                    "partnership_id": f"p{k // 2}",
                    "school_key": school,
                    "joined": dt.date(2015, 9, 1),
                }
            )
    frame = spells(*rows).with_columns(pl.lit("middle").alias("level"), pl.col("end").cast(pl.Date))
    outcomes = pl.DataFrame(years).select(
        "school_key", "year", measure=pl.lit("overall_absence"), value=pl.lit(4.0)
    )
    study = Study(
        title="Wider",
        design=Design(outcome="overall_absence", bootstrap=0, randomisation=0),
        metrics={"leadership.breadth": {}},
    )
    tables = {
        "outcomes": outcomes,
        "school_years": pl.DataFrame(years),
        "leadership_spells": frame,
        "memberships": pl.DataFrame(members),
    }
    result = evaluate(study, tables=tables)["leadership.breadth"]
    (e,) = [e for e in result.estimates if e.estimand == EFFECT]
    assert e.value == pytest.approx(10.0)


def test_business_managers_are_no_teachers_who_lead():
    """They are left out and counted; the figures are those without them."""
    tables = here(1)
    managers = (
        tables["leadership_spells"]
        .head(7)
        .with_columns(staff_key=pl.concat_str(pl.lit("m"), "staff_key"), level=pl.lit("sbm"))
    )
    with_them = {
        **tables,
        "leadership_spells": pl.concat([tables["leadership_spells"], managers]),
    }
    context = MetricContext(
        metric="leadership.breadth",
        tables=with_them,
        params=BreadthParams(year=2018),
        seed=1,
        run_effect=nothing,
    )
    parts = list(breadth(context))
    lost = {e.reason: (e.n_rows, e.stage) for e in parts if hasattr(e, "n_rows")}
    assert lost["leadership.no_teacher"] == (7, "leadership.breadth")
    shown = next(e for e in parts if getattr(e, "estimand", "") == SHARE and e.subgroup == "all")
    assert shown.value == run(tables, year=2018)[SHARE, "all"].value
