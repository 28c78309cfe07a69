"""Parameters from a study file reach a metric as they were written, or not at all."""

from __future__ import annotations

from typing import Literal

import attrs
import pytest

from impactkit.pipeline.params import structure


@attrs.frozen
class Params:
    """Every kind of parameter that our metrics have."""

    horizon: int = 3
    share: float = 0.5
    levels: tuple[str, ...] = ("head",)
    years: tuple[int, ...] = ()
    strict: bool = False
    kind: Literal["all", "new"] = "all"
    label: str | None = None
    areas: tuple[str, ...] | None = None


@attrs.frozen
class Required:
    """One that has no default, and one that is checked."""

    level: str
    size: int = attrs.field(default=1, validator=attrs.validators.ge(1))


def made(values, cls=Params):
    """Return the object and the problems."""
    return structure(cls, values, file="study.toml", where='metrics."kent.late"')


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"horizon": 5},
        {"share": 1},
        {"share": 0.25, "strict": True},
        {"kind": "new", "label": "x"},
    ],
)
def test_values_of_the_right_kind_are_taken(values):
    """A whole number is a number, too; the rest keeps its default."""
    params, problems = made(values)
    assert problems == []
    assert params == Params(**values)


def test_lists_become_tuples():
    """TOML has lists, frozen parameters have tuples."""
    params, problems = made({"levels": ["head", "sbm"], "years": [2018]})
    assert problems == []
    assert params.levels == ("head", "sbm")
    assert params.years == (2018,)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("horizon", 1.9, "a whole number"),
        ("horizon", "3", "a whole number"),
        ("horizon", True, "a whole number"),
        ("share", "half", "a number"),
        ("share", True, "a number"),
        ("levels", [1], "a list"),
        ("levels", 3, "a list"),
        ("years", ["2018"], "a list of whole numbers"),
        ("strict", 1, "true or false"),
        ("kind", "old", "one of 'all', 'new'"),
    ],
)
def test_nothing_is_coerced(key, value, words):
    """1.9 does not become 1, nor "3" 3, nor true 1: the problem says what was expected."""
    params, (problem,) = made({key: value})
    assert params is None
    assert problem.column == f'metrics."kent.late".{key}'
    assert problem.value == str(value)
    assert words in problem.rule
    assert words in problem.remedy


@pytest.mark.parametrize("key", ["levels", "areas"])
def test_a_text_for_a_list_of_texts_is_refused(key):
    """`levels = "head"` would become h, e, a, d."""
    params, (problem,) = made({key: "head"})
    assert params is None
    assert "a list" in problem.remedy


def test_every_fault_is_found_at_once():
    """Unknown, wrong and missing together."""
    params, problems = made({"levl": "head", "size": "big"}, Required)
    assert params is None
    assert [p.column.rpartition(".")[2] for p in problems] == ["levl", "level", "size"]
    assert "Did you mean 'level'?" in problems[0].remedy
    assert "required" in problems[1].rule


def test_a_validator_of_the_class_is_heard():
    """In its own words."""
    params, (problem,) = made({"level": "head", "size": 0}, Required)
    assert params is None
    assert "size" in problem.rule


def test_a_metric_without_parameters_takes_none():
    """And names those that it was given."""
    assert made({}, None) == (None, [])
    params, (problem,) = made({"b": 1, "a": 2}, None)
    assert params is None
    assert "a, b" in problem.rule
