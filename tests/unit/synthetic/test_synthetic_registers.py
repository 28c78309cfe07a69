"""The registers of partnerships: who is in them, and how they are evaluated."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from impactkit.synthetic import County, county
from impactkit.tables.vocabulary import AGREEMENT_ITEMS, EVALUATION_CRITERIA, EVIDENCE_TYPES
from impactkit.types import INTERVENTION_TYPES, PURPOSES, ROLES, STRUCTURES


@pytest.fixture(scope="module")
def here() -> County:
    """Draw one county for the module."""
    return county(seed=4, n_schools=240, n_partnerships=20)


def meets_rubric(evidence: pl.DataFrame, start: dt.date, until: dt.date) -> bool:
    """Apply rubric R1 as the domain describes it: six of eight, and both gates."""
    found = {}
    for row in evidence.iter_rows(named=True):
        found.setdefault(row["criterion"], []).append(row)
    baseline = any(
        row["evidenced_on"] <= start + dt.timedelta(days=60) for row in found.get("baseline", [])
    )
    years = (until - start).days / 365.25
    reviews = len(found.get("reviews", [])) >= int(2 * years) > 0
    kinds = {row["evidence_type"] for row in found.get("evidence_types", [])}
    met = {
        "aims": "aims" in found,
        "baseline": baseline,
        "outcome_each_level": "outcome_each_level" in found,
        "evidence_types": len(kinds) >= 2,
        "comparator": "comparator" in found,
        "reviews": reviews,
        "reported_to_governors": any(
            row["reported_to_governors"] for row in found.get("reported_to_governors", [])
        ),
        "decision_changed": any(row["decision_ref"] for row in found.get("decision_changed", [])),
    }
    return sum(met.values()) >= 6 and baseline and reviews


@pytest.mark.parametrize("systematic", [0, 11, 20])
def test_as_many_partnerships_meet_the_rubric_as_were_asked_for(systematic):
    """As many partnerships meet the rubric as were asked for."""
    here = county(seed=4, n_partnerships=20, systematic=systematic)
    until = dt.date(here.settings.years[1], 8, 31)
    met = [
        row["partnership_id"]
        for row in here.tables["partnerships"].iter_rows(named=True)
        if meets_rubric(
            here.tables["evaluation_activity"].filter(
                pl.col("partnership_id") == row["partnership_id"]
            ),
            row["start_date"],
            until,
        )
    ]
    assert tuple(met) == here.truth.systematic
    assert len(met) == systematic


def test_eleven_of_twenty_is_what_you_get_unless_you_say_otherwise(here):
    """Eleven of twenty is what you get unless you say otherwise."""
    assert len(here.truth.systematic) == 11


def test_some_fail_the_rubric_by_a_gate_alone(here):
    """A count of criteria without dates would take them for systematic."""
    rows = here.tables["evaluation_activity"].filter(
        ~pl.col("partnership_id").is_in(here.truth.systematic)
    )
    criteria = rows.group_by("partnership_id").agg(pl.col("criterion").n_unique())
    assert (criteria["criterion"] >= 6).any()


def test_partnerships_have_two_to_four_treated_schools_and_at_most_one_supporter(here):
    """Partnerships have two to four treated schools and at most one supporter."""
    counts = (
        here.tables["memberships"]
        .group_by("partnership_id")
        .agg(
            (pl.col("role") == "supporter").sum().alias("supporters"),
            (pl.col("role") != "supporter").sum().alias("treated"),
        )
    )
    assert counts.height == 20
    assert counts["treated"].is_between(2, 4).all()
    assert (counts["supporters"] <= 1).all()
    assert counts["supporters"].sum() > 5
    assert here.tables["memberships"]["school_key"].is_unique().all()


def test_treated_are_the_clients_and_peers_from_their_year_of_joining(here):
    """Treated are the clients and peers from their year of joining."""
    rows = here.tables["memberships"].filter(pl.col("role") != "supporter")
    # 1 September to 31 August, named by its end.
    year = rows["joined"].dt.year() + (rows["joined"].dt.month() >= 9)
    expected = dict(zip(rows["school_key"], year, strict=True))
    truth = here.truth.potential.filter(pl.col("cohort").is_not_null())
    assert dict(truth.select("school_key", "cohort").unique().rows()) == expected


def test_supporters_are_among_the_best_and_clients_among_the_worst(here):
    """Supporters are among the best and clients among the worst."""
    rows = (
        here.truth.potential.filter(
            (pl.col("measure") == "attainment") & (pl.col("year") == here.settings.years[0])
        )
        .join(here.tables["memberships"], on="school_key", how="left")
        .group_by("role")
        .agg(pl.col("untreated").mean())
    )
    mean = dict(rows.rows())
    assert mean["client"] < mean[None] < mean["supporter"]


def test_schools_are_members_under_the_number_they_had_then():
    """Schools are members under the number they had then."""
    here = county(seed=4, n_schools=600, conversions=0.5)
    joined = here.tables["memberships"]
    links = here.tables["school_links"].filter(pl.col("link_type") == "Successor")
    changed = joined.join(
        links.select(pl.col("urn").cast(pl.String).alias("school_key"), "link_urn", "link_date"),
        on="school_key",
    )
    converted_before = changed["link_date"] <= changed["joined"]
    assert converted_before.any()
    assert not converted_before.all()
    assert ((changed["urn"] == changed["link_urn"]) == converted_before).all()


def test_the_words_are_those_of_the_tables(here):
    """The words are those of the tables."""
    tables = here.tables
    assert set(tables["memberships"]["role"]) <= set(ROLES)
    assert set(tables["partnerships"]["structure"]) <= set(STRUCTURES)
    assert set(tables["partnerships"]["purpose"]) == set(PURPOSES[:3])
    assert set(tables["interventions"]["type"]) <= set(INTERVENTION_TYPES)
    assert set(tables["agreements"]["item"]) == set(AGREEMENT_ITEMS)
    assert set(tables["evaluation_activity"]["criterion"]) == set(EVALUATION_CRITERIA)
    assert set(tables["evaluation_activity"]["evidence_type"]) <= set(EVIDENCE_TYPES)


def test_interventions_are_of_treated_schools_within_their_membership(here):
    """Interventions are of treated schools within their membership."""
    rows = here.tables["interventions"].join(
        here.tables["memberships"], on=["partnership_id", "school_key"], suffix="_member"
    )
    assert rows.height == here.tables["interventions"].height
    assert (rows["role"] != "supporter").all()
    assert (rows["start"] >= rows["joined"]).all()
    assert (rows["end"] > rows["start"]).all()
    assert (rows["dose_delivered"] <= rows["dose_planned"]).all()


def test_neither_purpose_nor_phase_goes_with_the_year_of_starting():
    """Were one tied to the other, an effect of the one would look like one of the other."""
    here = county(seed=4, n_schools=2400)
    rows = here.tables["partnerships"].join(
        here.tables["memberships"].group_by("partnership_id").agg(pl.col("school_key").first()),
        on="partnership_id",
    )
    rows = rows.join(here.tables["schools"].select("school_key", "phase"), on="school_key")
    year = pl.col("start_date").dt.year()
    assert rows.select(year.alias("year"), "purpose").unique().height == 5 * 3
    assert rows.select(year.alias("year"), "phase").unique().height == 5 * 2
