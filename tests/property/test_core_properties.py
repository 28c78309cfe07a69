"""Whatever a study file, a condition or an evaluation holds: words, never an accident."""

from __future__ import annotations

import datetime as dt
import string
import tempfile
from pathlib import Path

import attrs
import polars as pl
from hypothesis import given, settings, strategies as st

from impactkit.conditions import parse_condition
from impactkit.errors import Problem, StudyError, did_you_mean
from impactkit.results import Column, Estimate, Evaluation, MetricResult, Note, Table
from impactkit.study import Design, Study
from impactkit.tomlkeys import line_of
from impactkit.types import Period

TEXT = st.text("abé€ \n\t\"'[]{}.,=#:\\0", max_size=12)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
TOML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [*(field.name for field in attrs.fields(Design)), "title", "seed", "max_rejected", "path"]
)
TABLES = st.sampled_from(["study", "tables", "design", "metrics", "plugins", "disclosure", "typo"])


@given(st.dictionaries(TABLES, st.dictionaries(KEYS | TEXT, TOML, max_size=5) | TOML, max_size=6))
def test_any_study_is_read_or_told_what_is_wrong_with_it(values):
    """No value makes another error than a `StudyError`; its problems have key, rule and remedy."""
    study, problems = None, ()
    try:
        study = Study.parse(values)
    except StudyError as error:
        problems = error.problems
    assert (study is None) == bool(problems)
    for problem in problems:
        assert problem.column
        assert problem.rule
        assert problem.remedy
    if study is not None:
        assert study.title.strip()
        assert 0 <= study.max_rejected <= 1


@given(TEXT | st.text(string.ascii_lowercase + " ='\"[]()<>!,.0123456789-", max_size=60))
def test_any_text_is_a_condition_or_refused_in_words(text):
    """Nothing but `ValueError`; and what is accepted can be applied to columns of its own."""
    condition, told = None, ""
    try:
        condition = parse_condition(text)
    except ValueError as error:
        told = str(error)
    assert (condition is None) == bool(told)
    if condition is not None:
        assert condition.columns
        condition.expr()


@given(
    st.lists(st.sampled_from(["client", "peer", None]), max_size=8),
    st.sampled_from(["role == 'client'", "role in ['client', 'peer']", "role != 'peer'"]),
)
def test_a_condition_and_its_denial_part_all_rows(roles, text):
    """Each row is kept by the one or by the other, missing values too."""
    frame = pl.DataFrame({"role": roles}, schema={"role": pl.String})
    kept = frame.select(parse_condition(text).expr()).to_series()
    left = frame.select(parse_condition(f"not ({text})").expr()).to_series()
    assert (kept != left).all()


@given(st.text(max_size=200), TEXT)
def test_a_line_is_found_or_not_but_lies_in_the_file(text, path):
    """Any text, any path."""
    line = line_of(text, path)
    assert line is None or 1 <= line <= len(text.splitlines())


@given(TEXT, st.lists(TEXT, max_size=5))
def test_a_suggestion_is_one_of_what_there_is(word, known):
    """Never a word that does not exist."""
    answer = did_you_mean(word, known)
    assert answer.endswith(("?", ".")) or not known
    if answer.startswith("Did you mean"):
        assert any(repr(name) in answer for name in known)


@given(st.builds(Problem, code=TEXT, file=TEXT, row=st.none() | st.integers(1), column=TEXT,
                 value=st.none() | TEXT, rule=TEXT, remedy=TEXT, count=st.integers(1)))  # fmt: skip
def test_a_problem_without_its_value_holds_none_of_it(problem):
    """Any problem at all."""
    assert problem.without_value().value is None
    assert str(problem.without_value()) == str(attrs.evolve(problem, value=None))


@given(st.dates(dt.date(1950, 1, 1), dt.date(2100, 1, 1)))
def test_every_day_is_in_the_year_that_says_so(day):
    """And the label of that year reads back as it."""
    period = Period.of(day)
    assert period.start <= day <= period.end
    assert Period.parse(period.label) == period


CELLS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBER | TEXT


@st.composite
def evaluations(draw):
    """Return evaluations with tables, marks and notes of any content."""
    width = draw(st.integers(1, 3))
    columns = [Column(name=f"c{i}", kind="text") for i in range(width)]
    rows = draw(st.lists(st.tuples(*[CELLS] * width), max_size=3))
    places = st.tuples(st.integers(0, 2), st.sampled_from([c.name for c in columns]))
    marks = draw(st.dictionaries(places, st.sampled_from("cz"), max_size=3))
    table = Table(id="t", title=draw(TEXT), columns=columns, rows=rows, marks=marks)
    note = Note(
        text="x", values=draw(st.dictionaries(TEXT, st.integers() | NUMBER | TEXT, max_size=3))
    )
    estimate = Estimate(value=draw(st.none() | NUMBER), term=draw(TEXT), warnings=[draw(TEXT)])
    result = MetricResult(metric="a.b", tables=[table], notes=[note], estimates=[estimate])
    return Evaluation(title=draw(TEXT), results=[result])


@settings(deadline=None)  # the first load compiles its converter
@given(evaluations())
def test_an_evaluation_comes_back_as_it_went(evaluation):
    """Through JSON and back, to the byte and to the type."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "evaluation.json"
        path.write_text(evaluation.to_json(), encoding="utf-8")
        again = Evaluation.load(path)
    assert again == evaluation
    assert again.to_json() == evaluation.to_json()
    for before, after in zip(
        evaluation.results[0].tables[0].rows, again.results[0].tables[0].rows, strict=True
    ):
        assert [type(cell) for cell in before] == [type(cell) for cell in after]
