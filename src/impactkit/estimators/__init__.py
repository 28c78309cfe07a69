"""Estimators: functions on polars frames, one family a file, results that print and convert."""

from __future__ import annotations

from impactkit.estimators.aggregation import Aggregation
from impactkit.estimators.agreement import Kappa, cohen_kappa
from impactkit.estimators.att_gt import AttGt, att_gt
from impactkit.estimators.bacon import BaconDecomposition, bacon_decomposition
from impactkit.estimators.cohort_effects import CohortEffects
from impactkit.estimators.did_2x2 import did_2x2
from impactkit.estimators.effect_sizes import EffectSize, glass_delta, hedges_g, icc, icc_from_sums
from impactkit.estimators.etwfe import etwfe
from impactkit.estimators.event_coefficients import EventCoefficients
from impactkit.estimators.event_study import event_study
from impactkit.estimators.honest_did import HonestDid, honest_did
from impactkit.estimators.imputation import Imputation, imputation
from impactkit.estimators.log_rank import LogRank, log_rank
from impactkit.estimators.months import Months, months_of_progress, pupils_equivalent
from impactkit.estimators.placebo import (
    LeaveOneOut,
    Placebo,
    leave_one_out,
    placebo_in_space,
    placebo_in_time,
)
from impactkit.estimators.power import Precision, Sensitivity, minimum_detectable_effect, power
from impactkit.estimators.power_designs import ClusterDesign, DidDesign
from impactkit.estimators.pretrends_power import PretrendsPower, pretrends_power
from impactkit.estimators.proportions import cox_index, risk_difference
from impactkit.estimators.regression import Regression
from impactkit.estimators.scales import (
    PairedChange,
    cronbach_alpha,
    mcdonald_omega,
    paired_change,
    response_bounds,
)
from impactkit.estimators.stacked import stacked
from impactkit.estimators.sun_abraham import sun_abraham
from impactkit.estimators.survival import Survival, aalen_johansen, kaplan_meier
from impactkit.estimators.synthetic_control import synthetic_control
from impactkit.estimators.synthetic_did import synthetic_did
from impactkit.estimators.synthetic_result import Synthetic
from impactkit.estimators.triple_difference import triple_difference
from impactkit.estimators.two_stage import two_stage
from impactkit.estimators.wild_cluster_bootstrap import WildBootstrap, wild_cluster_bootstrap

__all__ = [
    "Aggregation",
    "AttGt",
    "BaconDecomposition",
    "ClusterDesign",
    "CohortEffects",
    "DidDesign",
    "EffectSize",
    "EventCoefficients",
    "HonestDid",
    "Imputation",
    "Kappa",
    "LeaveOneOut",
    "LogRank",
    "Months",
    "PairedChange",
    "Placebo",
    "Precision",
    "PretrendsPower",
    "Regression",
    "Sensitivity",
    "Survival",
    "Synthetic",
    "WildBootstrap",
    "aalen_johansen",
    "att_gt",
    "bacon_decomposition",
    "cohen_kappa",
    "cox_index",
    "cronbach_alpha",
    "did_2x2",
    "etwfe",
    "event_study",
    "glass_delta",
    "hedges_g",
    "honest_did",
    "icc",
    "icc_from_sums",
    "imputation",
    "kaplan_meier",
    "leave_one_out",
    "log_rank",
    "mcdonald_omega",
    "minimum_detectable_effect",
    "months_of_progress",
    "paired_change",
    "placebo_in_space",
    "placebo_in_time",
    "power",
    "pretrends_power",
    "pupils_equivalent",
    "response_bounds",
    "risk_difference",
    "stacked",
    "sun_abraham",
    "synthetic_control",
    "synthetic_did",
    "triple_difference",
    "two_stage",
    "wild_cluster_bootstrap",
]
