"""leadership.teaching_time and leadership.time_released: heads' diaries, before and after."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from statistics import mean

import polars as pl
import pytest

from impactkit import Chart, Estimate, Exclusion, MetricContext, Table
from impactkit.report.pictures import pictures
from impactkit_leadership.diary_needs import DiaryParams, ReleaseParams
from impactkit_leadership.teaching_time import ALONE, CHANGE, SHARE, teaching_time
from impactkit_leadership.time_released import RELEASED, time_released

synthetic = pytest.importorskip("impactkit.synthetic")
staffroom = pytest.importorskip("impactkit.synthetic.staffroom")


def run(metric, tables, **params):
    """Run a metric and return what it yields, by kind."""
    kind = {"leadership.teaching_time": DiaryParams, "leadership.time_released": ReleaseParams}
    found = defaultdict(list)
    context = MetricContext(
        metric=metric.id, tables=tables, params=kind[metric.id](**params), seed=1
    )
    for part in metric(context):
        found[type(part)].append(part)
    return found


def one(found, estimand):
    """Return one estimate."""
    (e,) = [e for e in found[Estimate] if e.estimand == estimand]
    return e


@cache
def here(seed):
    """Draw a full county."""
    return synthetic.county(seed=seed, full=True).tables


def weeks(tables):
    """Return hours by head, week and use, with the day and the school, from the plain rows."""
    found = defaultdict(dict)
    rows = tables["survey_responses"].filter(pl.col("instrument_id") == "head_diary")
    for head, wave, item, value, day, school in rows.select(
        "respondent_key", "wave", "item", "value", "answered_on", "school_key"
    ).rows():
        found[head, wave] |= {item: value, "day": day, "school": school}
    return found


def changes(tables, value):
    """Return after less before of each head, of schools that share a business manager."""
    shared = tables["interventions"].filter(pl.col("type") == "sbm_share")
    came = dict(shared.select("school_key", "start").rows())
    sides = defaultdict(lambda: ([], []))
    for (head, _), week in weeks(tables).items():
        if week["school"] in came:
            sides[head][week["day"] >= came[week["school"]]].append(value(week))
    return [mean(b) - mean(a) for a, b in sides.values() if a and b]


def hours(week):
    """Return the hours of a week."""
    return sum(v for k, v in week.items() if k not in ("day", "school"))


def test_figures_by_a_loop():
    """The pooled share, its change, and hours of strategy, from the plain rows."""
    tables = here(1)
    every = weeks(tables).values()
    part = sum(w["teaching_and_learning"] for w in every)
    found = run(teaching_time, tables)
    assert one(found, SHARE).value == pytest.approx(100 * part / sum(map(hours, every)))
    rise = changes(tables, lambda w: 100 * w["teaching_and_learning"] / hours(w))
    assert one(found, CHANGE).value == pytest.approx(mean(rise))
    assert one(found, CHANGE).n_people == len(rise)
    released = one(run(time_released, tables), RELEASED)
    assert released.value == pytest.approx(mean(changes(tables, lambda w: w["strategy"])))


@pytest.mark.parametrize("nothing", [False, True])
def test_what_was_planted_is_recovered(nothing, monkeypatch):
    """Hours set free and the share for teaching: nine of ten or more, or eight where none was."""
    if nothing:
        monkeypatch.setattr(staffroom, "RELEASED", 0.0)
        monkeypatch.setattr(staffroom, "TAUGHT", 0.0)
    near = 0
    for seed in range(5):
        made = synthetic.county(seed=seed, full=True)
        planted = made.truth.planted
        for metric, estimand, truth in (
            (teaching_time, CHANGE, planted["staffroom.teaching_share_gain"]),
            (time_released, RELEASED, planted["staffroom.hours_released"]),
        ):
            e = one(run(metric, made.tables), estimand)
            near += abs(e.value - truth) < 2 * e.std_error
    assert near >= 8


def test_a_week_of_two_hundred_hours_is_caught():
    """It is set aside and counted, and so is one without an hour."""
    tables = here(2)
    rows = tables["survey_responses"]
    diary = rows.filter(pl.col("instrument_id") == "head_diary")
    head = diary["respondent_key"].sort()[0]
    mine = (pl.col("respondent_key") == head) & (pl.col("instrument_id") == "head_diary")
    odd = rows.with_columns(
        value=pl.when(mine & (pl.col("wave") == 1))
        .then(60.0)
        .when(mine & (pl.col("wave") == 2))
        .then(0.0)
        .otherwise("value")
    )
    found = run(teaching_time, {**tables, "survey_responses": odd})
    lost = {e.reason: e.n_rows for e in found[Exclusion]}
    assert lost == {"leadership.impossible_week": 2}


def test_without_a_business_manager_there_is_a_share_and_no_change():
    """The reason says what to give."""
    tables = {name: here(1)[name] for name in ("survey_responses", "instruments")}
    found = run(teaching_time, tables)
    assert one(found, SHARE).status == "ok"
    assert one(found, CHANGE).status == "not_estimable"
    assert "interventions" in one(found, CHANGE).reason
    assert one(run(time_released, tables), RELEASED).status == "not_estimable"


def test_no_diary_at_all_is_told_as_such():
    """Another instrument's answers are no diary."""
    found = run(teaching_time, here(1), instrument="no_such_diary")
    assert one(found, SHARE).status == "not_estimable"
    assert "no_such_diary" in one(found, SHARE).reason


def test_counts_of_heads_are_marked_as_people():
    """So that disclosure control sees them."""
    for metric in (teaching_time, time_released):
        for table in run(metric, here(1))[Table]:
            assert {c.name: c.of for c in table.columns}["heads"] == "people"


def test_hours_by_use_are_those_of_a_loop_and_add_up_to_a_week():
    """Mean hours of each use over the weeks of a side; the bars are drawn from them."""
    made = here(1)
    found = run(teaching_time, made)
    uses = next(t for t in found[Table] if t.id == "uses").to_frame()
    shares = next(t for t in found[Table] if t.id == "diary").to_frame()
    for side, hours in shares.select("side", "hours").rows():
        assert uses.filter(pl.col("side") == side)["hours"].sum() == pytest.approx(hours)
    shared = made["interventions"].filter(pl.col("type") == "sbm_share")["school_key"].to_list()
    alone = [w for w in weeks(made).values() if w["school"] not in shared]
    loop = mean(w["strategy"] for w in alone)
    row = uses.filter((pl.col("side") == ALONE) & (pl.col("use") == "strategy"))
    assert row["hours"].item() == pytest.approx(loop)
    (chart,) = found[Chart]
    (picture,) = pictures(chart, [], found[Table])
    assert len(picture.points) == uses.height
    assert picture.series[0] == "teaching and learning"
