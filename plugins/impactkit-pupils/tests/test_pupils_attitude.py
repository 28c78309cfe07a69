"""M43: what pupils say, turned the right way round, with who answered beside it."""

from __future__ import annotations

import datetime as dt
import statistics

import numpy as np
import polars as pl
import pytest

from impactkit_pupils.attitude import BEYOND, CHANGE, RELIABILITY, attitude

SEEDS = range(6)
ITEMS = ("a", "b", "c")


def small(*, seed=0, schools=10, joined=6, pupils=5, gain=1.0, turned=("c",), invited=None):
    """Return answers of three years on a scale of 1 to 5; joiners of 2017/18 say `gain` more."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(schools):
        for year in (2016, 2017, 2018):
            for j in range(pupils):
                mood = 2.8 + rng.normal(0, 0.7) + (gain if k < joined and year == 2018 else 0)
                for item in ITEMS:
                    value = float(np.clip(round(mood + rng.normal(0, 0.4)), 1, 5))
                    value = 6 - value if item in turned else value
                    who = f"{k}-{year}-{j}"
                    day = dt.date(year, 6, 1)
                    rows.append(("q", item, year - 2015, day, who, 100001 + k, "pupil", value))
    names = ["instrument_id", "item", "wave", "answered_on"]
    names += ["respondent_key", "urn", "level", "value"]
    responses = pl.DataFrame(rows, schema=names, orient="row")
    if invited:
        responses = responses.with_columns(invited=pl.lit(invited, pl.Int64))
    members = [(f"P{k // 2}", 100001 + k, dt.date(2017, 9, 1)) for k in range(joined)]
    return {
        "survey_responses": responses,
        "instruments": pl.DataFrame(
            {
                "instrument_id": ["q"] * 3,
                "item": list(ITEMS),
                "reverse": [False, False, True],
                "scale_low": [1.0] * 3,
                "scale_high": [5.0] * 3,
            }
        ),
        "memberships": pl.DataFrame(
            members, schema=["partnership_id", "urn", "joined"], orient="row"
        ),
        "outcomes": pl.DataFrame(
            [(100001 + k, y, "test", "all", 1.0) for k in range(schools) for y in (2016, 2018)],
            schema=["urn", "year", "measure", "subgroup", "value"],
            orient="row",
        ),
    }


def run(evaluated, tables, **params):
    """Evaluate the metric on the questionnaire of `small`."""
    return evaluated(attitude, tables, outcome="test", params={"instrument": "q", **params})


def by_name(result):
    """Return estimates by what they are of."""
    return {e.estimand: e for e in result.estimates}


def by_hand(tables):
    """Return the change in schools that joined, and elsewhere, by plain loops."""
    answers = {}
    for _, item, _, day, who, urn, _, value in tables["survey_responses"].rows():
        answers.setdefault((urn, day.year, who), []).append(6 - value if item == "c" else value)
    means = {}
    for (urn, year, _), values in answers.items():
        means.setdefault((urn, year), []).append(statistics.mean(values))
    inside = set(tables["memberships"]["urn"])

    def change(urn):
        return statistics.mean(means[urn, 2018]) - statistics.mean(means[urn, 2017])

    urns = {urn for urn, _ in means}
    return (
        statistics.mean(change(u) for u in urns & inside),
        statistics.mean(change(u) for u in urns - inside),
    )


def test_the_change_is_that_of_plain_loops(evaluated):
    """Turned items turned round; each school counts once."""
    tables = small()
    joined, elsewhere = by_hand(tables)
    found = by_name(run(evaluated, tables))
    assert found[CHANGE].value == pytest.approx(joined)
    assert found[BEYOND].value == pytest.approx(joined - elsewhere)
    assert found[CHANGE].p_value is None
    assert "not compared with schools elsewhere" in found[CHANGE].warnings
    assert found[BEYOND].n_people == 6 * 3 * 5


def test_what_pupils_say_is_never_called_an_effect(evaluated):
    """Neither in names nor in units, and no months."""
    result = run(evaluated, small())
    words = " ".join(f"{e.estimand} {e.unit} {e.method}" for e in result.estimates).lower()
    assert "effect" not in words
    assert "month" not in words
    assert all("what pupils say" in " ".join(e.warnings) for e in result.estimates if not e.term)


def test_an_item_that_runs_the_wrong_way_is_named(evaluated):
    """Marked reversed, and not: it goes against the others."""
    result = run(evaluated, small(turned=()))
    (check,) = [d for d in result.diagnostics if d.name == "items against the rest"]
    assert check.passed is False
    assert "c" in check.value
    (sound,) = [
        d for d in run(evaluated, small()).diagnostics if d.name == "items against the rest"
    ]
    assert sound.passed is True


def test_reliability_is_cronbachs(evaluated):
    """From covariances: k mean(c) / (mean(v) + (k - 1) mean(c)), the standard form."""
    tables = small(pupils=12)
    result = run(evaluated, tables)
    first = tables["survey_responses"].filter(wave=1)
    wide = first.pivot("item", index="respondent_key", values="value").with_columns(
        c=6 - pl.col("c")
    )
    c = np.cov(wide.select(ITEMS).to_numpy(), rowvar=False)
    between = (c.sum() - np.trace(c)) / 6
    expected = 3 * between / (np.trace(c) / 3 + 2 * between)
    assert by_name(result)[RELIABILITY].value == pytest.approx(expected)


@pytest.mark.parametrize(("invited", "enough"), [(25, False), (6, True)])
def test_a_response_of_a_fifth_is_caught_by_name(evaluated, invited, enough):
    """Five of 25 answered: a warning with every figure; five of six: none."""
    result = run(evaluated, small(invited=invited))
    (rate,) = [d for d in result.diagnostics if d.name == "response rate"]
    assert rate.passed is enough
    assert rate.value == pytest.approx(100 * 5 / invited, abs=0.05)
    warned = any("did not answer" in w for w in by_name(result)[BEYOND].warnings)
    assert warned is not enough


def test_people_who_are_no_pupils_are_left_out_and_counted(evaluated):
    """Governors answer other questionnaires."""
    tables = small()
    other = pl.col("urn") == 100010
    tables["survey_responses"] = tables["survey_responses"].with_columns(
        level=pl.when(other).then(pl.lit("governor")).otherwise("level")
    )
    result = run(evaluated, tables)
    (lost,) = [x for x in result.exclusions if x.reason == "pupils.not_pupils"]
    assert lost.n_rows == 15
    assert by_name(result)[BEYOND].n_comparison == 3


def test_looking_back_is_no_survey_of_its_own(evaluated):
    """What pupils say afterwards of how it had been is set aside."""
    tables = small()
    back = tables["survey_responses"].filter(wave=3)
    tables["survey_responses"] = pl.concat(
        [
            tables["survey_responses"].with_columns(retro_pre=pl.lit(value=False)),
            back.with_columns(retro_pre=pl.lit(value=True), value=pl.lit(1.0)),
        ]
    )
    result = run(evaluated, tables)
    assert by_name(result)[BEYOND].value == pytest.approx(
        by_name(run(evaluated, small()))[BEYOND].value
    )
    assert {x.reason for x in result.exclusions} >= {"pupils.looking_back"}


def test_without_answers_of_pupils_it_says_what_to_give(evaluated):
    """Another questionnaire is not taken for it."""
    (only,) = run(evaluated, small(), instrument="other").estimates
    assert only.status == "not_estimable"
    assert "survey_responses" in only.reason


def test_few_pupils_are_not_told_of(evaluated):
    """Schools with a pupil or two each."""
    found = run(evaluated, small(schools=4, joined=2, pupils=1)).estimates
    assert all(e.status == "not_estimable" for e in found)


def test_a_planted_gain_is_recovered_and_none_is_found_without_joining(on_county, evaluated):
    """Six counties: within two errors in five or more; schools that never joined show none."""
    near, false = 0, 0
    for seed in SEEDS:
        here, result = on_county(attitude, seed)
        found = by_name(result)[BEYOND]
        near += abs(found.value - here.truth.planted["attitudes.gain"]) < 2 * found.std_error
        assert 0.5 < by_name(result)[RELIABILITY].value < 0.9
        false += _found_among_others(here, evaluated)
    assert near >= 5
    assert false <= 1


def _found_among_others(here, evaluated):
    """Return whether a change is found where half of the others are called a partnership each."""
    members = here.tables["memberships"]
    rows = here.tables["survey_responses"].filter(instrument_id="pupil_attitude")
    rows = rows.filter(~pl.col("school_key").is_in(members["school_key"].implode()))
    keys = rows["school_key"].unique().sort().to_list()
    pairs = keys[: len(keys) // 2 // 2 * 2]
    tables = {
        **here.tables,
        "survey_responses": rows,
        "memberships": pl.DataFrame(
            {
                "partnership_id": [f"X{k // 2}" for k in range(len(pairs))],
                "school_key": pairs,
                "urn": [int(key) for key in pairs],
                "joined": [dt.date(2014 + k // 2 % 3, 9, 1) for k in range(len(pairs))],
            }
        ),
    }
    found = by_name(evaluated(attitude, tables, years=here.years))[BEYOND]
    return not found.ci_low <= 0 <= found.ci_high
