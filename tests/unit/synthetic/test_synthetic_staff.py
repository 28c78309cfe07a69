"""Leaders and appointments, checked by counting."""

from __future__ import annotations

import datetime as dt
import math

import polars as pl
import pytest

from impactkit.synthetic import County, county
from impactkit.synthetic.settings import LADDER

GONE = ("retired", "left_state_sector", "trust_central", "unknown")
RANK = {level: rank for rank, level in enumerate(LADDER)}


@pytest.fixture(scope="module")
def here() -> County:
    """Draw one county for the module."""
    return county(
        seed=11,
        n_schools=1200,
        n_partnerships=150,
        years=(2006, 2019),
        partnership_exit_ratio=0.5,
    )


def joined(here: County) -> pl.DataFrame:
    """Return the day on which each member joined."""
    members = here.tables["memberships"]
    return members.group_by("school_key").agg(pl.col("joined").min())


def spells(here: County) -> pl.DataFrame:
    """Return spells with the group they belong to by design: `other`, `partnership` or null."""
    return (
        here.tables["leadership_spells"]
        .join(joined(here), on="school_key", how="left")
        .with_columns(
            pl.col("level").replace_strict(RANK).alias("rank"),
            pl.when(pl.col("joined").is_null())
            .then(pl.lit("other"))
            .when(pl.col("joined") <= pl.col("start"))
            .then(pl.lit("partnership"))
            .alias("group"),
        )
    )


def near(count: int, of: int, chance: float) -> bool:
    """Tell whether a share lies within four standard errors of what was planted."""
    return abs(count / of - chance) < 4 * math.sqrt(chance * (1 - chance) / of)


@pytest.mark.parametrize("group", ["other", "partnership"])
@pytest.mark.parametrize("level", LADDER)
def test_the_share_who_leave_in_a_year_is_the_planted_hazard(here, group, level):
    """The share who leave in a year is the planted hazard."""
    rows = spells(here).filter((pl.col("group") == group) & (pl.col("level") == level))
    # Every 31 August a holder could leave, up to that of the last year.
    last = (
        pl.when(pl.col("end").is_null())
        .then(here.settings.years[1])
        .otherwise(pl.col("end").dt.year())
    )
    at_risk = rows.select((last - pl.col("start").dt.year()).sum()).item()
    left = rows.filter(pl.col("destination").is_in(GONE)).height
    assert at_risk > 300
    assert near(left, at_risk, here.truth.exit_hazard[group, level])


def test_partnership_schools_keep_more_of_their_leaders_by_the_factor_asked_for(here):
    """Partnership schools keep more of their leaders by the factor asked for."""
    for level in LADDER:
        hazard = here.truth.exit_hazard
        assert hazard["partnership", level] == pytest.approx(0.5 * hazard["other", level])


def census(year: int) -> dt.date:
    """Return a day in the November of an academic year."""
    return dt.date(year - 1, 11, 1)


def still_there(rows: pl.DataFrame, cohort: pl.DataFrame, day: dt.date) -> int:
    """Count people of a cohort in a post of their level or higher, same phase, on a day."""
    now = rows.filter(
        (pl.col("start") <= day) & (pl.col("end").is_null() | (pl.col("end") >= day))
    ).select("staff_key", pl.col("rank").alias("rank_now"), pl.col("phase").alias("phase_now"))
    return (
        cohort.join(now, on="staff_key")
        .filter((pl.col("rank_now") >= pl.col("rank")) & (pl.col("phase") == pl.col("phase_now")))
        .height
    )


@pytest.mark.parametrize("group", ["other", "partnership"])
@pytest.mark.parametrize(("level", "after"), [("head", 1), ("head", 3), ("senior_deputy", 3)])
def test_retention_by_the_official_definition_is_the_planted_one(here, group, level, after):
    """Retention by the official definition is the planted one."""
    rows = spells(here)
    kept = people = 0
    for year in range(here.settings.years[0], here.settings.years[1] - after + 1):
        cohort = rows.filter(
            (pl.col("group") == group)
            & (pl.col("level") == level)
            & (pl.col("start") == dt.date(year - 1, 9, 1))
        )
        kept += still_there(rows, cohort, census(year + after))
        people += cohort.height
    assert people > 60
    assert near(kept, people, here.truth.retention(level, after, partnership=group != "other"))


