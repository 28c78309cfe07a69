"""Finding, filtering and loading plugins, each on its own, so that one can cost only itself.

Plugins are found by metadata (entry-point group ``impactkit``) without importing anything, filtered
by the study's allow and deny lists, then imported one by one. Files in ``local_metrics`` beside the
study are code: they run once their content has been allowed.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import inspect
import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

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
from impactkit.errors import did_you_mean
from impactkit.types import Measure

GROUP = "impactkit"
SLOW_SECONDS = 2.0
HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("impactkit_"))
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

Status = Literal["loaded", "denied", "not allowed", "failed"]


@attrs.frozen(kw_only=True)
class PluginInfo:
    """One plugin: where it came from, whether it is in use, and why not."""

    name: str
    version: str = ""
    source: str = ""
    status: Status = "loaded"
    reason: str = ""
    content_hash: str = ""
    local: bool = False
    faults: tuple[str, ...] = ()
    seconds: float = attrs.field(default=0.0, eq=False)

    @property
    def slow(self) -> str:
        """What to tell the author of a plugin that takes long to import; empty if it does not."""
        if self.seconds <= SLOW_SECONDS:
            return ""
        return f"importing it took {self.seconds:.1f} s; import heavy libraries inside functions"

    def to_plain(self) -> dict[str, str]:
        """Return what goes into ``evaluation.json``; times would differ between runs."""
        return {
            "name": self.name,
            "version": self.version,
            "source": self.source,
            "status": self.status,
            "reason": "; ".join(part for part in (self.reason, *self.faults) if part),
            "content_hash": self.content_hash,
            "local": "yes" if self.local else "",
        }


class _Manager(pluggy.PluginManager):
    """Takes every function named ``impactkit_*`` as a hook, with or without the marker."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        options = super().parse_hookimpl_opts(plugin, name)
        if options is None and name in HOOKS and inspect.isroutine(getattr(plugin, name, None)):
            return {}
        return options


