"""leadership.confidence: the same leaders twice, who answered, and items that run the other way."""

from __future__ import annotations

from collections import defaultdict

import polars as pl
import pytest

from impactkit import Diagnostic, Estimate, Exclusion, MetricContext, Table, paired_change
from impactkit_leadership.confidence import (
    ALL,
    GAIN,
    POINTS,
    RETRO,
    ConfidenceParams,
    confidence,
)

synthetic = pytest.importorskip("impactkit.synthetic")
staffroom = pytest.importorskip("impactkit.synthetic.staffroom")

INSTRUMENTS = pl.DataFrame(
    {
        "instrument_id": ["leadership_confidence"] * 3,
        "item": ["c1", "c2", "c3"],
        "reverse": [False, False, True],
        "scale_low": [1.0] * 3,
        "scale_high": [5.0] * 3,
    }
)


def run(tables, **params):
    """Run the metric and return what it yields, by kind."""
    found = defaultdict(list)
    context = MetricContext(
        metric="leadership.confidence", tables=tables, params=ConfidenceParams(**params)
    )
    for part in confidence(context):
        found[type(part)].append(part)
    return found


def one(found, estimand, term=ALL):
    """Return one estimate."""
    (e,) = [e for e in found[Estimate] if (e.estimand, e.term) == (estimand, term)]
    return e


def answers(before, after, *, invited=None, schools=6, retro=None):
    """Return a survey in which everybody marks all items alike; `c3` is asked the other way."""
    rows = []
    for k in range(len(before)):
        for wave, value, looking_back in (
            (1, before[k], False),
            (2, after[k], False),
            (2, None if retro is None else retro[k], True),
        ):
            if value is None:
                continue
            rows += [
                {
                    "instrument_id": "leadership_confidence",
                    "item": item,
                    "wave": wave,
                    "respondent_key": f"r{k:02d}",
                    "school_key": f"s{k % schools}",
                    "level": "head" if k % 2 else "middle",
                    "value": float(6 - value if item == "c3" else value),
                    "retro_pre": looking_back,
                    "invited": invited,
                }
                for item in ("c1", "c2", "c3")
            ]
    return {"survey_responses": pl.DataFrame(rows), "instruments": INSTRUMENTS}


BEFORE = [2, 3, 3, 4, 2, 3, 1, 4, 3, 2, 3, 4]
AFTER = [3, 3, 4, 4, 3, 4, 2, 5, 3, 3, 4, 4]


def test_the_change_is_that_of_the_people_themselves():
    """Items turned round, people paired, schools as clusters: as the estimator has it."""
    found = one(run(answers(BEFORE, AFTER)), GAIN)
    got = paired_change(BEFORE, AFTER, [f"s{k % 6}" for k in range(12)])
    assert found.value == pytest.approx(got.g)
    assert (found.ci_low, found.ci_high) == pytest.approx(got.interval("g"))
    assert (found.n_people, found.n_clusters) == (12, 6)
    assert one(run(answers(BEFORE, AFTER)), POINTS).value == pytest.approx(8 / 12)


def test_an_item_that_was_not_turned_round_is_caught_by_name():
    """Alpha falls, and the item is named with the remedy."""
    tables = answers(BEFORE, AFTER)
    tables["instruments"] = INSTRUMENTS.with_columns(reverse=pl.lit(False))
    named = {d.name: d for d in run(tables)[Diagnostic]}
    assert "item c3 runs against the others" in named
    assert "reverse" in named["item c3 runs against the others"].text
    assert named["reliability of the scale, Cronbach's alpha"].passed is False
    right = {d.name for d in run(answers(BEFORE, AFTER))[Diagnostic]}
    assert not any("against" in name for name in right)


def test_a_response_of_a_fifth_gives_no_figure_and_says_why():
    """Twelve of sixty, asked in six schools and two levels of ten and of nought."""
    found = run(answers(BEFORE, AFTER, invited=10))
    e = one(found, GAIN)
    assert e.status == "not_estimable"
    assert "20%" in e.reason
    assert e.value is None


