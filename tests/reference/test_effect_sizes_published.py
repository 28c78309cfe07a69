"""Effect sizes, the ICC and months of progress against published numbers and plain loops."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit import effective_sample, newcombe
from impactkit.errors import DataError, EstimationError, UsageError
from impactkit.estimators import (
    cox_index,
    glass_delta,
    hedges_g,
    icc,
    icc_from_sums,
    months_of_progress,
    pupils_equivalent,
    risk_difference,
)


def with_moments(n: int, mean: float, sd: float) -> list[float]:
    """Return n numbers with exactly this mean and standard deviation."""
    raw = [math.sin(3 * i) for i in range(n)]
    centre, spread = statistics.mean(raw), statistics.stdev(raw)
    return [mean + sd * (x - centre) / spread for x in raw]


def arms(treated: list[float], others: list[float]) -> pl.DataFrame:
    """Return a pupil a row."""
    return pl.DataFrame(
        {"y": [*treated, *others], "taught": [1] * len(treated) + [0] * len(others)}
    )


BORENSTEIN = arms(with_moments(50, 103, 5.5), with_moments(50, 100, 4.5))


def test_hedges_g_of_borensteins_example() -> None:
    """Borenstein et al. (2009), "Introduction to meta-analysis", pp. 26-27: g 0.5924, SE 0.2028.

    Their variance has d^2/(2N) where ours has d^2/(2(N - 2)), which is 0.0002 larger in the error.
    """
    found = hedges_g(BORENSTEIN, outcome="y", treated="taught")
    assert found.estimate.value == pytest.approx(0.5924, abs=5e-5)
    assert found.sd == pytest.approx(5.0249, abs=5e-5)
    assert found.estimate.std_error == pytest.approx(0.2028, abs=2.5e-4)
    assert found.estimate.n_people == 100
    assert any("independent" in w for w in found.warnings)


def test_glass_divides_by_the_comparison_arm() -> None:
    """3 points over 4.5, times 1 - 3/(4 x 49 - 1)."""
    found = glass_delta(BORENSTEIN, outcome="y", treated="taught")
    assert found.estimate.value == pytest.approx(3 / 4.5 * (1 - 3 / 195))
    expected = math.hypot(
        (1 - 3 / 195) * math.sqrt(5.5**2 / 50 + 4.5**2 / 50) / 4.5,
        found.estimate.value / math.sqrt(2 * 49),
    )
    assert found.estimate.std_error == pytest.approx(expected)


# Shrout & Fleiss (1979), Psychological Bulletin 86(2), table 2: six targets, four judges.
SHROUT = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_icc_of_shrout_and_fleiss() -> None:
    """ICC(1,1) is 0.17 (table 4); 95 % from -0.13 to 0.72 (R's psych: -0.1329, 0.7226)."""
    frame = pl.DataFrame(
        {
            "target": [t for t in range(6) for _ in range(4)],
            "rating": [x for row in SHROUT for x in row],
        }
    )
    e = icc(frame, outcome="rating", cluster="target").estimate
    assert e.value == pytest.approx(0.1657, abs=5e-5)
    assert (e.ci_low, e.ci_high) == pytest.approx((-0.1329, 0.7226), abs=5e-5)
    shifted = [[x - 5 for x in row] for row in SHROUT]
    sums = icc_from_sums(
        [4] * 6, [sum(r) for r in shifted], [sum(x * x for x in r) for r in shifted]
    ).estimate
    assert sums.value == pytest.approx(e.value)
    assert sums.ci_high == pytest.approx(e.ci_high)


def schools(
    seed: int, sizes: list[int], *, effect: float = 0.3, between: float = 0.4
) -> pl.DataFrame:
    """Return pupils of schools, the first half of them treated."""
    draw = random.Random(seed)
    rows = []
    for s, n in enumerate(sizes):
        taught = s < len(sizes) // 2
        level = draw.gauss(0, between)
        rows += [
            {
                "school": f"s{s}",
                "taught": taught,
                "y": 50 + effect * taught + level + draw.gauss(0, 1),
            }
            for _ in range(n)
        ]
    return pl.DataFrame(rows)


@pytest.mark.parametrize("sizes", [[12] * 10, [5, 9, 22, 14, 3, 8, 30, 11, 6, 17]])
def test_total_variance_is_that_of_loops(sizes: list[int]) -> None:
    """A one-way analysis of variance within arms, written out; its g, error and ICC."""
    frame = schools(3, sizes)
    groups: dict[tuple[bool, str], list[float]] = {}
    for school, taught, y in frame.rows():
        groups.setdefault((taught, school), []).append(y)
    N, J = sum(sizes), len(sizes)
    inside = sum(sum((y - statistics.mean(v)) ** 2 for y in v) for v in groups.values())
    outside, in_arm, means = 0.0, 0.0, {}
    for arm in (True, False):
        mine = [v for (taught, _), v in groups.items() if taught == arm]
        everyone = [y for v in mine for y in v]
        means[arm] = statistics.mean(everyone)
        outside += sum(len(v) * (statistics.mean(v) - means[arm]) ** 2 for v in mine)
        in_arm += sum(len(v) ** 2 for v in mine) / len(everyone)
    n0, msb, msw = (N - in_arm) / (J - 2), outside / (J - 2), inside / (N - J)
    b, w = (msb - msw) / n0, msw
    assert b > 0
    total = b + w
    df = total**2 / ((msb / n0) ** 2 / (J - 2) + ((n0 - 1) * msw / n0) ** 2 / (N - J))
    J_ = 1 - 3 / (4 * df - 1)
    found = hedges_g(frame, outcome="y", treated="taught", cluster="school")
    g = J_ * (means[True] - means[False]) / math.sqrt(total)
    assert found.estimate.value == pytest.approx(g)
    assert found.icc == pytest.approx(b / total)
    variance = 0.0
    for arm in (True, False):
        n = [len(v) for (taught, _), v in groups.items() if taught == arm]
        variance += w / sum(n) + b * sum(x * x for x in n) / sum(n) ** 2
    assert found.estimate.std_error == pytest.approx(
        math.sqrt(J_**2 * variance / total + g**2 / (2 * df))
    )


def test_balanced_schools_have_hedges_and_pustejovskys_formulas() -> None:
    """Hedges (2007), equation 15, from the pooled S_T and rho; Pustejovsky (2016) for df."""
    n, M = 12, 10
    frame = schools(4, [n] * M)
    N = n * M
    found = hedges_g(frame, outcome="y", treated="taught", cluster="school")
    a = frame.filter("taught")["y"]
    c = frame.filter(~pl.col("taught"))["y"]
    S_T = math.sqrt(((len(a) - 1) * a.var() + (len(c) - 1) * c.var()) / (N - 2))
    rho = found.icc
    d = (a.mean() - c.mean()) / S_T * math.sqrt(1 - 2 * (n - 1) * rho / (N - 2))
    df = n**2 * M * (M - 2) / (M * ((n - 1) * rho + 1) ** 2 + (M - 2) * (n - 1) * (1 - rho) ** 2)
    J = 1 - 3 / (4 * df - 1)
    assert found.estimate.value == pytest.approx(J * d)
    first = (4 / N) * (1 + (n - 1) * rho)
    assert found.estimate.std_error == pytest.approx(J * math.sqrt(first + d**2 / (2 * df)))


def test_intervals_cover_the_effect_in_pupils_standard_deviations() -> None:
    """600 trials of 2 x 10 schools, ICC 0.2: g is unbiased, its error right, 95 % coverage."""
    rng, found, covered = np.random.default_rng(6), [], 0
    truth = 0.4
    for _ in range(600):
        level = np.repeat(rng.normal(0, math.sqrt(0.2), 20), 15)
        taught = np.repeat(np.arange(20) < 10, 15)
        frame = pl.DataFrame(
            {
                "school": np.repeat(np.arange(20), 15),
                "taught": taught,
                "y": truth * taught + level + rng.normal(0, math.sqrt(0.8), 300),
            }
        )
        e = hedges_g(frame, outcome="y", treated="taught", cluster="school").estimate
        found.append((e.value, e.std_error))
        covered += e.ci_low <= truth <= e.ci_high
    g, error = np.array(found).T
    assert g.mean() == pytest.approx(truth, abs=4 * g.std() / math.sqrt(600))
    assert math.sqrt((error**2).mean()) == pytest.approx(g.std(), rel=0.12)
    assert covered / 600 == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 600))


