"""What is there to be used, and which plugin it comes from."""

from __future__ import annotations

import copy
import inspect
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pluggy

from impactkit import hookspecs
from impactkit.declarations import (
    DataCheck,
    DisclosureProfile,
    Estimator,
    Metric,
    Reader,
    Section,
    Source,
    TableSpec,
)
from impactkit.errors import DuplicateError, PluginError, did_you_mean
from impactkit.plugins import find
from impactkit.plugins.guard import guarded, spare, words_of
from impactkit.plugins.info import PluginInfo
from impactkit.plugins.isolated import isolated
from impactkit.plugins.judge import HOOKS, bare, misspelt, settings_fault, unfit
from impactkit.plugins.tablespecs import extended, extension_faults, spec_faults
from impactkit.types import Measure

KINDS: Mapping[str, tuple[str, type, str]] = {
    "tables": ("impactkit_tables", TableSpec, "name"),
    "measures": ("impactkit_measures", Measure, "id"),
    "readers": ("impactkit_readers", Reader, "id"),
    "sources": ("impactkit_sources", Source, "scheme"),
    "metrics": ("impactkit_metrics", Metric, "id"),
    "estimators": ("impactkit_estimators", Estimator, "id"),
    "checks": ("impactkit_checks", DataCheck, "id"),
    "profiles": ("impactkit_disclosure_profiles", DisclosureProfile, "id"),
}
"""What a plugin can declare: the hook, the class that it returns, and the field that names it."""

LOAD_SECONDS = 60.0
"""How long a plugin may take to be imported, and each of its hooks to answer."""

CORE = "core"
"""The one plugin whose exceptions are faults of ours."""

Vet = Callable[[Any], None]


