"""The study's headlines are one family of tests, adjusted as the study says."""

from __future__ import annotations

import attrs
import numpy as np
import polars as pl
import pytest

from impactkit import Design, Study, evaluate
from impactkit.errors import UsageError
from impactkit.estimators import att_gt
from impactkit.pipeline.family import DRAWS, adjust
from impactkit.results import Estimate, MetricResult
from impactkit.synthetic import county

OUTCOMES = ("attainment", "overall_absence", "pupil_teacher_ratio")


def panel(seed: int) -> pl.DataFrame:
    """Return 60 schools in 20 partnerships over six years, a third treated."""
    rng = np.random.default_rng(seed)
    rows = [
        {"unit": f"s{i}", "time": t, "cohort": start, "place": f"p{i // 3}", "y": rng.normal()}
        for i, start in enumerate([2014] * 12 + [2015] * 12 + [None] * 36)
        for t in range(2012, 2018)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


@pytest.mark.parametrize("kind", ["simple", "group", "dynamic", "calendar"])
@pytest.mark.parametrize("cluster", ["place", "unit"])
def test_the_contributions_of_clusters_make_the_standard_error(kind, cluster):
    """Their squares add up to its square; there is one for every cluster, by its name."""
    frame = panel(3)
    fit = att_gt(frame, unit="unit", time="time", cohort="cohort", outcome="y", cluster=cluster)
    found = fit.influence(kind)
    assert (found["contribution"] ** 2).sum() ** 0.5 == pytest.approx(
        fit.aggregate(kind).overall.std_error, rel=1e-12
    )
    assert set(found["cluster"]) == set(frame[cluster])


def test_clusters_without_a_name_cannot_be_told_apart():
    """The message says what to do."""
    fit = att_gt(panel(3), unit="unit", time="time", cohort="cohort", outcome="y")
    with pytest.raises(UsageError, match="column of clusters"):
        fit.influence()


def test_a_contribution_is_what_its_cluster_adds_to_the_estimate():
    """Moving one partnership's outcomes after joining moves the estimate by its share in it.

    The derivative of the estimate in a cluster's weight is its contribution (the definition of an
    influence function), here by weighing one cluster a little more.
    """
    frame = panel(5).with_columns(w=pl.lit(1.0))
    names = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}
    by_cluster = dict(att_gt(frame, cluster="place", **names).influence("simple").rows())
    for place in ("p0", "p5", "p15"):
        step = 1e-5
        heavier = frame.with_columns(
            w=pl.when(pl.col("place") == place).then(1 + step).otherwise(1.0)
        )
        moved = att_gt(heavier, weights="w", cluster="place", **names).aggregate("simple").overall
        still = att_gt(frame, weights="w", cluster="place", **names).aggregate("simple").overall
        slope = (moved.value - still.value) / step
        assert slope == pytest.approx(by_cluster[place], rel=1e-3, abs=1e-8)


def headlines(values, contributions):
    """Return results and influences of a family of two-sided normal tests."""
    errors = [float(np.sqrt((np.array(c) ** 2).sum())) for c in contributions]
    names = [f"m{i}" for i in range(len(values))]
    from statistics import NormalDist

    estimates = [
        Estimate(
            metric="x.y",
            measure=name,
            value=value,
            std_error=error,
            p_value=2 * NormalDist().cdf(-abs(value / error)),
        )
        for name, value, error in zip(names, values, errors, strict=True)
    ]
    clusters = [f"c{j:03d}" for j in range(len(contributions[0]))]
    influences = {
        ("x.y", name, value): pl.DataFrame({"cluster": clusters, "contribution": own})
        for name, value, own in zip(names, values, contributions, strict=True)
    }
    return (MetricResult(metric="x.y", estimates=tuple(estimates)),), influences


def test_tests_of_one_and_the_same_thing_need_no_adjustment():
    """Two copies of one outcome: Holm doubles the p-value, Romano and Wolf leave it."""
    own = np.random.default_rng(1).normal(0, 0.1, 200)
    results, influences = headlines([3.0, 3.0 + 1e-9], [own, own])
    plain = results[0].estimates[0].p_value
    (by_holm,), _ = adjust(results)
    (together,), warnings = adjust(results, how="romano_wolf", influences=influences)
    assert not warnings
    assert by_holm.estimates[0].p_adjusted == pytest.approx(2 * plain, rel=1e-6)
    error = 3 * (plain / DRAWS) ** 0.5 + 2 / DRAWS
    assert together.estimates[0].p_adjusted == pytest.approx(plain, abs=error)


def test_the_step_down_is_that_of_the_paper():
    """A plain loop over signs drawn for the test, within the error of both simulations."""
    rng = np.random.default_rng(2)
    shared = rng.normal(0, 0.1, 150)
    contributions = [0.8 * shared + rng.normal(0, 0.06, 150) for _ in range(3)]
    results, influences = headlines([2.9, -2.3, 0.4], contributions)
    (found,), _ = adjust(results, how="romano_wolf", influences=influences, seed=7)
    t = [abs(e.value / e.std_error) for e in results[0].estimates]
    errors = [e.std_error for e in results[0].estimates]
    expected, left, highest = {}, sorted(range(3), key=lambda i: -t[i]), 0.0
    draws = []
    for _ in range(20_000):
        signs = rng.choice([-1.0, 1.0], 150)
        draws.append([abs(signs @ c) / e for c, e in zip(contributions, errors, strict=True)])
    while left:
        hits = sum(max(draw[i] for i in left) >= t[left[0]] for draw in draws)
        highest = max(highest, hits / len(draws))
        expected[left.pop(0)] = highest
    for i, estimate in enumerate(found.estimates):
        p = expected[i]
        assert estimate.p_adjusted == pytest.approx(p, abs=4 * (p * (1 - p) / DRAWS) ** 0.5 + 0.002)


