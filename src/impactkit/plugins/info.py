"""What is known of a plugin: where it came from, whether it is in use, and why not."""

from __future__ import annotations

import importlib.util
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Literal

import attrs

GROUP = "impactkit"
"""The entry-point group in which installed plugins are found."""

SLOW_SECONDS = 2.0

Status = Literal["loaded", "denied", "not allowed", "not found", "failed"]


@attrs.frozen(kw_only=True)
class Origin:
    """How to load a plugin, in this process or in another: an entry point, or a file's content.

    `module` is an entry point's value, ``package.module`` or ``package.module:attribute``. A local
    file is compiled from `content`, the very bytes whose hash was allowed, and is not read again.
    """

    module: str = ""
    path: Path | None = None
    content: bytes = attrs.field(default=b"", repr=False)

    def load(self) -> Any:
        """Import the plugin, whatever that may raise.

        Examples
        --------
        >>> Origin(module="math").load().__name__
        'math'
        """
        if self.path is None:
            return EntryPoint(name="plugin", value=self.module, group=GROUP).load()
        name = f"impactkit_local_{self.path.stem}"
        spec = importlib.util.spec_from_file_location(name, self.path)
        if spec is None:
            raise ImportError(f"{self.path.name} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        exec(compile(self.content, str(self.path), "exec"), module.__dict__)
        return module


@attrs.frozen(kw_only=True)
class PluginInfo:
    """One plugin: where it came from, whether it is in use, and why not.

    `first_party` plugins are made and tested with core. Others' metrics run in a worker process,
    loaded there anew from `origin`; what has no origin was added in Python and runs in this one.
    `requires` is the part of the plugin's own requirements that speaks of impactkit.
    """

    name: str
    version: str = ""
    source: str = ""
    status: Status = "loaded"
    reason: str = ""
    content_hash: str = ""
    local: bool = False
    first_party: bool = False
    requires: str = ""
    faults: tuple[str, ...] = ()
    origin: Origin | None = attrs.field(default=None, eq=False, repr=False)
    seconds: float = attrs.field(default=0.0, eq=False)

    @property
    def label(self) -> str:
        """The name with the version, for messages: ``kent 1.2``."""
        return f"{self.name} {self.version}".strip()

    @property
    def slow(self) -> str:
        """What to tell the author of a plugin that takes long to import; empty if it does not."""
        if self.seconds <= SLOW_SECONDS:
            return ""
        return f"importing it took {self.seconds:.1f} s; import heavy libraries inside functions"

    def to_plain(self) -> dict[str, str]:
        """Return what goes into ``evaluation.json``; times would differ between runs."""
        reason = "; ".join(part for part in (self.reason, *self.faults) if part)
        return {**self.identity(), "reason": reason}

    def identity(self) -> dict[str, str]:
        """Return what the plugin was before any data was read: what goes into the provenance."""
        return {
            "name": self.name,
            "version": self.version,
            "source": self.source,
            "status": self.status,
            "content_hash": self.content_hash,
            "local": "yes" if self.local else "",
        }
