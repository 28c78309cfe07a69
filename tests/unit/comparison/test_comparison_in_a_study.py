"""A study says whom it compares with: triggers and exclusions reach every panel, counted."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from impactkit import Design, Study, context, default_registry, evaluate
from impactkit.errors import InputError, StudyError
from impactkit.pipeline.compared import _register
from impactkit.results import Evaluation

YEARS = range(2010, 2017)


def _tables(n: int = 12) -> dict[str, pl.DataFrame]:
    """Return 4 treated schools (joined in 2013/14), then others, on a line 2 km apart.

    Grades: treated and the next four have grade 4 in 2014, the rest have grade 2 in every year.
    """
    urns = [100001 + i for i in range(n)]
    outcomes = pl.DataFrame(
        [
            (urn, year, 50.0 + i % 3 + (5.0 if i < 4 and year >= 2014 else 0.0) + 0.1 * (year % 2))
            for i, urn in enumerate(urns)
            for year in YEARS
        ],
        schema=["urn", "year", "value"],
        orient="row",
    ).with_columns(measure=pl.lit("overall_absence"), subgroup=pl.lit("all"))
    members = [(f"P{i // 2}", urns[i], dt.date(2013, 9, 1), None) for i in range(4)]
    # Two of the others were partners until just before; two joined long after.
    members += [("Q", urns[i], dt.date(2005, 9, 1), dt.date(2008, 7, 1)) for i in (4, 5)]
    memberships = pl.DataFrame(
        members, schema=["partnership_id", "urn", "joined", "left"], orient="row"
    ).with_columns(role=pl.lit("peer"))
    years = pl.DataFrame(
        [
            (urn, year, 4 if i < 8 and year == 2014 else 2)
            for i, urn in enumerate(urns)
            for year in YEARS
        ],
        schema=["urn", "year", "ofsted_grade"],
        orient="row",
    )
    schools = pl.DataFrame(
        {
            "urn": urns,
            "easting": [400_000 + 2_000 * i for i in range(n)],
            "northing": [300_000] * n,
            "trust_uid": ["T1" if i in (0, 6) else None for i in range(n)],
            "phase": ["Primary"] * n,
        }
    )
    return {
        "outcomes": outcomes,
        "memberships": memberships,
        "school_years": years,
        "schools": schools,
    }


def _evaluated(tables: dict[str, pl.DataFrame] | None = None, **design: Any) -> Evaluation:
    plain = {
        "study": {"title": "T"},
        "design": {
            "outcome": "overall_absence",
            "treated": "partnership_id in ['P0', 'P1']",
            "bootstrap": 0,
            "randomisation": 0,
            **design,
        },
        "metrics": {"did.effect": {}},
    }
    given = _tables() if tables is None else tables
    return evaluate(Study.parse(plain), tables=given, registry=default_registry())


def _left_out(evaluation: Evaluation) -> dict[str, int | None]:
    return {e.reason: e.n_schools for e in evaluation.excluded if e.stage == "comparison"}


def _schools(evaluation: Evaluation) -> tuple[int, int]:
    counts = evaluation.exclusions
    return (
        counts["panel_treated"]["overall_absence"],
        counts["panel_never_treated"]["overall_absence"],
    )


def test_same_trigger_compares_with_schools_of_the_same_grade_in_the_same_year() -> None:
    """Eight schools had grade 4 in 2014, four of them joined: the other four are the comparison."""
    found = _evaluated(
        comparison="same_trigger", trigger={"condition": "ofsted_grade >= 3", "exact": ["phase"]}
    )
    assert _schools(found) == (4, 4)
    assert _left_out(found) == {"not_triggered": 4}
    assert found.estimates[0].n_comparison == 4


def test_results_at_the_time_can_be_the_trigger() -> None:
    """Results of a year count in the next; the condition may be on the value or on its rank."""
    by_value = _evaluated(
        comparison="same_trigger",
        trigger={"measure": "overall_absence", "condition": "value < 51", "within": 0},
    )
    # Of twelve schools those with i % 3 == 0 stay below 51: treated 0 and 3, comparison 6 and 9.
    assert _schools(by_value) == (2, 2)
    assert _left_out(by_value) == {"no_trigger": 2, "not_triggered": 6}
    by_rank = _evaluated(
        comparison="same_trigger",
        trigger={"measure": "overall_absence", "condition": "rank <= 0.2", "within": 0},
    )
    assert _schools(by_rank) == (2, 2)


@pytest.mark.parametrize(
    ("word", "reason", "n"),
    [
        ("memberships", "membership", 2),
        ("same_trust", "same_trust", 1),
        ("near", "near", 2),
    ],
)
def test_contaminated_schools_are_left_out_and_counted(word: str, reason: str, n: int) -> None:
    """Past partners within three years, one school of a treated trust, two within 5 km."""
    found = _evaluated(exclude=[word])
    assert _left_out(found) == {reason: n}
    assert _schools(found) == (4, 8 - n)


def test_the_past_of_helpers_is_there_unless_nobody_looked_whether_it_is_contaminated() -> None:
    """A supporter's years before it helped; distance and trust are asked of comparison schools."""
    tables = _tables()
    helps = tables["memberships"][:1].with_columns(
        urn=pl.lit(100012, pl.Int64), role=pl.lit("supporter")
    )
    tables["memberships"] = pl.concat([tables["memberships"], helps])

    def beside(**design: Any) -> pl.DataFrame | None:
        study = Study(
            title="T", design=Design(outcome="overall_absence", treated="role == 'peer'", **design)
        )
        return context(study, "did.effect", tables=tables).panel("overall_absence").beside

    for design in ({}, {"exclude": ("memberships",)}):
        found = beside(**design)
        assert found is not None
        assert found.select("school_key", "year").rows() == [
            ("100012", y) for y in range(2010, 2014)
        ]
    assert beside(exclude=("near",)) is None
    assert beside(exclude=("memberships", "same_trust")) is None