def test_a_difference_from_a_model_is_divided_by_the_unconditional_spread() -> None:
    """The standard deviation stays that of the data."""
    plain = hedges_g(BORENSTEIN, outcome="y", treated="taught")
    model = hedges_g(BORENSTEIN, outcome="y", treated="taught", difference=1.5, std_error=0.5)
    assert model.sd == plain.sd
    assert model.estimate.value == pytest.approx(plain.estimate.value / 2)
    J = 1 - 3 / (4 * 98 - 1)
    assert model.estimate.std_error == pytest.approx(
        math.hypot(J * 0.5 / plain.sd, model.estimate.value / math.sqrt(2 * 98))
    )
    assert "from a model" in model.estimate.method


@pytest.mark.parametrize("measure", [hedges_g, glass_delta])
def test_effect_sizes_have_no_unit(measure: Callable[..., Any]) -> None:
    """Another scale and origin of the outcome, and another order of rows, change nothing."""
    frame = schools(5, [5, 9, 12, 7, 8, 6])
    one = measure(frame, outcome="y", treated="taught", cluster="school").estimate
    other = frame.with_columns(pl.col("y") * 1e3 + 1e6).sample(fraction=1.0, shuffle=True, seed=1)
    two = measure(other, outcome="y", treated="taught", cluster="school").estimate
    assert two.value == pytest.approx(one.value, rel=1e-9)
    assert two.ci_low == pytest.approx(one.ci_low, rel=1e-9)


