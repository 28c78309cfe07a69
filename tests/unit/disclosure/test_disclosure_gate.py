"""The gate: the audit stands behind the method, and odd input doesn't get round it."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from impactkit.disclosure import audit, core_profiles, protect
from impactkit.errors import DisclosureError
from impactkit.results import Column, Estimate, Evaluation, MetricResult, Note, Table

DFE = core_profiles()[0]
LEVEL = Column(name="level", kind="dimension")
N = Column(name="n", kind="count", of="people")
ROWS = [["head", 3], ["deputy", 40], ["middle", 50], ["all", 93]]
step = importlib.import_module("impactkit.disclosure.protection")


def evaluation(**parts) -> Evaluation:
    """Return an evaluation with one metric that nobody vouches for."""
    return Evaluation(title="x", results=[MetricResult(metric="a.b", plugin="a", **parts)])


def margins() -> Evaluation:
    """Return one table with a small count and its total."""
    return evaluation(
        tables=[
            Table(id="t", title="t", columns=[LEVEL, N], rows=ROWS, totals={"level": "all"}),
        ]
    )


def withhold_nothing_more(monkeypatch) -> None:
    """Let both methods withhold the small counts only."""
    monkeypatch.setattr(step, "withhold_smallest", lambda system, start, threshold: set(start))
    monkeypatch.setattr(step, "withhold_margins", lambda system, start: set(start))


def test_where_the_next_smallest_gives_a_count_away_whole_margins_go(monkeypatch) -> None:
    """The audit finds it, and the release is the one of whole margins."""
    monkeypatch.setattr(step, "withhold_smallest", lambda system, start, threshold: set(start))
    safe = protect(margins(), DFE)
    assert [row[1] for row in safe.results[0].tables[0].rows] == [None, None, None, 93]
    assert audit(margins(), safe, DFE).passed


def test_the_audit_makes_up_for_a_method_that_withholds_too_little(monkeypatch) -> None:
    """With margins switched off, all that is tied to the exposed count goes, and is audited."""
    withhold_nothing_more(monkeypatch)
    safe = protect(margins(), DFE)
    assert [row[1] for row in safe.results[0].tables[0].rows] == [None] * 4
    assert audit(margins(), safe, DFE).passed


def test_without_a_fallback_nothing_is_released(monkeypatch) -> None:
    """The audit has the last word; its message names the place and holds no count."""
    withhold_nothing_more(monkeypatch)
    monkeypatch.setattr(step, "connected", lambda system, start: set())
    with pytest.raises(DisclosureError, match=r"column .n. of table .t. of .a\.b.") as caught:
        protect(margins(), DFE)
    assert not any(str(row[1]) in str(caught.value) for row in ROWS)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{", {"n": 3}),
        ("{n", {"n": 3}),
        ("{0} {} {n!r:>9}", {"n": 3}),
        ("{{n}} {n.real:{n}}", {"n": 3}),
        ("", {"n": float("nan")}),
        ("{n}", {"n": "3"}),
        ("{n}", {}),
    ],
)
def test_odd_templates_stop_nothing_and_show_nothing(text, values) -> None:
    """A sentence that can't be formatted is the plugin's loss, and no leak."""
    safe = protect(evaluation(notes=[Note(text=text, values=values)]), DFE)
    note = safe.results[0].notes[0]
    assert "3" not in note.text
    assert 3 not in note.values.values()
    assert "3" not in note.values.values()


def test_keys_of_a_notes_values_say_no_small_count() -> None:
    """A key goes into the files of a release; the sentence keeps its number under the new one."""
    note = Note(text="{left_3} of {m} heads", values={"left_3": 40, "m": 90})
    safe = protect(evaluation(notes=[note]), DFE).results[0].notes[0]
    assert safe.values == {"left_withheld": 40, "m": 90}
    assert str(safe) == "40 of 90 heads"


def test_empty_and_one_row_tables_pass() -> None:
    """Nothing to protect is no error."""
    tables = [
        Table(id="a", title="", columns=[], rows=[]),
        Table(id="b", title="", columns=[LEVEL, N], rows=[]),
        Table(id="c", title="", columns=[LEVEL, N], rows=[[None, None]]),
        Table(id="d", title="", columns=[N], rows=[[12]]),
    ]
    safe = protect(evaluation(tables=tables), DFE)
    assert [t.rows for t in safe.results[0].tables] == [t.rows for t in tables]
    assert protect(Evaluation(title="x"), DFE).disclosure is not None


def test_a_protected_evaluation_survives_saving(tmp_path) -> None:
    """Marks, reasons and log are the same after writing and reading."""
    estimate = Estimate(metric="a.b", value=1.0, unit="points", n_people=3)
    safe = protect(evaluation(tables=margins().results[0].tables, estimates=[estimate]), DFE)
    (tmp_path / "evaluation.json").write_text(safe.to_json(), encoding="utf-8")
    again = Evaluation.load(tmp_path)
    assert again.disclosure == safe.disclosure
    assert again.results[0].tables[0].marks == {(i, "n"): "c" for i in range(2)}
    assert again.results[0].estimates[0].status == "withheld"


def test_protecting_twice_changes_nothing() -> None:
    """A release that is protected again stays as it is."""
    once = protect(margins(), DFE, first_party={"a"})
    twice = protect(once, DFE, first_party={"a"})
    assert twice.results == once.results


def test_the_input_is_left_alone() -> None:
    """The private evaluation keeps its counts."""
    before = margins()
    protect(before, DFE)
    assert before == margins()


def test_importing_costs_no_scipy() -> None:
    """Heavy libraries come with the audit, not with the import."""
    code = (
        "import sys, impactkit.disclosure; print({'scipy', 'numpy', 'polars'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
