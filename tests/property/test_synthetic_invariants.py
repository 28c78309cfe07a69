"""What holds for every county, whatever was asked for."""

from __future__ import annotations

import polars as pl
from hypothesis import HealthCheck, given, settings, strategies as st

from impactkit.synthetic import County, county

counties = st.builds(
    county,
    seed=st.integers(0, 2**32),
    n_schools=st.integers(60, 150),
    n_partnerships=st.integers(1, 7),
    years=st.tuples(st.integers(2008, 2014), st.integers(4, 8)).map(lambda y: (y[0], y[0] + y[1])),
    effect=st.floats(-3, 3) | st.dictionaries(st.integers(-2, 4), st.floats(-3, 3)),
    pretrend=st.floats(-1, 1),
    selection=st.sampled_from(["worst", "random"]),
    conversions=st.floats(0, 0.6),
    closures=st.floats(0, 0.1),
    merges=st.integers(0, 3),
    suppress_below=st.integers(0, 20),
    not_submitted=st.floats(0, 0.5),
)
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@few
@given(here=counties)
def test_outcomes_are_keyed_and_have_a_value_or_a_reason(here: County):
    """Outcomes are keyed and have a value or a reason."""
    outcomes = here.tables["outcomes"]
    assert not outcomes.select("urn", "year", "measure", "subgroup").is_duplicated().any()
    assert (outcomes["value"].is_not_null() == (outcomes["status"] == "ok")).all()
    assert not outcomes["value"].is_nan().any()
    assert set(outcomes["year"]) == set(here.settings.span)
    assert outcomes["urn"].is_between(900_001, 999_999).all()


@few
@given(here=counties)
def test_the_truth_adds_up(here: County):
    """The truth adds up."""
    rows = here.truth.potential
    assert ((rows["value"] - rows["untreated"] - rows["effect"]).abs() < 1e-9).all()
    assert (rows.filter(pl.col("cohort").is_null())["effect"] == 0).all()
    cells = here.truth.effects()
    joined = rows.filter((pl.col("measure") == "attainment") & (pl.col("event_time") >= 0))
    assert cells.filter(pl.col("event_time") >= 0)["n_schools"].sum() == joined.height
    assert abs(here.truth.att() - joined["effect"].mean()) < 1e-9


@few
@given(here=counties)
def test_links_join_known_schools_and_keys_never_change(here: County):
    """Links join known schools and keys never change."""
    keys = here.tables["outcomes"].select("urn", "school_key").unique()
    assert keys["urn"].is_unique().all()
    one_to_one = here.tables["school_links"].filter(pl.col("link_type") == "Successor")
    pairs = one_to_one.join(keys, on="urn", how="left").join(
        keys.rename({"urn": "link_urn"}), on="link_urn", how="left", suffix="_new"
    )
    seen = pairs.drop_nulls(["school_key", "school_key_new"])
    assert (seen["school_key"] == seen["school_key_new"]).all()
    assert set(one_to_one["link_urn"]) <= set(here.tables["schools"]["urn"])


@few
@given(here=counties)
def test_memberships_start_in_a_year_with_two_before_and_one_after(here: County):
    """Memberships start in a year with two before and one after."""
    joined = here.tables["memberships"]["joined"]
    year = joined.dt.year() + (joined.dt.month() >= 9)
    first, last = here.settings.years
    assert year.is_between(first + 2, last - 1).all()
    left = here.tables["memberships"].filter(pl.col("left").is_not_null())
    assert (left["left"] > left["joined"]).all()


@few
@given(seed=st.integers(0, 2**32), other=st.floats(-3, 3))
def test_staff_and_choices_do_not_depend_on_the_effect(seed: int, other: float):
    """Staff and choices do not depend on the effect."""
    one, two = county(seed, n_schools=60), county(seed, n_schools=60, effect=other)
    for name in one.tables.keys() - {"outcomes"}:
        assert one.tables[name].equals(two.tables[name]), name
    assert (one.truth.potential["untreated"] == two.truth.potential["untreated"]).all()
