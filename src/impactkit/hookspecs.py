"""The whole plugin contract, on one page.

A plugin is any object with some of these functions: a module named in the entry-point group
``impactkit``, or a ``local_metrics/*.py`` file beside the study. Each hook takes no argument unless
shown, and returns frozen objects from `impactkit.declarations`. A hook that raises costs its own
plugin only. Adding an argument to a hook is a minor release; renaming or removing one is not done,
and one on its way out is marked with pluggy's `warn_on_impl_args` first. A plugin may say which
versions it was made for: ``requires_impactkit = ">=0.1,<0.2"``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from impactkit.declarations import (
        DataCheck,
        DisclosureProfile,
        Estimator,
        Metric,
        Reader,
        Section,
        Source,
        TableSpec,
    )
    from impactkit.results import Evaluation, MetricResult
    from impactkit.types import Measure

PROJECT = "impactkit"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def impactkit_tables() -> Iterable[TableSpec]:  # type: ignore[empty-body]
    """Declare new tables, or optional namespaced columns on core tables."""


@hookspec
def impactkit_measures() -> Iterable[Measure]:  # type: ignore[empty-body]
    """Declare entries of the measure registry: unit, direction, range, break years."""


@hookspec
def impactkit_readers() -> Iterable[Reader]:  # type: ignore[empty-body]
    """Declare readers of files."""


@hookspec
def impactkit_sources() -> Iterable[Source]:  # type: ignore[empty-body]
    """Declare engines beyond core's."""


@hookspec
def impactkit_metrics() -> Iterable[Metric]:  # type: ignore[empty-body]
    """Declare metrics."""


@hookspec
def impactkit_estimators() -> Iterable[Estimator]:  # type: ignore[empty-body]
    """Declare estimators that a study may name."""


@hookspec
def impactkit_checks() -> Iterable[DataCheck]:  # type: ignore[empty-body]
    """Declare checks that run before any estimate."""


@hookspec
def impactkit_disclosure_profiles() -> Iterable[DisclosureProfile]:  # type: ignore[empty-body]
    """Declare disclosure profiles; each must be at least as strict as core's."""


@hookspec
def impactkit_report_sections(evaluation: Evaluation) -> Iterable[Section]:  # type: ignore[empty-body]
    """Declare report sections from a finished evaluation, before disclosure control."""


@hookspec
def impactkit_before_metric(metric: Metric, context: Any) -> None:
    """Watch a metric start. What is returned is ignored, and nothing may be changed."""


@hookspec
def impactkit_after_metric(result: MetricResult, context: Any) -> None:
    """Watch a metric end. What is returned is ignored, and nothing may be changed."""
