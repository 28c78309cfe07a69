"""Published numbers: R bacondecomp on castle, R etwfe on mpdta, and a cell that can be read off."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from impactkit.estimators.bacon import bacon_decomposition
from impactkit.estimators.etwfe import etwfe
from impactkit.estimators.sun_abraham import sun_abraham

REFERENCE = Path(__file__).resolve().parents[2] / ".." / "shared" / "reference"

pytestmark = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="the reference numbers are not beside the checkout"
)


def mpdta() -> pl.DataFrame:
    """Return county teen employment with null for never treated."""
    frame = pl.read_csv(REFERENCE / "data" / "mpdta.csv")
    return frame.with_columns(cohort=pl.col("first.treat").replace(0, None))


MPDTA = {"unit": "countyreal", "time": "year", "cohort": "cohort", "outcome": "lemp"}


def test_bacon_gives_the_25_comparisons_of_r_bacondecomp() -> None:
    """Each estimate, weight and type agrees to 1e-9, and they add up to the coefficient."""
    expected = json.loads((REFERENCE / "expected" / "R_bacon_castle.json").read_text())
    castle = pl.read_csv(REFERENCE / "data" / "castle.csv", infer_schema_length=None)
    first = pl.when(pl.col("post") == 1).then(pl.col("year")).min().over("state")
    found = bacon_decomposition(
        castle.with_columns(first=first),
        unit="state",
        time="year",
        cohort="first",
        outcome="l_homicide",
    )
    got = {(c.treated, c.untreated): c for c in found.comparisons}
    assert len(got) == len(expected["table"]) == 25
    for row in expected["table"]:
        part = got[row["treated"], row["untreated"]]
        assert part.kind == row["type"]
        assert part.value == pytest.approx(row["estimate"], abs=1e-9)
        assert part.weight == pytest.approx(row["weight"], abs=1e-9)
    assert found.overall.value == pytest.approx(expected["twfe"], abs=1e-9)
    total = sum(c.weight * c.value for c in found.comparisons)
    assert total == pytest.approx(0.0818116169, abs=1e-9)


def test_etwfe_gives_the_constant_of_r_etwfe() -> None:
    """The simple effect on mpdta, lpop, not yet treated, agrees to 1e-10."""
    found = etwfe(mpdta(), **MPDTA, covariates=["lpop"])
    assert found.aggregate("simple").overall.value == pytest.approx(-0.0506270331228907, abs=1e-10)


def test_never_treated_etwfe_and_sun_abraham_are_callaway_and_santanna_without_covariates() -> None:
    """With a universal base and a balanced panel all three compare the same means.

    The expected numbers are csdid's, from the reference file.
    """
    listed = json.loads((REFERENCE / "expected" / "mpdta_att_gt.json").read_text())["scenarios"]
    wanted = {"control_group": "nevertreated", "xformla": "~1", "anticipation": 0}
    scenario = next(s for s in listed if wanted.items() <= s["scenario"].items())
    effects = {(r["group"], r["t"]): r["att"] for r in scenario["att_gt"] if r["t"] >= r["group"]}
    assert len(effects) == 7
    for found in (
        etwfe(mpdta(), **MPDTA, control="nevertreated"),
        sun_abraham(mpdta(), **MPDTA),
    ):
        got = {c: e.value for c, e in zip(found.index, found.cells, strict=True) if c in effects}
        assert got == pytest.approx(effects, abs=1e-8)
