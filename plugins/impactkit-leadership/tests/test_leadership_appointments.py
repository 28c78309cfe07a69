"""``leadership.internal_appointments`` on appointments that can be counted by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from scipy.stats import binomtest

from impactkit import MetricContext
from impactkit_leadership.appointments import AppointmentParams, internal_appointments

OWN = "Appointed from the school itself"
PARTNER = "Appointed from the partnership"
WITHIN = "Appointed from the school or the partnership"
ALL = "all senior posts"
WAIT = "Days from advertisement to appointment, median"

# School, level, source, year filled (each on 1 May), days since the advertisement.
# A and B are partners from 1 September 2016 on.
POSTS = [
    ("A", "head", "external_la", 2016, 90),  # before the partnership
    ("A", "senior_deputy", "internal_school", 2017, 20),
    ("A", "senior_assistant", "internal_partnership", 2018, 30),
    ("B", "head", "internal_partnership", 2017, 40),
    ("B", "senior_deputy", "internal_school", 2018, 50),
    ("C", "head", "external_other", 2016, 60),
    ("C", "senior_deputy", "internal_school", 2017, 70),
    ("D", "executive_head", "external_la", 2018, 80),
    ("D", "senior_assistant", "unknown", 2018, 10),
    ("D", "senior_assistant", None, 2018, 15),
    ("D", "middle", "internal_school", 2018, 5),  # no senior post
]


def appointments(posts=POSTS):
    """Return the table, from posts as above."""
    rows = [
        {
            "school_key": school,
            "level": level,
            "appointed_source": source,
            "filled": dt.date(year, 5, 1),
            "advertised": dt.date(year, 5, 1) - dt.timedelta(days=days),
        }
        for school, level, source, year, days in posts
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


PARTNERS = pl.DataFrame(
    {
        "partnership_id": ["P", "P"],
        "school_key": ["A", "B"],
        "joined": [dt.date(2016, 9, 1)] * 2,
        "left": [None, None],
    },
    schema_overrides={"left": pl.Date},
)


def run(frame=None, memberships=PARTNERS, **params):
    """Run the metric, with no least number of posts or schools unless asked for."""
    tables = {"appointments": appointments() if frame is None else frame}
    if memberships is not None:
        tables["memberships"] = memberships
    settings = AppointmentParams(**{"min_appointments": 1, "min_schools": 1, **params})
    return internal_appointments(MetricContext(tables=tables, params=settings))


def pick(result, estimand, term="", subgroup="all"):
    """Return the one estimate of that name."""
    (found,) = (
        e
        for e in result.estimates
        if (e.estimand, e.term, e.subgroup) == (estimand, term, subgroup)
    )
    return found


def test_shares_are_of_the_appointments_with_a_known_source():
    """Of 8 with a source, 3 from the school and 2 from the partnership."""
    result = run()
    own, partner, within = (pick(result, name) for name in (OWN, PARTNER, WITHIN))
    assert (own.value, partner.value, within.value) == (37.5, 25.0, 62.5)
    assert own.n_people == 8
    exact = binomtest(3, 8).proportion_ci(method="exact")
    assert (own.ci_low, own.ci_high) == pytest.approx((100 * exact.low, 100 * exact.high))


def test_executive_heads_are_heads():
    """Heads: A, B, C and the executive head of D; one of four from the partnership."""
    found = pick(run(), PARTNER, "head")
    assert (found.value, found.n_people) == (25.0, 4)


def test_partnership_is_that_of_the_day_the_post_was_filled():
    """In: 4 posts of A and B from 2017, all from within. Out: A in 2016, C, C and D: 1 of 4."""
    result = run()
    within = pick(result, WITHIN, subgroup="in a partnership")
    without = pick(result, WITHIN, subgroup="in no partnership")
    assert (within.value, within.n_people) == (100, 4)
    assert (without.value, without.n_people) == (25, 4)
    difference = pick(result, f"{WITHIN}: partnership schools less others")
    assert (difference.value, difference.unit) == (75, "percentage points")
    assert (difference.n_schools, difference.n_comparison) == (2, 3)


def test_vacancies_are_counted_in_days():
    """All ten senior posts: 10, 15, 20, 30, 40, 50, 60, 70, 80, 90: half are filled by day 40."""
    result = run()
    everyone = pick(result, WAIT, ALL)
    assert (everyone.value, everyone.unit) == (40, "days")
    assert everyone.ci_low < 40 < everyone.ci_high
    assert (everyone.n_people, everyone.n_clusters) == (10, 3)  # A with B, C, D
    inside = pick(result, WAIT, ALL, subgroup="appointed from within")
    assert inside.value == 40  # 20, 30, 40, 50, 70


def unfilled(days):
    """Return open posts that were advertised so many days before the last day in the table."""
    last = dt.date(2018, 5, 1)
    rows = [
        {
            "school_key": f"E{i}",
            "level": "head",
            "appointed_source": None,
            "filled": None,
            "advertised": last - dt.timedelta(days=n),
        }
        for i, n in enumerate(days)
    ]
    return pl.concat([appointments(), pl.DataFrame(rows, schema=appointments().schema)])


def test_posts_that_are_still_open_count_in_the_wait():
    """Of 13 five are filled by day 40; three open ones are last seen at 45, when five are left.

    One of these goes at 50: 8/13 x 4/5 = 0.49 is the first below a half.
    """
    result = run(unfilled([45, 45, 45]))
    everyone = pick(result, WAIT, ALL)
    assert everyone.value == 50
    assert (everyone.n_people, everyone.n_schools) == (10, 7)
    inside = pick(result, WAIT, ALL, subgroup="appointed from within")
    assert inside == pick(run(), WAIT, ALL, subgroup="appointed from within")
    assert pick(result, WITHIN) == pick(run(), WITHIN)


def test_where_most_are_open_there_is_no_median():
    """Eleven of 21 open from long before: the curve does not come down to a half."""
    found = pick(run(unfilled([400] * 11)), WAIT, ALL)
    assert (found.status, found.value) == ("not_estimable", None)
    assert "not yet filled" in found.reason


def test_every_appointment_is_in_the_table_or_counted_as_left_out():
    """Ten senior posts; the middle leader is an exclusion with its reason."""
    result = run()
    (table,) = result.tables
    frame = table.to_frame()
    total = frame.filter(pl.col("level") == ALL, pl.col("group") == "all")
    assert total["appointments"].item() == 10
    assert total["not_known"].item() == 2
    assert {e.reason: e.n_rows for e in result.exclusions} == {"leadership.other_level": 1}
    for name, parts in table.sums:
        assert frame[name].to_list() == frame.select(pl.sum_horizontal(parts)).to_series().to_list()
    levels = frame.filter(pl.col("level") != ALL, pl.col("group") == "all")
    assert levels["appointments"].sum() == 10


def test_unknown_sources_are_told():
    """Two of ten."""
    assert "2 of 10" in " ".join(map(str, run().notes))


def test_posts_not_filled_or_filled_backwards_are_counted():
    """They are in no share; one that is open is in the wait over all."""
    extra = pl.DataFrame(
        {
            "school_key": ["A", "A", None],
            "level": ["head"] * 3,
            "appointed_source": ["internal_school"] * 3,
            "filled": [None, dt.date(2017, 5, 1), dt.date(2017, 5, 1)],
            "advertised": [dt.date(2017, 3, 1), dt.date(2017, 6, 1), None],
        }
    )
    frame = pl.concat([appointments(), extra.select(appointments().columns)])
    result = run(frame)
    assert {e.reason: e.n_rows for e in result.exclusions} == {
        "leadership.incomplete_appointment": 1,
        "leadership.other_level": 1,
        "leadership.unfilled": 1,
        "leadership.backward_appointment": 1,
    }
    shares = [e for e in run().estimates if e.estimand != WAIT]
    assert [e for e in result.estimates if e.estimand != WAIT] == shares


def test_under_three_years_there_is_no_share():
    """Two academic years, 2016/17 and 2017/18; asked for two, they will do."""
    recent = appointments().filter(pl.col("filled") > dt.date(2016, 9, 1))
    found = pick(run(recent), OWN)
    assert found.status == "not_estimable"
    assert "fewer than 3 academic years" in found.reason
    assert pick(run(recent, min_years=2), OWN).value == pytest.approx(50)  # 3 of 6


def test_few_appointments_and_few_schools_give_no_share():
    """With the usual limits: 5 people, 5 schools."""
    result = run(min_appointments=5, min_schools=5)
    assert pick(result, OWN).status == "withheld"
    assert pick(result, OWN, "head").status == "not_estimable"


def test_without_memberships_no_groups_are_made_up():
    """And it is said."""
    result = run(memberships=None)
    assert {e.subgroup for e in result.estimates} == {
        "all",
        "appointed from within",
        "appointed from outside",
    }
    assert any("No memberships" in str(note) for note in result.notes)


def test_order_of_rows_does_not_matter():
    """The same result, to the last digit."""
    assert run(appointments(POSTS[::-1]), PARTNERS.reverse()) == run()


@pytest.mark.parametrize("n", [0, 1])
def test_none_or_one_appointment_gives_reasons(n):
    """Nothing is NaN, and every estimate says why it has no value."""
    result = internal_appointments(MetricContext(tables={"appointments": appointments().head(n)}))
    assert result.estimates
    assert all(e.status == "not_estimable" and e.reason for e in result.estimates)


def test_columns_without_a_single_value_are_survived():
    """All null, with the type that polars gives such columns."""
    names = ("school_key", "level", "filled", "appointed_source")
    frame = pl.DataFrame({name: [None, None] for name in names})
    result = internal_appointments(MetricContext(tables={"appointments": frame}))
    assert [e.n_rows for e in result.exclusions] == [2]
    assert all(e.status == "not_estimable" for e in result.estimates)