def test_with_several_headlines_each_has_a_band_that_holds_them_all():
    """Of two normal tests the 97.5 % interval each (2.2414 errors); of one, none is needed."""
    results, _ = headlines([2.0, 1.0], np.random.default_rng(3).normal(0, 0.1, size=(2, 50)))
    results = tuple(
        attrs.evolve(r, estimates=[attrs.evolve(e, ci_low=0.0, ci_high=3.0) for e in r.estimates])
        for r in results
    )
    (found,), _ = adjust(results)
    for estimate in found.estimates:
        reach = (estimate.band_high - estimate.band_low) / 2
        assert reach == pytest.approx(2.241402727604947 * estimate.std_error)
    one = attrs.evolve(results[0], estimates=results[0].estimates[:1])
    (alone,), _ = adjust((one,))
    assert alone.estimates[0].band_low is None
    few = attrs.evolve(results[0].estimates[0], df=4.0)
    (small,), _ = adjust((attrs.evolve(results[0], estimates=(few, results[0].estimates[1])),))
    # Student's t with 4 degrees of freedom, upper 1.25 %: 3.4954 (tables of the t distribution).
    reach = small.estimates[0].band_high - small.estimates[0].value
    assert reach == pytest.approx(3.4954 * few.std_error, rel=1e-4)


def test_without_contributions_holm_is_used_and_said():
    """The metric that has none is named, with what to do."""
    results, influences = headlines([2.0, 1.0], np.random.default_rng(3).normal(size=(2, 50)))
    influences.popitem()
    (found,), warnings = adjust(results, how="romano_wolf", influences=influences)
    (holm,), _ = adjust(results)
    assert found == holm
    assert "x.y (m1)" in str(warnings[0])
    assert "Holm" in str(warnings[0])


def test_a_study_says_how_its_tests_are_adjusted():
    """The same headlines and p-values; only their adjustment differs, and never below its own."""
    here = county(seed=4, effect={"attainment": 1.0, "overall_absence": -0.3})
    frames = {
        name: here.tables[name] for name in ("outcomes", "memberships", "school_links", "measures")
    }
    study = Study(
        title="Three outcomes",
        seed=1,
        design=Design(treated="role in ['client', 'peer']", outcome=OUTCOMES, bootstrap=0),
        metrics={"did.effect": {}},
    )
    found = {}
    for how in ("holm", "romano_wolf", "benjamini_hochberg"):
        design = attrs.evolve(study.design, multiplicity=how)
        done = evaluate(attrs.evolve(study, design=design), tables=frames)
        assert not any("Holm" in w for w in done.warnings)
        heads = {}
        for estimate in done.results[0].estimates:
            if not estimate.term and estimate.p_adjusted is not None:
                heads[estimate.measure] = (estimate.p_value, estimate.p_adjusted)
        assert set(heads) == set(OUTCOMES)
        found[how] = heads
    for measure in OUTCOMES:
        p = {how: heads[measure][0] for how, heads in found.items()}
        assert len(set(p.values())) == 1
        adjusted = {how: heads[measure][1] for how, heads in found.items()}
        assert all(value >= p["holm"] for value in adjusted.values())
        assert adjusted["romano_wolf"] <= adjusted["holm"] + 4 * 0.5 / DRAWS**0.5
        assert adjusted["benjamini_hochberg"] <= adjusted["holm"]


def test_what_the_summary_reads_out_of_a_metric_of_parts_is_adjusted_too():
    """Two sides of a partnership are two tests; parts of a metric with a whole are none."""
    sides = [Estimate(term=t, value=1.0, p_value=p) for t, p in (("helped", 0.03), ("help", 0.4))]
    whole = [Estimate(value=1.0, p_value=0.02), Estimate(term="2014", value=1.0, p_value=0.01)]
    (two, one), _ = adjust(
        (
            MetricResult(metric="did.two_sided", estimates=sides),
            MetricResult(metric="did.effect", estimates=whole),
        )
    )
    assert [e.p_adjusted for e in two.estimates] == pytest.approx([0.06, 0.4])
    assert one.estimates[0].p_adjusted == pytest.approx(0.06)
    assert one.estimates[1].p_adjusted is None


def test_what_a_metric_has_adjusted_itself_is_not_made_smaller():
    """It counted tests that the family does not know of; the family counts those of others."""
    own = Estimate(measure="a", value=1.0, p_value=0.01, p_adjusted=0.2)
    plain = Estimate(measure="b", value=1.0, p_value=0.03, p_adjusted=0.001)
    results = MetricResult(metric="kent.x", estimates=[own, plain])
    (done,), _ = adjust((results,))
    assert [e.p_adjusted for e in done.estimates] == [0.2, 0.03]
