"""Strength of evidence, regression to the mean, claims, and the systematic-evaluation rubric."""

from __future__ import annotations

from impactkit.evidence.grade import Facts, Grade, Rule, grade
from impactkit.evidence.shrinkage import Shrunken, shrink
from impactkit.evidence.theory import Link, Theory, headline

__all__ = [
    "Facts",
    "Grade",
    "Link",
    "Rule",
    "Shrunken",
    "Theory",
    "grade",
    "headline",
    "shrink",
]
