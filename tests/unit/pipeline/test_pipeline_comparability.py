"""A study across a break is refused, or followed by standardised values and flagged as such."""

from __future__ import annotations

import datetime as dt
import math
import random
import statistics

import attrs
import polars as pl
import pytest

from impactkit import Design, InputError, Study, StudyError, evaluate
from impactkit.metrics import outcome_metric
from impactkit.pipeline import default_registry

YEARS = range(2012, 2020)
GAIN = 6.0
"""Percentage points that partnerships add, by construction."""


def schools(*, gain=GAIN, joined=dt.date(2014, 2, 3), counted=True, noise=1.0):
    """Return key stage 2 results of ninety schools: level 4 to 2015, the expected standard since.

    Every third school joins a partnership on the same day. Its gain begins with the first tests
    that come more than four months later.
    """
    draw = random.Random(7)
    first = joined.year + (joined.month > 1)
    rows, members = [], []
    for i in range(90):
        urn, ability = 100_001 + i, draw.gauss(0, 8)
        if i % 3 == 0:
            members.append({"partnership_id": f"P{i % 45}", "urn": urn, "joined": joined})
        for year in YEARS:
            old = year < 2016
            value = (70 if old else 50 + year - 2016) + ability + draw.gauss(0, noise)
            rows.append(
                {
                    "urn": urn,
                    "year": year,
                    "measure": "ks2_rwm_level4" if old else "ks2_rwm_expected",
                    "value": value + gain * (i % 3 == 0 and year >= first),
                    "denominator": 30,
                }
            )
    outcomes = pl.DataFrame(rows)
    return {
        "outcomes": outcomes if counted else outcomes.drop("denominator"),
        "memberships": pl.DataFrame(members),
    }


def study(**design):
    """Return a study of the expected standard with this design."""
    settings = {"outcome": "ks2_rwm_expected", "bootstrap": 0, "randomisation": 0} | design
    return Study(title="Across 2016", design=Design(**settings), metrics={"did.effect": {}})


def problems_of(given, tables):
    """Return the problems for which a study is refused."""
    with pytest.raises(InputError) as raised:
        evaluate(given, tables=tables)
    return raised.value.problems


def headline(evaluation):
    """Return the first estimate of the design."""
    return evaluation["did.effect"].estimates[0]


def test_published_values_may_not_cross_a_break():
    """Years on both sides of 2016 are refused; the message has both remedies."""
    [problem] = problems_of(study(), schools())
    assert problem.code == "measure.break"
    assert problem.column == "design.years"
    assert "ks2_rwm_expected and, before it, ks2_rwm_level4" in problem.rule
    assert "2015/16 (2016)" in problem.rule
    assert "Begin `years` with 2016" in problem.remedy
    assert 'standardise = "z"' in problem.remedy


def test_a_study_file_is_told_the_line(tmp_path):
    """The line of `years`, since that is what has to change."""
    for name, frame in schools().items():
        frame.write_csv(tmp_path / f"{name}.csv")
    (tmp_path / "study.toml").write_text(
        """[study]
title = "Across 2016"
[tables]
outcomes = { path = "outcomes.csv" }
memberships = { path = "memberships.csv" }
[design]
outcome = "ks2_rwm_expected"
years = [2012, 2019]
[metrics."did.effect"]
"""
    )
    [problem] = problems_of(tmp_path / "study.toml", None)
    assert (problem.file, problem.row) == ("study.toml", 8)


@pytest.mark.parametrize("years", [(2016, 2019), (2017, 2019)])
def test_years_on_one_side_are_used_as_they_are(years):
    """Levels stay out, values stay in per cent, and nothing is said to be crossed."""
    tables = schools(joined=dt.date(2017, 9, 4))
    found = evaluate(study(years=years), tables=tables)
    assert headline(found).unit == "percentage points"
    assert found.measures[0]["scale"] == ""
    assert 2016 not in found.measures[0]["crossed"]