def test_every_post_has_exactly_one_holder_at_every_census(here):
    """Every post has exactly one holder at every census."""
    rows = spells(here)
    counts = []
    for year in here.settings.span:
        day = census(year)
        now = rows.filter(
            (pl.col("start") <= day) & (pl.col("end").is_null() | (pl.col("end") >= day))
        )
        assert now["staff_key"].is_unique().all()
        counts.append(now.group_by("school_key", "level").len().sort("school_key", "level"))
    assert all(count.equals(counts[0]) for count in counts)
    assert (counts[0].filter(pl.col("level") == "head")["len"] == 1).all()


def test_nobody_steps_down_changes_phase_or_returns_after_a_gap(here):
    """Nobody steps down changes phase or retURNs after a gap."""
    rows = spells(here).sort("staff_key", "start")
    later = rows.with_columns(
        pl.col(name).shift(1).over("staff_key").alias(f"{name}_before")
        for name in ("rank", "phase", "end")
    ).filter(pl.col("rank_before").is_not_null())
    assert later.height > 500
    assert (later["rank"] >= later["rank_before"]).all()
    assert (later["phase"] == later["phase_before"]).all()
    assert (later["start"] == later["end_before"] + dt.timedelta(days=1)).all()


def test_destinations_say_what_the_next_spell_shows(here):
    """Destinations say what the next spell shows."""
    rows = (
        spells(here)
        .sort("staff_key", "start")
        .with_columns(
            pl.col(name).shift(-1).over("staff_key").alias(f"{name}_next")
            for name in ("school_key", "rank")
        )
    )
    moved = pl.col("school_key_next").is_not_null()
    assert rows.filter(pl.col("destination").is_in(GONE) & moved).is_empty()
    stayed = rows.filter(pl.col("destination") == "promoted_same")
    assert (stayed["school_key"] == stayed["school_key_next"]).all()
    assert (stayed["rank"] < stayed["rank_next"]).all()
    across = rows.filter(pl.col("destination").is_in(["lateral_partner", "other_school"]))
    assert across.height > 100
    assert (across["school_key"] != across["school_key_next"]).all()
    assert (across["rank"] == across["rank_next"]).all()


def test_partner_moves_stay_within_one_partnership(here):
    """Partner moves stay within one partnership."""
    members = here.tables["memberships"].select("school_key", "partnership_id")
    rows = (
        spells(here)
        .sort("staff_key", "start")
        .with_columns(pl.col("school_key").shift(-1).over("staff_key").alias("to"))
        .filter(pl.col("destination").is_in(["lateral_partner", "promoted_partner"]))
        .join(members, on="school_key")
        .join(members.rename({"school_key": "to", "partnership_id": "to_id"}), on="to")
    )
    assert rows.height > 30
    assert (rows["partnership_id"] == rows["to_id"]).all()


@pytest.mark.parametrize("group", ["other", "partnership"])
def test_appointments_come_from_their_sources_in_the_planted_shares(here, group):
    """Appointments come from their sources in the planted shares."""
    rows = here.tables["appointments"].join(joined(here), on="school_key", how="left")
    inside = pl.col("joined") <= pl.col("filled")
    wanted = inside if group == "partnership" else pl.col("joined").is_null()
    rows = rows.filter(wanted)
    for source, share in here.truth.appointment_shares[group].items():
        count = (rows["appointed_source"] == source).sum()
        assert rows.height > 300
        assert count == 0 if share == 0 else near(count, rows.height, share)


def test_every_appointment_starts_one_spell_of_the_same_origin(here):
    """Every appointment starts one spell of the same origin."""
    started = spells(here).filter(pl.col("start") > dt.date(here.settings.years[0] - 1, 9, 1))
    by_start = started.group_by(
        "school_key", "level", pl.col("start").dt.year().alias("year"), "origin"
    ).len()
    by_post = (
        here.tables["appointments"]
        .group_by(
            "school_key",
            "level",
            pl.col("filled").dt.year().alias("year"),
            pl.col("appointed_source").alias("origin"),
        )
        .len()
    )
    keys = ["school_key", "level", "year", "origin"]
    assert by_start.sort(keys).equals(by_post.sort(keys))


def test_appointments_are_filled_after_they_are_advertised(here):
    """Appointments are filled after they are advertised."""
    rows = here.tables["appointments"]
    days = (rows["filled"] - rows["advertised"]).dt.total_days()
    assert days.min() > 0
    # A Poisson count of mean 35 has its median at 35.
    assert days.median() == pytest.approx(35, abs=1)
    assert (rows["internal_shortlisted"] <= rows["applicants"]).all()
