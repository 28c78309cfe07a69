"""`show metrics` lists every founding claim with the metric that measures it."""

from __future__ import annotations

import re

FEATURES = {46, 47, 49}
"""A theory of change, pictures without ranks, and break lines: parts of the report, no metrics."""

NOT_THERE = {18, 19}
"""Numbers that the catalogue of claims does not use."""


def test_every_claim_has_one_metric(impactkit):
    """Forty-five metrics, each with the number of its claim, none of them twice."""
    lines = [line for line in impactkit("show", "metrics").out.splitlines() if "(claim" in line]
    claims = [int(re.search(r"\(claim M(\d\d)\)$", line)[1]) for line in lines]
    assert len(claims) == len(set(claims)) == 45
    assert set(claims) == set(range(1, 51)) - FEATURES - NOT_THERE
