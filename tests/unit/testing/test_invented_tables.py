"""Invented tables are valid, and are there for every table that core knows."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings, strategies as st

from impactkit import ColumnSpec, TableSpec
from impactkit.tables import core_tables, validate
from impactkit.testing import invented, strategies

SPECS = {spec.name: spec for spec in core_tables()}


@pytest.mark.parametrize("name", SPECS)
def test_every_tables_rows_pass_its_own_checks(name):
    """Core's validation, which knows nothing of how they were made, finds no fault."""

    @settings(max_examples=15, deadline=None, database=None)
    @given(strategies.table(name, min_schools=1))
    def check(rows):
        assert rows
        checked = validate(invented.frame(SPECS[name], rows), SPECS[name], register=True)
        assert not checked.problems, [str(p) for p in checked.problems]
        assert checked.frame.height == len(rows)

    check()


def test_a_strategy_takes_a_table_of_ones_own():
    """The spec is all that it needs, limits and enumerations included."""
    spec = TableSpec(
        name="buses",
        key=("stop_id",),
        columns=[
            ColumnSpec(name="stop_id"),
            ColumnSpec(name="minutes", dtype="int", low=5, high=7),
            ColumnSpec(name="kind", values=("school", "public")),
        ],
    )

    @settings(max_examples=20, deadline=None, database=None)
    @given(strategies.table(spec, max_schools=3))
    def check(rows):
        assert len(rows) <= 6
        assert len({row["stop_id"] for row in rows}) == len(rows)
        assert {row["minutes"] for row in rows} <= {5, 6, 7}
        assert {row["kind"] for row in rows} <= {"school", "public"}

    check()


@given(st.integers(0, 99))
@settings(max_examples=10, deadline=None, database=None)
def test_the_same_seed_gives_the_same_rows_and_another_others(seed):
    """A failing example can be had again."""
    make = invented.rows
    assert make(SPECS["outcomes"], seed=seed) == make(SPECS["outcomes"], seed=seed)
    assert make(SPECS["outcomes"], seed=seed) != make(SPECS["outcomes"], seed=seed + 1)


def test_some_values_are_suppressed_and_say_so():
    """A value or a reason, never both and never neither."""
    rows = invented.rows(SPECS["outcomes"], schools=20)
    missing = [row for row in rows if row["value"] is None]
    assert 0 < len(missing) < len(rows) / 2
    assert all((row["status"] == "ok") == (row["value"] is not None) for row in rows)


def test_an_unknown_table_gets_a_suggestion():
    """A slip of the pen is told apart from a table that is nobody's."""
    with pytest.raises(KeyError, match="Did you mean 'outcomes'"):
        strategies.table("outcomse")


def test_importing_the_kit_and_its_fixtures_costs_nothing():
    """Every run of pytest with impactkit installed imports the fixtures."""
    program = (
        "import sys; import impactkit.testing, impactkit.testing.fixtures; "
        "print(*({'polars', 'hypothesis', 'numpy', 'scipy'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout.strip()) == (0, ""), ended.stderr
