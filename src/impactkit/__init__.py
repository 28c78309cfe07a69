"""Evaluate the impact of school partnerships: from the files you have to a report you can defend.

Names are resolved when they are first used (PEP 562), so ``import impactkit`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_NAMES = {
    "impactkit.errors": (
        "DataError",
        "DisclosureError",
        "DuplicateError",
        "EstimationError",
        "ImpactkitError",
        "InputError",
        "MetricError",
        "PluginError",
        "PluginLoadError",
        "Problem",
        "StudyError",
        "UsageError",
    ),
    "impactkit.types": (
        "Intervention",
        "Measure",
        "Membership",
        "Outcome",
        "Partnership",
        "Period",
        "School",
    ),
    "impactkit.results": (
        "Chart",
        "Column",
        "Diagnostic",
        "Estimate",
        "Evaluation",
        "Exclusion",
        "MetricResult",
        "Note",
        "Provenance",
        "Table",
    ),
    "impactkit.declarations": (
        "Card",
        "ColumnSpec",
        "DataCheck",
        "DisclosureProfile",
        "Estimator",
        "Metric",
        "Needs",
        "Reader",
        "Section",
        "Source",
        "TableSpec",
    ),
    "impactkit.hookspecs": ("hookimpl",),
    "impactkit.estimators": ("att_gt",),
    "impactkit.pipeline": ("evaluate", "plan", "run", "write"),
    "impactkit.plugins": ("Registry",),
    "impactkit.study": ("Design", "Study", "TableSource"),
    "impactkit.metrics": ("MetricContext", "Panel", "estimating_metric", "outcome_metric"),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    try:
        module = _HOME[name]
    except KeyError:
        raise AttributeError(f"module 'impactkit' has no attribute {name!r}") from None
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
