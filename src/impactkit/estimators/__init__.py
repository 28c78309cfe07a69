"""Estimators: functions on polars frames, one family a file, results that print and convert."""

from __future__ import annotations

from impactkit.estimators.aggregation import Aggregation
from impactkit.estimators.att_gt import AttGt, att_gt

__all__ = ["Aggregation", "AttGt", "att_gt"]
