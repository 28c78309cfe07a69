"""What partnerships cost, save and are worth, as metrics for impactkit.

Metrics are found through the entry point; import `impactkit_value.plugin` to see them.
"""

from __future__ import annotations

__version__ = "0.1.0"
