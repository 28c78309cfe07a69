"""leadership.succession: posts, who is ready for them, and days of interim cover, by hand."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import polars as pl
import pytest

from impactkit import Estimate, Exclusion, MetricContext, Table
from impactkit_leadership.succession import COVER, INTERIM, SuccessionParams, succession

synthetic = pytest.importorskip("impactkit.synthetic")
DAY = dt.date(2024, 8, 31)


def run(tables, **params):
    """Run the metric and return what it yields, by kind."""
    found = defaultdict(list)
    context = MetricContext(
        metric="leadership.succession", tables=tables, params=SuccessionParams(**params)
    )
    for part in succession(context):
        found[type(part)].append(part)
    return found


def one(found, estimand, term=""):
    """Return one estimate."""
    (e,) = [e for e in found[Estimate] if (e.estimand, e.term) == (estimand, term)]
    return e


def tables(n=6):
    """Return schools with a head and two deputies each, and a pool of whom some are ready."""
    spells, pool = [], []
    for k in range(n):
        for name, level in (("h", "head"), ("d", "senior_deputy"), ("e", "senior_deputy")):
            spells.append((f"{name}{k}", f"s{k}", level, dt.date(2019, 9, 1), None, False))
        # Every second school has somebody ready to be head; one deputy is ready in two years.
        if k % 2 == 0:
            pool.append((f"p{k}", f"s{k}", "head", "ready_now", None))
        pool.append((f"q{k}", f"s{k}", "senior_deputy", "ready_in_2_years", None))
        pool.append((f"r{k}", f"s{k}", "head", "later", None))
        pool.append((f"g{k}", f"s{k}", "head", "ready_now", dt.date(2023, 9, 1)))
    names = ["staff_key", "school_key", "level", "start", "end", "interim"]
    people = ["staff_key", "school_key", "for_level", "readiness", "left_on"]
    return {
        "leadership_spells": pl.DataFrame(
            spells, schema=names, orient="row", schema_overrides={"end": pl.Date}
        ),
        "talent_pool": pl.DataFrame(pool, schema=people, orient="row").with_columns(
            identified_on=pl.lit(dt.date(2022, 9, 1))
        ),
    }


def test_cover_by_hand():
    """Three of six heads and six of twelve deputies: each successor covers one post."""
    found = run(tables(), on=DAY)
    assert one(found, COVER, "head").value == pytest.approx(50.0)
    assert one(found, COVER, "deputy head").value == pytest.approx(50.0)
    assert one(found, COVER).value == pytest.approx(50.0)
    assert one(found, COVER).n_people == 18
    lost = {e.reason: e.n_rows for e in found[Exclusion]}
    assert lost == {"leadership.not_in_pool": 6, "leadership.not_ready": 6}


def test_the_latest_judgement_of_a_person_holds():
    """Who was ready and is judged to be so no longer is no successor, and the other way round."""
    given = tables()
    pool = given["talent_pool"]
    later = pl.lit(dt.date(2023, 9, 1))
    fell = pool.filter(pl.col("staff_key") == "p0").with_columns(
        readiness=pl.lit("later"), identified_on=later
    )
    rose = pool.filter(pl.col("staff_key") == "r1").with_columns(
        readiness=pl.lit("ready_now"), identified_on=later
    )
    found = run({**given, "talent_pool": pl.concat([fell, pool])}, on=DAY)
    assert one(found, COVER, "head").value == pytest.approx(100 * 2 / 6)
    assert {e.reason: e.n_rows for e in found[Exclusion]}["leadership.judged_before"] == 1
    found = run({**given, "talent_pool": pl.concat([pool, rose])}, on=DAY)
    assert one(found, COVER, "head").value == pytest.approx(100 * 4 / 6)


def test_interim_days_are_those_of_the_year_before():
    """Ten days before the year do not count, forty in it do, over eighteen posts."""
    given = tables()
    since = DAY - dt.timedelta(days=365)
    cover = pl.DataFrame(
        {
            "staff_key": ["i"],
            "school_key": ["s0"],
            "level": ["head"],
            "start": [since - dt.timedelta(days=9)],
            "end": [since + dt.timedelta(days=40)],
            "interim": [True],
        }
    )
    given["leadership_spells"] = pl.concat([given["leadership_spells"], cover])
    assert one(run(given, on=DAY), INTERIM).value == pytest.approx(10 * 40 / 18)


def test_without_interim_posts_marked_there_is_no_figure():
    """Not nought: nobody said that there were none."""
    e = one(run(tables(), on=DAY), INTERIM)
    assert e.status == "not_estimable"
    assert "interim" in e.reason


def test_few_posts_and_few_schools_are_not_shown():
    """A judgement of a person in four schools could be traced."""
    assert one(run(tables(4), on=DAY), COVER).status == "withheld"
    assert one(run(tables(1), on=DAY), COVER).status == "not_estimable"
    assert one(run({k: v.clear() for k, v in tables().items()}), COVER).status == "not_estimable"


def test_a_county_by_a_loop():
    """Posts and people who are ready, school by school and level by level."""
    made = synthetic.county(seed=4, full=True).tables
    day = dt.date(2019, 8, 31)
    labels = {"head": "head", "senior_deputy": "deputy head", "senior_assistant": "assistant head"}
    posts, ready = defaultdict(set), defaultdict(int)
    for staff, school, level, start, end in (
        made["leadership_spells"].select("staff_key", "school_key", "level", "start", "end").rows()
    ):
        if level in labels and start <= day and (end is None or end >= day):
            posts[school, level].add(staff)
    for school, level, seen, readiness, promoted, left in (
        made["talent_pool"]
        .select("school_key", "for_level", "identified_on", "readiness", "promoted_on", "left_on")
        .rows()
    ):
        gone = min((d for d in (promoted, left) if d), default=dt.date.max)
        if seen <= day < gone and readiness != "later":
            ready[school, level] += 1
    covered = sum(min(len(some), ready[key]) for key, some in posts.items())
    n = sum(map(len, posts.values()))
    found = run(made, on=day)
    assert one(found, COVER).value == pytest.approx(100 * covered / n)
    table = next(t for t in found[Table] if t.id == "bench")
    for _, total, some, none, *_ in table.rows:
        assert total == some + none
