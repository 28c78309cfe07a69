"""Variance, bands and tests from influence functions; multiplicity; clusters of partnerships."""

from __future__ import annotations