class Registry:
    """What is there to be used: declarations by kind and id, and the plugins they come from.

    Examples
    --------
    >>> registry = Registry()
    >>> registry.add(Metric(id="kent.size", title="Size", compute=len), plugin="kent")
    >>> registry.metrics["kent.size"].title
    'Size'
    """

    def __init__(self) -> None:
        self._manager = _Manager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._infos: dict[str, PluginInfo] = {}
        self._declared: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
        self._owner: dict[tuple[str, str], str] = {}

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
        ValueError
            When the id is taken; the message names both sources.
        """
        self._infos.setdefault(plugin, PluginInfo(name=plugin, source="added in Python"))
        for kind, (_, cls, _) in KINDS.items():
            if isinstance(declaration, cls):
                fault = self._declare(kind, declaration, plugin)
                if fault:
                    raise ValueError(fault)
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
                reason=f"two plugins are called {info.name!r}: {both}; remove one",
            )
            return self._note(info)
        self._note(info)
        faults = [
            f"there is no hook {name!r}. {did_you_mean(name, HOOKS)}" for name in _misspelt(plugin)
        ]
        try:
            self._manager.register(plugin, name=info.name)
        except (pluggy.PluginValidationError, ValueError) as error:
            reason = " ".join(str(error).split())
            return self._note(
                attrs.evolve(info, status="failed", reason=reason, faults=tuple(faults))
            )
        for kind, (hook, cls, _) in KINDS.items():
            faults += self._collect(plugin, info.name, kind, hook, cls)
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
            found = _bare_metrics(plugin) if kind == "metrics" else []
        else:
            try:
                with quiet():
                    found = list(declare() or ())
            except BaseException as error:
                spare(error)
                yield f"{hook} raised {words_of(error)}"
                return
        for declaration in found:
            if not isinstance(declaration, cls):
                yield f"{hook} returned a {type(declaration).__name__}, not a {cls.__name__}"
            elif fault := self._declare(kind, declaration, name):
                yield fault

    def _declare(self, kind: str, declaration: Any, plugin: str) -> str:
        """File one declaration; return what is wrong with it, or nothing."""
        name = getattr(declaration, KINDS[kind][2])
        singular = kind.removesuffix("s")
        if name in self._declared[kind]:
            first = self._infos[self._owner[kind, name]]
            second = self._infos[plugin]
            return (
                f"{singular} {name!r} is declared twice, by {first.name} ({first.source}) and by "
                f"{second.name} ({second.source}); the first is used: rename the second"
            )
        self._declared[kind][name] = declaration
        self._owner[kind, name] = plugin
        return ""

    # --- hooks that are called during a run ---------------------------------------------------

    def sections(self, evaluation: Any) -> Iterator[tuple[PluginInfo, Section | None, str]]:
        """Ask each plugin for its report sections; yield (plugin, section, fault)."""
        for info, implementation in self._implementations("impactkit_report_sections"):
            try:
                with quiet():
                    found = list(implementation(evaluation=evaluation) or ())
            except BaseException as error:
                spare(error)
                yield info, None, f"impactkit_report_sections raised {words_of(error)}"
                continue
            yield from ((info, section, "") for section in found)

    def tell(self, hook: str, **arguments: Any) -> Iterator[tuple[PluginInfo, str]]:
        """Tell every plugin that something begins or ends; yield the faults of those that raise."""
        for info, implementation in self._implementations(hook):
            try:
                with quiet():
                    implementation(**arguments)
            except BaseException as error:
                spare(error)
                yield info, f"{hook} raised {words_of(error)}"

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

    def load_installed(self, *, allow: Iterable[str] = (), deny: Iterable[str] = ()) -> None:
        """Find installed plugins by metadata, filter them, and load the rest one by one."""
        from importlib.metadata import entry_points

        allow, deny = set(allow), set(deny)
        for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name):
            distribution = entry.dist.name if entry.dist else "an unknown distribution"
            info = PluginInfo(
                name=entry.name,
                version=entry.dist.version if entry.dist else "",
                source=f"installed, {distribution}",
            )
            if entry.name in deny or (allow and entry.name not in allow):
                how = "named in the deny list" if entry.name in deny else "not in the allow list"
                self._note(attrs.evolve(info, status="denied", reason=how))
                continue
            self._load(info, entry.load, entry.value.partition(":")[0])

    def load_local(
        self, folder: Path, *, allowed: Callable[[str, str], bool], deny: Iterable[str] = ()
    ) -> None:
        """Load ``folder/*.py`` whose content is allowed: ``allowed(file name, sha256)``."""
        deny = set(deny)
        for path in sorted(folder.glob("*.py")):
            if path.name.startswith(("_", "test_", "conftest")) or not path.is_file():
                continue
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            info = PluginInfo(
                name=f"local:{path.stem}",
                version=digest[:12],
                source=f"local file {folder.name}/{path.name}",
                content_hash=digest,
                local=True,
            )
            if path.stem in deny or info.name in deny:
                self._note(attrs.evolve(info, status="denied", reason="named in the deny list"))
            elif not allowed(path.name, digest):
                reason = "its content has not been allowed; read it, then run with --allow-local"
                self._note(attrs.evolve(info, status="not allowed", reason=reason))
            else:
                self._load(info, functools.partial(_import_file, path, content))

    def _load(self, info: PluginInfo, load: Callable[[], Any], module: str = "") -> None:
        begun = time.process_time()
        try:
            with quiet():
                plugin = load()
        except BaseException as error:
            spare(error)
            self._note(
                attrs.evolve(info, status="failed", reason=f"importing it raised {words_of(error)}")
            )
            return
        seconds = time.process_time() - begun
        if not info.content_hash:
            info = attrs.evolve(info, content_hash=_hash_of(plugin, module))
        self.register(plugin, attrs.evolve(info, seconds=seconds))


def _misspelt(plugin: object) -> list[str]:
    """Functions that were meant as hooks, by their name or their marker, and are none."""
    routines = inspect.getmembers(plugin, inspect.isroutine)
    return [
        name
        for name, routine in routines
        if name not in HOOKS
        and (name.startswith("impactkit_") or hasattr(routine, f"{hookspecs.PROJECT}_impl"))
    ]


def _bare_metrics(plugin: object) -> list[Metric]:
    """Metrics standing at the top of a module that declares none: what a local file looks like."""
    return [value for value in vars(plugin).values() if isinstance(value, Metric)]


def _import_file(path: Path, content: bytes) -> Any:
    name = f"impactkit_local_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # Compiled from the very bytes whose hash was allowed, not read from the disk a second time.
    exec(compile(content, str(path), "exec"), module.__dict__)
    return module


def _hash_of(plugin: object, module: str) -> str:
    """Hash the plugin's own package, so that a result can say which code made it."""
    found = sys.modules.get(module) or plugin
    file = getattr(found, "__file__", None)
    if not file:
        return ""
    root = Path(file).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def spare(error: BaseException) -> None:
    """Raise again what is no fault of a plugin: the user who stops the run.

    Everything else is the plugin's, `SystemExit` and a panic inside polars among it; neither is an
    `Exception`.
    """
    if isinstance(error, KeyboardInterrupt):
        raise error


def words_of(error: BaseException) -> str:
    """Name an exception and where it was raised, in one line."""
    frames = inspect.getinnerframes(error.__traceback__) if error.__traceback__ else []
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}{': ' + text if text else ''}{where}"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what a plugin prints out of our standard output, which a program may be reading."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
