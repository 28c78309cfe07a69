"""Parts of a result that hold something else than they say cost their metric, and never the run."""

from __future__ import annotations

import pytest

from impactkit import (
    Chart,
    Column,
    Design,
    Diagnostic,
    Estimate,
    Exclusion,
    Note,
    Section,
    Study,
    Table,
    default_registry,
    estimating_metric,
)
from impactkit.errors import MetricError
from impactkit.pipeline import plan, run, write
from impactkit.pipeline.returned import checked, checked_section
from impactkit.synthetic import county

COLUMNS = [Column(name="a", kind="dimension"), Column(name="b", kind="number")]


def table(**changes):
    """Return a sound table, but for what is changed."""
    return Table(**{"id": "t", "title": "T", "columns": COLUMNS, "rows": [["x", 1.5]], **changes})


def chart(**changes):
    """Return a sound chart of that table, but for what is changed."""
    given = {"id": "c", "kind": "bar", "title": "C", "data": "t", "x": "a", "y": "b", **changes}
    return Chart(**given)


BROKEN = {
    "p-value": ([Estimate(value=1.0, p_value=7.0)], "p_value is 7; it must be a share"),
    "level": ([Estimate(value=1.0, level=95.0)], "level is 95; it must be a share"),
    "no level": ([Estimate(value=1.0, level=None)], "level is a NoneType, not a number"),
    "error": ([Estimate(value=1.0, std_error=-1.0)], "std_error is -1; it must be 0 or more"),
    "count": ([Estimate(value=1.0, n_schools=-8)], "n_schools is -8; it must be 0 or more"),
    "ends": ([Estimate(value=1.0, ci_low=2.0, ci_high=0.0)], "ci_low is above ci_high"),
    "band": ([Estimate(value=1.0, band_low=2.0, band_high=0.0)], "band_low is above band_high"),
    "warnings": ([Estimate(value=1.0, warnings=[None])], "warnings has something in it"),
    "term": ([Estimate(value=1.0, term=["a"])], "term is a list, not text"),
    "status": ([Estimate(value=1.0, status="fine")], "status is 'fine'; write 'ok', "),
    "title": ([table(title=None)], "title is a NoneType, not text"),
    "table id": ([table(id=7)], "id is a int, not text"),
    "column": (
        [table(columns=[Column(name=None), COLUMNS[1]])],
        "table t, column 1: name is a NoneType, not text",
    ),
    "kind": (
        [table(columns=[Column(name="a", kind="heads"), COLUMNS[1]])],
        "kind is 'heads'; write 'dimension', 'count', ",
    ),
    "digits": (
        [table(columns=[COLUMNS[0], Column(name="b", digits=-2)])],
        "digits is -2; it must be between 0 and 15",
    ),
    "huge": ([table(rows=[["x", 10**400]])], "row 1, b is a number of more digits than"),
    "marks": ([table(marks={"a": 3})], "marks has something in it"),
    "no such count": (
        [table(columns=[COLUMNS[0], Column(name="b", kind="share", denominator="staff")])],
        "its denominator names the column 'staff', which it does not have",
    ),
    "no such total": ([table(totals={"level": "all"})], "its totals names the column 'level'"),
    "no such part": ([table(sums=[("b", ["c"])])], "its sums names the column 'c'"),
    "no such field": ([table(), chart(where={"levels": "head"})], "`where` names 'levels'"),
    "rows": ([table(rows=[["x", 1.0]] * 50_001)], "table t has 50,001 rows, and 50,000 is the"),
    "long": ([table(title="x" * 20_001)], "title is longer than 20,000 letters"),
    "many": ([Note("x")] * 1_001, "it gave 1,001 notes, and 1,000 is the most"),
    "reference": ([table(), chart(reference=float("nan"))], "reference is nan"),
    "reference text": ([table(), chart(reference="q")], "reference is a str, not float or None"),
    "where": ([table(), chart(where=None)], "where is a NoneType, not a mapping"),
    "chart title": ([table(), chart(title=None)], "title is a NoneType, not text"),
    "chart kind": ([table(), chart(kind="pie")], "kind is 'pie'; write 'event_study', "),
    "text drawn": ([table(), chart(y="a")], "its y is 'a', which holds text, not numbers"),
    "no event times": ([table(), chart(kind="event_study")], "its x is 'a', which holds text"),
    "note": ([Note(None)], "text is a NoneType, not text"),
    "note values": ([Note("x", values=None)], "values is a NoneType, not a mapping"),
    "note of": ([Note("x", of="heads")], "of is 'heads'; write '', 'people', "),
    "reaching in": ([Note("{n.__class__}", values={"n": 14})], "'n.__class__' is no plain name"),
    "wide": ([Note("{n:>999999999}", values={"n": 14})], "is to be shown as '>999999999'"),
    "diagnostic": ([Diagnostic(name=None)], "name is a NoneType, not text"),
    "passed": ([Diagnostic(name="a", passed="so-so")], "passed is a str, not bool or None"),
    "diagnostic p": ([Diagnostic(name="a", p_value=7.0)], "p_value is 7; it must be a share"),
    "exclusion": ([Exclusion(reason=None, text="x")], "reason is a NoneType, not text"),
    "excluded": ([Exclusion(reason="a", text="b", n_rows=-12)], "n_rows is -12; it must be"),
}
"""What a careless metric gives, and the words that its author reads."""


