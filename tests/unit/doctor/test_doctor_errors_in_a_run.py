"""What an evaluation does with what the doctor calls an error: as the page of findings says."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from impactkit import Evaluation, Study, evaluate

YEARS = range(2010, 2017)
URNS = range(100001, 100031)


def _evaluated(outcomes: pl.DataFrame, joined: dt.date) -> Evaluation:
    members = pl.DataFrame(
        {
            "partnership_id": [f"P{i // 2}" for i in range(10)],
            "urn": list(URNS)[:10],
            "role": ["peer"] * 10,
            "joined": [joined] * 10,
        }
    )
    plain = {
        "study": {"title": "T"},
        "design": {"outcome": "overall_absence", "bootstrap": 0, "randomisation": 0},
        "metrics": {"did.effect": {}},
    }
    tables = {"outcomes": outcomes, "memberships": members}
    return evaluate(Study.parse(plain), tables=tables)


def _outcomes(divide: float = 1.0, *, twice: bool = False) -> pl.DataFrame:
    """Make absences of thirty schools; `twice` puts 2011's under 2012 as well."""
    rows = [
        (urn, year, (4 + (urn * 7919 + (year - (twice and year == 2012)) * 104729) % 31 / 10))
        for urn in URNS
        for year in YEARS
    ]
    return pl.DataFrame(rows, schema=["urn", "year", "value"], orient="row").with_columns(
        pl.col("value") / divide, measure=pl.lit("overall_absence"), subgroup=pl.lit("all")
    )


@pytest.mark.parametrize(
    ("outcomes", "joined", "title", "estimates"),
    [
        (_outcomes(100), dt.date(2013, 9, 1), "Shares where per cents are expected", True),
        (_outcomes(twice=True), dt.date(2013, 9, 1), "Two years running", True),
        (_outcomes(), dt.date(2020, 9, 1), "No school joins in the years", False),
    ],
)
def test_what_looks_wrong_heads_the_report_and_what_cannot_be_told_is_not(
    outcomes: pl.DataFrame, joined: dt.date, title: str, estimates: bool
) -> None:
    """A machine cannot be sure of it, so a run goes on, and says it before all else."""
    found = _evaluated(outcomes, joined)
    assert title in found.warnings[0]
    assert any(e.value is not None for e in found.estimates) is estimates
    assert _evaluated(_outcomes(), dt.date(2013, 9, 1)).warnings[:1] != found.warnings[:1]
