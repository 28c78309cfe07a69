"""Fixtures for pytest, found through its entry point: a test names them, and imports nothing.

Every run of pytest on a machine with impactkit imports this module, so it imports nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from impactkit.declarations import Metric
    from impactkit.metrics import MetricContext
    from impactkit.results import MetricResult
    from impactkit.synthetic import County


@pytest.fixture(scope="session")
def impactkit_county() -> County:
    """Return a made-up authority of 80 schools whose effects are known; see ``county.truth``.

    Partnerships change `attainment` by +2, `overall_absence` by -1 and `pupil_teacher_ratio` by -2,
    each in its own unit.
    """
    from impactkit.testing.known import known_county

    return known_county(1, 1.0)


@pytest.fixture
def impactkit_context(impactkit_county: County) -> Callable[..., MetricContext]:
    """Return ``context(metric, **tables)``: what a metric would be given.

    A table that the metric needs and the call does not name comes from `impactkit_county`. Only
    declared columns are handed over. There is no study behind it: `effect` and the like raise.
    """

    def context(metric: Metric, **tables: Any) -> MetricContext:
        from impactkit.metrics import MetricContext
        from impactkit.testing.known import DESIGN, declared

        return MetricContext(
            metric=metric.id,
            tables=declared(metric, {**impactkit_county.tables, **tables}),
            params=metric.params() if metric.params is not None else None,
            design=DESIGN,
            seed=1,
            years=impactkit_county.settings.span,
        )

    return context


@pytest.fixture
def impactkit_run(impactkit_county: County) -> Callable[..., MetricResult]:
    """Return ``run(metric, **params)``: the metric evaluated on `impactkit_county`, as in a study.

    The result has passed disclosure control, as the release would.
    """

    def run(metric: Metric, **params: Any) -> MetricResult:
        from impactkit.testing.known import result

        return result(metric, params, impactkit_county)

    return run
