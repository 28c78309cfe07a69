"""Partnerships of several kinds, places and grades: what was asked for is what is there."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from impactkit.errors import UsageError
from impactkit.synthetic import county

BIG = {"n_schools": 600, "conversions": 0.0, "closures": 0.0, "merges": 0}


def treated(here):
    """Return the true effects on attainment of treated schools, with what they depend on."""
    kinds = (
        here.tables["memberships"]
        .filter(pl.col("role") != "supporter")
        .join(
            here.tables["partnerships"].select(
                "partnership_id", "structure", "purpose", "end_date"
            ),
            on="partnership_id",
        )
    )
    rows = here.truth.potential.filter(
        (pl.col("measure") == "attainment") & (pl.col("event_time") >= 0)
    )
    return rows.join(kinds, on="school_key")


def test_effects_differ_by_structure_and_purpose_as_asked():
    """The factors multiply the effect that was planted, and nothing else changes."""
    asked = {"chain": 2.0, "ri_support": 0.5}
    rows = treated(county(effect=3.0, pairs=0.4, moderators=asked, **BIG))
    assert rows["structure"].n_unique() == 3
    for structure, purpose, effect in rows.select("structure", "purpose", "effect").unique().rows():
        assert effect == pytest.approx(3.0 * asked.get(structure, 1) * asked.get(purpose, 1))


def test_a_slope_by_dose_and_distance_leaves_the_mean_alone():
    """Both are centred, so an average over schools is the planted effect but for their product."""
    here = county(effect=3.0, moderators={"dose": 0.2}, **BIG)
    dose = here.tables["interventions"].group_by("school_key").agg(pl.col("dose_delivered").sum())
    per_school = (
        treated(here)
        .group_by("school_key")
        .agg(pl.col("effect").first())
        .join(dose, on="school_key")
    )
    slope, _ = np.polyfit(per_school["dose_delivered"], per_school["effect"], 1)
    assert slope == pytest.approx(3.0 * 0.2 / 10)
    assert per_school["effect"].mean() == pytest.approx(3.0)
    far = county(effect=3.0, moderators={"km": -0.5}, **BIG)
    lead = far.tables["partnerships"].select("partnership_id", "lead_urn")
    spot = far.tables["schools"].select("urn", "easting", "northing")
    rows = (
        treated(far)
        .unique("school_key")
        .join(lead, on="partnership_id")
        .join(spot, left_on="lead_urn", right_on="urn")
        .join(spot.rename({"easting": "e", "northing": "n"}), on="urn")
    )
    km = np.hypot(rows["easting"] - rows["e"], rows["northing"] - rows["n"]) / 1000
    assert np.polyfit(km, rows["effect"], 1)[0] == pytest.approx(3.0 * -0.5 / 10)


def test_some_partnerships_end_and_their_effect_fades():
    """Members leave on the last day, and each year after it has the asked share of the effect."""
    here = county(effect=4.0, ends=0.5, fade=0.5, **BIG)
    rows = treated(here)
    ended = rows.filter(pl.col("end_date").is_not_null())
    assert ended["partnership_id"].n_unique() == 30
    left = here.tables["memberships"].join(here.tables["partnerships"], on="partnership_id")
    assert (left["left"] == left["end_date"]).drop_nulls().all()
    after = ended.with_columns(since=pl.col("year") - pl.col("end_date").dt.year()).filter(
        pl.col("since") > 0
    )
    assert after.height
    assert np.allclose(after["effect"], 4.0 * 0.5 ** after["since"].to_numpy())


def test_a_county_without_kinds_is_the_county_of_before():
    """Asking for nothing gives everybody the planted effect."""
    rows = treated(county(effect=1.5))
    assert rows["effect"].unique().to_list() == [1.5]


def test_supporters_may_gain_too_and_are_never_treated():
    """What they gain is on attainment only, from the first year on."""
    here = county(supporter_effect=1.0, **BIG)
    gains = here.truth.potential.filter(pl.col("effect") != 0)
    assert gains["measure"].unique().to_list() == ["attainment"]
    assert gains["effect"].unique().to_list() == [1.0]
    assert gains["cohort"].null_count() == gains.height
    givers = here.tables["memberships"].filter(pl.col("role") == "supporter")["school_key"]
    assert set(gains["school_key"]) == set(givers)


def test_a_moderator_that_does_not_exist_is_named():
    """With those that do."""
    with pytest.raises(UsageError, match="mutual_development"):
        county(moderators={"colour": 2.0})


def test_places_are_in_the_county_and_grades_follow_results():
    """Distances are tens of kilometres; better results have better grades, with exceptions."""
    here = county(**BIG)
    schools = here.tables["schools"]
    assert schools["easting"].is_between(400_000, 445_000).all()
    assert schools["northing"].is_between(300_000, 345_000).all()
    assert 0.5 < (schools["urban_rural"] == "Urban").mean() < 0.7
    years = here.tables["school_years"].filter(pl.col("year") == 2015)
    seen = years.join(
        here.truth.potential.filter(
            (pl.col("year") == 2014) & (pl.col("measure") == "attainment")
        ).select("school_key", "untreated"),
        on="school_key",
    )
    means = seen.group_by("ofsted_grade").agg(pl.col("untreated").mean()).sort("ofsted_grade")
    assert means["ofsted_grade"].to_list() == [1, 2, 3, 4]
    assert means["untreated"].is_sorted(descending=True)
    assert seen.filter(pl.col("ofsted_grade") == 1)["untreated"].min() < means["untreated"][1]
