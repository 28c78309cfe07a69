"""Placebos in time and space and leave-one-out, on data whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from impactkit.errors import EstimationError, UsageError
from impactkit.estimators.imputation import imputation
from impactkit.estimators.placebo import leave_one_out, placebo_in_space, placebo_in_time
from impactkit.estimators.synthetic_did import synthetic_did
from impactkit.results import Estimate

SMOKING = (
    Path(__file__).resolve().parents[2] / ".." / "shared" / "reference" / "data"
) / "california_prop99.csv"

NAMES: dict[str, Any] = {"unit": "unit", "time": "time", "cohort": "cohort", "outcome": "y"}


def panel(drift: float = 0.0, treated: int = 20) -> pl.DataFrame:
    """Return 60 units over eight periods: effect 2, and a trend of the treated of `drift`."""
    rng = np.random.default_rng(3)
    n, T = 60, 8
    unit, time = np.repeat(np.arange(n), T), np.tile(np.arange(1, T + 1), n)
    chosen = unit < treated
    cohort = [int(6 + u % 2) if c else None for u, c in zip(unit, chosen, strict=True)]
    start = np.array([99 if g is None else g for g in cohort])
    y = rng.normal(size=n)[unit] + 0.3 * time + drift * time * chosen + 2.0 * (time >= start)
    return pl.DataFrame(
        {
            "unit": unit,
            "time": time,
            "cohort": pl.Series(cohort, dtype=pl.Int64),
            "y": y + 0.2 * rng.normal(size=n * T),
            "partnership": [f"P{u % 5}" if c else None for u, c in zip(unit, chosen, strict=True)],
        }
    )


def effect(frame: pl.DataFrame) -> Estimate:
    """Return the average effect by imputation."""
    return imputation(frame, **NAMES).aggregate("simple").overall


def test_a_placebo_in_time_finds_a_drift_and_nothing_else() -> None:
    """Without drift the interval holds zero; with one the placebo is about drift x lag."""
    quiet = placebo_in_time(panel(), effect, time="time", cohort="cohort", lead=2)
    assert quiet.diagnostic.passed is True
    assert abs(quiet.placebos[0].value or 9) < 0.2
    assert quiet.real.value == pytest.approx(2, abs=0.2)
    loud = placebo_in_time(panel(drift=0.5), effect, time="time", cohort="cohort", lead=2)
    assert loud.diagnostic.passed is False
    # The imputed mean of the earlier periods lies (T0 + 1) / 2 before: 3.5 to 4 here, less a half.
    assert 1.0 < (loud.placebos[0].value or 0) < 2.5


def test_rows_under_treatment_take_no_part_in_a_placebo_in_time() -> None:
    """Whatever happens after treatment leaves the placebo as it is."""
    frame = panel()
    spoiled = frame.with_columns(
        y=pl.when(pl.col("time") >= pl.col("cohort")).then(1e6).otherwise("y")
    )
    plain, other = (
        placebo_in_time(f, effect, time="time", cohort="cohort", lead=1) for f in (frame, spoiled)
    )
    assert plain.placebos[0].value == other.placebos[0].value


def test_a_placebo_in_space_ranks_the_estimate() -> None:
    """A real effect is farther out than any of 49 draws: p is 1/50; draws repeat with the seed."""
    found = placebo_in_space(panel(), effect, unit="unit", cohort="cohort", replications=49, seed=4)
    assert found.p_value == pytest.approx(1 / 50)
    assert len(found.to_frame()) == 49
    again = placebo_in_space(panel(), effect, unit="unit", cohort="cohort", replications=49, seed=4)
    assert [e.value for e in again.placebos] == [e.value for e in found.placebos]
    spread = np.std([e.value for e in found.placebos])
    assert 0 < spread < 0.3


def test_p_values_of_no_effect_are_uniform() -> None:
    """Under random assignment and no effect a p-value of 0.1 or less comes once in ten."""
    rng = np.random.default_rng(5)
    hits, runs = 0, 400
    for seed in range(runs):
        frame = pl.DataFrame(
            {
                "unit": range(30),
                "cohort": pl.Series([2] * 5 + [None] * 25, dtype=pl.Int64),
                "gain": rng.normal(size=30),
            }
        )

        def difference(f: pl.DataFrame) -> Estimate:
            treated = pl.col("cohort").is_not_null()
            means = f.group_by(treated.alias("t")).agg(pl.col("gain").mean()).sort("t")["gain"]
            return Estimate(value=means[1] - means[0])

        # Units never treated alone play: the real five are in none of the draws.
        p = placebo_in_space(
            frame, difference, unit="unit", cohort="cohort", replications=19, seed=seed
        ).p_value
        hits += p is not None and p <= 0.1
    assert 0.05 < hits / runs < 0.17


@pytest.mark.skipif(not SMOKING.is_file(), reason="the data are not here (../shared/reference)")
def test_one_treated_unit_is_compared_with_each_other_once() -> None:
    """California against 38 states: nothing is drawn, and few placebos are as far from zero."""
    frame = pl.read_csv(SMOKING, separator=";").with_columns(
        cohort=pl.when(pl.col("State") == "California").then(1989)
    )

    def sdid(f: pl.DataFrame) -> Estimate:
        return synthetic_did(
            f,
            unit="State",
            time="Year",
            cohort="cohort",
            outcome="PacksPerCapita",
            variance="none",
            solver="exact",
        ).overall

    found = placebo_in_space(frame, sdid, unit="State", cohort="cohort")
    assert found.exact
    assert len(found.placebos) == 38
    far = sum(abs(e.value or 0) >= abs(found.real.value or 0) for e in found.placebos)
    assert found.p_value == pytest.approx((1 + far) / 39)
    assert {e.term for e in found.placebos} == set(frame["State"].unique()) - {"California"}


def test_leaving_out_finds_the_partnership_that_carries_the_result() -> None:
    """One partnership with a huge effect is named; the estimate without it is the others'."""
    frame = panel().with_columns(
        y=pl.col("y")
        + 30.0
        * ((pl.col("partnership") == "P3") & (pl.col("time") >= pl.col("cohort"))).fill_null(False)
    )
    found = leave_one_out(frame, effect, group="partnership")
    assert found.most == "P3"
    without = next(e for e in found.terms if e.term == "P3")
    assert without.value == pytest.approx(2, abs=0.2)
    assert [e.term for e in found.terms] == ["P0", "P1", "P2", "P3", "P4"]
    direct = effect(frame.filter(pl.col("partnership").is_null() | (pl.col("partnership") != "P1")))
    assert found.terms[1].value == direct.value
    assert "P3" in str(found)


def test_what_cannot_be_estimated_is_said_and_counted() -> None:
    """Too early a date, too few units and too few groups have their reasons."""
    some = placebo_in_time(panel(), effect, time="time", cohort="cohort", lead=5)
    assert "50 rows of units treated too early were left out" in str(some)
    early = placebo_in_time(panel(), effect, time="time", cohort="cohort", lead=7)
    assert early.placebos[0].status == "not_estimable"
    assert "No placebo" in str(early)
    with pytest.raises(EstimationError, match="20 units are never treated, and 40 are treated"):
        placebo_in_space(panel(treated=40), effect, unit="unit", cohort="cohort")
    with pytest.raises(EstimationError, match="1 group"):
        leave_one_out(panel().with_columns(partnership=pl.lit("P")), effect, group="partnership")
    with pytest.raises(UsageError, match="lead"):
        placebo_in_time(panel(), effect, time="time", cohort="cohort", lead=0)
