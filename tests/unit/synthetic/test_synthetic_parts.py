"""How parts add to the county: rows below, columns at the right, and what is planted in them."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from impactkit.synthetic import County, barriers, county, further, meetings, needs, reviews
from impactkit.synthetic.further import _added


@pytest.fixture(scope="module")
def here() -> County:
    """Draw a county with partnerships enough for shares to be near what was planted."""
    return county(seed=4, n_schools=600, n_partnerships=90, selection="random", full=True, ends=0.3)


def test_rows_of_known_keys_widen_the_table_and_others_lengthen_it():
    """Order and what was there stay; what nobody spoke of is null."""
    before = pl.DataFrame({"id": ["a", "b"], "x": [1, 2]})
    rows = pl.DataFrame({"id": ["b", "c"], "x": [9, 3], "y": ["of b", "of c"]})
    found = _added(before, rows, ["id"])
    assert found.rows() == [("a", 1, None), ("b", 2, "of b"), ("c", 3, "of c")]


def test_without_a_key_rows_are_added():
    """So with a key of which a column is missing."""
    before = pl.DataFrame({"id": ["a"]})
    assert _added(before, before, []).height == 2
    assert _added(before, before, ["id", "other"]).height == 2
    assert _added(before, before, ["id"]).height == 1


def test_every_part_draws_the_same_whatever_stands_before_it(here):
    """Its stream is named after it: a part left out changes no draw of the next."""
    with pytest.MonkeyPatch.context() as patch:
        kept = tuple(part for part in further.PARTS if part != "subjects")
        patch.setattr(further, "PARTS", kept)
        fewer = county(**{**_settings(here), "full": True})
    for name in ("barriers", "enquiries", "data_drops"):
        assert fewer.tables[name].equals(here.tables[name]), name


def _settings(made: County) -> dict[str, object]:
    return {
        "seed": made.settings.seed,
        "n_schools": made.settings.n_schools,
        "n_partnerships": made.settings.n_partnerships,
        "selection": made.settings.selection,
        "ends": made.settings.ends,
    }


def test_missed_reviews_have_a_day_planned_and_none_held(here):
    """About one in ten of those planned; each could still have been held in time."""
    rows = here.tables["evaluation_activity"].filter(pl.col("criterion") == "reviews")
    missed = rows.filter(pl.col("evidenced_on").is_null())
    assert missed["planned_on"].null_count() == 0
    last = rows["evidenced_on"].max()
    assert (missed["planned_on"] <= last - dt.timedelta(days=30)).all()
    share = missed.height / rows.height
    assert share == pytest.approx(1 - reviews.HELD, abs=3 * (0.09 / rows.height) ** 0.5)


def test_the_second_coder_judged_the_same_items(here):
    """In every third partnership, and differs on about one in ten."""
    wide = here.tables["agreements"].pivot(
        "coder", index=["partnership_id", "item"], values="present"
    )
    both = wide.drop_nulls()
    assert both.height == 10 * len(here.tables["partnerships"]) / reviews.DOUBLE_CODED
    apart = (both["coder_1"] != both["coder_2"]).mean()
    assert apart == pytest.approx(reviews.DIFFERENT, abs=3 * (0.09 / both.height) ** 0.5)


def test_needs_are_judged_before_the_school_joins(here):
    """Each member has a need and a strength in every domain."""
    joined = here.tables["memberships"].select("school_key", "joined")
    rows = here.tables["needs"].join(joined, on="school_key")
    assert (rows["assessed_on"] < rows["joined"]).all()
    each = rows.group_by("school_key", "kind").len()["len"]
    assert (each == len(needs.DOMAINS)).all()


def test_tags_answer_needs_as_often_as_planted(here):
    """Of all pieces of help, within three standard errors."""
    scores = here.tables["needs"].filter(pl.col("kind") == "need")
    tagged = here.tables["interventions"].join(
        scores.select("school_key", pl.col("domain").alias("need_tag"), "score"),
        on=["school_key", "need_tag"],
        how="left",
    )
    share = (tagged["score"] >= needs.NEED_FROM).fill_null(value=False).mean()
    assert share == pytest.approx(needs.TAGGED, abs=3 * (0.21 / tagged.height) ** 0.5)


def test_barriers_lie_within_the_life_of_their_partnership(here):
    """Raised while it lasts; resolved by the end of the records, or not at all."""
    spans = here.tables["partnerships"].select("partnership_id", "start_date", "end_date")
    rows = here.tables["barriers"].join(spans, on="partnership_id")
    assert (rows["raised_on"] >= rows["start_date"]).all()
    assert (rows["raised_on"] <= rows["end_date"]).drop_nulls().all()
    assert (rows["resolved_on"] > rows["raised_on"]).drop_nulls().all()
    assert rows["resolved_on"].max() <= dt.date(2019, 8, 31)
    assert (
        here.truth.planted["barriers.rate_ratio"] == barriers.A_YEAR[True] / barriers.A_YEAR[False]
    )


def test_an_activity_is_called_by_one_who_came_and_asked_for_before(here):
    """Or by the authority."""
    rows = here.tables["activity"]
    school = rows.filter(pl.col("initiated_by") != "authority")
    assert school["schools"].list.contains(school["initiated_by"]).all()
    assert (rows["requested_on"] <= rows["date"]).drop_nulls().all()
    known = rows["requested_on"].is_not_null().mean()
    assert known == pytest.approx(meetings.ASKED_FOR, abs=3 * (0.24 / rows.height) ** 0.5)
