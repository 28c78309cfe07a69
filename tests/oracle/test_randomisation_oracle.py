"""Randomisation inference against published examples, scipy, and assigning by hand."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import permutation_test

from impactkit.errors import DataError, EstimationError, UsageError
from impactkit.estimators import att_gt
from impactkit.inference import randomisation_inference
from impactkit.results import Estimate


def difference(frame: pl.DataFrame) -> float:
    """Return the mean of the treated less that of the others."""
    treated = pl.col("g").is_not_null()
    return frame.filter(treated)["y"].mean() - frame.filter(~treated)["y"].mean()


def welch(frame: pl.DataFrame) -> Estimate:
    """Return the same with Welch's standard error."""
    parts = [frame.filter(pl.col("g").is_null() == never)["y"] for never in (False, True)]
    error = math.sqrt(sum(p.var() / len(p) for p in parts))
    return Estimate(value=parts[0].mean() - parts[1].mean(), std_error=error)


def cross_section(treated: list[float], others: list[float]) -> pl.DataFrame:
    """Return a unit a row in one period, the second."""
    n = len(treated) + len(others)
    return pl.DataFrame(
        {
            "u": range(n),
            "t": [2] * n,
            "g": [2] * len(treated) + [None] * len(others),
            "y": [*treated, *others],
        }
    )


def test_honey_for_coughs() -> None:
    """Imbens & Rubin (2015), section 5.3: six children, 16 of 20 assignments, p = 0.80."""
    found = randomisation_inference(
        cross_section([3.0, 5.0, 0.0], [4.0, 0.0, 1.0]), difference, unit="u", cohort="g"
    )
    assert found.n_assignments == 20
    assert found.exact
    assert found.estimate.value == pytest.approx(1.0)
    assert found.estimate.p_value == pytest.approx(0.80)


