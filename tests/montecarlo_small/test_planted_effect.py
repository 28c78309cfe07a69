"""What was planted in the county is found again, and what was not planted is not.

The county knows its own truth (`County.truth`); nothing here is compared with our own estimates.
"""

from __future__ import annotations

import json
import math
from functools import cache

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom

from impactkit.estimators import att_gt
from impactkit.lineage import build_lineage
from impactkit.panel import build_panel
from impactkit.synthetic import county

SEEDS = 200
PLAIN = {"conversions": 0.0, "closures": 0.0, "merges": 0, "doubled_reports": 0.0}
"""Schools that stay as they are: what happens to them is tested on files, below and elsewhere."""


def panel_of(seed, **settings):
    """Return the school-by-year panel of a county of 200 schools and 20 partnerships."""
    tables = (made := county(seed=seed, n_schools=200, **{**PLAIN, **settings})).tables
    lineage = build_lineage(tables["school_links"], [tables["outcomes"]["urn"]])
    panel = build_panel(
        tables["outcomes"],
        tables["memberships"],
        lineage,
        measure="attainment",
        years=made.years,
        treated=pl.col("role").is_in(["client", "peer"]),
    )
    return panel.frame, made.truth


def fitted(frame, **options):
    """Return the study's default estimator, fitted without bootstrap."""
    columns = {"unit": "school_key", "time": "year", "cohort": "cohort", "outcome": "value"}
    settings = {"cluster": "cluster", "base_period": "universal", "bootstrap": 0, **options}
    return att_gt(frame, **columns, **settings)


@cache
def nothing_planted():
    """Return the overall estimate of counties in which partnerships do nothing."""
    panels = (panel_of(seed, effect=0.0, selection="random")[0] for seed in range(SEEDS))
    return [fitted(frame).aggregate("group").overall for frame in panels]


def test_an_effect_of_nothing_is_found_to_be_something_at_the_nominal_rate():
    """Of 200 counties without an effect about 5 % have an interval without zero, no more, no fewer.

    The limits are those that a true rate of 5 % keeps to 99 times of 100: from 3 to 19.
    """
    wrong = sum(not e.ci_low <= 0 <= e.ci_high for e in nothing_planted())
    low, high = binom.ppf([0.005, 0.995], SEEDS, 0.05)
    assert (low, high) == (3, 19)
    assert low <= wrong <= high


def test_the_interval_and_the_p_value_agree_on_nothing():
    """An interval at 95 % has no zero in it exactly when p is below 5 %."""
    for estimate in nothing_planted():
        assert (estimate.p_value < 0.05) == (not estimate.ci_low <= 0 <= estimate.ci_high)


def test_without_an_effect_the_estimates_lie_about_zero():
    """They are unbiased, and as wide apart as their standard errors say."""
    values = np.array([e.value for e in nothing_planted()])
    errors = np.array([e.std_error for e in nothing_planted()])
    assert abs(values.mean()) < 3 * values.std(ddof=1) / math.sqrt(SEEDS)
    assert np.sqrt((errors**2).mean()) == pytest.approx(values.std(ddof=1), rel=0.15)


def test_an_effect_that_grows_is_found_at_every_event_time():
    """Year by year the mean over counties is the truth, and nothing is found before joining."""
    terms = range(-3, 5)
    found = {e: [] for e in terms}
    for seed in range(30):
        frame, truth = panel_of(seed, effect=lambda e: 1.0 + 0.5 * e, selection="random")
        dynamic = fitted(frame).aggregate("dynamic").to_frame()
        told = dict(dynamic.select(pl.col("term").cast(pl.Int64, strict=False), "value").rows())
        for e in terms:
            found[e].append(told[e])
    planted = dict(truth.att(by="event_time").select("event_time", "effect").rows())
    for e in terms:
        if e == -1:  # the year that all others are compared with
            assert set(found[e]) == {0.0}
            continue
        error = np.std(found[e], ddof=1) / math.sqrt(len(found[e]))
        assert abs(np.mean(found[e]) - planted.get(e, 0.0)) < 3 * error, e


