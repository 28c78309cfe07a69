"""What came of partnerships for pupils, as metrics for impactkit.

Metrics are found through the entry point; import `impactkit_pupils.plugin` to see them.
"""

from __future__ import annotations

__version__ = "0.1.0"
