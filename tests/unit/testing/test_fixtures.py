"""The fixtures that a plugin's tests name: found by pytest, and what they hand over."""

from __future__ import annotations

import tomllib
from pathlib import Path

import polars as pl
import pytest

from impactkit import Design, outcome_metric

ROOT = Path(__file__).resolve().parents[3]
pytest_plugins = ["impactkit.testing.fixtures"]


@outcome_metric(
    id="kent.attainment",
    title="Attainment",
    unit="points",
    needs={"outcomes": ["school_key", "year", "measure", "value"]},
)
def attainment(context):
    """Return the county's own test."""
    rows = context.table("outcomes").filter(pl.col("measure") == "attainment")
    return rows.select("school_key", "year", "value")


def test_the_distribution_tells_pytest_of_them():
    """Whoever installs impactkit has them without an import."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "impactkit.testing.fixtures" in project["entry-points"]["pytest11"].values()


def test_the_county_knows_its_own_effects(impactkit_county):
    """What its docstring says was planted is what its truth says."""
    told = [impactkit_county.truth.att(m) for m in ("attainment", "pupil_teacher_ratio")]
    assert told == pytest.approx([2.0, -2.0])


def test_a_context_has_the_declared_columns_and_no_more(impactkit_context):
    """So a metric that reads more fails in its author's tests, not in a county's evaluation."""
    context = impactkit_context(attainment)
    assert set(context.tables) == {"outcomes"}
    assert context.table("outcomes").columns == ["school_key", "year", "measure", "value"]


def test_a_context_takes_tables_of_the_test(impactkit_context):
    """The author's own rows stand in for the county's."""
    rows = {"school_key": ["1"], "year": [2019], "measure": ["attainment"], "value": [101.0]}
    found = attainment(impactkit_context(attainment, outcomes=pl.DataFrame(rows)))
    assert found.rows() == [("1", 2019, 101.0)]


def test_a_run_gives_what_a_study_would(impactkit_run, impactkit_county):
    """The headline's interval holds the planted effect."""
    estimate = impactkit_run(attainment).estimates[0]
    truth = impactkit_county.truth.att("attainment")
    assert estimate.ci_low < truth < estimate.ci_high
    assert estimate.unit == "points"
    assert Design().level == estimate.level
