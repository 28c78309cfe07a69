"""M24 to M28: chains, purposes, help and distance; planted differences are found again."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest

from impactkit import Chart, Estimate, Exclusion, MetricContext, Note, Table, context
from impactkit.synthetic import county
from impactkit_claims.distance import BY_KM, GOWER, KM
from impactkit_claims.intensity import BY_DOSE, BY_TYPE, CRUDE, SLOPE
from impactkit_claims.pairs import pairs
from impactkit_claims.purpose import BY_GRADE, BY_PURPOSE, CONTRAST
from impactkit_claims.structure import BY, DIFFERENCE, RATIO

SEEDS = range(1, 7)
ALL = (BY_PURPOSE, "all")
LEADS = (CONTRAST.format(one="category support", other="mutual development"), "")
SLOPE, CRUDE = SLOPE.format(unit="days"), CRUDE.format(unit="days")


@cache
def made(seed: int, **moderators: float):
    """Return a county with an effect of four points, chosen by lot, that depends on something."""
    return county(
        seed=seed,
        n_schools=400,
        effect=4.0,
        selection="random",
        pairs=0.4,
        moderators=moderators,
    )


def held(on, name, estimand, truth, **moderators):
    """Count in how many of six counties the interval holds what was planted."""
    found = [on.estimates(on.parts(name, made(seed, **moderators)))[estimand] for seed in SEEDS]
    return sum(on.holds(estimate, truth) for estimate in found)


@pytest.mark.parametrize(("chain", "difference"), [(1.5, 2.0), (1.0, 0.0)])
def test_what_chains_gain_more_is_recovered(on, chain, difference):
    """Half as much again, or nothing: five of six intervals or more."""
    assert held(on, "chains_vs_pairs", (DIFFERENCE, ""), difference, chain=chain) >= 5


def test_the_ratio_of_chains_has_fieller_s_interval_or_a_reason(on):
    """Above its standard errors it is the one effect over the other."""
    kinds = set()
    for seed in SEEDS:
        found = on.estimates(on.parts("chains_vs_pairs", made(seed, chain=1.5)))
        ratio, chain, pair = found[RATIO, ""], found[BY, "chain"], found[BY, "pair"]
        kinds.add(ratio.status)
        if abs(pair.value) >= 3 * pair.std_error and ratio.status == "ok":
            assert ratio.value == pytest.approx(chain.value / pair.value)
            assert ratio.ci_low < ratio.value < ratio.ci_high
        else:
            assert ratio.status == "not_estimable"
    assert "ok" in kinds


def test_a_contrast_is_the_difference_of_its_groups(on):
    """With the covariance of the comparison schools that they share."""
    found = on.estimates(on.parts("chains_vs_pairs", made(1, chain=1.5)))
    contrast, chain, pair = found[DIFFERENCE, ""], found[BY, "chain"], found[BY, "pair"]
    assert contrast.value == pytest.approx(chain.value - pair.value)
    assert contrast.std_error <= np.hypot(chain.std_error, pair.std_error) + 1e-9
    assert contrast.n_schools == chain.n_schools + pair.n_schools


@pytest.mark.parametrize("name", ["chains_vs_pairs", "purpose", "distance_dissimilarity"])
def test_schools_in_several_partnerships_count_with_the_first_and_are_told(on, name):
    """Joining another later changes no figure but the note; without such schools there is none."""
    here = made(1)
    members = here.tables["memberships"]
    clients = members.filter(pl.col("role") == "client").sort("joined", "school_key")
    again = clients.head(3).with_columns(
        partnership_id=pl.lit(clients["partnership_id"][-1]), joined=pl.date(2018, 9, 1)
    )

    def notes(found):
        return [p for p in found if isinstance(p, Note) and "several partnerships" in p.text]

    assert not notes(on.parts(name, here))
    found = on.parts(name, here, tables={"memberships": pl.concat([members, again])})
    [told] = notes(found)
    assert told.values["n"] == 3


def test_one_pair_has_no_interval_and_says_why(on):
    """Nobody can see how much pairs vary by looking at one."""
    here = made(1, chain=1.5)
    kinds = here.tables["partnerships"]
    first = kinds.filter(pl.col("structure") == "pair")["partnership_id"][0]
    one = pl.when((pl.col("structure") == "pair") & (pl.col("partnership_id") != first))
    tables = {
        "partnerships": kinds.with_columns(structure=one.then(pl.lit("sig")).otherwise("structure"))
    }
    found = on.estimates(on.parts("chains_vs_pairs", here, tables=tables))
    lost = {key: e.reason for key, e in found.items() if e.status != "ok"}
    assert set(lost) == {(DIFFERENCE, ""), (BY, "pair")}
    assert all("1 partnership" in reason for reason in lost.values())
    # What can be told of the others is told.
    assert {key for key in found if key not in lost} >= {(BY, "chain"), (BY, "sig")}


@pytest.mark.parametrize(
    ("purpose", "truth"),
    [("category support", 8.0), ("ri support", 4.0), ("mutual development", 0)],
)
def test_effects_by_purpose_are_recovered(on, purpose, truth):
    """Twice as much, as much, and nothing: five of six intervals or more each."""
    asked = {"category_support": 2.0, "mutual_development": 0.0}
    assert held(on, "purpose", (BY_PURPOSE, purpose), truth, **asked) >= 5


def test_what_one_purpose_brought_more_is_recovered(on):
    """Eight points for one, none for the other: five of six intervals or more."""
    asked = {"category_support": 2.0, "mutual_development": 0.0}
    assert held(on, "purpose", LEADS, 8.0, **asked) >= 5


def test_unlike_purposes_are_told_apart_and_like_ones_are_not(on):
    """The joint test rejects in each of six counties where they differ, rarely where not."""
    name = "effect equal for all purposes"
    asked = {"category_support": 2.0, "mutual_development": 0.0}
    apart = [on.diagnostics(on.parts("purpose", made(s, **asked)))[name].p_value for s in SEEDS]
    alike = [on.diagnostics(on.parts("purpose", made(s)))[name].p_value for s in SEEDS]
    assert max(apart) < 0.05
    assert sum(p < 0.05 for p in alike) <= 1


def test_purposes_have_adjusted_p_values_and_grades_are_beside(on):
    """Benjamini and Hochberg's, never below the p-value; a contrast leads."""
    found = on.estimates(on.parts("purpose", made(1)))
    by = [e for (name, term), e in found.items() if name == BY_PURPOSE and term != "all"]
    assert all(e.p_adjusted >= e.p_value for e in by)
    assert next(iter(found)) == LEADS
    assert any(estimand == BY_GRADE for estimand, _ in found)
    whole = found[ALL]
    assert whole.value == pytest.approx(
        sum(e.value * e.n_schools for e in by) / sum(e.n_schools for e in by)
    )


