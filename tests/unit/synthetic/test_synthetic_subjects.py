"""Subjects and the expected standard of a full county: what was planted can be found again."""

from __future__ import annotations

import polars as pl
import pytest

from impactkit.errors import UsageError
from impactkit.synthetic import county

EFFECT = {"mathematics": 6.0, "english": 2.0, "expected_standard": 8.0, "fsm6_gap": -9.0}
PLAIN = {"selection": "random", "conversions": 0.0, "closures": 0.0, "merges": 0}


@pytest.fixture(scope="module")
def here():
    """Draw a large full county with strong effects."""
    return county(n_schools=1200, effect=EFFECT, full=True, suppress_below=0, **PLAIN)


def before_and_after(here, measure, subgroup="all"):
    """Return how much treated schools changed beyond the others, school by school and in years."""
    cohorts = here.truth.potential.select("school_key", "cohort").unique()
    rows = (
        here.tables["outcomes"]
        .filter(measure=measure, subgroup=subgroup)
        .join(cohorts, on="school_key")
    )
    year = rows.filter(pl.col("cohort").is_null()).group_by("year").agg(pl.col("value").mean())
    treated = rows.filter(pl.col("cohort").is_not_null()).join(year, on="year", suffix="_others")
    gain = pl.col("value") - pl.col("value_others")
    after = pl.col("year") >= pl.col("cohort")
    return (
        treated.group_by("school_key")
        .agg(gain.filter(after).mean().alias("after"), gain.filter(~after).mean().alias("before"))
        .with_columns(change=pl.col("after") - pl.col("before"))
    )


def test_specialists_move_mathematics_and_ripple_into_english(here):
    """Where there is one; elsewhere nothing, although the school is in a partnership."""
    specialists = here.tables["interventions"].filter(type="specialist_teacher")["school_key"]
    for subject in ("mathematics", "english"):
        found = before_and_after(here, subject)
        inside = pl.col("school_key").is_in(specialists.implode())
        assert found.filter(inside)["change"].mean() == pytest.approx(EFFECT[subject], abs=0.7)
        assert found.filter(~inside)["change"].mean() == pytest.approx(0, abs=0.7)
        assert here.truth.planted[f"subjects.{subject}_effect"] == EFFECT[subject]


def test_the_expected_standard_rises_and_the_gap_narrows(here):
    """Each by what was planted, within what binomial counts allow."""
    gains = before_and_after(here, "expected_standard")["change"]
    assert gains.mean() == pytest.approx(8.0, abs=1.2)
    poor = before_and_after(here, "expected_standard", "fsm6").drop_nulls()
    others = before_and_after(here, "expected_standard", "non_fsm6").drop_nulls()
    assert others["change"].mean() - poor["change"].mean() == pytest.approx(-9.0, abs=3.0)


def test_the_groups_add_up_and_the_percentage_is_that_of_the_counts(here):
    """Pupils with and without free meals are all pupils."""
    rows = here.tables["outcomes"].filter(measure="expected_standard", status="ok")
    wide = rows.pivot("subgroup", index=["school_key", "year"], values=["numerator", "denominator"])
    for name in ("numerator", "denominator"):
        both = wide[f"{name}_fsm6"] + wide[f"{name}_non_fsm6"]
        assert (both == wide[f"{name}_all"]).drop_nulls().all()
    share = 100 * rows["numerator"] / rows["denominator"]
    assert (share - rows["value"]).abs().max() < 1e-9


def test_the_rest_of_the_county_is_the_same_with_and_without():
    """Parts draw from streams of their own."""
    plain, full = county(n_schools=80), county(n_schools=80, full=True)
    for name, frame in plain.tables.items():
        if name == "outcomes":
            own = full.tables[name].filter(pl.col("measure").is_in(frame["measure"].unique()))
            assert own.select(frame.columns).equals(frame)
        else:  # parts add rows below and columns at the right, and change nothing
            own = full.tables[name].select(frame.columns).head(frame.height)
            assert own.equals(frame), name


def test_effects_on_subjects_need_a_full_county():
    """The message says what may be planted."""
    with pytest.raises(UsageError, match="mathematics"):
        county(effect={"mathematics": 1.0})