def test_rows_that_are_schools_are_noticed() -> None:
    """The effect size is given, says that it compares with nothing, and has no months."""
    frame = arms(with_moments(20, 52, 4), with_moments(30, 50, 4)).with_row_index("school")
    for options in ({"cluster": "school"}, {"rows": "school"}):
        found = hedges_g(frame, outcome="y", treated="taught", **options)
        assert found.basis == "school"
        assert any("not comparable" in w for w in found.warnings)
        assert (found.estimate.n_schools, found.estimate.n_people) == (20, None)
        assert months_of_progress(found).months is None
        assert "spread of schools" in months_of_progress(found).reason


def passes(treated: tuple[int, int], others: tuple[int, int]) -> pl.DataFrame:
    """Return a pupil a row: passes of pupils by arm."""
    rows = [(1, int(i < treated[0])) for i in range(treated[1])]
    rows += [(0, int(i < others[0])) for i in range(others[1])]
    return pl.DataFrame(rows, schema=["taught", "passed"], orient="row")


def test_risk_difference_is_newcombes() -> None:
    """Newcombe (1998), table II, example (a): 56 of 70 against 48 of 80."""
    e = risk_difference(passes((56, 70), (48, 80)), outcome="passed", treated="taught").estimate
    assert e.value == pytest.approx(20)
    assert (e.ci_low, e.ci_high) == pytest.approx((5.24, 33.39), abs=5e-3)
    assert e.unit == "percentage points"


def test_cox_index_is_the_log_odds_ratio_over_1_65() -> None:
    """Odds of 4 and 1.5; the error is Woolf's over 1.65; the WWC's factor on request."""
    frame = passes((56, 70), (48, 80))
    e = cox_index(frame, outcome="passed", treated="taught").estimate
    assert e.value == pytest.approx(math.log(4 / 1.5) / 1.65)
    woolf = math.sqrt(1 / 56 + 1 / 14 + 1 / 48 + 1 / 32)
    assert e.std_error == pytest.approx(woolf / 1.65)
    assert e.ci_high - e.value == pytest.approx(1.959964 * woolf / 1.65, rel=1e-6)
    adjusted = cox_index(frame, outcome="passed", treated="taught", small_sample=True).estimate
    assert adjusted.value == pytest.approx(e.value * (1 - 3 / (4 * 150 - 9)))


