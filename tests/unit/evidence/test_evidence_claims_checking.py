"""A claim held to data: when there is a ratio, and what the sentence says."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from impactkit import Design, Study, check_claim
from impactkit.errors import UsageError
from impactkit.evidence.checking import Figure, check, improvement_rates, sentence
from impactkit.evidence.claims import read_claim
from impactkit.evidence.improvement import improvement
from impactkit.inference.intervals import fieller
from impactkit.metrics import Panel
from impactkit.synthetic import county

CLAIM = "improved three to four times faster"


def frame(trend: float, effect: float, noise: float = 1.0, seed: int = 1) -> pl.DataFrame:
    """Return sixty schools of six years; ten partnerships of two join in the fifth, by lot."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(60):
        joins = 2014 if i < 20 else None
        cluster = f"P{i // 2}" if joins else f"school:{i}"
        level = rng.normal(50, 5)
        for t in range(6):
            value = level + trend * t + rng.normal(0, noise) + (effect if joins and t >= 4 else 0)
            rows.append((f"{i:02d}", 2010 + t, value, joins, cluster))
    names = ["school_key", "year", "value", "cohort", "cluster"]
    return pl.DataFrame(rows, schema=names, orient="row")


def panel(*given, unit: str = "percent", **options) -> Panel:
    """Return the same as a panel of percentages."""
    return Panel(frame=frame(*given, **options), measure="ks2", unit=unit)


def test_the_ratio_is_fieller_s_of_two_separate_changes():
    """One mean change over the other, with no covariance and Student's t of the partnerships."""
    found = improvement(frame(2.0, 6.0))
    rates = improvement_rates(found)
    joined, elsewhere = rates.joined, rates.elsewhere
    df = found.n_clusters - 1
    bounds = fieller(
        joined.value,
        elsewhere.value,
        joined.std_error**2,
        elsewhere.std_error**2,
        df=df,
    )
    assert rates.ratio.value == pytest.approx(joined.value / elsewhere.value)
    assert (rates.ratio.ci_low, rates.ratio.ci_high) == pytest.approx(bounds)
    changes = found.schools["change"].to_numpy()
    by_pair = found.schools.group_by("cluster").agg(pl.col("change").mean())["change"]
    assert joined.value == pytest.approx(changes.mean())
    # Equal partnerships: the jackknife is the spread of their means.
    assert joined.std_error == pytest.approx(by_pair.std() / np.sqrt(10))


@pytest.mark.parametrize("trend", [0.0, 0.2])
def test_no_ratio_where_the_change_elsewhere_may_be_nothing(trend):
    """Then the difference stands alone, and the reason has the figures."""
    rates = improvement_rates(improvement(frame(trend, 3.0)))
    assert rates.ratio is None
    assert "too little" in rates.why_no_ratio
    assert rates.difference.ci_low > 0


def test_the_three_standard_errors_bind_where_the_interval_does_not():
    """A change elsewhere of 2.5 standard errors differs from zero, and is no denominator."""
    found = improvement(frame(0.0, 3.0))
    expected = found.schools["expected"]
    error = float(found.regress(of="expected").std_errors[0])
    shift = 2.5 * error - expected.mean()
    moved = frame(0.0, 3.0).with_columns(
        value=pl.col("value") + pl.when(pl.col("year") >= 2014).then(shift).otherwise(0.0)
    )
    rates = improvement_rates(improvement(moved))
    assert not rates.elsewhere.nothing
    assert rates.ratio is None


def test_a_ratio_says_what_fits_and_what_would_have_come_anyway():
    """The sentence has the ratio, its interval, the claim in numbers, and what is left."""
    found = check(read_claim(CLAIM), panel(2.0, 6.0), {}, unit="percentage points")
    assert found.rates.ratio is not None
    assert found.ratio_by_reliability is not None
    assert "times as much" in found.sentence
    assert "“3 to 4 times”" in found.sentence
    assert "without joining" in found.sentence
    assert "may be nothing" not in found.sentence


def test_no_effect_is_said_to_be_nothing_clear():
    """Chosen by lot and not helped: what is left may be nothing."""
    found = check(read_claim("doubled"), panel(2.0, 0.0), {}, unit="percentage points")
    assert "does not bear out “2 times”" in found.sentence
    assert "that may be nothing" in found.sentence


def test_a_difference_is_held_to_the_difference():
    """Eight points of an effect of six are outside the interval, six are inside."""
    for claimed, words in (("8", "does not bear out"), ("6", "does not rule out")):
        claim = read_claim(f"rose by {claimed} percentage points")
        found = check(claim, panel(2.0, 6.0), {}, unit="percentage points")
        assert words in found.sentence


def test_percentage_points_of_something_else_are_refused():
    """A test score has points, and no percentage points."""
    with pytest.raises(UsageError, match="percentage points are of percentages only"):
        check(read_claim("by 8 percentage points"), panel(2.0, 6.0), {}, unit="points")


def test_another_comparator_is_noted():
    """Other programmes are not schools elsewhere, and no figure of ours is about them."""
    claim = read_claim("improved up to four times faster than other programmes")
    notes = check(claim, panel(2.0, 6.0), {}, unit="percentage points").notes
    assert any("other programmes" in note and "nothing of anybody else" in note for note in notes)


def test_without_history_the_sentence_says_that_nobody_knows():
    """Two years before are too few to tell recovery from effect."""
    short = Panel(frame=frame(2.0, 6.0).filter(pl.col("year") > 2011), measure="ks2", unit="")
    found = check(read_claim(CLAIM), short, {}, unit="")
    assert found.recovery is None
    assert "cannot be told from these years" in found.sentence
    assert any(note.startswith("Recovery could not be worked out") for note in found.notes)


def test_open_ranges_meet_intervals():
    """The words up to and at least leave one end open."""
    figure = Figure(value=2.0, ci_low=1.0, ci_high=3.0)
    assert figure.inside(None, 1.5)
    assert not figure.inside(None, 0.5)
    assert figure.inside(2.5, None)
    assert not figure.inside(3.5, None)
    assert not Figure(value=2.0).inside(0.0, 4.0)


def test_minus_nothing_is_nothing():
    """No number is written as minus zero, and minus is the sign and not a hyphen."""
    rates = improvement_rates(improvement(frame(2.0, -6.0)))
    text = sentence(read_claim("doubled"), rates, None, "points")
    assert "−" in text
    assert "-" not in text


def test_a_study_with_no_effect_and_chosen_schools_is_seen_through():
    """The county's worst, not helped: a large difference, and nothing left of it."""
    made = county(seed=3, effect=0.0, selection="worst")
    design = Design(outcome="attainment", treated="role in ['client', 'peer']")
    found = check_claim(CLAIM, Study(title="x", design=design), tables=made.tables)
    assert found.rates.difference.ci_low > 0
    assert found.recovery.excess.ci_low < 0 < found.recovery.excess.ci_high
    assert "may be nothing" in found.sentence
    with pytest.raises(UsageError, match="attainment"):
        check_claim(CLAIM, Study(title="x", design=design), measure="attainmnt", tables=made.tables)
