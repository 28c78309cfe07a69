"""Whether a plugin, and what it declares, will do: each fault in its author's terms."""

from __future__ import annotations

import inspect
from typing import Any

import attrs

from impactkit import __version__, hookspecs
from impactkit.plugins.info import PluginInfo
from impactkit.plugins.versions import satisfies

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("impactkit_"))


def unfit(info: PluginInfo, requires: str) -> str:
    """Return why a plugin does not go with this version of impactkit, or nothing."""
    try:
        fits = satisfies(__version__, requires)
    except (ValueError, TypeError, AttributeError):
        return f"`requires_impactkit` is {requires!r}; write it like '>=0.1,<0.2'"
    if fits:
        return ""
    remedy = f"install another version of {info.name}, or of impactkit"
    return f"it needs impactkit {requires}, and this is {__version__}; {remedy}"


def settings_fault(cls: Any) -> str:
    """Return what is wrong with a class that a study file is to fill, or nothing."""
    if cls is None:
        return ""
    if not attrs.has(cls):
        return "must be an attrs class: put @attrs.frozen above it"
    try:
        attrs.resolve_types(cls)
    except NameError as error:
        return f"has a type that cannot be found: {error}"
    return ""


def misspelt(plugin: object) -> list[str]:
    """Functions that were meant as hooks, by their name or their marker, and are none."""
    routines = inspect.getmembers(plugin, inspect.isroutine)
    return [
        name
        for name, routine in routines
        if name not in HOOKS
        and (name.startswith("impactkit_") or hasattr(routine, f"{hookspecs.PROJECT}_impl"))
    ]


def bare(plugin: object, cls: type) -> list[Any]:
    """Return what stands at the top of a module without a hook: what a local file looks like."""
    found = [value for value in getattr(plugin, "__dict__", {}).values() if isinstance(value, cls)]
    return list({id(value): value for value in found}.values())
