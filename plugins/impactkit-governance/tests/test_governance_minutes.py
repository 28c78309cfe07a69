"""governance.minutes_challenge: only where readers agree, and what was planted."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from functools import cache
from statistics import mean

import polars as pl
import pytest

from impactkit import Diagnostic, Estimate, Exclusion, MetricContext, cohen_kappa
from impactkit_governance.minutes import CHANGE, NOW, MinutesParams, minutes_challenge

synthetic = pytest.importorskip("impactkit.synthetic")
drawn = pytest.importorskip("impactkit.synthetic.minutes")


def run(tables, **params):
    """Run the metric and return what it yields, by kind."""
    found = defaultdict(list)
    context = MetricContext(
        metric="governance.minutes_challenge", tables=tables, params=MinutesParams(**params)
    )
    for part in minutes_challenge(context):
        found[type(part)].append(part)
    return found


def one(found, estimand, term="challenge"):
    """Return one estimate."""
    (e,) = [e for e in found[Estimate] if (e.estimand, e.term) == (estimand, term)]
    return e


@cache
def here(seed):
    """Draw a full county."""
    return synthetic.county(seed=seed, full=True).tables


def meetings(tables):
    """Return the mean count of challenging questions by school and meeting, before and since."""
    joined = dict(tables["memberships"].select("school_key", "joined").rows())
    counts, where = defaultdict(list), {}
    rows = tables["observations"].filter(pl.col("rubric") == "minutes")
    for meeting, school, domain, score, day in rows.select(
        "lesson_id", "school_key", "domain", "score", "observed_on"
    ).rows():
        if domain == "challenge":
            counts[meeting].append(score)
            where[meeting] = (school, day >= joined[school])
    return [(*where[m], mean(some)) for m, some in counts.items()]


def test_figures_by_a_loop():
    """The mean over meetings since, and the mean over boards of since less before."""
    rows = meetings(here(1))
    since = [score for _, after, score in rows if after]
    sides = defaultdict(lambda: ([], []))
    for school, after, score in rows:
        sides[school][after].append(score)
    change = mean(mean(b) - mean(a) for a, b in sides.values() if a and b)
    found = run(here(1))
    assert one(found, NOW).value == pytest.approx(mean(since))
    assert one(found, CHANGE).value == pytest.approx(change)


@pytest.mark.parametrize("after", [2.5, 1.5])
def test_a_planted_change_is_recovered(after, monkeypatch):
    """One question more, or none: four of five counties or more within two standard errors."""
    monkeypatch.setattr(drawn, "AFTER", after)
    near = 0
    for seed in range(5):
        e = one(run(synthetic.county(seed=seed, full=True).tables), CHANGE)
        near += abs(e.value - (after - drawn.BEFORE)) < 2 * e.std_error
    assert near >= 4


def test_agreement_is_cohens_kappa_of_the_meetings_read_twice():
    """Counts of five and more are one category."""
    rows = here(2)["observations"].filter(
        (pl.col("rubric") == "minutes") & (pl.col("domain") == "challenge")
    )
    both = defaultdict(dict)
    for meeting, reader, score in rows.select("lesson_id", "rater_key", "score").rows():
        both[meeting][reader] = min(score, 5)
    kappa = cohen_kappa((b["m1"], b["m2"]) for b in both.values() if len(b) == 2)
    (told,) = [d for d in run(here(2))[Diagnostic] if d.name.endswith("challenge")]
    assert told.value == pytest.approx(kappa.value)
    assert told.passed


def test_readers_who_do_not_agree_give_no_figure():
    """Below a kappa of 0.6 there is none, with the value and the remedy; the other kind stays."""
    rows = here(2)["observations"]
    mixed = ((pl.col("rater_key") == "m2") & (pl.col("domain") == "challenge")) & (
        pl.col("rubric") == "minutes"
    )
    turned = rows.with_columns(score=pl.when(mixed).then(1.0).otherwise("score"))
    found = run({**here(2), "observations": turned})
    e = one(found, NOW)
    assert e.status == "not_estimable"
    assert e.value is None
    assert "kappa" in e.reason
    assert one(found, NOW, "support").status == "ok"


def test_one_reader_is_not_enough():
    """Nobody can say whether another would agree."""
    rows = here(2)["observations"].filter(pl.col("rater_key") != "m2")
    e = one(run({**here(2), "observations": rows}), NOW)
    assert e.status == "not_estimable"
    assert "two people" in e.reason


def test_without_minutes_or_memberships_the_reason_says_what_to_give():
    """Nothing coded; and nobody known to be in a partnership."""
    none = here(1)["observations"].clear()
    assert "observations" in one(run({"observations": none}), NOW).reason
    alone = one(run({"observations": here(1)["observations"]}), NOW)
    assert "memberships" in alone.reason


def test_what_is_no_count_is_set_aside_and_counted():
    """Half a question, fewer than none, and a kind that was not asked for."""
    rows = here(1)["observations"].filter(pl.col("rubric") == "minutes").head(3)
    day = dt.date(2016, 1, 1)
    odd = rows.with_columns(
        lesson_id=pl.Series(["x1", "x2", "x3"]),
        score=pl.Series([0.5, -1.0, 1.0]),
        domain=pl.Series(["challenge", "challenge", "procedure"]),
        observed_on=pl.lit(day),
    )
    frame = pl.concat([here(1)["observations"], odd])
    found = run({**here(1), "observations": frame})
    lost = {e.reason: e.n_rows for e in found[Exclusion]}
    assert lost == {"governance.no_count": 2, "governance.other_domain": 1}
    assert one(found, NOW).value == one(run(here(1)), NOW).value
