"""Comparison groups beside those of the estimators themselves.

Empty for now: schools not yet or never treated are compared by `impactkit.estimators`. Pools that
share the trigger of a treatment, matching, weighting and balance belong here.
"""
