"""Comparison groups: who is a fair comparison, how much each counts, and how alike they are.

Every function takes a frame of one row a school and returns a `ComparisonGroup` (or a balance
table), so they can be chained: pool, leave out the contaminated, score, trim, match or weight,
check balance, and hand the weights to an estimator.

Schools not yet or never treated are compared by `impactkit.estimators` without any of this.
"""

from __future__ import annotations

from impactkit.comparison.balance import Balance, BalanceTable, balance_table
from impactkit.comparison.contamination import donut, outside_partnerships, outside_trusts
from impactkit.comparison.entropy import entropy_balance
from impactkit.comparison.group import ComparisonGroup
from impactkit.comparison.matching import nearest_neighbour
from impactkit.comparison.pools import same_trigger_pool
from impactkit.comparison.propensity import propensity
from impactkit.comparison.trimming import trim_overlap

__all__ = [
    "Balance",
    "BalanceTable",
    "ComparisonGroup",
    "balance_table",
    "donut",
    "entropy_balance",
    "nearest_neighbour",
    "outside_partnerships",
    "outside_trusts",
    "propensity",
    "same_trigger_pool",
    "trim_overlap",
]