@pytest.mark.parametrize("statistic", [difference, welch])
def test_exact_p_value_is_scipys(statistic: Any) -> None:
    """The exact permutation test of scipy, of the same statistic, two-sided by absolute value."""
    rng = np.random.default_rng(4)
    treated, others = rng.normal(0.8, 1, 5), rng.normal(0, 2, 6)

    def size(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        gap = x.mean(axis=axis) - y.mean(axis=axis)
        error = np.sqrt(
            x.var(axis=axis, ddof=1) / x.shape[axis] + y.var(axis=axis, ddof=1) / y.shape[axis]
        )
        return np.abs(gap / error if statistic is welch else gap)

    theirs = permutation_test(
        (treated, others), size, vectorized=True, n_resamples=np.inf, alternative="greater"
    )
    frame = cross_section(treated.tolist(), others.tolist())
    ours = randomisation_inference(frame, statistic, unit="u", cohort="g")
    assert ours.n_assignments == math.comb(11, 5)
    assert ours.exact
    assert ours.estimate.p_value == pytest.approx(theirs.pvalue, abs=1e-12)


def panel(seed: int, cohorts: dict[str, int | None], *, units: int = 2) -> pl.DataFrame:
    """Return units in clusters over four periods, with an effect of 1 and cluster shocks."""
    draw = random.Random(seed)
    rows = []
    for c, (cluster, cohort) in enumerate(cohorts.items()):
        for i in range(units):
            level = draw.gauss(0, 1)
            for time in (1, 2, 3, 4):
                effect = 1.0 if cohort is not None and time >= cohort else 0.0
                rows.append(
                    {
                        "u": f"{cluster}{i}",
                        "c": cluster,
                        "s": c % 2,
                        "t": time,
                        "g": cohort,
                        "y": level + 0.2 * time + effect + draw.gauss(0, 0.4),
                    }
                )
    return pl.DataFrame(rows, schema_overrides={"g": pl.Int64})


EIGHT: dict[str, int | None] = dict(
    zip("abcdefgh", [3, 3, 4, None, None, None, 4, None], strict=True)
)


def overall(frame: pl.DataFrame) -> Estimate:
    """Return att_gt's overall effect, clustered."""
    fit = att_gt(frame, unit="u", time="t", cohort="g", outcome="y", cluster="c")
    return fit.aggregate("simple").overall


def by_hand(frame: pl.DataFrame, *, within: bool, studentise: bool, tau: float = 0.0) -> float:
    """Return the p-value of tau by writing every assignment's cohorts into the frame."""
    treated = (pl.col("t") >= pl.col("g")).fill_null(False).cast(pl.Float64)
    moved = frame.with_columns(pl.col("y") - tau * treated)

    def distance(assigned: pl.DataFrame) -> float:
        e = overall(assigned)
        return abs(e.value / e.std_error if studentise else e.value)

    clusters = sorted(EIGHT)
    groups = [clusters[0::2], clusters[1::2]] if within else [clusters]
    ways = set()
    for orders in itertools.product(
        *(itertools.permutations([EIGHT[c] for c in g]) for g in groups)
    ):
        ways.add(tuple(zip(itertools.chain(*groups), itertools.chain(*orders), strict=True)))
    real = distance(moved)
    hits = 0
    for way in ways:
        cohorts = dict(way)
        assigned = moved.with_columns(
            pl.col("c").replace_strict(cohorts, return_dtype=pl.Int64).alias("g")
        )
        hits += distance(assigned) >= real * (1 - 1e-8)
    return hits / len(ways)


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("studentise", [False, True])
def test_clusters_change_places_as_by_hand(within: bool, studentise: bool) -> None:
    """Every arrangement of two, two and four cohorts, in all or in two strata."""
    frame = panel(2, EIGHT)
    found = randomisation_inference(
        frame,
        overall,
        unit="u",
        cohort="g",
        cluster="c",
        strata="s" if within else None,
        studentise=studentise,
    )
    # 8! / (2! 2! 4!) = 420; in strata a, c, e, g (3, 4, never, 4) and b, d, f, h (3 and 3 never)
    assert found.n_assignments == (12 * 4 if within else 420)
    assert found.exact
    expected = by_hand(frame, within=within, studentise=studentise)
    assert found.estimate.p_value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("studentise", [False, True])
def test_interval_ends_where_the_test_turns(studentise: bool) -> None:
    """The test by hand, on outcomes less tau, rejects just outside a bound and not just inside."""
    frame = panel(5, EIGHT)
    e = randomisation_inference(
        frame,
        overall,
        unit="u",
        cohort="g",
        cluster="c",
        strata="s",
        studentise=studentise,
        interval=True,
        time="t",
        outcome="y",
        level=0.9,
    ).estimate
    assert e.ci_low < e.value < e.ci_high
    for bound, outward in ((e.ci_low, -1), (e.ci_high, 1)):
        for distance, inside in ((-1e-4, True), (1e-4, False)):
            p = by_hand(frame, within=True, studentise=studentise, tau=bound + outward * distance)
            assert (p > 0.1) == inside


def test_units_take_their_cluster_along() -> None:
    """Partnerships keep size and cohort wherever they go; schools in none stay alone."""
    pairs, alone = panel(1, {"a": 3, "b": 4}), panel(1, dict.fromkeys("cdef"), units=1)
    shapes = set()

    def watch(assigned: pl.DataFrame) -> float:
        groups = assigned.unique("u").group_by("c").agg(pl.len(), pl.col("g").unique())
        shapes.add(tuple(sorted((n, str(g)) for _, n, g in groups.rows())))
        return overall(assigned).value

    found = randomisation_inference(
        pl.concat([pairs, alone]), watch, unit="u", cohort="g", cluster="c", assignment="units"
    )
    assert shapes == {(*[(1, "[None]")] * 4, (2, "[3]"), (2, "[4]"))}
    # Eight units; two in one partnership, two in another, four alone: 8! / (2! 2! 4!).
    assert found.n_assignments == 420
    assert found.exact


def test_random_draws_count_the_data_as_one() -> None:
    """With nothing as extreme among 99 draws the p-value is 1 / 100, and close to the exact one."""
    frame = cross_section([9.0 + i for i in range(10)], [float(i) / 10 for i in range(10)])
    found = randomisation_inference(frame, difference, unit="u", cohort="g", draws=99, seed=1)
    assert not found.exact
    assert found.estimate.p_value == pytest.approx(0.01)
    again = randomisation_inference(
        frame.sample(fraction=1.0, shuffle=True, seed=3),
        difference,
        unit="u",
        cohort="g",
        draws=99,
        seed=1,
    )
    assert again.estimate.p_value == found.estimate.p_value


def test_assignments_that_cannot_be_estimated_count_against_an_effect() -> None:
    """They are counted, and never make the p-value smaller."""

    def fragile(frame: pl.DataFrame) -> float:
        if frame.filter(pl.col("u") == 0)["g"][0] is None:
            raise EstimationError("unit 0 is needed")
        return difference(frame)

    frame = cross_section([5.0, 6.0, 7.0], [1.0, 2.0, 3.0])
    found = randomisation_inference(frame, fragile, unit="u", cohort="g")
    assert found.n_failed == 10
    assert found.estimate.p_value == pytest.approx(11 / 20)
    assert "10 assignments" in str(found)


def test_size_is_exact_without_an_effect() -> None:
    """400 draws of eight units, four of them treated: the share rejected is the possible one."""
    rng = np.random.default_rng(8)
    p = []
    for _ in range(400):
        y = rng.standard_t(2, size=8)
        frame = cross_section(y[:4].tolist(), y[4:].tolist())
        p.append(randomisation_inference(frame, difference, unit="u", cohort="g").estimate.p_value)
    # Two-sided p-values are multiples of 2/70, so the nearest below 0.1 is 6/70.
    share = np.mean(np.array(p) <= 0.1)
    assert share == pytest.approx(6 / 70, abs=4 * math.sqrt(6 / 70 / 400))


MIXED = panel(1, {"a": 3, "b": None, "c": None}).with_columns(
    g=pl.when(pl.col("u") == "a1").then(4).otherwise("g")
)


@pytest.mark.parametrize(
    ("frame", "options", "error", "words"),
    [
        (MIXED, {"cluster": "c"}, DataError, "it differs within `c` a.*assignment='units'"),
        (MIXED, {"strata": "x"}, DataError, "`x`; there is no such column"),
        (MIXED, {"strata": "t"}, DataError, "it differs within `u` a0"),
        (MIXED, {"draws": 3, "assignment": "both"}, UsageError, "2 problems"),
        (MIXED, {"interval": True}, UsageError, "time and outcome"),
        (MIXED.with_columns(g=pl.lit(3)), {}, EstimationError, "one way only"),
        (MIXED.with_columns(c=pl.lit(None, pl.String)), {"cluster": "c"}, DataError, "empty"),
    ],
)
def test_what_cannot_be_assigned_is_an_error_in_words(
    frame: pl.DataFrame, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    """Every message names the column and the remedy."""
    with pytest.raises(error, match=words):
        randomisation_inference(frame, lambda f: 1.0, unit="u", cohort="g", **options)


def test_statistic_without_a_value_or_not_linear_is_refused() -> None:
    """No value in the data at all; an interval of a median."""
    frame = panel(1, EIGHT)
    with pytest.raises(EstimationError, match="no value in the data: too few"):
        randomisation_inference(
            frame, lambda f: Estimate(value=None, reason="too few"), unit="u", cohort="g"
        )

    def middle(f: pl.DataFrame) -> float:
        return f.filter(pl.col("t") >= pl.col("g"))["y"].median() ** 2

    with pytest.raises(EstimationError, match="linear in the outcome, and this one is not"):
        randomisation_inference(
            frame,
            middle,
            unit="u",
            cohort="g",
            draws=19,
            seed=1,
            interval=True,
            time="t",
            outcome="y",
        )
