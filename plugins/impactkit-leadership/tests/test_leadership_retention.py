"""``leadership.retention`` on a register small enough to follow everybody by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from scipy.stats import binomtest

from impactkit import MetricContext
from impactkit_leadership.census import census_day
from impactkit_leadership.retention import RetentionParams, retention
from impactkit_leadership.year_on_year import YEAR_ON_YEAR

BEGINS = dt.date(2014, 9, 1)


def autumn(year):
    """Return the first day of an academic year."""
    return dt.date(year, 9, 1)


def summer(year):
    """Return the last day of an academic year."""
    return dt.date(year, 8, 31)


def spell(who, school, level, start, end=None, destination=None, phase="Primary", interim=False):
    """Return one row of the register."""
    return {
        "staff_key": who,
        "school_key": school,
        "level": level,
        "start": start,
        "end": end,
        "destination": destination,
        "phase": phase,
        "interim": interim,
    }


# New heads of autumn 2015 are h1 to h10, followed to 2016 (one year on) and 2018 (three years on).
REGISTER = [
    # h1 stays; h2 was a deputy before and becomes executive head of the same school.
    spell("h1", "A", "head", autumn(2015)),
    spell("h2", "B", "senior_deputy", autumn(2014), summer(2015), "promoted_same"),
    spell("h2", "B", "head", autumn(2015), summer(2017), "promoted_same"),
    spell("h2", "B", "executive_head", autumn(2017)),
    # h3 moves to a partner school, h4 to a school that is none.
    spell("h3", "C", "head", autumn(2015), summer(2016), "lateral_partner"),
    spell("h3", "D", "head", autumn(2016)),
    spell("h4", "E", "head", autumn(2015), summer(2016), "other_school"),
    spell("h4", "F", "head", autumn(2016)),
    # h5 to the trust after two years; h6 retires, h7 goes where these data do not reach.
    spell("h5", "G", "head", autumn(2015), summer(2017), "trust_central"),
    spell("h6", "H", "head", autumn(2015), summer(2016), "retired"),
    spell("h7", "I", "head", autumn(2015), summer(2016), "other_school"),
    # h8 steps down to deputy; h9 heads a secondary school: another phase.
    spell("h8", "J", "head", autumn(2015), summer(2016), "other_school"),
    spell("h8", "K", "senior_deputy", autumn(2016)),
    spell("h9", "L", "head", autumn(2015), summer(2016), "other_school"),
    spell("h9", "S", "head", autumn(2016), phase="Secondary"),
    # h10 leaves after two years, nobody knows where to.
    spell("h10", "M", "head", autumn(2015), summer(2017)),
    # h11 is new in 2017: three years on has not come yet.
    spell("h11", "T", "head", autumn(2017)),
    # Not new in 2015: in post since 2014, also the one who only changed school. And an interim.
    spell("o1", "N", "head", autumn(2014)),
    spell("o2", "O", "head", autumn(2014), summer(2015), "other_school"),
    spell("o2", "P", "head", autumn(2015)),
    spell("i1", "Q", "head", autumn(2015), interim=True),
]

MEMBERSHIPS = [
    # A, B, C and D work together from the day the new heads start.
    *[("P1", school, autumn(2015), None) for school in "ABCD"],
    # G leaves its partnership a week before the census of 5 November 2015, H joins a month later.
    ("P2", "G", dt.date(2012, 9, 1), dt.date(2015, 10, 29)),
    ("P2", "H", dt.date(2015, 12, 1), None),
]

LOOSE = {"min_cohort": 1, "min_schools": 1, "levels": ("head",), "horizons": (1, 3)}


def run(rows=REGISTER, memberships=MEMBERSHIPS, **params):
    """Estimate the retention of heads; no number of people is too small unless asked for."""
    tables = {"leadership_spells": pl.DataFrame(rows, infer_schema_length=None)}
    if memberships is not None:
        tables["memberships"] = pl.DataFrame(
            memberships,
            schema={
                "partnership_id": pl.String,
                "school_key": pl.String,
                "joined": pl.Date,
                "left": pl.Date,
            },
            orient="row",
        )
    settings = {**LOOSE, "observed_until": dt.date(2018, 11, 30), **params}
    context = MetricContext(
        metric="leadership.retention", tables=tables, params=RetentionParams(**settings)
    )
    return retention(context)


def pick(result, years, subgroup="all", term="head"):
    """Return the one share at a horizon."""
    span = "1 year" if years == 1 else f"{years} years"
    (found,) = (
        e
        for e in result.estimates
        if e.estimand == f"Still at the same level or higher, {span} on"
        and e.subgroup == subgroup
        and e.term == term
    )
    return found


def table(result, name):
    """Return one table as a frame."""
    (found,) = (t for t in result.tables if t.id == name)
    return found.to_frame()


def test_census_is_the_first_thursday_in_november():
    """Seven years in a row, one of each first weekday."""
    days = [census_day(year) for year in range(2010, 2025)]
    assert all(day.month == 11 and day.day <= 7 and day.strftime("%a") == "Thu" for day in days)


def test_shares_are_those_counted_by_hand():
    """One year on 7 of 11 (h1-h5, h10, h11), three years on 4 of the 10 of 2015 (h1-h4)."""
    result = run()
    one, three = pick(result, 1), pick(result, 3)
    assert (one.value, one.n_people) == (pytest.approx(700 / 11), 11)
    assert (three.value, three.n_people) == (pytest.approx(40), 10)
    interval = binomtest(4, 10).proportion_ci(method="wilson")
    assert (three.ci_low, three.ci_high) == pytest.approx((100 * interval.low, 100 * interval.high))
    assert three.unit == "percent"
    assert three.n_schools == 10


def test_fates_are_those_of_each_person():
    """Three years on: one each, and nobody twice."""
    row = table(run(), "destinations").filter(pl.col("years_after") == 3)
    assert row.drop("level", "group", "years_after").row(0, named=True) == {
        "new_leaders": 11,
        "not_yet_observed": 1,  # h11
        "cohort": 10,
        "retained": 4,
        "not_retained": 6,
        "stayed": 1,  # h1
        "promoted_here": 1,  # h2
        "partner_school": 1,  # h3
        "other_school": 1,  # h4
        "other_post": 2,  # h8 below, h9 in another phase
        "outside_data": 1,  # h7
        "trust_central": 1,  # h5
        "left_sector": 1,  # h6
        "not_known": 1,  # h10
    }


def test_who_cannot_be_followed_yet_is_counted_apart_and_never_as_a_leaver():
    """h11's third census lies beyond the register."""
    counts = table(run(), "destinations").select(
        "years_after", "new_leaders", "not_yet_observed", "cohort"
    )
    assert counts.rows() == [(1, 11, 0, 11), (3, 11, 1, 10)]


