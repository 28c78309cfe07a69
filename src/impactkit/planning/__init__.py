"""Before outcomes are read: what a design can detect, and what is decided in advance.

A study's files, metrics and names are resolved in `impactkit.pipeline.plan`.
"""

from __future__ import annotations

from impactkit.planning.design import PanelDesign, panel_design, staggered_design
from impactkit.planning.diagnosing import diagnose
from impactkit.planning.diagnosis import Diagnosis
from impactkit.planning.lock_file import (
    LockedPlan,
    Reading,
    carry_over,
    now,
    plan_name,
    read_plan,
    readings,
    record_reading,
    write_plan,
)
from impactkit.planning.locking import Deviation, Standing, decided, standing
from impactkit.planning.matching import Assignment, Limits, Partner, assign
from impactkit.planning.performance import Performance
from impactkit.planning.precision import design_precision
from impactkit.planning.variances import Variances, estimate_variances, variances_from_icc

__all__ = [
    "Assignment",
    "Deviation",
    "Diagnosis",
    "Limits",
    "LockedPlan",
    "PanelDesign",
    "Partner",
    "Performance",
    "Reading",
    "Standing",
    "Variances",
    "assign",
    "carry_over",
    "decided",
    "design_precision",
    "diagnose",
    "estimate_variances",
    "now",
    "panel_design",
    "plan_name",
    "read_plan",
    "readings",
    "record_reading",
    "staggered_design",
    "standing",
    "variances_from_icc",
    "write_plan",
]
