"""What a new author does wrong, and the words that they are told: in a test, and by a study.

The file is the one that `impactkit new metric` writes, with one slip in it.
"""

from __future__ import annotations

import json
import re

import pytest

from impactkit.metrics import outcome_metric
from impactkit.testing import metric_faults

LAST = 'return rows.select("school_key", "year", "value")'


@pytest.fixture
def slip(county_folder, impactkit):
    """Return a function that writes the metric with a slip, and evaluates the study."""
    assert impactkit("new", "metric", "kent.late_arrivals", "--folder", county_folder).code == 0
    (file,) = (county_folder / "local_metrics").iterdir()
    text = file.read_text("utf-8")
    study = county_folder / "study.toml"
    asked = '[metrics."did.effect"]\n[metrics."kent.late_arrivals"]\n'
    study.write_text(f"{study.read_text('utf-8')}\n{asked}", encoding="utf-8")

    def evaluate(old: str, new: str, *options: str):
        assert text.count(old) == 1
        file.write_text(text.replace(old, new), encoding="utf-8")
        return impactkit("evaluate", county_folder, *(options or ("--allow-local",)))

    return evaluate


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            LAST,
            LAST.rstrip(")"),
            "SyntaxError: '(' was never closed (kent_late_arrivals.py, line 3",
        ),
        (
            'direction="lower"',
            'direction="less"',
            "direction='less': write 'higher' or 'lower', whichever is better, or 'none'",
        ),
        (
            'id="kent.late_arrivals"',
            'id="late_arrivals"',
            "id='late_arrivals': write LA.NAME, small letters, digits and _, as in 'kent.late_arr",
        ),
    ],
)
def test_a_file_that_cannot_be_loaded_is_not_hidden_by_the_list_of_metrics(old, new, told, slip):
    """The study asks for the metric, so the run stops; and the true reason is in the message."""
    ended = slip(old, new)
    assert ended.code == 2
    assert "there is no metric of that name" in ended.err
    assert "Plugins that are not in use: " in ended.err
    assert "local:kent_late_arrivals (importing it raised" in ended.err
    assert told in ended.err
    assert not re.search(r"info\.py|guard\.py|Attribute\(", ended.err)


def test_a_file_that_waits_to_be_allowed_says_so(slip):
    """Where the study asks for its metric."""
    ended = slip("lower, higher or none", "mine", "--strict")
    assert ended.code == 2
    assert "read it, then run with --allow-local" in ended.err


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('pl.col("measure")', 'pl.col("mesure")', 'unable to find column "mesure"'),
        ('"measure", "value"]', '"value"]', 'unable to find column "measure"'),
    ],
)
def test_a_misspelt_column_is_named(old, new, told, slip):
    """It is a word of the author's own code, and no value of anybody's."""
    ended = slip(old, new)
    assert ended.code == 1
    assert f"kent.late_arrivals failed: ColumnNotFoundError: {told}" in ended.err


def test_a_value_that_polars_quotes_is_still_left_out(slip):
    """A cell is not a word of the code, though the message has it between the same signs."""
    ended = slip(LAST, 'return rows.select(pl.col("school_key").cast(pl.Int8))')
    (line,) = [x for x in ended.err.splitlines() if x.startswith("kent.late_arrivals failed")]
    assert "InvalidOperationError" in line
    assert "conversion from `str` to `i8` failed" in line
    assert not re.search(r"90\d{4}", line.partition("(plugin")[0]), line


def test_a_measure_that_is_not_there_is_said_on_the_terminal(slip):
    """Not only in the report: the author is looking here."""
    ended = slip('== "overall_absence"', '== "overal_absence"')
    assert ended.code == 0
    assert "Not estimated: kent.late_arrivals; it gave no rows; does it look for a" in ended.out


def test_a_need_that_is_misspelt_is_said_on_the_terminal(slip):
    """With the column and the table."""
    ended = slip('"measure", "value"]', '"measure", "valu"]')
    told = "Not run for want of data: kent.late_arrivals; the study lacks valu in the table outco"
    assert told in ended.out


def test_a_metric_that_the_study_does_not_list_is_not_passed_over_in_silence(
    slip, county_folder, impactkit
):
    """Evaluate, the evaluation itself, and `show metrics` say which line to add."""
    study = county_folder / "study.toml"
    study.write_text(study.read_text("utf-8").replace('[metrics."kent.late_arrivals"]\n', ""))
    ended = slip("lower, higher or none", "mine")
    told = "the local metric kent.late_arrivals is not run, for the study lists those that are"
    assert ended.code == 0
    assert told in ended.err
    assert 'add the line [metrics."kent.late_arrivals"]' in ended.err
    release = county_folder / "evaluation" / "release"
    assert told in " ".join(json.loads((release / "evaluation.json").read_text())["warnings"])
    shown = impactkit("show", "metrics", "kent.late_arrivals", "--study", county_folder).out
    assert (
        "Can run on this study: no: the study lists the metrics that it runs; to run it, add [met"
        in shown
    )


def test_the_report_calls_the_metrics_picture_by_its_title(slip, county_folder):
    """Not by its id in other letters."""
    slip("(so far: overall absence)", "at school")
    text = (county_folder / "evaluation" / "release" / "report.html").read_text("utf-8")
    assert "Late arrivals at school: no clear change after joining" in text or re.search(
        r"<strong>Late arrivals at school: [^<]*after joining", text
    )
    assert "Kent: late arrivals" not in text


# --- the contract ---------------------------------------------------------------------------------


def faults_of(compute, unit="percent"):
    """Return what the contract says of a metric of outcomes."""
    needs = {"outcomes": ["school_key", "year", "measure", "value"]}
    declare = outcome_metric(id="kent.late", title="Late", unit=unit, needs=needs)
    return metric_faults(declare(compute), known_effect=False, import_budget=False)


def absence(context):
    """Overall absence."""
    import polars as pl

    rows = context.table("outcomes").filter(pl.col("measure") == "overall_absence")
    return rows.select("school_key", "year", "value")


@pytest.mark.parametrize("unit", ["per cent", "%", "Percent", "percentage"])
def test_a_unit_that_is_nearly_one_of_ours_is_told(unit):
    """It would be taken for a unit of the author's own, and read as a per cent of something."""
    (fault,) = faults_of(absence, unit=unit)
    assert fault.startswith(f"[unit] {unit!r} is taken for a unit of your own; did you mean 'perce")


@pytest.mark.parametrize("unit", ["percent", "days", "points", "GBP", "per 1,000 pupils"])
def test_a_unit_of_ones_own_is_fine(unit):
    """Not every unit is ours."""
    assert faults_of(absence, unit=unit) == []


def test_a_fault_that_shows_with_every_table_is_told_once():
    """A slip in the code fails in every scene, and is one slip."""

    def slip(context):
        """Fail."""
        return context.tabel("outcomes")

    (fault,) = faults_of(slip)
    assert fault.startswith("[raises] with every table it raised AttributeError")


def test_a_fault_that_shows_with_some_tables_names_them():
    """So that its author knows what to try."""

    def slip(context):
        """Fail where there is no school."""
        rows = absence(context)
        if rows.is_empty():
            raise IndexError("no first row")
        return rows

    (fault,) = faults_of(slip)
    assert fault.startswith("[raises] with no school it raised IndexError")


def test_rows_in_any_order_are_the_same_result():
    """Polars' group_by gives another order each time, and that is nobody's fault."""
    import polars as pl

    def grouped(context):
        """Group."""
        return absence(context).group_by("school_key", "year").agg(pl.col("value").mean())

    assert faults_of(grouped) == []
