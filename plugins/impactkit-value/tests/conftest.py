"""Evaluate one metric on a county, by the path that every study takes."""

from __future__ import annotations

import pytest

from impactkit import Design, Study, evaluate_metric
from impactkit.pipeline import default_registry
from impactkit.synthetic import county

STILL = {"conversions": 0.0, "closures": 0.0, "merges": 0, "doubled_reports": 0.0}


def worked_out(metric, tables, *, params=None, outcome="attainment", **design):
    """Evaluate a metric on tables in memory."""
    settings = {"bootstrap": 0, "randomisation": 0, "outcome": (outcome,), **design}
    names = {*metric.needs.tables, *metric.needs.optional, "measures", "memberships", "outcomes"}
    return evaluate_metric(
        Study(title="A test", seed=1, design=Design(**settings)),
        metric,
        tables={name: tables[name] for name in names if name in tables},
        params=params,
        registry=default_registry(allow=["core"]),
    )


@pytest.fixture(scope="session")
def on_county():
    """Return a function that evaluates a metric on a county of a seed: county and result."""
    drawn = {}

    def run(metric, seed, *, params=None, without=(), **asked):
        name = repr((seed, sorted(asked.items())))
        if name not in drawn:
            drawn[name] = county(seed=seed, full=True, selection="random", **STILL, **asked)
        here = drawn[name]
        tables = {name: table for name, table in here.tables.items() if name not in without}
        treated = "role in ['client', 'peer']"
        return here, worked_out(metric, tables, params=params, treated=treated, years=here.years)

    return run