def test_without_grades_purposes_are_compared_with_everybody(on):
    """The table of grades is optional."""
    tables = dict(made(1).tables)
    del tables["school_years"]
    found = on.estimates(on.parts("purpose", tables=tables))
    assert not any(estimand == BY_GRADE for estimand, _ in found)
    assert found[ALL].status == "ok"


@pytest.mark.parametrize(("dose", "slope"), [(0.5, 2.0), (0.0, 0.0)])
def test_the_slope_on_help_is_recovered(on, dose, slope):
    """Half the effect for ten days, or nothing: five of six intervals or more."""
    assert held(on, "intensity", (SLOPE, ""), slope, dose=dose) >= 5


def test_help_by_amount_and_kind(on):
    """Three parts in order, each kind of help, and the trend over the parts."""
    found = on.parts("intensity", made(1, dose=0.5))
    told = on.estimates(found)
    parts = [term for estimand, term in told if estimand == BY_DOSE]
    assert parts == ["least", "middle", "most"]
    assert told[BY_DOSE, "least"].value < told[BY_DOSE, "most"].value
    assert {term for estimand, term in told if estimand == BY_TYPE} >= {
        "executive head",
        "peer review",
    }
    assert on.diagnostics(found)["monotone trend over amounts of help"].p_value < 0.05
    assert told[CRUDE, ""].n_schools >= told[SLOPE, ""].n_schools


def test_help_in_another_unit_is_counted_and_not_mixed(on):
    """Hours are not days: those schools have no amount of help."""
    here = made(1, dose=0.5)
    hours = here.tables["interventions"].with_columns(
        dose_unit=pl.when(pl.int_range(pl.len()) % 2 == 0)
        .then(pl.lit("hours"))
        .otherwise("dose_unit")
    )
    found = on.parts("intensity", here, tables={"interventions": hours})
    lost = {p.reason: p for p in found if isinstance(p, Exclusion)}
    assert lost["claims.no_dose"].n_schools > 0
    # A school may have help in days beside it, so the pieces are counted too.
    assert lost["claims.other_unit"].n_rows == (hours["dose_unit"] == "hours").sum()


@pytest.mark.parametrize(("km", "slope"), [(0.5, 2.0), (0.0, 0.0)])
def test_the_slope_on_distance_is_recovered(on, km, slope):
    """Half the effect for ten kilometres, or nothing: five of six intervals or more."""
    assert held(on, "distance_dissimilarity", (KM, ""), slope, km=km) >= 5