def test_destinations_can_be_split_by_partnership():
    """h1, h2 and h3 in: stayed, promoted, moved to a partner."""
    frame = table(run(destinations_by_partnership=True), "destinations")
    within = frame.filter((pl.col("years_after") == 3) & (pl.col("group") == "in a partnership"))
    kept = within.select("cohort", "stayed", "promoted_here", "partner_school", "not_retained")
    assert kept.rows() == [(3, 1, 1, 1, 0)]


def test_horizon_beyond_the_register_is_not_estimable():
    """Five years on nobody can have been seen; that is no zero."""
    found = pick(run(horizons=(5,)), 5)
    assert found.status == "not_estimable"
    assert found.value is None
    assert "followed for 5 years" in found.reason


def test_partnership_is_that_of_the_school_on_census_day():
    """h1, h2, h3 in; G had left and H had not joined. Three years on 3 of 3 against 1 of 7."""
    result = run()
    within, without = pick(result, 3, "in a partnership"), pick(result, 3, "in no partnership")
    assert (within.value, within.n_people) == (100, 3)
    assert (without.value, without.n_people) == (pytest.approx(100 / 7), 7)
    (difference,) = (
        e for e in result.estimates if "3 years" in e.estimand and "less others" in e.estimand
    )
    assert difference.unit == "percentage points"
    assert difference.value == pytest.approx(600 / 7)
    assert any("adjusts for none" in warning for warning in difference.warnings)


def test_without_memberships_a_partner_is_just_another_school():
    """And no comparison of groups is made up."""
    result = run(memberships=None)
    row = table(result, "destinations").filter(pl.col("years_after") == 3)
    assert row.select("partner_school", "other_school").rows() == [(0, 2)]
    assert {e.subgroup for e in result.estimates} == {"all", "primary"}
    assert any("No memberships" in str(note) for note in result.notes)


def test_interim_posts_start_a_cohort_only_when_asked():
    """i1 is still there one and three years on."""
    assert pick(run(include_interim=True), 3).value == pytest.approx(500 / 11)


def test_executive_heads_are_heads_unless_asked_for_by_themselves():
    """h2's rise in 2017 starts no new cohort of heads, but one of executive heads."""
    result = run(levels=("executive_head",), horizons=(1,))
    found = pick(result, 1, term="executive head")
    assert (found.value, found.n_people) == (100, 1)


