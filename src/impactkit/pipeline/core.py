"""Core's own tables, readers, measures, estimators and profiles, through everybody's hooks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from impactkit import __version__
from impactkit.declarations import DisclosureProfile, Estimator, Reader, TableSpec
from impactkit.errors import PluginError
from impactkit.hookspecs import hookimpl
from impactkit.types import Measure

if TYPE_CHECKING:
    from impactkit.plugins import Registry
    from impactkit.study import Study

CORE = "core"
OURS = ("did", "claims", "leadership", "governance", "partnership", "value", "pupils")
RESERVED = {name: f"impactkit-{name}" for name in OURS}
"""Names of entry points that only these distributions may have: reports trust what they say."""

FIRST_PARTY = (CORE, *OURS)
"""Plugins made and tested with core."""


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
        from impactkit.tables import core_measures

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
    A name in any of the lists that no plugin has is noted among the plugins.
    """
    from impactkit.plugins import PluginInfo, Registry

    registry = Registry(vet={"profiles": _vet_profile})
    registry.register(
        CorePlugin(), PluginInfo(name=CORE, version=__version__, source="impactkit itself")
    )
    allow, deny = set(allow), set(deny)
    named = {name.strip() for name in os.environ.get("IMPACTKIT_PLUGINS", "").split(",")} - {""}
    # Two lists with no name in common leave core, and not everything, as no list at all does.
    narrowed = (allow & named or {CORE}) if allow and named else allow or named
    registry.load_installed(allow=narrowed, deny=deny, reserved=RESERVED)
    if local is not None:
        registry.load_local(local, allowed=allowed, deny=deny)
    registry.miss(
        {
            **dict.fromkeys(named, "named in IMPACTKIT_PLUGINS"),
            **dict.fromkeys(allow, "named in the allow list"),
            **dict.fromkeys(deny, "named in the deny list"),
        }
    )
    return registry


def registry_for(study: Study, *, allow_local: bool = False) -> Registry:
    """Return the plugins that a study uses, filtered by its lists, with its local metrics."""
    from impactkit.trust import allow, is_allowed

    def allowed(name: str, digest: str) -> bool:
        if allow_local:
            allow(digest, name)
        return allow_local or is_allowed(digest)

    return default_registry(
        allow=study.plugins_allow,
        deny=study.plugins_deny,
        local=study.folder / "local_metrics" if study.folder is not None else None,
        allowed=allowed,
    )


def _vet_profile(profile: DisclosureProfile) -> None:
    """Refuse a plugin's profile that protects less than every profile of core.

    Raises
    ------
    PluginError
        With the rules that it loosens, beside those of the default.
    """
    from impactkit.disclosure import check_stricter, core_profiles

    refusals = []
    for base in core_profiles():
        try:
            check_stricter(profile, base)
        except PluginError as error:
            refusals.append(error)
    if len(refusals) == len(core_profiles()):
        raise refusals[0]
