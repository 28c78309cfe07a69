"""Strength of evidence, regression to the mean, claims, and the systematic-evaluation rubric.

Nothing is graded yet: `Estimate.grade` is None, and the report's words are those of a study whose
evidence has not been graded.
"""
