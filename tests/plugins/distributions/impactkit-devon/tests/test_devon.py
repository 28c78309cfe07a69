"""The typical change: against a textbook, by hand, and on counties whose truth is known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from impactkit import EstimationError
from impactkit.testing import assert_metric_contract
from impactkit_devon.estimator import centre, fit
from impactkit_devon.metric import typical_change

COLUMNS = {
    "unit": "school",
    "time": "year",
    "cohort": "joined",
    "outcome": "y",
    "cluster": "partnership",
}


def test_the_centre_is_that_of_the_textbook():
    """Hollander, Wolfe and Chicken (2014), example 3.3: depression before, after."""
    before = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    after = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    assert centre(after - before) == pytest.approx(-0.46, abs=0.005)


def panel(effects):
    """Return two years of schools that all rise by 1, and partnerships that rise by more."""
    rows = [(f"never-{i}", f"never-{i}", None, 0.0) for i in range(4)]
    rows += [(f"school-{i}", f"p{i}", 2019, effect) for i, effect in enumerate(effects)]
    return pl.DataFrame(
        [
            {"school": s, "partnership": p, "joined": g, "year": year, "y": 5 + later * (1 + e)}
            for s, p, g, e in rows
            for year, later in ((2018, 0), (2019, 1))
        ],
        schema_overrides={"joined": pl.Int64},
    )


def test_one_partnership_that_soars_does_not_move_it():
    """By hand: seven changes of 2 and one of 200; every pair but eight has the mean 2."""
    found = fit(panel([2.0] * 7 + [200.0]), **COLUMNS)
    assert found.value == 2.0
    assert (found.n_partnerships, found.n_schools, found.n_comparison) == (8, 8, 4)


def test_schools_of_one_partnership_that_joined_in_two_years_meet_two_comparisons():
    """By hand: comparison schools rise by 1 a year, so by 1.5 from 2018 on and 2 from 2020 on.

    Means before and after: 2018 splits (2017), (2018..2020), 2020 splits (2017..2019), (2020).
    """
    rows = [
        {
            "school": s,
            "partnership": p,
            "joined": g,
            "year": year,
            "y": year + 3.0 * (year >= (g or 9999)),
        }
        for s, p, g in [
            ("a", "p", 2018),
            ("b", "p", 2020),
            *((f"n{i}", f"n{i}", None) for i in range(3)),
        ]
        for year in range(2017, 2021)
    ]
    more = [
        {**row, "school": f"{row['school']}{k}", "partnership": f"p{k}"}
        for k in range(5)
        for row in rows
        if row["partnership"] == "p"
    ]
    found = fit(pl.DataFrame(rows + more, infer_schema_length=None), **COLUMNS)
    assert found.value == pytest.approx(3.0)
    assert (found.n_partnerships, found.n_schools) == (6, 12)


def test_too_few_partnerships_are_told_and_not_estimated():
    """As are schools that all joined."""
    with pytest.raises(EstimationError, match="before and after joining: 5; it takes 6"):
        fit(panel([2.0] * 5), **COLUMNS)
    with pytest.raises(EstimationError, match="every school joined"):
        fit(panel([2.0] * 6).drop_nulls("joined"), **COLUMNS)


def test_it_keeps_the_contract_and_finds_what_was_planted():
    """It withstands what it will meet; an effect is found, and none where none was planted."""
    measure = {"measures": ["attainment"]}
    not_tried = assert_metric_contract(typical_change, params=measure, effect_of="attainment")
    assert not_tried == ()
