"""Before outcomes are read: what a design can detect, and what is decided in advance.

A study's files, metrics and names are resolved in `impactkit.pipeline.plan`.
"""

from __future__ import annotations

from impactkit.planning.design import PanelDesign, panel_design, staggered_design
from impactkit.planning.diagnosing import diagnose
from impactkit.planning.diagnosis import Diagnosis
from impactkit.planning.performance import Performance
from impactkit.planning.precision import design_precision
from impactkit.planning.variances import Variances, estimate_variances, variances_from_icc

__all__ = [
    "Diagnosis",
    "PanelDesign",
    "Performance",
    "Variances",
    "design_precision",
    "diagnose",
    "estimate_variances",
    "panel_design",
    "staggered_design",
    "variances_from_icc",
]
