"""Standardised values agree with plain loops over schools, and say what they are placed among."""

from __future__ import annotations

import datetime as dt
import math
import random

import polars as pl
import pytest

from impactkit.errors import UsageError
from impactkit.lineage import build_lineage
from impactkit.panel import build_panel, trace_rows, unaccounted_rows
from impactkit.panel.standardise import phases_of, scale_words, standardise


def schools(seed=1, *, phases=("Primary", "Secondary"), years=(2014, 2015), n=25, counted=True):
    """Return percentages of random schools, with ties, by year and phase."""
    draw = random.Random(seed)
    frame = pl.DataFrame(
        [
            {
                "school_key": f"{phase}{i}",
                "year": year,
                "phase": phase,
                "value": float(draw.randint(20, 60)),
                "denominator": draw.randint(5, 90),
            }
            for year in years
            for phase in phases
            for i in range(n)
        ]
    )
    return frame if counted else frame.drop("denominator")


def oracle(frame, how):
    """Standardise with plain loops: one school of one year and phase at a time."""
    found = []
    for row in frame.iter_rows(named=True):
        group = [
            other
            for other in frame.iter_rows(named=True)
            if (other["year"], other["phase"]) == (row["year"], row["phase"])
        ]

        def number(school):
            if how != "logit_z":
                return school["value"]
            n = school["denominator"]
            k = school["value"] / 100 * n
            return math.log((k + 0.5) / (n - k + 0.5))

        x = number(row)
        if how == "rank":
            below = sum(other["value"] < x for other in group)
            same = sum(other["value"] == x for other in group)
            found.append(100 * (below + same / 2) / len(group))
            continue
        weights = [other.get("denominator", 1) for other in group]
        total = sum(weights)
        mean = sum(w * number(s) for w, s in zip(weights, group, strict=True)) / total
        variance = (
            sum(w * (number(s) - mean) ** 2 for w, s in zip(weights, group, strict=True)) / total
        )
        found.append((x - mean) / math.sqrt(variance))
    return found


@pytest.mark.parametrize("how", ["z", "logit_z", "rank"])
@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_plain_loops(how, seed):
    """Within year and phase, weighted by pupils where pupils are known."""
    frame = schools(seed)
    assert standardise(frame, how)["value"].to_list() == pytest.approx(oracle(frame, how))


def test_without_pupils_every_school_weighs_the_same():
    """The oracle's weights are then one each."""
    frame = schools(counted=False)
    assert standardise(frame, "z")["value"].to_list() == pytest.approx(oracle(frame, "z"))


def test_pupils_of_some_rows_only_are_no_weights():
    """One row without a number of pupils, and no row is weighted: never two scales at once."""
    frame = schools().with_row_index("i")
    some = pl.when(pl.col("i") > 0).then("denominator")
    holed = frame.with_columns(denominator=some).drop("i")
    unweighted = oracle(schools(counted=False), "z")
    assert standardise(holed, "z")["value"].to_list() == pytest.approx(unweighted)


def test_numerators_are_used_as_they_are():
    """A rounded percentage says less than the count that it was made of."""
    frame = schools(phases=("Primary",), years=(2014,)).with_columns(numerator=pl.lit(3))
    counted = frame.with_columns(value=300 / pl.col("denominator"))
    found = standardise(frame, "logit_z")["value"].to_list()
    assert found == pytest.approx(standardise(counted.drop("numerator"), "logit_z")["value"])


def test_moving_and_stretching_a_year_changes_nothing():
    """What a new definition does to all schools alike is what standardisation takes out."""
    frame = schools()
    later = pl.col("year") == 2015
    moved = frame.with_columns(
        value=pl.when(later).then(pl.col("value") * 3 - 40).otherwise("value")
    )
    for how in ("z", "rank"):
        before, after = standardise(frame, how)["value"], standardise(moved, how)["value"]
        assert after.to_list() == pytest.approx(before.to_list())


def test_what_cannot_be_placed_says_why():
    """Too few schools, no spread, no pupils: a null with its reason, never a NaN."""
    few = schools(n=9, phases=("Special",))
    flat = schools(n=12, phases=("Nursery",)).with_columns(value=pl.lit(50.0))
    found = standardise(pl.concat([few, flat]), "z")
    assert found["value"].to_list() == [None] * found.height
    assert found.group_by("phase").agg(pl.col("why_not").unique()).sort("phase").rows() == [
        ("Nursery", ["no_spread"]),
        ("Special", ["few_to_standardise"]),
    ]
    holed = schools(phases=("Primary",), years=(2014,)).with_row_index("i")
    holed = holed.with_columns(denominator=pl.when(pl.col("i") > 0).then("denominator"))
    assert standardise(holed, "logit_z")["why_not"].to_list() == ["no_denominator", *[None] * 24]


