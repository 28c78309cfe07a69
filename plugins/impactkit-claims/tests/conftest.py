"""A county, and one metric on it: what the tests of this distribution share."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from impactkit import Design, Diagnostic, Estimate, Study, context
from impactkit.synthetic import County
from impactkit_claims import plugin

METRICS = {metric.id.partition(".")[2]: metric for metric in plugin.impactkit_metrics()}
HELPED = "role in ['client', 'peer']"


def study(**design: Any) -> Study:
    """Return a study of the county's own test, with few draws."""
    settings = {"outcome": "attainment", "bootstrap": 0, "randomisation": 0, "treated": HELPED}
    return Study(title="County", seed=1, design=Design(**{**settings, **design}))


def parts(
    name: str,
    made: County | None = None,
    *,
    tables: Mapping[str, pl.DataFrame] | None = None,
    params: Mapping[str, Any] | None = None,
    **design: Any,
) -> list[Any]:
    """Return all that a metric gives."""
    made_tables = dict(made.tables) if made is not None else {}
    metric = METRICS[name]
    given = context(
        study(**design), metric.id, tables={**made_tables, **(tables or {})}, params=params or {}
    )
    return list(metric(given))


def estimates(found: list[Any]) -> dict[tuple[str, str], Estimate]:
    """Return the estimates by estimand and term."""
    return {(e.estimand, e.term): e for e in found if isinstance(e, Estimate)}


def diagnostics(found: list[Any]) -> dict[str, Any]:
    """Return the diagnostics by name."""
    return {d.name: d for d in found if isinstance(d, Diagnostic)}


def holds(estimate: Estimate, truth: float) -> bool:
    """Tell whether the interval holds the truth."""
    assert estimate.status == "ok", estimate.reason
    return bool(estimate.ci_low <= truth <= estimate.ci_high)


@pytest.fixture(scope="session")
def on() -> SimpleNamespace:
    """Return the functions above, since test files cannot import one another."""
    names = (parts, estimates, diagnostics, holds, study)
    return SimpleNamespace(**{function.__name__: function for function in names})