@pytest.mark.parametrize("name", BROKEN)
def test_each_is_refused_in_words(name):
    """The field, what it holds and what it should: nothing of it reaches the report."""
    parts, words = BROKEN[name]
    with pytest.raises(MetricError) as caught:
        checked(parts)
    assert words in str(caught.value)


def test_what_is_sound_but_unusual_passes():
    """Numpy's numbers and truths, event times as text, empty tables, a format of one's own."""
    import numpy as np

    parts = [
        Estimate(value=np.float64(1.5), n_schools=np.int64(4), p_value=0, ci_low=1.5, ci_high=1.5),
        table(rows=[]),
        table(id="times", rows=[["-2", 1.0], ["+1", None], ["0.5", 2.0]]),
        chart(kind="event_study", data="times", reference=np.float32(0)),
        Note("{n:,} heads, {share:.1f} %", values={"n": np.int64(4000), "share": 12.345}),
        Note("braces {without} values"),
        Diagnostic(name="balance", value="good", passed=np.bool_(True)),
    ]
    found = checked(parts)
    assert found["diagnostics"][0].passed is True
    assert str(found["notes"][0]) == "4,000 heads, 12.3 %"


def test_a_section_is_held_to_the_same():
    """A title that is no text is a fault of the section, in the same words."""
    with pytest.raises(MetricError, match="section kent: title is a NoneType, not text"):
        checked_section(Section(id="kent", title=None))
    with pytest.raises(MetricError, match="notes has something in it"):
        checked_section(Section(id="kent", title="Kent", notes=["no Note"]))


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Evaluate a small county with a metric for each of them, and a section; write it out."""
    made = county(seed=1, n_schools=40, selection="random")
    registry = default_registry(allow=["core", "did"])
    for number, name in enumerate(BROKEN):

        def give(context, name=name):
            """Give what is broken."""
            return BROKEN[name][0]

        metric = estimating_metric(
            id=f"kent.broken_{number}",
            title=name,
            unit="count",
            needs={"outcomes": ["school_key", "year", "measure", "value"]},
        )(give)
        registry.add(metric, plugin="kent")
    study = Study(
        title="Broken parts",
        design=Design(outcome="overall_absence", bootstrap=0, randomisation=0),
        metrics={"did.effect": {}, **{f"kent.broken_{n}": {} for n in range(len(BROKEN))}},
    )
    done = run(plan(study, tables=made.tables, registry=registry))
    out = tmp_path_factory.mktemp("broken")
    write(done, out)
    return done.evaluation, out / "release"


def test_the_run_goes_on_without_them(release):
    """Every one of them failed with a reason; everybody else's result and the report are there."""
    evaluation, folder = release
    theirs = [r for r in evaluation.results if r.metric != "did.effect"]
    assert [r.status for r in theirs] == ["failed"] * len(BROKEN)
    assert all(r.reason for r in theirs)
    assert evaluation["did.effect"].estimates[0].status == "ok"
    assert (folder / "report.html").is_file()
    assert (folder / "workbook.xlsx").is_file()
