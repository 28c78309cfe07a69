"""M38: ripple or placebo, as was settled beforehand."""

from __future__ import annotations

import attrs
import numpy as np
import polars as pl
import pytest
from scipy import stats

from impactkit import Design, MetricContext
from impactkit_pupils.common import Joint, joint
from impactkit_pupils.ripple import OTHER, RATIO, TARGET, TRIPLE, Params, adjusted_p, ripple

SEEDS = range(6)
STRONG = {"mathematics": 6.0, "english": 2.0}
CONTEXT = MetricContext(metric="pupils.ripple", design=Design(outcome=("a",)), seed=5)


def named(result):
    """Return estimates by what they are of."""
    return {e.estimand: e for e in result.estimates}


@attrs.frozen
class Fit:
    """Effects with a covariance that the test chooses."""

    values: np.ndarray
    covariance: np.ndarray
    df: np.ndarray


def given(values, correlation, df=10_000):
    """Return two effects with standard errors of 1."""
    covariance = np.array([[1.0, correlation], [correlation, 1.0]])
    fit = Fit(np.asarray(values, dtype=float), covariance, np.array([df, df]))
    return Joint(names=("a", "b"), each={}, fit=fit)


def test_independent_subjects_are_two_tests():
    """The smaller p-value becomes 1 - (1 - p)^2, the larger stays: Sidak's step-down."""
    p = [2 * stats.norm.sf(z) for z in (2.2, 1.5)]
    found = adjusted_p(CONTEXT, given([2.2, 1.5], 0.0), 60_000)
    assert found[0] == pytest.approx(1 - (1 - p[0]) ** 2, abs=0.003)
    assert found[1] == pytest.approx(p[1], abs=0.004)


def test_subjects_that_move_as_one_are_one_test():
    """With a correlation of 1 nothing is added; few partnerships bring in the t distribution."""
    found = adjusted_p(CONTEXT, given([2.2, 2.2], 1.0, df=7), 60_000)
    assert found == pytest.approx([2 * stats.t.sf(2.2, 7)] * 2, abs=0.004)


@pytest.fixture(scope="module")
def strong(on_county):
    """Return the results of three roles on one county with a ripple."""
    return {
        role: on_county(ripple, 1, effect=STRONG, params={"others_are": role})[1]
        for role in ("", "spillover", "placebo")
    }


def test_ratio_and_triple_difference_follow_from_the_effects(strong):
    """The ratio is of the two effects, the triple difference their difference."""
    found = named(strong["spillover"])
    assert found[RATIO].value == pytest.approx(found[OTHER].value / found[TARGET].value)
    assert found[TRIPLE].value == pytest.approx(found[TARGET].value - found[OTHER].value)
    assert found[RATIO].unit == "times"
    # What was foretold leads, and is not told by a difference that would take it out.
    order = [e.estimand for e in strong["spillover"].estimates if e.subgroup == "english"]
    assert order == [RATIO, TRIPLE]
    assert found[TRIPLE].p_value is None
    assert named(strong["placebo"])[TRIPLE].p_value is not None


def test_the_bounds_of_the_ratio_are_where_the_difference_is_just_not_zero(on_county):
    """At a bound r, other - r x target is as many standard errors from zero as t allows."""
    _, result = on_county(ripple, 1, effect=STRONG, params={"others_are": "spillover"})
    found = named(result)
    # The covariance follows from the three variances that are published.
    v_t, v_o = found[TARGET].std_error ** 2, found[OTHER].std_error ** 2
    covariance = (v_t + v_o - found[TRIPLE].std_error ** 2) / 2
    critical = stats.t.ppf(0.975, found[RATIO].df)
    for r in (found[RATIO].ci_low, found[RATIO].ci_high):
        gap = found[OTHER].value - r * found[TARGET].value
        error = np.sqrt(v_o + r * r * v_t - 2 * r * covariance)
        assert abs(gap) / error == pytest.approx(critical)


