"""The fixtures of the kit, as its entry point gives them to whoever installs impactkit."""

from __future__ import annotations

from impactkit.testing.fixtures import impactkit_context, impactkit_county, impactkit_run

__all__ = ["impactkit_context", "impactkit_county", "impactkit_run"]
