"""What schools gained beside schools elsewhere: against att_gt, plain loops and numpy."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from impactkit.errors import EstimationError
from impactkit.estimators import att_gt
from impactkit.evidence.improvement import improvement


def panel(seed: int = 1, n: int = 60, clusters: int = 12) -> pl.DataFrame:
    """Return a complete panel of 2012 to 2018; a third of the schools join in 2014 to 2017."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        joins = [2014, 2015, 2017][i % 3] if i < n // 2 else None
        cluster = f"P{i % clusters:02d}" if joins else f"school:{i:03d}"
        level = rng.normal(100, 5)
        for year in range(2012, 2019):
            value = level + 0.3 * (year - 2012) + rng.normal(0, 2)
            value += 1.5 if joins and year >= joins else 0.0
            rows.append((f"{i:03d}", year, value, joins, cluster))
    names = ["school_key", "year", "value", "cohort", "cluster"]
    return pl.DataFrame(rows, schema=names, orient="row")


def plain(frame: pl.DataFrame, before: tuple[int, int], after: tuple[int, int]) -> dict[str, float]:
    """Work out each joining school's excess change by loops over dictionaries."""
    value = {(s, y): v for s, y, v, _, _ in frame.iter_rows()}
    cohort = {s: g for s, _, _, g, _ in frame.iter_rows()}
    found = {}
    for school, g in cohort.items():
        if g is None:
            continue
        gaps = []
        for year in range(g + after[0], g + after[1] + 1):
            if (school, year) not in value:
                continue

            def change(s, g=g, year=year):
                base = [value[s, g + b] for b in range(before[0], before[1] + 1)]
                return value[s, year] - sum(base) / len(base)

            free = [s for s, c in cohort.items() if c is None or (c > year and c > g)]
            free = [s for s in free if (s, year) in value]
            gaps.append(change(school) - sum(map(change, free)) / len(free))
        found[school] = sum(gaps) / len(gaps)
    return found


@pytest.mark.parametrize("after", [(0, 30), (1, 2)])
@pytest.mark.parametrize("before", [(-1, -1), (-2, -1)])
def test_school_changes_are_those_of_plain_loops(before, after):
    """School by school, for windows of one and of several years."""
    frame = panel()
    found = improvement(frame, before=before, after=after).schools
    expected = plain(frame, before, after)
    assert dict(found.select("school_key", "excess").iter_rows()) == pytest.approx(expected)


@pytest.mark.parametrize("control", ["notyettreated", "nevertreated"])
def test_the_mean_is_the_group_average_of_callaway_and_santanna(control):
    """In a complete panel; and the jackknife is near their standard error, corrected for few."""
    frame = panel()
    fit = att_gt(
        frame,
        unit="school_key",
        time="year",
        cohort="cohort",
        outcome="value",
        cluster="cluster",
        control=control,
        base_period="universal",
        small_sample="cr2",
    )
    theirs = fit.aggregate("group").overall
    ours = improvement(frame, control=control).regress()
    assert ours.values[0] == pytest.approx(theirs.value, abs=1e-10)
    assert ours.std_errors[0] == pytest.approx(theirs.std_error, rel=0.1)


def test_the_covariance_is_that_of_a_jackknife_done_by_hand():
    """Clusters left out one at a time and estimated anew; comparison schools by deviations."""
    frame = panel()
    found = improvement(frame, control="nevertreated")
    schools = found.schools
    X = np.stack([np.ones(schools.height), np.arange(schools.height) % 5], axis=1)
    fit = found.regress(X)
    y, cluster = schools["excess"].to_numpy(), schools["cluster"].to_numpy()
    names = sorted(set(cluster))
    whole = np.linalg.lstsq(X, y, rcond=None)[0]
    left = np.array(
        [np.linalg.lstsq(X[cluster != c], y[cluster != c], rcond=None)[0] - whole for c in names]
    )
    own = (len(names) - 1) / len(names) * left.T @ left
    # What a comparison school adds: its deviation in every cell, by how much the cell is used.
    P = np.linalg.pinv(X)
    never = frame.filter(pl.col("cohort").is_null())
    value = {(s, t): v for s, t, v, _, _ in never.iter_rows()}
    others = sorted(set(never["school_key"]))
    phi = np.zeros((len(others), 2))
    for k, g in enumerate(schools["cohort"].to_list()):
        years = range(g, 2019)
        for t in years:
            changes = np.array([value[s, t] - value[s, g - 1] for s in others])
            phi -= np.outer((changes - changes.mean()) / len(others), P[:, k] / len(years))
    n = len(others)
    assert fit.values == pytest.approx(whole)
    assert fit.covariance == pytest.approx(own + n / (n - 1) * phi.T @ phi)


