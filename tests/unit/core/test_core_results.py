"""Results are plain data: saved, loaded and saved again they are the same, to the byte."""

from __future__ import annotations

import json
import math

import attrs
import polars as pl
import pytest

from impactkit.errors import InputError, Problem
from impactkit.results import (
    SCHEMA_VERSION,
    Chart,
    Column,
    Diagnostic,
    Disclosure,
    Estimate,
    Evaluation,
    Exclusion,
    MetricResult,
    Note,
    Provenance,
    RenderedSection,
    SourceFile,
    Table,
    Withheld,
    estimates_to_frame,
)

ESTIMATE = Estimate(
    metric="did.effect",
    estimand="ATT",
    measure="attainment",
    term="2",
    value=0.1 + 0.2,
    std_error=1e-17,
    ci_low=-1.0,
    ci_high=1.5,
    unit="points",
    n_schools=24,
    warnings=("few clusters",),
)

TABLE = Table(
    id="kept",
    title="Heads who stayed",
    columns=(
        Column(name="level", kind="dimension", label="Level"),
        Column(name="stayed", kind="count", of="people", digits=0),
        Column(name="share", kind="share", numerator="stayed", denominator="all"),
        Column(name="sure", kind="text"),
    ),
    rows=(("head", 12, 0.5, True), ("deputy", None, None, False)),
    totals={"level": "all"},
    sums=(("all", ("stayed", "left")),),
    marks={(1, "stayed"): "c", (1, "share"): "z"},
)


@pytest.fixture
def full():
    """Return an evaluation with something in every field."""
    return Evaluation(
        title="Fédérations in “two” counties",
        study={"design": {"years": (2011, 2019), "outcome": ("attainment",)}, "seed": 7},
        results=(
            MetricResult(
                metric="did.effect",
                title="Effect",
                estimates=(ESTIMATE, Estimate(status="not_estimable", reason="nobody joined")),
                tables=(TABLE,),
                charts=(Chart(id="es", kind="event_study", title="Event study", reference=0.0),),
                notes=(Note(text="{n} of {m} stayed", values={"n": 7, "m": 12.5, "who": "x"}),),
                diagnostics=(Diagnostic(name="pre-trend", value=1.5, p_value=0.2, passed=True),),
                exclusions=(Exclusion(reason="closed", text="It closed.", n_schools=2),),
                params={"levels": ["head"], "horizon": 3},
                card={"definition": "What", "caveats": ["one"]},
                plugin="did",
                content_hash="ab",
                cpu_seconds=1.25,
            ),
            MetricResult(metric="kent.size", status="skipped", reason="it lacks x", local=True),
        ),
        exclusions={"schools": {"attainment": 777}},
        excluded=(Exclusion(reason="doubled", text="Twice.", n_rows=3, treated=1),),
        measures=({"id": "attainment", "break_years": (2016,), "low": None},),
        tables=(TABLE,),
        sections=(
            RenderedSection(id="s", title="S", plugin="kent", notes=(Note(text="Plain"),)),
        ),
        problems=(Problem(code="row.short", file="a.csv", row=3, severity="note", count=4),),
        warnings=("mind the gap",),
        plugins=({"name": "core", "status": "loaded"},),
        provenance=Provenance(
            impactkit="0.1.0",
            python="3.11.7",
            packages={"polars": "2.1.0"},
            sources=(
                SourceFile(
                    path="a.csv", table="outcomes", reader="r.x", sha256="ff", bytes=9,
                    set_aside={"no URN": 2},
                ),
            ),
            seed=7,
        ),
        disclosure=Disclosure(
            profile="dfe-school",
            threshold=5,
            withheld=(Withheld(metric="m.x", table="kept", cells=2, reason="few people"),),
        ),
    )  # fmt: skip


