"""Problems read as sentences, errors carry all of them, and each has its exit code."""

from __future__ import annotations

import inspect

import attrs
import pytest

from impactkit import errors
from impactkit.errors import InputError, Problem, did_you_mean

FULL = Problem(
    code="urn.format",
    file="attendance.csv",
    row=214,
    column="urn",
    value="10000",
    rule="expected six digits",
    remedy="Was a digit cut off?",
)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (
            FULL,
            "Row 214 of attendance.csv: `urn` is '10000'; expected six digits. "
            "Was a digit cut off?",
        ),
        (
            attrs.evolve(FULL, count=1_300, remedy=""),
            "Row 214 of attendance.csv: `urn` is '10000'; expected six digits "
            "(and 1,299 more like it).",
        ),
        (
            Problem(code="x", file="a.csv", rule="there is no such file"),
            "a.csv: there is no such file.",
        ),
        (Problem(code="x", row=3, rule="it is cut off"), "Row 3: it is cut off."),
        (
            Problem(code="x", column="urn", rule="the column is missing"),
            "`urn`; the column is missing.",
        ),
        (Problem(code="x", value="", rule="it is empty"), "''; it is empty."),
        (Problem(code="x", file="a.csv"), "a.csv."),
        (Problem(code="x", rule="Is that so?", remedy="Look."), "Is that so? Look."),
    ],
)
def test_a_problem_reads_as_a_sentence_of_the_parts_that_it_has(problem, text):
    """Where, what, rule, number and remedy; whatever is absent leaves no gap."""
    assert str(problem) == text


def test_a_problem_without_its_value_is_fit_for_release():
    """All but the value stays."""
    safe = FULL.without_value()
    assert safe.value is None
    assert "10000" not in str(safe)
    assert attrs.evolve(safe, value="10000") == FULL


@pytest.mark.parametrize(
    ("n", "head"), [(1, "1 problem:"), (2, "2 problems:"), (1200, "1,200 problems:")]
)
def test_an_input_error_tells_every_problem_on_a_line_of_its_own(n, head):
    """All at once, with their number first."""
    error = InputError([FULL] * n)
    lines = str(error).splitlines()
    assert lines[0] == head
    assert lines[1:] == [f"  {FULL}"] * n
    assert len(error.problems) == n


def test_an_input_error_takes_one_problem_or_any_iterable():
    """A generator is not used up by the message."""
    assert InputError(FULL).problems == (FULL,)
    assert InputError(p for p in (FULL, FULL)).problems == (FULL, FULL)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("InputError", 2),
        ("StudyError", 2),
        ("DataError", 2),
        ("UsageError", 2),
        ("EstimationError", 1),
        ("PluginError", 1),
        ("PluginLoadError", 1),
        ("DuplicateError", 1),
        ("MetricError", 1),
        ("DisclosureError", 3),
        ("InternalError", 3),
    ],
)
def test_each_error_has_the_exit_code_of_the_drawing(name, code):
    """And the drawing at the top of the module has every error."""
    assert getattr(errors, name).exit_code == code
    assert any(f" {name} " in line and f" {code} " in line for line in errors.__doc__.splitlines())


def test_the_drawing_has_every_error_below_its_parent():
    """Whoever reads the first screen knows what to catch."""
    drawn = {}
    stack: list[tuple[int, str]] = []
    for line in errors.__doc__.splitlines():
        words = line.replace("├──", "   ").replace("└──", "   ").replace("│", " ").split()
        if not words or not words[0].endswith("Error"):
            continue
        depth = line.index(words[0])
        while stack and stack[-1][0] >= depth:
            stack.pop()
        drawn[words[0]] = stack[-1][1] if stack else "Exception"
        stack.append((depth, words[0]))
    classes = {
        name: cls.__bases__[0].__name__
        for name, cls in inspect.getmembers(errors, inspect.isclass)
        if issubclass(cls, Exception)
    }
    assert drawn == classes


@pytest.mark.parametrize(
    ("word", "known", "answer"),
    [
        ("outcme", ["outcome", "treated"], "Did you mean 'outcome'?"),
        ("zzz", ["outcome", "treated"], "There are: outcome, treated."),
        ("zzz", [], "There are none."),
        ("b", ["c", "a", "c"], "There are: a, c."),
        ("treated", iter(["treated"]), "Did you mean 'treated'?"),
    ],
)
def test_a_wrong_word_gets_the_nearest_or_the_list(word, known, answer):
    """Near: one suggestion; far: what there is, in order and without repeats."""
    assert did_you_mean(word, known) == answer
