"""The fixtures that a plugin's tests name: found by pytest, and what they hand over."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import polars as pl
import pytest

from impactkit import Design, outcome_metric

ROOT = Path(__file__).resolve().parents[3]


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


def test_pytest_finds_them_by_the_entry_point(tmp_path):
    """With the entry point that our distribution declares, a test only names them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [f"{name} = {value}" for name, value in project["entry-points"]["pytest11"].items()]
    info = tmp_path / "site" / "installed-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: installed\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines]) + "\n")
    (tmp_path / "test_it.py").write_text(
        "def test_it(impactkit_county):\n    assert 'outcomes' in impactkit_county.tables\n"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr


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