def test_distance_has_thirds_and_an_equivalence_test(on):
    """Near, middle and far; whether a slope that matters is ruled out."""
    found = on.parts("distance_dissimilarity", made(1, km=0.5))
    told = on.estimates(found)
    assert [term for estimand, term in told if estimand == BY_KM] == ["near", "middle", "far"]
    assert told[GOWER, ""].status == "ok"
    none = on.diagnostics(found)["slope on distance as good as none"]
    assert none.passed is None
    wide = on.parts("distance_dissimilarity", made(1, km=0.5), params={"margin_sd": 9.0})
    assert on.diagnostics(wide)["slope on distance as good as none"].passed is True


def test_the_scatter_has_groups_of_five_schools_or_more_in_order_of_distance(on):
    """Distances rise from group to group; no school is in two or in none; the slope is seen."""
    found = on.parts("distance_dissimilarity", made(1, km=3.0))
    (chart,) = [p for p in found if isinstance(p, Chart) and p.kind == "scatter"]
    (table,) = [p for p in found if isinstance(p, Table) and p.id == chart.data]
    rows = table.to_frame()
    slope = on.estimates(found)[KM, ""]
    assert rows["km"].is_sorted()
    assert rows["schools"].min() >= 5
    assert rows["schools"].sum() == slope.n_schools
    assert rows.height == 10
    line = np.polyfit(rows["km"] / 10, rows["effect"], 1)[0]
    assert slope.ci_low < line < slope.ci_high
    lone = rows.filter(pl.col("partnerships") < 2)
    assert lone["effect"].null_count() == lone.height


def test_distance_and_dissimilarity_by_hand():
    """Three schools: one that supports, one near and alike, one far and unlike in half of it."""
    schools = pl.DataFrame(
        {
            "school_key": ["a", "b", "c"],
            "urn": [1, 2, 3],
            "easting": [400_000, 403_000, 400_000],
            "northing": [300_000, 304_000, 310_000],
            "pct_fsm6": [10.0, 10.0, 30.0],
            "phase": ["Primary", "Primary", "Secondary"],
            "urban_rural": ["Urban", "Urban", None],
            "religious_character": ["None", "None", "None"],
        }
    )
    members = pl.DataFrame(
        {
            "school_key": ["a", "b", "c"],
            "partnership_id": ["P", "P", "P"],
            "joined": [None] * 3,
            "role": ["supporter", "client", "client"],
        }
    )
    found = pairs(MetricContext(tables={"schools": schools, "memberships": members}))
    # c: free meals the whole range apart, another phase, the same faith, setting not known.
    assert found.rows() == [("b", "a", 5.0, 0.0), ("c", "a", 10.0, pytest.approx(2 / 3))]


def test_all_schools_together_are_the_effect_of_the_study(on):
    """Without strata the mean over schools is att_gt's group average, where nothing is missing."""
    here = county(
        seed=5,
        n_schools=200,
        effect=2.0,
        selection="random",
        closures=0,
        merges=0,
        conversions=0,
        suppress_below=0,
        not_submitted=0,
    )
    found = on.estimates(on.parts("purpose", here, params={"within_grade": False}))
    given = context(on.study(), "did.effect", tables=here.tables)
    theirs = given.fit("attainment").aggregate("group").overall
    assert found[ALL].value == pytest.approx(theirs.value, abs=1e-9)
    assert found[ALL].std_error == pytest.approx(theirs.std_error, rel=0.1)


@pytest.mark.parametrize(
    "name", ["chains_vs_pairs", "purpose", "intensity", "distance_dissimilarity"]
)
def test_nobody_and_few(on, name):
    """No school that joined is told as such; of one partnership there is no interval."""
    here = made(1)
    members = here.tables["memberships"]
    none = {"memberships": members.with_columns(joined=pl.date(2050, 9, 1))}
    assert {e.status for e in on.estimates(on.parts(name, here, tables=none)).values()} == {
        "not_estimable"
    }
    one = {"memberships": members.filter(pl.col("partnership_id") == members["partnership_id"][-1])}
    told = on.estimates(on.parts(name, here, tables=one)).values()
    assert {e.status for e in told} == {"not_estimable"}
    assert all(e.reason and e.value is None for e in told)


def test_an_outcome_that_cannot_be_estimated_leaves_the_others_be(on):
    """One measure without a value after joining beside one with them."""
    here = made(1)
    early = (pl.col("measure") != "overall_absence") | (pl.col("year") < 2014)
    tables = {"outcomes": here.tables["outcomes"].filter(early)}
    found = on.parts("purpose", here, tables=tables, outcome=["overall_absence", "attainment"])
    told = [part for part in found if isinstance(part, Estimate) and not part.term]
    assert {e.measure: e.status for e in told} == {
        "overall_absence": "not_estimable",
        "attainment": "ok",
    }
    assert {t.id for t in found if isinstance(t, Table)} == {
        "purpose_attainment",
        "grade_attainment",
    }
