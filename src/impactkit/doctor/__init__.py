"""The doctor: what is wrong with a study, before any effect is estimated.

`Case` is what it may look at, with outcomes of exposed school-years blanked; `examine` returns
facts and findings; `catalogue` lists every kind of finding. Thresholds are in `Thresholds`.
"""

from __future__ import annotations

from impactkit.doctor.case import Case
from impactkit.doctor.examine import Examination, catalogue, examine
from impactkit.doctor.finding import SECTIONS, SEVERITIES, Fact, Finding, Kind
from impactkit.doctor.noise import CohortNoise, cohort_noise
from impactkit.doctor.thresholds import Thresholds

__all__ = [
    "SECTIONS",
    "SEVERITIES",
    "Case",
    "CohortNoise",
    "Examination",
    "Fact",
    "Finding",
    "Kind",
    "Thresholds",
    "catalogue",
    "cohort_noise",
    "examine",
]
