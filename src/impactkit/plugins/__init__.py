"""Finding, filtering and loading plugins, each on its own, so that one can cost only itself.

Plugins are found by metadata (entry-point group ``impactkit``) without importing anything, filtered
by the study's allow and deny lists, then imported one by one. Files in ``local_metrics`` beside the
study are code: they run once their content has been allowed.
"""

from __future__ import annotations

from impactkit.plugins.guard import guarded, spare, words_of
from impactkit.plugins.info import SLOW_SECONDS, Origin, PluginInfo
from impactkit.plugins.judge import HOOKS
from impactkit.plugins.registry import KINDS, Registry

__all__ = [
    "HOOKS",
    "KINDS",
    "SLOW_SECONDS",
    "Origin",
    "PluginInfo",
    "Registry",
    "guarded",
    "spare",
    "words_of",
]