def test_shares_of_pupils_in_schools_count_for_fewer() -> None:
    """Each arm's number is its effective one; too few schools change nothing and say so."""
    rng = np.random.default_rng(2)
    school = np.repeat(np.arange(30), 20)
    chance = np.repeat(rng.beta(3, 2, 30), 20)
    frame = pl.DataFrame(
        {"school": school, "taught": school < 15, "passed": (rng.random(600) < chance).astype(int)}
    )
    worth = []
    for arm in (True, False):
        by = frame.filter(pl.col("taught") == arm).group_by("school").agg(pl.col("passed").sum())
        worth.append(effective_sample(by["passed"].to_list(), [20] * 15))
    one, two = worth
    low, high = newcombe(one.share, one.n_effective, two.share, two.n_effective)
    e = risk_difference(frame, outcome="passed", treated="taught", cluster="school").estimate
    assert one.design_effect > 1.5
    assert (e.ci_low, e.ci_high) == pytest.approx((100 * low, 100 * high))
    few = frame.filter(pl.col("school") % 5 == 0)
    found = risk_difference(few, outcome="passed", treated="taught", cluster="school")
    assert any("3 treated and 3 comparison schools are too few" in w for w in found.warnings)


def test_odds_that_are_not_finite_are_not_estimable() -> None:
    """With the counts and the remedy; the risk difference has its interval all the same."""
    frame = passes((12, 12), (8, 15))
    e = cox_index(frame, outcome="passed", treated="taught").estimate
    assert (e.status, e.value) == ("not_estimable", None)
    assert "100% of 12 treated pupils" in e.reason
    assert "risk difference" in e.reason
    difference = risk_difference(frame, outcome="passed", treated="taught").estimate
    assert difference.std_error is None
    assert difference.ci_low > 0


# The Toolkit's table as published: months, effect size from, to.
TOOLKIT = [
    (0, -0.01, 0.01),
    (1, 0.02, 0.09),
    (2, 0.10, 0.18),
    (3, 0.19, 0.26),
    (4, 0.27, 0.35),
    (5, 0.36, 0.44),
    (6, 0.45, 0.52),
    (7, 0.53, 0.61),
    (8, 0.62, 0.69),
    (9, 0.70, 0.78),
    (10, 0.79, 0.87),
    (11, 0.88, 0.95),
    (12, 0.96, 1.00),
]
TRIAL = [(0, -0.04, 0.04), (1, 0.05, 0.09), *TOOLKIT[2:]]


@pytest.mark.parametrize(("table", "rows"), [("eef_toolkit_legacy", TOOLKIT), ("eef_trial", TRIAL)])
def test_months_are_those_of_the_table(table: Any, rows: list[tuple[int, float, float]]) -> None:
    """Both ends of every row, and below zero the mirror image."""
    for months, low, high in rows:
        for g in (low, high):
            assert months_of_progress(g, table=table).months == months
            assert months_of_progress(-g, table=table).months == -months


def test_months_are_read_at_two_digits() -> None:
    """0.185 is rounded up, whatever its binary fraction; a trial's 0.03 is no month (EEF 2019)."""
    assert months_of_progress(0.185).months == 3
    assert months_of_progress(0.1849).months == 2
    assert months_of_progress(0.03).months == 0
    assert months_of_progress(0.03, table="eef_toolkit_legacy").months == 1


def test_interval_is_converted_too() -> None:
    """The months of both ends; None beyond the table."""
    found = months_of_progress(hedges_g(BORENSTEIN, outcome="y", treated="taught"))
    # 0.59 from 0.19 to 0.99
    assert (found.months, found.low, found.high) == (7, 3, 12)
    assert str(found).startswith("+7 months of progress (interval: +3 to +12)")


