"""Core's own tables, readers, measures, estimators and profiles, through everybody's hooks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from impactkit import __version__
from impactkit.declarations import DisclosureProfile, Estimator, Reader, TableSpec
from impactkit.hookspecs import hookimpl
from impactkit.types import Measure

if TYPE_CHECKING:
    from impactkit.plugins import Registry

OURS = ("did", "claims", "leadership", "governance", "partnership", "value", "pupils")
FIRST_PARTY = ("core", *OURS, *(f"impactkit-{name}" for name in OURS))
"""Plugins made and tested with core: their entry points, and their distributions."""


class CorePlugin:
    """The rooms of this package, declared."""

    @hookimpl
    def impactkit_tables(self) -> Iterable[TableSpec]:
        """Return the canonical tables."""
        from impactkit.tables import core_tables

        return core_tables()

    @hookimpl
    def impactkit_readers(self) -> Iterable[Reader]:
        """Return the readers of official extracts and plain tables."""
        from impactkit.readers import core_readers

        return core_readers()

    @hookimpl
    def impactkit_measures(self) -> Iterable[Measure]:
        """Return the measure registry."""
        from impactkit.readers import core_measures

        return core_measures()

    @hookimpl
    def impactkit_estimators(self) -> Iterable[Estimator]:
        """Return the estimators that a study may name."""
        return (
            Estimator(
                id="att_gt",
                title="Group-time average treatment effects",
                fit="impactkit.estimators:att_gt",
                source="Callaway & Sant'Anna (2021), Journal of Econometrics 225(2)",
            ),
        )

    @hookimpl
    def impactkit_disclosure_profiles(self) -> Iterable[DisclosureProfile]:
        """Return the disclosure profiles."""
        from impactkit.disclosure import core_profiles

        return core_profiles()


def default_registry(
    *,
    allow: Iterable[str] = (),
    deny: Iterable[str] = (),
    local: Path | None = None,
    allowed: Callable[[str, str], bool] = lambda _name, _digest: False,
) -> Registry:
    """Return core, the installed plugins and the allowed local metrics, in that order.

    ``IMPACTKIT_PLUGINS`` (names with commas between them) narrows the installed plugins further.
    """
    from impactkit.plugins import PluginInfo, Registry

    registry = Registry()
    registry.register(
        CorePlugin(), PluginInfo(name="core", version=__version__, source="impactkit itself")
    )
    named = {name.strip() for name in os.environ.get("IMPACTKIT_PLUGINS", "").split(",")} - {""}
    registry.load_installed(
        allow=set(allow) & named if allow and named else set(allow) or named, deny=deny
    )
    if local is not None:
        registry.load_local(local, allowed=allowed, deny=deny)
    return registry