def test_deputy_who_becomes_head_is_retained():
    """The same level or higher: three years on the deputy of 2015 heads another school."""
    rows = [
        spell("o", "Z", "head", BEGINS),
        spell("d", "A", "senior_deputy", autumn(2015), summer(2016), "promoted_partner"),
        spell("d", "C", "head", autumn(2016)),
    ]
    assert pick(run(rows, levels=("senior_deputy",)), 3, term="deputy head").value == 100


def test_head_who_becomes_deputy_is_not_retained():
    """h8 alone."""
    rows = [REGISTER[0] | {"start": BEGINS}, *[row for row in REGISTER if row["staff_key"] == "h8"]]
    assert pick(run(rows), 1).value == 0


def test_business_managers_stand_beside_the_ladder():
    """One who also becomes an assistant head is followed as a business manager only."""
    rows = [
        spell("o", "Z", "head", BEGINS),
        spell("b", "A", "sbm", autumn(2015), summer(2016)),
        spell("b", "A", "senior_assistant", autumn(2016)),
    ]
    found = pick(run(rows, levels=("sbm",)), 1, term="business manager")
    assert (found.value, found.n_people) == (0, 1)


def test_phase_comes_from_the_school_where_the_spell_has_none():
    """Without any phase, the move to a secondary school counts as retained, and a note says so."""
    rows = [{**row, "phase": None} for row in REGISTER]
    unknown = run(rows)
    assert pick(unknown, 3).value == pytest.approx(50)
    assert any("phase of a school is not known" in str(note) for note in unknown.notes)
    schools = pl.DataFrame({"school_key": [*"ABCDEFGHIJKLMNOPQST"], "phase": ["Primary"] * 19})
    schools = schools.with_columns(
        pl.when(pl.col("school_key") == "S")
        .then(pl.lit("Secondary"))
        .otherwise("phase")
        .alias("phase")
    )
    tables = {
        "leadership_spells": pl.DataFrame(rows, infer_schema_length=None),
        "schools": schools,
    }
    params = RetentionParams(**LOOSE, observed_until=dt.date(2018, 11, 30))
    assert pick(retention(MetricContext(tables=tables, params=params)), 3).value == pytest.approx(
        40
    )


def test_shares_of_few_people_or_schools_are_not_given():
    """Too few people: not estimable; too few schools: withheld, with neither value nor people."""
    few = run(min_cohort=12)
    assert pick(few, 1).status == "not_estimable"
    assert "fewer than 12" in pick(few, 1).reason
    withheld = pick(run(min_schools=12), 1)
    assert withheld.status == "withheld"
    assert withheld.value is withheld.ci_low is withheld.n_people is None


def test_default_leaves_the_census_after_the_last_entry_out():
    """The last date in the register is a start on 1 September 2017, so autumn 2016 is seen last."""
    result = run(observed_until=None)
    assert pick(result, 3).status == "not_estimable"
    assert pick(result, 1).n_people == 10


def test_order_of_rows_does_not_matter():
    """Turned round and shuffled: the same result, to the last digit."""
    straight = run()
    shuffled = pl.DataFrame(REGISTER, infer_schema_length=None).sample(
        fraction=1, shuffle=True, seed=3
    )
    assert run(shuffled.to_dicts(), MEMBERSHIPS[::-1]) == straight
    assert run(REGISTER[::-1], MEMBERSHIPS) == straight


def test_faulty_spells_are_counted_with_their_reason():
    """Three spells that cannot be used; the shares stay as they were."""
    faulty = [
        spell("x", None, "head", autumn(2015)),
        spell("y", "A", "head", autumn(2015), summer(2012)),
        spell("z", "A", "aspiring", autumn(2015)),
    ]
    result = run([*REGISTER, *faulty])
    assert {e.reason: e.n_rows for e in result.exclusions} == {
        "leadership.incomplete_spell": 1,
        "leadership.backward_spell": 1,
        "leadership.no_post": 1,
    }
    assert result.estimates == run().estimates


@pytest.mark.parametrize("n", [0, 1])
def test_no_or_one_spell_gives_reasons_and_no_numbers(n):
    """Nothing is NaN, and every estimate says why it has no value."""
    frame = pl.DataFrame(REGISTER, infer_schema_length=None).head(n)
    result = retention(MetricContext(tables={"leadership_spells": frame}))
    assert len(result.estimates) == 9
    assert all(e.status == "not_estimable" and e.reason for e in result.estimates)
    assert all(e.value is None for e in result.estimates)


