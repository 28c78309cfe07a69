"""governance.strength: the Department's turnover, vacancies, training, chairs and skills."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from functools import cache

import polars as pl
import pytest

from impactkit import Estimate, Exclusion, MetricContext, Table
from impactkit_governance.skills import GAIN, POINTS
from impactkit_governance.strength import StrengthParams, strength
from impactkit_governance.strength_figures import TENURE, TRAINED, TURNOVER, VACANCY

county = pytest.importorskip("impactkit.synthetic").county

DAY = dt.date(2024, 8, 31)


def run(tables, **params):
    """Run the metric and return what it yields, by kind."""
    found = defaultdict(list)
    context = MetricContext(
        metric="governance.strength", tables=tables, params=StrengthParams(**params), seed=1
    )
    for part in strength(context):
        found[type(part)].append(part)
    return found


def one(found, estimand, subgroup="all"):
    """Return one estimate."""
    (e,) = [e for e in found[Estimate] if (e.estimand, e.subgroup) == (estimand, subgroup)]
    return e


def spells(*rows):
    """Return a register: (board, person, role, appointed, term_end)."""
    names = ["board_id", "person_key", "role", "appointed", "term_end"]
    types = [pl.String, pl.String, pl.String, pl.Date, pl.Date]
    frame = pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")
    return {"governor_spells": frame.with_columns(school_key="board_id")}


def year(n, month=9, day=1):
    """Return a day."""
    return dt.date(n, month, day)


BOARD = (
    ("A", "p1", "Chair of governors", year(2020), year(2026)),
    ("A", "p1", "Governor", year(2018), year(2026)),
    ("A", "p2", "Governor", year(2024, 1), year(2028)),
    ("A", "p3", "Governor", year(2020), year(2024, 3)),
    ("A", "p4", "Governor", year(2016), year(2023, 1)),
    ("A", "p5", "Governor", year(2022), None),
)
"""On 31 August 2024: p1, p2 and p5; within twelve months p2 came and p3 went."""


def test_turnover_by_hand():
    """(1 + 1) / 3, the chair who is listed as governor too counted once, and said so."""
    found = run(spells(*BOARD), on=DAY)
    assert one(found, TURNOVER).value == pytest.approx(100 * 2 / 3)
    assert one(found, TURNOVER).n_people == 3
    (again,) = [e for e in found[Exclusion] if e.reason == "governance.named_again"]
    assert again.n_rows == 1


def test_who_is_appointed_again_has_neither_left_nor_come():
    """A second term that begins within a month goes on with the first."""
    rows = [*BOARD, ("A", "p6", "Governor", year(2020), year(2024, 1, 31))]
    gone = one(run(spells(*rows), on=DAY), TURNOVER).value
    rows.append(("A", "p6", "Governor", year(2024, 2, 10), year(2028)))
    assert gone == pytest.approx(100 * 3 / 3)
    assert one(run(spells(*rows), on=DAY), TURNOVER).value == pytest.approx(100 * 2 / 4)
    apart = run(spells(*rows), on=DAY, rejoined_within=5)
    assert one(apart, TURNOVER).value == pytest.approx(100 * 4 / 4)


def test_no_governors_is_no_turnover_and_not_nought():
    """The value is missing, with the reason."""
    found = run(spells(("A", "p1", "Governor", year(2010), year(2014))), on=DAY)
    e = one(found, TURNOVER)
    assert e.status == "not_estimable"
    assert e.value is None
    assert "no governors" in e.reason


def test_roles_that_do_not_govern_are_left_out_and_counted():
    """A clerk and a member of the trust are on no board; a term backwards is none."""
    rows = [
        *BOARD,
        ("A", "p7", "Member", year(2024), None),
        ("A", "p8", "Headteacher", year(2024), None),
        ("A", "p9", "Governor", year(2024), year(2020)),
    ]
    found = run(spells(*rows), on=DAY)
    assert one(found, TURNOVER).value == pytest.approx(100 * 2 / 3)
    lost = {e.reason: e.n_rows for e in found[Exclusion]}
    assert lost["governance.not_governing"] == 2
    assert lost["governance.backward_term"] == 1


@cache
def here(seed):
    """Draw a full county."""
    return county(seed=seed, full=True)


def by_loop(frame, day, since):
    """Return turnover worked out person by person."""
    spans = defaultdict(list)
    for board, person, start, end in frame.select(
        "board_id", "person_key", "appointed", "term_end"
    ).rows():
        spans[board, person].append((start, end))
    now = came = went = 0
    for some in spans.values():
        start, end = min(s for s, _ in some), max(e for _, e in some)
        now += start <= day <= end
        came += since < start <= day
        went += since <= end < day
    return 100 * (came + went) / now


def test_turnover_of_a_county_by_a_loop():
    """Every person once, whichever roles they hold."""
    last = here(1).settings.years[1]
    day, since = dt.date(last, 8, 31), dt.date(last - 1, 8, 31)
    value = by_loop(here(1).tables["governor_spells"], day, since)
    assert one(run(here(1).tables, on=day), TURNOVER).value == pytest.approx(value)


def test_what_was_planted_is_recovered():
    """Vacancies, training, rise of marks: 13 of 15 or more within two standard errors."""
    near = 0
    for seed in range(5):
        made = here(seed)
        found = run(made.tables, on=dt.date(made.settings.years[1], 8, 31))
        for estimand, truth in (
            (VACANCY, 100 * made.truth.planted["boards.vacant"]),
            (TRAINED, 100 * made.truth.planted["boards.trained"]),
            (POINTS, made.truth.planted["boards.skills_gain"]),
        ):
            e = one(found, estimand)
            near += abs(e.value - truth) < 2 * e.std_error
        (again,) = [e for e in found[Exclusion] if e.reason == "governance.named_again"]
        assert again.n_rows == made.truth.planted["boards.n_listed_twice"]
    assert near >= 13


def test_boards_in_partnerships_and_others_do_not_differ():
    """Nothing was planted: of fifteen intervals at 95 % four or more miss with 0.5 %."""
    missed = []
    for seed in range(5):
        found = [e for e in run(here(seed).tables)[Estimate] if "less others" in e.estimand]
        missed += [not e.ci_low <= 0 <= e.ci_high for e in found]
    assert len(missed) == 15
    assert sum(missed) <= 3


def test_without_seats_training_or_audit_the_reason_says_what_to_give():
    """The public register has none of them; turnover and chairs are there."""
    register = here(1).tables["governor_spells"].drop("board_seats", "trained_on")
    found = run({"governor_spells": register})
    assert one(found, TURNOVER).status == "ok"
    assert one(found, TENURE).status == "ok"
    for estimand, what in ((VACANCY, "board_seats"), (TRAINED, "trained_on"), (GAIN, "audit")):
        e = one(found, estimand)
        assert e.status == "not_estimable"
        assert what in e.reason
    assert not any("less others" in e.estimand for e in found[Estimate])


def test_items_that_run_the_other_way_are_turned_round():
    """`law` is asked in reverse; left as it is, the gain would be smaller."""
    made = here(2).tables
    forgot = made["instruments"].with_columns(reverse=pl.lit(False))
    right = one(run(made), POINTS).value
    assert right > one(run({**made, "instruments": forgot}), POINTS).value + 0.05


@pytest.mark.parametrize(
    ("times", "status", "words"),
    [(1, "ok", ""), (2, "ok", "50% of the governors"), (5, "not_estimable", "20%")],
)
def test_few_who_took_the_audit_twice_are_told_or_stop_the_gain(times, status, words):
    """Of each board twice, or five times, as many were asked as answered."""
    made = here(2).tables
    audit = made["survey_responses"].with_columns(
        invited=times * pl.col("respondent_key").n_unique().over("instrument_id", "school_key")
    )
    found = run({**made, "survey_responses": audit})
    gain = one(found, GAIN)
    assert gain.status == status
    said = " ".join((*gain.warnings, gain.reason))
    assert words in said
    assert ("may think otherwise" in said) == (times == 2)
    silent = one(run(made), GAIN)
    assert any("not known (`invited`)" in warning for warning in silent.warnings)


def test_counts_of_people_are_marked_and_add_up():
    """Trained and untrained are those whose training is due; all boards are the two groups."""
    table = next(t for t in run(here(1).tables)[Table] if t.id == "boards")
    people = {c.name for c in table.columns if c.of == "people"}
    assert {"now", "appointed", "departed", "due", "trained", "untrained"} <= people
    rows = {row["group"]: row for row in table.to_frame().to_dicts()}
    for name in people:
        assert rows["all"][name] == sum(rows[g][name] for g in rows if g != "all")
    assert rows["all"]["due"] == rows["all"]["trained"] + rows["all"]["untrained"]