@pytest.mark.parametrize(
    ("how", "unit"), [("z", "school SD"), ("logit_z", "school SD"), ("rank", "percentile points")]
)
def test_standardised_values_follow_schools_across_it(how, unit):
    """The gain is found with its sign, in the unit of the scale, and the crossing is flagged."""
    found = evaluate(study(standardise=how), tables=schools())
    overall = headline(found)
    assert (overall.status, overall.unit) == ("ok", unit)
    assert overall.ci_low > 0
    assert found.measures[0]["crossed"] == [2016, 2018]
    [flag] = [w for w in found.warnings if "kept their places" in w]
    assert "2015/16" in flag
    assert "A school SD is no effect size" in found.measures[0]["scale"] or how == "rank"


def test_the_estimate_is_that_of_plain_sums():
    """One cohort: the mean change in the gap between the groups, each year in its own spread."""
    tables = schools()
    found = headline(evaluate(study(standardise="z"), tables=tables))
    treated = set(tables["memberships"]["urn"])
    gaps = {}
    for year in YEARS:
        values = {
            urn: value
            for urn, at, value in tables["outcomes"].select("urn", "year", "value").iter_rows()
            if at == year
        }
        mean = statistics.fmean(values.values())
        spread = math.sqrt(statistics.fmean((v - mean) ** 2 for v in values.values()))
        inside = statistics.fmean(v for urn, v in values.items() if urn in treated)
        outside = statistics.fmean(v for urn, v in values.items() if urn not in treated)
        gaps[year] = (inside - outside) / spread
    expected = statistics.fmean(gaps[year] for year in range(2015, 2020)) - gaps[2014]
    assert found.value == pytest.approx(expected)
    assert found.value > 0.4


def test_without_a_gain_the_new_definition_alone_makes_none():
    """The fall of 20 points in 2016 is everybody's, and no effect of anything."""
    found = headline(evaluate(study(standardise="z"), tables=schools(gain=0.0)))
    assert found.ci_low < 0 < found.ci_high


def test_years_before_and_after_are_shown_apart():
    """Before 2016 the gain can be estimated; after it, everybody in a partnership was in one."""
    found = evaluate(study(standardise="z"), tables=schools())["did.effect"].estimates
    before, after = [e for e in found if e.estimand.endswith("alone")]
    assert before.estimand.endswith("years before 2016 alone")
    assert before.status == "ok"
    assert before.ci_low > 0
    assert after.estimand.endswith("years from 2016 alone")
    assert after.status == "not_estimable"
    assert after.reason


def test_a_soft_break_is_a_warning():
    """The writing framework of 2018 calls for caution, and is no reason to refuse."""
    tables = schools(joined=dt.date(2017, 9, 4))
    found = evaluate(study(years=(2016, 2019)), tables=tables)
    [warning] = [w for w in found.warnings if "need caution" in w]
    assert "2017/18" in warning
    assert "Education Policy Institute" in warning


def test_breaks_of_the_studys_own_measures_count_as_well():
    """A measure of the table `measures` is refused across its break like any other."""
    tables = schools()
    late = tables["outcomes"].with_columns(measure=pl.lit("late"))
    own = {"measure": ["late"], "label": ["Late"], "unit": ["percent"], "break_years": ["2017"]}
    tables |= {"outcomes": late, "measures": pl.DataFrame(own)}
    [problem] = problems_of(study(outcome="late"), tables)
    assert problem.code == "measure.break"
    assert "2016/17" in problem.rule
    assert evaluate(study(outcome="late", years=(2012, 2016)), tables=tables).measures


def test_a_filled_gap_year_is_refused():
    """No school has key stage 2 results of 2020: whoever typed them in is told so."""
    tables = schools(joined=dt.date(2017, 9, 4))
    last = tables["outcomes"].filter(pl.col("year") == 2019)
    tables["outcomes"] = pl.concat(
        [tables["outcomes"], last.with_columns(year=pl.lit(2020, pl.Int64))]
    )
    [problem] = problems_of(study(years=(2016, 2020)), tables)
    assert (problem.code, problem.count) == ("measure.gap_year", 90)
    assert "2019/20" in problem.rule


