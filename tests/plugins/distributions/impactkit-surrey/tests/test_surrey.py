"""The log, the rate, and an effect that was planted into an invented log."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from impactkit import Design, MetricContext, Study, default_registry, evaluate_metric
from impactkit.declarations import Head
from impactkit.synthetic import county
from impactkit.testing import assert_metric_contract
from impactkit_surrey.log import log, read, recognise, suspensions as table
from impactkit_surrey.metric import suspensions

LINES = """\
Case,URN,From,Half-days,Outcome
1,100001,31/08/2018,2,
2,100001,01/09/2018,4,
3,100002,03/02/2019,1,Withdrawn
4,100002,11/02/2019,3,
4,100002,11/02/2019,3,
5,100002,the 30th,3,
"""


def test_the_log_is_recognised_by_its_header():
    """And another file is not."""
    header = LINES.splitlines()[0].upper().split(",")
    assert recognise("log.csv", Head(path="log.csv", columns=header)).confidence > 0.5
    assert recognise("log.csv", Head(path="log.csv", columns=header[:3])) is None


def test_a_day_falls_into_its_academic_year_and_what_does_not_count_is_set_aside(tmp_path):
    """The year changes on 1 September; a day that is none stays for core to refuse."""
    path = tmp_path / "log.csv"
    path.write_text(LINES, encoding="utf-8")
    found = read(path, None)
    assert found.frame.select("case", "year").rows() == [
        ("1", "2018"),
        ("2", "2019"),
        ("4", "2019"),
        ("5", "the 30th"),
    ]
    assert found.set_aside.select("row", "reason").rows() == [
        (4, "withdrawn"),
        (6, "entered twice"),
    ]
    assert found.n_rows == found.frame.height + found.set_aside.height


def test_a_school_that_is_not_in_the_log_suspended_nobody():
    """By hand: 2 of 400 pupils is 0.5 for every hundred; no pupils, no rate."""
    rows = pl.DataFrame({"school_key": ["a", "a"], "year": [2019, 2019], "case": ["1", "2"]})
    schools = pl.DataFrame({"school_key": ["a", "b", "c"], "pupils": [400, 100, None]})
    tables = {"surrey_suspensions": rows, "schools": schools}
    found = suspensions(MetricContext(metric=suspensions.id, tables=tables)).sort("school_key")
    assert found.rows() == [("a", 2019, 0.5), ("b", 2019, 0.0), ("c", 2019, None)]


def test_it_keeps_the_contract():
    """It withstands what it will meet, in a table of its own too."""
    assert_metric_contract(suspensions, specs=[table])


def invented(made, per_hundred: float, seed: int) -> pl.DataFrame:
    """Return a log for a county: 8 suspensions for every 100 pupils, and more where it joined."""
    rng = np.random.default_rng(seed)
    truth = made.truth.potential.filter(pl.col("measure") == "attainment")
    rows = truth.join(made.tables["schools"].select("school_key", "pupils"), on="school_key")
    rows = rows.select("urn", "year", "pupils", joined=pl.col("event_time").fill_null(-1) >= 0)
    cases = [
        {"urn": urn, "year": year}
        for urn, year, pupils, joined in rows.sort("urn", "year").iter_rows()
        for _ in range(rng.poisson(pupils / 100 * (8 + per_hundred * joined)))
    ]
    return (
        pl.DataFrame(cases)
        .with_row_index("case")
        .with_columns(
            pl.col("case").cast(pl.String), pl.col("urn").cast(pl.Int64), half_days=pl.lit(2.0)
        )
    )


@pytest.mark.parametrize("planted", [-3.0, 0.0])
def test_a_planted_effect_is_found_and_none_where_there_is_none(planted):
    """In three counties: the mean estimate is within two standard errors of what was planted."""
    registry = default_registry(allow=["none that is installed"])
    for declared in (table, log):
        registry.add(declared, plugin="surrey")
    design = Design(treated="role in ['client', 'peer']", bootstrap=0, randomisation=0)
    found = []
    for seed in (1, 2, 3):
        made = county(
            seed=seed,
            n_schools=80,
            selection="random",
            conversions=0.0,
            closures=0.0,
            merges=0,
            doubled_reports=0.0,
        )
        tables = {name: made.tables[name] for name in ("schools", "memberships", "school_links")}
        tables["surrey_suspensions"] = invented(made, planted, seed)
        study = Study(title="Surrey", design=design)
        result = evaluate_metric(study, suspensions, tables=tables, registry=registry)
        found.append(result.estimates[0])
    mean = sum(e.value for e in found) / 3
    error = sum(e.std_error**2 for e in found) ** 0.5 / 3
    assert abs(mean - planted) < 2 * error
    assert error < 1
