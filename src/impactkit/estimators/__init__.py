"""Estimators: functions on polars frames, one family a file, results that print and convert."""

from __future__ import annotations

from impactkit.estimators.aggregation import Aggregation
from impactkit.estimators.att_gt import AttGt, att_gt
from impactkit.estimators.bacon import BaconDecomposition, bacon_decomposition
from impactkit.estimators.cohort_effects import CohortEffects
from impactkit.estimators.did_2x2 import did_2x2
from impactkit.estimators.effect_sizes import EffectSize, glass_delta, hedges_g, icc, icc_from_sums
from impactkit.estimators.etwfe import etwfe
from impactkit.estimators.event_study import event_study
from impactkit.estimators.log_rank import LogRank, log_rank
from impactkit.estimators.months import Months, months_of_progress, pupils_equivalent
from impactkit.estimators.power import Precision, Sensitivity, minimum_detectable_effect, power
from impactkit.estimators.power_designs import ClusterDesign, DidDesign
from impactkit.estimators.proportions import cox_index, risk_difference
from impactkit.estimators.regression import Regression
from impactkit.estimators.stacked import stacked
from impactkit.estimators.sun_abraham import sun_abraham
from impactkit.estimators.survival import Survival, aalen_johansen, kaplan_meier
from impactkit.estimators.triple_difference import triple_difference
from impactkit.estimators.wild_cluster_bootstrap import WildBootstrap, wild_cluster_bootstrap

__all__ = [
    "Aggregation",
    "AttGt",
    "BaconDecomposition",
    "ClusterDesign",
    "CohortEffects",
    "DidDesign",
    "EffectSize",
    "LogRank",
    "Months",
    "Precision",
    "Regression",
    "Sensitivity",
    "Survival",
    "WildBootstrap",
    "aalen_johansen",
    "att_gt",
    "bacon_decomposition",
    "cox_index",
    "did_2x2",
    "etwfe",
    "event_study",
    "glass_delta",
    "hedges_g",
    "icc",
    "icc_from_sums",
    "kaplan_meier",
    "log_rank",
    "minimum_detectable_effect",
    "months_of_progress",
    "power",
    "pupils_equivalent",
    "risk_difference",
    "stacked",
    "sun_abraham",
    "triple_difference",
    "wild_cluster_bootstrap",
]
