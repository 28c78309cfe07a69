"""Help for diagnosed needs, and the match of strengths to needs: by hand, by loops, planted."""

from __future__ import annotations

import datetime as dt
from itertools import permutations

import numpy as np
import polars as pl
import pytest

from impactkit.report.answers import answer, verdict
from impactkit_partnership.match_quality import BEYOND, CHANCE, MATCH, match_quality
from impactkit_partnership.need_provision import ANSWERED, TAGGED, need_provision

DAY = dt.date(2018, 9, 1)


def helped(rows):
    """Make help from school, amount, unit, tag and the days after which it began."""
    return pl.DataFrame(
        [
            ("P1", school, dose, unit, tag, DAY + dt.timedelta(days=days))
            for school, dose, unit, tag, days in rows
        ],
        schema={
            "partnership_id": pl.String,
            "school_key": pl.String,
            "dose_delivered": pl.Float64,
            "dose_unit": pl.String,
            "need_tag": pl.String,
            "start": pl.Date,
        },
        orient="row",
    )


def judged(rows):
    """Make scores from school, kind, domain, score and the day of judging."""
    return pl.DataFrame(
        rows,
        schema={
            "school_key": pl.String,
            "kind": pl.String,
            "domain": pl.String,
            "score": pl.Float64,
            "assessed_on": pl.Date,
        },
        orient="row",
    )


NEEDS = judged(
    [
        ("A", "need", "reading", 3.0, DAY),
        ("A", "need", "behaviour", 1.0, DAY),
        ("A", "need", "writing", 4.0, DAY + dt.timedelta(days=30)),
        ("B", "strength", "reading", 4.0, DAY),
    ]
)


def test_hours_for_a_need_diagnosed_before_the_help_began(run, find):
    """Ten of 40 hours: not the small need, the late diagnosis, the strength, or no tag."""
    rows = [
        ("A", 10.0, "hours", " Reading ", 5),
        ("A", 6.0, "hours", "behaviour", 5),
        ("A", 8.0, "hours", "writing", 5),
        ("B", 4.0, "hours", "reading", 5),
        ("A", 12.0, "hours", None, 5),
    ]
    result = run(need_provision, {"interventions": helped(rows), "needs": NEEDS})
    assert find(result, ANSWERED).value == pytest.approx(25)
    assert find(result, TAGGED, "any tag").value == pytest.approx(70)
    later = [("A", 8.0, "hours", "writing", 31)]
    result = run(need_provision, {"interventions": helped(later), "needs": NEEDS})
    assert find(result, ANSWERED).value == 100


def test_a_need_judged_on_the_day_on_which_the_help_began_counts(run, find):
    """It was known when the help was chosen."""
    given = {"interventions": helped([("A", 1.0, "hours", "reading", 0)]), "needs": NEEDS}
    assert find(run(need_provision, given), ANSWERED).value == 100


def test_days_and_terms_become_hours(run, find):
    """A day of 6.5 hours for a need, and a term of 422 hours for none."""
    rows = [("A", 1.0, "days", "reading", 5), ("A", 1.0, "fte_terms", None, 5)]
    given = {"interventions": helped(rows), "needs": NEEDS}
    assert find(run(need_provision, given), ANSWERED).value == pytest.approx(100 * 6.5 / 428.5)
    longer = run(need_provision, given, hours_a_day=7.0, hours_a_term=433.0)
    assert find(longer, ANSWERED).value == pytest.approx(100 * 7 / 440)


def test_without_a_table_of_needs_tags_are_taken_at_their_word_and_said_so(run, find):
    """The headline changes its name, and a note tells why."""
    rows = [("A", 1.0, "hours", "anything", 5), ("A", 3.0, "hours", None, 5)]
    result = run(need_provision, {"interventions": helped(rows)})
    assert find(result, TAGGED).value == 25
    assert "not known" in str(result.notes[0])


def test_help_without_a_known_dose_is_counted(run):
    """No amount, no unit, nothing delivered."""
    rows = [("A", None, "hours", "x", 1), ("A", 2.0, None, "x", 1), ("A", 0.0, "hours", "x", 1)]
    result = run(need_provision, {"interventions": helped([*rows, ("A", 1.0, "hours", "x", 1)])})
    assert {x.reason: x.n_rows for x in result.exclusions} == {
        "partnership.no_dose": 2,
        "partnership.nothing_delivered": 1,
    }


def test_planted_share_of_tagged_hours_is_recovered(recovered):
    """Twelve counties: nine intervals or more hold it (fewer: 0.3 %)."""
    assert recovered(need_provision, "needs.tagged", ANSWERED, scale=100) >= 9


def pairs(needs, strengths):
    """Make one partnership for each client and supporter, with their scores by domain."""
    members, scores = [], []
    for i, (need, strength) in enumerate(zip(needs, strengths, strict=True)):
        members += [(f"P{i}", f"C{i}", "client"), (f"P{i}", f"S{i}", "supporter")]
        for d, (n, s) in enumerate(zip(need, strength, strict=True)):
            scores += [
                (f"C{i}", "need", f"d{d}", float(n), None),
                (f"S{i}", "strength", f"d{d}", float(s), None),
            ]
    names = ["partnership_id", "school_key", "role"]
    return {
        "memberships": pl.DataFrame(members, schema=names, orient="row"),
        "needs": judged(scores),
    }