@pytest.mark.parametrize(
    ("g", "options", "words"),
    [
        (0.3, {"outcome_kind": "perception"}, "this is perception"),
        (0.3, {"outcome_kind": "attendance"}, "this is attendance"),
        (0.3, {"level": "school"}, "spread of schools"),
        (1.2, {}, "the table ends at 1.00"),
        (
            risk_difference(passes((56, 70), (48, 80)), outcome="passed", treated="taught"),
            {},
            "percentage points",
        ),
    ],
)
def test_months_are_refused_where_they_mean_nothing(
    g: Any, options: dict[str, Any], words: str
) -> None:
    """No number, and the reason in a sentence."""
    found = months_of_progress(g, **options)
    assert found.months is None
    assert words in found.reason
    assert words in str(found)


def test_points_become_pupils() -> None:
    """Domain's example: eight points of fifty pupils are four; a loss is negative."""
    assert pupils_equivalent(8, 50) == 4
    assert pupils_equivalent(-2.5, 200) == -5


BAD = pl.DataFrame(
    {"y": [1.0, 2.0, 3.0, 4.0], "taught": [1, 1, 0, 2], "school": ["a", "b", "a", None]}
)
PAIR = pl.DataFrame({"y": [1.0, 2.0, 3.0, 4.0], "taught": [1, 1, 0, 0], "school": list("aabb")})


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: hedges_g(BAD, outcome="y", treated="taught", cluster="school"),
            DataError,
            "3 problems",
        ),
        (
            lambda: hedges_g(
                PAIR.with_columns(school=pl.lit("a")),
                outcome="y",
                treated="taught",
                cluster="school",
            ),
            DataError,
            r"both arms.*leave `cluster` out",
        ),
        (lambda: hedges_g(PAIR, outcome="z", treated="taught"), DataError, "no such column"),
        (lambda: hedges_g(PAIR, outcome="school", treated="taught"), DataError, "expected numbers"),
        (
            lambda: hedges_g(PAIR, outcome="y", treated="taught", cluster="school"),
            EstimationError,
            "1 treated and 1 comparison schools",
        ),
        (
            lambda: hedges_g(PAIR.head(3), outcome="y", treated="taught"),
            EstimationError,
            "too few people with an outcome: 1 comparison",
        ),
        (
            lambda: hedges_g(PAIR.with_columns(y=pl.lit(1.0)), outcome="y", treated="taught"),
            EstimationError,
            "do not vary",
        ),
        (
            lambda: hedges_g(PAIR, outcome="y", treated="taught", difference=1.0, level=95),
            UsageError,
            "2 problems",
        ),
        (lambda: risk_difference(PAIR, outcome="y", treated="taught"), DataError, "1 or 0"),
        (lambda: icc(PAIR.head(2), outcome="y", cluster="school"), EstimationError, "two schools"),
        (lambda: icc_from_sums([2, 0], [1, 2], [1, 2]), UsageError, "one pupil or more"),
        (lambda: icc_from_sums([2, 2], [2, 4], [2, 8]), EstimationError, "do not differ at all"),
        (lambda: months_of_progress(0.3, table="eef"), UsageError, "eef_trial"),
        (lambda: months_of_progress(float("nan")), UsageError, "finite number"),
        (lambda: pupils_equivalent(120, 0), UsageError, "2 problems"),
    ],
)
def test_what_makes_no_sense_is_an_error_in_words(
    call: Callable[[], Any], error: type[Exception], words: str
) -> None:
    """Each message names the column or argument, or the counts."""
    with pytest.raises(error, match=words):
        call()


def test_missing_outcomes_are_counted() -> None:
    """Rows without an outcome or an arm."""
    frame = pl.concat(
        [BORENSTEIN, pl.DataFrame({"y": [None, float("nan"), 3.0], "taught": [1, 0, None]})],
        how="vertical_relaxed",
    )
    found = hedges_g(frame, outcome="y", treated="taught")
    assert [(x.text, x.n_rows) for x in found.exclusions] == [
        ("no value of y", 2),
        ("no value of taught", 1),
    ]
    assert found.estimate.value == pytest.approx(0.5924, abs=5e-5)
