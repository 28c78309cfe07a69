"""Joint activity of governors and leaders, checked by counting."""

from __future__ import annotations

import math

import polars as pl
import pytest

from impactkit.synthetic import County, county
from impactkit.tables.vocabulary import GOVERNOR_ACTIVITIES, GOVERNOR_ROLES


@pytest.fixture(scope="module")
def here() -> County:
    """Draw one county for the module."""
    return county(seed=8, n_schools=1200, governor_rate=0.9, governor_ratio=0.3)


def boards(here: County) -> pl.DataFrame:
    """Return which board governs which school."""
    return here.tables["governor_spells"].select("school_key", "board_id").unique()


def years_together(here: County, column: str) -> float:
    """Years in a partnership of each board or school, while there is another to work with."""
    members = here.tables["memberships"].join(boards(here), on="school_key")
    closed = pl.lit(f"{here.settings.years[1]}-08-31").str.to_date()
    seats = (
        members.with_columns(pl.col("left").fill_null(closed).alias("until"))
        .group_by("partnership_id", column)
        .agg(pl.col("joined").min(), pl.col("until").max())
        .with_columns(
            # The one left last has nobody to work with once the others are gone.
            pl.col("until").sort().get(-2).over("partnership_id").alias("second")
        )
        .with_columns(pl.min_horizontal("until", "second").alias("until"))
    )
    days = (seats["until"] - seats["joined"]).dt.total_days() + 1
    return days.sum() / 365.25


def test_exposure_is_what_the_memberships_say(here):
    """Exposure is what the memberships say."""
    assert years_together(here, "board_id") == pytest.approx(here.truth.board_years, abs=1e-6)
    assert years_together(here, "school_key") == pytest.approx(here.truth.school_years, abs=1e-6)


def test_a_board_takes_part_in_joint_events_at_the_planted_rate(here):
    """A board takes part in joint events at the planted rate."""
    events = here.tables["governor_activity"].filter(pl.col("boards").list.len() > 1).height
    # Two boards an event: the error of the count of parts is twice that of the events.
    rate, error = (
        factor / here.truth.board_years for factor in (2 * events, 2 * math.sqrt(events))
    )
    assert error < 0.1
    assert abs(rate - 0.9) < 4 * error


def test_governors_meet_less_often_than_leaders_by_the_planted_ratio(here):
    """Governors meet less often than leaders by the planted ratio."""
    governors = here.tables["governor_activity"].filter(pl.col("boards").list.len() > 1).height
    leaders = here.tables["activity"].filter(pl.col("schools").list.len() > 1).height
    ratio = (governors / here.truth.board_years) / (leaders / here.truth.school_years)
    error = math.sqrt(1 / governors + 1 / leaders)
    assert abs(math.log(ratio / 0.3)) < 4 * error
    assert here.truth.governor_ratio == pytest.approx(0.3)


def test_joint_events_are_of_two_different_boards_of_one_partnership(here):
    """Joint events are of two different boards of one partnership."""
    owner = (
        here.tables["memberships"]
        .join(boards(here), on="school_key")
        .select("board_id", "partnership_id")
        .unique()
    )
    rows = here.tables["governor_activity"].explode("boards")
    both = rows.join(owner, left_on="boards", right_on="board_id")
    assert both.height == rows.height
    assert (
        both.group_by("activity_id").agg(pl.col("partnership_id").n_unique())["partnership_id"] == 1
    ).all()
    sizes = here.tables["governor_activity"].select(
        pl.col("boards").list.len().alias("n"), pl.col("boards").list.n_unique().alias("distinct")
    )
    assert set(sizes["n"]) == {1, 2}
    assert (sizes["n"] == sizes["distinct"]).all()


def test_events_fall_within_the_partnership(here):
    """Events fall within the partnership."""
    members = here.tables["memberships"].join(boards(here), on="school_key")
    for name, who, column in (
        ("governor_activity", "boards", "board_id"),
        ("activity", "schools", "school_key"),
    ):
        rows = (
            here.tables[name].explode(who).join(members, left_on=who, right_on=column, how="left")
        )
        assert (rows["date"] >= rows["joined"]).all()
        # Two schools may share a board; it goes on while one of them is open.
        latest = rows.group_by("activity_id", who, "date").agg(
            pl.col("left").fill_null(pl.lit("2019-08-31").str.to_date()).max()
        )
        assert (latest["date"] <= latest["left"]).all()


def test_some_boards_are_shared_and_say_so(here):
    """Some boards are shared and say so."""
    users = boards(here).group_by("board_id").len()
    shared = users.filter(pl.col("len") > 1)
    assert shared.height > 10
    rows = here.tables["governor_spells"]
    assert set(rows.filter(pl.col("shared_board"))["board_id"]) == set(shared["board_id"])
    roles = rows.filter(pl.col("shared_board"))["role"].unique()
    assert roles.str.starts_with("Shared").all()


def test_the_words_are_those_of_the_tables(here):
    """The words are those of the tables."""
    assert set(here.tables["governor_spells"]["role"]) <= set(GOVERNOR_ROLES)
    assert set(here.tables["governor_activity"]["type"]) <= set(GOVERNOR_ACTIVITIES)


def test_a_governor_appointed_after_conversion_serves_the_new_school(here):
    """A governor appointed after conversion serves the new school."""
    rows = here.tables["governor_spells"].join(
        here.tables["school_links"]
        .filter(pl.col("link_type") == "Successor")
        .select(pl.col("urn").cast(pl.String).alias("school_key"), "link_urn", "link_date"),
        on="school_key",
    )
    after = rows["appointed"] >= rows["link_date"]
    assert after.any()
    assert not after.all()
    assert ((rows["urn"] == rows["link_urn"]) == after).all()