def test_groups_have_degrees_of_freedom_of_their_own_clusters():
    """The mean of a group of four clusters has three; a slope has those of all, less two."""
    found = improvement(panel())
    cluster = found.schools["cluster"].to_list()
    names = sorted(set(cluster))
    few = np.array([c in names[:4] for c in cluster])
    both = found.regress(np.stack([few, ~few], axis=1).astype(float))
    assert both.df.tolist() == [3, len(names) - 5]
    slope = found.regress(np.stack([np.ones(len(few)), np.arange(len(few))], axis=1))
    assert slope.df.tolist() == [len(names) - 2] * 2


def test_weights_of_comparison_schools_count():
    """A comparison school with all the weight decides what was to be expected."""
    frame = panel(n=8, clusters=2)
    heavy = pl.when(pl.col("school_key") == "007").then(1e9).otherwise(1.0)
    weighted = improvement(frame.with_columns(weight=heavy), control="nevertreated")
    alone = frame.filter(pl.col("cohort").is_not_null() | (pl.col("school_key") == "007"))
    expected = improvement(alone, control="nevertreated").schools["expected"].to_list()
    assert weighted.schools["expected"].to_list() == pytest.approx(expected)


def test_strata_compare_like_with_like():
    """Only schools of the stratum of the year before joining are compared with."""
    frame = panel()
    keys = frame.select("school_key", "year", "cohort")
    strata = keys.with_columns(stratum=pl.col("school_key").cast(pl.Int64) % 2)
    found = improvement(frame, strata=strata, control="nevertreated").schools
    for parity in (0, 1):
        part = frame.filter(pl.col("school_key").cast(pl.Int64) % 2 == parity)
        alone = improvement(part, control="nevertreated").schools
        mine = found.filter(pl.col("school_key").cast(pl.Int64) % 2 == parity)
        assert mine["excess"].to_list() == pytest.approx(alone["excess"].to_list())


def test_schools_that_cannot_be_followed_are_counted():
    """Without a year before, and without anybody to compare with: each by its reason."""
    frame = panel().filter(~((pl.col("school_key") == "000") & (pl.col("year") < 2014)))
    found = improvement(frame)
    [told] = found.exclusions
    assert (told.reason, told.n_schools) == ("not_followed", 1)
    late = frame.filter(pl.col("cohort").is_not_null())
    alone = improvement(late)
    assert {e.reason for e in alone.exclusions} == {"not_followed", "no_comparison"}


def test_nothing_to_estimate_is_said_with_counts():
    """Nobody joined, nobody to compare with, one partnership only."""
    frame = panel()
    with pytest.raises(EstimationError, match="0 joined"):
        improvement(frame.filter(pl.col("cohort").is_null()))
    with pytest.raises(EstimationError, match="10 joined; 10 left out: no school to compare"):
        improvement(frame.filter(pl.col("cohort") == 2017))
    one = frame.filter(pl.col("cohort").is_null() | (pl.col("cluster") == "P00"))
    with pytest.raises(EstimationError, match="a single partnership"):
        improvement(one).regress()
    found = improvement(frame)
    with pytest.raises(EstimationError, match="do not tell 2 coefficients apart"):
        found.regress(np.ones((found.schools.height, 2)))


@settings(max_examples=25, deadline=None)
@given(
    scale=st.floats(0.1, 50),
    shift=st.floats(-100, 100),
    years=st.lists(st.floats(-20, 20), min_size=7, max_size=7),
)
def test_levels_and_common_years_cancel_and_units_scale(scale, shift, years):
    """What all schools share in a year is no excess; another unit gives the same in that unit."""
    frame = panel(n=24, clusters=6)
    common = pl.col("year").replace_strict(dict(zip(range(2012, 2019), years, strict=True)))
    other = frame.with_columns(value=scale * (pl.col("value") + shift + common))
    one, two = (improvement(f).regress() for f in (frame, other))
    assert two.values[0] == pytest.approx(scale * one.values[0], abs=1e-7 * scale)
    assert two.std_errors[0] == pytest.approx(scale * one.std_errors[0], rel=1e-6)


def test_the_order_of_rows_does_not_matter():
    """Shuffled, everything is the same."""
    frame = panel()
    one, two = improvement(frame), improvement(frame.sample(fraction=1.0, shuffle=True, seed=3))
    assert one.schools.equals(two.schools) or np.allclose(
        one.schools["excess"].to_numpy(), two.schools["excess"].to_numpy(), atol=1e-12
    )
    assert two.regress().covariance == pytest.approx(one.regress().covariance)
