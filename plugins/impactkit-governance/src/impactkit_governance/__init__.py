"""Governance metrics for impactkit: how often governing boards work together.

Metrics are found through the entry point; import `impactkit_governance.plugin` to see them.
"""

from __future__ import annotations

__version__ = "0.1.0"