def test_loading_what_was_saved_gives_the_same_evaluation(full, tmp_path):
    """Marks, values of notes, nested tuples and missing values among it; times are left out."""
    path = tmp_path / "evaluation.json"
    path.write_text(full.to_json(), encoding="utf-8")
    again = Evaluation.load(path)
    assert again.to_json() == full.to_json()
    assert again.results == full.results
    assert again.tables == full.tables
    assert again.tables[0].marks == {(1, "stayed"): "c", (1, "share"): "z"}
    assert again.tables[0].rows == TABLE.rows
    assert again.results[0].notes[0].values == {"n": 7, "m": 12.5, "who": "x"}
    assert again.results[0].cpu_seconds is None
    for field in attrs.fields(Evaluation):
        if field.name not in ("study", "measures"):  # JSON has lists where Python had tuples
            assert getattr(again, field.name) == getattr(full, field.name), field.name


def test_numbers_keep_their_kind_and_every_digit(full, tmp_path):
    """A whole number does not become 12.0, nor true 1, nor 0.30000000000000004 0.3."""
    path = tmp_path / "evaluation.json"
    path.write_text(full.to_json(), encoding="utf-8")
    again = Evaluation.load(path)
    assert again.estimates[0].value == 0.30000000000000004
    for before, after in zip(TABLE.rows, again.tables[0].rows, strict=True):
        assert [type(cell) for cell in before] == [type(cell) for cell in after]
    values = again.results[0].notes[0].values
    assert [type(values[name]) for name in ("n", "m", "who")] == [int, float, str]


@pytest.mark.parametrize("where", [".", "release", "release/evaluation.json"])
def test_an_evaluation_is_found_from_any_of_its_folders(where, full, tmp_path):
    """OUT, OUT/release and the file itself are all the same to a user."""
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "evaluation.json").write_text(full.to_json(), encoding="utf-8")
    assert Evaluation.load(tmp_path / where).title == full.title


def test_json_has_sorted_keys_and_no_nan(full):
    """The same evaluation has the same bytes, and any parser can read them."""
    text = full.to_json()
    plain = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert list(plain) == sorted(plain)
    odd = attrs.evolve(
        full, exclusions={"b": {"x": math.nan, "y": math.inf}, "a": {"z": -math.inf}}
    )
    told = json.loads(odd.to_json(), parse_constant=lambda name: pytest.fail(name))["exclusions"]
    assert told == {"a": {"z": None}, "b": {"x": None, "y": None}}


def test_the_order_of_a_mapping_or_a_set_is_not_in_the_bytes(full):
    """Two dictionaries that are equal are written alike."""
    one = attrs.evolve(full, study={"a": 1, "b": {"y", "x"}})
    two = attrs.evolve(full, study={"b": {"x", "y"}, "a": 1})
    assert one.to_json() == two.to_json()
    assert json.loads(one.to_json())["study"] == {"a": 1, "b": ["x", "y"]}


def test_times_are_in_neither_the_bytes_nor_the_comparison(full):
    """Two runs of the same inputs differ in nothing else."""
    slow = attrs.evolve(
        full, results=tuple(attrs.evolve(r, cpu_seconds=99.0) for r in full.results)
    )
    assert slow == full
    assert slow.to_json() == full.to_json()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "evaluation.missing"),
        ("", "evaluation.broken"),
        ("[1]", "evaluation.broken"),
        ("null", "evaluation.broken"),
        ("{}", "evaluation.broken"),
        ('{"title": "x", "results": 3}', "evaluation.broken"),
        ('{"title": "x", "tables": [{"id": "t"}]}', "evaluation.broken"),
        ('{"title": "x", "schema_version": "new"}', "evaluation.broken"),
        ("[" * 100_000, "evaluation.broken"),
        (f'{{"title": "x", "schema_version": {SCHEMA_VERSION + 1}}}', "evaluation.newer"),
    ],
)
def test_what_is_no_evaluation_is_refused_with_a_remedy(content, code, tmp_path):
    """Missing, cut short, of another kind, or from the future: one problem each, no traceback."""
    path = tmp_path / "evaluation.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        Evaluation.load(path)
    (problem,) = raised.value.problems
    assert problem.code == code
    assert problem.remedy


