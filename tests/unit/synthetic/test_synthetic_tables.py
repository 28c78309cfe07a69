"""The county's tables against the specs that every table must meet."""

from __future__ import annotations

import pytest

from impactkit.engine.files import read_text
from impactkit.synthetic import County, county
from impactkit.tables import core_tables
from impactkit.tables.validate import validate

PUBLISHED = {"trust_outcomes"}
"""Tables that only the Department fills, for trusts, of which the county has none."""

SPECS = {spec.name: spec for spec in core_tables() if spec.name not in PUBLISHED}
REGISTERS = sorted(SPECS.keys() - {"school_links"})


@pytest.fixture(scope="module")
def here() -> County:
    """Draw one county for the module."""
    return county(seed=2, suppress_below=12, full=True)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_every_core_table_is_there_and_faultless_in_memory(here, name):
    """Without a problem, not even a note, and without a row set aside."""
    checked = validate(here.tables[name], SPECS[name], file=name, register=True)
    assert checked.problems == ()
    assert checked.frame.height == here.tables[name].height > 0


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("name", REGISTERS)
def test_every_register_is_faultless_as_a_file(here, name, kind, tmp_path_factory):
    """What is written is what an authority is asked for."""
    folder = tmp_path_factory.getbasetemp() / f"registers-{kind}"
    if not folder.exists():
        here.write(folder, registers=kind)
    checked = validate(read_text(folder / f"{name}.{kind}").frame, SPECS[name], file=name)
    assert checked.problems == ()
    own = here.tables[name]
    official = ("overall_absence", "pupil_teacher_ratio")
    expected = own.filter(~own["measure"].is_in(official)) if name == "outcomes" else own
    assert checked.frame.height == expected.height
    for column in set(checked.frame.columns) & set(expected.columns) - {"value"}:
        assert checked.frame[column].to_list() == expected[column].to_list(), column
