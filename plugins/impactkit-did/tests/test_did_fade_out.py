"""did.fade_out: what is left after the end, against a plain loop and what was planted."""

from __future__ import annotations

import datetime as dt
from functools import cache
from statistics import mean

import polars as pl
import pytest

from impactkit import Design, Study, evaluate

county = pytest.importorskip("impactkit.synthetic").county

MEAN = "ATT, mean over the years since the partnership ended"
LEFT = "ATT by years since the partnership ended"
CHANGE = "Change of the ATT since the last year in the partnership"


def run(tables, **params):
    """Evaluate did.fade_out on frames in memory."""
    study = Study(
        title="Ended",
        design=Design(outcome="attainment", treated="role != 'supporter'", bootstrap=0),
        metrics={"did.fade_out": params},
    )
    return evaluate(study, tables=dict(tables))["did.fade_out"]


@cache
def ended(seed, effect=4.0, fade=0.5):
    """Invent a county in which half of the partnerships end after two years."""
    return county(
        seed=seed, n_schools=500, effect=effect, fade=fade, ends=0.6, selection="random", **STILL
    )


STILL = {"conversions": 0.0, "closures": 0.0, "merges": 0, "not_submitted": 0.0}


def by_loop(here, k):
    """Return what each school gained k years after the end, worked out school by school."""
    values = {
        (school, year): value
        for school, year, measure, value in here.tables["outcomes"]
        .select("school_key", "year", "measure", "value")
        .rows()
        if measure == "attainment" and value is not None
    }
    last = dict(here.tables["partnerships"].select("partnership_id", "end_date").rows())
    joined, gone, inside = {}, {}, set()
    for p, school, role, day in (
        here.tables["memberships"].select("partnership_id", "school_key", "role", "joined").rows()
    ):
        inside.add(school)
        if role != "supporter":
            joined[school] = day.year + (day.month >= 9)
            gone[school] = last[p].year if last[p] else None
    schools = {school for school, _ in values} - (inside - set(joined))
    effects = {}
    for school, g in joined.items():
        x = gone[school]
        if x is None or not {(school, g - 1), (school, x + k)} <= values.keys():
            continue
        free = [j for j in schools if j not in joined or joined[j] > max(x + k, g)]
        free = [j for j in free if {(j, g - 1), (j, x + k)} <= values.keys()]
        usual = mean(values[j, x + k] - values[j, g - 1] for j in free)
        effects[school] = values[school, x + k] - values[school, g - 1] - usual
    return effects


@pytest.mark.parametrize("k", [0, 1, 2])
def test_it_is_what_a_plain_loop_gives(k):
    """School by school: its own change less the mean change of schools in no partnership."""
    here = ended(1)
    found = {e.term: e for e in run(here.tables).estimates if e.estimand == LEFT}[str(k)]
    effects = by_loop(here, k)
    assert found.value == pytest.approx(mean(effects.values()), abs=1e-9)
    assert found.n_schools == len(effects)


def test_the_mean_over_the_years_since_leads_and_is_the_one_test():
    """Each school counts once, by the mean over the years in which it was followed."""
    here = ended(1)
    found = run(here.tables).estimates
    years = [by_loop(here, k) for k in (1, 2)]
    whole = {school for year in years for school in year}
    each = [mean(year[school] for year in years if school in year) for school in whole]
    assert found[0].estimand == MEAN
    assert found[0].value == pytest.approx(mean(each), abs=1e-9)
    assert found[0].n_schools == len(whole)
    assert [e.p_adjusted is not None for e in found] == [True] + [False] * (len(found) - 1)


def test_what_was_planted_is_recovered():
    """Four points in the partnership, two a year after, one two years after; and the fall.

    Six authorities, five quantities: at least 25 of 30 within two standard errors (fewer has a
    probability of 1 %, were they independent).
    """
    near = 0
    truth = {(LEFT, "0"): 4.0, (LEFT, "1"): 2.0, (LEFT, "2"): 1.0}
    truth |= {(CHANGE, "1"): -2.0, (CHANGE, "2"): -3.0}
    for seed in range(6):
        for e in run(ended(seed).tables).estimates[1:]:
            near += abs(e.value - truth[e.estimand, e.term]) < 2 * e.std_error
    assert near >= 25


def test_an_effect_that_lasts_does_not_fade():
    """With fade of 1 the change since the last year is zero: most intervals of ten cover it."""
    covered = []
    for seed in range(5):
        found = [e for e in run(ended(seed, fade=1.0).tables).estimates if e.estimand == CHANGE]
        covered += [e.ci_low <= 0 <= e.ci_high for e in found]
    assert len(covered) == 10
    assert sum(covered) >= 8


def test_a_school_still_in_another_partnership_has_not_ended():
    """It is left out and counted."""
    here = ended(2)
    members = here.tables["memberships"]
    gone = here.tables["partnerships"].filter(pl.col("end_date").is_not_null())["partnership_id"]
    on = here.tables["partnerships"].filter(pl.col("end_date").is_null())["partnership_id"][0]
    (school, urn) = (
        members.filter(
            pl.col("partnership_id").is_in(gone.implode()) & (pl.col("role") == "client")
        )
        .select("school_key", "urn")
        .row(0)
    )
    more = members.head(1).with_columns(
        partnership_id=pl.lit(on),
        school_key=pl.lit(school),
        urn=pl.lit(urn, pl.Int64),
        role=pl.lit("client"),
        joined=pl.lit(dt.date(2016, 9, 1)),
        left=pl.lit(None, pl.Date),
    )

    def counted(tables):
        (one,) = [e for e in run(tables).exclusions if e.reason == "did.not_ended"]
        return one.n_schools

    both = {**here.tables, "memberships": pl.concat([members, more])}
    assert counted(both) == counted(here.tables) + 1


def test_nothing_ended_is_told_as_such():
    """Without an end there is nothing to estimate, and the remedy is named."""
    here = county(seed=1, n_schools=80, effect=2.0)
    (only,) = run(here.tables).estimates
    assert only.status == "not_estimable"
    assert "end_date" in only.reason


def test_one_partnership_that_ended_has_no_interval_made_up():
    """With a single one the spread between partnerships cannot be seen."""
    here = ended(3)
    ends = here.tables["partnerships"].filter(pl.col("end_date").is_not_null())
    first = ends["partnership_id"][0]
    kept = pl.when(pl.col("partnership_id") == first).then("end_date")
    one = here.tables["partnerships"].with_columns(end_date=kept)
    members = here.tables["memberships"].with_columns(left=pl.lit(None, pl.Date))
    found = run({**here.tables, "partnerships": one, "memberships": members}).estimates
    assert {e.status for e in found} == {"not_estimable"}
    assert all("partnership" in e.reason for e in found)


@pytest.mark.parametrize("years", [[0], [], [1.5]])
def test_years_must_be_whole_and_after_the_end(years):
    """The message says what to write."""
    from impactkit_did.fade_out import Params

    with pytest.raises(ValueError, match="whole years"):
        Params(years=years)
