"""What the county's outcomes are, checked by plain arithmetic on its tables."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from impactkit.errors import UsageError
from impactkit.synthetic import County, county

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "england"


@pytest.fixture(scope="module")
def large() -> County:
    """Draw a county large enough for tight tolerances."""
    return county(seed=5, n_schools=2000, effect={0: 1.0, 1: 2.0, 2: 3.0}, selection="random")


def mean_and_error(values: pl.Series) -> tuple[float, float]:
    """Return a mean and its standard error."""
    return values.mean(), values.std() / math.sqrt(len(values))


def changes(here: County, measure: str, first: int, last: int) -> pl.DataFrame:
    """Change of the true value from one event time to another, and that of never-treated schools.

    For the never treated, over the same calendar years, one row a cohort of the treated.
    """
    rows = here.truth.potential.filter(pl.col("measure") == measure)
    parts = []
    for cohort in here.settings.cohorts:
        years = [cohort + first, cohort + last]
        if years[1] > here.settings.years[1]:
            continue
        wide = (
            rows.filter(pl.col("year").is_in(years))
            .filter((pl.col("cohort") == cohort) | pl.col("cohort").is_null())
            .sort("year")
            .group_by("school_key", "cohort")
            .agg((pl.col("value").last() - pl.col("value").first()).alias("change"), pl.len())
            .filter(pl.col("len") == 2)
        )
        parts.append(wide.with_columns(pl.lit(cohort).alias("wave")))
    return pl.concat(parts)


def gap(rows: pl.DataFrame) -> tuple[float, float]:
    """Treated minus never treated within each wave, weighted by treated schools; its error."""
    total, variance, weight = 0.0, 0.0, 0
    for wave in rows["wave"].unique():
        part = rows.filter(pl.col("wave") == wave)
        treated, t_error = mean_and_error(part.filter(pl.col("cohort").is_not_null())["change"])
        never, n_error = mean_and_error(part.filter(pl.col("cohort").is_null())["change"])
        n = part["cohort"].count()
        total += n * (treated - never)
        # Waves share their comparison schools: adding errors, not variances, is the safe side.
        variance += n * math.hypot(t_error, n_error)
        weight += n
    return total / weight, variance / weight


def test_potential_outcomes_differ_by_exactly_the_planted_effect():
    """Potential outcomes differ by exactly the planted effect."""
    here = county(n_schools=120, effect=lambda e: 0.5 + e)
    rows = here.truth.potential
    added = (rows["value"] - rows["untreated"] - rows["effect"]).abs().max()
    assert added < 1e-12
    planted = rows.filter(pl.col("measure") == "attainment", pl.col("event_time") >= 0)
    assert (planted["effect"] == 0.5 + planted["event_time"]).all()
    others = rows.filter(
        (pl.col("measure") != "attainment")
        | pl.col("cohort").is_null()
        | (pl.col("event_time") < 0)
    )
    assert (others["effect"] == 0).all()


def test_a_zero_effect_changes_nothing_for_anybody():
    """A zero effect changes nothing for anybody."""
    rows = county(n_schools=120).truth.potential
    assert (rows["value"] == rows["untreated"]).all()
    assert (rows["effect"] == 0).all()
    assert county(n_schools=120).truth.att() == 0.0


def test_the_average_effect_weighs_event_times_by_the_schools_that_reach_them():
    """The average effect weighs event times by the schools that reach them."""
    truth = county(n_schools=120, effect={0: 1.0, 1: 4.0}, closures=0.0).truth
    sizes = (
        truth.potential.filter(pl.col("measure") == "attainment", pl.col("cohort").is_not_null())
        .group_by("cohort")
        .agg(pl.col("school_key").n_unique().alias("n"))
        .rows()
    )
    # Years 2012 to 2019: a cohort that starts in g is seen for 2020 - g years, all of them
    # at least two, so its effects add up to 1 + 4.
    by_hand = sum(5.0 * n for _, n in sizes) / sum((2020 - g) * n for g, n in sizes)
    assert truth.att() == pytest.approx(by_hand, abs=1e-12)
    assert truth.att(by="event_time")["effect"].to_list()[:3] == [1.0, 4.0, 0.0]


def test_the_noise_does_not_depend_on_the_effect():
    """The noise does not depend on the effect."""
    without, with_effect = county(n_schools=120), county(n_schools=120, effect=7.0)
    same = ["school_key", "year", "measure", "untreated", "n_pupils"]
    assert without.truth.potential.select(same).equals(with_effect.truth.potential.select(same))
    for name, table in without.tables.items():
        if name != "outcomes":
            assert table.equals(with_effect.tables[name]), name


@pytest.mark.parametrize("event_time", [0, 1, 2])
def test_plain_differences_recover_the_effect_when_selection_is_random(large, event_time):
    """Plain differences recover the effect when selection is random."""
    estimate, error = gap(changes(large, "attainment", -1, event_time))
    assert error < 0.6
    assert abs(estimate - (event_time + 1.0)) < 4 * error


def test_schools_chosen_for_a_bad_year_recover_without_any_help():
    """Schools chosen for a bad year recover without any help."""
    worst = county(seed=3, n_schools=1000, selection="worst")
    estimate, error = gap(changes(worst, "attainment", -1, 0))
    assert estimate > 1.0
    assert estimate > 4 * error
    # They were not chosen for their absence, so that does not move.
    estimate, error = gap(changes(worst, "overall_absence", -1, 0))
    assert abs(estimate) < 4 * error


def test_schools_chosen_blindly_do_not_regress():
    """Schools chosen blindly do not regress."""
    blind = county(seed=3, n_schools=1000, selection="random")
    estimate, error = gap(changes(blind, "attainment", -1, 0))
    assert abs(estimate) < 4 * error


def test_small_schools_are_noisier():
    """Small schools are noisier."""
    rows = (
        county(n_schools=1000)
        .truth.potential.filter(pl.col("measure") == "attainment")
        .sort("school_key", "year")
        .with_columns(pl.col("untreated").diff().over("school_key").alias("change"))
    )
    small = rows.filter(pl.col("n_pupils") < 15)["change"].std()
    large = rows.filter(pl.col("n_pupils") > 120)["change"].std()
    assert small > 1.5 * large


def test_a_violation_of_parallel_trends_is_a_slope_of_the_treated_only():
    """A violation of parallel trends is a slope of the treated only."""
    straight, bent = county(n_schools=120), county(n_schools=120, pretrend=0.4)
    keys = ["school_key", "year", "measure"]
    both = straight.truth.potential.join(bent.truth.potential, on=keys, suffix="_bent")
    added = both["untreated_bent"] - both["untreated"]
    treated = both["cohort"].is_not_null() & (both["measure"] == "attainment")
    expected = pl.select(pl.when(treated).then(0.4 * (both["year"] - 2012)).otherwise(0.0))
    assert (added - expected.to_series()).abs().max() < 1e-12
    assert bent.truth.pretrend["attainment"] == 0.4


def test_effects_can_be_set_by_measure_and_anticipated():
    """Effects can be set by measure and anticipated."""
    here = county(n_schools=120, effect={"overall_absence": {-1: -0.1, 0: -0.3}})
    rows = here.truth.potential.filter(pl.col("effect") != 0)
    assert set(rows.select("measure", "event_time", "effect").unique().rows()) == {
        ("overall_absence", -1, -0.1),
        ("overall_absence", 0, -0.3),
    }
    assert here.truth.att("attainment") == 0.0
    assert here.truth.effects("overall_absence")["event_time"].min() == -1


def test_asking_for_an_unknown_measure_names_those_that_there_are():
    """Asking for an unknown measure names those that there are."""
    with pytest.raises(UsageError, match="attainment, overall_absence, pupil_teacher_ratio"):
        county(n_schools=40).truth.att("attendance")


def test_every_value_is_a_number_or_says_why_not():
    """Every value is a number or says why not."""
    outcomes = county(n_schools=600, suppress_below=12).tables["outcomes"]
    assert (outcomes["value"].is_not_null() == (outcomes["status"] == "ok")).all()
    assert not outcomes["value"].is_nan().any()
    tested = outcomes.filter(pl.col("measure") == "attainment")
    assert (tested.filter(pl.col("denominator") == 0)["status"] == "ne").all()
    few = tested.filter(pl.col("denominator").is_between(1, 11))
    assert few.height > 50
    assert (few["status"] == "supp").all()
    many = tested.filter(pl.col("denominator") >= 12)
    assert set(many["status"]) == {"ok", "x"}
    share = many.filter(pl.col("status") == "x").height / many.height
    assert abs(share - 0.01) < 4 * math.sqrt(0.01 * 0.99 / many.height)


def test_published_values_are_the_true_ones_but_for_part_year_returns():
    """Published values are the true ones but for part year retURNs."""
    here = county(n_schools=400, conversions=0.3, doubled_reports=0.5, effect=2.0)
    keys = ["school_key", "urn", "year", "measure"]
    published = here.tables["outcomes"].filter(pl.col("status") == "ok")
    both = published.join(here.truth.potential, on=keys, suffix="_true")
    assert (both["value"] == both["value_true"]).all()
    extra = published.join(here.truth.potential, on=keys, how="anti")
    doubled = extra["school_key"].n_unique()
    assert doubled == 60
    again = extra.join(published, on=["school_key", "year", "measure"], suffix="_new")
    assert (again.filter(pl.col("urn") != pl.col("urn_new"))["urn_new"] >= 950_001).all()


def test_conversions_closures_and_merges_are_as_many_as_asked():
    """Conversions closures and merges are as many as asked."""
    here = county(n_schools=400, conversions=0.2, closures=0.05, merges=3)
    links, schools = here.tables["school_links"], here.tables["schools"]
    kinds = dict(links["link_type"].value_counts().rows())
    assert kinds == {
        "Successor": 80,
        "Predecessor": 80,
        "Successor - amalgamated": 6,
        "Predecessor - amalgamated": 6,
    }
    back = links.select(pl.col("link_urn").alias("urn"), pl.col("urn").alias("link_urn"))
    assert links.join(back, on=["urn", "link_urn"], how="anti").is_empty()
    assert (schools["status"] == "Closed").sum() == 20 + 6
    last_report = here.tables["outcomes"].group_by("school_key").agg(pl.col("year").max())
    ended = schools.filter(pl.col("status") == "Closed").join(last_report, on="school_key")
    assert (ended["close_date"].dt.year() == ended["year"]).all()


def test_the_key_of_a_school_is_its_first_urn():
    """The key of a school is its first URN."""
    here = county(n_schools=200)
    first = here.tables["outcomes"].group_by("school_key").agg(pl.col("urn").min())
    assert (first["school_key"] == first["urn"].cast(pl.String)).all()


def test_nothing_in_the_county_is_real():
    """Nothing in the county is real."""
    here = county(n_schools=1600)
    schools = here.tables["schools"]
    assert schools["name"].n_unique() == 1600
    urns = set(here.tables["outcomes"]["urn"])
    assert min(urns) > 900_000
    if not SHARED.exists():
        pytest.skip("the real registers are not beside this checkout")
    real = pl.concat(
        [
            pl.read_csv(
                SHARED / "national" / file, infer_schema=False, encoding="utf8-lossy"
            ).select(pl.col(urn).alias("urn"), pl.col(name).alias("name"))
            for file, urn, name in (
                ("2022-08_group_links.csv.gz", "URN", "EstablishmentName"),
                ("2026-08-21_links_edubasealldata.csv.gz", "LinkURN", "LinkName"),
            )
        ]
    )
    assert real.height > 10_000
    assert not urns & set(real["urn"].cast(pl.Int64, strict=False))
    assert not set(schools["name"]) & set(real["name"])
    places = "|".join(sorted({name.split(" ")[-3] for name in schools["name"]}))
    assert real.filter(pl.col("name").str.contains(f"(?i)\\b({places})\\b")).is_empty()


def test_nothing_is_clipped_with_usual_settings_and_clipping_is_counted():
    """Nothing is clipped with usual settings and clipping is counted."""
    assert county().truth.n_clipped == 0
    here = county(n_schools=80, effect=100.0)
    assert here.truth.n_clipped > 0
    assert here.tables["outcomes"].filter(pl.col("measure") == "attainment")["value"].max() == 140
