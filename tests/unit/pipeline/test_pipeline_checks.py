"""Data checks that cannot look: of a table that is not there, of a column, of an unknown table."""

from __future__ import annotations

import pytest

import impactkit
from impactkit import DataCheck, Design, Needs, Study, evaluate, hookimpl
from impactkit.plugins import PluginInfo
from impactkit.synthetic import county


def never(context):
    """Fail when it is run."""
    raise AssertionError("there was nothing to look at")


@pytest.fixture(scope="module")
def tables():
    """Return the tables of a county of forty schools."""
    return county(seed=3, n_schools=40, selection="random").tables


@pytest.mark.parametrize(
    ("needs", "noted"),
    [
        ({"leadership_spells": ["staff_key"]}, None),
        ({"memberships": ["colour"]}, "lacks colour in the table memberships"),
        ({"kent_buses": ["minutes"]}, "lacks the table kent_buses (columns minutes)"),
    ],
    ids=["a table not in the study", "a column", "a table that nobody declares"],
)
def test_what_a_check_lacks_is_noted_where_somebody_may_wonder(tables, needs, noted):
    """A study without posts need not be told that posts were not checked."""

    class Plugin:
        @hookimpl
        def impactkit_checks(self):
            return [DataCheck(id="kent.far", title="Far", check=never, needs=Needs(tables=needs))]

    registry = impactkit.default_registry(allow=["core"])
    registry.register(Plugin(), PluginInfo(name="kent"))
    study = Study(title="Checks", design=Design(outcome="attainment", bootstrap=0))
    found = evaluate(study, tables=tables, registry=registry)
    told = [p.rule for p in found.problems if p.code == "check.skipped"]
    assert len(told) == (noted is not None)
    assert noted is None or told[0].endswith(noted)
