"""The declared tables keep to the domain's words and to their own conventions."""

from __future__ import annotations

import re

import polars as pl
import pytest

from impactkit import types
from impactkit.declarations import TableSpec
from impactkit.tables import core_tables, validate, vocabulary

SPECS = {spec.name: spec for spec in core_tables()}


def test_the_tables_of_the_domain_are_there() -> None:
    """Section 7 of the domain model, and the trusts' own figures."""
    assert set(SPECS) == {
        *("schools", "school_links", "partnerships", "memberships", "interventions", "measures"),
        *("outcomes", "leadership_spells", "appointments", "governor_spells"),
        *("governor_activity", "activity", "agreements", "evaluation_activity"),
        *("school_years", "pupils", "talent_pool", "instruments", "survey_responses"),
        *("observations", "barriers", "enquiries", "needs", "finance", "trust_outcomes"),
        "data_drops",
    }


@pytest.mark.parametrize(
    ("table", "column", "words"),
    [
        ("memberships", "role", types.ROLES),
        ("partnerships", "structure", types.STRUCTURES),
        ("partnerships", "purpose", types.PURPOSES),
        ("interventions", "type", types.INTERVENTION_TYPES),
        ("outcomes", "status", types.STATUSES),
        ("outcomes", "subgroup", types.SUBGROUPS),
        ("leadership_spells", "level", types.LEVELS),
        ("school_links", "link_type", vocabulary.LINK_TYPES),
        ("governor_spells", "role", vocabulary.GOVERNOR_ROLES),
    ],
)
def test_enumerations_are_those_of_the_object_model(
    table: str, column: str, words: tuple[str, ...]
) -> None:
    """One list for tables and objects."""
    assert SPECS[table].column(column).values == words


def test_the_register_s_enumerations_have_the_length_that_it_publishes() -> None:
    """18 link types; 20 governance roles and two; 13 reasons each for opening and closing."""
    assert len(set(vocabulary.LINK_TYPES)) == 18
    assert len(set(vocabulary.GOVERNOR_ROLES)) == 22
    assert len(set(vocabulary.OPEN_REASONS)) == len(set(vocabulary.CLOSE_REASONS)) == 13
    assert len(vocabulary.EVALUATION_CRITERIA) == 8
    assert len(vocabulary.AGREEMENT_ITEMS) == 10


@pytest.mark.parametrize("spec", core_tables(), ids=lambda spec: spec.name)
def test_every_column_is_described_and_named_plainly(spec: TableSpec) -> None:
    """The description is what templates, cards and the doctor show."""
    assert spec.title
    assert spec.description
    for column in spec.columns:
        assert column.description.endswith((".", "?")), column.name
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name)
        assert column.name not in ("source", "source_row")
        assert not column.required or column.example or column.values, column.name
    assert set(spec.key) <= {column.name for column in spec.columns}


@pytest.mark.parametrize("spec", core_tables(), ids=lambda spec: spec.name)
def test_the_examples_of_a_table_make_a_valid_row(spec: TableSpec) -> None:
    """A template that is filled as it suggests has no fault."""
    row = {c.name: c.example or (c.values[0] if c.values else "") for c in spec.columns}
    result = validate(pl.DataFrame({name: [text] for name, text in row.items()}), spec)
    assert result.problems == ()
    assert result.frame.height == 1