def test_columns_without_a_single_value_are_survived():
    """All null, with the type that polars gives such columns."""
    frame = pl.DataFrame(
        {name: [None, None] for name in ("staff_key", "school_key", "level", "start", "end")}
    )
    result = retention(MetricContext(tables={"leadership_spells": frame}))
    assert [e.n_rows for e in result.exclusions] == [2]
    assert all(e.status == "not_estimable" for e in result.estimates)


def test_register_in_which_nobody_ever_left_gives_no_share():
    """It holds those who are still there; whoever knows better says from when."""
    rows = [spell(f"h{i}", f"S{i}", "head", autumn(2012 + i)) for i in range(6)]
    silent = run(rows)
    assert {e.status for e in silent.estimates} == {"not_estimable"}
    assert all("observed_from" in e.reason for e in silent.estimates)
    assert pick(run(rows, observed_from=autumn(2012)), 1).value == 100


def test_register_drawn_up_later_is_read_from_its_first_departure_on():
    """Of the heads who began before 2015 only those who stayed are in it: they are in no cohort."""
    survivors = [spell(f"s{i}", f"S{i}", "head", autumn(2005 + i)) for i in range(8)]
    rows = [*survivors, *REGISTER]
    found = run(rows)
    assert pick(found, 1).n_people == pick(run(), 1).n_people
    assert pick(found, 1).value == pick(run(), 1).value
    assert "No departure is recorded before 31 August 2015" in " ".join(map(str, found.notes))
    assert "observed_from" not in " ".join(map(str, run().notes))
    # Taken at its word from the first start on, the survivors look like cohorts that all stayed.
    assert pick(run(rows, observed_from=autumn(2004)), 1).value > pick(run(), 1).value


def test_everybody_in_post_is_followed_from_census_to_census():
    """By hand from the second census: 8 of 12, 7 of 9 and 8 of 8.

    In partnerships they are three heads in each of three years.
    """
    result = run()

    def share(group):
        (found,) = (
            e
            for e in result.estimates
            if (e.estimand, e.term, e.subgroup) == (YEAR_ON_YEAR, "head", group)
        )
        return found

    assert share("all").value == pytest.approx(100 * 23 / 29)
    assert share("in a partnership").value == 100
    assert share("in a partnership").n_people == 9
    assert share("in no partnership").value == pytest.approx(100 * 14 / 20)
    (gap,) = (
        e
        for e in result.estimates
        if e.estimand.startswith(YEAR_ON_YEAR + ":") and e.term == "head"
    )
    assert gap.value == pytest.approx(100 * (1 - 14 / 20))
    assert "year_on_year" in {chart.id for chart in result.charts}
    assert "year_on_year" not in {chart.id for chart in run(memberships=None).charts}


def test_counts_add_up_in_every_row_as_declared():
    """Disclosure control relies on the sums that the tables declare."""
    for found in run().tables:
        frame = found.to_frame()
        for total, parts in found.sums:
            assert (
                frame[total].to_list()
                == frame.select(pl.sum_horizontal(parts)).to_series().to_list()
            )


def test_phases_and_groups_add_up_to_all():
    """Margins: all is the sum of phases, and of groups."""
    frame = table(run(), "retention")
    for by in ("phase", "group"):
        other = "group" if by == "phase" else "phase"
        rows = frame.filter((pl.col(other) == "all") & (pl.col("years_after") == 1))
        parts = rows.filter(pl.col(by) != "all")["cohort"].sum()
        assert parts == rows.filter(pl.col(by) == "all")["cohort"].item()


def test_national_figures_are_the_published_ones():
    """DfE, School leadership retention, reporting year 2024."""
    (england,) = (t for t in run().tables if t.id == "retention_england")
    assert england.published
    assert "2024" in england.source
    figures = {row[:3]: row[3] for row in england.rows}
    assert figures["head", "primary", 5] == 70.0
    assert figures["head", "secondary", 3] == 64.7
    assert figures["deputy head", "secondary", 3] == 74.8
    assert figures["assistant head", "primary", 3] == 76.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("levels", ("captain",)),
        ("levels", ()),
        ("horizons", (0,)),
        ("horizons", (1.5,)),
        ("census_day", "7 November"),
        ("min_cohort", 0),
        ("observed_until", "soon"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(name, value):
    """The message names the setting, or for a date the value."""
    with pytest.raises(ValueError, match="soon" if value == "soon" else name):
        RetentionParams(**{name: value})


def test_dates_may_be_text():
    """A study in JSON, or an evaluation loaded again, has no dates."""
    day = dt.date(2018, 11, 30)
    assert RetentionParams(observed_until="2018-11-30") == RetentionParams(observed_until=day)