def test_years_and_distance_are_the_studys_own() -> None:
    """Partners who left in 2008 are clear of a study from 2010 with a year's margin; 9 km: four."""
    assert _left_out(_evaluated(exclude=["memberships"], exclude_years=1)) == {}
    assert _left_out(_evaluated(exclude=["near"], exclude_km=9.0)) == {"near": 4}


def test_exclusions_come_before_the_trigger_so_that_weights_stay_true() -> None:
    """Of four with the trigger two are near and one shares a trust: one is left, worth four."""
    found = _evaluated(
        comparison="same_trigger",
        trigger={"condition": "ofsted_grade == 4"},
        exclude=["near", "same_trust"],
    )
    assert _left_out(found) == {"near": 2, "same_trust": 1, "not_triggered": 4}
    assert _schools(found) == (4, 1)


def test_nobody_left_costs_the_measure_and_says_why() -> None:
    """With every other school within reach there is no estimate, and a warning has the counts."""
    found = _evaluated(exclude=["near"], exclude_km=900.0)
    (estimate,) = found["did.effect"].estimates
    assert estimate.status == "not_estimable"
    assert any("Nobody is left to compare with" in w and "8 schools" in w for w in found.warnings)


def test_columns_that_are_missing_are_told_with_the_file_that_brings_them() -> None:
    """Without coordinates, trusts and grades, one message has all of it, and the remedies."""
    tables = _tables()
    del tables["schools"], tables["school_years"]
    with pytest.raises(InputError) as raised:
        _evaluated(
            tables,
            comparison="same_trigger",
            trigger={"condition": "ofsted_grade >= 3"},
            exclude=["near", "same_trust"],
        )
    told = str(raised.value)
    for column in ("easting", "northing", "trust_uid", "ofsted_grade"):
        assert f"'{column}'" in told
    assert "edubasealldata" in told


def test_a_measure_that_no_row_has_is_told_before_the_run() -> None:
    """The trigger's measure is looked for in the outcomes, like the outcomes themselves."""
    with pytest.raises(InputError, match=r"design\.trigger\.measure"):
        _evaluated(
            comparison="same_trigger",
            trigger={"measure": "overal_absence", "condition": "value < 51"},
        )


@pytest.mark.parametrize(
    ("design", "told"),
    [
        ({"comparison": "same_trigger"}, "design.trigger"),
        ({"trigger": {"condition": "ofsted_grade == 4"}}, "no other comparison"),
        ({"comparison": "same_trigger", "trigger": {}}, "design.trigger.condition"),
        (
            {"comparison": "same_trigger", "trigger": {"condition": "grade >"}},
            "design.trigger.condition",
        ),
        ({"exclude": ["nearby"]}, "expected some of"),
        ({"mergers": "join"}, "expected one of apart, exclude, combine"),
        ({"as_of": "yesterday"}, "a day such as 2024-03-29"),
    ],
)
def test_faulty_keys_are_told(design: dict[str, Any], told: str) -> None:
    """Each key that a study can get wrong has its message."""
    with pytest.raises(StudyError, match=told):
        Study.parse({"study": {"title": "T"}, "design": design})


def test_with_near_schools_left_out_both_results_are_shown() -> None:
    """The table has the main result and the one with neighbours, with the schools behind each."""
    found = _evaluated(exclude=["near"])
    (table,) = [t for t in found.tables if t.id == "neighbours_overall_absence"]
    assert [(row[0], *row[4:]) for row in table.rows] == [
        ("Without schools within 5 km of one that joined", 4, 6),
        ("With them", 4, 8),
    ]
    assert table.rows[0][1] == pytest.approx(found.estimates[0].value)
    plain = _evaluated()
    assert table.rows[1][1] == pytest.approx(plain.estimates[0].value)
    assert not [t for t in plain.tables if t.id.startswith("neighbours")]


def test_a_blank_place_is_that_of_the_number_before() -> None:
    """A new number takes over the site: a blank in its row does not lose where the school is."""
    rows = pl.DataFrame(
        [
            ("a", 0, 400_000, 300_000, "T1", "801"),
            ("a", 1, None, 310_000, None, None),
            ("b", 1, 1, 2, None, "802"),
            ("b", 0, 3, 4, "T2", "803"),
            ("c", 0, 5, None, None, None),
            (None, 0, 9, 9, "T9", "809"),
        ],
        schema=["school_key", "chain_position", "easting", "northing", "trust_uid", "la_code"],
        orient="row",
    )
    assert sorted(_register({"schools": rows}).rows()) == [
        ("a", 400_000, 300_000, None, "801"),
        ("b", 1, 2, None, "802"),
        ("c", None, None, None, None),
    ]
    assert _register({}).columns == ["school_key"]