def test_log_odds_without_any_pupils_are_refused():
    """The remedy names the way that needs none."""
    with pytest.raises(UsageError, match='Use standardise = "z"'):
        standardise(schools(counted=False), "logit_z")
    with pytest.raises(UsageError, match="expected one of z, logit_z, rank"):
        standardise(schools(), "sd")


def outcomes():
    """Return thirty schools; one suppressed value, and one school-year of two numbers."""
    draw = random.Random(4)
    return pl.DataFrame(
        [
            {"urn": 100_001 + i, "year": year, "value": draw.gauss(50, 10), "la_code": "936"}
            for i in range(30)
            for year in (2014, 2015)
        ]
    )


MEMBERS = pl.DataFrame(
    {
        "partnership_id": ["A", "A", "B", "B"],
        "urn": [100_001, 100_002, 100_003, 100_004],
        "joined": [dt.date(2014, 9, 1)] * 2 + [None, dt.date(2014, 9, 1)],
    }
)


def test_schools_are_placed_before_any_is_left_out_for_its_partnership():
    """A school whose date is not known leaves the panel, and stays in the distribution."""
    panel = build_panel(outcomes(), MEMBERS, build_lineage(None), measure="m", standardise="z")
    assert "100003" not in panel.frame["school_key"]
    everyone = outcomes().with_columns(pl.col("urn").cast(pl.String))
    spread = everyone.group_by("year").agg(
        mean=pl.col("value").mean(), sd=pl.col("value").std(ddof=0)
    )
    expected = (
        everyone.join(spread, on="year")
        .select("urn", "year", z=(pl.col("value") - pl.col("mean")) / pl.col("sd"))
        .filter(pl.col("urn") != "100003")
        .sort("urn", "year")
    )
    assert panel.frame["value"].to_list() == pytest.approx(expected["z"].to_list())
    assert panel.unit == "school SD"
    assert unaccounted_rows(panel) == 0


def test_rows_that_cannot_be_placed_are_counted_with_their_reason():
    """Nine schools of a phase are too few: eighteen rows, in the ledger of exclusions."""
    phases = pl.DataFrame(
        {
            "school_key": [str(100_001 + i) for i in range(30)],
            "phase": ["Special"] * 9 + ["Primary"] * 21,
        }
    )
    panel = build_panel(
        outcomes(), MEMBERS, build_lineage(None), measure="m", standardise="rank", phases=phases
    )
    [few] = [e for e in panel.exclusions if e.reason == "few_to_standardise"]
    assert (few.n_schools, few.n_rows) == (9, 18)
    assert panel.unit == "percentile points"
    assert unaccounted_rows(panel) == 0


def test_a_trace_keeps_what_was_published():
    """Beside the standardised value stands the one of the file."""
    traced = trace_rows(outcomes(), MEMBERS, build_lineage(None), measure="m", standardise="z")
    assert traced["published"].to_list() == pytest.approx(outcomes()["value"].to_list())


def test_the_words_name_the_distribution():
    """How many schools, of how many authorities; a school SD is called no effect size."""
    panel = build_panel(outcomes(), MEMBERS, build_lineage(None), measure="m", standardise="z")
    assert "(30 a year of 1 local authority), not weighted" in panel.scale
    assert "A school SD is no effect size" in panel.scale
    ranked = standardise(schools().with_columns(published=pl.col("value")), "rank")
    words = scale_words(ranked, "rank")
    assert "within the year and phase" in words
    assert "effect size" not in words
    assert "phase no file says" not in words
    some = pl.when(pl.col("phase") == "Primary").then("phase")
    other = pl.when(pl.col("school_key") == "Secondary0").then(pl.lit("Secondary")).otherwise(some)
    told = scale_words(ranked.with_columns(phase=other), "rank")
    assert "Schools whose phase no file says are placed among each other (24)." in told


def test_a_school_has_one_phase_for_all_its_years():
    """The register of schools comes first; else what the outcomes say of it in some year."""
    told = pl.DataFrame(
        {
            "school_key": ["a", "a", "b"],
            "year": [2018, 2019, 2019],
            "phase": [None, "Primary", None],
        }
    )
    assert phases_of({"outcomes": told}).rows() == [("a", "Primary")]
    register = pl.DataFrame({"school_key": ["a"], "phase": ["Secondary"]})
    assert phases_of({"outcomes": told, "schools": register}).rows() == [("a", "Secondary")]
    assert phases_of({}).height == 0
