"""did.effect: the study's design on each outcome, and what is said when nothing is found."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from impactkit import Design, Estimate, Study, evaluate

YEARS = range(2014, 2020)


def schools(n_pairs: int, effect: float) -> dict[str, pl.DataFrame]:
    """Return pairs of schools of which the first joins in 2016/17 and gains `effect` from then on.

    Within a pair both follow the same path, so the effect is exact: no noise is left in the
    difference of differences.
    """
    outcomes, memberships = [], []
    for pair in range(n_pairs):
        for joins in (True, False):
            urn = 100001 + 2 * pair + (not joins)
            for year in YEARS:
                path = 5.0 + 0.1 * pair + 0.3 * (year - 2014) + 0.2 * ((pair + year) % 3)
                value = path + effect * (joins and year >= 2017)
                outcomes.append(
                    {"urn": urn, "year": year, "measure": "overall_absence", "value": value}
                )
            if joins:
                memberships += [
                    {"partnership_id": f"p{pair}", "urn": member, "joined": dt.date(2016, 9, 1)}
                    for member in (urn, urn + 500_000)
                ]
    return {"outcomes": pl.DataFrame(outcomes), "memberships": pl.DataFrame(memberships)}


def run(tables: dict[str, pl.DataFrame], **params: Any) -> Any:
    """Evaluate did.effect on frames in memory."""
    study = Study(
        title="Pairs",
        design=Design(outcome="overall_absence", bootstrap=0),
        metrics={"did.effect": params},
    )
    return evaluate(study, tables=tables)["did.effect"]


def test_an_exact_effect_is_found_exactly() -> None:
    """With paired paths the ATT is the planted effect to rounding, and the pre-periods are zero."""
    result = run(schools(12, -0.75))
    assert result.status == "ok"
    headline = result.estimates[0]
    assert headline.value == pytest.approx(-0.75, abs=1e-9)
    assert headline.unit == "percentage points"
    assert (headline.n_schools, headline.n_comparison) == (12, 12)
    assert headline.n_treated_clusters == 12
    by_time = {e.term: e.value for e in result.estimates if e.estimand.startswith("ATT, event")}
    assert by_time["-2"] == pytest.approx(0, abs=1e-9)
    assert by_time["2"] == pytest.approx(-0.75, abs=1e-9)


def test_the_aggregations_asked_for_are_given_and_no_others() -> None:
    """`aggregations` and `cells` choose what is reported; the first leads."""
    result = run(schools(12, 1.0), aggregations=["dynamic"], cells=False)
    assert result.estimates[0].estimand == "ATT, mean over event times"
    assert {e.term for e in result.estimates if e.term} == {"-3", "-2", "-1", "0", "1", "2"}
    assert [chart.kind for chart in result.charts] == ["event_study"]


def test_no_school_that_joins_is_told_as_such() -> None:
    """Without a treated school in the panel the outcome is not estimable, with the remedy."""
    tables = schools(4, 0.0)
    early = tables["memberships"].with_columns(joined=pl.lit(dt.date(2030, 9, 1)))
    result = run({**tables, "memberships": early})
    (only,) = [e for e in result.estimates if e.measure == "overall_absence"]
    assert isinstance(only, Estimate)
    assert only.status == "not_estimable"
    assert only.value is None
    assert "treated" in only.reason


def test_few_partnerships_carry_a_warning() -> None:
    """With fewer than eight treated partnerships the interval is said to be too narrow."""
    result = run(schools(5, 1.0))
    assert any("too narrow" in w for w in result.estimates[0].warnings)
    (how,) = [d for d in result.diagnostics if d.name == "choice of inference"]
    assert how.value == "randomisation"
    assert how.p_value == result.estimates[0].p_value


def test_the_order_of_rows_does_not_matter() -> None:
    """Shuffled outcomes and memberships give the same estimates to the last bit of reason."""
    tables = schools(8, 0.5)
    shuffled = {k: v.sample(fraction=1, shuffle=True, seed=1) for k, v in tables.items()}
    first, second = run(tables), run(shuffled)
    for one, other in zip(first.estimates, second.estimates, strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-12)


def test_headlines_are_adjusted_for_the_number_of_tests() -> None:
    """Two outcomes are one family: Holm's p-values stand on the headlines, and only there."""
    one = schools(12, 0.3)["outcomes"]
    noise = (pl.col("urn") * 7919 % 11 - 5) * (pl.col("year") % 3) / 40
    one = one.with_columns(value=pl.col("value") + noise)
    two = one.with_columns(measure=pl.lit("teachers"), value=pl.col("value") * 2 - noise)
    tables = {**schools(12, 0.3), "outcomes": pl.concat([one, two])}
    study = Study(
        title="Two outcomes",
        design=Design(outcome=["overall_absence", "teachers"], bootstrap=0),
        metrics={"did.effect": {"aggregations": ["group"]}},
    )
    found = [e for e in evaluate(study, tables=tables)["did.effect"].estimates if e.p_adjusted]
    assert [e.measure for e in found] == ["overall_absence", "teachers"]
    low, high = sorted(e.p_value for e in found)
    assert min(e.p_adjusted for e in found) == pytest.approx(min(1.0, 2 * low))
    assert max(e.p_adjusted for e in found) == pytest.approx(min(1.0, max(2 * low, high)))
