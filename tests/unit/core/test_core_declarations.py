"""What plugins hand over is checked where it is written."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from impactkit.declarations import (
    ColumnSpec,
    DisclosureProfile,
    Head,
    Metric,
    Needs,
    Reader,
    ReadResult,
    TableSpec,
    load_code,
    problems_of,
)
from impactkit.errors import Problem


def test_code_is_a_callable_or_its_name():
    """A callable is itself, and a name is imported when it is needed."""
    assert load_code(len) is len
    assert load_code("impactkit.errors:did_you_mean")("a", []) == "There are none."


@pytest.mark.parametrize(
    ("code", "error", "told"),
    [
        ("math.sqrt", ValueError, "write 'package.module:attribute'"),
        ("math:pi", TypeError, "'math:pi' is not callable"),
        ("math:square_root", AttributeError, "square_root"),
        ("no_such_module:f", ModuleNotFoundError, "no_such_module"),
    ],
)
def test_a_name_that_leads_nowhere_says_where(code, error, told):
    """The text that was written stands in the message."""
    with pytest.raises(error, match=told):
        load_code(code)


@pytest.mark.parametrize("cls", [Metric, Reader])
@pytest.mark.parametrize(
    "name", ["late", "Kent.late", "kent.late.x", "kent.", ".late", "9.a", "a-b.c", "a.b c"]
)
def test_an_id_is_a_plugin_and_a_name(cls, name):
    """`plugin.name`, lower case: it becomes a key of TOML and a part of paths."""
    given = {"compute": len} if cls is Metric else {"table": "t", "recognise": len, "read": len}
    assert cls(id="kent.late_2", title="Late", **given).id == "kent.late_2"
    with pytest.raises(ValueError, match="id"):
        cls(id=name, title="Late", **given)


def test_a_metric_knows_its_plugin_and_can_be_called():
    """As a notebook would."""
    metric = Metric(id="kent.late", title="Late", compute=lambda context: context + 1)
    assert metric.plugin == "kent"
    assert metric(1) == 2


@pytest.mark.parametrize("direction", ["up", "", "Higher"])
def test_a_metric_says_which_way_is_better_in_our_words(direction):
    """Another word would be drawn as neither."""
    with pytest.raises(ValueError, match="direction"):
        Metric(id="kent.late", title="Late", compute=len, direction=direction)


def test_needs_take_any_iterable_of_columns():
    """And keep it."""
    needs = Needs(tables={"outcomes": (c for c in ("urn", "value"))}, measures=["m"])
    assert needs.tables == {"outcomes": ("urn", "value")}
    assert needs.measures == ("m",)


def test_a_table_finds_its_column_by_name():
    """KeyError with the name otherwise."""
    spec = TableSpec(
        name="t", columns=[ColumnSpec(name="urn"), ColumnSpec(name="year", dtype="int")]
    )
    assert spec.column("year").dtype == "int"
    with pytest.raises(KeyError, match="colour"):
        spec.column("colour")


@pytest.mark.parametrize("field", ["threshold", "min_people", "round_to"])
def test_a_disclosure_profile_protects_somebody(field):
    """A threshold of nought would protect nobody."""
    with pytest.raises(ValueError, match=field):
        DisclosureProfile(id="x", title="X", **{field: 0})


def test_a_head_has_columns_whatever_their_case():
    """The Department changes the case of headers from year to year."""
    head = Head(path=Path("a.csv"), columns=["URN", "Name"], rows=[("1", "A")])
    assert head.has("urn", "NAME")
    assert not head.has("urn", "la")
    assert head.has()


def test_declarations_are_frozen():
    """A plugin cannot change what another one declared."""
    spec = TableSpec(name="t", columns=())
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        spec.register = False


def test_problems_of_several_reads_stay_in_order():
    """File by file."""
    one, two = Problem(code="a"), Problem(code="b")
    results = [ReadResult(frame=None, table="t", problems=[p]) for p in (two, one)]
    assert problems_of(results) == [two, one]
