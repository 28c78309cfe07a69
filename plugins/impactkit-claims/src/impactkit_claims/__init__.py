"""Claims about partnerships, held to data, as metrics for impactkit.

Metrics are found through the entry point; import `impactkit_claims.plugin` to see them.
"""

from __future__ import annotations

__version__ = "0.1.0"