class _Manager(pluggy.PluginManager):
    """Takes every function named ``impactkit_*`` as a hook, with or without the marker."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        options = super().parse_hookimpl_opts(plugin, name)
        if options is None and name in HOOKS and inspect.isroutine(getattr(plugin, name, None)):
            return {}
        return options


class Registry:
    """What is there to be used: declarations by kind and id, and the plugins they come from.

    Parameters
    ----------
    vet
        By kind, what else a plugin's declaration must pass; it raises `PluginError`.
    seconds
        How long a plugin may take to be imported, and each of its hooks to answer.

    Examples
    --------
    >>> registry = Registry()
    >>> registry.add(Metric(id="kent.size", title="Size", compute=len), plugin="kent")
    >>> registry.metrics["kent.size"].title
    'Size'
    """

    def __init__(
        self, *, vet: Mapping[str, Vet] | None = None, seconds: float = LOAD_SECONDS
    ) -> None:
        self._manager = _Manager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._infos: dict[str, PluginInfo] = {}
        self._declared: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
        self._owner: dict[tuple[str, str], str] = {}
        self._vet = dict(vet or {})
        self._seconds = seconds

    def copy(self) -> Registry:
        """Return a registry with the same declarations, to add to without changing this one."""
        other = Registry(vet=self._vet, seconds=self._seconds)
        other._manager = self._manager
        other._infos, other._owner = dict(self._infos), dict(self._owner)
        other._declared = {kind: dict(found) for kind, found in self._declared.items()}
        return other

    # --- what is there -----------------------------------------------------------------------

    @property
    def plugins(self) -> tuple[PluginInfo, ...]:
        """Every plugin that was found, used or not, in the order of loading."""
        return tuple(self._infos.values())

    @property
    def tables(self) -> Mapping[str, TableSpec]:
        """Tables by name."""
        return self._declared["tables"]

    @property
    def measures(self) -> Mapping[str, Measure]:
        """Measures by id."""
        return self._declared["measures"]

    @property
    def readers(self) -> Mapping[str, Reader]:
        """Readers by id."""
        return self._declared["readers"]

    @property
    def sources(self) -> Mapping[str, Source]:
        """Engines by scheme."""
        return self._declared["sources"]

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Metrics by id."""
        return self._declared["metrics"]

    @property
    def estimators(self) -> Mapping[str, Estimator]:
        """Estimators by id."""
        return self._declared["estimators"]

    @property
    def checks(self) -> Mapping[str, DataCheck]:
        """Checks by id."""
        return self._declared["checks"]

    @property
    def profiles(self) -> Mapping[str, DisclosureProfile]:
        """Disclosure profiles by id."""
        return self._declared["profiles"]

    def owner(self, kind: str, name: str) -> PluginInfo:
        """Return who declared something, as in ``registry.owner("metrics", "did.effect")``."""
        return self._infos[self._owner[kind, name]]

    # --- how it comes in ---------------------------------------------------------------------

    def add(self, declaration: Any, *, plugin: str = "in memory") -> None:
        """Add one declaration made in Python.

        Raises
        ------
        DuplicateError
            When the id is taken; the message names both sources.
        PluginError
            When it is not what it must be.
        """
        self._infos.setdefault(plugin, PluginInfo(name=plugin, source="added in Python"))
        for kind, (_, cls, _) in KINDS.items():
            if isinstance(declaration, cls):
                for fault in self._declare(kind, declaration, plugin):
                    taken = "is declared twice" in fault
                    raise DuplicateError(fault) if taken else PluginError(fault)
                return
        raise TypeError(f"{type(declaration).__name__} is not something that a plugin declares")

    def register(self, plugin: object, info: PluginInfo) -> PluginInfo:
        """Take in a loaded plugin: check its hooks, collect its declarations, note every fault."""
        if info.name in self._infos:
            both = f"{self._infos[info.name].source} and {info.source}"
            info = attrs.evolve(
                info,
                name=f"{info.name} (second)",
                status="failed",
                reason=f"plugins of the same name, {info.name!r}: {both}; remove either",
            )
            return self._note(info)
        if reason := unfit(info, getattr(plugin, "requires_impactkit", "")):
            return self._note(attrs.evolve(info, status="failed", reason=reason))
        self._note(info)
        faults = [
            f"there is no hook {name!r}. {did_you_mean(name, HOOKS)}" for name in misspelt(plugin)
        ]
        try:
            # pluggy warns of arguments that a later version will no longer give.
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                self._manager.register(plugin, name=info.name)
        except (pluggy.PluginValidationError, ValueError) as error:
            reason = " ".join(str(error).split())
            return self._note(
                attrs.evolve(info, status="failed", reason=reason, faults=tuple(faults))
            )
        faults += [" ".join(str(warning.message).split()) for warning in told]
        for kind, (hook, cls, _) in KINDS.items():
            faults += self._collect(plugin, info.name, kind, hook, cls)
        faults = [*self._infos[info.name].faults, *faults]
        return self._note(attrs.evolve(self._infos[info.name], faults=tuple(faults)))

    def blame(self, plugin: str, fault: str) -> None:
        """Note a fault that a plugin showed during a run; the same one is noted once."""
        info = self._infos[plugin]
        if fault not in info.faults:
            self._note(attrs.evolve(info, faults=(*info.faults, fault)))

    def _note(self, info: PluginInfo) -> PluginInfo:
        self._infos[info.name] = info
        return info

    def _collect(self, plugin: object, name: str, kind: str, hook: str, cls: type) -> Iterator[str]:
        declare = getattr(plugin, hook, None)
        if declare is None:
            found = bare(plugin, cls)
        else:
            try:
                with guarded(self._seconds) as seen:
                    found = list(declare() or ())
            except BaseException as error:
                spare(error)
                yield f"{hook} raised {words_of(error)}"
                return
            yield from (f"{hook}: {fault}" for fault in seen.faults)
            yield from (f"{hook} replaced {what}, which was put back" for what in seen.patched)
        for declaration in found:
            if not isinstance(declaration, cls):
                yield f"{hook} returned a {type(declaration).__name__}, not a {cls.__name__}"
            else:
                yield from self._declare(kind, declaration, name)

    def _declare(self, kind: str, declaration: Any, plugin: str) -> list[str]:
        """File one declaration; return what is wrong with it, or nothing."""
        name, info = getattr(declaration, KINDS[kind][2]), self._infos[plugin]
        if faults := list(self._faults(kind, declaration, info)):
            return faults
        if plugin != CORE:
            declaration = isolated(declaration, info, self.blame, self._seconds)
        if kind == "tables" and declaration.extends:
            base = self._declared[kind][declaration.extends]
            self._declared[kind][base.name] = extended(base, declaration)
            return []
        self._declared[kind][name] = declaration
        self._owner[kind, name] = plugin
        return []

    def _faults(self, kind: str, declaration: Any, info: PluginInfo) -> Iterator[str]:
        name = getattr(declaration, KINDS[kind][2])
        if name in self._declared[kind]:
            first = self._infos[self._owner[kind, name]]
            yield (
                f"{kind.removesuffix('s')} {name!r} is declared twice, by {first.name} "
                f"({first.source}) and by {info.name} ({info.source}); "
                "the first is used: rename the second"
            )
        if isinstance(declaration, TableSpec):
            yield from spec_faults(declaration)
            if declaration.extends:
                yield from extension_faults(declaration, self.tables)
        for field in ("params", "options"):
            if fault := settings_fault(getattr(declaration, field, None)):
                yield f"{kind.removesuffix('s')} {name!r}: its `{field}` {fault}"
        if kind in self._vet and info.name != CORE:
            try:
                self._vet[kind](declaration)
            except PluginError as error:
                yield str(error)

    # --- hooks that are called during a run ---------------------------------------------------

    def sections(self, evaluation: Any) -> Iterator[tuple[PluginInfo, Section | None, str]]:
        """Ask each plugin for its report sections; yield (plugin, section, fault).

        Others' plugins are given a copy: they describe the evaluation, and cannot change it.
        """
        for info, implementation in self._implementations("impactkit_report_sections"):
            try:
                given = evaluation if info.first_party else copy.deepcopy(evaluation)
                with guarded(self._seconds) as seen:
                    found = list(implementation(evaluation=given) or ())
            except BaseException as error:
                spare(error)
                yield info, None, f"impactkit_report_sections raised {words_of(error)}"
                continue
            yield from ((info, section, "") for section in found)
            yield from (
                (info, None, f"impactkit_report_sections: {fault}") for fault in seen.faults
            )

    def tell(self, hook: str, **arguments: Any) -> Iterator[tuple[PluginInfo, str]]:
        """Tell every plugin that something begins or ends; yield the faults of those that raise."""
        for info, implementation in self._implementations(hook):
            try:
                with guarded(self._seconds) as seen:
                    implementation(**arguments)
            except BaseException as error:
                spare(error)
                yield info, f"{hook} raised {words_of(error)}"
            else:
                yield from ((info, f"{hook}: {fault}") for fault in seen.faults)

    def listens(self, hook: str) -> bool:
        """Tell whether any plugin has this hook."""
        return any(True for _ in self._implementations(hook))

    def _implementations(self, hook: str) -> Iterator[tuple[PluginInfo, Callable[..., Any]]]:
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            # pluggy before 1.7 keeps the hooks of a refused plugin that precede the faulty one.
            if self._infos[implementation.plugin_name].status != "loaded":
                continue
            taken = implementation.argnames

            def call(
                _run: Callable[..., Any] = implementation.function,
                _taken: Iterable[str] = taken,
                **arguments: Any,
            ) -> Any:
                return _run(**{name: arguments[name] for name in _taken})

            yield self._infos[implementation.plugin_name], call

    # --- where plugins come from --------------------------------------------------------------

    def load_installed(
        self,
        *,
        allow: Iterable[str] = (),
        deny: Iterable[str] = (),
        reserved: Mapping[str, str] | None = None,
    ) -> None:
        """Find installed plugins by metadata, filter them, and load the rest one by one.

        `reserved` maps names of entry points to the only distributions that may have them.
        """
        for info in find.installed(allow=allow, deny=deny, reserved=reserved or {}):
            self._load(info)

    def load_local(
        self, folder: Path, *, allowed: Callable[[str, str], bool], deny: Iterable[str] = ()
    ) -> None:
        """Load ``folder/*.py`` whose content is allowed: ``allowed(file name, sha256)``."""
        for info in find.local_files(folder, allowed=allowed, deny=deny):
            self._load(info)

    def miss(self, names: Mapping[str, str]) -> None:
        """Note the names of a list (name: which list) that no plugin has."""
        for info in list(find.not_found(names, self.plugins)):
            self._note(info)

    def _load(self, info: PluginInfo) -> None:
        """Import one plugin that has no reason against it, and register it."""
        if not info.reason:
            reason = unfit(info, info.requires)
            info = attrs.evolve(info, status="failed", reason=reason) if reason else info
        if info.reason or info.origin is None:
            self._note(info)
            return
        begun = time.monotonic()
        try:
            with guarded(self._seconds) as seen:
                plugin = info.origin.load()
        except BaseException as error:
            spare(error)
            reason = f"importing it raised {words_of(error)}"
            self._note(attrs.evolve(info, status="failed", reason=reason))
            return
        if seen.patched:
            reason = f"importing it replaced {', '.join(seen.patched)}, which others rely upon"
            self._note(attrs.evolve(info, status="failed", reason=f"{reason}; it was put back"))
            return
        module = info.origin.module.partition(":")[0]
        info = attrs.evolve(
            info,
            content_hash=info.content_hash or find.content_hash(module),
            faults=tuple(f"importing it: {fault}" for fault in seen.faults),
            seconds=time.monotonic() - begun,
        )
        self.register(plugin, info)
