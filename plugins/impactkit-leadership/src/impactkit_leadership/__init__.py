"""Leadership metrics for impactkit: who stays, who is promoted, who is appointed from within.

Metrics are found through the entry point; import `impactkit_leadership.plugin` to see them.
"""

from __future__ import annotations

__version__ = "0.1.0"