# --- from files to evaluation.json ----------------------------------------------------------------


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """Evaluate counties from their files, with all that befalls schools in them."""
    from importlib import resources

    from impactkit import Study, evaluate

    text = resources.files("impactkit.cli").joinpath("demo_study.toml").read_text("utf-8")
    found = []
    for seed in range(1, 6):
        folder = tmp_path_factory.mktemp(f"county{seed}")
        made = county(seed=seed, n_schools=200, effect=2.0, selection="random")
        made.write(folder / "data")
        (folder / "study.toml").write_text(text, encoding="utf-8")
        study = Study.load(folder)
        found.append((made, json.loads(evaluate(study).to_json())))
    return found


def headline(plain, measure):
    """Return the first estimate of a measure."""
    (result,) = (r for r in plain["results"] if r["metric"] == "did.effect")
    return next(e for e in result["estimates"] if e["measure"] == measure)


def test_the_planted_effect_is_found_from_files(studied):
    """Over five counties, files to JSON, the estimate is within two standard errors of the truth.

    Of five intervals at 95 % four or five hold it (a sound method fails that 1 time in 44).
    """
    truths = [made.truth.att("attainment") for made, _ in studied]
    found = [headline(plain, "attainment") for _, plain in studied]
    gaps = [e["value"] - truth for e, truth in zip(found, truths, strict=True)]
    pooled = math.sqrt(sum(e["std_error"] ** 2 for e in found)) / len(found)
    assert truths == [2.0] * 5
    assert abs(np.mean(gaps)) < 2 * pooled
    assert sum(abs(g) < 2 * e["std_error"] for g, e in zip(gaps, found, strict=True)) >= 4
    assert np.mean([e["value"] for e in found]) > 4 * pooled


def test_where_nothing_was_planted_nothing_is_found_from_files(studied):
    """The same partnerships did nothing for absence or for the pupil to teacher ratio."""
    for measure in ("overall_absence", "pupil_teacher_ratio"):
        found = [headline(plain, measure) for _, plain in studied]
        pooled = math.sqrt(sum(e["std_error"] ** 2 for e in found)) / len(found)
        assert abs(np.mean([e["value"] for e in found])) < 3 * pooled


def test_every_school_of_the_county_is_accounted_for(studied):
    """Schools and treated schools are those of the county's own register, counted apart from us."""
    for made, plain in studied:
        register = made.tables["memberships"].filter(pl.col("role").is_in(["client", "peer"]))
        schools = made.tables["outcomes"].filter(
            (pl.col("measure") == "attainment") & pl.col("value").is_not_null()
        )
        counts = {name: by["attainment"] for name, by in plain["exclusions"].items()}
        assert counts["schools"] == schools["school_key"].n_unique()
        assert counts["ever_treated"] == len(
            set(register["school_key"]) & set(schools["school_key"])
        )


# --- what no estimator repairs --------------------------------------------------------------------


def naive_gain(frame):
    """Return the mean change of treated schools from the year before joining to the year after."""
    treated = frame.filter(pl.col("cohort").is_not_null())
    event = pl.col("year") - pl.col("cohort")
    before, after = (
        treated.filter(event == e).select("school_key", value="value") for e in (-1, 1)
    )
    both = before.join(after, on="school_key", suffix="_after")
    return both.select((pl.col("value_after") - pl.col("value")).mean()).item()


def test_schools_chosen_after_a_bad_year_seem_to_improve_when_nothing_was_done():
    """Before-and-after finds points where none were planted: regression to the mean.

    Chosen by chance, the same schools gain a point, which is the county's trend.
    """
    worst = [panel_of(seed, effect=0.0, selection="worst")[0] for seed in range(12)]
    random = [panel_of(seed, effect=0.0, selection="random")[0] for seed in range(12)]
    misled, fair = ([naive_gain(frame) for frame in frames] for frames in (worst, random))
    assert min(misled) > 2.0
    assert np.mean(misled) - np.mean(fair) > 2.0
    # A comparison group takes the trend away; the recovery stays, for only the chosen had it ...
    found = [fitted(frame) for frame in worst]
    assert min(f.aggregate("group").overall.ci_low for f in found) > 0
    # ... and the years before joining give it away, in nearly every county.
    assert np.mean([f.pretest().p_value < 0.05 for f in found]) > 0.8
    # With the bad year left out as the year to compare with, most of it is gone.
    earlier = [fitted(frame, anticipation=1).aggregate("group").overall.value for frame in worst]
    assert abs(np.mean(earlier)) < np.mean([f.aggregate("group").overall.value for f in found]) / 2