def test_zeros_in_place_of_symbols_are_refused_until_the_year_is_left_out():
    """Ten schools have 0 where no other lies below half the median."""
    tables = schools(joined=dt.date(2017, 9, 4))
    few = (pl.col("year") == 2018) & pl.col("urn").is_between(100_001, 100_010)
    tables["outcomes"] = tables["outcomes"].with_columns(
        value=pl.when(few).then(0.0).otherwise("value")
    )
    [problem] = problems_of(study(years=(2016, 2019)), tables)
    assert "ks2_rwm_expected, 2017/18" in problem.rule
    assert "leave_out = [2018]" in problem.remedy
    found = evaluate(study(years=(2016, 2019), leave_out=[2018]), tables=tables)
    assert not [w for w in found.warnings if "symbols replaced by 0" in w]


def test_log_odds_are_refused_for_what_is_no_share():
    """Neither without pupils, nor for a measure that is not in per cent."""
    [problem] = problems_of(
        study(standardise="logit_z", years=(2016, 2019)),
        schools(joined=dt.date(2017, 9, 4), counted=False),
    )
    assert "how many pupils" in problem.rule
    tables = schools()
    ratio = tables["outcomes"].with_columns(measure=pl.lit("pupil_teacher_ratio"))
    [problem] = problems_of(
        study(outcome="pupil_teacher_ratio", standardise="logit_z"), tables | {"outcomes": ratio}
    )
    assert "is in ratio" in problem.rule


def test_a_late_start_counts_for_the_next_results():
    """Who joined in February is exposed from the next tests; counted from these, gains shrink.

    The gain begins with the tests of 2015. Ours finds all of it; the year of joining, as every
    other package would have it, takes in the tests of 2014, three months after.
    """
    tables = schools(noise=0.0)
    early = {"years": (2012, 2015), "outcome": "ks2_rwm_level4"}
    ours = evaluate(study(**early), tables=tables)
    naive = evaluate(study(**early, exposure={"ks2": "08-31"}), tables=tables)
    assert headline(ours).value == pytest.approx(GAIN)
    assert headline(naive).value == pytest.approx(GAIN / 2)
    assert "counts as exposed from 2014/15" in ours.measures[0]["exposure"]
    assert "counts as exposed from 2013/14" in naive.measures[0]["exposure"]


def test_a_rule_for_no_measure_is_a_fault():
    """A mistyped beginning would leave everything as it was, in silence."""
    [problem] = problems_of(
        study(years=(2016, 2019), exposure={"ks22": "12-31"}), schools(joined=dt.date(2017, 9, 4))
    )
    assert problem.column == "design.exposure.ks22"


def test_days_that_are_none_are_faults_of_the_study():
    """Both in Python and in the file, with the remedy."""
    with pytest.raises(StudyError, match='Write "01-01" for 1 January'):
        Design(exposure={"ks2": "31-01"})
    with pytest.raises(StudyError, match=r"design\.exposure\.ks2"):
        Study.parse({"study": {"title": "T"}, "design": {"exposure": {"ks2": 9}}})


def test_a_metric_can_place_values_of_its_own():
    """`context.standardise` is what the panel does, for a frame of the metric's own."""
    seen = []

    @outcome_metric(
        id="kent.places",
        title="Places",
        unit="sd",
        needs={"outcomes": ["school_key", "year", "measure", "value"]},
    )
    def places(context):
        rows = context.table("outcomes").filter(pl.col("measure") == "ks2_rwm_expected")
        seen.append(context.standardise(rows, "rank"))
        return seen[0].select("school_key", "year", "value")

    registry = default_registry()
    from impactkit.hookspecs import hookimpl
    from impactkit.plugins import PluginInfo

    class Kent:
        @hookimpl
        def impactkit_metrics(self):
            return [places]

    registry.register(Kent(), PluginInfo(name="kent"))
    given = attrs.evolve(study(years=(2016, 2019)), metrics={"kent.places": {}})
    found = evaluate(given, tables=schools(joined=dt.date(2017, 9, 4)), registry=registry)
    assert found["kent.places"].status == "ok"
    ranks = seen[0].group_by("year").agg(pl.col("value").mean())["value"]
    assert ranks.to_list() == pytest.approx([50.0] * 4)