def test_a_response_of_a_fifth_shows_nothing_else_either():
    """Neither what was said looking back, nor items, nor points; who was asked is still told."""
    found = run(answers(BEFORE, AFTER, invited=10, retro=BEFORE))
    assert [e for e in found[Estimate] if e.value is not None] == []
    assert "20%" in one(found, RETRO, "").reason
    assert [t.id for t in found[Table]] == ["response"]


def test_looking_back_carries_the_warning_of_those_who_did_not_answer():
    """Half of those asked answered the last time."""
    found = run(answers(BEFORE, AFTER, invited=4, retro=BEFORE), min_people=3)
    assert any("50%" in w for w in one(found, RETRO, "").warnings)


def test_below_sixty_per_cent_a_warning_goes_with_every_figure():
    """Half of those asked: the figures are there, the warning too, and bounds on what could be."""
    found = run(answers(BEFORE, AFTER, invited=4), min_people=3)
    shown = [e for e in found[Estimate] if e.status == "ok" and e.estimand in (GAIN, POINTS)]
    assert shown
    assert all(any("50%" in w for w in e.warnings) for e in shown)
    (bounds,) = [e for e in found[Estimate] if "worst" in e.estimand]
    assert bounds.ci_low == pytest.approx(0.5 * 8 / 12 - 0.5 * 4)
    assert bounds.ci_high == pytest.approx(0.5 * 8 / 12 + 0.5 * 4)
    (rate,) = [d for d in found[Diagnostic] if d.name.startswith("share of those asked")]
    assert (rate.value, rate.passed) == (0.5, False)


@pytest.mark.parametrize("invited", [None, 10])
def test_what_was_said_at_the_time_leads_whatever_is_remembered(invited):
    """The first estimate is what a summary tells; it is never the remembered change."""
    found = run(answers(BEFORE, AFTER, invited=invited, retro=[1] * 12))
    assert (found[Estimate][0].estimand, found[Estimate][0].term) == (GAIN, ALL)


def test_looking_back_is_apart_and_flagged():
    """What is asked afterwards never mixes with what was said at first."""
    retro = [value - 1 if value > 1 else 1 for value in BEFORE]
    found = run(answers(BEFORE, AFTER, retro=retro))
    assert one(found, GAIN).value == one(run(answers(BEFORE, AFTER)), GAIN).value
    e = one(found, RETRO, "")
    assert e.value == pytest.approx(paired_change(retro, AFTER, [f"s{k % 6}" for k in range(12)]).g)
    assert "response shift" in e.warnings[0]


def test_who_answered_once_is_in_no_change():
    """The pairs are those of both surveys."""
    after = [*AFTER[:-2], None, None]
    assert one(run(answers(BEFORE, after)), GAIN).n_people == 10


def test_few_people_and_few_schools_have_no_figure():
    """Of fewer than five schools one person could be told; one wave is no change."""
    assert one(run(answers(BEFORE, AFTER, schools=3)), GAIN).status == "withheld"
    few = run(answers(BEFORE[:4], AFTER[:4]))
    assert one(few, GAIN).status == "not_estimable"
    alone = answers(BEFORE, [None] * 12)
    assert "two waves" in one(run(alone), GAIN).reason


def county(seed):
    """Draw a full county."""
    return synthetic.county(seed=seed, full=True)


@pytest.mark.parametrize("gain", [0.35, 0.0])
def test_what_was_planted_is_recovered(gain, monkeypatch):
    """The rise in points, or none: four of five counties or more within two standard errors.

    Answers are whole numbers of one to five, which takes a little from a rise near the top.
    """
    monkeypatch.setattr(staffroom, "GAIN", gain)
    near = 0
    for seed in range(5):
        made = county(seed)
        e = one(run(made.tables), POINTS)
        near += abs(e.value - gain) < 2 * e.std_error
        assert e.n_people > 200
    assert near >= 4


def test_nothing_of_the_county_is_set_aside():
    """Its answers are on their scale, of known items, once each."""
    found = run(county(1).tables)
    assert found[Exclusion] == []
    table = next(t for t in found[Table] if t.id == "response")
    for _, invited, answered, silent, _ in table.rows:
        assert invited == answered + silent