def test_what_nobody_settled_beforehand_is_not_worked_out(strong):
    """Effects are told, with a warning; ratio and triple difference are not."""
    found = named(strong[""])
    assert found[TARGET].status == found[OTHER].status == "ok"
    assert any("others_are" in w for w in found[OTHER].warnings)
    assert {found[RATIO].status, found[TRIPLE].status} == {"not_estimable"}


def test_an_effect_on_a_placebo_is_no_ripple(strong):
    """It fails the check of itself, and no ratio is given."""
    result = strong["placebo"]
    (check,) = result.diagnostics
    assert check.passed is False
    assert check.measure == "english"
    assert named(result)[RATIO].status == "not_estimable"
    assert named(result)[TRIPLE].status == "ok"


def test_a_role_that_is_none_is_refused():
    """A word that means neither."""
    with pytest.raises(ValueError, match="others_are"):
        Params(others_are="maybe")


def test_no_ratio_to_an_effect_that_may_be_zero(on_county):
    """Without an effect on mathematics nothing can ripple."""
    _, result = on_county(ripple, 2, params={"others_are": "spillover"})
    assert named(result)[RATIO].status == "not_estimable"
    assert named(result)[TRIPLE].status == "ok"


def test_only_schools_with_help_in_the_subject_count(on_county, strong):
    """Others that joined are left out and counted; where no help is named, all of them count."""
    (lost,) = [x for x in strong[""].exclusions if x.reason == "pupils.not_helped"]
    _, everyone = on_county(ripple, 1, effect=STRONG, without=("interventions",))
    inside, all_ = named(strong[""])[TARGET], named(everyone)[TARGET]
    assert inside.n_schools < all_.n_schools <= inside.n_schools + lost.n_schools
    assert any("every school that joined" in w for w in all_.warnings)


def test_a_subject_without_results_is_told_and_leaves_the_rest_be(on_county):
    """Science has no national test."""
    _, result = on_county(ripple, 1, params={"others": ("science", "english")})
    by_measure = {e.measure: e for e in result.estimates if e.estimand == OTHER}
    assert by_measure["science"].status == "not_estimable"
    assert by_measure["english"].status == "ok"


def test_a_planted_ripple_is_recovered(on_county):
    """Six counties: both effects and the ratio of a third, each covered in five or more."""
    hits = {TARGET: 0, OTHER: 0, RATIO: 0}
    for seed in SEEDS:
        here, result = on_county(
            ripple, seed, n_schools=200, effect=STRONG, params={"others_are": "spillover"}
        )
        found, planted = named(result), here.truth.planted
        on = [planted[f"subjects.{name}_effect"] for name in ("mathematics", "english")]
        for name, truth in ((TARGET, on[0]), (OTHER, on[1]), (RATIO, on[1] / on[0])):
            hits[name] += found[name].ci_low <= truth <= found[name].ci_high
    assert min(hits.values()) >= 5


def test_nothing_is_found_where_nothing_was_planted(on_county):
    """Six counties, two subjects: at most two of twelve intervals miss zero."""
    missed = 0
    for seed in SEEDS:
        _, result = on_county(ripple, seed)
        missed += sum(
            not e.ci_low <= 0 <= e.ci_high
            for e in result.estimates
            if e.estimand in (TARGET, OTHER)
        )
    assert missed <= 2


def test_clusters_are_shared_by_the_subjects():
    """Two copies of one series have a correlation of 1, so their difference has no error."""
    rng = np.random.default_rng(0)
    rows = [
        (
            f"s{k:02}",
            year,
            2018 if k < 8 else None,
            f"P{k // 2}" if k < 8 else f"s{k:02}",
            rng.standard_normal(),
        )
        for k in range(16)
        for year in range(2016, 2020)
    ]
    frame = pl.DataFrame(
        rows, schema=["school_key", "year", "cohort", "cluster", "value"], orient="row"
    )
    both = joint({"a": frame, "b": frame}, CONTEXT, before=(-1, -1), after=(0, 9))
    _, error, _ = both.fit.contrast([1.0, -1.0])
    assert error == pytest.approx(0, abs=1e-6)
    assert both.fit.std_errors[0] > 0.1
