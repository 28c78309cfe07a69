"""Metrics for impactkit of how partnerships work: evaluation, agreements, barriers, needs, reach.

Metrics are found through the entry point; import `impactkit_partnership.plugin` to see them.
"""

from __future__ import annotations

__version__ = "0.1.0"
