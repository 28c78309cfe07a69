from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from impactkit.errors import Problem
from impactkit.report import render_html, render_workbook, write_release
from impactkit.report.files import estimates_csv, problems_csv
from impactkit.results import Estimate, Evaluation, Provenance, SourceFile

Maker = Callable[..., Evaluation]


def rows_of(text: str) -> list[dict[str, str]]:
    """Read CSV with the standard library."""
    return list(csv.DictReader(io.StringIO(text)))


def test_a_release_has_its_seven_files_and_they_agree(
    make_evaluation: Maker, tmp_path: Path
) -> None:
    """Each file holds what its maker gives, and the tables have one row an estimate."""
    whole = make_evaluation()
    paths = write_release(whole, tmp_path / "release")
    assert sorted(p.name for p in (tmp_path / "release").iterdir()) == sorted(
        [
            "evaluation.json",
            "estimates.parquet",
            "estimates.csv",
            "problems.csv",
            "provenance.json",
            "report.html",
            "workbook.xlsx",
        ]
    )
    by_name = {p.name: p for p in paths}
    assert Evaluation.load(tmp_path / "release").to_json() == whole.to_json()
    assert by_name["report.html"].read_text("utf-8") == render_html(whole)
    assert by_name["workbook.xlsx"].read_bytes() == render_workbook(whole)
    assert pl.read_parquet(by_name["estimates.parquet"]).equals(whole.to_frame())
    assert len(rows_of(by_name["estimates.csv"].read_text("utf-8"))) == len(whole.estimates)
    provenance = json.loads(by_name["provenance.json"].read_text("utf-8"))
    assert provenance["seed"] == 2010
    assert [s["path"] for s in provenance["sources"]] == [
        "gias/group_links.csv",
        "2018-2019/england_swf.csv",
    ]


def test_the_same_evaluation_writes_the_same_bytes(make_evaluation: Maker, tmp_path: Path) -> None:
    """Byte for byte, in every file."""
    one = write_release(make_evaluation(), tmp_path / "one")
    two = write_release(make_evaluation(), tmp_path / "two")
    for a, b in zip(one, two, strict=True):
        assert a.read_bytes() == b.read_bytes(), a.name


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n="])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    """In every text column, also behind white space; the rest of the text stays."""
    bad = f"{start}cmd|' /C calc'!A0"
    row = rows_of(estimates_csv([Estimate(metric=bad, reason=bad, warnings=(bad,), value=-1.0)]))[0]
    for name in ("metric", "reason", "warnings"):
        assert row[name].lstrip()[0] == "'"
        assert row[name].endswith("calc'!A0")
    problem = rows_of(problems_csv([Problem(code="x", file=bad, rule=bad)]))[0]
    assert problem["file"].lstrip()[0] == "'"


def test_numbers_are_left_alone() -> None:
    """A negative estimate is a number, a negative event time too, and all digits are kept."""
    row = rows_of(estimates_csv([Estimate(term="-3", value=-0.1 - 0.2, n_schools=12)]))[0]
    assert row["term"] == "-3"
    assert float(row["value"]) == -0.1 - 0.2
    assert row["n_schools"] == "12"


def test_numbers_that_are_not_there_are_symbols_that_say_why() -> None:
    """Withheld c, not estimable x, not applicable z: never an empty cell, never a zero."""
    rows = rows_of(
        estimates_csv(
            [
                Estimate(status="withheld"),
                Estimate(status="not_estimable"),
                Estimate(value=0.0, reason="the base period"),
            ]
        )
    )
    assert [r["value"] for r in rows] == ["c", "x", "0.0"]
    assert [r["ci_low"] for r in rows] == ["c", "x", "z"]
    assert [r["n_people"] for r in rows] == ["c", "x", "z"]


def test_values_of_problems_never_reach_the_release(tmp_path: Path) -> None:
    """The file of problems has no column for them, even when a problem still carries one."""
    problem = Problem(code="name", file="staff.csv", row=2, column="name", value="Ann Other")
    text = problems_csv([problem])
    assert "Ann Other" not in text
    assert rows_of(text)[0]["row"] == "2"


def test_a_file_name_that_is_not_utf8_does_not_stop_the_release(
    make_evaluation: Maker, tmp_path: Path
) -> None:
    """Undecodable bytes of a name become a mark; everything else is written."""
    source = SourceFile(path="caf\udce9.csv", table="t", reader="r", sha256="0" * 64, bytes=1)
    provenance = Provenance(impactkit="0.1.0", python="3.11", sources=(source,))
    paths = write_release(make_evaluation(provenance=provenance), tmp_path)
    assert all(p.stat().st_size for p in paths)
    assert "caf" in (tmp_path / "report.html").read_text("utf-8")
