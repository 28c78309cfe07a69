"""Variance, bands and tests from influence functions; few clusters; multiplicity; intervals."""

from __future__ import annotations

from impactkit.inference.few_clusters import Choice, Thresholds, choose_inference
from impactkit.inference.randomisation import Randomisation, randomisation_inference
from impactkit.inference.romano_wolf import romano_wolf

__all__ = [
    "Choice",
    "Randomisation",
    "Thresholds",
    "choose_inference",
    "randomisation_inference",
    "romano_wolf",
]