def test_match_of_a_pair_by_hand(run, find):
    """Needs 4, 2, 0 and strengths 4, 0, 4: (4 x 1 + 2 x 0 + 0 x 1) / 6."""
    result = run(match_quality, pairs([(4, 2, 0)], [(4, 0, 4)]))
    assert find(result, MATCH).value == pytest.approx(4 / 6)
    assert find(result, CHANCE, "chance").status == "not_estimable"
    assert find(result, MATCH).p_value is None


@pytest.mark.parametrize("seed", range(4))
def test_chance_is_that_of_every_re_pairing(run, find, seed):
    """Five supporters, 120 orders, by a plain loop: the mean, and the share that do as well."""
    rng = np.random.default_rng(seed)
    needs, strengths = rng.integers(0, 5, (5, 6)), rng.integers(0, 5, (5, 6))
    needs[:, 0] = 1  # everybody needs something

    def mean(order):
        return np.mean([needs[i] @ strengths[order[i]] / 4 / needs[i].sum() for i in range(5)])

    every = [mean(order) for order in permutations(range(5))]
    observed = mean(range(5))
    result = run(match_quality, pairs(needs, strengths))
    assert find(result, MATCH).value == pytest.approx(observed)
    assert find(result, CHANCE, "chance").value == pytest.approx(np.mean(every))
    beyond = find(result, BEYOND, "less chance")
    assert beyond.value == pytest.approx(observed - np.mean(every))
    assert beyond.p_value == pytest.approx(np.mean(np.array(every) >= observed - 1e-9))


def test_the_match_itself_is_a_level_and_no_contrast(run, find):
    """A share of need is not tested against none: the test is of the match beyond chance."""
    result = run(match_quality, pairs([(4, 2, 0), (0, 4, 1)], [(4, 0, 4), (1, 3, 2)]))
    assert find(result, MATCH).p_value is None
    assert verdict(find(result, MATCH)) == "level"
    assert "higher" not in answer(find(result, MATCH), "Match").headline


def test_judgements_after_joining_and_other_roles_are_counted(run):
    """Neither is used."""
    given = pairs([(4, 2)], [(4, 0)])
    more = pl.DataFrame({"partnership_id": ["P0"], "school_key": ["X"], "role": ["peer"]})
    given["memberships"] = pl.concat([given["memberships"], more]).with_columns(joined=DAY)
    late = judged([("C0", "need", "d9", 4.0, DAY + dt.timedelta(days=1))])
    given["needs"] = pl.concat([given["needs"], late])
    result = run(match_quality, given)
    assert {x.reason: x.n_rows for x in result.exclusions} == {
        "partnership.other_role": 1,
        "partnership.judged_late": 1,
    }


def test_the_latest_judgement_counts_and_assessors_are_averaged(run, find):
    """Strength 0 a year ago, 4 and 2 by two assessors since."""
    scores = [
        ("C", "need", "d", 4.0, DAY),
        ("S", "strength", "d", 0.0, DAY - dt.timedelta(days=365)),
        ("S", "strength", "d", 4.0, DAY),
        ("S", "strength", "d", 2.0, DAY),
    ]
    members = pl.DataFrame(
        [("P", "C", "client"), ("P", "S", "supporter")],
        schema=["partnership_id", "school_key", "role"],
        orient="row",
    )
    result = run(match_quality, {"memberships": members, "needs": judged(scores)})
    assert find(result, MATCH).value == pytest.approx(0.75)


def expected_match(leaning, domains=8, draws=200_000):
    """Return the mean match of the county's model, drawn anew: no code is shared with it."""
    rng = np.random.default_rng(9)
    strength = rng.integers(0, 5, (draws, domains))
    need = np.where(
        rng.random((draws, domains)) < leaning, strength, rng.integers(0, 5, (draws, domains))
    )
    total = need.sum(axis=1)
    return ((need * strength).sum(axis=1) / 4 / np.maximum(total, 1))[total > 0].mean()


def test_planted_match_is_recovered_and_told_from_chance(recovered, run, find, here):
    """Twelve counties: nine intervals or more hold it, and p is small in eleven."""
    truth = expected_match(0.6)
    assert truth == pytest.approx(here().truth.planted["needs.match_quality"], abs=0.02)
    assert recovered(match_quality, lambda _: truth, MATCH) >= 9
    made = [run(match_quality, here(seed).tables) for seed in range(12)]
    p = [find(result, BEYOND, "less chance").p_value for result in made]
    assert sum(value < 0.05 for value in p) >= 11


def test_where_schools_were_paired_blindly_nothing_is_found(run, find, monkeypatch):
    """No leaning: of 30 counties at most four have p under 5 % (more: 1.6 %)."""
    from impactkit.synthetic import county, needs

    monkeypatch.setattr(needs, "LEANING", 0.0)
    made = [county(seed=seed, full=True, n_schools=160) for seed in range(30)]
    found = [run(match_quality, one.tables, draws=499) for one in made]
    p = [find(result, BEYOND, "less chance").p_value for result in found]
    assert sum(value < 0.05 for value in p) <= 4
    assert 6 <= sum(value < 0.5 for value in p) <= 24
    beyond = [find(result, BEYOND, "less chance").value for result in found]
    assert abs(np.mean(beyond)) < 3 * np.std(beyond) / np.sqrt(30)