def test_bytes_that_are_no_text_are_no_evaluation(tmp_path):
    """A workbook that was renamed, say."""
    (tmp_path / "evaluation.json").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(InputError, match="not a complete evaluation"):
        Evaluation.load(tmp_path)


def test_fields_that_a_later_version_adds_are_passed_over(full, tmp_path):
    """The schema version rises only when meaning changes."""
    plain = json.loads(full.to_json())
    plain["weather"] = "fine"
    (tmp_path / "evaluation.json").write_text(json.dumps(plain), encoding="utf-8")
    assert Evaluation.load(tmp_path).to_json() == full.to_json()


def test_a_metric_is_found_by_its_id(full):
    """And an unknown one names those that there are."""
    assert full["kent.size"].status == "skipped"
    with pytest.raises(KeyError, match=r"no metric 'kent\.sise'.*did\.effect, kent\.size"):
        full["kent.sise"]
    with pytest.raises(KeyError, match="it has none"):
        Evaluation(title="empty")["a.b"]


# --- estimates ------------------------------------------------------------------------------------


NAME = "ATT attainment 2"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, f"{NAME}: 0.3 [-1, 1.5] points"),
        ({"estimand": "", "measure": ""}, "did.effect 2: 0.3 [-1, 1.5] points"),
        ({"ci_low": None, "reason": "too few"}, f"{NAME}: 0.3 (no interval: too few) points"),
        ({"status": "not_estimable", "reason": "why"}, f"{NAME}: not estimable (why)"),
        ({"value": None, "unit": ""}, f"{NAME}: none [-1, 1.5]"),
    ],
)
def test_an_estimate_prints_with_its_interval_or_the_reason_for_none(changes, text):
    """A number never stands alone."""
    assert str(attrs.evolve(ESTIMATE, **changes)) == text


def test_a_frame_of_estimates_has_the_fields_in_order_and_their_types():
    """With no estimate at all it has the same columns."""
    frame = estimates_to_frame([ESTIMATE, Estimate()])
    empty = estimates_to_frame([])
    assert frame.columns == [field.name for field in attrs.fields(Estimate)]
    assert empty.schema == frame.schema
    types = {"value": pl.Float64, "n_schools": pl.Int64, "planned": pl.Boolean, "unit": pl.String}
    assert {name: frame.schema[name] for name in types} == types
    assert frame.schema["warnings"] == pl.List(pl.String)
    assert frame["value"].to_list() == [0.1 + 0.2, None]
    assert frame["warnings"].to_list() == [["few clusters"], []]


def test_an_evaluation_gathers_the_estimates_of_all_metrics(full):
    """In the order of the metrics."""
    assert [e.status for e in full.estimates] == ["ok", "not_estimable"]
    assert full.to_frame().height == 2
    assert full.results[0].to_frame().equals(full.to_frame())


# --- tables and notes -----------------------------------------------------------------------------


def test_a_table_refuses_rows_of_another_width():
    """The row is named, not the error of a library."""
    with pytest.raises(ValueError, match="table kept: row 1 has 3 cells, not 4"):
        attrs.evolve(TABLE, rows=(TABLE.rows[0], (1, 2, 3)))


def test_a_table_becomes_a_frame_with_nulls_for_what_is_withheld():
    """Also without a row."""
    frame = TABLE.to_frame()
    assert frame["stayed"].to_list() == [12, None]
    assert attrs.evolve(TABLE, rows=()).to_frame().columns == ["level", "stayed", "share", "sure"]


def test_a_table_keeps_what_it_was_given():
    """Lists that are changed later change nothing in it."""
    rows = [["a", 1, 0.5, True]]
    table = attrs.evolve(TABLE, rows=rows, marks={})
    rows[0][1] = 99
    assert table.rows == (("a", 1, 0.5, True),)


def test_a_note_puts_its_values_into_the_text():
    """Without values braces are braces."""
    assert str(Note(text="{n} of {m} stayed", values={"n": 7, "m": 12})) == "7 of 12 stayed"
    assert str(Note(text="as {they} say")) == "as {they} say"
